"""Transformers against torch: refusals, weights and source of nested layers, cost, and what autograd keeps."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.dims.sym import symbol
from shapecalc.ops.kinds import Part, Unfit
from shapecalc.ops.norm import LayerNorm
from shapecalc.ops.transformer import TransformerDecoderLayer, TransformerEncoderLayer

from .agree import Tally, symbols_agree
from .oracle import Built, broken, made
from .test_samples import test_saved_tensors_are_those_that_autograd_keeps as check_saved

NAMES = ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer")
N, T = symbol("N"), symbol("T")
HINTS = {"is_causal", "src_is_causal", "tgt_is_causal", "memory_is_causal"}


def _mostly(random: Random, value: int) -> int:
    return value if random.random() < 0.97 else value + 1


def _case(random: Random, name: str) -> tuple[dict[str, Any], list[Any]]:
    """Arguments and inputs that mostly fit one another."""
    heads, batch, s, t = (random.randint(1, 3) for _ in range(4))
    e = heads * random.randint(1, 2) + (random.random() < 0.08)
    first = random.choice([True, False])
    arguments: dict[str, Any] = {"d_model": e, "nhead": heads, "dim_feedforward": random.randint(0, 4)}
    arguments |= {"batch_first": first, "dropout": random.choice([0.0, 0.1, 1.0])}
    arguments |= {flag: random.choice([True, False]) for flag in ("norm_first", "bias") if random.random() < 0.4}
    ranked = random.choice([2, 3, 3])

    def sequence(length: int) -> tuple[int, ...]:
        f, b = _mostly(random, e), _mostly(random, batch)
        rank = ranked if random.random() < 0.97 else 5 - ranked
        return (length, f) if rank == 2 else (b, length, f) if first else (length, b, f)

    def mask(*sizes: int) -> Any:
        return random.choice([None, None, tuple(_mostly(random, n) for n in sizes)])

    def padding(length: int) -> Any:
        return mask(length) if ranked == 2 else mask(batch, length)

    if name == "TransformerEncoderLayer":
        if random.random() < 0.2:
            arguments["is_causal"] = True
        return arguments, _trimmed([sequence(s), mask(s, s), padding(s)])
    if name == "TransformerDecoderLayer":
        masks = [mask(t, t), mask(t, s), padding(t), padding(s)]
        return arguments, _trimmed([sequence(t), sequence(s), *masks])
    arguments |= {"num_encoder_layers": random.randint(1, 2), "num_decoder_layers": 1}
    masks = [mask(s, s), mask(t, t), mask(t, s), padding(s), padding(t), padding(s)]
    return arguments, _trimmed([sequence(s), sequence(t), *masks])


def _trimmed(xs: list[Any]) -> list[Any]:
    while xs[-1] is None:
        xs.pop()
    return xs


def _torchs(name: str, arguments: dict[str, Any], *xs: Any) -> Any:
    hints = {k: v for k, v in arguments.items() if k in HINTS}
    return getattr(nn, name)(**{k: v for k, v in arguments.items() if k not in HINTS})(*xs, **hints)


@pytest.mark.parametrize("name", NAMES)
def test_transformers_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(1), Tally(name)
    for _ in range(400):
        arguments, xs = _case(random, name)
        tally.compare(arguments, xs, lambda *ts, a=arguments: _torchs(name, a, *ts))
    tally.done(60)


@pytest.mark.parametrize("name", NAMES)
def test_transformers_over_symbols_agree_with_numbers(name: str) -> None:
    random, agreed = Random(2), 0
    for _ in range(60):
        arguments, xs = _case(random, name)
        agreed += symbols_agree(name, arguments, xs)
    assert agreed > 15


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("act", ["relu", "gelu"])
@pytest.mark.parametrize("name", NAMES)
def test_transformers_keep_for_backward_what_autograd_keeps(
    dropout: float, norm_first: bool, batch_first: bool, act: str, name: str
) -> None:
    arguments: dict[str, Any] = {"d_model": 8, "nhead": 2, "dim_feedforward": 11, "activation": act}
    arguments |= {"dropout": dropout, "norm_first": norm_first, "batch_first": batch_first}
    if name == "Transformer":
        arguments |= {"num_encoder_layers": 2, "num_decoder_layers": 2}
    xs = [(3, n, 8) if batch_first else (n, 3, 8) for n in (5, 7)]
    check_saved(name, arguments, xs[:1] if name == "TransformerEncoderLayer" else xs)


def test_a_stack_writes_its_layer_and_norm() -> None:
    layer = Part(TransformerEncoderLayer, {"nhead": 2, "dropout": 0.0})
    arguments = {"encoder_layer": layer, "num_layers": 2, "norm": Part(LayerNorm, {})}
    op = made("TransformerEncoder", arguments, (5, 3, 8))
    assert op.constructor() == (
        "nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, dropout=0.0), 2, norm=nn.LayerNorm(8))"
    )
    assert Built(op).named("parameters") == op.weights()


def test_a_stack_refuses_a_layer_of_the_other_kind() -> None:
    layer = Part(TransformerDecoderLayer, {"nhead": 2})
    with pytest.raises(Unfit, match="TransformerEncoderLayer"):
        made("TransformerEncoder", {"encoder_layer": layer, "num_layers": 2}, (5, 3, 8))


def test_mistakes_are_told_in_the_layers_own_names() -> None:
    xs = ((5, 3, 9),)
    assert broken(made("TransformerEncoderLayer", {"nhead": 2}, *xs), xs) == ["d_model 9 does not divide by 2 heads"]
    op = made("TransformerEncoderLayer", {"nhead": 2}, (N, T, 8))
    ((claim, gap, axis),) = op.needs((N, T, 8))  # type: ignore[misc]
    assert (claim.code, claim.attribute, gap, axis) == ("SC215", "batch_first", 1, 0)
    assert claim.advise(op, [(N, T, 8)], axis) == "`batch_first: true`"  # type: ignore[misc]


def test_an_encoder_counts_as_torch_on_meta() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    op = made("TransformerEncoderLayer", {"nhead": 4, "dim_feedforward": 32}, (5, 3, 16))
    with FlopCounterMode(display=False) as counter:
        Built(op).to("meta")(torch.empty(5, 3, 16, device="meta"))
    assert counter.get_total_flops() == 2 * op.macs([(5, 3, 16)], [(5, 3, 16)])  # type: ignore[operator]
