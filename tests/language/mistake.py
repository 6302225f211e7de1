"""Bad specs with the place of the mistake marked in the text: the one diagnostic that each must give."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import plain

from .twin import spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shapecalc.source.diagnostic import Diagnostic

START, END = "«", "»"
FOLDER = Path(__file__).parent / "mistakes"
ENTRY = re.compile(
    r"^## (?P<title>[^\n]+)\n\n(?P<code>SC\d{3})\n(?P<words>(?:- [^\n]+\n)*)\n```yaml\n(?P<text>.*?)```$",
    re.MULTILINE | re.DOTALL,
)


class Bad:
    """A bad spec: `marked` has the blamed piece of text between « and » (or « alone), unless no place is promised.

    Every one of `says` stands in the message, every one of `advises` in the help.
    """

    __slots__ = ("advises", "code", "marked", "params", "says", "title")

    def __init__(
        self,
        title: str,
        marked: str,
        code: str,
        says: Iterable[str] = (),
        advises: Iterable[str] = (),
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.title = title
        self.marked = marked
        self.code = code
        self.says = tuple(says)
        self.advises = tuple(advises)
        self.params = params or {}

    def __repr__(self) -> str:
        return self.title

    def verify(self, *, whole: bool = False) -> Diagnostic:
        """The one diagnostic, checked: code, line and column, end where it is marked, message and help."""
        marked = self.marked if whole else spec(self.marked)
        start = marked.find(START)
        end = marked.find(END) - len(START) if END in marked else None
        text = marked.replace(START, "").replace(END, "")
        report = plain.check_text(text, params=self.params)
        shown = [(d.code, report.source.place(d.start), d.message, d.help) for d in report.diagnostics]
        assert [d.code for d in report.diagnostics] == [self.code], shown
        (problem,) = report.diagnostics
        if start >= 0:
            assert report.source.place(problem.start) == report.source.place(start), shown
        if end is not None:
            assert problem.end == end, (text[problem.start : problem.end], shown)
        for words in self.says:
            assert words in problem.message, shown
        for words in self.advises:
            assert words in problem.help, shown
        assert "\n" not in problem.message
        assert not report.ok
        return problem


def bad_specs() -> list[Bad]:
    """Those of the folder `mistakes`: Markdown, with a heading, the code, words of message and help, and the spec."""
    return [bad for path in sorted(FOLDER.glob("*.md")) for bad in _file(path)]


def _file(path: Path) -> list[Bad]:
    text = path.read_text(encoding="utf-8")
    found = [_bad(path.stem, entry) for entry in ENTRY.finditer(text)]
    assert len(found) == text.count("\n## "), f"{path.name} has an entry that cannot be read"
    return found


def _bad(theme: str, entry: re.Match[str]) -> Bad:
    lines = [line[2:].partition(": ") for line in entry["words"].splitlines()]
    words = {key: value.split(" ; ") for key, _, value in lines}
    assert words.keys() <= {"says", "help"}, entry["title"]
    return Bad(f"{theme}: {entry['title']}", entry["text"], entry["code"], words.get("says", ()), words.get("help", ()))
