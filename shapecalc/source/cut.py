"""Expressions that YAML cut or took for something else: recognised by what is left over, and quoted by a fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.diagnostic import SAFE, Fix
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from shapecalc.source.located import Node, Pairs

OPENING, CLOSING = "([", ")]"
BOUND = re.compile(r"[<>]=?\s*(?P<limit>.+)")
ROUNDED = re.compile(r"[\d.]+\s?[A-Za-z]{1,3}")


def unbalanced(text: str) -> bool:
    """Whether a text closes brackets that it does not open, or opens some that it does not close.

    >>> unbalanced("c // 4)"), unbalanced("max(1, 2)")
    (True, False)
    """
    depth = 0
    for sign in text:
        depth += (sign in OPENING) - (sign in CLOSING)
        if depth < 0:
            return True
    return depth != 0


def cut_expression(pairs: Pairs, key: Scalar) -> tuple[str, str, Fix | None] | None:
    """(message, advice, fix) where `key` is what YAML left over of an expression with commas in it."""
    number = next(i for i, (k, _) in enumerate(pairs.pairs) if k is key)
    first = next((i for i in range(number - 1, -1, -1) if not _bare(pairs.pairs[i][1])), None)
    if first is None:
        return None
    name, value = pairs.pairs[first]
    if not isinstance(value, Scalar) or not unbalanced(value.text):
        return None
    parts, whole = [value], value.text
    for left_over, nothing in pairs.pairs[first + 1 :]:
        if not _bare(nothing) or not unbalanced(whole):
            break
        parts.append(left_over)
        whole = f"{whole}, {left_over.text}"
    message = f"YAML cut the expression of {name.text!r} at a comma"
    return message, f'quote it: {name.text}: "{whole}"', _joined(parts, whole)


def _bare(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _joined(parts: list[Scalar], whole: str) -> Fix | None:
    """The fix that puts quotes around all parts; None where more than a comma and a blank stands between them."""
    ends = [part.end for part in parts[:-1]]
    apart = any(after.start - end > 2 for end, after in zip(ends, parts[1:], strict=True))
    if apart or any(part.quoted for part in parts) or not readable(whole):
        return None
    mark = quoted(whole)[0]
    return Fix(
        "quote the expression", ((parts[0].start, parts[0].start, mark), (parts[-1].end, parts[-1].end, mark)), SAFE
    )


def quoting(text: str, start: int, end: int) -> Fix | None:
    """The fix that quotes a piece of text, where it is an expression or a bound."""
    piece = text[start:end]
    return Fix("quote the expression", ((start, end, quoted(piece)),), SAFE) if readable(piece) else None


def quoted(value: str) -> str:
    """A text as YAML writes it in quotes.

    >>> quoted("max(1, c // 4)")
    '"max(1, c // 4)"'
    """
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def readable(text: str) -> bool:
    """Whether a text is an expression of the language, or a bound as `expect` takes it.

    >>> readable("dims[0]"), readable(">= 5M"), readable("% 2")
    (True, True, False)
    """
    from shapecalc.source.expression import is_expression

    bound = BOUND.fullmatch(text)
    limit = bound["limit"] if bound else text
    return bool(bound and ROUNDED.fullmatch(limit)) or ("{" not in limit and is_expression(limit))
