"""Local response normalisation as the first networks on two GPUs had it."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.channelnorm import Norm
from shapecalc.ops.kinds import NUMBER, POSITIVE
from shapecalc.ops.op import AT_LEAST_ZERO, NO_WEIGHTS, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class CrossMapLRN2d(Norm):
    """Each value divided by a power of the mean square over neighbouring channels, as LocalResponseNorm.

    Sizes: the input's, [N, C, H, W].
    Cost: no parameters; training keeps the input, the output, and one more tensor of their size out of autograd's
        sight, which is not counted.
    Pitfalls: torch's running sum never drops channel 0, so every channel depends on it and the field of view names
        all channels; LocalResponseNorm takes the neighbours alone. An even size looks one channel further back.
    Torch: torch.nn.CrossMapLRN2d.
    """

    ranks = (4,)
    attributes = (
        Attribute("size", POSITIVE, doc="neighbouring channels that are taken together", main=True, lead=True),
        Attribute("alpha", NUMBER, 0.0001, "factor of the mean square"),
        Attribute("beta", NUMBER, 0.75, "the power"),
        Attribute("k", NUMBER, 1, "added to the mean square"),
    )

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((CHANNELS, xs[0][1] - 1, 1),)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, ALL if a == 1 else POINT) for a in range(4)),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("output"))

    @classmethod
    def samples(cls) -> Any:
        return [({"size": 5}, ((2, 7, 5, 4),)), ({"size": 2, "k": 2}, ((1, 6, 3, 5),)), ({"size": 9}, ((2, 3, 2, 2),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Squares, a running sum, times a factor, plus k, to a power, by which the value is divided."""
        n = prod(xs[0])
        return {"multiplications": 2 * n, "adds": 3 * n, "exponentials": n, "divisions": n}


def _say_channels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "CrossMapLRN2d takes at least one channel, and none arrives"


CHANNELS = Claim("SC202", "", AT_LEAST_ZERO, _say_channels)
