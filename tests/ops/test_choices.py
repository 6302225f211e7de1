"""Operators that choose by indices or a condition, whose inputs differ in dtype, against torch."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from shapecalc.dims.sym import symbol
from shapecalc.ops.gather import Gather, IndexSelect, Where
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d

from .agree import shapes, torch_shapes
from .oracle import Built, bound, broken

if TYPE_CHECKING:
    from collections.abc import Callable

CHOOSING: dict[str, Any] = {
    "MaxUnpool1d": MaxUnpool1d,
    "MaxUnpool2d": MaxUnpool2d,
    "MaxUnpool3d": MaxUnpool3d,
    "Gather": Gather,
    "IndexSelect": IndexSelect,
    "Where": Where,
}
"""Operators whose inputs differ in dtype."""


def _settled(operator: Any, arguments: dict[str, Any], *xs: Any) -> Any:
    kinds = {a.name: a.kind for a in operator.attributes}
    return operator({k: kinds[k].read(list(v) if isinstance(v, tuple) else v) for k, v in arguments.items()}, *xs)


def _inputs(operator: Any, xs: Any) -> list[Any]:
    """Indices of 0 for the inputs that are indices, a condition, or numbers."""
    given = []
    for name, x in zip(operator.inputs, xs, strict=True):
        whole = name in getattr(operator, "further", {})
        given.append(
            torch.rand(x) > 0.5
            if name == "condition"
            else torch.zeros(x, dtype=torch.int64)
            if whole
            else torch.rand(x)
        )
    return given


def _compare(operator: Any, arguments: dict[str, Any], xs: Any, function: Callable[..., Any]) -> bool:
    """Whether both take it; asserts that they agree, on the shape too, and that the emitted text does."""
    try:
        op = _settled(operator, arguments, *xs)
        ours = None if broken(op, xs) or len(xs[0]) not in (operator.ranks or range(9)) else op.shape(*xs)[0]
    except Unfit:
        ours = None
    theirs = torch_shapes(lambda *_: function(*_inputs(operator, xs), **arguments))
    assert (None if ours is None else (ours,)) == theirs, (arguments, xs, ours, theirs)
    if ours is not None:
        assert tuple(Built(op)(*_inputs(operator, xs))[0].shape) == ours
    return ours is not None


@pytest.mark.parametrize("name", CHOOSING)
def test_choices_accept_what_torch_accepts(name: str) -> None:
    random, operator = Random(14), CHOOSING[name]
    seen = [_compare(operator, *_CASES[name[:9]](random, operator)) for _ in range(600)]
    assert 50 < sum(seen) < 550


def _unpool_case(random: Random, operator: Any) -> Any:
    rank = operator.rank
    x = shapes(random, rank + random.choice([1, 2, 2, 2, 3] if random.random() < 0.1 else [1, 2]), 1, 4)
    arguments: dict[str, Any] = {"kernel_size": shapes(random, rank, 1, 3), "padding": shapes(random, rank, 0, 1)}
    if random.random() < 0.6:
        arguments["stride"] = shapes(random, rank, 1, 3)
    indices = x if random.random() < 0.9 else (*x[:-1], x[-1] + 1)
    size = {"output_size": shapes(random, random.choice([rank, rank, rank + 2, rank + 1]), 1, 9)}

    def function(t: Any, i: Any, **given: Any) -> Any:
        called = {k: list(given.pop(k)) for k in size if k in given}
        return getattr(nn, f"MaxUnpool{rank}d")(**given)(t, i, **called)

    return (arguments | size if random.random() < 0.3 else arguments), [x, indices], function


def _gather_case(random: Random, operator: Any) -> Any:
    x = shapes(random, random.randint(0, 3), 1, 4)
    index = tuple(max(1, n + random.choice([0, 0, 0, -1, 1])) for n in x)[random.random() < 0.1 :]
    return {"dim": random.randint(-len(x) - 1, len(x))}, [x, index], lambda t, i, dim: torch.gather(t, dim, i)


def _select_case(random: Random, operator: Any) -> Any:
    x, index = shapes(random, random.randint(0, 3), 1, 4), shapes(random, random.choice([0, 1, 1, 1, 2]), 0, 3)
    return {"dim": random.randint(-len(x) - 1, len(x))}, [x, index], lambda t, i, dim: torch.index_select(t, dim, i)


def _where_case(random: Random, operator: Any) -> Any:
    x = shapes(random, random.randint(0, 3), 2, 4)
    xs = [
        tuple(n if random.random() < 0.8 else random.choice([1, 2]) for n in x)[random.choice([0, 0, 1]) :]
        for _ in "123"
    ]
    return {}, xs, torch.where


_CASES = {"MaxUnpool": _unpool_case, "Gather": _gather_case, "IndexSele": _select_case, "Where": _where_case}


@pytest.mark.parametrize("name", CHOOSING)
def test_choices_keep_what_autograd_keeps(name: str) -> None:
    for arguments, xs in CHOOSING[name].samples():
        op = _settled(CHOOSING[name], arguments, *xs)
        given = [t.requires_grad_() if t.is_floating_point() else t for t in _inputs(op, xs)]
        kept: dict[int, torch.Tensor] = {}

        def pack(tensor: torch.Tensor, kept: dict[int, torch.Tensor] = kept) -> torch.Tensor:
            return kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            Built(op)(*given)
        ours = sum(given[k.index].untyped_storage().nbytes() for k in op.saved(xs, op.shape(*xs)))
        assert ours == sum(t.untyped_storage().nbytes() for t in kept.values())


@pytest.mark.parametrize("name", CHOOSING)
def test_choices_over_symbols_agree_with_numbers(name: str) -> None:
    for arguments, xs in CHOOSING[name].samples():
        sizes = {f"S{n}": n for x in xs for n in x if n > 1}
        free = [tuple(symbol(f"S{n}") if n > 1 else n for n in x) for x in xs]
        op, other = _settled(CHOOSING[name], arguments, *free), _settled(CHOOSING[name], arguments, *xs)
        assert bound(op.shape(*free), sizes) == other.shape(*xs)
        assert broken(other, xs) == []
        for claim, gap, *_ in op.needs(*free):
            assert bound(gap, sizes) >= 0 if claim.relation == ">=0" else bound(gap, sizes) == 0
        assert len(other.window(xs, other.shape(*xs))) == len(xs)
