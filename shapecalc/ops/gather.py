"""Functions that choose values by a condition or by indices, which come at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import TensorFunction, counted, dimension_claim, listed, outside
from shapecalc.ops.dtypes import INDICES, promoted
from shapecalc.ops.layout import elementwise
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, ZERO, Attribute, Claim, Kept
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Need, Reads, Shape

AXIS_OF = Attribute("dim", AXIS, doc="the axis that indices count along", main=True)


class Where(TensorFunction):
    """Values of the second input where the condition holds, of the third elsewhere: masks.

    Sizes: those of the three inputs, which broadcast.
    Cost: no multiply-accumulates; autograd keeps the condition (1 byte each).
    Pitfalls: the condition comes first, and must be boolean; a nan in what is not chosen still spoils the gradient.
    Torch: torch.where.
    """

    still = True
    lies = elementwise

    inputs = ("condition", "input", "other")
    takes = frozenset({"bool"})

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return broadcast_needs(xs)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (broadcast(xs),)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes[1:]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return [stretched(x, ys[0]) for x in xs]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.where({', '.join(args)})"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((3, 4), (3, 4), (3, 4))), ({}, ((5, 1), (2, 5, 4), (1,)))]


class Choosing(TensorFunction):
    """What Gather and IndexSelect share: an axis, and indices along it as the second input."""

    still = True
    inputs = ("input", "index")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"index": INDICES}
    """Dtypes that inputs behind the first must have."""
    attributes = (AXIS_OF,)
    function: ClassVar[str]
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(len(xs[0])))

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.{self.function}({self.axis}, {args[1]})"


class Gather(Choosing):
    """Picks one value for each index: the output at [i, j] is the input at [i, index[i, j]] for dim 1.

    Sizes: those of the index, which on the other axes must not be longer than the input.
    Cost: no multiply-accumulates; autograd keeps the index (8 bytes each) and, for its sizes, the input.
    Pitfalls: it does not broadcast; a shorter index leaves values out in silence; that indices are within the axis
        is only seen at run time.
    Torch: torch.gather.
    """

    function = "gather"

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, index = xs
        if outside((self.axis,), len(x)):
            return ((DIM, 1),)
        if counted(len(x)) != counted(len(index)):
            return ((RANKS, 1),)
        if not (x and index):
            return ()
        return [(LONGER, n - i, a) for a, (n, i) in enumerate(zip(x, index, strict=True)) if a != self.axis]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[1],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axis is seen whole, as any of it may be picked."""
        rank = range(len(ys[0]))
        picked = tuple((None if a == self.axis else a, POINT) for a in rank)
        return (picked if xs[0] else ((None, POINT),) * len(ys[0]), tuple((a, POINT) for a in rank))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 0), Kept("input", 1))

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((3, 4), (3, 2))), ({"dim": -1}, ((2, 3, 5), (2, 2, 7)))]


class IndexSelect(Choosing):
    """Picks positions of an axis by a list of indices: rows of a table, channels, steps.

    Sizes: the axis becomes as long as the index.
    Cost: no multiply-accumulates; autograd keeps the index (8 bytes each).
    Pitfalls: the index is a vector, the same for every sample; that indices are within the axis is only seen at run
        time.
    Torch: torch.index_select.
    """

    function = "index_select"

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, index = xs
        if outside((self.axis,), len(x)):
            return ((DIM, 1),)
        if len(index) > 1:
            return ((VECTOR, 1),)
        return () if x or not index else ((ONE, index[0] - 1),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x, index), a = xs, self.axis
        return ((*x[:a], *(index or (1,)), *x[a + 1 :]) if x else (),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axis is seen whole, as any of it may be picked."""
        rank = range(len(ys[0]))
        index = tuple((0 if a == self.axis and xs[1] else None, POINT) for a in rank)
        return (tuple((None if a == self.axis else a, POINT) for a in rank), index)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 1),)

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((3, 4), (5,))), ({"dim": -1}, ((2, 3, 5), (2,))), ({"dim": 0}, ((3, 2), (1,)))]


def _say_ranks(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the index {listed(xs[1])} has {len(xs[1])} dimensions, and the input {listed(xs[0])} {len(xs[0])}"


def _say_longer(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the index {listed(xs[1])} is longer than the input {listed(xs[0])} on axis {axis}"


def _say_vector(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the index {listed(xs[1])} has {len(xs[1])} dimensions, and a vector is due"


def _say_one(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"of a scalar one value is picked, and the index {listed(xs[1])} asks for {xs[1][0]}"


DIM = dimension_claim("dim")
RANKS = Claim("SC209", "", ZERO, _say_ranks)
LONGER = Claim("SC211", "", AT_LEAST_ZERO, _say_longer)
VECTOR = Claim("SC209", "", ZERO, _say_vector)
ONE = Claim("SC211", "", ZERO, _say_one)
