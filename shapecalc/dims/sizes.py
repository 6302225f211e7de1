"""States which numbers one size may take, exactly, for people and programs; knows no symbol's arithmetic.

A set is a row of spans. A span holds the numbers from `lo` to `hi` (None: no end) whose remainder by its
modulus is one of its residues. Nearly every set that a network gives is a single span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import lcm

Bounds = tuple[int, "int | None"]


class Span:
    """Numbers n with `lo <= n <= hi` and `n % modulus in residues`; lo and hi are members."""

    __slots__ = ("hi", "lo", "modulus", "residues")

    def __init__(self, lo: int, hi: int | None, modulus: int, residues: tuple[int, ...]) -> None:
        self.lo, self.hi, self.modulus, self.residues = lo, hi, modulus, residues

    def __contains__(self, n: int) -> bool:
        return self.lo <= n and (self.hi is None or n <= self.hi) and n % self.modulus in self.residues

    def members(self) -> Iterator[int]:
        """Its numbers, smallest first; endless where hi is None."""
        base = self.lo - self.lo % self.modulus
        while self.hi is None or base <= self.hi:
            yield from (n for n in (base + r for r in self.residues) if n in self)
            base += self.modulus

    def following(self, n: int) -> int | None:
        """Its first number above n; None where there is none."""
        begin = max(n + 1, self.lo)
        return next((m for m in range(begin, begin + self.modulus) if m in self), None)

    @property
    def key(self) -> tuple[int, int | None, int, tuple[int, ...]]:
        return self.lo, self.hi, self.modulus, self.residues


class SizeSet:
    """All legal numbers of one size: `min`, `max` (None: no end), `modulus`, `residues`, `values`.

    The set is the numbers from `start` to `max` that leave one of `residues` by `modulus`, and `values`:
    those outside of that pattern, nearly always none. A finite set without a pattern is all `values`.
    """

    __slots__ = ("spans",)

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = tuple(spans)

    @property
    def regular(self) -> bool:
        """Whether one pattern says all."""
        return len(self.spans) == 1

    @property
    def endless(self) -> bool:
        return bool(self.spans) and self.spans[-1].hi is None

    @property
    def min(self) -> int | None:
        return self.spans[0].lo if self.spans else None

    @property
    def max(self) -> int | None:
        return self.spans[-1].hi if self.spans else None

    @property
    def start(self) -> int | None:
        return self.spans[-1].lo if self.regular or self.endless else None

    @property
    def modulus(self) -> int:
        return self.spans[-1].modulus if self.regular or self.endless else 1

    @property
    def residues(self) -> list[int]:
        return list(self.spans[-1].residues) if self.regular or self.endless else []

    @property
    def values(self) -> tuple[int, ...]:
        listed = self.spans[:-1] if self.regular or self.endless else self.spans
        return tuple(n for span in listed for n in span.members())

    @property
    def everything(self) -> bool:
        """Every size from 1 on."""
        return self == EVERY

    def __contains__(self, n: int) -> bool:
        return any(n in span for span in self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SizeSet) and [s.key for s in self.spans] == [s.key for s in other.spans]

    def __hash__(self) -> int:
        return hash(tuple(s.key for s in self.spans))

    def __and__(self, other: SizeSet) -> SizeSet:
        """The numbers in both."""
        if self == other:
            return self
        modulus = lcm(*(s.modulus for s in self.spans + other.spans))
        edges = {edge for s in self.spans + other.spans for edge in (s.lo, s.hi and s.hi + 1) if edge}
        return from_rule(modulus, edges, lambda n: n in self and n in other)

    def members(self) -> Iterator[int]:
        """Its numbers, smallest first; endless where there is no largest."""
        return (n for span in self.spans for n in span.members())

    def smallest(self) -> int | None:
        """The smallest legal number; None where none is legal."""
        return self.min

    def following(self, n: int) -> int | None:
        """The next larger legal number; None where there is none."""
        later = (span.following(n) for span in self.spans)
        return min((m for m in later if m is not None), default=None)

    def nearest_legal(self, n: int) -> int | None:
        """The legal number closest to `n`, the smaller of two; None where none is legal."""
        return self._nearest(n, True)

    def nearest_illegal(self, n: int) -> int | None:
        """The number from 1 on closest to `n` that is not legal; None where all are legal."""
        return self._nearest(n, False)

    def _nearest(self, n: int, legal: bool) -> int | None:
        spots = [n, 1, *(spot for s in self.spans for spot in (s.lo, s.hi) if spot is not None)]
        reach = max((s.modulus for s in self.spans), default=1)
        near = {m for spot in spots for m in range(max(1, spot - reach), spot + reach + 1)}
        return min((m for m in near if (m in self) is legal), key=lambda m: (abs(m - n), m), default=None)

    def describe(self, name: str) -> str:
        """The set in English.

        >>> interval(32, None).describe("H")
        'H at least 32'
        >>> (interval(20, None) & pattern(16, [0])).describe("H")
        'H divisible by 16, at least 32'
        """
        if not self.spans:
            return f"no {name} is legal"
        if not self.regular and not self.endless and len(listed := self.values) <= 16:
            return f"{name} in {{{', '.join(map(str, listed))}}}"
        return " or ".join(_describe(span, name) for span in self.spans)

    def __repr__(self) -> str:
        return f"SizeSet({self.describe('n')})"


def interval(lo: int, hi: int | None) -> SizeSet:
    """Every number from `lo` (at least 1) to `hi`."""
    return SizeSet([Span(max(lo, 1), hi, 1, (0,))] if hi is None or hi >= max(lo, 1) else [])


def pattern(modulus: int, residues: Iterable[int]) -> SizeSet:
    """Every number from 1 on that leaves one of the residues."""
    kept = frozenset(residues)
    return from_rule(modulus, (), lambda n: n % modulus in kept)


def from_rule(modulus: int, edges: Iterable[int], holds: Callable[[int], bool]) -> SizeSet:
    """The set of numbers from 1 on that a rule accepts, which between edges depends on the residue alone."""
    starts = sorted({1, *(edge for edge in edges if edge > 1)})
    raw = [_span(lo, hi, modulus, holds) for lo, hi in zip(starts, [*starts[1:], None], strict=True)]
    joined: list[Span] = []
    for span in raw:
        if span is None:
            continue
        both = _joined(joined[-1], span) if joined else None
        if both:
            joined[-1] = both
        else:
            joined.append(span)
    return SizeSet(_simplest(span) for span in joined)


def _span(lo: int, end: int | None, modulus: int, holds: Callable[[int], bool]) -> Span | None:
    """The span of accepted numbers from lo to before end, its edges drawn in to members."""
    stop = lo + modulus if end is None else min(lo + modulus, end)
    found = [n for n in range(lo, stop) if holds(n)]
    if not found:
        return None
    residues = {n % modulus for n in found}
    hi = None if end is None else next(n for n in range(end - 1, lo - 1, -1) if n % modulus in residues)
    return Span(found[0], hi, modulus, tuple(sorted(residues)))


def _joined(a: Span, b: Span) -> Span | None:
    """One span for two neighbours of one modulus, where a pattern says the same as both."""
    both = tuple(sorted({*a.residues, *b.residues}))
    rules = (Span(a.lo, b.hi, a.modulus, residues) for residues in (b.residues, a.residues, both))
    return next((rule for rule in rules if _covers(rule, a, b)), None)


def _covers(rule: Span, a: Span, b: Span) -> bool:
    """Whether the rule accepts what a and b do: a period of a, of the gap between them, and of b tells."""
    assert a.hi is not None
    stops = (a.lo, a.hi + 1), (a.hi + 1, b.lo), (b.lo, b.lo + b.modulus if b.hi is None else b.hi + 1)
    parts = [range(lo, min(stop, lo + rule.modulus)) for lo, stop in stops]
    return all((n in rule) == (n in a or n in b) for part in parts for n in part)


def _simplest(span: Span) -> Span:
    """The same numbers by the smallest modulus that divides the given one."""
    window = span.modulus if span.hi is None else min(2 * span.modulus, span.hi - span.lo + 1)
    numbers = range(span.lo, span.lo + window)
    for modulus in range(1, span.modulus):
        if span.modulus % modulus == 0:
            residues = {n % modulus for n in numbers if n in span}
            small = Span(span.lo, span.hi, modulus, tuple(sorted(residues)))
            if all((n in span) == (n in small) for n in numbers):
                return small
    return span


def _describe(span: Span, name: str) -> str:
    if span.lo == span.hi:
        return f"{name} = {span.lo}"
    residue = _residue_words(span, name)
    bounds = _bound_words(span)
    if residue is None:
        return f"{name} {bounds}" if bounds else f"any {name}"
    return f"{residue}, {bounds}" if bounds else residue


def _bound_words(span: Span) -> str:
    first = next(Span(1, None, span.modulus, span.residues).members())
    if span.hi is None:
        return f"at least {span.lo}" if span.lo > first else ""
    return f"from {span.lo} to {span.hi}" if span.lo > first else f"at most {span.hi}"


def _residue_words(span: Span, name: str) -> str | None:
    modulus, residues = span.modulus, span.residues
    missing = [r for r in range(modulus) if r not in residues]
    if not missing:
        return None
    if modulus == 2:
        return f"{name} {'odd' if residues == (1,) else 'even'}"
    if residues == (0,):
        return f"{name} divisible by {modulus}"
    if missing == [0]:
        return f"{name} not divisible by {modulus}"
    if len(missing) < len(residues):
        return f"{name} not {_listed(missing)} modulo {modulus}"
    return f"{name} = {_listed(residues)} modulo {modulus}"


def _listed(numbers: Iterable[int]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} or {last}" if most else last


EVERY = interval(1, None)
