"""Distances and similarities of vectors in pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import counted, listed, numbered, outside
from shapecalc.ops.dtypes import FLOATS, NUMBERS, promoted
from shapecalc.ops.kinds import FLAG, NUMBER, Number
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_OUTPUT, NO_WEIGHTS, ZERO, Attribute, Claim, Kept, Operator
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Comparison(Operator):
    """What both share: two inputs whose sizes of 1 stretch, no weights and no multiply-accumulates."""

    inputs = ("x1", "x2")
    takes = FLOATS

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes),)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0


class CosineSimilarity(Comparison):
    """The cosine of the angle between two vectors.

    Sizes: sizes of 1 stretch; the axis `dim` of what comes of that goes.
    Cost: no parameters and no multiply-accumulates by convention; training keeps both inputs, both again divided by
        their norms, and four numbers for each pair.
    Pitfalls: dim is 1 unless given: the channels of an image, but the positions of a sequence [N, T, E].
    Torch: torch.nn.CosineSimilarity.
    """

    attributes = (
        Attribute("dim", AXIS, 1, "axis of the vectors, which goes", main=True),
        Attribute("eps", Number(0), 1e-08, "least norm, against division by zero"),
    )
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(max(map(len, xs))))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside((self.axis,), max(map(len, xs))):
            return ((DIM, 1),)
        return broadcast_needs(xs)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        y = broadcast(xs)
        return ((*y[: self.axis], *y[self.axis + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        each = [stretched(x, broadcast(xs)) for x in xs]
        return [(*r[: self.axis], *r[self.axis + 1 :]) for r in each]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Of each side the vectors as they came, their norms, and those of the other side of length 1."""
        return [kept for n in (0, 1) for kept in (Kept("input", n, when=(n,)), *self.kept_side(n, xs, ys))]

    def kept_side(self, n: int, xs: Sequence[Shape], ys: Sequence[Shape]) -> list[Kept]:
        norms = Kept("new", shape=ys[0], when=(n,))
        return [Kept("new", shape=broadcast(xs), when=(n,)), norms, norms]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4), (2, 3, 5, 4))),
            ({"dim": -1}, ((4, 3), (3,))),
            ({"dim": 1}, ((4, 3, 5), (1, 3, 5))),
            ({"dim": 0}, ((7,), (7,))),
        ]


class PairwiseDistance(Comparison):
    """The norm of the difference of two vectors.

    Sizes: sizes of 1 stretch; the last axis goes, or stays with size 1.
    Cost: no parameters and no multiply-accumulates; training keeps the difference and the distance.
    Pitfalls: eps is added to each difference, so equal vectors have a distance; it pairs vectors in order and does
        not compare all with all.
    Torch: torch.nn.PairwiseDistance.
    """

    attributes = (
        Attribute("p", NUMBER, 2.0, "the p of the norm", main=True),
        Attribute("eps", NUMBER, 1e-06, "added to each difference"),
        Attribute("keepdim", FLAG, False, "whether the last axis stays with size 1"),
    )
    further: ClassVar[Mapping[str, frozenset[str]]] = {"x2": NUMBERS}
    p: float
    keepdim: bool

    def needs(self, *xs: Shape) -> Sequence[Need]:
        needs = broadcast_needs(xs)
        y = broadcast(xs)
        if y and (self.p < 0 or self.p == float("inf")):
            needs.append((NO_VALUES, y[-1] - 1))
        return needs

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        y = broadcast(xs)
        return ((*y[:-1], *[1] * bool(self.keepdim and y)),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The last axis is seen whole: no axis of the output names it."""
        y = broadcast(xs)
        last: Any = ((None, POINT),) * bool(self.keepdim and y)
        return [(*stretched(x, y)[:-1], *last) for x in xs]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("new", shape=broadcast(xs)), *KEEPS_OUTPUT)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3))),
            ({"p": 1, "keepdim": True}, ((2, 4, 3), (4, 3))),
            ({"p": 3.0}, ((5,), (5,))),
        ]


def _say_dim(op: Any, xs: Sequence[Shape], axis: int) -> str:
    longest = max(xs, key=len)
    return f"dim is {op.dim}, but {listed(longest)} has {numbered(len(longest))}"


def _say_no_values(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"vectors of no values arrive, for which there is no norm with p {op.p}"


DIM = Claim("SC213", "dim", ZERO, _say_dim)
NO_VALUES = Claim("SC203", "p", AT_LEAST_ZERO, _say_no_values)
