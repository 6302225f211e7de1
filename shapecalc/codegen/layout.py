"""Python statements laid out as `ruff format` lays them out in lines of 88 characters: text to lines. Knows no graph.

Emitted code is calls, displays and the operators between them, so that is all that is known here: what fits on a line
stays on one; else the last bracket is opened, its items on one line where they fit there, or each on its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 88
INDENT = "    "
OPENING, CLOSING = "([{", ")]}"
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
TOKEN = re.compile(rf"{STRING.pattern}|[()\[\]{{}},]|[^()\[\]{{}},\"']+")


class Tree:
    """A bracket that is written with each item on a line of its own: items are text or trees, each with a comment."""

    __slots__ = ("head", "items", "tail")

    def __init__(self, head: str, items: Sequence[Item], tail: str) -> None:
        self.head = head
        self.items = items
        self.tail = tail


if TYPE_CHECKING:
    Item = tuple[str | Tree, str]


def statement(text: str | Tree, indent: int, comment: str = "") -> list[str]:
    """The lines of a statement; its comment goes behind it where it fits, and else above it."""
    return _commented(text, indent, "", comment)


def tree(head: str, items: Sequence[str | Tree | Item], tail: str) -> Tree:
    """A tree whose items may come without a comment."""
    return Tree(head, [i if isinstance(i, tuple) else (i, "") for i in items], tail)


def _commented(text: str | Tree, indent: int, suffix: str, comment: str) -> list[str]:
    lines = _laid(text, indent, "", suffix)
    if not comment:
        return lines
    if len(lines) == 1 and len(lines[0]) + len(comment) + 4 <= WIDTH:
        return [f"{lines[0]}  # {comment}"]
    return [*comment_lines(comment, indent), *lines]


def comment_lines(text: str, indent: int) -> list[str]:
    """A comment on lines of its own."""
    import textwrap

    mark = f"{INDENT * indent}# "
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False)


def _laid(text: str | Tree, indent: int, prefix: str, suffix: str) -> list[str]:
    if isinstance(text, str):
        return _text(text, indent, prefix, suffix)
    lines = [f"{INDENT * indent}{prefix}{text.head}"]
    single = len(text.items) == 1 and isinstance(text.items[0][0], Tree) and text.head.endswith("(")
    for item, comment in text.items:
        lines += _commented(item, indent + 1, "" if single else ",", comment)
    return [*lines, f"{INDENT * indent}{text.tail}{suffix}"]


def _text(text: str, indent: int, prefix: str, suffix: str) -> list[str]:
    flat = f"{INDENT * indent}{prefix}{text}{suffix}"
    if len(flat) <= WIDTH:
        return [flat]
    opened = _opened(text)
    if opened is None:
        return _operators(text, indent, prefix, suffix) or [flat]
    before, items, after = opened
    lines = [f"{INDENT * indent}{prefix}{before}"]
    lines += _items(items, indent + 1, called=_is_call(before))
    return [*lines, f"{INDENT * indent}{after}{suffix}"]


def _items(items: list[str], indent: int, *, called: bool) -> list[str]:
    joined = f"{INDENT * indent}{', '.join(items)}"
    if len(items) == 1 and (parts := _comprehension(items[0])):
        return [line for part in parts for line in _text(part, indent, "", "")]
    if called and len(joined) <= WIDTH:
        return [joined]
    comma = "" if called and len(items) == 1 else ","
    return [line for item in items for line in _text(item, indent, "", comma)]


def _is_call(before: str) -> bool:
    """Whether the bracket at the end of a text is that of a call, rather than a display's."""
    return before.endswith("(") and len(before) > 1 and (before[-2].isalnum() or before[-2] in "_)]")


def _comprehension(text: str) -> list[str]:
    """`x for x in y` as its two parts; nothing where it is no comprehension."""
    depth = 0
    for match in TOKEN.finditer(text):
        part = match[0]
        depth += (part in OPENING) - (part in CLOSING)
        if depth == 0 and (at := part.find(" for ")) >= 0 and part[0] not in "\"'":
            at += match.start()
            return [text[:at], text[at + 1 :]]
    return []


def _opened(text: str) -> tuple[str, list[str], str] | None:
    """The last bracket at the outermost level that holds something: the text up to it, its items, the text behind."""
    found = None
    depth = start = 0
    for match in TOKEN.finditer(text):
        part = match[0]
        if part in OPENING:
            start = match.end() if depth == 0 else start
            depth += 1
        elif part in CLOSING:
            depth -= 1
            if depth == 0 and match.start() > start and not (found and text[start - 1] == "["):
                found = (text[:start], items_of(text[start : match.start()]), text[match.start() :])
    return found


def items_of(text: str) -> list[str]:
    """The items between brackets: text cut at the commas of its outermost level."""
    return [item for item in _cut(text) if item]


def _cut(text: str) -> Iterator[str]:
    depth = start = 0
    for match in TOKEN.finditer(text):
        part = match[0]
        depth += (part in OPENING) - (part in CLOSING)
        if part == "," and depth == 0:
            yield text[start : match.start()].strip()
            start = match.end()
    yield text[start:].strip()


def _operators(text: str, indent: int, prefix: str, suffix: str) -> list[str]:
    """A long sum on the right of `=`: in parentheses, a line for each operand."""
    target, equals, value = text.partition(" = ")
    operands = re.split(r" (?=[-+*/@] )", value)
    if not equals or len(operands) < 2:
        return []
    inner = INDENT * (indent + 1)
    return [
        f"{INDENT * indent}{prefix}{target} = (",
        *([inner + value] if len(inner + value) <= WIDTH else [inner + o for o in operands]),
        f"{INDENT * indent}){suffix}",
    ]


def quoted(text: str) -> str:
    """The text with its strings in double quotes, where that takes no more backslashes."""
    return STRING.sub(_double, text)


def _double(match: re.Match[str]) -> str:
    inner = match[0][1:-1]
    return match[0] if match[0][0] == '"' or '"' in inner or "\\" in inner else f'"{inner}"'
