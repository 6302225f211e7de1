"""Losses of how far the scores of right classes lie above those of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import counted, listed
from shapecalc.ops.factors import factors
from shapecalc.ops.kinds import NUMBER, Whole
from shapecalc.ops.loss import REDUCED, Loss
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.factors import Factors
    from shapecalc.ops.op import Need, Reads, Shape


class MarginLoss(Loss):
    """What both share: scores [N, C], [C] or a scalar, and a target of indices."""

    ranks = (0, 1, 2)
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": frozenset({"int64"})}

    def class_needs(self, x: Shape) -> list[Need]:
        """At least one class; a scalar counts as one."""
        return [(NO_CLASS, x[-1] - 1, len(x) - 1)] if x else []

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return xs[0][:-1]


class OneOrTwo(Whole):
    """The powers that torch has."""

    def __init__(self) -> None:
        super().__init__(1)
        self.wants = "1 or 2"

    def read(self, value: Any) -> Dim:
        if type(super().read(value)) is not int or value > 2:
            raise self.unfit(value)
        return int(value)


class MultiMarginLoss(MarginLoss):
    """How far each wrong class comes within a margin of the right one: the hinge loss of several classes.

    Sizes: scores [N, C] and targets [N], or [C] and one index. A single number; with `reduction: none` one loss for
        each sample.
    Cost: no parameters and no multiply-accumulates; `weight` is a buffer; training keeps both inputs.
    Pitfalls: it takes no further axes behind the classes; the target holds indices, int64.
    Torch: torch.nn.MultiMarginLoss.
    """

    roles = frozenset({"loss", "by_class"})
    attributes = (
        Attribute("p", OneOrTwo(), 1, "the power of what is lacking, 1 or 2"),
        Attribute("margin", NUMBER, 1.0, "by how much the right class is due to be above"),
        factors("weight", "factors of the classes, as many as there are"),
        *REDUCED,
    )
    weight: Factors | None

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        samples, classes = (x[0], x[1]) if len(x) == 2 else (1, x[0] if x else 1)
        given = [] if self.weight is None else [self.weight.shape[0]]
        weights: list[Need] = [(CLASSES, classes - n, len(x) - 1) for n in given]
        if len(target) > 1:
            return ((INDICES, 1),)
        return [*self.class_needs(x), (INDICES, (target[0] if target else 1) - samples), *weights]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        """torch makes a list of one loss of a list of one index."""
        return xs[1]

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        x, target = xs
        if not target:
            return [(), ()]
        return [((0 if len(x) == 2 else None, POINT),), ((0, POINT),)]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4,))),
            ({"reduction": "none", "p": 2, "margin": 0.5}, ((4, 3), (4,))),
            ({"reduction": "none", "weight": [1.0, 0.5, 2]}, ((5, 3), (5,))),
            ({"reduction": "sum"}, ((3,), ())),
        ]


class MultiLabelMarginLoss(MarginLoss):
    """How far each wrong class comes within a margin of 1 of each right one, several being right.

    Sizes: scores and targets [N, C], or [C]. A single number; with `reduction: none` one loss for each sample.
    Cost: no parameters and no multiply-accumulates; training keeps both inputs and which classes are right.
    Pitfalls: the target lists the indices of the right classes, int64, and is filled up with -1: it is no mask of 0
        and 1.
    Torch: torch.nn.MultiLabelMarginLoss.
    """

    attributes = REDUCED

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        if len(x) < 2:
            sizes = (x or (1,), target or (1,))
            return [*self.class_needs(x), *self.equal(*sizes)]
        return [*self.class_needs(x), *self.equal(x, target)]

    def equal(self, x: Shape, target: Shape) -> list[Need]:
        if len(x) != len(target):
            return [(LABELS, 1)]
        return [(LABELS, t - n, a) for a, (t, n) in enumerate(zip(target, x, strict=True)) if t is not n]

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        rows: Reads = ((0, POINT),) if len(xs[0]) == 2 else ()
        return [rows, rows]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (*KEEPS_INPUT, Kept("input", 1), Kept("new", shape=xs[1]))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3))),
            ({"reduction": "none"}, ((4, 3), (4, 3))),
            ({"reduction": "sum"}, ((5,), (5,))),
        ]


def _say_no_class(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} holds the classes, and there are none"


def _say_indices(op: Any, xs: Sequence[Shape], axis: int) -> str:
    due = f"[{xs[0][0]}]" if len(xs[0]) == 2 else "one index"
    return f"target {listed(xs[1])} does not fit input {listed(xs[0])}: {due} is due"


def _say_labels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"target {listed(xs[1])} is not of the shape of input {listed(xs[0])}"


def _say_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    classes = xs[0][axis] if xs[0] else counted(0)
    return f"weight has {op.weight.shape[0]} numbers, and {listed(xs[0])} holds {classes} classes"


NO_CLASS = Claim("SC211", "", AT_LEAST_ZERO, _say_no_class)
INDICES = Claim("SC211", "", ZERO, _say_indices)
LABELS = Claim("SC211", "", ZERO, _say_labels)
CLASSES = Claim("SC211", "weight", ZERO, _say_classes)
