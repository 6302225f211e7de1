"""Verdicts that no spec would give, for formats that have to hold any text, and real ones with everything in them."""

from __future__ import annotations

from copy import copy
from typing import Any

from hypothesis import strategies as st

from shapecalc.analysis.report import Report
from shapecalc.analysis.verdict import Found, Verdict
from shapecalc.pipeline import analyse
from shapecalc.source.codes import CATALOGUE, NAMES
from shapecalc.source.text import Source

REAL = """shapecalc: 1
name: Real
input: [3, 32, 32]
layers:
  - Conv2d: {out_channels: 64, kernel_size: 3}
  - BatchNorm2d
  - ReLU
  - Conv2d: {out_channels: 64, kernel_size: 3}
  - BatchNorm2d
"""
BROKEN = "shapecalc: 1\ninput: [3, 8, 8]\nlayers:\n  - Conv2d: {out_channels: 4, kernel_size: 9}\n  - Linaer: 3\n"

NASTY = (
    "%",
    "%25",
    "%0A",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "]]>",
    "<!--",
    "&amp;",
    "::",
    "##[error]",
    ",",
    "=",
    "|",
    "\\",
    "`",
)
MORE = (
    "$x$",
    "~~",
    "__a__",
    '"',
    "'",
    "\x00",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\ud800",
    "\udc00",
    "\ufeff",
    "\ufffe",
    "步幅",
)
texts = st.lists(st.one_of(st.sampled_from((*NASTY, *MORE)), st.text(max_size=8)), max_size=8).map("".join)
long_texts = st.one_of(texts, texts.map(lambda text: (text or "long ") * 400))
characters = st.characters(exclude_characters="\x00\x85\u2028\u2029", exclude_categories=["Cs", "Cc", "Zs", "Cn", "Co"])
names = st.text(characters, min_size=1, max_size=12).filter(lambda t: not set(t) & {"/", "\\"} and t.strip(". "))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def report_of(text: str, path: str = "net.yaml") -> Report:
    return analyse(Source(path, text), {})


def verdict_of(text: str, path: str = "net.yaml") -> Verdict:
    return Verdict(report_of(text, path))


def found(**changes: Any) -> Found:
    """A finding with these values, and plain ones for the rest."""
    values: dict[str, Any] = {
        "code": "SC301",
        "column": 3,
        "end_column": 9,
        "line": 4,
        "fix": None,
        "help": "",
        "layer": "",
        "line_text": "",
        "message": "a message",
        "related": (),
        "severity": "warning",
        "trail": (),
        **changes,
    }
    values |= {"name": NAMES[values["code"]], "end_line": changes.get("end_line", values["line"])}
    made = Found.__new__(Found)
    for name in Found.__slots__:
        setattr(made, name, values[name])
    return made


EMPTY = verdict_of("shapecalc: 1\nname: N\ninput: [4]\nlayers: [ReLU]\n")


def verdict(path: str, listed: list[Found]) -> Verdict:
    """The verdict of a file with these findings."""
    made = copy(EMPTY)
    made.path, made.found = path, listed
    return made


numbers = st.integers(1, 10**6)
fixes = st.fixed_dictionaries(
    {
        "title": texts.filter(bool),
        "safety": st.sampled_from(["safe", "unsafe", "display"]),
        "edits": st.lists(
            st.fixed_dictionaries(
                {"line": numbers, "column": numbers, "end_line": numbers, "end_column": numbers, "text": texts}
            ),
            max_size=2,
        ),
    }
)
findings = st.builds(
    found,
    code=st.sampled_from([code for code, *_ in CATALOGUE]),
    line=numbers,
    column=numbers,
    severity=st.sampled_from(["error", "warning", "info"]),
    message=long_texts,
    help=texts,
    layer=texts,
    trail=st.lists(texts, max_size=2).map(tuple),
    related=st.lists(st.tuples(numbers, numbers, texts), max_size=2).map(tuple),
    fix=st.none() | fixes,
)
verdicts = st.lists(st.builds(verdict, paths, st.lists(findings, max_size=5)), max_size=3)
