"""Stochastic depth, which torch does not have, with the source of its module.

`support` is that source: emitted code carries it along, with `torch` and `nn` in scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, FRACTION
from shapecalc.ops.op import KEEPS_NOTHING, ZERO, Attribute, Claim, Kept, Pointwise, construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Shape


class DropPath(Pointwise):
    """Whole samples set to zero in training, the rest scaled up: a branch of a residual block that is left out for
    some samples (Huang et al. 2016).

    Sizes: unchanged.
    Cost: no parameters, no multiply-accumulates; training keeps one number for each sample.
    Pitfalls: it belongs at the end of the branch, before the sum; axis 0 must be the batch; networks raise
        `drop_prob` from layer to layer.
    Torch: none; emitted code carries a module of this name, with the arguments of the model zoo timm.
    """

    still = True
    takes = FLOATS
    attributes = (
        Attribute("drop_prob", FRACTION, 0.0, "probability that a sample is dropped", main=True, lead=True),
        Attribute("scale_by_keep", FLAG, True, "whether the rest is divided by 1 - drop_prob"),
    )
    drop_prob: float

    support = '''class DropPath(nn.Module):
    """Whole samples set to zero in training, each with probability `drop_prob`."""

    def __init__(self, drop_prob: float = 0.0, scale_by_keep: bool = True) -> None:
        super().__init__()
        self.drop_prob = drop_prob
        self.scale_by_keep = scale_by_keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.drop_prob == 0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        if self.scale_by_keep and keep > 0:
            mask = mask / keep
        return x * mask
'''

    def settle(self, *xs: Shape) -> None:
        if self.drop_prob == 0:
            self.view = True  # type: ignore[misc]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((SAMPLES, int(self.drop_prob != 0 and not xs[0])),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        if self.drop_prob == 0:
            return KEEPS_NOTHING
        return (Kept("new", shape=(xs[0][0], *(1 for _ in xs[0][1:]))),)

    def constructor(self) -> str | None:
        return construct(self, type(self).__name__)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"drop_prob": 0.25}, ((5, 3, 5, 4),)),
            ({"drop_prob": 0.5, "scale_by_keep": False}, ((7, 2),)),
            ({"drop_prob": 0}, ((2, 7),)),
            ({"drop_prob": 1}, ((3, 2),)),
        ]


def _say_samples(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "DropPath drops samples along axis 0, and a scalar arrives"


SAMPLES = Claim("SC209", "", ZERO, _say_samples, training=True)
