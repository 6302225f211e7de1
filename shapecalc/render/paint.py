"""Colour for terminals, and text made safe for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Paint:
    """Wraps text in ANSI colours, or leaves it alone where colour is off."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, *styles: str) -> str:
        if not self.enabled or not text:
            return text
        return f"\x1b[{';'.join(CODES[s] for s in styles)}m{text}\x1b[0m"


PLAIN = Paint(False)


def wants_colour(choice: str, environ: Mapping[str, str], tty: bool) -> bool:
    """Whether to colour: `--color` over NO_COLOR over FORCE_COLOR over the terminal; TERM=dumb has none."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return tty and environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """The text without control characters, which a spec could smuggle to a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def in_line(text: str) -> str:
    """The same of a name, which stays on its line: a line feed is written as one.

    >>> in_line("a\\nb.yaml")
    'a\\\\nb.yaml'
    """
    return printable(text).replace("\n", "\\n")


def width(text: str) -> int:
    """Columns that a text takes in a terminal: two for wide characters, none for combining ones.

    >>> width("步幅 2")
    6
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def aligned(texts: Sequence[str], right: bool) -> list[str]:
    """A column of texts filled with blanks to the width of the widest."""
    if "".join(texts).isascii():
        columns = max(map(len, texts))
        return [t.rjust(columns) for t in texts] if right else [t.ljust(columns) for t in texts]
    columns = max(map(width, texts))
    gaps = [" " * (columns - width(t)) for t in texts]
    return [g + t if right else t + g for t, g in zip(texts, gaps, strict=True)]


def clip(text: str, columns: int) -> str:
    """The text cut to so many columns, an ellipsis at its end where something is missing."""
    if width(text) <= columns:
        return text
    while width(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"
