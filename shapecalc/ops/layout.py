"""How results of operators lie in memory where their inputs do not lie in order; operators name the one that is theirs.

Each takes the operator and what arrives, and gives the strides of the outputs, those missing at the end in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.strides import channels_last, last, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Arrival, Lie

IN_ORDER: tuple[Lie, ...] = ()


def ordered(op: Any, arrival: Arrival) -> Sequence[Lie]:
    """In order, whatever arrives."""
    return IN_ORDER


def elementwise(op: Any, arrival: Arrival) -> Sequence[Lie]:
    """As the operands do."""
    if not any(arrival.lies) or not arrival.ys[0]:
        return IN_ORDER
    given = [(x, lie) for x, lie in zip(arrival.xs, arrival.lies, strict=True) if x is not None]
    return (merged([x for x, _ in given], [lie for _, lie in given], arrival.ys[0]),)


def as_first(op: Any, arrival: Arrival) -> Sequence[Lie]:
    """All outputs as an elementwise function of the first input alone."""
    lie = arrival.lies[0]
    return IN_ORDER if lie is None else [merged(arrival.xs[:1], (lie,), y) for y in arrival.ys]


def as_map(op: Any, arrival: Arrival) -> Sequence[Lie]:
    """With the channels last where the input's are, else in order."""
    return [last(y) for y in arrival.ys] if channels_last(arrival.xs[0], arrival.lies[0]) else IN_ORDER


def as_row(op: Any, arrival: Arrival) -> Sequence[Lie]:
    """The same of a sequence, which torch takes for a map of height 1."""
    x, lie = arrival.xs[0], arrival.lies[0]
    if lie is None or len(x) != 3:
        return IN_ORDER
    row = (*x[:2], 1, x[2])
    return [last(y) for y in arrival.ys] if channels_last(row, (*lie[:2], lie[2] * x[2], lie[2])) else IN_ORDER
