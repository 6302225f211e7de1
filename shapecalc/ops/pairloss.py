"""Losses of distances between vectors: of pairs, of ranks, and of triplets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import NUMBERS, promoted
from shapecalc.ops.kinds import FLAG, NUMBER
from shapecalc.ops.loss import ABOVE, REDUCED, REDUCTION, Loss, absent
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
from shapecalc.ops.op import ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Need, Reads, Shape


class MarginRankingLoss(Loss):
    """What the first input lacks of being above the second by a margin; target -1 turns them round.

    Sizes: a single number; with `reduction: none` one loss for each value. Sizes of 1 stretch.
    Cost: no parameters and no multiply-accumulates; training keeps three tensors.
    Pitfalls: the three inputs must have equally many dimensions.
    Torch: torch.nn.MarginRankingLoss.
    """

    inputs = ("input1", "input2", "target")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"input2": NUMBERS, "target": NUMBERS}
    attributes = (Attribute("margin", NUMBER, 0.0, "by how much it is due to be above"), *REDUCED)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return broadcast_needs(xs) if len({*map(len, xs)}) == 1 else ((RANKS, 1),)

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return broadcast(xs)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        target, difference = Kept("new", shape=xs[2], when=(0, 1)), Kept("new", shape=broadcast(xs[:2]), when=(2,))
        return (target, difference, Kept("new", shape=broadcast(xs)))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4, 3))),
            ({"reduction": "none", "margin": 0.5}, ((2, 1), (1, 3), (2, 1))),
            ({"reduction": "sum"}, ((5,), (5,), (5,))),
        ]


class CosineEmbeddingLoss(Loss):
    """How far the cosine between two vectors is from 1, or above a margin where the target is -1.

    Sizes: vectors [N, D] and targets [N], or [D] and a scalar; a single number, with `reduction: none` one for each
        pair. Sizes of 1 stretch.
    Cost: no parameters and no multiply-accumulates; training keeps both inputs and seven numbers for each pair.
    Pitfalls: the target has one dimension fewer than the vectors.
    Torch: torch.nn.CosineEmbeddingLoss.
    """

    inputs = ("input1", "input2", "target")
    ranks = (1, 2)
    attributes = (Attribute("margin", NUMBER, 0.0, "cosine that is allowed where the target is -1"), *REDUCED)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes[:2]),)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        a, b, target = xs
        if not len(a) == len(b) == len(target) + 1:
            return ((COSINE_RANKS, 1),)
        return [*broadcast_needs((a, b)), *broadcast_needs((a[:-1], b[:-1], target))]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return broadcast((xs[0][:-1], xs[1][:-1], xs[2]))

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        y = self.elements(xs)
        return [stretched(x, y) for x in (xs[0][:-1], xs[1][:-1], xs[2])]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        a, b, target = xs
        pairs = broadcast((a[:-1], b[:-1]))
        both = (0, 1)
        norms = [Kept("new", shape=a[:-1], when=(1,)), Kept("new", shape=b[:-1], when=(0,))]
        mask = Kept("new", shape=target, width=1, when=both)
        products = [Kept("new", shape=pairs, when=both)] * 3
        return (Kept("input", when=both), Kept("input", 1, when=both), *norms, *products, mask, mask)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4,))),
            ({"margin": 0.25}, ((4, 3), (1, 3), (4,))),
            ({}, ((4, 3), (4, 3), (1,))),
            ({"reduction": "sum"}, ((3,), (3,), ())),
        ]


class TripletMarginLoss(Loss):
    """What an anchor lacks of being nearer to a positive example than to a negative one by a margin.

    Sizes: the features, the last axis, go; a single number, with `reduction: none` one for each triplet. Sizes of 1
        stretch.
    Cost: no parameters and no multiply-accumulates; training keeps the differences and the distances.
    Pitfalls: the three inputs must have equally many dimensions; eps is added to each difference.
    Torch: torch.nn.TripletMarginLoss.
    """

    inputs = ("anchor", "positive", "negative")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"positive": NUMBERS, "negative": NUMBERS}
    attributes: ClassVar[tuple[Attribute, ...]] = (
        Attribute("margin", ABOVE, 1.0, "by how much it is due to be nearer"),
        Attribute("p", NUMBER, 2.0, "the p of the norm"),
        Attribute("eps", NUMBER, 1e-06, "added to each difference"),
        Attribute("swap", FLAG, False, "whether the distance of positive and negative counts where it is less"),
        *REDUCED,
    )
    swap: bool

    def pairs(self, xs: Sequence[Shape]) -> list[tuple[Shape, Shape]]:
        """The pairs whose distances are taken."""
        a, p, n = xs
        return [(a, p), (a, n), (p, n)] if self.swap else [(a, p), (a, n)]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if len({*map(len, xs)}) > 1:
            return ((RANKS, 1),)
        each = [need for pair in self.pairs(xs) for need in broadcast_needs(pair)]
        return [*each, *broadcast_needs([x[:-1] for x in xs if x])] if xs[0] else each

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return broadcast([x[:-1] for x in xs])

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        return [stretched(x[:-1], self.elements(xs)) for x in xs]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """For each pair the difference and its norm; then what is cut at 0. The lesser of two norms needs both."""
        kept = [Kept("new", shape=self.elements(xs))]
        for pair, learning in zip(self.pairs(xs), ((0, 1), (0, 2), (1, 2)), strict=False):
            difference = broadcast(pair)
            swapped = self.swap and learning != (0, 1)
            norm = Kept("new", shape=difference[:-1], when=None if swapped else learning)
            kept += [Kept("new", shape=difference, when=learning), norm]
        return kept

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4, 3))),
            ({"reduction": "none", "swap": True, "p": 1.0}, ((2, 3), (1, 3), (1, 3))),
            ({"reduction": "sum", "margin": 0.5}, ((5,), (5,), (5,))),
        ]


class TripletMarginWithDistanceLoss(TripletMarginLoss):
    """TripletMarginLoss with a distance of one's own, of which only torch's is taken: PairwiseDistance.

    Sizes: the features, the last axis, go; a single number, with `reduction: none` one for each triplet. Sizes of 1
        stretch.
    Cost: no parameters and no multiply-accumulates; training keeps the differences and the distances.
    Pitfalls: the three inputs must have equally many dimensions. A function cannot be written in a spec: an operator
        for each distance and MarginRankingLoss behind them say the same.
    Torch: torch.nn.TripletMarginWithDistanceLoss.
    """

    attributes = (
        absent("distance_function", "a function of two tensors; only null here, for PairwiseDistance"),
        Attribute("margin", ABOVE, 1.0, "by how much it is due to be nearer"),
        Attribute("swap", FLAG, False, "whether the distance of positive and negative counts where it is less"),
        REDUCTION,
    )

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4, 3))),
            ({"reduction": "none", "swap": True}, ((2, 3), (1, 3), (1, 3))),
            ({"reduction": "sum", "margin": 0.5}, ((2, 5, 3), (2, 5, 3), (2, 5, 3))),
        ]


def _say_ranks(op: Any, xs: Sequence[Shape], axis: int) -> str:
    shapes = f"{listed(xs[0])}, {listed(xs[1])} and {listed(xs[2])}"
    return f"{', '.join(op.inputs[:2])} and {op.inputs[2]} differ in their number of dimensions: {shapes}"


def _say_cosine_ranks(op: Any, xs: Sequence[Shape], axis: int) -> str:
    shapes = f"{listed(xs[0])}, {listed(xs[1])} and {listed(xs[2])}"
    return f"the target must have one dimension fewer than both inputs; {shapes} arrive"


RANKS = Claim("SC209", "", ZERO, _say_ranks)
COSINE_RANKS = Claim("SC209", "", ZERO, _say_cosine_ranks)
