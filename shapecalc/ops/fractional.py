"""Fractional max pooling: windows at random places, so many that the output has the size asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.sym import scaled
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, Kind, PerAxis, Unfit, or_null
from shapecalc.ops.op import AT_LEAST_ZERO, NO_WEIGHTS, ZERO, Attribute, Claim, Operator, Uniform
from shapecalc.ops.pool import keeps_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape


class Ratios(Kind):
    """A number between 0 and 1, both excluded, for each axis or one for all."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.wants = f"a number above 0 and below 1, or a list of {rank}"

    def read(self, value: Any) -> Uniform:
        ratios = value if isinstance(value, list | tuple) else [value] * self.rank
        if len(ratios) != self.rank:
            raise Unfit(f"it has {len(ratios)} numbers where one for each of {self.rank} axes is due")
        if not all(isinstance(r, float) and 0 < r < 1 for r in ratios):
            raise self.unfit(value)
        return Uniform(ratios)


class FractionalMaxPool(Operator):
    """The largest value of windows that lie at random: about evenly, so that `output_size` of them cover the input.

    Sizes: output_size, or floor(i * output_ratio); at most i - k + 1 on each axis, in three dimensions i - k.
    Cost: no parameters, no multiply-accumulates; training keeps the input and the place of each maximum (8 bytes).
    Pitfalls: windows are drawn anew in evaluation too, so two calls differ; what an output sees is not fixed.
    Torch: torch.nn.FractionalMaxPool2d, FractionalMaxPool3d.
    """

    rank: ClassVar[int]
    slack: ClassVar[int]
    """Cells that must be left over: torch's kernel for three dimensions asks for one."""
    takes = FLOATS

    kernel_size: tuple[int, ...]
    output_size: tuple[Dim, ...] | None
    output_ratio: tuple[float, ...] | None
    return_indices: bool

    def sizes(self, x: Shape) -> tuple[Dim, ...]:
        """Sizes of the output along the spatial axes; the input's where neither size nor ratio is given."""
        if self.output_size is not None:
            return self.output_size
        if self.output_ratio is None:
            return x[-self.rank :]
        return tuple(scaled(i, r) for i, r in zip(x[-self.rank :], self.output_ratio, strict=True))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if self.output_size is None and self.output_ratio is None:
            return [(SIZE_GIVEN, 1)]
        if self.output_size is not None and self.output_ratio is not None:
            return [(ONE_GIVEN, 1)]
        first = len(x) - self.rank
        sizes = list(zip(x[first:], self.kernel_size, self.sizes(x), strict=True))
        fit: list[Need] = [(WINDOWS_FIT, i - k + 1 - self.slack - o, a) for a, (i, k, o) in enumerate(sizes, first)]
        if self.output_ratio is None:
            return fit
        return [*fit, *[(SOME_LEFT, o - 1, a) for a, (_, _, o) in enumerate(sizes, first)]]

    def never_empty(self, x: Shape) -> int:
        """torch looks at every axis but the first, the batch or not."""
        return len(x) - 1

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        y = (*x[: -self.rank], *self.sizes(x))
        return (y, y) if self.return_indices else (y,)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0], "int64") if self.return_indices else None

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return [()]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return keeps_places(ys, self.return_indices)


def _attributes(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the window along each axis", main=True, lead=True),
        Attribute("output_size", or_null(PerAxis(rank)), None, "size of the output along each axis"),
        Attribute("output_ratio", or_null(Ratios(rank)), None, "size of the output as a part of the input's"),
        Attribute("return_indices", FLAG, False, "whether the places of the maxima are a second output"),
    )


class FractionalMaxPool2d(FractionalMaxPool):
    rank = 2
    slack = 0
    ranks = (3, 4)
    attributes = _attributes(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 2, "output_size": [5, 3]}, ((2, 3, 9, 7),)),
            ({"kernel_size": [3, 2], "output_ratio": [0.5, 0.7], "return_indices": True}, ((3, 13, 9),)),
        ]


class FractionalMaxPool3d(FractionalMaxPool):
    rank = 3
    slack = 1
    ranks = (4, 5)
    attributes = _attributes(3)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 2, "output_size": 3}, ((2, 2, 5, 6, 7),)),
            ({"kernel_size": 2, "output_ratio": 0.6, "return_indices": True}, ((2, 5, 6, 7),)),
        ]


def _say_none(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "neither output_size nor output_ratio is given"


def _say_both(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "both output_size and output_ratio are given"


def _say_windows(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    k, o, i = op.kernel_size[a], op.sizes(xs[0])[a], xs[0][axis]
    bound = f"input {i} less kernel {k}" if op.slack else f"input {i} less kernel {k}, plus 1,"
    return f"output {o} is more than the {bound} on axis {axis}"


def _say_left(op: Any, xs: Sequence[Shape], axis: int) -> str:
    ratio = op.output_ratio[axis - len(xs[0]) + op.rank]
    return f"output_ratio {ratio} leaves nothing of the input {xs[0][axis]} on axis {axis}"


SIZE_GIVEN = Claim("SC108", "kernel_size", ZERO, _say_none)
ONE_GIVEN = Claim("SC109", "output_ratio", ZERO, _say_both)
WINDOWS_FIT = Claim("SC201", "output_size", AT_LEAST_ZERO, _say_windows)
SOME_LEFT = Claim("SC201", "output_ratio", AT_LEAST_ZERO, _say_left)
"""torch makes an empty output, which nothing can use."""
