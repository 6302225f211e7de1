"""Reshapes, axis functions, cuts, splits and reductions against torch."""

from __future__ import annotations

from math import prod
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation does
from torch import nn

from shapecalc.dims.field import POINT
from shapecalc.dims.sym import symbol
from shapecalc.ops.arrange import Lost
from shapecalc.ops.reshape import groups

from .agree import Tally, emitted_shapes, shapes, symbols_agree
from .oracle import broken, made

if TYPE_CHECKING:
    from collections.abc import Callable

N, H, W = (symbol(name) for name in "NHW")


def _dim(random: Random, rank: int) -> int:
    return random.randint(-rank - 1, rank) if random.random() < 0.5 else random.randint(-max(rank, 1), max(rank - 1, 0))


def _dims(random: Random, rank: int, count: int) -> tuple[int, ...]:
    return tuple(_dim(random, rank) for _ in range(count))


def _factors(random: Random, count: int) -> tuple[int, ...]:
    """A random way to write a number as a product of up to four."""
    sizes = []
    for _ in range(random.randint(0, 3)):
        sizes.append(random.choice([d for d in range(1, count + 1) if count % d == 0]))
        count //= sizes[-1]
    return (*sizes, count) if random.random() < 0.9 else tuple(sizes)


def _reshape(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    sizes = list(_factors(random, prod(x)))
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        if sizes:
            sizes[random.randrange(len(sizes))] = random.choice([-1, -1, -1, 0, 2, -2])
    return {"shape": tuple(sizes)}


def _unflatten(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    size = x[random.randrange(len(x))] if x else 1
    return {"dim": _dim(random, len(x)), "unflattened_size": _reshape(random, (size,))["shape"]}


def _permute(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    dims = random.sample(range(len(x)), len(x))
    dims = [d - len(x) if random.random() < 0.3 else d for d in dims]
    if random.random() < 0.3:
        dims = list(_dims(random, len(x), random.randint(0, 4)))
    return {"dims": tuple(dims)}


def _some_dims(random: Random, x: tuple[int, ...]) -> Any:
    kind = random.random()
    return None if kind < 0.2 else _dim(random, len(x)) if kind < 0.6 else _dims(random, len(x), random.randint(0, 3))


def _expand(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    size = [random.choice([-1, n, n if n > 1 else 4]) for n in x]
    if size and random.random() < 0.2:
        size[random.randrange(len(size))] = random.randint(0, 5)
    new = [random.choice([2, 3, 1, -1 if random.random() < 0.2 else 2]) for _ in range(random.randint(0, 2))]
    return {"size": tuple(new + size)[random.random() < 0.1 :]}


def _slice(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    ends = [random.choice([None, random.randint(-8, 8)]), random.randint(-8, 8)]
    arguments = {"dim": _dim(random, len(x)), "start": ends[1], "end": ends[0], "step": random.choice([1, 1, 2, 3, 0])}
    return {k: v for k, v in arguments.items() if k == "dim" or random.random() < 0.8}


def _sliced(t: torch.Tensor, dim: int, start: int = 0, end: int | None = None, step: int = 1) -> torch.Tensor:
    if not -t.dim() <= dim < t.dim():
        raise IndexError(dim)
    return t[(slice(None),) * (dim % t.dim()) + (slice(start, end, step),)]


def _narrow(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    return {"dim": _dim(random, len(x)), "start": random.randint(-6, 6), "length": random.randint(-1, 4)}


def _roll(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    count = random.randint(0, 3)
    shifts: Any = tuple(random.randint(-4, 4) for _ in range(count))
    dims: Any = _dims(random, len(x), count if random.random() < 0.8 else count + 1)
    if random.random() < 0.2:
        shifts = random.randint(-4, 4)
    return {"shifts": shifts} if random.random() < 0.3 else {"shifts": shifts, "dims": dims}


def _rolled(t: torch.Tensor, shifts: Any, dims: Any = ()) -> torch.Tensor:
    return torch.roll(t, shifts, dims)


def _pad(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    count = random.choice([2, 2, 4, 4, 6, random.randint(0, 9)])
    pad = tuple(random.choice([0, 1, 1, 2, 2, 3, 4, -1, -2, -3]) for _ in range(count))
    arguments = {"pad": pad, "mode": random.choice(["constant", "constant", "reflect", "replicate", "circular"])}
    return arguments | {"value": random.choice([0, 0.0, 1.5])} if random.random() < 0.2 else arguments


def _split(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    dim = _dim(random, len(x))
    if random.random() < 0.5:
        return {"split_size_or_sections": random.randint(0, 6), "dim": dim}
    total = x[dim] if -len(x) <= dim < len(x) else 3
    sections = [random.randint(0, 2) for _ in range(random.randint(0, 2))]
    sections.append(total - sum(sections) if random.random() < 0.7 else random.randint(-1, 3))
    return {"split_size_or_sections": tuple(sections), "dim": dim}


def _chunk(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    return {"chunks": random.randint(0, 7), "dim": _dim(random, len(x))}


def _reduce(random: Random, x: tuple[int, ...]) -> dict[str, Any]:
    return {"dim": _some_dims(random, x), "keepdim": random.choice([True, False])}


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Reshape": (_reshape, lambda t, shape: t.reshape(shape)),
    "Unflatten": (_unflatten, lambda t, dim, unflattened_size: nn.Unflatten(dim, unflattened_size)(t)),
    "Flatten": (
        lambda r, x: {"start_dim": _dim(r, len(x)), "end_dim": _dim(r, len(x))},
        lambda t, start_dim, end_dim: nn.Flatten(start_dim, end_dim)(t),
    ),
    "Permute": (_permute, lambda t, dims: t.permute(dims)),
    "Transpose": (
        lambda r, x: {"dim0": _dim(r, len(x)), "dim1": _dim(r, len(x))},
        lambda t, dim0, dim1: t.transpose(dim0, dim1),
    ),
    "Squeeze": (
        lambda r, x: {"dim": _some_dims(r, x)},
        lambda t, dim: t.squeeze() if dim is None else t.squeeze(dim),
    ),
    "Unsqueeze": (lambda r, x: {"dim": _dim(r, len(x) + 1)}, lambda t, dim: t.unsqueeze(dim)),
    "Expand": (_expand, lambda t, size: t.expand(size)),
    "Select": (
        lambda r, x: {"dim": _dim(r, len(x)), "index": r.randint(-6, 6)},
        lambda t, dim, index: t.select(dim, index),
    ),
    "Slice": (_slice, _sliced),
    "Narrow": (_narrow, lambda t, dim, start, length: t.narrow(dim, start, length)),
    "Roll": (_roll, _rolled),
    "Pad": (_pad, lambda t, pad, mode, value=None: F.pad(t, pad, mode, value)),
    "Chunk": (_chunk, lambda t, chunks, dim: t.chunk(chunks, dim)),
    "Split": (_split, lambda t, split_size_or_sections, dim: t.split(_list(split_size_or_sections), dim)),
    "Unbind": (lambda r, x: {"dim": _dim(r, len(x))}, lambda t, dim: t.unbind(dim)),
    "Mean": (_reduce, lambda t, dim, keepdim: t.mean(dim, keepdim=keepdim)),
    "Sum": (_reduce, lambda t, dim, keepdim: t.sum(dim, keepdim=keepdim)),
}
"""For each operator, random arguments, and torch's own function of them."""

COUNTED = {"Chunk", "Split", "Unbind"}
"""Operators whose number of outputs depends on a size, so that symbols may be refused."""


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(7), Tally(name)
    arguments_of, function = FUNCTIONS[name]
    for _ in range(600):
        x = shapes(random, random.randint(0, 5))
        arguments = arguments_of(random, x)
        if not _is_a_quirk(name, arguments, x):
            tally.compare(arguments, [x], lambda t, a=arguments: function(t, **a))
    tally.done()


def _is_a_quirk(name: str, arguments: dict[str, Any], x: tuple[int, ...]) -> bool:
    """Where torch goes on and we do not: a reflection or replication that crops all of an axis while something is
    left of another, and a circular padding of what the other end crops, which is refused or read before it is
    written, by the strides of the tensor."""
    if name != "Pad" or arguments["mode"] == "constant":
        return False
    pairs = list(zip(reversed(x), arguments["pad"][::2], arguments["pad"][1::2], strict=False))
    if arguments["mode"] == "circular":
        return any(min(p, q) < 0 < size + p + q and size + min(p, q) < max(p, q) for size, p, q in pairs)
    return len(arguments["pad"]) > 3 and any(size + p + q < 1 for size, p, q in pairs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_over_symbols_agree_with_numbers(name: str) -> None:
    random, agreed = Random(8), 0
    arguments_of, _ = FUNCTIONS[name]
    for _ in range(200):
        x = shapes(random, random.randint(1, 4), 2)
        try:
            agreed += symbols_agree(name, arguments_of(random, x), [x])
        except Exception as error:
            if type(error).__name__ != "Unfit":
                raise
    assert agreed > (10 if name in COUNTED - {"Unbind"} else -1 if name == "Unbind" else 60)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_refusal_is_put_into_words(name: str) -> None:
    random, said = Random(9), 0
    for _ in range(300):
        x = shapes(random, random.randint(0, 4))
        try:
            op = made(name, FUNCTIONS[name][0](random, x), x)
        except Exception as error:
            if type(error).__name__ != "Unfit":
                raise
            continue
        for message in broken(op, [x])[:1]:
            assert message
            assert "\n" not in message
            assert message[-1] != "."
            said += 1
    assert said > 10


def test_reshape_counts_both_sides() -> None:
    x = (2, 64, 7, 7)
    assert broken(made("Reshape", {"shape": [2, 3000]}, x), [x]) == [
        "[2, 64, 7, 7] holds 6272 values, and [2, 3000] 6000"
    ]
    assert broken(made("Reshape", {"shape": [-1, 100]}, x), [x]) == [
        "[2, 64, 7, 7] holds 6272 values, which do not divide into [-1, 100], by 100"
    ]


def test_reshape_over_the_batch_keeps_symbols_exact() -> None:
    x = (N, 768, H // 16, W // 16)
    op = made("Reshape", {"shape": [N, 768, -1]}, x)
    assert op.shape(x) == ((N, 768, (H // 16) * (W // 16)),)
    assert [gap for _, gap, *_ in op.needs(x)] == [0]


def test_emitted_text_reads_symbols_off_the_tensor() -> None:
    sizes = {"N": 3, "H": 4, "W": 10}
    cases: list[Any] = [
        ("Reshape", {"shape": [N, -1, 3]}, (N, 6, H)),
        ("Reshape", {"shape": [2 * N, 3, H * W // 2]}, (N, 3, H, W)),
        ("Reshape", {"shape": [N, H // 2, 2, W]}, (N, H, W)),
        ("Slice", {"dim": 1, "start": 1, "end": H - 1}, (N, H)),
        ("Narrow", {"dim": 2, "start": 1, "length": W // 2}, (N, H, W)),
        ("Select", {"dim": 1, "index": H - 1}, (N, H)),
        ("Expand", {"size": [N, H, W]}, (N, 1, W)),
    ]
    for name, arguments, x in cases[:-1]:
        theirs, ours = emitted_shapes(name, arguments, [x], sizes)
        assert theirs == ours, (name, arguments)
    assert made("Expand", cases[-1][1], cases[-1][2]).call("", ["x"]) == "x.expand(x.shape[0], H, x.shape[2])"


def test_squeeze_reports_that_an_unknown_size_is_taken_to_be_more_than_one() -> None:
    x = (N, 1, H)
    op = made("Squeeze", {"dim": [1, 2]}, x)
    assert op.shape(x) == ((N, H),)
    assert [(gap, axis) for _, gap, axis in op.needs(x)] == [(H - 2, 2)]  # type: ignore[misc]


def test_chunks_of_a_symbol_that_divides_are_exact() -> None:
    x = (N, 3 * H)
    op = made("Chunk", {"chunks": 3, "dim": 1}, x)
    assert op.shape(x) == ((N, H),) * 3
    split = made("Split", {"split_size_or_sections": H, "dim": 1}, x)
    assert split.shape(x) == ((N, H),) * 3
    assert broken(split, [x]) == []


def test_outputs_that_depend_on_an_unknown_size_are_refused() -> None:
    for name, arguments in (("Unbind", {"dim": 1}), ("Split", {"split_size_or_sections": 2, "dim": 1})):
        assert len(broken(made(name, arguments, (N, H)), [(N, H)])) == 1


def test_huge_numbers_of_outputs_are_refused_at_once() -> None:
    big = 10**12
    for name, arguments in (
        ("Unbind", {}),
        ("Chunk", {"chunks": big}),
        ("Chunk", {"chunks": big - 1}),
        ("Split", {"split_size_or_sections": 1}),
    ):
        assert len(broken(made(name, arguments, (big,)), [(big,)])) == 1
    claim, gap = made("Chunk", {"chunks": big}, (H,)).needs((H,))[0][:2]
    assert (claim.code, gap) == ("SC121", 1)


def test_groups_hold_the_same_values() -> None:
    """Of a reshaped count, positions of the output group are those of the input group, in order."""
    random = Random(11)
    for _ in range(300):
        x = shapes(random, random.randint(1, 4), 1, 4)
        y = _factors(random, prod(x)) or (1,)
        if prod(y) != prod(x):
            continue
        places = torch.arange(prod(x)).reshape(x)
        found = list(groups(x, y))
        assert [a for before, _ in found for a in before] == list(range(len(x)))
        assert [a for _, after in found for a in after] == list(range(len(y)))
        assert not any(_has_loose_ones(before, x) or _has_loose_ones(after, y) for before, after in found)
        for before, after in found:
            assert prod(x[a] for a in before) == prod(y[a] for a in after)
            moved = _positions(places, x, before).reshape(y)
            assert torch.equal(moved, _positions(places.reshape(y), y, after))


def _has_loose_ones(axes: list[int], shape: tuple[int, ...]) -> bool:
    """Whether a run of axes begins or ends with one of size 1, which should stand alone."""
    return len(axes) > 1 and 1 in (shape[axes[0]], shape[axes[-1]])


def _positions(places: torch.Tensor, shape: tuple[int, ...], axes: list[int]) -> torch.Tensor:
    """The position of every value along axes taken as one."""
    count = torch.zeros_like(places)
    for axis in axes:
        steps = torch.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        count = count * shape[axis] + steps
    return count


def test_reshapes_follow_what_survives_and_lose_what_is_split() -> None:
    x = (N, 6, H, W)
    op = made("Reshape", {"shape": [N, 2, 3, H * W]}, x)
    (reads,) = op.window([x], op.shape(x))  # type: ignore[misc]
    assert reads is not None
    assert [source for source, _ in reads] == [0, 1, 1, (2, 3)]
    assert reads[0][1] is reads[3][1] is POINT
    assert isinstance(reads[1][1], Lost)


def test_reshapes_that_fit_only_some_sizes_have_no_trace() -> None:
    x = (N, 4, H)
    op = made("Reshape", {"shape": [N, 100]}, x)
    (reads,) = op.window([x], op.shape(x))  # type: ignore[misc]
    assert reads == ((0, POINT), ((1, 2), POINT))
