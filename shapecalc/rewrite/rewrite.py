"""Report and the name of a rewrite -> the new text, its report, and where the tensors of the new network come from.

The result is analysed again: what does not analyse, or would not hold as many numbers as it should, is refused.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.lint.fix import edited
from shapecalc.lint.network import Network
from shapecalc.pipeline import analyse
from shapecalc.rewrite.connect import conv_to_fc
from shapecalc.rewrite.convolve import fc_to_conv
from shapecalc.rewrite.draft import edits_of
from shapecalc.rewrite.expectations import BROKEN, updated
from shapecalc.rewrite.factor import factor
from shapecalc.rewrite.fold import fold_bn
from shapecalc.rewrite.refusal import Refused
from shapecalc.source.text import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.rewrite.draft import Draft, Fold

KINDS: Mapping[str, Callable[[Network], Draft]] = {
    "fc-to-conv": fc_to_conv,
    "conv-to-fc": conv_to_fc,
    "fold-bn": fold_bn,
    "factor": factor,
}


class Rewriting:
    """A rewritten spec. `folds` says which norms go into which layers; `fresh`, that weights do not carry over."""

    __slots__ = ("folds", "fresh", "notes", "report", "text")

    def __init__(self, text: str, report: Report, draft: Draft) -> None:
        self.text = text
        self.report = report
        self.folds: Sequence[Fold] = draft.folds
        self.fresh = draft.fresh
        self.notes: Sequence[str] = draft.notes


def rewrite(report: Report, kind: str, settings: Mapping[str, Any] | None = None) -> Rewriting:
    """The rewriting of a spec by one of KINDS. Raises Refused where it cannot be done, with the reason and place."""
    settings = settings or {}
    if report.graph is None or report.has_errors:
        raise Refused("the spec has errors: mend those first")
    network = Network(report)
    draft = KINDS[kind](network)
    text = edited(report.source.text, edits_of(network, draft))
    again = _analysed(report, text, settings)
    renewed = updated(again, lambda chosen: _case(report, text, {**settings, **chosen}, draft))
    if renewed != text:
        text, again = renewed, _analysed(report, renewed, settings)
    draft.notes += [f"no longer holds: {d.message}" for d in again.diagnostics if d.code == BROKEN]
    if not draft.fresh:
        _same_numbers(report, again, draft)
    return Rewriting(text, again, draft)


def _analysed(report: Report, text: str, settings: Mapping[str, Any]) -> Report:
    """The report of a new text. Raises Refused where it has an error, other than in what it expects."""
    again = analyse(Source(report.path, text), settings)
    error = next((d for d in again.diagnostics if d.severity == "error" and d.code != BROKEN), None)
    if error is not None:
        raise Refused(f"the result would not hold together: {error.message}", None, error.layer)
    return again


def _case(report: Report, text: str, settings: Mapping[str, Any], draft: Draft) -> Report | None:
    """The report under further settings; None where the result is no rewrite of the network that those give."""
    before, after = analyse(report.source, settings), analyse(Source(report.path, text), settings)
    alike = draft.fresh or draft.folds or before.totals.params == after.totals.params
    return after if alike else None


def _same_numbers(before: Report, after: Report, draft: Draft) -> None:
    """Every tensor is found again, but for those that are folded and the biases that they become."""
    gone = {f"{fold.norm}." for fold in draft.folds}
    added = {f"{fold.into}.bias" for fold in draft.folds}
    ours = {k: prod(s) for k, s in after.state_dict().items() if k not in added}
    theirs = {k: prod(s) for k, s in before.state_dict().items() if k not in added}
    theirs = {k: n for k, n in theirs.items() if not any(k.startswith(g) for g in gone)}
    if ours != theirs:
        key = next(iter(dict(set(ours.items()) ^ set(theirs.items()))))
        raise Refused(f"the tensors would not carry over: {key}")
