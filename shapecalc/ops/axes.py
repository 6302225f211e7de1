"""Functions that reorder, drop, add or repeat axes; all give views."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.dims.sym import Sym
from shapecalc.ops.arrange import (
    TensorFunction,
    counted,
    dimension_claim,
    is_one,
    listed,
    numbered,
    outside,
    source_sizes,
    twice_claim,
)
from shapecalc.ops.kinds import Either, Listed, Size, or_null
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front
from shapecalc.ops.strides import moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape


class Rearranged(TensorFunction):
    """What these functions share: output axis number n is input axis `order[n]`, or a new one where that is None."""

    still = True
    roles = frozenset({"reshape"})
    view = True
    order: tuple[int | None, ...]

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        return (True,) * len(xs)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, POINT) for a in self.order),)

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return (moved(arrival.xs[0], arrival.lies[0], self.order, arrival.ys[0]),)


class Permute(Rearranged):
    """Puts the axes into another order.

    Sizes: those of the input, in the order of `dims`.
    Cost: nothing; a view whose values are no longer in order in memory, so that a later reshape may copy.
    Pitfalls: it counts the batch as 0, as torch does; it is no reshape, which would leave the values in order.
    Torch: torch.permute.
    """

    attributes = (Attribute("dims", Listed(AXIS), doc="the input axis that each output axis is", main=True),)
    dims: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        self.order = tuple(from_front(d, len(xs[0])) for d in self.dims)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        rank = len(xs[0])
        if len(self.dims) != rank:
            return ((ALL_DIMS, 1),)
        wrong = [d for d in self.dims if not -rank <= d < rank]
        return ((DIMS, len(wrong)), (DIMS_TWICE, rank - len(set(self.order))))

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(xs[0][a] for a in self.order if a is not None),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.permute({', '.join(map(str, self.order)) or '()'})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dims": [0, 2, 3, 1]}, ((2, 3, 5, 4),)), ({"dims": [-1, 0, 1]}, ((3, 5, 7),))]


class Transpose(Rearranged):
    """Swaps two axes.

    Sizes: those of the input with two of them swapped.
    Cost: nothing; a view.
    Pitfalls: it counts the batch as 0, as torch does.
    Torch: torch.transpose.
    """

    attributes = (
        Attribute("dim0", AXIS, doc="one of the axes"),
        Attribute("dim1", AXIS, doc="the other one"),
    )
    dim0: int
    dim1: int

    def settle(self, *xs: Shape) -> None:
        rank = len(xs[0])
        swap = (from_front(self.dim0, counted(rank)), from_front(self.dim1, counted(rank)))
        self.pair = swap
        self.order = tuple(swap[1 - swap.index(a)] if a in swap else a for a in range(rank))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        rank = len(xs[0])
        return ((DIM0, int(outside((self.dim0,), rank))), (DIM1, int(outside((self.dim1,), rank))))

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(xs[0][a] for a in self.order if a is not None),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.transpose({self.pair[0]}, {self.pair[1]})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dim0": 1, "dim1": 2}, ((2, 3, 5),)), ({"dim0": 0, "dim1": -1}, ((3, 5),))]


class Squeeze(Rearranged):
    """Drops axes of size 1: all of them, or those that are named.

    Sizes: the sizes of 1 are left out; a named axis of another size stays.
    Cost: nothing; a view.
    Pitfalls: without `dim` it drops the batch too when that holds one sample; a size that is not known is taken to
        be at least 2, which is reported.
    Torch: torch.squeeze.
    """

    attributes = (
        Attribute(
            "dim", or_null(Either(AXIS, Listed(AXIS, strict=True))), None, "axes that go if they are 1", main=True
        ),
    )
    dim: int | tuple[int, ...] | None
    named: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        (x,) = xs
        dims = range(len(x)) if self.dim is None else self.dim if isinstance(self.dim, tuple) else (self.dim,)
        self.named = tuple(from_front(d, counted(len(x))) for d in dims)
        self.order = tuple(a for a, size in enumerate(x) if not (a in self.named and is_one(size)))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if outside(self.named, len(x)):
            return ((DIM, 1),)
        if len(set(self.named)) < len(self.named):
            return ((DIM_TWICE, 1),)
        return [(STAYS, x[a] - 2, a) for a in self.named if x and isinstance(x[a], Sym)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(xs[0][a] for a in self.order if a is not None),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.squeeze({'' if self.dim is None else source(self.dim)})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((1, 3, 1, 4),)),
            ({"dim": 2}, ((2, 3, 1, 4),)),
            ({"dim": [-1, 1]}, ((2, 1, 3, 1),)),
            ({"dim": 1}, ((2, 3),)),
        ]


class Unsqueeze(Rearranged):
    """Adds an axis of size 1.

    Sizes: 1 at `dim`, the others after one another.
    Cost: nothing; a view.
    Pitfalls: dim 0 comes before the batch.
    Torch: torch.unsqueeze.
    """

    attributes = (Attribute("dim", AXIS, doc="where the axis goes", main=True),)
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, len(xs[0]) + 1)
        before = list[int | None](range(len(xs[0])))
        before.insert(self.axis, None)
        self.order = tuple(before)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((NEW_DIM, int(outside((self.axis,), len(xs[0]) + 1))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(1 if a is None else xs[0][a] for a in self.order),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.unsqueeze({self.axis})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 5),)), ({"dim": -1}, ((3, 4),)), ({"dim": 0}, ((),))]


class Expand(Rearranged):
    """Repeats axes of size 1, without a copy; -1 leaves an axis as it is.

    Sizes: as given; more sizes than the input has axes are put in front.
    Cost: nothing; a view whose repeated values share their place in memory.
    Pitfalls: only sizes of 1 can be repeated; writing into the result in place is refused by torch.
    Torch: torch.Tensor.expand.
    """

    attributes = (Attribute("size", Listed(Size(-1)), doc="sizes of the output, -1 for those that stay", main=True),)
    size: tuple[Dim, ...]
    came: Shape

    def settle(self, *xs: Shape) -> None:
        (x,) = xs
        self.came = x
        first = len(self.size) - len(x)
        self.order = tuple(
            None if a < first or (is_one(x[a - first]) and not _stays(s)) else a - first
            for a, s in enumerate(self.size)
        )

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        first = len(self.size) - len(x)
        if first < 0:
            return ((TOO_FEW, 1),)
        if any(map(_stays, self.size[:first])):
            return ((NEW_STAYS, 1),)
        pairs = enumerate(zip(x, self.size[first:], strict=True))
        return [(REPEATS, size - s, a) for a, (size, s) in pairs if not (_stays(s) or is_one(size))]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        padded = (1,) * (len(self.size) - len(x)) + x
        return (tuple(old if _stays(s) else s for old, s in zip(padded, self.size, strict=True)),)

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        """What was repeated gets a sum, a new tensor."""
        return (prod(xs[0]) == prod(ys[0]),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.expand({source_sizes(self.size, self.came, args[0]) or '()'})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"size": [4, -1, -1]}, ((1, 1, 6),)),
            ({"size": [2, 3, 5]}, ((3, 1),)),
            ({"size": [-1, 3, 7]}, ((2, 3, 1),)),
        ]


def _stays(size: Dim) -> bool:
    return type(size) is int and size == -1


def _say_all_dims(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dims {list(op.dims)} names {len(op.dims)} dimensions, and {listed(xs[0])} has {len(xs[0])}"


def _say_stays(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} goes where {xs[0][axis]} is 1, and stays otherwise"


def _say_new_dim(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dim is {op.dim}, but the output has {numbered(len(xs[0]) + 1)}"


def _say_too_few(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"size {listed(op.size)} is shorter than the input {listed(xs[0])}"


def _say_new_stays(op: Any, xs: Sequence[Shape], axis: int) -> str:
    new = len(op.size) - len(xs[0])
    return f"size {listed(op.size)} has -1 among the {new} new dimensions before {listed(xs[0])}"


def _say_repeats(op: Any, xs: Sequence[Shape], axis: int) -> str:
    wanted = op.size[len(op.size) - len(xs[0]) + axis]
    return f"axis {axis} of {listed(xs[0])} is {xs[0][axis]}, not 1, so it cannot become {wanted}"


DIM, DIM0, DIM1, DIMS = (dimension_claim(name) for name in ("dim", "dim0", "dim1", "dims"))
DIM_TWICE, DIMS_TWICE = twice_claim("dim"), twice_claim("dims")
ALL_DIMS = Claim("SC213", "dims", ZERO, _say_all_dims)
STAYS = Claim("SC211", "dim", AT_LEAST_ZERO, _say_stays)
NEW_DIM = Claim("SC213", "dim", ZERO, _say_new_dim)
TOO_FEW = Claim("SC209", "size", ZERO, _say_too_few)
NEW_STAYS = Claim("SC213", "size", ZERO, _say_new_stays)
REPEATS = Claim("SC211", "size", ZERO, _say_repeats)
