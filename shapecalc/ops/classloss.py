"""Losses of scores for classes against the class that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.factors import factors
from shapecalc.ops.kinds import INT, Number
from shapecalc.ops.loss import AVERAGE, NO_CLASSES, REDUCE, REDUCTION, Loss
from shapecalc.ops.merge import equal_needs
from shapecalc.ops.op import ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.factors import Factors
    from shapecalc.ops.op import Need, Reads, Shape

WEIGHT = factors("weight", "factors of the classes, as many as there are")
INDEX = frozenset({"int64", "uint8"})
"""Dtypes of indices of classes."""
IGNORED = Attribute("ignore_index", INT, -100, "class of positions that do not count")


class ClassLoss(Loss):
    """What losses share whose input has an axis of classes: the second, or the only one of an unbatched input."""

    weight: Factors | None

    def classes(self, x: Shape) -> int:
        return min(1, len(x) - 1)

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return without(xs[0], self.classes(xs[0]))

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        """The axis of classes is seen whole; the others at the place of the loss."""
        left = [a for a in range(len(xs[0])) if a != self.classes(xs[0])]
        scores: Any = tuple((a, POINT) for a in left)
        indices: Any = tuple((n, POINT) for n in range(len(left)))
        return [scores, scores if len(xs[1]) == len(xs[0]) else indices]

    def weight_needs(self, x: Shape) -> list[Need]:
        """As many factors as classes."""
        axis = self.classes(x)
        return [] if self.weight is None else [(CLASSES, x[axis] - self.weight.shape[0], axis)]

    def index_needs(self, x: Shape, target: Shape) -> list[Need]:
        """One class for each position: the target has the input's sizes without the classes."""
        due = without(x, self.classes(x))
        if len(due) != len(target):
            return [(TARGET, 1)]
        return [(TARGET, t - d) for t, d in zip(target, due, strict=True) if t is not d]


class CrossEntropyLoss(ClassLoss):
    """The cross entropy of scores for classes with the right class, or with probabilities of the classes.

    Sizes: input [N, C, ...] or [C]. A target of the same shape holds probabilities, one without the classes indices.
        A single number; with `reduction: none` one loss for each position.
    Cost: no parameters and no multiply-accumulates; `weight` is a buffer; training keeps a tensor of
        the input's size, and the target.
    Pitfalls: it takes scores, not probabilities: a Softmax before it counts twice. Classes are axis 1, so a sequence
        [N, T, C] must be transposed. Indices must be int64, probabilities floats.
    Torch: torch.nn.CrossEntropyLoss.
    """

    roles = frozenset({"loss", "takes_scores", "by_class"})
    attributes: ClassVar[tuple[Attribute, ...]] = (
        WEIGHT,
        AVERAGE,
        IGNORED,
        REDUCE,
        REDUCTION,
        Attribute("label_smoothing", Number(None, 1), 0.0, "share of probability that all classes divide"),
    )
    label_smoothing: float
    ignore_index: Dim | None
    probabilities: bool

    def settle(self, *xs: Shape) -> None:
        self.probabilities = len(xs[1]) == len(xs[0])

    def unfit_dtypes(self, *dtypes: str) -> str:
        """Indices and probabilities are told apart by the target's shape, and each wants dtypes of its own."""
        target = dtypes[1]
        if not self.probabilities:
            return "" if target in INDEX else f"takes int64 or uint8 as indices of classes, and its target is {target}"
        if target not in FLOATS:
            return f"takes a target of the input's shape as probabilities, which are floats, and it is {target}"
        ignores = isinstance(self.ignore_index, int) and self.ignore_index >= 0
        return f"leaves no class out of probabilities, and ignore_index is {self.ignore_index}" if ignores else ""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        if not x:
            return ((NO_CLASSES, 1),)
        fitting = equal_needs(xs) if len(target) == len(x) else self.index_needs(x, target)
        return [*fitting, *self.weight_needs(x)]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The logarithms, the target (probabilities smoothed), and of indices their number and which are ignored."""
        x, target = xs
        logarithms, smooth = Kept("new", shape=x), self.label_smoothing > 0
        if len(target) == len(x):
            return (logarithms, Kept("new", shape=x, when=(0,)) if smooth else Kept("input", 1, when=(0,)))
        kept = [logarithms, Kept("input", 1), Kept("new")]
        if smooth:
            count = Kept("new", width=8 if self.weight is None else None)
            kept += [Kept("new", shape=target, width=1), *[count] * (self.reduction == "mean")]
        return kept

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3))),
            ({"reduction": "none"}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "sum", "label_smoothing": 0.25}, ((4, 3, 2, 5), (4, 3, 2, 5))),
            ({"reduction": "none"}, ((3,), (3,))),
            ({"weight": [1.0, 2.0, 0.5]}, ((4, 3, 5), (4, 3, 5))),
        ]


class NLLLoss(ClassLoss):
    """The negative logarithm of the probability of the right class, logarithms being given.

    Sizes: input [N, C, ...] or [C], target without the classes. A single number; with `reduction: none` one loss for
        each position.
    Cost: no parameters and no multiply-accumulates; `weight` is a buffer; training keeps both inputs.
    Pitfalls: it takes logarithms: LogSoftmax comes before it. The target holds indices, int64.
    Torch: torch.nn.NLLLoss.
    """

    roles = frozenset({"loss", "takes_log_probabilities", "by_class"})
    attributes = (WEIGHT, AVERAGE, IGNORED, REDUCE, REDUCTION)
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": INDEX}
    placed: bool

    def settle(self, *xs: Shape) -> None:
        self.placed = len(xs[0]) > 2

    def unfit_dtypes(self, *dtypes: str) -> str:
        return "takes no uint8 where there are axes behind the classes" if "uint8" in dtypes and self.placed else ""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        if not x:
            return ((NO_CLASSES, 1),)
        if len(x) == len(target) == 1:  # torch takes one index in a list too
            return [(TARGET, target[0] - 1), *self.weight_needs(x)]
        return [*self.index_needs(x, target), *self.weight_needs(x)]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1), Kept("new"))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4,))),
            ({"reduction": "none"}, ((4, 3, 5, 6), (4, 5, 6))),
            ({"reduction": "sum"}, ((3,), ())),
            ({"weight": [1, 2.5, 0.5]}, ((4, 3, 5), (4, 5))),
        ]


class NLLLoss2d(NLLLoss):
    """NLLLoss by an old name, which torch warns of."""


def without(x: Shape, axis: int) -> Shape:
    """The shape without an axis."""
    return (*x[:axis], *x[axis + 1 :])


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    due = listed(without(xs[0], op.classes(xs[0])))
    return f"target {listed(xs[1])} does not fit input {listed(xs[0])}: indices of classes are {due}"


def _say_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = op.weight.shape[0]
    return (
        f"weight has {given} number{'s' * (given != 1)}, and axis {axis} of {listed(xs[0])} has {xs[0][axis]} classes"
    )


TARGET = Claim("SC211", "", ZERO, _say_target)
CLASSES = Claim("SC211", "weight", ZERO, _say_classes)
