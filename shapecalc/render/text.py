"""Verdicts -> text: a line for each finding (concise), or with the source line and carets below (full)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.analysis.verdict import fixable, total
from shapecalc.render.number import count
from shapecalc.render.paint import PLAIN, in_line, printable, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Found, Verdict
    from shapecalc.render.paint import Paint

COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}


def render_concise(verdict: Verdict, paint: Paint = PLAIN) -> list[str]:
    """`path:line:col: CODE message`, a line for each finding; `[*]` marks what `--fix` mends."""
    return [f"{_place(verdict, f, paint)} {_headline(f, paint)}" for f in verdict.found]


def render_summary(verdict: Verdict) -> str:
    """One line on a file that could be read: its name and totals, which mistakes keep from being known."""
    title = f"{in_line(verdict.path)}: {in_line(verdict.name)}"
    if errors := verdict.count("error"):
        return f"{title}, {plural(errors, 'error')}"
    params, macs = ("at least " * (key in verdict.at_least) for key in ("params", "macs"))
    return f"{title}, {params}{count(verdict.params)} params, {macs}{count(verdict.macs)} MACs"


def render_full(verdict: Verdict, paint: Paint = PLAIN) -> list[str]:
    """Each finding with its source line, carets under the place, the advice, and what a fix would do."""
    return [_full(verdict, f, paint) for f in verdict.found]


def found_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """`Found N errors.` as ruff ends, with what else there is, and how much of it can be mended."""
    kinds = [(total(verdicts, severity), noun) for severity, noun in SEVERITY_NOUNS]
    parts = [plural(n, noun) for n, noun in kinds if n]
    lines = [f"Found {_listed(parts)}." if any(n for n, _ in kinds[:2]) else "All checks passed!"]
    found = [f for v in verdicts for f in v.found]
    safe, all_of_them = sum(map(fixable, found)), sum(fixable(f, unsafe=True) for f in found)
    if safe:
        lines.append(f"[*] {safe} fixable with the --fix option{_more(all_of_them - safe)}.")
    elif all_of_them:
        lines.append(f"{plural(all_of_them, 'fix', 'es')} can be made with the --unsafe-fixes option.")
    return lines


SEVERITY_NOUNS = (("error", "error"), ("warning", "warning"), ("info", "note"))


def _more(unsafe: int) -> str:
    return f" ({unsafe} more with --unsafe-fixes)" if unsafe else ""


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def plural(n: int, noun: str, ending: str = "s") -> str:
    """`1 error`, `2 errors`."""
    return f"{n} {noun}{ending * (n != 1)}"


def _place(verdict: Verdict, f: Found, paint: Paint) -> str:
    return f"{paint(in_line(verdict.path), 'bold')}:{f.line}:{f.column}:"


def _headline(f: Found, paint: Paint) -> str:
    message = printable(f.message).replace("\n", " ")
    layer = f" [{in_line(f.layer)}]" if f.layer else ""
    return f"{paint(f.code, COLOURS[f.severity], 'bold')} {'[*] ' * fixable(f)}{message}{layer}"


def _full(verdict: Verdict, f: Found, paint: Paint) -> str:
    text = f.line_text
    last = f.end_column - 1 if f.end_line == f.line else len(text)
    marked = text[f.column - 1 : max(last, f.column)]
    indent = " " * width(printable(text[: f.column - 1]))
    carets = paint("^" * max(1, width(printable(marked.rstrip()))), COLOURS[f.severity])
    margin = " " * len(str(f.line))
    lines = [
        f"{_place(verdict, f, paint)} {f.severity} {_headline(f, paint)} ({f.name})",
        f"{margin} |",
        f"{f.line} | {printable(text)}",
        f"{margin} | {indent}{carets}",
    ]
    lines += [f"{margin} = in {step}" for step in map(printable, f.trail)]
    lines += [f"{margin} = see line {line}: {printable(note)}" for line, _, note in f.related]
    if f.help:
        lines.append(f"{margin} = {paint('help', 'cyan')}: {printable(f.help)}")
    if f.fix is not None:
        kind = {"safe": "fix", "unsafe": "unsafe fix", "display": "suggestion"}[f.fix["safety"]]
        lines.append(f"{margin} = {paint(kind, 'cyan')}: {printable(f.fix['title'])}")
    return "\n".join(lines)
