"""Losses of a value under a distribution: negative log likelihoods of counts and of values with a variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import is_one, listed
from shapecalc.ops.dtypes import FLOATS, NUMBERS
from shapecalc.ops.kinds import FLAG, NUMBER
from shapecalc.ops.loss import AVERAGE, REDUCE, REDUCTION, ElementLoss
from shapecalc.ops.merge import broadcast, broadcast_needs, same, stretched
from shapecalc.ops.op import ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Need, Reads, Shape


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

    def unfit_dtypes(self, *dtypes: str) -> str:
        return "takes no bool where full is true" if "bool" in dtypes and self.full else ""

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        x, t = xs
        target = Kept("input", 1, when=None if self.full else (0,))
        factor = Kept("input", when=(1,)) if self.log_input else Kept("new", shape=x, when=(1,))
        kept = [target, Kept("new", shape=x, when=(0,)), factor]
        if self.full:
            of_target = Kept("new", shape=t, when=(1,))
            kept += [of_target, of_target, Kept("new", shape=t, width=1, when=(1,))]
        return kept

    @classmethod
    def samples(cls) -> Any:
        more = [({"full": True}, ((3, 4), (4,))), ({"log_input": False, "full": True}, ((4,), (3, 4)))]
        return [*super().samples(), ({"log_input": False}, ((3, 4), (3, 4))), *more]


class GaussianNLLLoss(ElementLoss):
    """The negative log likelihood of values under a mean and a variance."""

    inputs = ("input", "target", "var")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": NUMBERS, "var": NUMBERS}
    attributes = (
        Attribute("full", FLAG, False, "whether the constant term is added"),
        Attribute("eps", NUMBER, 1e-06, "least variance"),
        REDUCTION,
    )

    eps: float

    def unfit_dtypes(self, *dtypes: str) -> str:
        """The variance is held to eps in place, and no tensor of integers holds a float."""
        if dtypes[2] in FLOATS or isinstance(self.eps, int):
            return ""
        return f"holds its var to at least {self.eps}, which {dtypes[2]} cannot be"

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """The variance has the input's shape, with one axis of size 1 at most, or lacks the last axis."""
        x, _, var = xs
        if len(var) + 1 == len(x):
            return [*[(VAR, v - i) for v, i in zip(var, x, strict=False)], *broadcast_needs(xs[:2])]
        if len(var) != len(x):
            return ((VAR, 1),)
        other = [(v, i) for v, i in zip(var, x, strict=True) if not same((v,), (i,))]
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
        y = self.elements(xs)
        return (Kept("new", shape=xs[2]), Kept("new", shape=y, when=(0, 1)), Kept("new", shape=y, when=(2,)))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 3), (4, 3), (4, 3))),
            ({"reduction": "none"}, ((4, 3), (4, 3), (4, 1))),
            ({"full": True, "reduction": "sum"}, ((4, 3), (4, 3), (1, 3))),
        ]


def _say_var(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"var {listed(xs[2])} does not fit input {listed(xs[0])}"


def _advise_var(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "it may have the input's shape, size 1 on one axis of it, or lack the last axis"


VAR = Claim("SC211", "", ZERO, _say_var, _advise_var)
