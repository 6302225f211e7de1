"""Takes a size apart into factors that share no name, for reading and for solving; changes no normal form.

A flatten of a feature map multiplies out to many terms, `256*F*G - 256*F - 256*G + 256`; what people mean
is `256*(F - 1)*(G - 1)`.
"""

from __future__ import annotations

from math import gcd

from .atom import divided_by, shared
from .sym import Dim, Mono, Sym, form, make
from .text import plain, rank


def split_product(x: Sym) -> tuple[list[Dim], int]:
    """Factors that share no name, a number among them, and a constant: `x` is their product plus that.

    The constant is 0 unless a free constant is what makes the product; `[x], 0` where `x` is no product.
    """
    content = gcd(*x.terms.values())
    if x.terms[min(x.terms, key=rank)] < 0:
        content = -content
    common = shared(x.terms)
    rest = make(divided_by(x.terms, common, content))
    outer: list[Dim] = [content, *(make({(part,): 1}) for part in common)]
    if isinstance(rest, int):
        return [*outer, rest], 0
    inner, constant = _split_names(rest)
    if constant and common:
        return [*outer, rest], 0
    return [*outer, *inner], constant * content


def split_equation(x: Sym) -> tuple[list[Dim], int]:
    """As `split_product`, of a multiple of `x`: (2*H - 1)*(2*W - 1) - 9 has lost a 2 as an equation."""
    factors, constant = split_product(x)
    if sum(isinstance(f, Sym) for f in factors) > 1:
        return factors, constant
    multiple = abs(x.terms[min(x.terms, key=rank)]) ** (len(x.names) - 1)
    return _split_names(form({mono: count * multiple for mono, count in x.terms.items()}))


def factored(x: Sym) -> str:
    """`x` as readable Python: as a product where it is one, else as a sum."""
    if len(x.terms) < 2:
        return plain(x.terms)
    factors, constant = split_product(x)
    wide = [f for f in factors if isinstance(f, Sym) and len(f.terms) > 1]
    shares = len(factors) > 2 and not constant
    if not shares and len(wide) < 2:
        return plain(x.terms)
    return _written(factors) + (f" {'-' if constant < 0 else '+'} {abs(constant)}" if constant else "")


def _written(factors: list[Dim]) -> str:
    texts = [_bracketed(f) for f in factors if f not in (1, -1)]
    return ("-" if -1 in factors else "") + "*".join(texts)


def _bracketed(x: Dim) -> str:
    if isinstance(x, int):
        return str(x)
    text = plain(x.terms)
    [mono, *more] = x.terms
    return f"({text})" if more or any(a.compound for a in mono) else text


def _split_names(x: Sym) -> tuple[list[Dim], int]:
    """The factors of `x`, one a group of names that its atoms hold together."""
    factors: list[Dim] = []
    constant = 0
    for group in _groups(x)[:-1]:
        found = _split_group(x, group, not factors)
        if found is None:
            return [*factors, x], constant
        factor, rest, left = found
        factors.append(factor)
        constant = constant or left
        if isinstance(rest, int):
            return [*factors, rest], constant
        x = rest
    return [*factors, x], constant


def _groups(x: Sym) -> list[frozenset[str]]:
    groups: list[frozenset[str]] = []
    for part in sorted({a for mono in x.terms for a in mono}, key=lambda a: a.text):
        touching = [g for g in groups if g & part.names]
        groups = [g for g in groups if not g & part.names]
        groups.append(part.names.union(*touching))
    return sorted(groups, key=sorted)


def _split_group(x: Sym, group: frozenset[str], free: bool) -> tuple[Dim, Dim, int] | None:
    """`x` as factor * rest + constant, the factor over the names of the group: a matrix of rank one.

    Rows are the group's part of each monomial, columns the rest; where `free`, the corner may be off by the
    constant that is returned.
    """
    cells: dict[tuple[Mono, Mono], int] = {}
    for mono, count in x.terms.items():
        cells[_inside(mono, group), _outside(mono, group)] = count
    rows, columns = {r for r, _ in cells}, {c for _, c in cells}
    pivot = next((key for key in cells if key[0] and key[1]), None)
    if pivot is None:
        return None
    row, column = pivot
    across = {c: cells.get((row, c), 0) for c in columns}
    down = {r: cells.get((r, column), 0) for r in rows}
    content = gcd(*down.values())
    factor = {r: count // content for r, count in down.items()}
    unit = factor[row]
    if any(count % unit for count in across.values()):
        return None
    rest = {c: count // unit for c, count in across.items()}
    off = {(r, c): cells.get((r, c), 0) - factor[r] * rest[c] for r in rows for c in columns}
    corner = off.pop(((), ()), 0)
    if any(off.values()) or (corner and not free):
        return None
    return make(factor), make(rest), corner


def _inside(mono: Mono, group: frozenset[str]) -> Mono:
    return tuple(a for a in mono if a.names & group)


def _outside(mono: Mono, group: frozenset[str]) -> Mono:
    return tuple(a for a in mono if not a.names & group)
