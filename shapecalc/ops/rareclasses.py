"""The softmax that spends less on rare classes, with its loss."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG, INT, Listed, Number
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, ZERO, Attribute, Claim, Operator, UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape


class Divisor(Number):
    """A finite number above 0."""

    def __init__(self) -> None:
        super().__init__(0, 1e9)
        self.wants = "a number greater than 0, at most 1e9"

    def read(self, value: Any) -> float:
        if super().read(value) == 0 or not isinstance(value, int | float):
            raise self.unfit(value)
        return value


class AdaptiveLogSoftmaxWithLoss(Operator):
    """Log-probabilities of the right classes: the frequent ones in a head, the others in clusters behind it.

    Sizes: input [N, in_features] and target [N], or one sample and one index. Output 0 is the log-probability of
        each target, output 1 the loss, a single number.
    Cost: head.weight of cutoffs[0] rows and one for each cluster; each cluster i, from 0, has a projection to
        in_features // div_value^(i + 1) features (tail.i.0.weight) and one from there to its classes (tail.i.1.weight).
        Multiply-accumulates and what training keeps are unknown: a cluster runs for the samples alone whose target
        is in it.
    Pitfalls: classes must be sorted by frequency; div_value to the power of the cluster may leave no features at
        all; n_classes is not among the cutoffs.
    Torch: torch.nn.AdaptiveLogSoftmaxWithLoss.
    """

    roles = frozenset({"loss"})
    takes = FLOATS
    inputs = ("input", "target")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"target": frozenset({"int64"})}
    ranks = (1, 2)
    attributes = (
        Attribute("in_features", COUNT, INFERRED, "size of the last axis of the input", lead=True),
        Attribute("n_classes", COUNT, doc="how many classes there are", main=True, lead=True),
        Attribute("cutoffs", Listed(INT, strict=True), doc="the first class of each cluster, increasing", lead=True),
        Attribute("div_value", Divisor(), 4.0, "by how much features are fewer from cluster to cluster"),
        Attribute("head_bias", FLAG, False, "whether a learned number is added to each score of the head"),
    )
    in_features: Dim
    n_classes: Dim
    cutoffs: tuple[Dim, ...]
    div_value: float
    head_bias: bool

    def settle(self, *xs: Shape) -> None:
        if self.in_features is INFERRED and xs[0]:
            self.in_features = xs[0][-1]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, target = xs
        ends = (0, *self.cutoffs, self.n_classes)
        clusters: list[Need] = [(INCREASING, b - a - 1) for a, b in pairwise(ends)]
        needs: list[Need] = [(NO_CUTOFFS, int(not self.cutoffs)), *clusters]
        if len(target) != len(x) - 1:
            return [*needs, (TARGET, 1)]
        batch: list[Need] = [(TARGET, t - n, 0) for t, n in zip(target, x[:-1], strict=True)]
        return [*needs, (FEATURES, x[-1] - self.in_features, len(x) - 1), *batch]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0][:-1], ())

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0], dtypes[0])

    def weights(self) -> Mapping[str, Shape]:
        rows = self.cutoffs[0] + len(self.cutoffs)
        found: dict[str, Shape] = {"head.weight": (rows, self.in_features)}
        if self.head_bias:
            found["head.bias"] = (rows,)
        for i, (first, end) in enumerate(pairwise((*self.cutoffs, self.n_classes))):
            found[f"tail.{i}.0.weight"] = (self.features(i), self.in_features)
            found[f"tail.{i}.1.weight"] = (end - first, self.features(i))
        return found

    def features(self, cluster: int) -> Dim:
        """What the projection of a cluster leaves; the float as an exact quotient, so that symbols divide by it too."""
        over, under = (self.div_value ** (cluster + 1)).as_integer_ratio()
        return self.in_features * under // over

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return None

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """All features of its sample."""
        rows: Reads = ((0, POINT),) if ys[0] else ()
        return (rows, rows)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        raise UnknownFact("what AdaptiveLogSoftmaxWithLoss keeps depends on which clusters the targets are in")

    def constructor(self) -> str | None:
        """torch compares cutoffs with a sorted list, so they are written as one."""
        given = f"{self.in_features}, {self.n_classes}, {list(self.cutoffs)}"
        divided = "" if self.div_value == 4 else f", div_value={self.div_value!r}"
        return f"nn.AdaptiveLogSoftmaxWithLoss({given}{divided}{', head_bias=True' * self.head_bias})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"n_classes": 10, "cutoffs": [3, 6]}, ((4, 32), (4,))),
            ({"n_classes": 20, "cutoffs": [5, 7, 12], "div_value": 1.5, "head_bias": True}, ((3, 8), (3,))),
            ({"in_features": 9, "n_classes": 5, "cutoffs": [4], "div_value": 2}, ((9,), ())),
        ]


def _say_no_cutoffs(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "cutoffs is empty, and at least one cluster is due"


def _say_increasing(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"cutoffs {listed(op.cutoffs)} do not increase from 1 to at most {op.n_classes - 1}, n_classes less 1"


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"target {listed(xs[1])} does not fit input {listed(xs[0])}: {listed(xs[0][:-1])} is due"


def _say_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in_features is {op.in_features}, but {xs[0][axis]} features arrive"


NO_CUTOFFS = Claim("SC109", "cutoffs", ZERO, _say_no_cutoffs)
INCREASING = Claim("SC109", "cutoffs", AT_LEAST_ZERO, _say_increasing)
TARGET = Claim("SC211", "", ZERO, _say_target)
FEATURES = Claim("SC203", "in_features", ZERO, _say_features)
