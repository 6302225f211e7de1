"""Losses that compare two tensors value by value, and what all losses share: how single losses become one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import is_one, listed
from shapecalc.ops.dtypes import FLOATS, NUMBERS, promoted
from shapecalc.ops.factors import Factors
from shapecalc.ops.kinds import FLAG, NUMBER, Null, Number, Word
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
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


REDUCTION = Attribute("reduction", Choice("mean", "sum", "none"), "mean", "what single losses become", main=True)
AVERAGE = absent("size_average", "deprecated in torch; only null here")
REDUCE = absent("reduce", "deprecated in torch; only null here")
REDUCED = (AVERAGE, REDUCE, REDUCTION)


class Loss(Operator):
    """What losses share: no weights, no multiply-accumulates, and a number unless `reduction: none`."""

    roles = frozenset({"loss"})
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

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes),)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def buffers(self) -> Mapping[str, Shape]:
        """Factors that are given, which torch registers by the argument's name."""
        given = {a.name: getattr(self, a.name) for a in self.attributes}
        return {name: value.shape for name, value in given.items() if isinstance(value, Factors)}

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
        every prediction with every target. BCELoss and BCEWithLogitsLoss refuse that. The deprecated arguments take
        null only.
    Torch: torch.nn.L1Loss, MSELoss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss, KLDivLoss, PoissonNLLLoss,
        GaussianNLLLoss, SoftMarginLoss, HingeEmbeddingLoss.
    """

    roles = frozenset({"loss", "by_value"})
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

    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": NUMBERS}

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("new", shape=broadcast(xs)),)


class MSELoss(ElementLoss):
    """The square of the difference."""


class SmoothL1Loss(ElementLoss):
    """The square of differences below beta, the absolute value of others."""

    attributes = (*REDUCED, Attribute("beta", Number(0), 1.0, "difference at which the square goes over"))
    beta: float

    def unfit_dtypes(self, *dtypes: str) -> str:
        return "takes no bool where beta is 0" if "bool" in dtypes and not self.beta else ""

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """With beta 0 torch takes L1Loss."""
        return super().saved(xs, ys) if self.beta else (Kept("new", shape=broadcast(xs)),)

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"beta": 0.0}, ((3, 4), (4,))), ({"beta": 2.0}, ((3, 4), (3, 4)))]


class HuberLoss(ElementLoss):
    """The square of differences below delta, a straight line for others."""

    attributes = (REDUCTION, Attribute("delta", ABOVE, 1.0, "difference at which the square goes over"))

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return dtypes[:1]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"delta": 0.5}, ((3, 4), (3, 4)))]


class KLDivLoss(ElementLoss):
    """The divergence of logarithms of probabilities from probabilities."""

    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": FLOATS}

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
            return (Kept("input", when=(1,)), Kept("input", 1))
        return (Kept("new", shape=xs[1]), Kept("new", shape=broadcast(xs), when=(1,)))

    @classmethod
    def samples(cls) -> Any:
        more = [({"reduction": "batchmean"}, ((3, 4), (3, 4))), ({"log_target": True}, ((3, 4), (4,)))]
        return [*super().samples(), *more]


class HingeEmbeddingLoss(ElementLoss):
    """The distance where the target is 1; what it lacks of the margin where it is -1."""

    attributes = (Attribute("margin", NUMBER, 1.0, "distance due where the target is -1"), *REDUCED)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return dtypes[:1]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        mask = Kept("new", shape=xs[1], width=1, when=(0,))
        return (Kept("new", shape=xs[0], when=(0,)), mask, mask)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5), (2, 3, 5))),
            ({"margin": 0.5}, ((4, 3), (3,))),
            ({"reduction": "sum"}, ((2, 1), (2, 3))),
        ]


class SoftMarginLoss(ElementLoss):
    """The logistic loss of targets 1 and -1; only the target stretches, and torch gives it no gradient."""

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return dtypes[:1]

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


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"target {listed(xs[1])} does not stretch to input {listed(xs[0])}"


def _say_no_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{type(op).__name__} takes an axis of classes, and a scalar arrives, which has none"


TARGET = Claim("SC211", "", ZERO, _say_target)
NO_CLASSES = Claim("SC209", "", ZERO, _say_no_classes)
