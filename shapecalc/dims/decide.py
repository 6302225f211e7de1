"""Decides for which sizes a condition holds, `gap >= 0` or `gap == 0`; exact or undecided, never a guess.

The normal form is not unique (`H//3 + (H+1)//3 + (H+2)//3` is `H`), so that two sizes are one function is
decided here and never by `==`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from math import gcd, prod

from .atom import Atom, Floor, Name, Scaled, at, divided_by, low, names, shared
from .quasi import LARGEST, first, shape, signs
from .sizes import SizeSet, from_rule, interval
from .sym import Dim, Sym, make


class Agreement:
    """For which sizes a condition holds. At most one of `always` and `never`; else `sizes`, the exact set of
    the one size that it depends on, or None: a `joint` condition of several sizes, or one not decided.
    """

    __slots__ = ("always", "gap", "kind", "names", "never", "sizes")

    def __init__(self, gap: Dim, kind: str, holds: bool | None, sizes: SizeSet | None = None) -> None:
        self.gap, self.kind, self.names = gap, kind, names(gap)
        self.always, self.never, self.sizes = holds is True, holds is False, sizes

    @property
    def joint(self) -> bool:
        """Whether it is left as a statement on sizes: `describe()`."""
        return not self.always and not self.never and self.sizes is None

    @property
    def verdict(self) -> bool | None:
        return True if self.always else (False if self.never else None)

    def describe(self) -> str:
        """The condition in words or as an equation.

        >>> from shapecalc.dims.sym import symbol
        >>> agreement(symbol("H") - symbol("W") - 2, "==0").describe()
        'H = W + 2'
        """
        if self.always or self.never:
            return "always" if self.always else "never"
        if self.sizes is not None:
            return self.sizes.describe(*self.names)
        assert isinstance(self.gap, Sym)
        return relation(self.gap, self.kind)


def evaluate(x: Dim, values: Mapping[str, int]) -> int:
    """`x` in plain integers; `UnknownSize` where a name has no value.

    >>> from shapecalc.dims.sym import symbol
    >>> evaluate((symbol("H") + 31) // 32, {"H": 224})
    7
    """
    return at(x, values)


def period_and_degree(x: Dim, name: str) -> tuple[int, int] | None:
    """Period and degree bound of `x` in one name, for all sizes; None where it is opaque, settles only
    later (a minimum), or is too large to decide.

    >>> from shapecalc.dims.sym import symbol
    >>> period_and_degree(symbol("H") * (symbol("H") // 6), "H")
    (6, 2)
    """
    found = shape(x, name)
    return found[:2] if found is not None and found[2] == 1 else None


def equal(a: Dim, b: Dim) -> bool | None:
    """True where equal for all sizes >= 1, False where for none, None for some or undecided.

    >>> from shapecalc.dims.sym import symbol
    >>> H = symbol("H")
    >>> equal(H//3 + (H + 1)//3 + (H + 2)//3, H), equal(H, 2*(H//2)), equal(2*H, 2*(H//2) + 3)
    (True, None, False)
    """
    return True if a is b else agreement(a - b, "==0").verdict


def at_least_zero(x: Dim) -> bool | None:
    """True where `x >= 0` for all sizes >= 1, False where for none, None for some or undecided."""
    return x >= 0 if isinstance(x, int) else agreement(x, ">=0").verdict


@lru_cache(maxsize=4096)
def agreement(gap: Dim, kind: str) -> Agreement:
    """For which sizes `gap` is at least 0 (kind ">=0") or is 0 (kind "==0"); ValueError for another kind."""
    if kind not in (">=0", "==0"):
        raise ValueError(f"a condition is '>=0' or '==0', not {kind!r}")
    if isinstance(gap, int):
        return Agreement(gap, kind, gap >= 0 if kind == ">=0" else gap == 0)
    quick = _quick(gap, kind)
    if quick is not None:
        return Agreement(gap, kind, quick)
    gap = _primitive(gap)
    if isinstance(gap, int):
        return Agreement(gap, kind, gap >= 0 if kind == ">=0" else gap == 0)
    if len(gap.names) == 1:
        return _of_one(gap, kind)
    return Agreement(gap, kind, True if kind == "==0" and _zero_on_grid(gap) else None)


def relation(gap: Sym, kind: str) -> str:
    """The condition as an equation with nothing negative on either side: `H = W`, `H*W >= 10`."""
    left = make({mono: c for mono, c in gap.terms.items() if c > 0})
    right = make({mono: -c for mono, c in gap.terms.items() if c < 0})
    sign = "=" if kind == "==0" else ">="
    if isinstance(left, int) and isinstance(right, Sym):
        return f"{right} {sign.replace('>', '<')} {left}"
    return f"{left} {sign} {right}"


def rises(x: Dim) -> bool:
    """Whether `x` only grows with its sizes, and beyond every bound, by its form alone."""
    if isinstance(x, int):
        return False
    moving = [(mono, count) for mono, count in x.terms.items() if mono]
    return all(count > 0 and all(map(_atom_rises, mono)) for mono, count in moving)


def preimage(x: Sym, value: int) -> tuple[int, int] | None:
    """The sizes from 1 on where a rising `x` of one name is `value`: first and last, None where never."""
    [name] = x.names
    lo = first(1, None, lambda n: at(x, {name: n}) >= value)
    assert lo is not None
    if at(x, {name: lo}) != value:
        return None
    beyond = first(lo, None, lambda n: at(x, {name: n}) > value)
    assert beyond is not None
    return lo, beyond - 1


def _quick(gap: Sym, kind: str) -> bool | None:
    """By bounds alone: most needs of a network hold for every size."""
    least, opposite = low(gap), low(-gap)
    if opposite is not None and opposite > 0:
        return False
    if kind == ">=0":
        return True if least is not None and least >= 0 else None
    return False if least is not None and least > 0 else None


def _primitive(gap: Sym) -> Dim:
    """The condition without the positive factors that it does not depend on: a number, a batch size."""
    content = gcd(*gap.terms.values())
    common = tuple(a for a in shared(gap.terms) if isinstance(a, Name))
    return gap if content == 1 and not common else make(divided_by(gap.terms, common, content))


def _atom_rises(part: Atom) -> bool:
    if isinstance(part, Name):
        return True
    if isinstance(part, Scaled):
        return part.factor > 0 and part.low is not None and rises(part.x)
    return isinstance(part, Floor) and part.low is not None and part.low >= 0 and rises(part.poly)


def _of_one(gap: Sym, kind: str) -> Agreement:
    sizes = _sizes_of_monotone(gap, kind)
    if sizes is None:
        sizes = _sizes_of_periodic(gap, kind)
    if sizes is None:
        return Agreement(gap, kind, None)
    if not sizes:
        return Agreement(gap, kind, False)
    return Agreement(gap, kind, True) if sizes.everything else Agreement(gap, kind, None, sizes)


def _sizes_of_monotone(gap: Sym, kind: str) -> SizeSet | None:
    """An interval, by bisection; None where the form does not show that the gap only rises or only falls."""
    opposite = -gap
    assert isinstance(opposite, Sym)
    up = gap if rises(gap) else opposite
    if up is opposite and not rises(opposite):
        return None
    if kind == "==0":
        found = preimage(up, 0)
        return interval(*found) if found else interval(1, 0)
    [name] = gap.names
    edge = first(1, None, lambda n: at(up, {name: n}) >= (0 if up is gap else 1))
    assert edge is not None
    return interval(edge, None) if up is gap else interval(1, edge - 1)


def _sizes_of_periodic(gap: Sym, kind: str) -> SizeSet | None:
    [name] = gap.names
    found = shape(gap, name)
    if found is None:
        return None
    period, _, onset = found
    runs = signs(gap, name, found)
    edges = {onset, *range(1, onset), *(start for run in runs for start, _ in run if start >= onset + period)}
    # a change within the first period holds from its first size on, so it cuts nothing
    if len(edges) * period > 100 * LARGEST:
        return None
    return from_rule(period, edges, lambda n: _holds(at(gap, {name: n}), kind))


def _holds(value: int, kind: str) -> bool:
    return value >= 0 if kind == ">=0" else value == 0


def _zero_on_grid(gap: Sym) -> bool:
    """Whether a gap of several names is 0 for all: on (degree + 1) periods a name, if that can be tried."""
    shapes = [(name, shape(gap, name)) for name in sorted(gap.names)]
    if any(found is None or found[2] > 1 for _, found in shapes):
        return False
    spans = [(found[1] + 1) * found[0] for _, found in shapes if found]
    if prod(spans) > LARGEST:
        return False
    points = product(*(range(1, span + 1) for span in spans))
    return all(at(gap, dict(zip(sorted(gap.names), point, strict=True))) == 0 for point in points)
