"""Makes the indivisible parts of a symbolic size: names, floors, minima; knows no arithmetic of sums.

Atoms are interned: two atoms with the same parts are one object, so monomials compare by identity. The
table is weak; an atom lives as long as a size that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from .text import divided, plain

if TYPE_CHECKING:
    from .sym import Dim, Sym

    Bind: TypeAlias = "Callable[[Dim], Dim]"
    Terms: TypeAlias = "dict[tuple[Atom, ...], int]"


class UnknownSize(TypeError):
    """A decision was asked of a size that has no number yet."""


class Atom:
    """What a polynomial is made of: `text` orders and prints it, `low` bounds it where a bound is known."""

    __slots__ = ("__weakref__", "low", "names", "parts", "text")
    compound = False

    parts: tuple[Any, ...]
    text: str
    names: frozenset[str]
    low: int | None

    def at(self, values: Mapping[str, int]) -> int:
        """The number under known sizes."""
        raise NotImplementedError

    def bound(self, bind: Bind) -> Dim:
        """The size after its parts have been put through `bind`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return atom, (type(self), *self.parts)


class Name(Atom):
    """A named size, at least 1."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        self.parts, self.text, self.names, self.low = (name,), name, frozenset((name,)), 1

    def at(self, values: Mapping[str, int]) -> int:
        try:
            return values[self.text]
        except KeyError:
            raise UnknownSize(f"the size {self.text} has no number") from None

    def bound(self, bind: Bind) -> Dim:
        raise AssertionError("names are looked up before atoms are rebuilt")


class Floor(Atom):
    """`poly // divisor` where the four rules have nothing left to do, so every coefficient is positive."""

    __slots__ = ("divisor", "poly")
    compound = True

    def __init__(self, poly: Sym, divisor: int) -> None:
        self.parts, self.poly, self.divisor = (poly, divisor), poly, divisor
        self.text, self.names = divided(poly.terms, {(): divisor}), poly.names
        least = low(poly)
        self.low = None if least is None else least // divisor

    def at(self, values: Mapping[str, int]) -> int:
        return at(self.poly, values) // self.divisor

    def bound(self, bind: Bind) -> Dim:
        return bind(self.poly) // self.divisor


class Quotient(Atom):
    """`top // bottom` by a symbolic size that does not divide; opaque."""

    __slots__ = ("bottom", "top")
    compound = True

    def __init__(self, top: Dim, bottom: Sym) -> None:
        self.parts, self.top, self.bottom = (top, bottom), top, bottom
        self.text, self.names = divided(terms(top), bottom.terms), names(top) | bottom.names
        above, below = low(top), low(bottom)
        self.low = None if above is None or below is None or min(above, below) < 0 else 0

    def at(self, values: Mapping[str, int]) -> int:
        return at(self.top, values) // at(self.bottom, values)

    def bound(self, bind: Bind) -> Dim:
        return bind(self.top) // bind(self.bottom)


class Least(Atom):
    """The smaller of two sizes of which neither is always the smaller."""

    __slots__ = ("a", "b")

    def __init__(self, a: Dim, b: Dim) -> None:
        self.parts, self.a, self.b = (a, b), a, b
        self.text, self.names = f"min({plain(terms(a))}, {plain(terms(b))})", names(a) | names(b)
        low_a, low_b = low(a), low(b)
        self.low = None if low_a is None or low_b is None else min(low_a, low_b)

    def at(self, values: Mapping[str, int]) -> int:
        return min(at(self.a, values), at(self.b, values))

    def bound(self, bind: Bind) -> Dim:
        from .sym import least

        smaller: Dim = least(bind(self.a), bind(self.b))
        return smaller


class Scaled(Atom):
    """`int(float(x) * factor)`, what torch computes for a scale factor; opaque, as it rounds twice."""

    __slots__ = ("factor", "x")

    def __init__(self, x: Sym, factor: float) -> None:
        self.parts, self.x, self.factor = (x, factor), x, factor
        inner = plain(x.terms)
        single = len(x.terms) == 1 and not any(a.compound for mono in x.terms for a in mono)
        self.text = f"int({inner}*{factor!r})" if single else f"int(({inner})*{factor!r})"
        self.names, least = x.names, low(x)
        self.low = None if least is None or least < 0 or factor < 0 else int(float(least) * factor)

    def at(self, values: Mapping[str, int]) -> int:
        return int(float(at(self.x, values)) * self.factor)

    def bound(self, bind: Bind) -> Dim:
        from .sym import scaled

        size: Dim = scaled(bind(self.x), self.factor)
        return size


_TABLE: WeakValueDictionary[tuple[Any, ...], Atom] = WeakValueDictionary()


def atom(kind: type[Atom], *parts: Any) -> Atom:
    """The one atom of this kind with these parts."""
    found = _TABLE.get((kind, *parts))
    if found is None:
        found = _TABLE[(kind, *parts)] = kind(*parts)
    return found


def terms(x: Dim) -> Mapping[tuple[Atom, ...], int]:
    """Monomials and their coefficients; a number is a coefficient of the empty monomial."""
    return {(): x} if isinstance(x, int) else x.terms


def names(x: Dim) -> frozenset[str]:
    """The named sizes that `x` depends on; none for a number or an array of numbers."""
    found: frozenset[str] = frozenset() if isinstance(x, int) else getattr(x, "names", frozenset())
    return found


def at(x: Dim, values: Mapping[str, int]) -> int:
    """`x` in plain integers; raises `UnknownSize` where a name has no value."""
    if isinstance(x, int):
        return x
    total = 0
    for mono, count in x.terms.items():
        for part in mono:
            count *= part.at(values)
        total += count
    return total


def low(x: Dim) -> int | None:
    """A lower bound for all sizes >= 1, exact where nothing is subtracted; None where none is at hand."""
    if isinstance(x, int):
        return x
    total = 0
    for mono, count in x.terms.items():
        if count < 0 and mono:
            return None
        for part in mono:
            if part.low is None or part.low < 0:
                return None
            count *= part.low
        total += count
    return total


def shared(monos: Iterable[tuple[Atom, ...]]) -> tuple[Atom, ...]:
    """The monomial of the atoms that all have, as often as all have them."""
    first, *others = monos
    return tuple(a for a in dict.fromkeys(first) for _ in range(min(m.count(a) for m in [first, *others])))


def without(mono: tuple[Atom, ...], taken: tuple[Atom, ...]) -> tuple[Atom, ...] | None:
    """The monomial divided by another; None where that does not divide it."""
    left = list(mono)
    for part in taken:
        if part not in left:
            return None
        left.remove(part)
    return tuple(left)


def divided_by(sums: Mapping[tuple[Atom, ...], int], taken: tuple[Atom, ...], count: int) -> Terms:
    """The terms without a monomial and a number that divide all of them."""
    pairs = ((without(mono, taken), value // count) for mono, value in sums.items())
    return {mono: value for mono, value in pairs if mono is not None}
