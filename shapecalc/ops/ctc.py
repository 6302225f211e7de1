"""The loss of sequences whose alignment with their labels is not known."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import INDICES, INTS
from shapecalc.ops.kinds import COUNT, FLAG
from shapecalc.ops.loss import REDUCTION, Loss
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape


class CTCLoss(Loss):
    """The negative log likelihood of labels over all their alignments with a sequence of log-probabilities.

    Sizes: log_probs [T, N, C]; targets [N, S], or [S] with the labels of all samples in a row; one length for each
        sample. Of one sample [T, C], [S] and a single length each. A single number; with `reduction: none` one loss
        for each sample.
    Cost: no parameters and no multiply-accumulates. Training keeps a table of T x (2L + 1) numbers for each sample,
        L being the longest target, which only the values of target_lengths tell.
    Pitfalls: positions come before the batch; it takes logarithms, so LogSoftmax comes before it; a target longer
        than its input gives an infinite loss, unless zero_infinity.
    Torch: torch.nn.CTCLoss.
    """

    roles = frozenset({"loss", "takes_log_probabilities"})
    takes = frozenset({"float32", "float64"})
    inputs = ("log_probs", "targets", "input_lengths", "target_lengths")
    ranks = (2, 3)
    further: ClassVar[Mapping[str, frozenset[str]]] = {
        "targets": INDICES,
        "input_lengths": INTS,
        "target_lengths": INTS,
    }
    attributes = (
        Attribute("blank", COUNT, 0, "the class that stands for no label"),
        REDUCTION,
        Attribute("zero_infinity", FLAG, False, "whether infinite losses become 0"),
    )
    blank: Dim

    def samples_in(self, xs: Sequence[Shape]) -> Dim:
        """How many samples there are."""
        return xs[0][1] if len(xs[0]) == 3 else 1

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, targets, *lengths = xs
        n = self.samples_in(xs)
        if len(targets) not in (1, 2):
            return ((TARGETS, 1),)
        rows: list[Need] = [(TARGETS, targets[0] - n, 1)] if len(targets) == 2 else []
        counts: list[Need] = [(claim, prod(size) - n) for claim, size in zip(LENGTHS, lengths, strict=True)]
        return [(EMPTY, prod(x) - 1), (BLANK, x[-1] - 1 - self.blank, len(x) - 1), *rows, *counts]

    def elements(self, xs: Sequence[Shape]) -> Shape:
        return xs[0][1:-1]

    def reads(self, xs: Sequence[Shape]) -> Sequence[Reads | None]:
        """All positions and classes of its sample; labels in a row are not told apart."""
        if len(xs[0]) == 2:
            return [()] * 4
        each: list[Reads] = [((1, POINT),)]
        return [*each, *(((0 if len(x) == rank else None, POINT),) for x, rank in zip(xs[1:], (2, 1, 1), strict=True))]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        raise UnknownFact("what CTCLoss keeps depends on the values of target_lengths")

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((7, 4, 3), (4, 2), (4,), (4,))),
            ({"reduction": "none", "zero_infinity": True}, ((7, 4, 3), (4, 2), (4,), (4,))),
            ({"reduction": "sum", "blank": 2}, ((7, 3), (2,), (), ())),
        ]


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"log_probs {listed(xs[0])} is empty"


def _say_blank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"blank is {op.blank}, but axis {axis} of {listed(xs[0])} has {xs[0][axis]} classes"


def _say_targets(op: Any, xs: Sequence[Shape], axis: int) -> str:
    n = op.samples_in(xs)
    return f"targets {listed(xs[1])} do not fit log_probs {listed(xs[0])}: [{n}, S] or [S] is due"


def _lengths_claim(slot: int) -> Claim:
    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        name = op.inputs[slot]
        return f"{name} {listed(xs[slot])} does not fit log_probs {listed(xs[0])}: {op.samples_in(xs)} lengths are due"

    return Claim("SC211", "", ZERO, say)


EMPTY = Claim("SC211", "", AT_LEAST_ZERO, _say_empty)
BLANK = Claim("SC109", "blank", AT_LEAST_ZERO, _say_blank)
TARGETS = Claim("SC211", "", ZERO, _say_targets)
LENGTHS = (_lengths_claim(2), _lengths_claim(3))
