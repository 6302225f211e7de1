"""Arithmetic as a tree: made, put into numbers and worked out step by step; knows no operator and no text.

Sums and products are flat, as people write them. Each tree knows its value, an integer or a symbolic size.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from shapecalc.dims.sym import least, most, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shapecalc.dims.sym import Dim

Tree: TypeAlias = "Name | Number | Work"

SUM, PRODUCT, FLOOR, REST, LEAST, MOST, SCALED = "+", "*", "//", "%", "min", "max", "int"
"""What a piece of work does; SCALED is int(size*factor), as torch rounds."""


class Number:
    """A number that stands for itself; a float only as the factor of a scaling."""

    __slots__ = ("value",)

    def __init__(self, value: Dim | float) -> None:
        self.value = value


class Name:
    """A named quantity with its value, and the attribute or the size that it stands for."""

    __slots__ = ("meaning", "text", "value")

    def __init__(self, text: str, value: Dim, meaning: str = "") -> None:
        self.text = text
        self.value = value
        self.meaning = meaning


class Work:
    """Parts put together. In a sum each part has a sign, +1 or -1, which products and others leave out."""

    __slots__ = ("kind", "parts", "signs", "value")

    def __init__(self, kind: str, parts: Sequence[Tree], signs: Sequence[int] = ()) -> None:
        self.kind = kind
        self.parts = tuple(parts)
        self.signs = tuple(signs)
        self.value: Dim = worked(kind, [p.value for p in parts], self.signs)


def worked(kind: str, values: Sequence[Dim | float], signs: Sequence[int] = ()) -> Dim:
    """The value of a piece of work.

    >>> worked(SUM, [7, 2], [1, -1]), worked(FLOOR, [7, 2])
    (5, 3)
    """
    return _RULES[kind](values, signs)


_RULES: Mapping[str, Callable[..., Dim]] = {
    SUM: lambda values, signs: sum(v * s for v, s in zip(values, signs, strict=True)),
    PRODUCT: lambda values, _: prod(values),
    FLOOR: lambda values, _: values[0] // values[1],
    REST: lambda values, _: values[0] % values[1],
    LEAST: lambda values, _: least(*values),
    MOST: lambda values, _: most(*values),
    SCALED: lambda values, _: scaled(*values),
}


def total(left: Tree, right: Tree, sign: int = 1) -> Tree:
    """left + right, or left - right: equal terms are counted, zeros go, plain numbers become one."""
    counts: dict[Any, list[Any]] = {}
    plain = 0
    for times, part in (*_terms(left, 1), *_terms(right, sign)):
        if isinstance(part, Number) and isinstance(part.value, int):
            plain += times * part.value
            continue
        number, rest = _counted(part)
        entry = counts.setdefault(key(rest), [0, rest])
        entry[0] += times * number
    kept = [(n, product(Number(abs(n)), part)) for n, part in counts.values() if n]
    if plain:
        kept.append((plain, Number(abs(plain))))
    return _summed(kept)


def _summed(kept: list[tuple[int, Tree]]) -> Tree:
    if not kept:
        return Number(0)
    count, only = kept[0]
    if len(kept) == 1 and (count > 0 or isinstance(only, Number)):
        return only if count > 0 else Number(-only.value)
    return Work(SUM, [part for _, part in kept], [1 if n > 0 else -1 for n, _ in kept])


def _counted(tree: Tree) -> tuple[int, Tree]:
    """A plain number and what it multiplies: 3 and k of 3*k."""
    first = tree.parts[0] if isinstance(tree, Work) and tree.kind == PRODUCT else None
    if isinstance(tree, Work) and isinstance(first, Number) and isinstance(first.value, int):
        rest = tree.parts[1:]
        return first.value, rest[0] if len(rest) == 1 else Work(PRODUCT, rest)
    return 1, tree


def _terms(tree: Tree, sign: int) -> Iterator[tuple[int, Tree]]:
    if isinstance(tree, Work) and tree.kind == SUM:
        yield from ((sign * s, p) for s, p in zip(tree.signs, tree.parts, strict=True))
    else:
        yield sign, tree


def product(left: Tree, right: Tree) -> Tree:
    """left * right; a plain 1 goes, a plain 0 takes all."""
    factors = [f for tree in (left, right) for f in _factors(tree) if not _is(f, 1)]
    if any(_is(f, 0) for f in factors):
        return Number(0)
    numbers = [f for f in factors if isinstance(f, Number)]
    if len(numbers) > 1:
        factors = [Number(prod(n.value for n in numbers)), *(f for f in factors if not isinstance(f, Number))]
    return factors[0] if len(factors) == 1 else Work(PRODUCT, factors) if factors else Number(1)


def _factors(tree: Tree) -> Sequence[Tree]:
    return tree.parts if isinstance(tree, Work) and tree.kind == PRODUCT else (tree,)


def _is(tree: Tree, number: int) -> bool:
    return isinstance(tree, Number) and type(tree.value) is int and tree.value == number


def work(kind: str, left: Tree, right: Tree) -> Tree:
    """Quotient, remainder, smaller, larger or scaled: a number where both are plain numbers."""
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(worked(kind, [left.value, right.value]))
    if kind == FLOOR and isinstance(right, Number) and isinstance(right.value, int) and right.value > 0:
        count, rest = _counted(left)
        if count % right.value == 0:  # 2*p//2 is p
            return product(Number(count // right.value), rest)
    return Work(kind, [left, right])


def key(tree: Tree) -> Any:
    """What two trees of the same arithmetic have in common."""
    if isinstance(tree, Work):
        return tree.kind, tree.signs, tuple(map(key, tree.parts))
    return tree.text if isinstance(tree, Name) else (tree.value,)


def names(tree: Tree) -> dict[str, Name]:
    """The names of a tree in the order in which they stand."""
    if isinstance(tree, Name):
        return {tree.text: tree}
    if isinstance(tree, Number):
        return {}
    return {text: name for part in tree.parts for text, name in names(part).items()}


def replaced(tree: Tree, by: Callable[[Name], Tree]) -> Tree:
    """The tree with another one in the place of each name; nothing is worked out."""
    if isinstance(tree, Name):
        return by(tree)
    return tree if isinstance(tree, Number) else Work(tree.kind, [replaced(p, by) for p in tree.parts], tree.signs)


def in_numbers(tree: Tree) -> Tree:
    """The substitution: every name replaced by its value."""
    return replaced(tree, lambda name: Number(name.value))


def evaluated(tree: Tree, values: Mapping[str, Dim]) -> Dim:
    """The value under other values of the names."""
    if isinstance(tree, Name):
        return values.get(tree.text, tree.value)
    if isinstance(tree, Number):
        return tree.value  # type: ignore[return-value]
    parts: list[Dim | float] = [p.value if isinstance(p, Number) else evaluated(p, values) for p in tree.parts]
    return worked(tree.kind, parts, tree.signs)


def advanced(tree: Tree) -> Tree:
    """One step of arithmetic: everything that holds nothing but numbers is worked out."""
    if not isinstance(tree, Work):
        return tree
    if all(isinstance(p, Number) for p in tree.parts):
        return Number(tree.value)
    return Work(tree.kind, [advanced(p) for p in tree.parts], tree.signs)


def roundings(tree: Tree) -> list[tuple[int, int]]:
    """Divisions of plain numbers that leave a rest, which the next step rounds down: (dividend, divisor)."""
    if not isinstance(tree, Work):
        return []
    if tree.kind == FLOOR and all(isinstance(p, Number) for p in tree.parts):
        top, bottom = (p.value for p in tree.parts)
        uneven = isinstance(top, int) and isinstance(bottom, int) and top % bottom
        return [(top, bottom)] if uneven else []  # type: ignore[list-item]
    return [pair for part in tree.parts for pair in roundings(part)]
