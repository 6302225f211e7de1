"""Losses of classes that bring their last linear map along: features come in, not scores."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.classloss import CrossEntropyLoss, without
from shapecalc.ops.factors import factors
from shapecalc.ops.kinds import COUNT, FLAG, FRACTION, INT, POSITIVE, Kind, Listed, or_null
from shapecalc.ops.loss import REDUCTION, Choice
from shapecalc.ops.op import INFERRED, ZERO, Attribute, Claim, Kept, UnknownFact, once_each
from shapecalc.ops.settings import Named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape
    from shapecalc.ops.settings import Settings


class Method(Kind):
    """The name of a way to choose the size of a piece: `auto`, `aspect_ratio`, or `aspect_ratio:4`; or null."""

    text = True
    wants = "null, auto, aspect_ratio, or aspect_ratio:4 with any number of at least 1"
    types = (str,)

    def read(self, value: Any) -> str | None:
        if value is None:
            return None
        name, colon, factor = value.partition(":") if isinstance(value, str) else ("", "", "")
        fine = factor.isdecimal() and int(factor) > 0 if colon else True
        if value == "auto" or (name == "aspect_ratio" and fine):
            return str(value)
        raise self.unfit(value)


OPTIONS = Named(
    "nn.LinearCrossEntropyOptions",
    {
        "allow_retain_graph": FLAG,
        "batch_chunk_size": or_null(POSITIVE),
        "chunking_method": Method(),
        "acc_policy": Choice("auto", "accurate", "balanced", "compact"),
    },
    exclusive=("batch_chunk_size", "chunking_method"),
)
"""torch's LinearCrossEntropyOptions; `acc_dtype` is for inputs of half precision alone."""


class LinearCrossEntropyLoss(CrossEntropyLoss):
    """A Linear to the classes and CrossEntropyLoss of its scores, in one.

    Sizes: input [N, in_features] or [in_features]; the scores are [N, num_classes, ...out_features]. The target holds
        indices, of the scores' sizes without the classes, or probabilities, of all of them. A single number; with
        `reduction: none` one loss for each index.
    Cost: the parameters and multiply-accumulates of the Linear, named linear.weight and linear.bias; training keeps
        the input, a tensor of the scores' size, and the target.
    Pitfalls: it has no bias unless told to; no Linear to the classes and no Softmax come before it; out_features
        want a batch; `options` cut the batch into pieces, and what training
        keeps of these is not stated.
    Torch: torch.nn.LinearCrossEntropyLoss.
    """

    roles = frozenset({"loss"})
    ranks = (1, 2)
    attributes = (
        Attribute("in_features", COUNT, INFERRED, "size of the last axis of the input", lead=True),
        Attribute("num_classes", COUNT, doc="how many classes there are", main=True, lead=True),
        Attribute("out_features", Listed(COUNT), (), "sizes of further axes of the scores, behind the classes"),
        Attribute("bias", FLAG, False, "whether a learned number is added to each score"),
        Attribute("reduction", REDUCTION.kind, "mean", REDUCTION.doc),
        factors("weight", "factors of the classes, as many as there are"),
        Attribute("ignore_index", or_null(INT), None, "class of positions that do not count; null: -100"),
        Attribute("label_smoothing", FRACTION, 0.0, "share of probability that all classes divide"),
        Attribute("options", OPTIONS, None, "how torch cuts the batch into pieces; null: not at all"),
    )
    in_features: Dim
    num_classes: Dim
    options: Settings | None
    out_features: tuple[Dim, ...]
    bias: bool

    def settle(self, *xs: Shape) -> None:
        if self.in_features is INFERRED and xs[0]:
            self.in_features = xs[0][-1]
        self.probabilities = len(xs[1]) == len(self.scores(xs)[0])

    def scores(self, xs: Sequence[Shape]) -> list[Shape]:
        """The inputs of the cross entropy: the scores and the target."""
        return [(*xs[0][:-1], self.num_classes, *self.out_features), xs[1]]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x = xs[0]
        needs: list[Need] = [(FEATURES, x[-1] - self.in_features, len(x) - 1)]
        if self.weight is not None:
            needs.append((CLASSES, self.num_classes - self.weight.shape[0]))
        if self.out_features and len(x) == 1:
            return [*needs, (UNBATCHED, 1)]
        return [*needs, *self.target_needs(*self.scores(xs))]

    def target_needs(self, scores: Shape, target: Shape) -> list[Need]:
        """Probabilities have the shape of the scores, and nothing is ignored of them; indices lack the classes."""
        whole = len(target) == len(scores)
        due = scores if whole else without(scores, self.classes(scores))
        if len(target) != len(due):
            return [(TARGET, 1)]
        ignored: list[Need] = [(IGNORED, 1)] if whole and self.ignore_index is not None else []
        return [*((TARGET, t - d) for t, d in zip(target, due, strict=True) if t is not d), *ignored]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return super().elements(self.scores(xs))

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        """A loss sees all features of its sample."""
        _, target = super().reads(self.scores(xs))
        rows: Reads = ((0, POINT), *((None, POINT) for _ in self.out_features)) if len(xs[0]) == 2 else ()
        return [rows, target]

    def weights(self) -> Mapping[str, Shape]:
        rows = prod(self.out_features, start=self.num_classes)
        weight = {"linear.weight": (rows, self.in_features)}
        return {**weight, "linear.bias": (rows,)} if self.bias else weight

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(self.scores(xs)[0]) * self.in_features

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """No gradient of the target comes from the Linear."""
        return once_each(self, xs, ys, wanted[:1])

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        if self.options is not None:
            raise UnknownFact("what LinearCrossEntropyLoss keeps of the pieces of a batch is not stated")
        kept = super().saved(self.scores(xs), ys)
        return (Kept("input"), *(Kept(k.what, k.index, k.shape, k.width) for k in kept))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"num_classes": 3, "bias": True}, ((4, 5), (4, 3))),
            ({"num_classes": 3, "out_features": [2], "reduction": "none"}, ((4, 5), (4, 3, 2))),
            ({"num_classes": 3, "weight": [1.0, 0.5, 2.0], "label_smoothing": 0.1}, ((4, 5), (4, 3))),
            ({"in_features": 5, "num_classes": 3, "reduction": "sum"}, ((5,), (3,))),
        ]


def _say_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in_features is {op.in_features}, but {xs[0][axis]} features arrive"


def _say_classes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"weight has {op.weight.shape[0]} numbers, and num_classes is {op.num_classes}"


def _say_unbatched(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"out_features is {list(op.out_features)}, which wants a batch, and {listed(xs[0])} is one sample"


def _say_target(op: Any, xs: Sequence[Shape], axis: int) -> str:
    scores, target = op.scores(xs)
    due = listed(without(scores, op.classes(scores)))
    return f"target {listed(target)} does not fit scores {listed(scores)}: indices of classes are {due}"


def _say_ignored(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"ignore_index is {op.ignore_index}, but target {listed(xs[1])} holds probabilities, not indices"


FEATURES = Claim("SC203", "in_features", ZERO, _say_features)
CLASSES = Claim("SC211", "weight", ZERO, _say_classes)
UNBATCHED = Claim("SC209", "out_features", ZERO, _say_unbatched)
TARGET = Claim("SC211", "", ZERO, _say_target)
IGNORED = Claim("SC109", "ignore_index", ZERO, _say_ignored)
