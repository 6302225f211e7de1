"""Whether an operator and torch's own function accept the same arguments and give the same shapes."""

from __future__ import annotations

import warnings
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.dims.sym import symbol

from .oracle import Built, accepted, bound, broken, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REFUSALS = (RuntimeError, IndexError, ValueError, TypeError, AssertionError, NotImplementedError)


def torch_shapes(function: Callable[..., Any], *xs: Any) -> Any:
    """Shapes of torch's outputs on the CPU, or None where it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = function(*(None if x is None else torch.rand(x) for x in xs))
    except REFUSALS:
        return None
    return tuple(tuple(t.shape) for t in (y if isinstance(y, tuple | list) else (y,)) if t is not None)


class Tally:
    """Compares case by case, and asserts in the end that acceptance and refusal were both seen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = {True: 0, False: 0}

    def compare(self, arguments: Mapping[str, Any], xs: Sequence[Any], function: Callable[..., Any]) -> Any:
        ours, theirs = accepted(self.name, arguments, *xs), torch_shapes(function, *xs)
        assert ours == theirs, (self.name, arguments, xs, ours, theirs)
        self.seen[ours is not None] += 1
        return ours

    def done(self, least: int = 20) -> None:
        assert min(self.seen.values()) >= least, (self.name, self.seen)


def symbols_agree(name: str, arguments: Mapping[str, Any], xs: Sequence[Any]) -> bool:
    """Rules over symbols, bound afterwards, say what they say over numbers. False where symbols refuse outright."""
    sizes = {f"S{i}_{a}": n for i, x in enumerate(xs) for a, n in enumerate(x or ())}
    free_xs: Any = tuple(
        None if x is None else tuple(n if n == 1 else symbol(f"S{i}_{a}") for a, n in enumerate(x))
        for i, x in enumerate(xs)
    )
    op, free = made(name, arguments, *xs), made(name, arguments, *free_xs)
    bound_needs = [(claim, bound(gap, sizes)) for claim, gap, *_ in free.needs(*free_xs)]
    refused = any(gap < 0 if claim.relation == ">=0" else gap != 0 for claim, gap in bound_needs)
    outright = any(isinstance(need[1], int) and need[1] for need in free.needs(*free_xs) if need[0].relation == "==0")
    if broken(op, xs):
        assert refused, (name, arguments, xs)
        return not outright
    if refused:
        return False
    ys, free_ys = op.shape(*xs), free.shape(*free_xs)
    assert bound(free_ys, sizes) == ys, (name, arguments, xs)
    assert bound(free.macs(free_xs, free_ys), sizes) == op.macs(xs, ys)
    return True


def emitted_shapes(name: str, arguments: Mapping[str, Any], symbolic: Sequence[Any], sizes: Mapping[str, int]) -> Any:
    """Shapes that the emitted text gives for tensors of these sizes, and those that the rules give for them."""
    op = made(name, arguments, *symbolic)
    xs = [bound(x, sizes) for x in symbolic]
    outputs = Built(op)(*(torch.rand(x) for x in xs))
    return tuple(tuple(y.shape) for y in outputs), bound(op.shape(*symbolic), sizes)


def shapes(random: Random, rank: int, low: int = 1, high: int = 5) -> tuple[int, ...]:
    return tuple(random.randint(low, high) for _ in range(rank))
