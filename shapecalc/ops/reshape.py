"""Reshapes: the same values in the same order under other sizes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.dims.sym import Sym
from shapecalc.ops.arrange import (
    Arrangement,
    Lost,
    TensorFunction,
    counted,
    dimension_claim,
    listed,
    outside,
    source_sizes,
)
from shapecalc.ops.kinds import SHAPE, Listed, Size
from shapecalc.ops.layout import IN_ORDER
from shapecalc.ops.op import ZERO, Attribute, Claim, construct, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front
from shapecalc.ops.strides import settled, viewed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape


class Regrouping(Arrangement):
    """What reshapes share: which axes of the output are which axes of the input, or several of them merged."""

    still = True
    roles = frozenset({"reshape"})
    view = True

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        return (True,) * len(xs)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        reads: list[Any] = []
        for before, after in groups(xs[0], ys[0]):
            reads += _read(before, after)
        return (tuple(reads),)

    def shares(self, arrival: Arrival) -> bool:
        """A view where strides allow one, else a copy."""
        return viewed(arrival.xs[0], arrival.lies[0], arrival.ys[0]) is not None

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        x, lie, y = arrival.xs[0], arrival.lies[0], arrival.ys[0]
        strides = None if lie is None else viewed(x, lie, y)
        return IN_ORDER if strides is None else (settled(y, strides),)


def _read(before: Sequence[int], after: Sequence[int]) -> list[Any]:
    """Entries of the output axes `after`, which hold the values of the input axes `before`."""
    if not before or not after:
        return [(None, POINT)] * len(after)
    if len(after) > 1:
        lost = Lost(f"a reshape splits axis {before[0]}")
        return [(before[0] if len(before) == 1 else tuple(before), lost)] * len(after)
    return [(before[0] if len(before) == 1 else tuple(before), POINT)]


def groups(x: Shape, y: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """The smallest runs of input axes and output axes that hold the same values, in order.

    They end where the product of the sizes so far is the same on both sides. Axes of size 1 stand alone.

    >>> list(groups((5, 6, 7), (30, 7, 1)))
    [([0, 1], [0]), ([2], [1]), ([], [2])]
    """
    cuts, ends = _products(x), _products(y)
    i = j = 0
    for product in dict.fromkeys(p for p in cuts if p in ends):
        first, last = cuts.index(product), _last(cuts, product)
        begin, end = ends.index(product), _last(ends, product)
        if first > i or begin > j:
            yield list(range(i, first)), list(range(j, begin))
        yield from _ones(first, last, begin, end)
        i, j = last, end
    if i < len(x) or j < len(y):  # equal only for some sizes of the input
        yield list(range(i, len(x))), list(range(j, len(y)))


def _ones(first: int, last: int, begin: int, end: int) -> Iterator[tuple[list[int], list[int]]]:
    """Axes of size 1 on both sides, paired as far as they go."""
    paired = min(last - first, end - begin)
    yield from (([first + n], [begin + n]) for n in range(paired))
    yield from (([a], []) for a in range(first + paired, last))
    yield from (([], [a]) for a in range(begin + paired, end))


def _products(x: Shape) -> list[Dim]:
    """Products of the first 0, 1, 2 ... sizes."""
    products: list[Dim] = [1]
    for size in x:
        products.append(products[-1] * size)
    return products


def _last(products: list[Dim], product: Dim) -> int:
    return len(products) - 1 - products[::-1].index(product)


class Flatten(Regrouping):
    """Merges neighbouring axes, by default all but the first, into one.

    Sizes: the product of the merged sizes.
    Cost: nothing; it is a view of a contiguous tensor.
    Pitfalls: a Linear after it ties the network to one input size (an adaptive pool before it does not); it merges
        from axis 1 on, so unbatched inputs keep their channels.
    Torch: torch.nn.Flatten.
    """

    attributes = (
        Attribute("start_dim", AXIS, 1, "first axis that is merged", main=True),
        Attribute("end_dim", AXIS, -1, "last axis that is merged"),
    )
    start_dim: int
    end_dim: int
    first: int
    last: int

    def settle(self, *xs: Shape) -> None:
        rank = counted(len(xs[0]))
        self.first, self.last = from_front(self.start_dim, rank), from_front(self.end_dim, rank)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        rank = len(xs[0])
        return (
            (START, int(outside((self.first,), rank))),
            (END, int(outside((self.last,), rank))),
            (ORDER, int(self.first > self.last)),
        )

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        return ((*x[: self.first], prod(x[self.first : self.last + 1]), *x[self.last + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """By position, not by size: axes of size 1 that are merged are merged."""
        rank, reads = len(xs[0]), _read(range(self.first, self.last + 1), (self.first,))
        before = [(a, POINT) for a in range(self.first)]
        return (
            (
                *before,
                *(reads if rank else [(None, POINT)]),
                *((a, POINT) for a in range(self.last + 1, rank)),
            ),
        )

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4),)),
            ({"start_dim": 2}, ((2, 3, 5, 4),)),
            ({"start_dim": 0, "end_dim": -2}, ((3, 5, 7),)),
            ({}, ((3, 5),)),
        ]


class Unflatten(Regrouping):
    """Cuts one axis into several; a single -1 stands for what is left.

    Sizes: their product is that of the axis.
    Cost: nothing; it is a view.
    Pitfalls: the receptive field along an axis that is cut is not followed.
    Torch: torch.nn.Unflatten.
    """

    attributes = (
        Attribute("dim", AXIS, doc="axis that is cut", lead=True),
        Attribute("unflattened_size", Listed(Size(), strict=True), doc="sizes that it is cut into", lead=True),
    )
    dim: int
    unflattened_size: tuple[Dim, ...]
    axis: int
    sizes: tuple[Dim, ...]

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(len(xs[0])))
        self.sizes = self.unflattened_size

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if outside((self.axis,), len(x)) or not x:
            return ((CUT_AXIS, 1),)
        if not self.unflattened_size:
            return ((EMPTY, 1),)
        return count_needs((x[self.axis],), self.unflattened_size, UNFLATTENED)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        return ((*x[: self.axis], *filled((x[self.axis],), self.unflattened_size), *x[self.axis + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        a, more = self.axis, len(self.unflattened_size)
        inner = groups((xs[0][a],), ys[0][a : a + more])
        cut = [_read([a] if before else [], after) for before, after in inner]
        reads = [(b, POINT) for b in range(a)] + [entry for entries in cut for entry in entries]
        return ((*reads, *((b, POINT) for b in range(a + 1, len(xs[0])))),)

    def constructor(self) -> str | None:
        """A single size that depends on the input is left to torch as -1."""
        sizes = self.unflattened_size
        unknown = [s for s in sizes if isinstance(s, Sym)]
        if len(unknown) != 1 or -1 in sizes:
            return construct(self, "nn.Unflatten")
        return f"nn.Unflatten({self.dim}, {source(tuple(-1 if isinstance(s, Sym) else s for s in sizes))})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": 1, "unflattened_size": [2, 3]}, ((2, 6, 5),)),
            ({"dim": -1, "unflattened_size": [-1, 5, 1]}, ((2, 15),)),
            ({"dim": 0, "unflattened_size": [3, -1]}, ((9,),)),
        ]


class Reshape(Regrouping, TensorFunction):
    """Gives the values new sizes; a single -1 stands for what is left, and `N` for the batch.

    Sizes: as given; their product is that of the input.
    Cost: nothing for a contiguous tensor, of which it is a view; a copy otherwise.
    Pitfalls: it does not move values: to swap axes use Permute; [-1, ...] mixes the samples of a batch if the rest
        is not the size of one sample, which `[N, ...]` refuses.
    Torch: torch.reshape.
    """

    attributes = (Attribute("shape", SHAPE, doc="sizes of the output; one may be -1", main=True),)
    sizes: tuple[Dim, ...]
    came: Shape

    def settle(self, *xs: Shape) -> None:
        """torch's name of the argument is that of the rule for shapes, so the value moves to another."""
        self.sizes = self.__dict__.pop("shape", ())
        self.came = xs[0]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return count_needs(xs[0], self.sizes, RESHAPED)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (filled(xs[0], self.sizes),)

    def call(self, module: str, args: Sequence[str]) -> str:
        (x,) = args
        return f"{x}.reshape({source_sizes(self.sizes, self.came, x) or '()'})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"shape": [2, -1, 3]}, ((2, 3, 5, 4),)),
            ({"shape": [6, 20]}, ((2, 3, 5, 4),)),
            ({"shape": [-1]}, ((7,),)),
            ({"shape": [2, 15, 1, 4]}, ((2, 3, 5, 4),)),
        ]


def filled(x: Shape, sizes: Sequence[Dim]) -> Shape:
    """The sizes with what is left put in for -1."""
    rest = prod(s for s in sizes if not _is(s, -1))
    return tuple(prod(x) // rest if _is(s, -1) else s for s in sizes)


def count_needs(x: Shape, sizes: Sequence[Dim], claim: Claim) -> Sequence[Need]:
    """As many values after as before: equal products, or a product that divides where one size is left open."""
    if any(type(s) is int and s < -1 for s in sizes):
        return ((NEGATIVE, 1),)
    open_sizes = sum(_is(s, -1) for s in sizes)
    if open_sizes > 1:
        return ((TWO_OPEN, 1),)
    rest = prod(s for s in sizes if not _is(s, -1))
    if not open_sizes:
        return ((claim, prod(x) - rest),)
    return ((claim, 1),) if _is(rest, 0) else ((claim, prod(x) % rest),)


def _is(size: Dim, number: int) -> bool:
    return type(size) is int and size == number


def _say_order(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"start_dim {op.start_dim} comes after end_dim {op.end_dim} in {listed(xs[0])}"


def _say_cut_axis(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dim is {op.dim}, but {listed(xs[0])} has no such dimension"


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "unflattened_size is empty"


def _say_negative(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{listed(op.sizes)} holds a size below -1"


def _say_two_open(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{listed(op.sizes)} leaves more than one size open"


def _say_count(what: str, x: Shape, sizes: Sequence[Dim]) -> str:
    rest = prod(s for s in sizes if not _is(s, -1))
    if any(_is(s, -1) for s in sizes):
        return f"{what} holds {prod(x)} values, which do not divide into {listed(sizes)}, by {rest}"
    return f"{what} holds {prod(x)} values, and {listed(sizes)} {rest}"


def _say_reshaped(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return _say_count(listed(xs[0]), xs[0], op.sizes)


def _say_unflattened(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return _say_count(f"axis {op.axis} of {listed(xs[0])}", (xs[0][op.axis],), op.sizes)


START, END = dimension_claim("start_dim"), dimension_claim("end_dim")
ORDER = Claim("SC213", "start_dim", ZERO, _say_order)
CUT_AXIS = Claim("SC213", "dim", ZERO, _say_cut_axis)
EMPTY = Claim("SC210", "unflattened_size", ZERO, _say_empty)
NEGATIVE = Claim("SC210", "shape", ZERO, _say_negative)
TWO_OPEN = Claim("SC210", "shape", ZERO, _say_two_open)
RESHAPED = Claim("SC210", "shape", ZERO, _say_reshaped)
UNFLATTENED = Claim("SC210", "unflattened_size", ZERO, _say_unflattened)
