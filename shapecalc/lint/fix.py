"""Text and findings with fixes -> mended text, by edits of spans: every other byte stays as it was.

A round takes the fixes that do not overlap; rounds follow until nothing is left to mend. A fix after which the spec has
an error that it did not have is refused, and a safe one too after which a tensor of the `state_dict` differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.source.diagnostic import SAFE, UNSAFE
from shapecalc.source.edit import line_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.source.diagnostic import Diagnostic, Fix

    Analyse = Callable[[str], Report]

MOST_ROUNDS = 10


class Mended:
    """The text after all rounds, its report, and how many fixes went into it."""

    __slots__ = ("count", "report", "text")

    def __init__(self, text: str, report: Report, count: int) -> None:
        self.text = text
        self.report = report
        self.count = count


def mend(report: Report, analyse: Analyse, *, unsafe: bool = False) -> Mended:
    """Apply the fixes of a report until none is left; `analyse` gives the report of a text.

    Safe fixes are applied, unsafe ones where asked for, those for display never.
    """
    mended = Mended(report.source.text, report, 0)
    refused: set[tuple[str, str]] = set()
    for _ in range(MOST_ROUNDS):
        wanted = [d for d in mended.report.diagnostics if applies(d, unsafe) and _key(mended, d) not in refused]
        if not wanted:
            break
        mended = _round(mended, wanted, analyse) or _one_by_one(mended, wanted, analyse, refused)
    return mended


def _one_by_one(
    mended: Mended, wanted: Sequence[Diagnostic], analyse: Analyse, refused: set[tuple[str, str]]
) -> Mended:
    """The text with the first fix that is right alone; the others wait, as their places hold for the text before it.

    Those that are not right alone are refused, so that the next round is made of the others.
    """
    found = None
    for d in wanted:
        alone = _round(mended, [d], analyse)
        if alone is None:
            refused.add(_key(mended, d))
        found = found or alone
    return found or mended


def applies(d: Diagnostic, unsafe: bool) -> bool:
    """Whether a finding has a fix that may be applied."""
    return d.fix is not None and (d.fix.safety == SAFE or (unsafe and d.fix.safety == UNSAFE))


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with edits applied from the end, so that earlier offsets hold."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _round(mended: Mended, wanted: Sequence[Diagnostic], analyse: Analyse) -> Mended | None:
    """The text with those fixes that do not overlap; None where the result does not analyse."""
    chosen = _apart([d.fix for d in wanted if d.fix is not None])
    text = edited(mended.text, [edit for fix in chosen for edit in fix.edits])
    report = analyse(text)
    if text == mended.text or _errors(report) > _errors(mended.report):
        return None
    if all(fix.safety == SAFE for fix in chosen) and not _keeps(mended.report, report):
        return None
    return Mended(text, report, mended.count + len(chosen))


def _keeps(before: Report, after: Report) -> bool:
    """Whether all tensors stay as they were; a spec with errors has only some of them yet, and may get more."""
    tensors, now = before.state_dict(), after.state_dict()
    return tensors == now or (_errors(before) > 0 and tensors.items() <= now.items())


def _apart(fixes: Sequence[Fix]) -> list[Fix]:
    """The first fixes of which no edit touches another's."""
    taken: list[tuple[int, int]] = []
    chosen = []
    for fix in fixes:
        spans = [(start, end) for start, end, _ in fix.edits]
        if all(end < low or start > high for start, end in spans for low, high in taken):
            chosen.append(fix)
            taken += spans
    return chosen


def _errors(report: Report) -> int:
    return sum(d.severity == "error" for d in report.diagnostics) + (report.graph is None)


def _key(mended: Mended, d: Diagnostic) -> tuple[str, str]:
    """What a finding is, whatever moved before it: its code, its layer, what it marks and the rest of that line."""
    return d.code + d.layer, mended.text[d.start : line_end(mended.report.source, d.end)]
