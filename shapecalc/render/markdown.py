"""Reports -> Markdown: the layer table of each file with totals and findings, as a page or a comment shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.analysis.verdict import Verdict
from shapecalc.render.listing import whole_message
from shapecalc.render.number import shape
from shapecalc.render.paint import printable
from shapecalc.render.table import BY_KEY, DEFAULT, in_order, render_totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.analysis.verdict import Found

SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|~$&#"} | {"\n": "<br>"})
"""What begins markup, mathematics, an entity or a cell; a line cannot be broken within a table."""


def render_markdown(
    reports: Sequence[Report],
    keys: Sequence[str] | None = None,
    sort: str | None = None,
    verdicts: Sequence[Verdict] | None = None,
) -> str:
    """A section for each file, with the columns of the table in the terminal.

    `verdicts` hold the findings to be listed, where they are not all that the reports have.
    """
    listed = [Verdict(report) for report in reports] if verdicts is None else verdicts
    parts = zip(reports, listed, strict=True)
    return "\n\n".join(_section(report, verdict, keys or DEFAULT, sort) for report, verdict in parts)


def _section(report: Report, verdict: Verdict, keys: Sequence[str], sort: str | None) -> str:
    title = cell(report.name or report.path)
    parts = [f"## {title}", _origin(report)]
    if report.layers:
        columns = [BY_KEY[key] for key in keys]
        rows = [[column.cell(layer) for column in columns] for layer in in_order(report, sort)]
        rights = [i for i, column in enumerate(columns) if column.right]
        parts.append(markdown_table([column.heading for column in columns], rows, rights))
        # The totals stand in columns of their own, which a fence keeps.
        parts.append("\n".join(["```text", *render_totals(report), "```"]))
    if verdict.found:
        parts.append("\n".join(map(_finding, verdict.found)))
    return "\n\n".join(parts)


def _origin(report: Report) -> str:
    """Where the network stands and what it takes."""
    inputs = [f"{w.name} {shape(w.shape)}" for w in report.graph.inputs] if report.graph else []
    return cell("; ".join([report.path, *inputs]))


def _finding(found: Found) -> str:
    text = f"{found.code} {found.name}, line {found.line}: {whole_message(found)}"
    return f"- **{found.severity}** {cell(text)}"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], rights: Sequence[int] = ()) -> str:
    """A table in GitHub's Markdown; the columns numbered in `rights` are aligned to the right."""
    rule = ["---:" if i in rights else "---" for i in range(len(heads))]
    return "\n".join(
        f"| {' | '.join(line)} |" for line in [list(map(cell, heads)), rule, *(map(cell, r) for r in rows)]
    )


def cell(text: str) -> str:
    """A text as it stands in a cell, nothing of it read as markup."""
    return printable(text).translate(SPECIAL)
