"""How tensors lie in memory, as strides: what views do to them, and what torch gives results of its own.

Strides are known sizes or closed forms; None stands for a tensor that lies in order. Knows no operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym, names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape

    Strides = tuple[Dim, ...]
    Lie = Strides | None

LARGE = 97
"""What an unknown size counts as where strides are put in order of size: closed forms hold for sizes above 1."""


def in_order(x: Shape) -> Strides:
    """Strides of a tensor whose last axis runs fastest.

    >>> in_order((2, 3, 5))
    (15, 5, 1)
    """
    return ranked(x, range(len(x)))


def ranked(x: Shape, order: Sequence[int]) -> Strides:
    """Strides of a tensor without gaps whose axes run from slowest to fastest in that order.

    >>> ranked((2, 3, 5), (0, 2, 1))
    (15, 1, 3)
    """
    strides: list[Dim] = [1] * len(x)
    step: Dim = 1
    for axis in reversed(order):
        strides[axis] = step
        step = step * _least_one(x[axis])
    return tuple(strides)


def strides_of(x: Shape, lie: Lie) -> Strides:
    """The strides themselves."""
    return in_order(x) if lie is None else lie


def settled(x: Shape, strides: Strides) -> Lie:
    """None where the strides are those of a tensor in order; axes of size 1 do not count."""
    step: Dim = 1
    for size, stride in zip(reversed(x), reversed(strides), strict=True):
        if _is_one(size):
            continue
        if _differs(stride, step):
            return strides
        step = step * size
    return None


def _differs(stride: Any, step: Any) -> bool:
    """Whether they are not equal; of arrays, whether any two numbers are not."""
    different = stride != step
    return different if isinstance(different, bool) else bool(different.any())


def viewed(x: Shape, lie: Lie, y: Shape) -> Strides | None:
    """Strides under which a tensor lies under other sizes, or None where only a copy can: torch's computeStride.

    >>> viewed((2, 3, 5), (15, 1, 3), (2, 3, 5, 1))
    (15, 1, 3, 3)
    >>> viewed((2, 3, 5), (15, 1, 3), (2, 15)) is None
    True
    """
    if lie is None or any(_is_zero(size) for size in x) or not x:
        return in_order(y)
    strides: list[Dim] = [1] * len(y)
    last, step = len(y) - 1, lie[-1]
    held: Dim = 1
    for axis in range(len(x) - 1, -1, -1):
        held = held * x[axis]
        if axis and (_is_one(x[axis - 1]) or lie[axis - 1] == held * step):
            continue
        made: Dim = 1
        while last >= 0 and (made != held or _is_one(y[last])):
            strides[last] = made * step
            made = made * y[last]
            last -= 1
        if made != held:
            return None
        held, step = 1, lie[axis - 1]
    return tuple(strides) if last < 0 else None


def stretched(x: Shape, lie: Lie, y: Shape) -> Strides:
    """Strides of a tensor that is expanded to y: 0 where an axis is new or stretches."""
    strides, first = strides_of(x, lie), len(y) - len(x)
    new = (0,) * first
    pairs = zip(x, y[first:], strides, strict=True)
    return (*new, *(0 if _is_one(size) and not _is_one(wide) else stride for size, wide, stride in pairs))


def moved(x: Shape, lie: Lie, order: Sequence[int | None], y: Shape) -> Lie:
    """How a view lies whose axis n is axis `order[n]` of x, or a new or stretched one where that is None."""
    if lie is None and all(a == n for n, a in enumerate(order)):
        return None
    strides = strides_of(x, lie)
    found: list[Dim] = []
    for n, axis in enumerate(order):
        found.append(strides[axis] if axis is not None else (1 if _is_one(y[n]) else 0))
    return settled(y, tuple(found))


def merged(xs: Sequence[Shape], lies: Sequence[Lie], y: Shape) -> Lie:
    """How the result of an elementwise function lies: without gaps, its axes in the order of its operands' strides.

    The rule is that of ATen/TensorIterator.cpp: axes are sorted from the fastest by the first operand that can tell.
    """
    if all(lie is None for lie in lies) and all(len(x) <= len(y) for x in xs):
        return None
    operands = [stretched(x, lie, y) for x, lie in zip(xs, lies, strict=True)]
    rank = len(y)
    order = list(range(rank - 1, -1, -1))
    for i in range(1, rank):
        at = i
        for before in range(i - 1, -1, -1):
            later = _later(order[before], order[at], operands, y)
            if later < 0:
                break
            if later > 0:
                order[before], order[at] = order[at], order[before]
                at = before
    return settled(y, ranked(y, order[::-1]))


def _later(a: int, b: int, operands: Sequence[Strides], y: Shape) -> int:
    """1 where axis a must come after axis b, from the fastest on; -1 where before; 0 where nothing tells."""
    values = {n: LARGE for s in (*y, *(v for o in operands for v in o)) if isinstance(s, Sym) for n in names(s)}
    for strides in operands:
        one, other = _number(strides[a], values), _number(strides[b], values)
        if one == 0 or other == 0:
            continue
        if one != other:
            return 1 if one > other else -1
        if _number(y[a], values) > _number(y[b], values):
            return 1
    return 0


def _number(size: Any, values: Mapping[str, int]) -> int:
    """A number that stands for the size; the first of an array, as the largest sizes stand for names."""
    if not isinstance(size, Sym):
        return size if isinstance(size, int) else int(size.flat[0])
    from shapecalc.dims.decide import evaluate  # seldom due

    return evaluate(size, values)


def channels_last(x: Shape, lie: Lie) -> bool:
    """Whether torch takes a map for one with its channels last in memory (`suggest_memory_format`)."""
    if lie is None or len(x) not in (4, 5):
        return False
    least: Dim = 0
    for axis in (1, *range(len(x) - 1, 1, -1), 0):
        if _is_zero(x[axis]) or _below(lie[axis], least) or (axis == 0 and least == lie[1]):
            return False
        least = lie[axis] * (x[axis] if not _is_one(x[axis]) else 1)
    return True


def last(x: Shape) -> Lie:
    """How a map with its channels last lies."""
    return settled(x, ranked(x, (0, *range(2, len(x)), 1)))


def _below(a: Dim, b: Dim) -> bool:
    values = {n: LARGE for s in (a, b) if isinstance(s, Sym) for n in names(s)}
    return _number(a, values) < _number(b, values)


def _least_one(size: Dim) -> Dim:
    """Strides count an empty axis as 1."""
    return 1 if _is_zero(size) else size


def _is_one(size: Dim) -> bool:
    return type(size) is int and size == 1


def _is_zero(size: Dim) -> bool:
    return type(size) is int and size == 0
