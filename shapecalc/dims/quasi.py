"""Turns a size of one name into polynomials, one a residue, and those into signs; exact, knows no condition.

Whatever is made of sums, products and floors is a quasi-polynomial: from some size on it repeats with a
period L, and along each residue modulo L it is a polynomial. Those are held as forward differences, so
that everything stays in whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import comb, gcd, lcm

from .atom import Atom, Floor, Least, Name, at, names, terms
from .sym import Dim, make

LARGEST = 20_000
"""Evaluations after which a decision is given up; real networks need a few hundred."""

Shape = tuple[int, int, int]
Runs = list[tuple[int, int]]


def shape(x: Dim, name: str) -> Shape | None:
    """Period, degree and onset of `x` as a function of one name, whatever the others are.

    None where an opaque part (a float scale, a quotient by a size) depends on the name, or where deciding
    would take more than `LARGEST` evaluations.
    """
    period, degree, onset = 1, 0, 1
    for mono in terms(x):
        found = [_atom_shape(part, name) for part in mono if name in part.names]
        if None in found:
            return None
        shapes = [s for s in found if s is not None]
        period = lcm(period, *(s[0] for s in shapes))
        degree = max(degree, sum(s[1] for s in shapes))
        onset = max(onset, *(s[2] for s in shapes), 1)
    return (period, degree, onset) if period * (degree + 1) + onset <= LARGEST else None


def _atom_shape(part: Atom, name: str) -> Shape | None:
    if isinstance(part, Name):
        return 1, 1, 1
    if isinstance(part, Floor):
        return _floor_shape(part, name)
    return _least_shape(part, name) if isinstance(part, Least) else None


def _floor_shape(part: Floor, name: str) -> Shape | None:
    inner = shape(part.poly, name)
    if inner is None:
        return None
    period, degree, onset = inner
    moving = make({mono: c for mono, c in part.poly.terms.items() if any(name in a.names for a in mono)})
    if degree == 1 and names(moving) == {name}:
        return period * _turns(moving, name, part.divisor, period, onset), 1, onset
    # along each residue the polynomial has whole coefficients (by induction: s steps of it give back the s
    # that this floor takes away), and such a polynomial repeats modulo s after s steps
    return period * part.divisor, degree, onset


def _turns(x: Dim, name: str, divisor: int, period: int, onset: int) -> int:
    """Periods of a linear `x` after which its floor by the divisor repeats: s / gcd(s, P) for a rise of P."""
    values = [at(x, {name: n}) for n in range(onset, onset + 2 * period)]
    rises = [late - early for early, late in zip(values, values[period:], strict=False)]
    return lcm(*(divisor // gcd(divisor, rise) for rise in rises))


def _least_shape(part: Least, name: str) -> Shape | None:
    """A minimum is the one or the other for good once every residue has made up its mind."""
    difference = part.a - part.b
    if names(difference) != {name}:
        return None
    inner, one, two = shape(difference, name), shape(part.a, name), shape(part.b, name)
    if inner is None or one is None or two is None:
        return None
    period, onset = lcm(inner[0], one[0], two[0]), max(inner[2], one[2], two[2])
    if period * 3 + onset > LARGEST:
        return None
    settled = [runs[-1][0] for runs in signs(difference, name, inner)]
    return period, max(one[1], two[1]), max(onset, *settled)


def signs(x: Dim, name: str, found: Shape) -> list[Runs]:
    """For each residue, from the onset on: (first size, sign from there on) pairs. `x` has one name."""
    period, degree, onset = found
    values = [at(x, {name: n}) for n in range(onset, onset + period * (degree + 1))]
    runs = [_sign_runs(_differences(values[phase::period])) for phase in range(period)]
    return [[(onset + phase + t * period, sign) for t, sign in run] for phase, run in enumerate(runs)]


def _differences(values: list[int]) -> list[int]:
    """Forward differences at 0: p(t) = sum of D[j] * C(t, j)."""
    found = []
    while values:
        found.append(values[0])
        values = [late - early for early, late in pairwise(values)]
    while found and found[-1] == 0:
        found.pop()
    return found


def _sign_runs(differences: list[int]) -> Runs:
    """Where the sign of a polynomial on 0, 1, 2, ... changes, and to what.

    Between sign changes of its difference the polynomial is monotone, so each change is one bisection.
    """
    if len(differences) < 2:
        return [(0, _sign(differences[0]) if differences else 0)]
    slopes = _sign_runs(differences[1:])
    runs: Runs = []
    for (begin, slope), end in zip(slopes, [*(t for t, _ in slopes[1:]), None], strict=True):
        for t in _changes(differences, begin, end, slope):
            sign = _sign(_value(differences, t))
            if not runs or runs[-1][1] != sign:
                runs.append((t, sign))
    return runs


def _changes(differences: list[int], begin: int, end: int | None, slope: int) -> list[int]:
    """`begin`, and where the sign changes up to `end`, while the polynomial only rises or only falls."""

    def heading(t: int) -> int:
        return slope * _sign(_value(differences, t))

    levels = range(heading(begin) + 1, 2) if slope else ()
    found = [first(begin, end, partial(lambda level, t: heading(t) >= level, level)) for level in levels]
    return [begin, *(t for t in found if t is not None)]


def _value(differences: list[int], t: int) -> int:
    return sum(d * comb(t, j) for j, d in enumerate(differences))


def _sign(x: int) -> int:
    return (x > 0) - (x < 0)


def first(begin: int, end: int | None, holds: Callable[[int], bool]) -> int | None:
    """The first number of begin..end where a claim that stays true holds; with no end it must come."""
    step = 1
    while not holds(begin + step if end is None else min(begin + step, end)):
        if end is not None and begin + step >= end:
            return None
        step *= 2
    low, high = begin, begin + step if end is None else min(begin + step, end)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
