"""A layer that cannot be -> which of its needs fails, the working of its gap, and what would mend it.

A mend is the nearest other value of one quantity under which the layer, made again, has all that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.explain.steps import Working
from shapecalc.explain.trace import Trace, attempt, batch_axis
from shapecalc.explain.tree import evaluated
from shapecalc.ops.op import AT_LEAST_ZERO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.explain.tree import Name
    from shapecalc.graph.graph import Node
    from shapecalc.ops.op import Claim, Operator, Shape

REACH = 4096
"""How far from a value another one is looked for."""


class Mend:
    """Another value of an attribute, or of an input's axis ("input 2"), with which the layer works."""

    __slots__ = ("new", "old", "what")

    def __init__(self, what: str, old: Any, new: int) -> None:
        self.what = what
        self.old = old
        self.new = new


class Broken:
    """A need that does not hold: its claim, what it says in the user's numbers, its gap, and mends."""

    __slots__ = ("claim", "gap", "mends", "message")

    def __init__(self, claim: Claim, message: str, gap: Working, mends: list[Mend]) -> None:
        self.claim = claim
        self.message = message
        self.gap = gap
        self.mends = mends


def broken(node: Node) -> Broken | None:
    """The first need of a layer that does not hold; None where all do, or where what arrives is not known."""
    op = node.op
    if op is None or any(w is not None and w.shape is None for w in node.inputs):
        return None
    xs: Any = [None if w is None else w.shape for w in node.inputs]
    trace = Trace(op, xs, batch_axis(xs[0]) if xs else None)
    for (claim, gap, *axis), traced in attempt(trace.gaps) or []:
        if holds(claim, gap) or claim.training:
            continue
        working = Working("gap", gap if traced is None else traced, "computed" if traced is None else "")
        message = claim.say(op, xs, axis[0] if axis else -1)
        return Broken(claim, message, working, list(_mends(op, xs, claim, working)))
    return None


def holds(claim: Claim, gap: Any) -> bool:
    """Whether a gap is as its claim wants it; one that depends on sizes is given the benefit of the doubt."""
    if not isinstance(gap, int):
        return True
    return gap >= 0 if claim.relation is AT_LEAST_ZERO else gap == 0


def _mends(op: Operator, xs: Sequence[Shape], claim: Claim, gap: Working) -> Iterator[Mend]:
    for name in gap.letters:
        if isinstance(name.value, int):
            yield from _nearest(op, xs, claim, gap, name)


def _nearest(op: Operator, xs: Sequence[Shape], claim: Claim, gap: Working, name: Name) -> Iterator[Mend]:
    """The nearest value that works; below and above alike where both are as near."""
    tree, old = gap.tree, name.value
    assert tree is not None
    assert isinstance(old, int)
    for distance in range(1, REACH):
        found = []
        for new in (old - distance, old + distance):
            value = attempt(lambda new=new: evaluated(tree, {name.text: new}))  # type: ignore[misc]
            if new >= 0 and value is not None and holds(claim, value) and _works(op, xs, name, new):
                found.append(Mend(name.meaning, old, new))
        if found:
            yield from found
            return


def _works(op: Operator, xs: Sequence[Shape], name: Name, new: int) -> bool:
    """Whether the layer made with the other value has all that it needs."""
    where, _, axis = name.meaning.rpartition(" ")
    if axis.isdigit():
        return any(_whole(op, op.given, changed) for changed in _sized(op, xs, where, int(axis), new))
    kinds = {a.name: a.kind for a in op.attributes}
    value = attempt(lambda: kinds[name.meaning].read(new))
    return value is not None and _whole(op, {**op.given, name.meaning: value}, xs)


def _sized(op: Operator, xs: Sequence[Shape], slot: str, axis: int, new: int) -> Iterator[Sequence[Shape]]:
    """The inputs with another size on an axis; on more axes where one alone does not do."""
    index = next((i for i, s in enumerate(op.inputs) if s.rstrip("?*") == slot), 0)
    if index >= len(xs) or axis >= len(xs[index]):
        return
    old = xs[index][axis]
    single = tuple(new if a == axis else size for a, size in enumerate(xs[index]))
    alike = tuple(new if size == old and a >= axis else size for a, size in enumerate(xs[index]))
    large = tuple(max(new, size) if a >= axis and isinstance(size, int) else size for a, size in enumerate(xs[index]))
    for changed in dict.fromkeys((single, alike, large)):
        yield [*xs[:index], changed, *xs[index + 1 :]]


def _whole(op: Operator, values: Any, xs: Sequence[Shape]) -> bool:
    needs = attempt(lambda: list(type(op)(values, *xs).needs(*xs)))
    return needs is not None and all(holds(need[0], need[1]) or need[0].training for need in needs)
