"""Turns arithmetic on sizes into a normal form where equal forms are one object; knows no operator.

A symbolic size is an integer polynomial over atoms. Every size is taken to be nonnegative and every named
size to be at least 1: cancelling `N` in `(N*x) // N` relies on it. A result that no longer depends on a
name is a plain `int`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import gcd
from operator import attrgetter
from typing import Any, NoReturn, TypeAlias
from weakref import WeakValueDictionary

from .atom import (
    Atom,
    Floor,
    Least,
    Name,
    Quotient,
    Scaled,
    UnknownSize,
    at,
    atom,
    divided_by,
    low,
    names,
    shared,
    terms,
    without,
)
from .text import plain, rank

__all__ = ["Dim", "Noting", "Sym", "UnknownSize", "bind", "least", "most", "names", "scaled", "symbol"]

Dim: TypeAlias = "int | Sym"
Mono: TypeAlias = tuple[Atom, ...]


class Sym:
    """A size in normal form: `terms` maps monomials to coefficients. Made by `symbol` and arithmetic only.

    >>> H = symbol("H")
    >>> ((H + 2*3 - 7)//2 + 1 + 2 - 3)//2 + 1
    (H + 3)//4
    >>> (H + 1)//2 is (H - 1)//2 + 1
    True
    """

    __slots__ = ("__weakref__", "names", "terms")
    terms: dict[Mono, int]
    names: frozenset[str]

    def __add__(self, other: Dim) -> Dim:
        return _add(self, other, 1) if isinstance(other, (int, Sym)) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _add(self, other, -1) if isinstance(other, (int, Sym)) else NotImplemented

    def __rsub__(self, other: Dim) -> Dim:
        return _add(other, self, -1) if isinstance(other, (int, Sym)) else NotImplemented

    def __mul__(self, other: Dim) -> Dim:
        return _multiply(self, other) if isinstance(other, (int, Sym)) else NotImplemented

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return _floor(self, other)
        return _quotient(self, other) if isinstance(other, Sym) else NotImplemented

    def __rfloordiv__(self, other: int) -> Dim:
        return _quotient(other, self) if isinstance(other, int) else NotImplemented

    def __mod__(self, other: Dim) -> Dim:
        return self - other * (self // other) if isinstance(other, (int, Sym)) else NotImplemented

    def __rmod__(self, other: int) -> Dim:
        return other - self * (other // self) if isinstance(other, int) else NotImplemented

    def __neg__(self) -> Dim:
        return make({mono: -count for mono, count in self.terms.items()})

    def __pos__(self) -> Dim:
        return self

    def _refuse(self, *_: Any) -> NoReturn:
        raise UnknownSize(f"the size {self} has no number, so it cannot be compared or used as one")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __int__ = __float__ = __index__ = __round__ = _refuse

    def __str__(self) -> str:
        return _text(self)

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (tuple(self.terms.items()),)


@lru_cache(maxsize=4096)
def _text(x: Sym) -> str:
    if len(x.terms) == 1:
        ((mono, count),) = x.terms.items()
        if count == 1 and len(mono) == 1 and isinstance(mono[0], Name):
            return mono[0].text
    from .factor import factored  # only for people, so not in the way of arithmetic

    return factored(x)


@lru_cache(maxsize=256)
def symbol(name: str) -> Sym:
    """The size called `name`, a Python identifier (ValueError otherwise, as sizes print as Python).

    >>> symbol("H") is symbol("H")
    True
    """
    if not name.isidentifier():
        raise ValueError(f"a size is named like a variable, not {name!r}")
    return form({(atom(Name, name),): 1})


def bind(x: Dim, values: Mapping[str, Dim]) -> Dim:
    """`x` with sizes put in for names, all at once, in normal form again; other names stay.

    >>> bind(symbol("H") // 2 + 1, {"H": 7})
    4
    """
    return x if isinstance(x, int) else _bind(x, tuple(values.items()))


class Noting:
    """A number that notes what is done with it, for explanations, and so says itself what is smaller or scaled."""

    __slots__ = ()

    def least(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def most(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def scaled(self, factor: float) -> Any:
        raise NotImplementedError


def least(a: Any, b: Any) -> Any:
    """The smaller of two sizes, or of two arrays element by element.

    >>> least(symbol("H"), 7), least(symbol("H") + 1, 2)
    (min(H, 7), 2)
    """
    if isinstance(a, Noting) or isinstance(b, Noting):
        return (a if isinstance(a, Noting) else b).least(a, b)
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    if isinstance(a, (int, Sym)) and isinstance(b, (int, Sym)):
        return _least(a, b)
    return (a + b - abs(a - b)) // 2  # arrays and tracing numbers have abs, but no common minimum


def most(a: Any, b: Any) -> Any:
    """The larger of two sizes, or of two arrays element by element; `a + b - least(a, b)` for symbols."""
    if isinstance(a, Noting) or isinstance(b, Noting):
        return (a if isinstance(a, Noting) else b).most(a, b)
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    if isinstance(a, (int, Sym)) and isinstance(b, (int, Sym)):
        return a + b - _least(a, b)
    return (a + b + abs(a - b)) // 2


def scaled(x: Any, factor: float) -> Any:
    """`int(float(x) * factor)`: what torch computes for a scale factor.

    Exact as `p*x // q` where the factor is p/q with q a power of two up to 64; any other factor of a symbol
    is opaque, because the product is rounded to a float before it is cut.

    >>> scaled(90, 0.7), scaled(symbol("H"), 0.7), scaled(symbol("H"), 1.5)
    (62, int(H*0.7), H + H//2)
    """
    if isinstance(x, Noting):
        return x.scaled(factor)
    if isinstance(x, int):
        return int(float(x) * factor)
    p, q = factor.as_integer_ratio()
    if isinstance(x, Sym):
        return x * p // q if q <= 64 else _one(atom(Scaled, x, float(factor)))
    return x * p // q if q <= 64 else (x * float(factor)).astype("int64")


_TABLE: WeakValueDictionary[frozenset[tuple[Mono, int]], Sym] = WeakValueDictionary()
_TEXT = attrgetter("text")


def make(sums: dict[Mono, int]) -> Dim:
    """The one object of these terms, or a number where no name is left."""
    if 0 in sums.values():
        sums = {mono: count for mono, count in sums.items() if count}
    if not sums:
        return 0
    if len(sums) == 1 and () in sums:
        return sums[()]
    return form(sums)


def form(sums: dict[Mono, int]) -> Sym:
    key = frozenset(sums.items())
    found = _TABLE.get(key)
    if found is None:
        found = Sym()
        found.terms = sums
        found.names = frozenset().union(*(part.names for mono in sums for part in mono))
        _TABLE[key] = found
    return found


def _restore(items: Iterable[tuple[Mono, int]]) -> Dim:
    """Copying and pickling keep one object a form."""
    return make(dict(items))


def _one(part: Atom) -> Sym:
    return form({(part,): 1})


@lru_cache(maxsize=4096)  # the layers of a network repeat each other's arithmetic
def _add(left: Dim, right: Dim, sign: int) -> Dim:
    return _sum(terms(left), terms(right), sign)


def _sum(left: Mapping[Mono, int], right: Mapping[Mono, int], sign: int) -> Dim:
    sums = dict(left)
    for mono, count in right.items():
        sums[mono] = sums.get(mono, 0) + sign * count
    return make(sums)


@lru_cache(maxsize=4096)
def _multiply(left: Dim, right: Dim) -> Dim:
    return _product(terms(left), terms(right))


def _product(left: Mapping[Mono, int], right: Mapping[Mono, int]) -> Dim:
    sums: dict[Mono, int] = {}
    for one, count in left.items():
        for two, times in right.items():
            mono = tuple(sorted(one + two, key=_TEXT)) if one and two else one or two
            sums[mono] = sums.get(mono, 0) + count * times
    return make(sums)


@lru_cache(maxsize=4096)
def _floor(x: Sym, divisor: int) -> Dim:
    """`x // divisor` by the four rules: split by divmod, cancel the gcd, absorb an inner floor, collapse."""
    if divisor <= 0:
        return _floor_by_negative(x, divisor)
    whole, rest = _split(x.terms, divisor)
    common = gcd(divisor, *(count for mono, count in rest.items() if mono))
    if common == divisor:  # nothing but a constant below the divisor is left
        return make(whole)
    rest, divisor = {mono: count // common for mono, count in rest.items()}, divisor // common
    inner = min(
        (m[0] for m, c in rest.items() if c == 1 and len(m) == 1 and type(m[0]) is Floor),
        key=_TEXT,
        default=None,
    )
    if isinstance(inner, Floor):
        del rest[(inner,)]
        deeper = inner.poly + inner.divisor * make(rest)
        return make(whole) + deeper // (inner.divisor * divisor)
    return _sum(whole, {(atom(Floor, make(rest), divisor),): 1}, 1)


def _floor_by_negative(x: Sym, divisor: int) -> Dim:
    if divisor == 0:
        raise ZeroDivisionError(f"the size {x} divided by zero")
    return -x // -divisor


def _split(sums: Mapping[Mono, int], divisor: int) -> tuple[dict[Mono, int], dict[Mono, int]]:
    """Whole multiples of the divisor (already divided), and what is left."""
    whole, rest = {}, {}
    for mono, count in sums.items():
        quotient, remainder = divmod(count, divisor)
        if quotient:
            whole[mono] = quotient
        if remainder:
            rest[mono] = remainder
    return whole, rest


@lru_cache(maxsize=1024)
def _quotient(top: Dim, bottom: Sym) -> Dim:
    """`top // bottom`: common factors cancel, an exact division is carried out, the rest is opaque."""
    if top == 0:
        return 0
    top, divisor = _cancel(top, bottom)
    if isinstance(divisor, int):
        return top // divisor
    quotient, remainder = _divide(terms(top), divisor)
    if remainder == 0:
        return quotient
    [(mono, count), *more] = divisor.terms.items()
    if more:  # a partial quotient by a sum is no simpler
        return _one(atom(Quotient, top, divisor))
    if mono and isinstance(remainder, int) and 0 < remainder < count:
        return quotient
    return quotient + _one(atom(Quotient, remainder, divisor))


def _cancel(top: Dim, bottom: Sym) -> tuple[Dim, Dim]:
    """Both without the factor and the atoms that all of their terms share."""
    factor = gcd(*terms(top).values(), *bottom.terms.values())
    common = shared([*terms(top), *bottom.terms])
    if factor == 1 and not common:
        return top, bottom
    return make(divided_by(terms(top), common, factor)), make(divided_by(bottom.terms, common, factor))


def _divide(top: Mapping[Mono, int], bottom: Sym) -> tuple[Dim, Dim]:
    """Quotient and remainder of polynomials with whole coefficients, by the leading term of `bottom`."""
    lead = min(bottom.terms, key=rank)
    size = bottom.terms[lead]
    rest: dict[Mono, int] = dict(top)
    quotient: dict[Mono, int] = {}
    remainder: dict[Mono, int] = {}
    while rest:
        mono = min(rest, key=rank)
        factor, times = without(mono, lead), rest[mono] // size
        if factor is not None and times:
            quotient[factor] = times
            rest = dict(_terms_minus(rest, _product({factor: times}, bottom.terms)))
        left = rest.pop(mono, 0)
        if left:
            remainder[mono] = left
    return make(quotient), make(remainder)


def _terms_minus(left: Mapping[Mono, int], right: Dim) -> Mapping[Mono, int]:
    difference = _sum(left, terms(right), -1)
    return {} if difference == 0 else terms(difference)


@lru_cache(maxsize=1024)
def _least(a: Dim, b: Dim) -> Dim:
    difference, opposite = low(b - a), low(a - b)
    if difference is not None and difference >= 0:
        return a
    if opposite is not None and opposite >= 0:
        return b
    first, second = sorted((a, b), key=lambda x: (isinstance(x, int), plain(terms(x))))
    return _one(atom(Least, first, second))


@lru_cache(maxsize=4096)
def _bind(x: Sym, items: tuple[tuple[str, Dim], ...]) -> Dim:
    values = dict(items)
    if x.names.isdisjoint(values):
        return x
    numbers = {name: value for name, value in items if isinstance(value, int)}
    if x.names <= numbers.keys():
        return at(x, numbers)
    return _substitute(x, values, {})


def _substitute(x: Dim, values: Mapping[str, Dim], seen: dict[Atom, Dim]) -> Dim:
    if isinstance(x, int) or x.names.isdisjoint(values):
        return x
    total: Dim = 0
    for mono, count in x.terms.items():
        product: Dim = count
        for part in mono:
            product = product * _substitute_atom(part, values, seen)
        total = total + product
    return total


def _substitute_atom(part: Atom, values: Mapping[str, Dim], seen: dict[Atom, Dim]) -> Dim:
    if isinstance(part, Name):
        return values.get(part.text, _one(part))
    if part not in seen:
        seen[part] = part.bound(lambda x: _substitute(x, values, seen))
    return seen[part]
