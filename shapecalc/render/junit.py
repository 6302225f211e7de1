"""Verdicts -> JUnit XML, which most build servers read: a suite for each file, a case for what passes or fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.render.listing import shown_path, whole_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Found, Verdict

FAILING = ("error", "warning")
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even as a reference."""
REFERENCES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
        "\x7f": "&#127;",
    }
)


def render_junit(verdicts: Sequence[Verdict], root: str = "") -> str:
    """The document: a file without errors and warnings is one case that passes, else each of them is one that fails;
    each expectation that holds is a case of its own.

    Notes do not fail: they are the output of the case that passes. All characters beyond ASCII are references, so that
    the document is right in whatever encoding it is written.
    """
    suites = [_suite(v, shown_path(v.path, root)) for v in verdicts] or [_nothing()]
    cases, failures = (sum(counts) for counts in zip(*(suite[:2] for suite in suites), strict=True))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="shapecalc" tests="{cases}" failures="{failures}" errors="0">',
        *(line for *_, lines in suites for line in lines),
        "</testsuites>",
    ]
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _suite(verdict: Verdict, path: str) -> tuple[int, int, list[str]]:
    """The numbers of cases and failures of one file, and its lines."""
    failing = [f for f in verdict.found if f.severity in FAILING]
    lines = [line for f in failing for line in _failure(f, path)] if failing else _pass(verdict, path)
    lines += [_kept(text, line, path) for text, line in verdict.kept]
    cases = max(1, len(failing)) + len(verdict.kept)
    head = f'  <testsuite name={_quoted(path)} tests="{cases}" failures="{len(failing)}" errors="0" skipped="0">'
    return cases, len(failing), [head, *lines, "  </testsuite>"]


def _nothing() -> tuple[int, int, list[str]]:
    lines = [
        '  <testsuite name="shapecalc" tests="1" failures="0" errors="0" skipped="0">',
        '    <testcase name="no specs" classname="shapecalc"/>',
        "  </testsuite>",
    ]
    return 1, 0, lines


def _pass(verdict: Verdict, path: str) -> list[str]:
    head = f"    <testcase name={_quoted(path)} classname={_quoted(path)} file={_quoted(path)}"
    notes = "\n".join(_place_and_text(f, path) for f in verdict.found)
    return [f"{head}><system-out>{_escaped(notes)}</system-out></testcase>"] if notes else [f"{head}/>"]


def _kept(text: str, line: int, path: str) -> str:
    """An expectation that holds."""
    return f'    <testcase name={_quoted(text)} classname={_quoted(path)} file={_quoted(path)} line="{line}"/>'


def _failure(found: Found, path: str) -> list[str]:
    name = f"{found.code} {found.name}" + f" [{found.layer}]" * bool(found.layer)
    place = f'file={_quoted(path)} line="{found.line}"'
    return [
        f"    <testcase name={_quoted(name)} classname={_quoted(path)} {place}>",
        f'      <failure message={_quoted(found.message)} type="{found.severity}">'
        f"{_escaped(_place_and_text(found, path))}</failure>",
        "    </testcase>",
    ]


def _place_and_text(found: Found, path: str) -> str:
    return f"{path}:{found.line}:{found.column}: {found.code} {whole_message(found)}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """The text as XML can hold it; what XML cannot hold is replaced, so that one sees that something was there."""
    return ILLEGAL.sub("\ufffd", text).translate(REFERENCES)
