"""Recurrent layers and cells against torch: shapes, refusals, weights, cost, and what autograd keeps."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from shapecalc.dims.sym import symbol
from shapecalc.ops.kinds import Unfit

from .agree import Tally, symbols_agree
from .oracle import Built, broken, flat, made
from .test_samples import test_saved_tensors_are_those_that_autograd_keeps as check_saved

LAYERS = ("RNN", "LSTM", "GRU")
CELLS = ("RNNCell", "LSTMCell", "GRUCell")
N, T = symbol("N"), symbol("T")


def _mostly(random: Random, value: int, low: int = 0) -> int:
    return value if random.random() < 0.95 else max(low, value + random.choice([-1, 1]))


def _layer(random: Random, name: str) -> tuple[dict[str, Any], list[Any]]:
    """Arguments and inputs that mostly fit one another."""
    size, hidden, layers = random.randint(1, 5), random.randint(1, 5), random.randint(1, 3)
    arguments: dict[str, Any] = {"input_size": _mostly(random, size), "hidden_size": hidden, "num_layers": layers}
    flags = ("bias", "batch_first", "bidirectional")
    arguments |= {flag: random.choice([True, False]) for flag in flags if random.random() < 0.5}
    arguments["dropout"] = random.choice([0.0, 0.0, 0.5, 1.0, 1.5 if random.random() < 0.2 else 1])
    out = hidden
    if name == "LSTM" and random.random() < 0.4:
        arguments["proj_size"] = random.randint(0, hidden)
        out = arguments["proj_size"] or hidden
    steps, batch = random.randint(0 if random.random() < 0.2 else 1, 4), random.randint(0, 3)
    sizes = (batch, steps) if arguments.get("batch_first") else (steps, batch)
    x = random.choice(
        [(*sizes, size), (*sizes, size), (steps, size), (1, *sizes, size) if random.random() < 0.2 else (*sizes, size)]
    )
    count = layers * (1 + arguments.get("bidirectional", False))
    kept = (batch,) if len(x) == 3 or random.random() < 0.1 else ()
    states = [(_mostly(random, count), *kept, _mostly(random, s)) for s in (out, hidden)[: 1 + (name == "LSTM")]]
    return arguments, [x, *states] if random.random() < 0.5 else [x]


def _cell(random: Random) -> tuple[dict[str, Any], list[Any]]:
    size, hidden, batch = random.randint(0, 4), random.randint(2, 5), random.randint(1, 3)
    arguments: dict[str, Any] = {"input_size": _mostly(random, size), "hidden_size": hidden}
    if random.random() < 0.3:
        arguments["bias"] = random.choice([True, False])
    x = random.choice([(batch, size), (batch, size), (size,), (batch, 1, size) if random.random() < 0.2 else (size,)])
    state = (*((_mostly(random, batch),) * (len(x) > 1)), _mostly(random, hidden))
    return arguments, [x, state] if random.random() < 0.6 else [x]


def _torchs(name: str, arguments: dict[str, Any], x: Any, *states: Any) -> Any:
    module = getattr(nn, name)(**arguments)
    if not states:
        return tuple(flat(module(x)))
    return tuple(flat(module(x, states if name.startswith("LSTM") else states[0])))


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(1), Tally(name)
    for _ in range(600):
        arguments, xs = _layer(random, name)
        tally.compare(arguments, xs, lambda *ts, a=arguments: _torchs(name, a, *ts))
    tally.done(100)


@pytest.mark.parametrize("name", CELLS)
def test_recurrent_cells_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(2), Tally(name)
    for _ in range(600):
        arguments, xs = _cell(random)
        xs = [*xs, *xs[1:]] if name == "LSTMCell" else xs
        tally.compare(arguments, xs, lambda *ts, a=arguments: _torchs(name, a, *ts))
    tally.done(50)


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers_over_symbols_agree_with_numbers(name: str) -> None:
    random, agreed = Random(3), 0
    for _ in range(300):
        arguments, xs = _layer(random, name)
        if len(xs[0]) in (2, 3) and arguments["dropout"] <= 1 and arguments["input_size"]:
            agreed += symbols_agree(name, arguments, xs)
    assert agreed > 100


@pytest.mark.parametrize("name", LAYERS)
def test_emitted_recurrent_layers_are_what_the_rules_say(name: str) -> None:
    """Weights by name, torch's count of operations, and autograd's bytes, for random arguments."""
    random, checked = Random(4), 0
    for _ in range(300):
        arguments, xs = _layer(random, name)
        sizes = [n for x in xs for n in x]
        if len(xs[0]) not in (2, 3) or min(sizes) < 2 or arguments["dropout"] > 1 or not arguments["input_size"]:
            continue  # where an axis has size 1 torch need not copy what it transposes
        op = made(name, arguments, *xs)
        if broken(op, xs):
            continue
        module = Built(op)
        assert module.named("parameters") == op.weights()
        meta = module.to("meta")
        with FlopCounterMode(display=False) as counter:
            meta(*(torch.empty(x, device="meta") for x in xs))
        assert counter.get_total_flops() == 2 * op.macs(xs, op.shape(*xs))  # type: ignore[operator]
        check_saved(name, arguments, xs)
        checked += 1
    assert checked > 25


@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_that_is_not_where_batch_first_says_is_reported(name: str) -> None:
    op = made(name, {"hidden_size": 4}, (N, T, 3))
    ((claim, gap, axis),) = op.needs((N, T, 3))  # type: ignore[misc]
    assert (claim.code, gap, axis) == ("SC215", 1, 0)
    assert claim.say(op, [(N, T, 3)], axis) == (
        "batch_first is false, so axis 1 of [N, T, 3] is the batch, but N is axis 0"
    )
    assert claim.advise(op, [(N, T, 3)], axis) == "`batch_first: true`"  # type: ignore[misc]
    first = made(name, {"hidden_size": 4, "batch_first": True}, (N, T, 3))
    assert first.shape((N, T, 3))[0] == (N, T, 4)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, symbol("n")])
def test_the_number_of_layers_must_be_known_and_positive(value: Any) -> None:
    with pytest.raises(Unfit):
        made("LSTM", {"hidden_size": 4, "num_layers": value}, (5, 3, 2))


def test_an_lstm_refuses_a_state_without_a_cell() -> None:
    xs = ((5, 3, 2), (1, 3, 4))
    assert broken(made("LSTM", {"hidden_size": 4}, *xs), xs) == [
        "an initial state and an initial cell come together, and only one of them arrives"
    ]
