"""Steps of two passes, of batches of two sizes -> the first one's, with expressions of N wherever numbers differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import symbol
from shapecalc.torchside.importing.step import Untraceable

if TYPE_CHECKING:
    from shapecalc.torchside.importing.step import Step

BATCHES = (2, 3)


def compare(a: Step, b: Step) -> None:
    """Put expressions of N into the first pass wherever the second has other numbers."""
    if (a.op, a.path, len(a.steps), len(a.outputs)) != (b.op, b.path, len(b.steps), len(b.outputs)):
        raise Untraceable(f"{a.line}: the calls depend on the batch size")
    a.args = {name: joined(value, b.args.get(name)) for name, value in a.args.items()}
    a.operands = joined(a.operands, b.operands)
    for x, y in zip(a.inputs + a.outputs, b.inputs + b.outputs, strict=True):
        if any(type(n) is int for n in x.shape):
            x.shape = tuple(joined(list(x.shape), list(y.shape)))
    for inner, other in zip(a.steps, b.steps, strict=True):
        compare(inner, other)


def joined(a: Any, b: Any) -> Any:
    """Numbers of two passes as one expression of N, also within lists."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [joined(x, y) for x, y in zip(a, b, strict=True)]
    if type(a) is not int or type(b) is not int or a == b:
        return a
    slope = b - a
    return symbol("N") * slope + (a - BATCHES[0] * slope)
