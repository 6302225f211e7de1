"""Verdicts -> the lines that GitHub's actions turn into annotations, and the Markdown page of a step.

What GitHub would drop in silence is left out here, and counted.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from shapecalc.analysis.verdict import total
from shapecalc.render.listing import SEVERITIES, shown_path, whole_message
from shapecalc.render.markdown import cell, markdown_table
from shapecalc.render.number import count
from shapecalc.render.paint import in_line, printable
from shapecalc.render.text import SEVERITY_NOUNS, found_lines, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Found, Verdict

KINDS = {"error": "error", "warning": "warning", "info": "notice"}
MOST = 10
"""Annotations of each kind that one step shows; GitHub drops the rest without a word."""
MOST_BYTES = 400_000
"""Of each table of a step's page: GitHub refuses a page beyond 1 MiB."""

MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
PROPERTY = MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def render_github(verdicts: Sequence[Verdict], root: str = "") -> str:
    """An annotation for each of the first findings of each severity, errors first, then how many there are.

    Paths count from `root`, the folder of the repository, where one is given.
    """
    lines = []
    for severity in SEVERITIES:
        found = [(f, shown_path(v.path, root)) for v in verdicts for f in v.found if f.severity == severity]
        lines += [_annotation(f, path) for f, path in found[:MOST]]
    return "\n".join([*lines, found_lines(verdicts)[0], *_left_out(verdicts)])


def _left_out(verdicts: Sequence[Verdict]) -> list[str]:
    """The last line, where not all is annotated. It names no finding: a log line with a user's text could command."""
    left = [(total(verdicts, severity) - MOST, noun) for severity, noun in SEVERITY_NOUNS]
    parts = ", ".join(plural(n, noun) for n, noun in left if n > 0)
    return [f"Left out: {parts}. GitHub shows {MOST} annotations of each kind in one step."] if parts else []


def _annotation(found: Found, path: str) -> str:
    """One command. The log shows the message alone, so that it names the place too."""
    place = {"file": printable(path), "line": found.line, "endLine": found.end_line}
    if found.line == found.end_line:  # columns are allowed within one line only
        place |= {"col": found.column, "endColumn": found.end_column}
    properties = {**place, "title": f"{found.code} {found.name}"}
    listed = ",".join(f"{key}={str(value).translate(PROPERTY)}" for key, value in properties.items())
    text = f"{in_line(path)}:{found.line}:{found.column}: {printable(whole_message(found))}"
    return f"::{KINDS[found.severity]} {listed}::{text.translate(MESSAGE)}"


def render_step_summary(verdicts: Sequence[Verdict]) -> str:
    """A Markdown page for `$GITHUB_STEP_SUMMARY`: all findings, the worst first, and the totals of every network."""
    found = [(f, v) for severity in SEVERITIES for v in verdicts for f in v.found if f.severity == severity]
    parts = [f"### shapecalc\n\n{' '.join(found_lines(verdicts))}"]
    if found:
        parts.append(_table(("", "place", "rule", "finding"), [_finding_row(f, v) for f, v in found]))
    networks = [_network_row(v) for v in verdicts if v.readable and not v.count("error")]
    if networks:
        parts.append(_table(("network", "spec", "params", "MACs"), networks, rights=(2, 3)))
    return "\n\n".join(parts) + "\n"


def _finding_row(found: Found, verdict: Verdict) -> list[str]:
    place = f"{verdict.path}:{found.line}:{found.column}"
    return [found.severity, place, f"{found.code} {found.name}", whole_message(found)]


def _network_row(verdict: Verdict) -> list[str]:
    figures = [
        ("at least " if key in verdict.at_least else "") + count(value)
        for key, value in (("params", verdict.params), ("macs", verdict.macs))
    ]
    return [verdict.name, verdict.path, *figures]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], rights: Sequence[int] = ()) -> str:
    """A table of as many rows as GitHub takes, and how many are missing."""
    sizes = accumulate(sum(len(cell(text).encode("utf-8", "replace")) + 3 for text in row) for row in rows)
    fitting = sum(size <= MOST_BYTES for size in sizes)
    table = markdown_table(heads, rows[:fitting], rights)
    return table if fitting == len(rows) else f"{table}\n\n{plural(len(rows) - fitting, 'more row')} left out."
