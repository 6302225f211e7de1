"""A number with its working: what is asked, the formula, the numbers put in, the arithmetic, and the answer.

This is what explanations print and quizzes mark. It knows no operator and no language: `quantity` is a key.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapecalc.explain.traced import plain, tree_of
from shapecalc.explain.tree import Name, Number, Work, advanced, in_numbers, names, replaced, roundings
from shapecalc.explain.writing import latex, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.explain.tree import Tree


class Step:
    """One line of arithmetic, and the divisions that the next line rounds down, as (dividend, divisor)."""

    __slots__ = ("latex", "roundings", "text")

    def __init__(self, tree: Tree) -> None:
        self.text = text(tree)
        self.latex = latex(tree)
        self.roundings = roundings(tree)


class Working:
    """How one number comes about.

    `quantity` says what it is ("height", "weight", "macs"); `tree` is the formula, None where the number was computed
    without one, which `reason` explains; `cases` are comparisons that chose this formula.

    >>> from shapecalc.explain.traced import Journal, named
    >>> i, k = named("i", 7, Journal()), named("k", 3, Journal())
    >>> w = Working("height", (i - k)//2 + 1)
    >>> w.formula, w.substitution, [s.text for s in w.steps], w.answer
    ('(i - k)//2 + 1', '(7 - 3)//2 + 1', ['4//2 + 1', '2 + 1', '3'], 3)
    """

    def __init__(self, quantity: str, value: Any, reason: str = "", cases: Sequence[str] = ()) -> None:
        self.quantity = quantity
        self.answer: Dim | None = plain(value)
        self.tree: Tree | None = None if reason or value is None else _short(tree_of(value))
        self.reason = reason
        self.cases = tuple(cases)

    @property
    def formula(self) -> str:
        """In letters, as Python reads it; empty where there is none."""
        return "" if self.tree is None else text(self.tree)

    @property
    def substitution(self) -> str:
        """The formula with the numbers put in."""
        return "" if self.tree is None else text(in_numbers(self.tree))

    @property
    def formula_latex(self) -> str:
        return "" if self.tree is None else latex(self.tree)

    @property
    def substitution_latex(self) -> str:
        return "" if self.tree is None else latex(in_numbers(self.tree))

    @cached_property
    def letters(self) -> list[Name]:
        """The quantities of the formula in the order in which they stand."""
        return [] if self.tree is None else list(names(self.tree).values())

    @cached_property
    def substituted(self) -> Step | None:
        """The substitution as a step, with what the first step of arithmetic rounds."""
        return None if self.tree is None else Step(in_numbers(self.tree))

    @cached_property
    def steps(self) -> list[Step]:
        """The lines after the substitution, the last of which is the answer."""
        if self.tree is None:
            return []
        tree, found = in_numbers(self.tree), []
        while isinstance(tree, Work):
            tree = advanced(tree)
            found.append(Step(tree))
        return found

    @property
    def roundings(self) -> list[tuple[int, int]]:
        """All divisions that were rounded down."""
        first = [] if self.substituted is None else self.substituted.roundings
        return [pair for pairs in (first, *(s.roundings for s in self.steps)) for pair in pairs]

    @property
    def constant(self) -> bool:
        """Whether the formula is a plain number."""
        return isinstance(self.tree, Number)

    @property
    def bare(self) -> bool:
        """Whether the formula is a single quantity."""
        return isinstance(self.tree, Name)


def _short(tree: Tree) -> Tree:
    """Names without the axis, where all that have one have the same: k for k_h where there is no k_w."""
    found = names(tree)
    tails = {text[-2:] for text in found if text[-2:] in AXES}
    if len(tails) != 1:
        return tree
    short = {t: t[:-2] for t in found if t[-2:] in tails}
    if set(short.values()) & (set(found) - set(short)):
        return tree
    return replaced(tree, lambda n: Name(short[n.text], n.value, n.meaning) if n.text in short else n)


AXES = ("_d", "_h", "_w")
