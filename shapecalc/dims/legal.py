"""Turns the conditions of a network on its input sizes into all legal sizes; knows no operator.

A condition is a gap and what must hold of it, ">=0" or "==0". Conditions on one size are solved exactly and
intersected; those on several stay as statements, a product equal to a number as its exact boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from math import isqrt, prod

from .decide import Agreement, agreement, evaluate, preimage, relation, rises
from .factor import split_equation
from .quasi import LARGEST
from .sizes import EVERY, SizeSet, interval
from .sym import Dim, Sym, bind, names, symbol

__all__ = ["Boxes", "Legal", "Relation", "SizeSet", "smallest", "solve"]

Condition = tuple[Dim, str]
Box = tuple[tuple[int, int], ...]


class Relation:
    """A condition on several sizes at once, or on one where it is not decided."""

    __slots__ = ("gap", "kind", "names")

    def __init__(self, gap: Sym, kind: str) -> None:
        self.gap, self.kind, self.names = gap, kind, tuple(sorted(gap.names))

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether these sizes are legal: none are by which something divides by 0."""
        try:
            value = evaluate(self.gap, values)
        except ZeroDivisionError:
            return False
        return value >= 0 if self.kind == ">=0" else value == 0

    def describe(self) -> str:
        """An equation with nothing negative on either side, such as H = W."""
        return relation(self.gap, self.kind)

    def __repr__(self) -> str:
        return f"Relation({self.describe()})"


class Boxes:
    """A product of sizes that must be a number: exactly these boxes, an interval a name, ends included."""

    __slots__ = ("boxes", "gap", "names")

    def __init__(self, gap: Sym, names: tuple[str, ...], boxes: Sequence[Box]) -> None:
        self.gap, self.names, self.boxes = gap, names, tuple(boxes)

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether these sizes are legal."""
        return evaluate(self.gap, values) == 0

    @property
    def squarest(self) -> Box:
        """The box of the smallest sizes in sum; IndexError where there is no box."""
        return min(self.boxes, key=lambda box: sum(lo for lo, _ in box))

    def describe(self) -> str:
        """The boxes in English, where they are more than three the squarest one and how many others."""
        if not self.boxes:
            return f"no {' and '.join(self.names)} is legal: {relation(self.gap, '==0')}"
        if len(self.boxes) <= 3:
            return " or ".join(self._words(box) for box in self.boxes)
        return f"{self._words(self.squarest)}, or one of {len(self.boxes) - 1} other boxes"

    def _words(self, box: Box) -> str:
        return " and ".join(interval(*side).describe(name) for name, side in zip(self.names, box, strict=True))

    def __repr__(self) -> str:
        return f"Boxes({self.describe()})"


class Legal:
    """All legal sizes: `sizes` for each symbol that is bound on its own, `joint` statements beside them.

    `possible` is False where nothing is legal, `broken` then the gaps that no size satisfies by themselves.
    """

    __slots__ = ("broken", "joint", "sizes")

    def __init__(self, sizes: dict[str, SizeSet], joint: list[Relation | Boxes], broken: list[Condition]) -> None:
        self.sizes, self.joint, self.broken = sizes, joint, broken

    @property
    def possible(self) -> bool:
        empty = any(isinstance(j, Boxes) and not j.boxes for j in self.joint)
        return not self.broken and not empty and all(self.sizes.values())

    def describe(self) -> str:
        """Every condition in English, the symbols in order: "H at least 63; W at least 63"."""
        if self.broken:
            return "no size is legal"
        each = [found.describe(name) for name, found in sorted(self.sizes.items())]
        return "; ".join([*each, *(j.describe() for j in self.joint)]) or "any size"

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether these sizes are legal; every name that a condition has must be given."""
        alone = all(values[name] in found for name, found in self.sizes.items())
        return self.possible and alone and all(j.holds(values) for j in self.joint)


def solve(conditions: Sequence[Condition]) -> Legal:
    """All sizes >= 1 for which every condition holds.

    >>> from shapecalc.dims.sym import symbol
    >>> H = symbol("H")
    >>> solve([(H - 16*(H//16), "==0"), (H - 20, ">=0")]).describe()
    'H divisible by 16, at least 32'
    """
    found = [agreement(*condition) for condition in dict.fromkeys(conditions)]
    sizes: dict[str, SizeSet] = {}
    for one in found:
        if one.sizes is not None:
            [name] = one.names
            sizes[name] = sizes.get(name, EVERY) & one.sizes
    joint = [one for one in found if one.joint]
    _share(joint, sizes)
    broken = [(one.gap, one.kind) for one in found if one.never]
    return Legal(sizes, [_statement(one, sizes) for one in joint if not _implied(one, sizes)], broken)


def smallest(conditions: Sequence[Condition]) -> dict[str, int] | None:
    """The smallest legal size of each symbol; None where none is legal or the search finds none.

    One symbol is exact. With joint conditions it is the legal point of the smallest sum, out of the first
    20,000 points.

    >>> from shapecalc.dims.sym import symbol
    >>> smallest([((symbol("H") + 1)//32 - 2, ">=0")])
    {'H': 63}
    """
    legal = solve(conditions)
    if not legal.possible:
        return None
    everyone = sorted(frozenset().union(*(names(gap) for gap, _ in conditions)))
    start = {name: (legal.sizes.get(name, EVERY).smallest() or 1) for name in everyone}
    if all(j.holds(start) for j in legal.joint):
        return start
    fixed = [j for j in legal.joint if isinstance(j, Boxes)]
    return _from_box(legal, start, fixed[0]) if fixed else _search(legal, start)


def _from_box(legal: Legal, start: dict[str, int], boxes: Boxes) -> dict[str, int] | None:
    """The smallest corner of the boxes that satisfies the rest."""
    corners = sorted(boxes.boxes, key=lambda box: sum(lo for lo, _ in box))
    points = [start | {n: lo for n, (lo, _) in zip(boxes.names, box, strict=True)} for box in corners]
    return next((point for point in points if legal.holds(point)), None)


def _search(legal: Legal, start: dict[str, int]) -> dict[str, int] | None:
    """Points in order of their sum, the symbols that stand in joint conditions moving."""
    moving = sorted({name for j in legal.joint for name in j.names})
    heap = [(sum(start[n] for n in moving), tuple(start[n] for n in moving))]
    seen = {heap[0][1]}
    for _ in range(LARGEST):
        if not heap:
            return None
        _, point = heappop(heap)
        values = start | dict(zip(moving, point, strict=True))
        if legal.holds(values):
            return values
        for following in _steps(legal, moving, point):
            if following not in seen:
                seen.add(following)
                heappush(heap, (sum(following), following))
    return None


def _steps(legal: Legal, moving: Sequence[str], point: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for place, (name, n) in enumerate(zip(moving, point, strict=True)):
        following = legal.sizes.get(name, EVERY).following(n)
        if following is not None:
            yield (*point[:place], following, *point[place + 1 :])


def _share(joint: Iterable[Agreement], sizes: dict[str, SizeSet]) -> None:
    """What binds H binds W where H = W."""
    pairs = [sorted(one.names) for one in joint if _same_size(one)]
    for _ in pairs:  # a chain of equal sizes needs as many turns as it has links
        for a, b in pairs:
            both = sizes.get(a, EVERY) & sizes.get(b, EVERY)
            if both != EVERY:
                sizes[a] = sizes[b] = both


def _implied(one: Agreement, sizes: Mapping[str, SizeSet]) -> bool:
    """Whether a bound holds wherever each size is at least its own smallest: H*W >= 2 where H is at least 7."""
    floors = {name: sizes.get(name, EVERY).smallest() or 1 for name in one.names}
    if one.kind != ">=0" or set(floors.values()) == {1}:
        return False
    above: dict[str, Dim] = {name: symbol(name) + (floor - 1) for name, floor in floors.items()}
    return agreement(bind(one.gap, above), one.kind).always


def _same_size(one: Agreement) -> bool:
    gap = one.gap
    plain = isinstance(gap, Sym) and all(len(m) == 1 and m[0].text in one.names for m in gap.terms)
    return one.kind == "==0" and plain and isinstance(gap, Sym) and sorted(gap.terms.values()) == [-1, 1]


def _statement(one: Agreement, sizes: Mapping[str, SizeSet]) -> Relation | Boxes:
    assert isinstance(one.gap, Sym)
    boxes = _boxes(one.gap, sizes) if one.kind == "==0" and len(one.names) > 1 else None
    return boxes if boxes is not None else Relation(one.gap, one.kind)


def _boxes(gap: Sym, sizes: Mapping[str, SizeSet]) -> Boxes | None:
    """The boxes of `k*f(H)*g(W) == c`: a divisor for each factor, and the sizes that give it."""
    factors, constant = split_equation(gap)
    moving = [f for f in factors if isinstance(f, Sym)]
    fixed = prod(f for f in factors if isinstance(f, int))
    if not constant or len(moving) < 2 or any(len(f.names) != 1 or not rises(f) for f in moving):
        return None
    order = sorted(moving, key=lambda f: min(f.names))
    axes = tuple(name for f in order for name in f.names)
    if len(set(axes)) < len(axes) or abs(constant) > 10**12:
        return None
    target, left = divmod(-constant, fixed)
    found = _solutions(order, target) if not left else ()
    clipped = [_clipped(box, axes, sizes) for box in found]
    return Boxes(gap, axes, [box for box in clipped if box])


def _solutions(factors: Sequence[Sym], target: int) -> Iterator[Box]:
    first, *others = factors
    for divisor in [target] if not others else _divisors(target):
        side = preimage(first, divisor)
        if side:
            yield from ((side, *box) for box in (_solutions(others, target // divisor) if others else [()]))


def _divisors(n: int) -> list[int]:
    small = [d for d in range(1, isqrt(abs(n)) + 1) if n % d == 0]
    both = {*small, *(abs(n) // d for d in small)}
    return sorted({*both, *(-d for d in both)})


def _clipped(box: Box, axes: Sequence[str], sizes: Mapping[str, SizeSet]) -> Box | None:
    sides = [interval(*side) & sizes.get(name, EVERY) for side, name in zip(box, axes, strict=True)]
    ends = [(found.min, found.max) for found in sides]
    return tuple((lo, hi) for lo, hi in ends if lo and hi) if all(sides) else None
