"""Pools against torch over random arguments: the same sizes where torch runs, a refusal exactly where it raises."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch

from shapecalc.dims.field import IDENTITY
from shapecalc.ops.adaptive import Parts, _covered
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.pool import pooled_size

from .oracle import Built, accepted, broken, made, torch_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAWS = 400


def spatial(rng: random.Random, rank: int, most: int) -> tuple[int, ...]:
    return tuple(rng.randint(1, most) for _ in range(rank))


def leading(rng: random.Random) -> tuple[int, ...]:
    return rng.choice([(2,), (1, 2), (2, 1, 2)[: rng.randint(1, 3)]])


def sometimes(rng: random.Random, **choices: Any) -> dict[str, Any]:
    return {name: draw() for name, draw in choices.items() if rng.random() < 0.6}


def sliding_arguments(rng: random.Random, family: str, rank: int) -> dict[str, Any]:
    def per_axis(low: int, high: int) -> Any:
        values = tuple(rng.randint(low, high) for _ in range(rank))
        return values if rng.random() < 0.5 and rank > 1 else values[0]

    common = {"stride": lambda: per_axis(1, 4), "ceil_mode": lambda: rng.random() < 0.7}
    if family == "LPPool":
        return {"norm_type": rng.choice([1, 2.0, 3]), "kernel_size": per_axis(1, 4), **sometimes(rng, **common)}
    common["padding"] = lambda: per_axis(0, 2)
    if family == "MaxPool":
        common |= {"dilation": lambda: per_axis(1, 3), "return_indices": lambda: True}
    else:
        common["count_include_pad"] = lambda: False
        if rank > 1:
            common["divisor_override"] = lambda: rng.choice([0, 1, -3])
    return {"kernel_size": per_axis(1, 4), **sometimes(rng, **common)}


def draws(name: str, rank: int) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    rng = random.Random(name)
    for _ in range(DRAWS):
        yield sliding_arguments(rng, name[:-2], rank), (*leading(rng), *spatial(rng, rank, 9))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("family", ["MaxPool", "AvgPool", "LPPool"])
def test_sliding_pools_agree_with_torch(family: str, rank: int) -> None:
    name = f"{family}{rank}d"
    refused = 0
    for arguments, x in draws(name, rank):
        theirs = torch_accepted(name, arguments, x)
        assert accepted(name, arguments, x) == theirs, (arguments, x)
        refused += theirs is None
    assert 0.1 * DRAWS < refused < 0.9 * DRAWS


def test_the_size_is_torchs_for_all_small_windows() -> None:
    for i, k, s, p, d, ceil in product(range(1, 9), range(1, 5), range(1, 5), range(3), (1, 2), (False, True)):
        arguments = {"kernel_size": k, "stride": s, "padding": p, "dilation": d, "ceil_mode": ceil}
        theirs = torch_accepted("MaxPool1d", arguments, (1, i))
        assert theirs is None or theirs[0][1] == pooled_size(i, k, s, p, d, ceil), arguments


@pytest.mark.parametrize("rank", [2, 3])
def test_fractional_pools_agree_with_torch(rank: int) -> None:
    """But where a ratio leaves nothing of a map: torch makes an empty output of it."""
    rng, name = random.Random(rank), f"FractionalMaxPool{rank}d"
    refused = 0
    for _ in range(DRAWS):
        arguments = {"kernel_size": rng.randint(1, 4)} | sometimes(
            rng,
            output_size=lambda: rng.choice([rng.randint(0, 5), spatial(rng, rank, 5)]),
            output_ratio=lambda: rng.choice([0.5, 0.7, 0.1, 1.0, 0.0, tuple(rng.random() for _ in range(rank))]),
        )
        x = (*leading(rng), *spatial(rng, rank, 13))
        theirs = torch_accepted(name, arguments, x)
        if "output_ratio" in arguments and theirs and 0 in theirs[0][-rank:]:
            theirs = None
        assert accepted(name, arguments, x) == theirs, (arguments, x)
        refused += theirs is None
    assert 0.1 * DRAWS < refused < 0.9 * DRAWS


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("family", ["AdaptiveAvgPool", "AdaptiveMaxPool"])
def test_adaptive_pools_agree_with_torch(family: str, rank: int) -> None:
    rng, name = random.Random(rank), f"{family}{rank}d"
    for _ in range(100):
        each = tuple(rng.choice([None, 0, 1, 2, 5, -1]) for _ in range(rank))
        arguments = {"output_size": rng.choice([each, each[0]])}
        x = (*rng.choice([(2,), (1, 2)]), *spatial(rng, rank, 9))  # to 1, torch's mean would take any rank
        assert accepted(name, arguments, x) == torch_accepted(name, arguments, x), (arguments, x)


@pytest.mark.parametrize("size", [None, [1, 2, 3], -1, 2.0, "x"])
def test_adaptive_pools_refuse_what_is_no_size(size: Any) -> None:
    with pytest.raises(Unfit):
        made("AdaptiveAvgPool2d", {"output_size": size}, (1, 2, 8, 8))


@pytest.mark.parametrize("ins", range(1, 13))
def test_adaptive_parts_hold_what_the_gradient_reaches(ins: int) -> None:
    """Within one period and beyond it: field positions repeat exactly."""
    for outs in range(1, 13):
        x = torch.rand(1, ins, requires_grad=True)
        y = torch.nn.functional.adaptive_avg_pool1d(x, outs)
        field: Any = Parts(ins, outs).pull(IDENTITY)
        for o in range(outs):
            (gradient,) = torch.autograd.grad(y[0, o], x, retain_graph=True)
            reached = gradient[0].nonzero().flatten().tolist()
            q, r = divmod(o, field.period)
            assert (reached[0], reached[-1]) == (field.lo[r] + q * field.advance, field.hi[r] + q * field.advance)


@pytest.mark.parametrize("ins", range(1, 13))
def test_adaptive_parts_read_together_what_listing_them_reads(ins: int) -> None:
    for outs in range(1, 30):
        parts = [range(n * ins // outs, -(-(n + 1) * ins // outs)) for n in range(outs)]
        assert _covered(ins, outs) == sum(map(len, parts))


def test_messages_name_the_users_numbers() -> None:
    x = (1, 3, 2, 9)
    half = made("MaxPool2d", {"kernel_size": 2, "padding": [0, 2]}, x)
    assert broken(half, (x,)) == ["padding 2 is more than half of kernel 2"]
    large = made("MaxPool2d", {"kernel_size": [3, 2]}, x)
    assert broken(large, (x,)) == ["kernel 3 is larger than the input 2 on axis 2"]
    dilated = made("MaxPool2d", {"kernel_size": 3, "padding": 1, "dilation": 2}, x)
    assert broken(dilated, (x,)) == [
        "kernel 3 with dilation 2 spans 5 and is larger than the input 2 padded to 4 on axis 2"
    ]


@pytest.mark.parametrize("rank", [3, 4])
def test_blended_pools_have_the_sizes_of_max_pool(rank: int) -> None:
    """Emitted source runs at every size that the rule allows, ceil mode and padding included."""
    rng = random.Random(rank)
    for _ in range(150):
        arguments = sliding_arguments(rng, "Blend", 2)
        known = {k: v for k, v in arguments.items() if k in ("kernel_size", "stride", "padding", "ceil_mode")}
        x = (2, 3, *spatial(rng, 2, 9))[4 - rank :]
        theirs = torch_accepted("MaxPool2d", known, x)
        for name in ("MixedPool2d", "StochasticPool2d"):
            assert accepted(name, known, x) == theirs
            if theirs is not None:
                op = made(name, known, x)
                for training in (True, False):
                    assert tuple(Built(op).train(training)(torch.rand(x))[0].shape) == theirs[0], known


def test_mixed_pool_blends_maximum_and_mean() -> None:
    x = torch.randn(2, 3, 9, 8)
    for learned in (False, True):
        op = made(
            "MixedPool2d",
            {"kernel_size": 3, "stride": 2, "padding": 1, "alpha": 0.25, "learned": learned},
            (2, 3, 9, 8),
        )
        largest = torch.nn.functional.max_pool2d(x, 3, 2, 1)
        mean = torch.nn.functional.avg_pool2d(x, 3, 2, 1)
        assert torch.allclose(Built(op)(x)[0], 0.25 * largest + 0.75 * mean)


def test_stochastic_pool_draws_in_proportion_to_values() -> None:
    op = made("StochasticPool2d", {"kernel_size": 2}, (1, 2, 2))
    module = Built(op)
    window = torch.tensor([[[0.0, 1.0], [3.0, 4.0]]])
    torch.manual_seed(0)
    drawn = [float(module.train(True)(window)[0]) for _ in range(4000)]
    assert {v: round(drawn.count(v) / 4000, 1) for v in sorted(set(drawn))} == {1.0: 0.1, 3.0: 0.4, 4.0: 0.5}
    assert float(module.train(False)(window)[0]) == pytest.approx((1 + 9 + 16) / 8)


def test_stochastic_pool_of_zeros_is_zero() -> None:
    module = Built(made("StochasticPool2d", {"kernel_size": 2}, (1, 4, 4)))
    for training in (True, False):
        assert not module.train(training)(torch.zeros(1, 4, 4))[0].any()


def test_stochastic_pool_sends_the_gradient_to_what_was_drawn() -> None:
    module = Built(made("StochasticPool2d", {"kernel_size": 2}, (1, 4, 4)))
    x = torch.rand(1, 4, 4, requires_grad=True)
    y = module.train(True)(x)[0]
    y.sum().backward()
    assert x.grad is not None
    assert sorted(x[x.grad > 0].tolist()) == sorted(y.flatten().tolist())
