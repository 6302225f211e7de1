"""Losses of yes-or-no answers: cross entropies and logistic losses of independent labels, with factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import FLOATS, NUMBERS
from shapecalc.ops.factors import factors
from shapecalc.ops.loss import NO_CLASSES, REDUCED, ElementLoss, Loss
from shapecalc.ops.merge import broadcast, broadcast_needs, equal_needs, stretched
from shapecalc.ops.op import ZERO, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.factors import Factors
    from shapecalc.ops.op import Need, Reads, Shape

WEIGHT = factors("weight", "factors of the losses, which stretch to the input", nested=True)
POS_WEIGHT = factors("pos_weight", "factors of the losses of positive labels, which stretch to the input", nested=True)


class EqualLoss(ElementLoss):
    """What both cross entropies share: they stretch nothing but their factors."""

    roles = frozenset({"loss"})

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return [*equal_needs(xs), *(n for name in self.buffers() for n in self.fits(name, xs[0]))]

    def fits(self, name: str, x: Shape) -> list[Need]:
        """That factors stretch to the input's shape, and do not stretch it."""
        claim = FITS[name]
        given = self.buffers()[name]
        if len(given) > len(x):
            return [(claim, 1)]
        aligned = zip(x[len(x) - len(given) :], given, strict=True)
        return [(claim, size - factor) for size, factor in aligned if factor != 1]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "sum"}, ((), ())),
            ({"weight": [1.0, 2.0, 0.5]}, ((4, 3), (4, 3))),
            ({"weight": [[1], [2]], "reduction": "none"}, ((3, 2, 5), (3, 2, 5))),
        ]


class BCELoss(EqualLoss):
    """The cross entropy of probabilities with probabilities."""

    roles = frozenset({"loss", "takes_probabilities"})
    same_dtype = frozenset({"target"})
    attributes = (WEIGHT, *REDUCED)


class BCEWithLogitsLoss(EqualLoss):
    """The cross entropy of logits with probabilities: BCELoss of their sigmoid."""

    roles = frozenset({"loss", "takes_scores"})
    attributes = (WEIGHT, *REDUCED, POS_WEIGHT)
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": FLOATS}

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        """torch computes in place of what it makes of the target."""
        return dtypes[1:2]

    @classmethod
    def samples(cls) -> Any:
        more = {"weight": [1.0, 2.0], "pos_weight": [[0.5], [1.5], [3]]}
        return [*super().samples(), ({"reduction": "none"}, ((4, 3), (4, 3))), (more, ((4, 3, 2), (4, 3, 2)))]


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the logistic losses of labels of 0 and 1.

    Sizes: a single number; with `reduction: none` the classes, the last axis of the input, go.
    Cost: no parameters and no multiply-accumulates; `weight` is a buffer; training keeps eight tensors of the input's
        size.
    Pitfalls: it takes scores, not probabilities. Sizes of 1 stretch without a warning, to those of the factors too.
    Torch: torch.nn.MultiLabelSoftMarginLoss.
    """

    roles = frozenset({"loss", "takes_scores"})
    attributes = (factors("weight", "factors of the classes"), *REDUCED)
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": NUMBERS}
    weight: Factors | None

    def stretched_to(self, xs: Sequence[Shape]) -> list[Shape]:
        """The shapes that stretch to each other: the factors' is one of them."""
        return [*xs, *self.buffers().values()]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if not xs[0]:
            return ((NO_CLASSES, 1),)
        needs, y = broadcast_needs(xs), broadcast(xs)
        factors = [broadcast_needs((y, shape)) for shape in self.buffers().values()]
        return [*needs, *((CLASSES, gap) for each in factors for _, gap, *_ in each)]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        y, classes = broadcast(self.stretched_to(xs)), len(xs[0]) - 1
        return (*y[:classes], *y[classes + 1 :])

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        y, classes = broadcast(self.stretched_to(xs)), len(xs[0]) - 1
        each = [stretched(x, y) for x in xs]
        return [(*r[:classes], *r[classes + 1 :]) for r in each]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Both, the logarithms of both sigmoids with what torch notes down of each, and what is left of 1."""
        new, logarithm = Kept("new", shape=xs[0], when=(0,)), Kept("new", shape=xs[0], when=(1,))
        inputs = Kept("input", when=(0,)), Kept("input", 1, when=(0,))
        return (*inputs, new, new, new, logarithm, logarithm, Kept("new", shape=xs[1], when=(0,)))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((5, 4), (5, 4))),
            ({"reduction": "none"}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "none"}, ((2, 3), (3,))),
            ({"reduction": "sum"}, ((4,), (4,))),
            ({"weight": [1.0, 0.5, 2.0]}, ((5, 3), (5, 3))),
        ]


def fit_claim(name: str) -> Claim:
    """Refuses factors that do not stretch to the input."""

    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        return f"{name} {listed(getattr(op, name).shape)} does not stretch to input {listed(xs[0])}"

    return Claim("SC211", name, ZERO, say)


def _say_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"weight has {op.weight.shape[0]} numbers, and the last axis of {listed(broadcast(xs))} other classes"


FITS = {name: fit_claim(name) for name in ("weight", "pos_weight")}
CLASSES = Claim("SC211", "weight", ZERO, _say_classes)
