"""A misspelt word of a scalar and the one that was meant -> the fix that writes it. Knows no keys and no operators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.diagnostic import UNSAFE, Fix
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from collections.abc import Container


def respelled(node: object, wrong: str, near: str | None, at: int = -1, *, taken: Container[str] = ()) -> Fix | None:
    """The unsafe fix that writes `near` where `wrong` stands in the text of a scalar, at offset `at` or once.

    None where nothing is near, `near` is taken by another, or the place of the word is not certain: in an escape, in
    folded lines, or as one of several.
    """
    if near is None or near in taken or not isinstance(node, Scalar):
        return None
    places = [found.start() for found in re.finditer(rf"(?<!\w){re.escape(wrong)}(?!\w)", node.text)]
    if at < 0 and len(places) == 1:
        at = places[0]
    if at not in places or not certain(node):
        return None
    start, end = node.span(at, at + len(wrong))
    return Fix(f"write `{near}`", ((start, end, near),), UNSAFE)


def certain(node: Scalar) -> bool:
    """Whether the text of a scalar stands in the file as it is, between quotes at most."""
    hidden = node.end - node.start - len(node.text)
    return hidden == (2 if node.quoted else 0) and "\n" not in node.text
