"""Expressions that YAML cut at a comma, as in `{Linear: max(1, c // 4)}`: recognised by the key that was left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from shapecalc.source.located import Pairs

OPENING, CLOSING = "([", ")]"


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


def cut_expression(pairs: Pairs, key: Scalar) -> tuple[str, str, str] | None:
    """(message, advice, name of the argument that was cut) where `key` is what YAML left over of an expression."""
    if not unbalanced(key.text):
        return None
    number = next(i for i, (k, _) in enumerate(pairs.pairs) if k is key)
    parts = [key.text]
    for name, value in reversed(pairs.pairs[:number]):
        if isinstance(value, Scalar) and value.value is not None:
            whole = ", ".join([value.text, *parts])
            return (
                f"YAML cut the expression of {name.text!r} at a comma",
                f'quote it: {name.text}: "{whole}"',
                name.text,
            )
        parts.insert(0, name.text)
    return None
