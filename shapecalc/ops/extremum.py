"""The largest and the smallest values along an axis: which they are, where they are, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.arrange import TensorFunction, counted, dimension_claim, listed, outside
from shapecalc.ops.dtypes import FLOATS, INTS
from shapecalc.ops.kinds import COUNT, FLAG, Either, Listed, or_null
from shapecalc.ops.layout import as_first
from shapecalc.ops.op import AT_LEAST_ZERO, NO_NEEDS, ZERO, Attribute, Claim, Kept, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front
from shapecalc.ops.reduce import KEEPDIM, KEEPS_BOTH, Reduction
from shapecalc.ops.tally import summed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

ONE_DIM = Attribute("dim", or_null(AXIS), None, "the axis that goes; null: all", main=True)
KEEPS_PLACES = (Kept("output", 1),)


class Extremes(Reduction):
    """What reductions to one value of the input share: no axis that goes may be empty."""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside(self.axes, len(xs[0])):
            return super().needs(*xs)
        return (*super().needs(*xs), *((EMPTY, xs[0][a] - 1, a) for a in self.axes if xs[0]))

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"comparisons": summed(xs[0], ys[0])}


class Extremum(Extremes):
    """The largest (Max) or the smallest value (Min): of all, or along an axis together with the places.

    Sizes: without `dim` a scalar; with it the axis goes, or stays with size 1, and the second output, of the same
        sizes, is the place of each value.
    Cost: no multiply-accumulates; autograd keeps the places (8 bytes each), without `dim` the input and the output.
    Pitfalls: with `dim` there are two outputs; AMax and AMin give the values alone, and share the gradient among
        equal ones; `keepdim` needs a `dim`.
    Torch: torch.max, torch.min.
    """

    attributes = (ONE_DIM, KEEPDIM)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((KEPT_WHICH, 1),) if self.keepdim and self.dim is None else super().needs(*xs)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return super().shape(*xs) * (1 if self.dim is None else 2)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return None if self.dim is None else (dtypes[0], "int64")

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH if self.dim is None else KEEPS_PLACES

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 3, 5, 4),)), ({"dim": -1, "keepdim": True}, ((2, 7),)), ({}, ((3, 4),))]


class Max(Extremum):
    function = "max"


class Min(Extremum):
    function = "min"


class SharedExtremum(Extremes):
    """The largest (AMax) or the smallest values (AMin) over axes, without their places.

    Sizes: the named axes go, or stay with size 1; without `dim` all go.
    Cost: no multiply-accumulates; autograd keeps the input and the output.
    Pitfalls: equal values share the gradient, where Max and Min give it to one; `dim` may name several axes.
    Torch: torch.amax, torch.amin.
    """

    attributes = (
        Attribute("dim", Either(AXIS, Listed(AXIS, strict=True)), (), "axes that go; none named: all", main=True),
        KEEPDIM,
    )

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH


class AMax(SharedExtremum):
    function = "amax"


class AMin(SharedExtremum):
    function = "amin"


class Place(Extremes):
    """Where the largest (ArgMax) or the smallest value (ArgMin) is along an axis, as int64.

    Sizes: the axis goes, or stays with size 1; without `dim` a scalar, the place among all values in order.
    Cost: no multiply-accumulates; nothing is kept, as no gradient comes back through places.
    Pitfalls: the result is a number of a position, so that nothing before it can be trained through it.
    Torch: torch.argmax, torch.argmin.
    """

    takes = FLOATS | INTS
    attributes = (ONE_DIM, KEEPDIM)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("int64",)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": 1}, ((2, 5, 5, 4),)),
            ({"dim": -1, "keepdim": True}, ((2, 3, 7),)),
            ({}, ((3, 4),)),
            ({"keepdim": True}, ((2, 3, 4),)),
        ]


class ArgMax(Place):
    function = "argmax"


class ArgMin(Place):
    function = "argmin"


class Ranking(TensorFunction):
    """Values along an axis by their size, and the places where they came from as a second output.

    Sizes: unchanged (Sort), or `k` along the axis (TopK).
    Cost: no multiply-accumulates; autograd keeps the places, 8 bytes for each value of the output.
    Pitfalls: there are two outputs, values and places (int64); the axis is the last one unless given; each value
        depends on the whole axis.
    Torch: torch.sort, torch.topk.
    """

    function: ClassVar[str]
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(len(xs[0])))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((DIM, 1),) if outside((self.axis,), len(xs[0])) else self.size_needs(xs[0])

    def size_needs(self, x: Shape) -> Sequence[Need]:
        """What must hold of the size of the axis, if anything."""
        return NO_NEEDS

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0], "int64")

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, ALL if a == self.axis else POINT) for a in range(len(xs[0]))),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_PLACES

    def call(self, module: str, args: Sequence[str]) -> str:
        given = [a for a in self.attributes if not a.kind.same(getattr(self, a.name), a.default)]
        written = [f"{a.name}={source(getattr(self, a.name))}" for a in given]
        return f"torch.{self.function}({', '.join([args[0], *written])})"


class Sort(Ranking):
    lies = as_first

    function = "sort"
    attributes = (
        Attribute("dim", AXIS, -1, "the axis that is sorted", main=True),
        Attribute("descending", FLAG, False, "whether the largest comes first"),
        Attribute("stable", FLAG, False, "whether equal values keep their order"),
    )

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0], xs[0])

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5),)),
            ({"dim": 1, "descending": True}, ((2, 5, 3),)),
            ({"dim": 0, "stable": True}, ((7,),)),
        ]


class TopK(Ranking):
    function = "topk"
    takes = FLOATS | INTS
    attributes = (
        Attribute("k", COUNT, doc="how many values", main=True),
        Attribute("dim", AXIS, -1, "the axis along which they are looked for"),
        Attribute("largest", FLAG, True, "whether the largest are meant, not the smallest"),
        Attribute("sorted", FLAG, True, "whether they come in order"),
    )
    k: Dim

    def size_needs(self, x: Shape) -> Sequence[Need]:
        if not x:
            return ((ENOUGH, 1 - self.k),)
        return ((ENOUGH, x[self.axis] - self.k, self.axis),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        y = (*x[: self.axis], self.k, *x[self.axis + 1 :]) if x else x
        return (y, y)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"k": 2}, ((2, 3, 5),)),
            ({"k": 3, "dim": 1, "largest": False}, ((2, 5, 4),)),
            ({"k": 1, "sorted": False}, ((7,),)),
        ]


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, so it has no {op.function.removeprefix('a')}"


def _say_kept_which(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"keepdim is true, but {type(op).__name__} without dim gives a scalar"


def _advise_kept_which(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"AM{type(op).__name__[1:]} takes keepdim without dim" if type(op).__name__ in ("Max", "Min") else ""


def _say_enough(op: Any, xs: Sequence[Shape], axis: int) -> str:
    if axis < 0:
        return f"k is {op.k}, and a scalar holds 1 value"
    return f"k is {op.k}, but axis {axis} of {listed(xs[0])} has {xs[0][axis]} values"


DIM = dimension_claim("dim")
EMPTY = Claim("SC211", "dim", AT_LEAST_ZERO, _say_empty)
KEPT_WHICH = Claim("SC109", "keepdim", ZERO, _say_kept_which, _advise_kept_which)
ENOUGH = Claim("SC211", "k", AT_LEAST_ZERO, _say_enough)
