"""Linear, Identity, Embedding and Parameter against torch."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.dims.sym import symbol
from shapecalc.ops.kinds import Unfit

from .agree import Tally, shapes, symbols_agree
from .oracle import Built, broken, made


def test_linear_accepts_what_torch_accepts() -> None:
    random, tally = Random(1), Tally("Linear")
    for _ in range(300):
        x = shapes(random, random.randint(0, 4))
        arguments: dict[str, Any] = {"out_features": random.randint(-1, 4), "in_features": random.randint(0, 5)}
        tally.compare(arguments, [x], lambda t, a=arguments: nn.Linear(**a)(t))
    tally.done()


def test_linear_reads_in_features_off_the_last_axis() -> None:
    linear = made("Linear", {"out_features": 3}, (2, 5, 7))
    assert linear.constructor() == "nn.Linear(7, 3)"
    assert Built(linear).named("parameters") == dict(linear.weights())


def test_linear_names_the_features_that_arrive() -> None:
    x = (symbol("N"), 392)
    op = made("Linear", {"in_features": 1568, "out_features": 10}, x)
    assert broken(op, [x]) == ["in_features is 1568, but 392 features arrive"]


def test_linear_over_symbols_agrees_with_numbers() -> None:
    random = Random(2)
    for _ in range(50):
        x = shapes(random, random.randint(1, 4), 2)
        assert symbols_agree("Linear", {"out_features": 3}, [x])


def test_linear_costs_one_map_for_each_position() -> None:
    """A sequence of 197 tokens costs 197 maps, which some counters take for one."""
    op = made("Linear", {"out_features": 3072}, (1, 197, 768))
    assert op.macs(((1, 197, 768),), op.shape((1, 197, 768))) == 197 * 768 * 3072


def test_embedding_refuses_the_padding_rows_that_torch_refuses() -> None:
    random, tally = Random(3), Tally("Embedding")
    for _ in range(200):
        arguments = {
            "num_embeddings": random.randint(1, 4),
            "embedding_dim": random.randint(0, 3),
            "padding_idx": random.choice([None, *range(-6, 7)]),
        }
        tally.compare(arguments, [(2, 3)], lambda t, a=arguments: nn.Embedding(**a)(t.long()))
    tally.done()


def test_embedding_is_bounded_by_its_table() -> None:
    table = made("Embedding", {"num_embeddings": 7, "embedding_dim": 3}, (2, 5))
    assert table.bound == "num_embeddings"
    with pytest.raises(IndexError):
        Built(table)(torch.tensor([7]))


@pytest.mark.parametrize(
    ("init", "mean", "spread"), [("zeros", 0, 0), ("ones", 1, 0), (3, 3, 0), (0.25, 0.25, 0), (("normal", 0.5), 0, 0.5)]
)
def test_parameters_begin_with_the_values_that_init_says(init: Any, mean: float, spread: float) -> None:
    torch.manual_seed(5)
    tensor = Built(made("Parameter", {"shape": [40, 50], "init": init}))()[0]
    assert isinstance(tensor, nn.Parameter)
    assert tensor.dtype == torch.float32
    values = tensor.detach()
    assert values.mean().item() == pytest.approx(mean, abs=0.05)
    assert values.std().item() == pytest.approx(spread, abs=0.05)


@pytest.mark.parametrize("shape", [[], [1], [2, 3], [0, 2]])
@pytest.mark.parametrize("init", ["zeros", "ones", 2, ("normal", 1)])
def test_parameters_have_their_shape_literally(shape: list[int], init: Any) -> None:
    op = made("Parameter", {"shape": shape, "init": init})
    assert Built(op).named("parameters") == op.weights() == {"": tuple(shape)}
    assert op.shape() == (tuple(shape),)


@pytest.mark.parametrize("init", ["twos", ["normal", -1], ["uniform", 1], [1], True, None])
def test_parameters_refuse_another_init(init: Any) -> None:
    with pytest.raises(Unfit):
        made("Parameter", {"shape": [1], "init": init})
