"""Functions that repeat a tensor or its values along axes, or turn the order of an axis around; all give copies."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT, Zoom
from shapecalc.dims.sym import Sym
from shapecalc.ops.arrange import (
    Lost,
    TensorFunction,
    counted,
    dimension_claim,
    is_one,
    listed,
    outside,
    source_size,
    source_sizes,
    twice_claim,
)
from shapecalc.ops.kinds import COUNT, Listed, or_null
from shapecalc.ops.layout import as_first
from shapecalc.ops.op import ZERO, Attribute, Claim, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Tiling(TensorFunction):
    """Puts copies of the whole tensor after one another along each axis.

    Sizes: each axis times its number, counted from the last axis; more numbers than axes add axes in front.
    Cost: a copy of the output's size; no multiply-accumulates; nothing is kept for backward.
    Pitfalls: Expand does the same for sizes of 1 without a copy; RepeatInterleave repeats value by value instead.
    Torch: torch.Tensor.repeat, torch.tile.
    """

    still = True
    times: tuple[Dim, ...]
    """One number for each axis of the output."""
    came: Shape

    def settle(self, *xs: Shape) -> None:
        self.came = xs[0]
        self.times = self.numbers()

    def numbers(self) -> tuple[Dim, ...]:
        """The numbers as given."""
        raise NotImplementedError

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        padded = (1,) * (len(self.times) - len(x)) + x
        return (tuple(size * times for size, times in zip(padded, self.times, strict=True)),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """An axis that is repeated begins again, which no window follows, unless it has size 1."""
        (x,) = xs
        first = len(self.times) - len(x)
        new = [(None, POINT)] * first
        return ((*new, *(self.reads(a, size, self.times[first + a]) for a, size in enumerate(x))),)

    def reads(self, axis: int, size: Dim, times: Dim) -> tuple[int | None, Any]:
        if is_one(times):
            return (axis, POINT)
        return (None, POINT) if is_one(size) else (axis, AGAIN)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.{type(self).__name__.lower()}({source_sizes(self.numbers(), self.came, args[0]) or '()'})"


class Repeat(Tiling):
    attributes = (Attribute("repeats", Listed(COUNT), doc="copies along each axis of the output", main=True),)
    repeats: tuple[Dim, ...]

    def numbers(self) -> tuple[Dim, ...]:
        return self.repeats

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((TOO_FEW, int(len(self.repeats) < len(xs[0]))),)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"repeats": [2, 1, 3]}, ((2, 4, 5),)),
            ({"repeats": [2, 1, 1, 2]}, ((3, 1),)),
            ({"repeats": 3}, ((4,),)),
        ]


class Tile(Tiling):
    attributes = (Attribute("dims", Listed(COUNT), doc="copies along each axis, the last ones if few", main=True),)
    dims: tuple[Dim, ...]

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        self.times = (1,) * (len(xs[0]) - len(self.dims)) + self.times

    def numbers(self) -> tuple[Dim, ...]:
        return self.dims

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ()

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dims": 2}, ((2, 4, 5),)),
            ({"dims": [3, 1]}, ((2, 4, 5),)),
            ({"dims": [2, 1, 2]}, ((3, 4),)),
        ]


class RepeatInterleave(TensorFunction):
    """Repeats each value along an axis, one after another: 1, 2 becomes 1, 1, 2, 2.

    Sizes: the axis times `repeats`; without `dim` one axis that holds all values, repeated.
    Cost: a copy of the output's size; no multiply-accumulates; nothing is kept for backward.
    Pitfalls: without `dim` the tensor is flattened, the batch too; Repeat repeats the whole instead; a tensor of
        numbers is not taken, as the size would depend on its values.
    Torch: torch.repeat_interleave.
    """

    still = True
    attributes = (
        Attribute("repeats", COUNT, doc="how often each value comes", main=True),
        Attribute("dim", or_null(AXIS), None, "the axis; null: all values in order"),
    )
    repeats: Dim
    dim: int | None
    axis: int | None
    came: Shape

    def settle(self, *xs: Shape) -> None:
        self.came = xs[0]
        self.axis = None if self.dim is None else from_front(self.dim, counted(len(xs[0])))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """torch takes no axis of a scalar, not even 0."""
        (x,) = xs
        return ((DIM, int(self.axis is not None and (not x or outside((self.axis,), len(x))))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        if self.axis is None:
            return ((prod(x) * self.repeats,),)
        return ((*x[: self.axis], x[self.axis] * self.repeats, *x[self.axis + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        (x,) = xs
        if self.axis is None:
            return (((tuple(range(len(x))) or None, AGAIN if x else POINT),),)
        known = isinstance(self.repeats, Sym) or self.repeats > 0
        repeated = Zoom(self.repeats, 1) if known else AGAIN
        return (tuple((a, repeated if a == self.axis else POINT) for a in range(len(x))),)

    def call(self, module: str, args: Sequence[str]) -> str:
        axis = "" if self.axis is None else f", {self.axis}"
        return f"{args[0]}.repeat_interleave({source_size(self.repeats, self.came, args[0])}{axis})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"repeats": 2, "dim": 1}, ((2, 3, 5),)),
            ({"repeats": 3}, ((2, 4),)),
            ({"repeats": 3, "dim": -1}, ((4, 2),)),
        ]


class Flip(TensorFunction):
    """Turns the order of values along axes around: the other direction of a sequence, a mirrored image.

    Sizes: unchanged.
    Cost: a copy; no multiply-accumulates; nothing is kept for backward.
    Pitfalls: it copies where NumPy gives a view; the receptive field along the axes is not followed.
    Torch: torch.flip.
    """

    still = True
    lies = as_first

    attributes = (Attribute("dims", Listed(AXIS), doc="axes that are turned around", main=True),)
    dims: tuple[int, ...]
    axes: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        self.axes = tuple(from_front(d, counted(len(xs[0]))) for d in self.dims)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside(self.axes, len(xs[0])):
            return ((DIMS, 1),)
        return ((DIMS_TWICE, len(self.axes) - len(set(self.axes))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, TURNED if a in self.axes else POINT) for a in range(len(xs[0]))),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.flip({source(self.axes)})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dims": 1}, ((2, 3, 5),)), ({"dims": [-1, 0]}, ((2, 3, 5),))]


def _say_too_few(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"repeats {listed(op.repeats)} has {len(op.repeats)} numbers, and {listed(xs[0])} {len(xs[0])} dimensions"


AGAIN, TURNED = Lost("values that come again"), Lost("an axis that is turned around")
DIM, DIMS, DIMS_TWICE = dimension_claim("dim"), dimension_claim("dims"), twice_claim("dims")
TOO_FEW = Claim("SC213", "repeats", ZERO, _say_too_few)
