"""The plain Markdown of a question's text -> paragraphs of spans, and fenced blocks: one parser for all exports.

Only what `question` allows is Markdown here: code between single backticks and fenced blocks. All else, whatever it
would mean elsewhere, stands for itself; a writer escapes it for its own format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Block: TypeAlias = "Paragraph | Fence"

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 and terminals do not take: control signs, and halves of signs."""


class Span:
    """Words of a paragraph, or a piece of code in it."""

    __slots__ = ("code", "text")

    def __init__(self, text: str, *, code: bool = False) -> None:
        self.text = text
        self.code = code


class Paragraph:
    """Spans that run on."""

    __slots__ = ("spans",)

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans


class Fence:
    """Lines whose blanks count: a matrix, a spec."""

    __slots__ = ("lines",)

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines


def clean(text: str) -> str:
    """The text without control signs, its lines ended by line feeds."""
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str) -> str:
    """A title or a label: on one line.

    >>> line(" a\\n b ")
    'a b'
    """
    return " ".join(clean(text).split())


def blocks(text: str) -> list[Block]:
    """The blocks of a text; a fence that nothing closes runs to the end.

    >>> [type(b).__name__ for b in blocks("Of `k`:\\n\\n```\\n1 2\\n```\\nwhat?")]
    ['Paragraph', 'Fence', 'Paragraph']
    """
    return list(_blocks(clean(text).expandtabs(4).split("\n")))


def _blocks(lines: list[str]) -> Iterator[Block]:
    waiting: list[str] = []
    fence: list[str] | None = None
    for one in [*lines, ""]:
        mark = one.startswith("```")
        if fence is not None:
            if mark:
                yield Fence(fence)
            fence = None if mark else [*fence, one]
            continue
        if waiting and (mark or not one.strip()):
            yield Paragraph(spans(" ".join(waiting)))
            waiting = []
        if mark:
            fence = []
        elif one.strip():
            waiting.append(one.strip())
    if fence is not None:
        yield Fence(fence[:-1])


def spans(text: str) -> list[Span]:
    """The spans of a paragraph; a backtick without another one is a sign as any other.

    >>> [(s.text, s.code) for s in spans("give `k` and `")]
    [('give ', False), ('k', True), (' and `', False)]
    """
    parts = re.split(r"`([^`]+)`", text)
    return [Span(part, code=bool(n % 2)) for n, part in enumerate(parts) if part]


def plain(text: str) -> str:
    """The text as it is read where nothing can be set apart: without backticks and fences."""
    return "\n".join(_plain(block) for block in blocks(text))


def _plain(block: Block) -> str:
    return "\n".join(block.lines) if isinstance(block, Fence) else "".join(span.text for span in block.spans)
