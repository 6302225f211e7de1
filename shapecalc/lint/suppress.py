"""Comments of a spec -> suppressions: `# shapecalc: ignore[SC302]`, `# noqa: SC302`, `# shapecalc: ignore-file[SC302]`.

A `#` begins a comment only at the start of a line or after white space, and never inside of a scalar; the places of all
scalars are known, so nothing is guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.lint.selection import ALWAYS, BY_NAME, UnknownCode, codes_of
from shapecalc.source.diagnostic import SAFE, Diagnostic, Fix
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.lint.selection import Selection
    from shapecalc.source.located import Node
    from shapecalc.source.text import Source

COMMENT = (
    r"(?:(?<=\s)|^)#\s*(?P<form>shapecalc\s*:\s*ignore-file|shapecalc\s*:\s*ignore|noqa)(?![\w-])"
    r"(?P<list>\s*\[[^\]\n]*\]|\s*:[ \t]*[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)?"
)
"""Compiled when a text has such a comment: that takes longer than to read most specs."""
SELECTOR = r"[\w-]+"


class Suppression:
    """One comment: the codes that it names by their place, or all of them (`everything`), on one line or in the file.

    `codes` is where their list stands; `used` gathers the codes that it suppressed.
    """

    __slots__ = ("codes", "end", "everything", "line", "named", "start", "unknown", "used")

    def __init__(self, start: int, end: int, line: int, everything: bool, codes: tuple[int, int] = (0, 0)) -> None:
        self.codes = codes
        self.start = start
        self.end = end
        self.line = line
        self.everything = everything
        self.named: dict[str, tuple[frozenset[str], int, int]] = {}
        self.unknown: list[tuple[str, int, int, str]] = []
        self.used: set[str] = set()

    def covers(self, code: str) -> bool:
        """Whether findings of a code are suppressed."""
        return self.everything or any(code in codes for codes, _, _ in self.named.values())


class Suppressions:
    """All of one file. Line 0 stands for the whole file."""

    def __init__(self, source: Source, root: Node | None, listed: Sequence[Scalar] = ()) -> None:
        self.source = source
        self.all: list[Suppression] = []
        self.at: dict[int, list[Suppression]] = {}
        lowered = source.text.lower()  # looked through first, as the pattern takes far longer
        if "#" in lowered and ("noqa" in lowered or "ignore" in lowered):
            self._read(root)
        if listed:
            self._add_listed(listed)

    def _read(self, root: Node | None) -> None:
        found = list(re.finditer(COMMENT, self.source.text, re.MULTILINE | re.IGNORECASE))
        spans = sorted(_scalars(root)) if found and root is not None else []
        for match in found:
            if not any(start <= match.start() < end for start, end in spans):
                self._add(match)

    def _add(self, match: re.Match[str]) -> None:
        whole = "file" in match["form"]
        line = 0 if whole else self.source.place(match.start())[0]
        suppression = Suppression(match.start(), match.end(), line, match["list"] is None, match.span("list"))
        foreign = match["form"].lower() == "noqa"
        for selector in re.finditer(SELECTOR, match["list"] or ""):
            if foreign and not selector[0].startswith("SC") and selector[0] not in BY_NAME:
                continue  # another tool's code
            start = match.start("list") + selector.start()
            _name(suppression, selector[0], start, start + len(selector[0]))
        if suppression.everything or suppression.named or suppression.unknown:
            self._keep(suppression)

    def _add_listed(self, listed: Sequence[Scalar]) -> None:
        """What the spec's own `lint: {ignore: [...]}` names, for the whole file."""
        suppression = Suppression(listed[0].start, listed[-1].end, 0, everything=False)
        for scalar in listed:
            _name(suppression, scalar.text, scalar.start, scalar.end)
        self._keep(suppression)

    def _keep(self, suppression: Suppression) -> None:
        self.all.append(suppression)
        self.at.setdefault(suppression.line, []).append(suppression)

    def suppress(self, d: Diagnostic) -> bool:
        """Whether a finding is suppressed, on the line where it begins or ends, or in the whole file."""
        if not self.all or d.code.startswith(ALWAYS):
            return False
        lines = {0, self.source.place(d.start)[0], self.source.place(max(d.start, d.end - 1))[0]}
        by = [s for line in lines for s in self.at.get(line, ()) if s.covers(d.code)]
        for suppression in by:
            suppression.used.add(d.code)
        return bool(by)

    def complaints(self, selection: Selection, whole: bool) -> Iterator[Diagnostic]:
        """Suppressions that suppressed nothing though their codes were looked for, and codes that do not exist.

        Where an error kept the rules from running, or spoilt layers, nobody knows what would have been found.
        """
        for suppression in self.all:
            for _, start, end, message in suppression.unknown:
                yield Diagnostic("SC902", message, start, end)
            if whole:
                yield from self._unused(suppression, selection)

    def _unused(self, suppression: Suppression, selection: Selection) -> Iterator[Diagnostic]:
        if suppression.everything:
            if not suppression.used:
                removed = Fix("remove the comment", (self._without(suppression),), SAFE)
                yield Diagnostic("SC901", "nothing here is suppressed", suppression.start, suppression.end, fix=removed)
            return
        idle = {
            selector: (start, end)
            for selector, (codes, start, end) in suppression.named.items()
            if not codes & suppression.used and any(map(selection.wants, codes))
        }
        for selector, (start, end) in idle.items():
            fix = self._mended(suppression, list(idle)) if selector == next(iter(idle)) else None
            yield Diagnostic("SC901", f"{selector} is not found here, and so not suppressed", start, end, fix=fix)

    def _mended(self, suppression: Suppression, idle: list[str]) -> Fix | None:
        if suppression.codes == (0, 0) or suppression.unknown:
            return None
        start, end = suppression.codes
        kept = [selector for selector in re.findall(SELECTOR, self.source.text[start:end]) if selector not in idle]
        if not kept:
            return Fix("remove the comment", (self._without(suppression),), SAFE)
        codes = ", ".join(kept)
        new = f"[{codes}]" if "[" in self.source.text[start:end] else f": {codes}"
        return Fix(f"leave {codes}", ((start, end, new),), SAFE)

    def _without(self, suppression: Suppression) -> tuple[int, int, str]:
        """The edit that takes a comment out: with the white space before it, with its line where it stands alone.

        What else the comment says stays a comment.
        """
        text = self.source.text
        start, end = suppression.start, suppression.end
        while start > 0 and text[start - 1] in " \t":
            start -= 1
        rest = re.compile(r"[ \t]*(?=[\r\n]|$)").match(text, end)
        if rest is None:
            stop = re.compile(r"[ \t]*").match(text, end).end()  # type: ignore[union-attr]
            return suppression.start, stop, "" if text.startswith("#", stop) else "# "
        end = rest.end()
        if start == 0 or text[start - 1] in "\r\n":
            end += 2 if text.startswith("\r\n", end) else end < len(text)
        return start, end, ""


def _name(suppression: Suppression, selector: str, start: int, end: int) -> None:
    try:
        suppression.named[selector] = codes_of(selector), start, end
    except UnknownCode as unknown:
        suppression.unknown.append((selector, start, end, str(unknown)))


def _scalars(root: Node) -> Iterator[tuple[int, int]]:
    """The spans of all scalars of a document, keys too."""
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar):
            yield node.start, node.end
        elif isinstance(node, Items):
            waiting += node.items
        else:
            waiting += [part for pair in node.pairs for part in pair]
