"""Blocks of an explanation: headings, lines, workings, tables; what they say is in one language already.

Pages are made by `network`, `figures` and `manual`, and written by `shapecalc.render.explained`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.explain.steps import Working

Block: TypeAlias = "Heading | Line | Shown | Grid"


class Heading:
    """A heading of level 1, 2 or 3."""

    __slots__ = ("level", "text")

    def __init__(self, level: int, text: str) -> None:
        self.level = level
        self.text = text


class Line:
    """A sentence; `bullet` makes it an item of a list."""

    __slots__ = ("bullet", "text")

    def __init__(self, text: str, *, bullet: bool = False) -> None:
        self.text = text
        self.bullet = bullet


class Shown:
    """A working under a label: with all steps, or `brief`, on one line, or the `formula` alone.

    `notes` stand beside it: the roundings, the cases, the meaning of letters, or why there is no formula.
    """

    __slots__ = ("brief", "formula", "label", "letters", "notes", "unit", "working")

    def __init__(
        self,
        label: str,
        working: Working,
        notes: Sequence[str] = (),
        letters: str = "",
        *,
        unit: str = "",
        brief: bool = False,
        formula: bool = False,
    ) -> None:
        self.label = label
        self.working = working
        self.notes = list(notes)
        self.letters = letters
        self.unit = unit
        self.brief = brief or formula
        self.formula = formula


class Grid:
    """A table: a head, and rows of as many cells; columns whose numbers are set to the right are marked."""

    __slots__ = ("head", "right", "rows")

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
        self.head = list(head)
        self.rows = [list(row) for row in rows]
        self.right = list(right)
