"""Losses that compare two tensors value by value, and what all losses share: how single losses become one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import is_one, listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, NUMBER, Null, Number, Word
from shapecalc.ops.merge import broadcast, broadcast_needs, equal_needs, stretched
from shapecalc.ops.op import NO_WEIGHTS, ZERO, Attribute, Claim, Kept, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Choice(Word):
    """One of a closed list of words that are read as text: `sum` and `mean` stay free as names of params."""

    text = True

    def __init__(self, *words: str) -> None:
        super().__init__(*words)
        self.words = frozenset()

    def read(self, value: Any) -> str:
        if isinstance(value, str) and value in self.order:
            return value
        raise self.unfit(value)


class Above(Number):
    """A number greater than 0."""

    def __init__(self) -> None:
        super().__init__(0)
        self.wants = "a number greater than 0"

    def read(self, value: Any) -> Any:
        number = super().read(value)
        if number == 0:
            raise self.unfit(value)
        return number


ABOVE = Above()
NOT_TAKEN = Null()


def absent(name: str, doc: str) -> Attribute:
    """An argument of torch's constructor that only null stands for."""
    return Attribute(name, NOT_TAKEN, None, doc)


def tensor(name: str, doc: str) -> Attribute:
    """An argument that wants a tensor, which a spec cannot write."""
    return absent(name, f"{doc}: a tensor, so only null here")


REDUCTION = Attribute("reduction", Choice("mean", "sum", "none"), "mean", "what single losses become", main=True)
AVERAGE = absent("size_average", "deprecated in torch; only null here")
REDUCE = absent("reduce", "deprecated in torch; only null here")
REDUCED = (AVERAGE, REDUCE, REDUCTION)


class Loss(Operator):
    """What losses share: no weights, no multiply-accumulates, and a number unless `reduction: none`."""

    takes = FLOATS
    inputs: ClassVar[tuple[str, ...]] = ("input", "target")
    reduction: str

    def elements(self, xs: Sequence[Shape]) -> Shape:
        """The shape of the single losses."""
        raise NotImplementedError

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        """What a single loss sees of each input."""
        return [stretched(x, self.elements(xs)) for x in xs]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (self.elements(xs) if self.reduction == "none" else (),)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """A mean or a sum has no axis that would name one of the inputs: it sees them whole."""
        return self.reads(xs) if self.reduction == "none" else [()] * len(xs)


class ElementLoss(Loss):
    """One loss for each value of the prediction, from the value of the target in its place.

    Sizes: a single number; with `reduction: none` one loss for each value.
    Cost: no parameters and no multiply-accumulates; training keeps about what is compared.
    Pitfalls: most of them stretch sizes of 1 as torch does, which warns of it at most: [N, 1] against [N] compares
        every prediction with every target. BCELoss and BCEWithLogitsLoss refuse that. Arguments that want a tensor
        (weight, pos_weight) and the deprecated ones take null only.
    Torch: torch.nn.L1Loss, MSELoss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss, KLDivLoss, PoissonNLLLoss,
        GaussianNLLLoss, SoftMarginLoss, HingeEmbeddingLoss.
    """

    attributes: ClassVar[tuple[Attribute, ...]] = REDUCED

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return broadcast_needs(xs)

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return broadcast(xs)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "none"}, ((4, 3), (3,))),
            ({"reduction": "sum"}, ((), ())),
            ({"reduction": "none"}, ((2, 1), (2, 3))),
        ]


class L1Loss(ElementLoss):
    """The absolute difference."""

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("new", shape=broadcast(xs)),)


class MSELoss(ElementLoss):
    """The square of the difference."""


class SmoothL1Loss(ElementLoss):
    """The square of differences below beta, the absolute value of others."""

    attributes = (*REDUCED, Attribute("beta", Number(0), 1.0, "difference at which the square goes over"))
    beta: float

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """With beta 0 torch takes L1Loss."""
        return super().saved(xs, ys) if self.beta else (Kept("new", shape=broadcast(xs)),)

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"beta": 0.0}, ((3, 4), (4,))), ({"beta": 2.0}, ((3, 4), (3, 4)))]


class HuberLoss(ElementLoss):
    """The square of differences below delta, a straight line for others."""

    attributes = (REDUCTION, Attribute("delta", ABOVE, 1.0, "difference at which the square goes over"))

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"delta": 0.5}, ((3, 4), (3, 4)))]


class EqualLoss(ElementLoss):
    """What losses share that stretch nothing."""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return equal_needs(xs)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5), (2, 3, 5))), ({"reduction": "sum"}, ((), ()))]


class BCELoss(EqualLoss):
    """The cross entropy of probabilities with probabilities."""

    attributes = (tensor("weight", "factors of the losses"), *REDUCED)


class BCEWithLogitsLoss(EqualLoss):
    """The cross entropy of logits with probabilities: BCELoss of their sigmoid."""

    attributes = (
        tensor("weight", "factors of the losses"),
        *REDUCED,
        tensor("pos_weight", "factors of the positive classes"),
    )

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"reduction": "none"}, ((4, 3), (4, 3)))]


class KLDivLoss(ElementLoss):
    """The divergence of logarithms of probabilities from probabilities."""

    attributes = (
        AVERAGE,
        REDUCE,
        Attribute(
            "reduction",
            Choice("mean", "sum", "none", "batchmean"),
            "mean",
            "what single losses become; batchmean is the divergence proper",
            main=True,
        ),
        Attribute("log_target", FLAG, False, "whether the target holds logarithms too"),
    )
    log_target: bool

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        if not self.log_target:
            return super().saved(xs, ys)
        return (Kept("new", shape=xs[1]), Kept("new", shape=broadcast(xs)))

    @classmethod
    def samples(cls) -> Any:
        more = [({"reduction": "batchmean"}, ((3, 4), (3, 4))), ({"log_target": True}, ((3, 4), (4,)))]
        return [*super().samples(), *more]


class PoissonNLLLoss(ElementLoss):
    """The negative log likelihood of counts, given the rate or its logarithm."""

    attributes = (
        Attribute("log_input", FLAG, True, "whether the input is the logarithm of the rate"),
        Attribute("full", FLAG, False, "whether Stirling's approximation of the constant term is added"),
        AVERAGE,
        Attribute("eps", NUMBER, 1e-08, "added to the rate, against the logarithm of 0"),
        REDUCE,
        REDUCTION,
    )
    log_input: bool
    full: bool

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        x, t = xs
        new = Kept("new", shape=x)
        kept = [Kept("input", 1), new, Kept("input") if self.log_input else new]
        if self.full:
            kept += [Kept("new", shape=t), Kept("new", shape=t), Kept("new", shape=t, width=1)]
        return kept

    @classmethod
    def samples(cls) -> Any:
        more = [({"full": True}, ((3, 4), (4,))), ({"log_input": False, "full": True}, ((4,), (3, 4)))]
        return [*super().samples(), ({"log_input": False}, ((3, 4), (3, 4))), *more]


class HingeEmbeddingLoss(ElementLoss):
    """The distance where the target is 1; what it lacks of the margin where it is -1."""

    attributes = (Attribute("margin", NUMBER, 1.0, "distance due where the target is -1"), *REDUCED)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        mask = Kept("new", shape=xs[1], width=1)
        return (Kept("new", shape=xs[0]), mask, mask)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5), (2, 3, 5))),
            ({"margin": 0.5}, ((4, 3), (3,))),
            ({"reduction": "sum"}, ((2, 1), (2, 3))),
        ]


class SoftMarginLoss(ElementLoss):
    """The logistic loss of targets 1 and -1; only the target stretches, and torch gives it no gradient."""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, t = xs
        if len(t) > len(x):
            return ((TARGET, 1),)
        aligned = zip(x[len(x) - len(t) :], t, strict=True)
        return [(TARGET, b - a) for a, b in aligned if not is_one(b)]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return xs[0]

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((5, 4), (5, 4))), ({"reduction": "none"}, ((2, 3), (3,)))]


class GaussianNLLLoss(ElementLoss):
    """The negative log likelihood of values under a mean and a variance."""

    inputs = ("input", "target", "var")
    attributes = (
        Attribute("full", FLAG, False, "whether the constant term is added"),
        Attribute("eps", NUMBER, 1e-06, "least variance"),
        REDUCTION,
    )

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """The variance has the input's shape, with one axis of size 1 at most, or lacks the last axis."""
        x, _, var = xs
        if len(var) + 1 == len(x):
            return [*[(VAR, v - i) for v, i in zip(var, x, strict=False)], *broadcast_needs(xs[:2])]
        if len(var) != len(x):
            return ((VAR, 1),)
        other = [(v, i) for v, i in zip(var, x, strict=True) if v != i]
        if sum(is_one(v) for v, _ in other) > 1:
            return ((VAR, 1),)
        unequal: list[Need] = [(VAR, v - i) for v, i in other if not is_one(v)]
        return [*unequal, *broadcast_needs(xs[:2])]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return broadcast(xs[:2])

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        x, t, _ = xs
        y = self.elements(xs)
        return [stretched(x, y), stretched(t, y), stretched(self.variances(xs), y)[: len(y)]]

    def variances(self, xs: Sequence[Shape]) -> Shape:
        x, _, var = xs
        return var if len(var) == len(x) else (*var, 1)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        y = Kept("new", shape=self.elements(xs))
        return (Kept("new", shape=xs[2]), y, y)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4, 3))),
            ({"reduction": "none"}, ((4, 3), (4, 3), (4, 1))),
            ({"full": True, "reduction": "sum"}, ((4, 3), (4, 3), (1, 3))),
        ]


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the logistic losses of labels of 0 and 1.

    Sizes: a single number; with `reduction: none` the classes, the last axis of the input, go.
    Cost: no parameters and no multiply-accumulates; training keeps eight tensors of the input's size.
    Pitfalls: `weight` wants a tensor, so only null is taken. Sizes of 1 stretch without a warning.
    Torch: torch.nn.MultiLabelSoftMarginLoss.
    """

    attributes = (tensor("weight", "factors of the classes"), *REDUCED)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return broadcast_needs(xs) if xs[0] else ((NO_CLASSES, 1),)

    def elements(self, xs: Sequence[Shape]) -> Shape:
        y, classes = broadcast(xs), len(xs[0]) - 1
        return (*y[:classes], *y[classes + 1 :])

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        y, classes = broadcast(xs), len(xs[0]) - 1
        each = [stretched(x, y) for x in xs]
        return [(*r[:classes], *r[classes + 1 :]) for r in each]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Both, the logarithms of both sigmoids with what torch notes down of each, and what is left of 1."""
        new = Kept("new", shape=xs[0])
        return (Kept("input"), Kept("input", 1), *[new] * 5, Kept("new", shape=xs[1]))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((5, 4), (5, 4))),
            ({"reduction": "none"}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "none"}, ((2, 3), (3,))),
            ({"reduction": "sum"}, ((4,), (4,))),
        ]


def _say_var(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"var {listed(xs[2])} does not fit input {listed(xs[0])}"


def _advise_var(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "it may have the input's shape, size 1 on one axis of it, or lack the last axis"


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"target {listed(xs[1])} does not stretch to input {listed(xs[0])}"


def _say_no_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{type(op).__name__} takes an axis of classes, and a scalar arrives, which has none"


VAR = Claim("SC211", "", ZERO, _say_var, _advise_var)
TARGET = Claim("SC211", "", ZERO, _say_target)
NO_CLASSES = Claim("SC209", "", ZERO, _say_no_classes)
