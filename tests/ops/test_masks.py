"""Comparisons, truth values, masks, indices and moved axes against torch: what is accepted, shapes, values, dtypes."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation does

from shapecalc.ops.dtypes import WIDTHS
from shapecalc.ops.mask import fits

from .agree import Tally, shapes, symbols_agree
from .oracle import Built, accepted, made

PAIRS = {
    "Eq": torch.eq, "Ne": torch.ne, "Gt": torch.gt, "Ge": torch.ge, "Lt": torch.lt, "Le": torch.le,
    "Maximum": torch.maximum, "Minimum": torch.minimum,
    "LogicalAnd": torch.logical_and, "LogicalOr": torch.logical_or, "LogicalXor": torch.logical_xor,
}  # fmt: skip


def near(random: Random, x: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that stretches to x, or nearly."""
    return tuple(n if random.random() < 0.7 else random.choice([1, 2]) for n in x)[random.choice([0, 0, 1]) :]


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_accept_what_torch_accepts_and_give_its_values(name: str) -> None:
    random, tally = Random(name), Tally(name)
    for _ in range(350):
        x = shapes(random, random.randint(0, 3), 2, 4)
        y = near(random, x)
        tally.compare({}, [x, y], PAIRS[name])
        if accepted(name, {}, x, y) is not None:
            a, b = torch.randint(0, 3, x).float(), torch.randint(0, 3, y).float()
            assert torch.equal(Built(made(name, {}, x, y))(a, b)[0], PAIRS[name](a, b))
    tally.done()


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_take_two_operands_and_a_number_where_torch_does(name: str) -> None:
    number = name in ("Eq", "Ne", "Gt", "Ge", "Lt", "Le")
    assert (accepted(name, {"operands": ["tensor", 2]}, (3,)) is not None) == number
    assert accepted(name, {"operands": ["tensor", "tensor", "tensor"]}, (3,), (3,), (3,)) is None
    assert accepted(name, {"operands": ["tensor"]}, (3,)) is None


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_have_torchs_dtype(name: str) -> None:
    op = made(name, {}, (2,), (2,))
    for a, b in itertools.product(WIDTHS, WIDTHS):
        y = PAIRS[name](torch.ones(2, dtype=getattr(torch, a)), torch.ones(2, dtype=getattr(torch, b)))
        assert op.dtypes(a, b) == (str(y.dtype).removeprefix("torch."),), (a, b)


def _truth(random: Random, x: Any) -> dict[str, Any]:
    rank = len(x)
    dims: Any = random.choice(
        [random.randint(-rank - 1, rank), [random.randint(-rank - 1, rank) for _ in range(2)], []]
    )
    arguments: dict[str, Any] = {"keepdim": random.random() < 0.5}
    return arguments | ({"dim": dims} if random.random() < 0.8 else {})


def _moved(random: Random, x: Any) -> dict[str, Any]:
    rank, count = len(x), random.randint(0, 3)
    dims = [[random.randint(-rank - (random.random() < 0.1), max(rank - 1, 0)) for _ in range(count)] for _ in "12"]
    return {"source": dims[0], "destination": dims[1][: count if random.random() < 0.9 else 1]}


ALONE: dict[str, Any] = {
    "Any": (_truth, lambda t, **a: torch.any(t, **a)),
    "All": (_truth, lambda t, **a: torch.all(t, **a)),
    "Triu": (lambda r, x: {"diagonal": r.randint(-2, 2)}, lambda t, diagonal: torch.triu(t, diagonal)),
    "Tril": (lambda r, x: {"diagonal": r.randint(-2, 2)}, lambda t, diagonal: torch.tril(t, diagonal)),
    "CumProd": (lambda r, x: {"dim": r.randint(-len(x) - 1, len(x))}, lambda t, dim: torch.cumprod(t, dim)),
    "MoveDim": (_moved, lambda t, source, destination: torch.movedim(t, tuple(source), tuple(destination))),
}


@pytest.mark.parametrize("name", ALONE)
def test_functions_of_one_tensor_accept_what_torch_accepts_and_give_its_values(name: str) -> None:
    random, tally = Random(name), Tally(name)
    draw, function = ALONE[name]
    for _ in range(400):
        x = shapes(random, random.randint(0, 4), 0 if random.random() < 0.1 else 1, 4)
        arguments = draw(random, x)
        if tally.compare(arguments, [x], lambda t, a=arguments: function(t, **a)) is None:
            continue
        t = torch.rand(x)
        assert torch.equal(Built(made(name, arguments, x))(t)[0], function(t, **arguments)), (arguments, x)
        if 0 not in x:
            symbols_agree(name, arguments, [x])
    tally.done()


VALUES = [0, 1, -1, 0.5, 127, 128, -128, -129, 255, 256, -255, -256, 65505, 2**31, 1e30, 3.4e38, 3.41e38]
VALUES += [float("inf"), float("-inf")]


@pytest.mark.parametrize("dtype", WIDTHS)
@pytest.mark.parametrize("value", VALUES)
def test_a_mask_fills_in_what_the_dtype_can_hold(dtype: str, value: Any) -> None:
    x, mask = torch.zeros(2, dtype=getattr(torch, dtype)), torch.tensor([True, False])
    try:
        x.masked_fill(mask, value)
        theirs = True
    except RuntimeError:
        theirs = False
    assert fits(value, dtype) == theirs
    assert (made("MaskedFill", {"value": value}, (2,), (2,)).unfit_dtypes(dtype, "bool") == "") == theirs


def test_masks_stretch_as_in_torch() -> None:
    random, tally = Random(21), Tally("MaskedFill")
    for _ in range(300):
        x = shapes(random, random.randint(0, 3), 2, 4)
        xs = [x, near(random, x)] if random.random() < 0.5 else [near(random, x), x]
        tally.compare({"value": 0.5}, xs, lambda t, m: t.masked_fill(m > 0.5, 0.5))
    tally.done()


def test_an_index_picks_what_torch_picks() -> None:
    random, seen = Random(22), {True: 0, False: 0}
    for _ in range(300):
        x, index = shapes(random, random.randint(0, 3), 2, 4), shapes(random, random.randint(0, 2), 1, 3)
        dim = random.randint(-len(x) - 1, len(x))
        t, i = torch.rand(x), torch.randint(0, 2, index)
        ours = accepted("Index", {"dim": dim}, x, index)
        axis = dim + len(x) if dim < 0 else dim
        seen[ours is not None] += 1
        if ours is None:
            assert not 0 <= axis < len(x)
            continue
        due = t[(slice(None),) * axis + (i,)]
        assert ours == (tuple(due.shape),)
        assert torch.equal(Built(made("Index", {"dim": dim}, x, index))(t, i)[0], due)
    assert min(seen.values()) > 50


def test_one_hot_vectors_are_torchs() -> None:
    x = torch.tensor([[0, 2], [4, 1]])
    op = made("OneHot", {"num_classes": 5}, (2, 2))
    (y,) = Built(op)(x)
    assert torch.equal(y, F.one_hot(x, 5))
    assert (tuple(y.shape), str(y.dtype)) == (op.shape((2, 2))[0], "torch.int64")


CURVES = "Expm1 Log1p Exp2 Log2 Log10 Tan Asin Acos Atan Sinh Cosh Reciprocal Square Floor Ceil Round Trunc Sign"


@pytest.mark.parametrize("name", CURVES.split())
def test_curves_are_torchs(name: str) -> None:
    x = torch.rand(3, 4) * 2 - 1
    due = getattr(torch, name.lower())(x)
    assert torch.equal(Built(made(name, {}, (3, 4)))(x)[0].nan_to_num(), due.nan_to_num())
