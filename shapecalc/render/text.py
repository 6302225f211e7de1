"""Diagnostics -> text: one line each (concise), or with the source line and carets below (full)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.render.number import count
from shapecalc.render.paint import PLAIN, printable, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.render.paint import Paint
    from shapecalc.source.diagnostic import Diagnostic

COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}


def render_concise(report: Report, paint: Paint = PLAIN) -> list[str]:
    """`path:line:col: CODE message`, a line for each diagnostic."""
    return [f"{_place(report, d, paint)} {_headline(d, paint)}" for d in report.diagnostics]


def render_summary(report: Report) -> str:
    """One line on a file that could be read: its name and totals, which mistakes keep from being known."""
    totals = report.totals
    title = f"{printable(report.path)}: {report.name}"
    errors = sum(d.severity == "error" for d in report.diagnostics)
    if errors:
        return f"{title}, {_plural(errors, 'error')}"
    params, macs = ("at least " * (key in report.lower_bounds) for key in ("params", "macs"))
    return f"{title}, {params}{count(totals.params)} params, {macs}{count(totals.macs)} MACs"


def render_full(report: Report, paint: Paint = PLAIN) -> list[str]:
    """Each diagnostic with its source line, carets under the place, and the advice."""
    return [_full(report, d, paint) for d in report.diagnostics]


def found_line(reports: Sequence[Report]) -> str:
    """`Found N errors.` as ruff ends, with what else there is; "All checks passed!" where there is nothing."""
    severities = [d.severity for r in reports for d in r.diagnostics]
    errors, warnings = severities.count("error"), severities.count("warning")
    parts = [_plural(errors, "error")] * (errors > 0 or warnings > 0)
    parts += [_plural(warnings, "warning")] * (warnings > 0)
    return f"Found {' and '.join(parts)}." if parts else "All checks passed!"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def _place(report: Report, d: Diagnostic, paint: Paint) -> str:
    line, column = report.source.place(d.start)
    return f"{paint(printable(report.path), 'bold')}:{line}:{column}:"


def _headline(d: Diagnostic, paint: Paint) -> str:
    message = printable(d.message).replace("\n", " ")
    layer = f" [{printable(d.layer)}]" if d.layer else ""
    return f"{paint(d.code, COLOURS[d.severity], 'bold')} {message}{layer}"


def _full(report: Report, d: Diagnostic, paint: Paint) -> str:
    source = report.source
    line, column = source.place(d.start)
    end_line, end_column = source.place(d.end)
    text = source.line_text(line)
    last = end_column - 1 if end_line == line else len(text)
    marked = text[column - 1 : max(last, column)]
    indent = " " * width(printable(text[: column - 1]))
    carets = paint("^" * max(1, width(printable(marked.rstrip()))), COLOURS[d.severity])
    margin = " " * len(str(line))
    lines = [
        f"{_place(report, d, paint)} {d.severity} {_headline(d, paint)} ({d.name})",
        f"{margin} |",
        f"{line} | {printable(text)}",
        f"{margin} | {indent}{carets}",
    ]
    lines += [f"{margin} = in {step}" for step in map(printable, d.trail)]
    lines += [f"{margin} = see line {source.place(start)[0]}: {printable(note)}" for start, _, note in d.related]
    if d.help:
        lines.append(f"{margin} = {paint('help', 'cyan')}: {printable(d.help)}")
    return "\n".join(lines)
