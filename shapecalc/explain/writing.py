"""Trees of arithmetic -> text that Python reads, and LaTeX; knows no operator.

Both bracket where a reader needs it, so that what is written means what was worked out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.explain.tree import FLOOR, PRODUCT, REST, SUM, Name, Number, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.explain.tree import Tree

LOW, MIDDLE, HIGH = 0, 1, 2
"""How tightly a text holds together: sums, products and quotients, single words and calls."""


class Plain:
    """Arithmetic as Python writes it."""

    times = "*"

    def name(self, text: str) -> str:
        return text

    def number(self, value: object) -> str:
        return str(value)

    def bracketed(self, text: str) -> str:
        return f"({text})"

    def floor(self, top: Tree, bottom: Tree) -> tuple[str, int]:
        """A product on top needs no brackets: 3*H//4 is (3*H)//4 in Python."""
        plain = isinstance(top, Work) and top.kind == PRODUCT
        upper = written(top, self)[0] if plain else _tight(top, self)
        return f"{upper}//{_tight(bottom, self)}", MIDDLE

    def rest(self, top: Tree, bottom: Tree) -> tuple[str, int]:
        return f"{_tight(top, self)} % {_tight(bottom, self)}", MIDDLE

    def call(self, kind: str, parts: Sequence[str]) -> str:
        return f"{kind}({', '.join(parts)})" if kind != "int" else f"int({'*'.join(parts)})"


class Latex(Plain):
    """The same for mathematics in LaTeX."""

    times = r" \cdot "

    def name(self, text: str) -> str:
        letter, _, index = text.partition("_")
        if len(letter) > 1:
            words = text.replace("_", r"\_")
            return rf"\mathrm{{{words}}}"
        if not index:
            return letter
        lower = index if len(index) == 1 else rf"\mathrm{{{index}}}"
        return f"{letter}_{{{lower}}}".replace("_{\\mathrm{in_", "_{\\mathrm{in,")

    def number(self, value: object) -> str:
        text = str(value)
        if isinstance(value, int | float):
            return text
        return rf"\mathtt{{{text.replace('_', chr(92) + '_')}}}"

    def bracketed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def floor(self, top: Tree, bottom: Tree) -> tuple[str, int]:
        upper, lower = written(top, self)[0], written(bottom, self)[0]
        return rf"\left\lfloor \frac{{{upper}}}{{{lower}}} \right\rfloor", HIGH

    def rest(self, top: Tree, bottom: Tree) -> tuple[str, int]:
        return rf"{_tight(top, self)} \bmod {_tight(bottom, self)}", MIDDLE

    def call(self, kind: str, parts: Sequence[str]) -> str:
        if kind == "int":
            return rf"\left\lfloor {self.times.join(parts)} \right\rfloor"
        return rf"\{kind}\left({', '.join(parts)}\right)"


PLAIN, LATEX = Plain(), Latex()


def text(tree: Tree) -> str:
    """The arithmetic as Python reads it."""
    return written(tree, PLAIN)[0]


def latex(tree: Tree) -> str:
    """The arithmetic as LaTeX mathematics, without dollar signs."""
    return written(tree, LATEX)[0]


def written(tree: Tree, style: Plain) -> tuple[str, int]:
    """The text and how tightly it holds together."""
    if isinstance(tree, Name):
        return style.name(tree.text), HIGH
    if isinstance(tree, Number):
        return _number(tree, style)
    if tree.kind == SUM:
        return _sum(tree, style), LOW
    if tree.kind == PRODUCT:
        return style.times.join(_tight(p, style) for p in tree.parts), MIDDLE
    if tree.kind == FLOOR:
        return style.floor(*tree.parts)
    if tree.kind == REST:
        return style.rest(*tree.parts)
    return style.call(tree.kind, [written(p, style)[0] for p in tree.parts]), HIGH


def _number(tree: Number, style: Plain) -> tuple[str, int]:
    """Closed forms of several words, and negative numbers, hold together loosely."""
    word = style.number(tree.value)
    return word, HIGH if str(tree.value).replace(".", "").isalnum() else LOW


def _tight(tree: Tree, style: Plain) -> str:
    word, holds = written(tree, style)
    return word if holds == HIGH else style.bracketed(word)


def _sum(tree: Work, style: Plain) -> str:
    words = ""
    for sign, part in zip(tree.signs, tree.parts, strict=True):
        if isinstance(part, Number) and isinstance(part.value, int | float) and part.value < 0:
            sign, part = -sign, Number(-part.value)
        word, holds = written(part, style)
        word = style.bracketed(word) if holds == LOW else word
        words += (f" {'-' if sign < 0 else '+'} " if words else "-" * (sign < 0)) + word
    return words
