"""Carries what an output sees of the input through its readers, phase by phase; knows no operator.

The field of a value along one input axis is a periodic map: output `q*period + r` sees input positions from
`lo[r] + q*advance` to `hi[r] + q*advance`, borders ignored. Only upsampling makes a period above 1. This is
the recursion of Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks (Distill,
2019), carried over phases. Holes of dilation are filled: a field is a hull.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, inf, lcm
from typing import Any, Final, TypeAlias

from .sym import Sym, least, most

LONGEST_PERIOD = 4096
"""More phases than this are not followed: a resize from 4,001 to 4,003 positions is no pattern to report."""


class Field:
    """What one output position sees along one input axis. Edges are whole numbers, or symbols where a window
    has one; a phase that sees nothing (stride above kernel in a transposed convolution) has lo inf, hi -inf.
    """

    __slots__ = ("advance", "hi", "lo", "period")

    def __init__(self, period: int, advance: Any, lo: tuple[Any, ...], hi: tuple[Any, ...]) -> None:
        self.period, self.advance, self.lo, self.hi = period, advance, lo, hi

    @property
    def size(self) -> Any:
        """The largest number of input positions from the first to the last one seen, over the phases."""
        return self.hi[0] - self.lo[0] + 1 if self.period == 1 else self.sizes[1]

    @property
    def sizes(self) -> tuple[int, int]:
        """The smallest and the largest size over the phases; 0 for a phase that sees nothing."""
        sizes = [0 if hi < lo else hi - lo + 1 for lo, hi in zip(self.lo, self.hi, strict=True)]
        return min(sizes), max(sizes)

    @property
    def stride(self) -> Any:
        """Input positions from one output to the next, on average: whole, else a `Fraction`."""
        if self.period == 1:
            return self.advance
        from fractions import Fraction  # imports re and decimal: half of the time that this package has

        ratio = Fraction(self.advance, self.period)
        return ratio.numerator if ratio.denominator == 1 else ratio

    @property
    def start(self) -> Any:
        """The first input position that output 0 sees; negative where that is padding."""
        return self.lo[0]

    @property
    def centre2(self) -> Any:
        """Twice the centre of what output 0 sees, in input positions (whole, as a centre may be half)."""
        return self.lo[0] + self.hi[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Field):
            return NotImplemented
        return (self.period, self.advance, self.lo, self.hi) == (
            other.period,
            other.advance,
            other.lo,
            other.hi,
        )

    def __hash__(self) -> int:
        return hash((self.period, self.advance, self.lo, self.hi))

    def __repr__(self) -> str:
        return f"Field({self.period}, {self.advance}, {self.lo}, {self.hi})"


class Whole:
    """Sees every position of the axis. `WHOLE` is its only value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "WHOLE"


class Unknown:
    """No fixed field, and why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Unknown({self.reason!r})"


Seen: TypeAlias = "Field | Whole | Unknown"
WHOLE: Final = Whole()
IDENTITY: Final = Field(1, 1, (0,), (0,))


def merge(fields: Sequence[Seen]) -> tuple[Seen, bool | None]:
    """What a value made of several sees, and whether their centres agree for every output (None: undecided).

    Lowest and highest edge, phase by phase. Different strides have no fixed field: `Unknown`, not aligned.
    A value that sees everything absorbs the others, and has no centre to be misaligned.
    """
    first = fields[0]
    if isinstance(first, Field) and all(f is first or f == first for f in fields):
        return first, True
    known = [f for f in fields if isinstance(f, Field)]
    unknown = next((f for f in fields if isinstance(f, Unknown)), None)
    joined, aligned = _join(known) if known else (WHOLE, True)
    if len(known) < len(fields) and unknown is None:
        return WHOLE, aligned
    if unknown is None:
        return joined, aligned
    whole = any(isinstance(f, Whole) for f in fields)
    return (WHOLE if whole else unknown), (None if aligned else False)


def _join(fields: list[Field]) -> tuple[Seen, bool]:
    first = fields[0]
    for other in fields[1:]:
        if other.advance * first.period != first.advance * other.period:
            return Unknown(f"paths of stride {first.stride} and {other.stride} meet"), False
    period = lcm(*(f.period for f in fields))
    if period > LONGEST_PERIOD:
        return Unknown(f"the field repeats only after {period} outputs"), True
    symbolic = any(map(_symbolic, fields))
    if period > 1 and symbolic:
        return Unknown("paths of a size that is not known meet those of an upsampling"), True
    wide = [_repeated(f, period) for f in fields]
    edges = [[f.lo[r] + f.hi[r] for f in wide if f.lo[r] != inf] for r in range(period)]
    lo = tuple(_fold(least, [f.lo[r] for f in wide]) for r in range(period))
    hi = tuple(_fold(most, [f.hi[r] for f in wide]) for r in range(period))
    if symbolic and not (lo[0] in {f.lo[0] for f in fields} and hi[0] in {f.hi[0] for f in fields}):
        return Unknown("which of the paths that meet sees further depends on a size that is not known"), True
    return _reduced(period, wide[0].advance, lo, hi), all(len(set(centres)) < 2 for centres in edges)


def _symbolic(field: Field) -> bool:
    return any(isinstance(edge, Sym) for edge in (field.advance, *field.lo, *field.hi))


def _fold(smaller: Any, edges: list[Any]) -> Any:
    """Least or most of edges; infinities stand for nothing seen and give way."""
    seen = [edge for edge in edges if edge not in (inf, -inf)]
    if not seen:
        return edges[0]
    result = seen[0]
    for edge in seen[1:]:
        result = smaller(result, edge)
    return result


def _repeated(field: Field, period: int) -> Field:
    """The same field stated over a multiple of its period."""
    turns = [q * field.advance for q in range(period // field.period)]
    lo = tuple(edge + turn for turn in turns for edge in field.lo)
    hi = tuple(edge + turn for turn in turns for edge in field.hi)
    return Field(period, field.advance * len(turns), lo, hi)


def _reduced(period: int, advance: Any, lo: tuple[Any, ...], hi: tuple[Any, ...]) -> Field:
    """The same field over its shortest period."""
    field = Field(period, advance, lo, hi)
    if period == 1 or not isinstance(advance, int):
        return field
    common = gcd(period, advance)
    for parts in range(common, 1, -1):
        if common % parts == 0:
            shorter = period // parts
            small = Field(shorter, advance // parts, lo[:shorter], hi[:shorter])
            if _repeated(small, period) == field:
                return small
    return field


def pulled(field: Field, outs: int, ins: int, reads: Callable[[int], Sequence[int]]) -> Seen:
    """The field of an operator of which output `o` reads the inputs `reads(o)`, which lie at equal distances.

    `outs` more outputs read the same pattern `ins` inputs further on.
    """
    if not outs:
        return Unknown("no output sees anything")
    period, advance = field.period, field.advance
    if _symbolic(field):
        return Unknown("the field below it has a size that is not known")
    turns = period // gcd(ins, period) if period > 1 else 1
    if outs * turns > LONGEST_PERIOD:
        return Unknown(f"the field repeats only after {outs * turns} outputs")
    lo, hi = [], []
    for output in range(outs * turns):
        low, high = inf, -inf
        for position in _ends(reads(output), period):
            whole, phase = divmod(position, period)
            low = min(low, field.lo[phase] + whole * advance)
            high = max(high, field.hi[phase] + whole * advance)
        lo.append(low)
        hi.append(high)
    return _reduced(outs * turns, advance * (ins * turns // period), tuple(lo), tuple(hi))


def _ends(positions: Sequence[int], period: int) -> Sequence[int]:
    """The first and last of each phase, among positions at equal distances: no other can be an edge."""
    return positions if len(positions) <= 2 * period else [*positions[:period], *positions[-period:]]
