"""YAML text -> its root mapping, put together of the sections that earlier files had too. Knows no keys.

A section is a key at the left edge with all below it, up to the next one. It means the same in every text in which it
stands, so that variants of a network, and a file that is edited, are read where they differ. Places count from the
start of the file: a section is known again at the same place only.
"""

from __future__ import annotations

import re

from shapecalc.source.located import Items, Pairs, Scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.located import Node

    Section = list[tuple[Scalar, Node]]
    Read = Callable[[str], tuple[Node | None, list[Diagnostic]]]

_KEY = re.compile(r"\n[A-Za-z]")
_TIE = r"[*&](?<![^\s,:\[{][*&])[^\s*&]"
"""An alias or an anchor; the sign of an expression, as in `4 * n`, has a blank behind it, mostly."""
_MARKS = tuple(end + mark for end in "\n\r\x85\u2028\u2029" for mark in ("---", "...", "%"))
"""Where a document may end or begin."""
MOST_SECTIONS = 1000
LONGEST = 100_000
"""Sections that are kept, then none, and characters of a text: a process that checks files for days must not grow."""
_KNOWN: dict[tuple[str, int], Section] = {}


def read_sections(text: str, read: Read) -> tuple[Node | None, list[Diagnostic]]:
    """What `read` makes of a text; where most of it is known, it is only asked for the sections that are new."""
    places = _places(text)
    keys = [(text[start:end], start) for start, end in places]
    found = [_KNOWN.get(key) for key in keys]
    if 2 * sum(len(key[0]) for key, known in zip(keys, found, strict=True) if known) > len(text):
        sections = [known or _alone(*key, read) for key, known in zip(keys, found, strict=True)]
        pairs = [pair for section in sections for pair in section]
        if all(sections) and len({key.text for key, _ in pairs}) == len(pairs):
            _keep(keys, sections)
            return Pairs(pairs, pairs[0][0].start, pairs[-1][1].end), []
    root, problems = read(text)
    if places and isinstance(root, Pairs) and not problems:
        _keep(keys, _cut(root, places))
    return root, problems


def _places(text: str) -> list[tuple[int, int]]:
    """Where each section starts and ends, comments behind it left out; none in a text that cannot be cut."""
    if len(text) > LONGEST or _tied(text):
        return []
    starts = [0] * text[:1].isalpha() + [match.end() - 1 for match in _KEY.finditer(text)]
    if not starts or any(line[:1] not in ("", "#") for line in text[: starts[0]].split("\n")):
        return []
    return [(start, _end(text, start, end)) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _tied(text: str) -> bool:
    """Whether a text may hold what ties one section to another."""
    signs = "*" in text or "&" in text
    return (signs and re.search(_TIE, text) is not None) or any(mark in text for mark in _MARKS)


def _end(text: str, start: int, end: int) -> int:
    """Where a section ends once the comments at the left edge behind it are taken off."""
    while (line := text.rfind("\n", start, end - 1) + 1) > start and text[line] == "#":
        end = line
    return end


def _alone(text: str, start: int, read: Read) -> Section:
    """The pairs of a section that is read by itself; none where something is wrong with it."""
    root, problems = read(text)
    if problems or not isinstance(root, Pairs):
        return []
    _shift(root, start)
    return root.pairs


def _shift(root: Pairs, by: int) -> None:
    """Move nodes that nobody else has seen yet to their place in the file."""
    waiting: list[Node] = [root]
    for node in waiting:  # which grows
        node.start += by
        node.end += by
        if isinstance(node, Items):
            waiting += node.items
        elif isinstance(node, Pairs):
            waiting += [part for pair in node.pairs for part in pair]


def _cut(root: Pairs, places: list[tuple[int, int]]) -> list[Section]:
    """The pairs of each section; none where sections are no pairs of the root, but lines of a text in quotes."""
    if len(root.pairs) != len(places):
        return []
    apart = all(k.start == start and v.end <= end for (k, v), (start, end) in zip(root.pairs, places, strict=True))
    return [[pair] for pair in root.pairs] if apart else []


def _keep(keys: list[tuple[str, int]], sections: list[Section]) -> None:
    if len(_KNOWN) + len(sections) > MOST_SECTIONS:
        _KNOWN.clear()
    _KNOWN.update(zip(keys, sections, strict=False))
