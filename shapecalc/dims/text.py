"""Turns the terms of a size into readable Python; must not know how sizes are built or normalised.

A term is a monomial (a sorted tuple of atoms) with an integer coefficient. An atom offers `text`, and
`compound`, which says that the text holds an operator and wants brackets inside of a product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .atom import Atom

    Terms = Mapping[tuple[Atom, ...], int]


def rank(mono: tuple[Atom, ...]) -> tuple[int, tuple[str, ...]]:
    """Place of a monomial, highest degree first: the graded order, which division relies on as well."""
    return -len(mono), tuple(a.text for a in mono)


def plain(terms: Terms) -> str:
    """A sum as a person would write it: high degrees first, what is taken away later, the constant last."""
    if not terms:
        return "0"
    first, *others = sorted(terms, key=lambda mono: (not mono, terms[mono] < 0, _place(mono)))
    if others and terms[first] < 0 < terms.get((), 0):
        first, others = (), [first, *others[:-1]]  # 7 - H reads better than -H + 7
    lead = terms[first]
    text = "-" + _product(-lead, first, True) if lead < 0 else _product(lead, first)
    return text + "".join(_signed(terms[mono], mono) for mono in others)


def _place(mono: tuple[Atom, ...]) -> tuple[int, bool, tuple[str, ...]]:
    """Names stand before quotients of the same degree."""
    degree, texts = rank(mono)
    return degree, any(a.compound for a in mono), texts


def divided(top: Terms, bottom: Terms) -> str:
    """A floored quotient, bracketed only where Python or a reader needs it."""
    return f"{_numerator(top)}//{_operand(bottom)}"


def _signed(count: int, mono: tuple[Atom, ...]) -> str:
    return f" - {_product(-count, mono)}" if count < 0 else f" + {_product(count, mono)}"


def _product(count: int, mono: tuple[Atom, ...], negated: bool = False) -> str:
    if not mono:
        return str(count)
    # -H//2 would be (-H)//2 in Python, so a negated quotient keeps its brackets
    alone = count == 1 and len(mono) == 1 and not negated
    parts = [_power(a, mono.count(a), alone) for a in sorted(set(mono), key=_name_first)]
    return "*".join(parts if count == 1 else [str(count), *parts])


def _name_first(atom: Atom) -> tuple[bool, str]:
    return atom.compound, atom.text


def _power(atom: Atom, exponent: int, alone: bool) -> str:
    text = f"({atom.text})" if atom.compound and not alone else atom.text
    return text if exponent == 1 else f"{text}**{exponent}"


def _numerator(terms: Terms) -> str:
    """3*H//4 is plain; a sum, or a quotient within a quotient, takes brackets."""
    text = plain(terms)
    simple = len(terms) == 1 and not any(a.compound for mono in terms for a in mono)
    return text if simple else f"({text})"


def _operand(terms: Terms) -> str:
    [mono, *more] = terms
    text = plain(terms)
    single = not more and len(mono) <= 1 and (not mono or terms[mono] == 1)
    return text if single and not any(a.compound for a in mono) else f"({text})"
