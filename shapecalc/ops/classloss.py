"""Losses of scores for classes against the class that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.kinds import INT, Number
from shapecalc.ops.loss import AVERAGE, NO_CLASSES, REDUCE, REDUCTION, Loss, tensor
from shapecalc.ops.merge import equal_needs
from shapecalc.ops.op import ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Need, Reads, Shape

WEIGHT = tensor("weight", "factors of the classes")
IGNORED = Attribute("ignore_index", INT, -100, "class of positions that do not count")


class ClassLoss(Loss):
    """What losses share whose input has an axis of classes: the second, or the only one of an unbatched input."""

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
    Cost: no parameters and no multiply-accumulates; training keeps a tensor of the input's size, and the target.
    Pitfalls: it takes scores, not probabilities: a Softmax before it counts twice. Classes are axis 1, so a sequence
        [N, T, C] must be transposed. Indices must be int64, probabilities floats, which is not checked. `weight`
        wants a tensor, so only null is taken.
    Torch: torch.nn.CrossEntropyLoss.
    """

    attributes = (
        WEIGHT,
        AVERAGE,
        IGNORED,
        REDUCE,
        REDUCTION,
        Attribute("label_smoothing", Number(None, 1), 0.0, "share of probability that all classes divide"),
    )
    label_smoothing: float

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        if not x:
            return ((NO_CLASSES, 1),)
        return equal_needs(xs) if len(target) == len(x) else self.index_needs(x, target)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The logarithms, the target (probabilities smoothed), and of indices their number and which are ignored."""
        x, target = xs
        logarithms, smooth = Kept("new", shape=x), self.label_smoothing > 0
        if len(target) == len(x):
            return (logarithms, Kept("new", shape=x) if smooth else Kept("input", 1))
        kept = [logarithms, Kept("input", 1), Kept("new")]
        if smooth:
            kept += [Kept("new", shape=target, width=1), *[Kept("new", width=8)] * (self.reduction == "mean")]
        return kept

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3))),
            ({"reduction": "none"}, ((2, 3, 5), (2, 3, 5))),
            ({"reduction": "sum", "label_smoothing": 0.25}, ((4, 3, 2, 5), (4, 3, 2, 5))),
            ({"reduction": "none"}, ((3,), (3,))),
        ]


class NLLLoss(ClassLoss):
    """The negative logarithm of the probability of the right class, logarithms being given.

    Sizes: input [N, C, ...] or [C], target without the classes. A single number; with `reduction: none` one loss for
        each position.
    Cost: no parameters and no multiply-accumulates; training keeps both inputs.
    Pitfalls: it takes logarithms: LogSoftmax comes before it. The target holds indices, int64.
        `weight` wants a tensor, so only null is taken.
    Torch: torch.nn.NLLLoss.
    """

    attributes = (WEIGHT, AVERAGE, IGNORED, REDUCE, REDUCTION)
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": frozenset({"int64", "uint8"})}

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        if not x:
            return ((NO_CLASSES, 1),)
        if len(x) == len(target) == 1:  # torch takes one index in a list too
            return ((TARGET, target[0] - 1),)
        return self.index_needs(x, target)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1), Kept("new"))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4,))),
            ({"reduction": "none"}, ((4, 3, 5, 6), (4, 5, 6))),
            ({"reduction": "sum"}, ((3,), ())),
        ]


def without(x: Shape, axis: int) -> Shape:
    """The shape without an axis."""
    return (*x[:axis], *x[axis + 1 :])


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    due = listed(without(xs[0], op.classes(xs[0])))
    return f"target {listed(xs[1])} does not fit input {listed(xs[0])}: indices of classes are {due}"


TARGET = Claim("SC211", "", ZERO, _say_target)
