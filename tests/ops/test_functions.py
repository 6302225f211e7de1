"""Tensor functions, folds and shuffles against torch: what is accepted, shapes, symbols, and what is kept."""

from __future__ import annotations

from math import prod
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation does
from torch import nn

from shapecalc.dims.sym import symbol
from shapecalc.ops.dtypes import WIDTHS
from shapecalc.ops.registry import find

from .agree import Tally, emitted_shapes, shapes, symbols_agree
from .oracle import Built, broken, made

if TYPE_CHECKING:
    from collections.abc import Callable

N, H, W = (symbol(name) for name in "NHW")


def _dim(random: Random, rank: int) -> int:
    return random.randint(-rank - 1, rank) if random.random() < 0.3 else random.randint(-max(rank, 1), max(rank - 1, 0))


def _dims(random: Random, rank: int) -> tuple[int, ...]:
    return tuple(_dim(random, rank) for _ in range(random.randint(0, 3)))


def _some(random: Random, rank: int) -> Any:
    return _dim(random, rank) if random.random() < 0.5 else _dims(random, rank)


def _one_or_all(random: Random, x: Any) -> dict[str, Any]:
    """Arguments of reductions of one axis or of all."""
    arguments = {"keepdim": True} if random.random() < 0.4 else {}
    return arguments | ({"dim": _dim(random, len(x))} if random.random() < 0.7 else {})


def _several(random: Random, x: Any) -> dict[str, Any]:
    """Arguments of reductions of several axes."""
    arguments = {"keepdim": True} if random.random() < 0.4 else {}
    return arguments | ({"dim": _some(random, len(x))} if random.random() < 0.8 else {})


def _with_dim(random: Random, x: Any) -> dict[str, Any]:
    return {"dim": _some(random, len(x)), "keepdim": random.choice([True, False])}


def _spread(random: Random, x: Any) -> dict[str, Any]:
    return _several(random, x) | ({"correction": random.choice([0, 1, 2])} if random.random() < 0.5 else {})


def _norm(random: Random, x: Any) -> dict[str, Any]:
    powers = [0, 1, 2, 3.5, -1, float("inf"), float("-inf")]
    return _several(random, x) | ({"p": random.choice(powers)} if random.random() < 0.6 else {})


def _normalize(random: Random, x: Any) -> dict[str, Any]:
    powers = [0, 1, 2, 3.5, -1, float("inf")]
    return {"dim": _some(random, len(x)), "p": random.choice(powers)} if random.random() < 0.9 else {}


def _topk(random: Random, x: Any) -> dict[str, Any]:
    arguments = {"k": random.randint(-1, 5), "largest": random.random() < 0.5, "sorted": random.random() < 0.5}
    return arguments | ({"dim": _dim(random, len(x))} if random.random() < 0.7 else {})


def _sort(random: Random, x: Any) -> dict[str, Any]:
    arguments = {"descending": random.random() < 0.5, "stable": random.random() < 0.5}
    return arguments | ({"dim": _dim(random, len(x))} if random.random() < 0.9 else {})


def _clamp(random: Random, x: Any) -> dict[str, Any]:
    return {k: v for k, v in (("min", random.choice([0, -0.5])), ("max", 1)) if random.random() < 0.6}


def _repeats(random: Random, x: Any) -> tuple[int, ...]:
    return tuple(
        random.choice([0, 1, 1, 2, 3, -1 if random.random() < 0.2 else 1]) for _ in range(random.randint(0, 5))
    )


def _interleave(random: Random, x: Any) -> dict[str, Any]:
    return {"repeats": random.randint(-1, 4)} | ({"dim": _dim(random, len(x))} if random.random() < 0.7 else {})


def _slide(random: Random) -> dict[str, Any]:
    least = 0 if random.random() < 0.1 else 1
    arguments = {
        "dilation": random.randint(least, 2),
        "padding": (random.randint(0, 2), random.randint(-1 if random.random() < 0.1 else 0, 2)),
        "stride": (random.randint(1, 3), random.randint(least, 3)),
    }
    return {k: v for k, v in arguments.items() if random.random() < 0.6}


def _unfold(random: Random, x: Any) -> dict[str, Any]:
    return {
        "kernel_size": (random.randint(0 if random.random() < 0.1 else 1, 3), random.randint(1, 4)),
        **_slide(random),
    }


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Max": (_one_or_all, lambda t, **a: torch.max(t, **a)),
    "Min": (_one_or_all, lambda t, **a: torch.min(t, **a)),
    "AMax": (_several, lambda t, **a: torch.amax(t, **a)),
    "AMin": (_several, lambda t, **a: torch.amin(t, **a)),
    "ArgMax": (_one_or_all, lambda t, **a: torch.argmax(t, **a)),
    "ArgMin": (_one_or_all, lambda t, **a: torch.argmin(t, **a)),
    "Prod": (_one_or_all, lambda t, **a: torch.prod(t, **a)),
    "Std": (_spread, lambda t, dim=None, **a: torch.std(t, dim, **a)),
    "Var": (_spread, lambda t, dim=None, **a: torch.var(t, dim, **a)),
    "Norm": (_norm, lambda t, **a: torch.norm(t, **a)),
    "LogSumExp": (_with_dim, lambda t, **a: torch.logsumexp(t, **a)),
    "CumSum": (lambda r, x: {"dim": _dim(r, len(x))}, lambda t, dim: torch.cumsum(t, dim)),
    "Sort": (_sort, lambda t, **a: torch.sort(t, **a)),
    "TopK": (_topk, lambda t, **a: torch.topk(t, **a)),
    "Clamp": (_clamp, lambda t, **a: torch.clamp(t, **a)),
    "Normalize": (_normalize, lambda t, **a: F.normalize(t, **a)),
    "Repeat": (lambda r, x: {"repeats": _repeats(r, x)}, lambda t, repeats: t.repeat(repeats)),
    "Tile": (lambda r, x: {"dims": _repeats(r, x)}, lambda t, dims: t.tile(dims)),
    "RepeatInterleave": (_interleave, lambda t, **a: torch.repeat_interleave(t, **a)),
    "Flip": (lambda r, x: {"dims": _dims(r, len(x))}, lambda t, dims: t.flip(dims)),
    "Unfold": (_unfold, lambda t, **a: nn.Unfold(**a)(t)),
    "ChannelShuffle": (lambda r, x: {"groups": r.randint(0, 4)}, lambda t, groups: nn.ChannelShuffle(groups)(t)),
}
"""For each operator of one input, random arguments, and torch's own function of them."""

NEVER_REFUSED = {"Tile", "Clamp"}
"""Operators that refuse little, and only by their arguments."""


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("low", [1, 0])
def test_functions_accept_what_torch_accepts(name: str, low: int) -> None:
    random, tally = Random(7), Tally(name)
    arguments_of, function = FUNCTIONS[name]
    for _ in range(500):
        x = shapes(random, random.randint(0, 5), low)
        arguments = arguments_of(random, x)
        if low == 0 and _is_a_quirk_of_nothing(name, arguments):
            continue
        tally.compare(arguments, [x], lambda t, a=arguments: function(t, **a))
    tally.done(0 if name in NEVER_REFUSED else 20)


def _is_a_quirk_of_nothing(name: str, arguments: dict[str, Any]) -> bool:
    """Where torch takes an empty tensor and no other: even -1 copies, and an empty list for all axes."""
    if name in ("Repeat", "Tile"):
        return any(-1 in counts for counts in arguments.values())
    return name == "LogSumExp" and arguments["dim"] == ()


def _rank(random: Random, name: str, low: int) -> int:
    return random.choice(find(name).ranks or range(low, 5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_over_symbols_agree_with_numbers(name: str) -> None:
    random, agreed = Random(8), 0
    for _ in range(300):
        x = shapes(random, _rank(random, name, 1), 2)
        try:
            agreed += symbols_agree(name, FUNCTIONS[name][0](random, x), [x])
        except Exception as error:
            if type(error).__name__ != "Unfit":
                raise
    assert agreed > 20


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_refusal_is_put_into_words(name: str) -> None:
    random = Random(9)
    for _ in range(300):
        x = shapes(random, _rank(random, name, 0), 0)
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


def test_folds_accept_what_torch_accepts() -> None:
    random, tally = Random(10), Tally("Fold")
    for _ in range(2000):
        arguments = {"output_size": shapes(random, 2, int(random.random() < 0.9), 7), **_unfold(random, ())}
        tally.compare(arguments, [_columns(random, arguments)], lambda t, a=arguments: nn.Fold(**a)(t))
    tally.done(200)


def _columns(random: Random, arguments: dict[str, Any]) -> tuple[int, ...]:
    """The columns of an image of `output_size`, mostly; some other numbers sometimes."""
    slide = {k: v for k, v in arguments.items() if k != "output_size"}
    try:
        x: tuple[int, ...] = tuple(nn.Unfold(**slide)(torch.zeros(2, 2, *arguments["output_size"])).shape)
    except (RuntimeError, ValueError):
        x = (2, 12, 6)
    x = x[random.choice([0, 0, 1]) :]
    return tuple(n + random.choice([-1, 1]) if random.random() < 0.1 else n for n in x)


def test_folds_over_symbols_say_how_many_columns_are_due() -> None:
    x = (N, 16 * 9, H)
    op = made("Fold", {"output_size": 8, "kernel_size": 3, "padding": 1}, x)
    assert op.shape(x) == ((N, 16, 8, 8),)
    assert [need[1] for need in op.needs(x)][-2:] == [0, H - 64]
    image = (N, 3, H, W)
    assert made("Unfold", {"kernel_size": 4, "stride": 4}, image).shape(image) == ((N, 48, (H // 4) * (W // 4)),)


def test_grids_accept_what_torch_accepts() -> None:
    random, tally, affine = Random(11), Tally("GridSample"), Tally("AffineGrid")
    for _ in range(600):
        axes = random.choice([2, 2, 3])
        x = (2, 3, *shapes(random, axes, int(random.random() < 0.9), 4))
        grid = [2, *shapes(random, axes, 0, 4), axes]
        grid[random.randrange(len(grid))] += random.random() < 0.2
        arguments: dict[str, Any] = {"mode": random.choice(["bilinear", "nearest", "bicubic"])}
        arguments["padding_mode"] = random.choice(["zeros", "border", "reflection"])
        tally.compare(
            arguments, [x, tuple(grid)[random.random() < 0.05 :]], lambda t, g, a=arguments: _sampled(t, g, a)
        )
        sizes = {"size": shapes(random, random.choice([axes + 2, axes + 2, 4, 3]), int(random.random() < 0.9))}
        maps = (sizes["size"][0] + (random.random() < 0.2), axes, axes + 1 + (random.random() < 0.1))
        affine.compare(sizes, [maps], lambda t, a=sizes: F.affine_grid(t, a["size"]))
    tally.done()
    affine.done()


def _sampled(t: Any, grid: Any, arguments: dict[str, Any]) -> Any:
    return F.grid_sample(t, grid, **arguments)


@pytest.mark.parametrize(("name", "function"), [("BMM", torch.bmm), ("Outer", torch.outer)])
def test_products_accept_what_torch_accepts(name: str, function: Callable[..., Any]) -> None:
    random, tally = Random(12), Tally(name)
    rank = 3 if name == "BMM" else 1
    for _ in range(400):
        xs = [shapes(random, rank if random.random() < 0.9 else random.randint(0, 3), 0, 3) for _ in range(2)]
        if random.random() < 0.6 and rank == 3 == len(xs[0]):
            xs[1] = (xs[0][0], xs[0][2], random.randint(0, 3))
        tally.compare({}, xs, function)
    tally.done()


def test_quotients_are_torchs() -> None:
    random, tally = Random(13), Tally("Div")
    for _ in range(300):
        x = shapes(random, random.randint(0, 3), 2, 4)
        y = tuple(n if random.random() < 0.8 else random.choice([1, 2]) for n in x)[random.choice([0, 0, 1]) :]
        tally.compare({}, [x, y], torch.div)
    tally.done(10)


@pytest.mark.parametrize(
    "operands",
    [
        ["tensor", "tensor", "tensor"],
        [3, "tensor", "tensor"],
        ["tensor", 2, "tensor", 4],
        [1, 2, "tensor"],
        ["tensor", 2, 3],
        [2.5, "tensor", 2, "tensor"],
    ],
)
def test_quotients_keep_what_autograd_keeps(operands: list[Any]) -> None:
    xs = [(3, 4), (2, 1, 4), (3, 1)][: operands.count("tensor")]
    op = made("Div", {"operands": operands}, *xs)
    kept: dict[int, torch.Tensor] = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.untyped_storage().data_ptr(), t), lambda t: t
    ):
        y = Built(op)(*(torch.rand(x, requires_grad=True) for x in xs))[0]
    assert tuple(y.shape) == op.shape(*xs)[0]
    kept_by_us: Any = [xs[k.index] if k.what == "input" else k.shape for k in op.saved(xs, op.shape(*xs))]
    assert sum(4 * prod(s) for s in kept_by_us) == sum(t.untyped_storage().nbytes() for t in kept.values())


@pytest.mark.parametrize("dtype", WIDTHS)
def test_casts_give_the_dtype_that_they_name(dtype: str) -> None:
    op = made("Cast", {"dtype": dtype}, (2, 3))
    (y,) = Built(op)(torch.rand(2, 3))
    assert str(y.dtype) == f"torch.{dtype}"
    assert op.dtypes("float32") == (dtype,)


@pytest.mark.parametrize("exponent", [0, 2, 0.5, 2.0])
def test_powers_have_torchs_dtype(exponent: float) -> None:
    op = made("Pow", {"exponent": exponent}, (2,))
    for dtype in WIDTHS:
        if dtype != "bool":
            y = torch.ones(2, dtype=getattr(torch, dtype)) ** exponent
            assert op.dtypes(dtype) == (str(y.dtype).removeprefix("torch."),), dtype


def test_paths_that_are_dropped_are_whole_samples() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 3, 4) + 0.5
    dropped = made("DropPath", {"drop_prob": 0.25}, (200, 3, 4))
    (y,) = Built(dropped).train(True)(x)
    left = (y != 0).flatten(1)
    assert bool((left.all(1) | ~left.any(1)).all())
    assert 110 < int(left.all(1).sum()) < 190
    assert torch.allclose(y[left.all(1)], x[left.all(1)] / 0.75)
    assert torch.equal(Built(dropped).train(False)(x)[0], x)


def test_emitted_text_reads_symbols_off_the_tensor() -> None:
    sizes = {"N": 3, "H": 4, "W": 10}
    cases: list[Any] = [
        ("Repeat", {"repeats": [1, H, 2]}, (N, H, W)),
        ("Tile", {"dims": [W // H]}, (N, H, W)),
        ("RepeatInterleave", {"repeats": H, "dim": 2}, (N, H, W)),
        ("AffineGrid", {"size": [N, 3, 5, 6]}, (N, 2, 3)),
    ]
    for name, arguments, x in cases:
        theirs, ours = emitted_shapes(name, arguments, [x], sizes)
        assert theirs == ours, (name, arguments)
