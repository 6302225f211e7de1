"""Attention against torch: shapes, refusals, weights, cost, and what autograd keeps."""

from __future__ import annotations

from math import prod
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation does
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from shapecalc.dims.field import ALL, POINT
from shapecalc.dims.sym import symbol
from shapecalc.ops.attention import MADE

from .agree import Tally, shapes, symbols_agree
from .oracle import Built, broken, made

N, T, S = (symbol(name) for name in "NTS")
MODULE_ARGUMENTS = {a.name for a in MADE}


def _mostly(random: Random, value: int, low: int = 1) -> int:
    return value if random.random() < 0.93 else max(low, value + random.choice([-1, 1]))


def _attention(random: Random) -> tuple[dict[str, Any], list[Any]]:
    """Arguments and inputs that mostly fit one another."""
    heads, batch, q_len, k_len = (random.randint(1, 3) for _ in range(4))
    e = heads * random.randint(1, 3) + (random.random() < 0.1)
    arguments: dict[str, Any] = {"num_heads": heads, "batch_first": random.choice([True, False])}
    flags = ("add_bias_kv", "add_zero_attn", "bias", "need_weights", "average_attn_weights", "is_causal")
    arguments |= {flag: random.choice([True, False]) for flag in flags if random.random() < 0.3}
    kdim, vdim = (random.choice([None, None, random.randint(1, 5)]) for _ in range(2))
    arguments |= {"kdim": kdim, "vdim": vdim}
    arguments["embed_dim"] = _mostly(random, e)
    ranked = random.choice([2, 3, 3]) if random.random() < 0.95 else 4

    def sequence(length: int, features: int) -> tuple[int, ...]:
        sizes = (_mostly(random, batch), length) if arguments["batch_first"] else (length, _mostly(random, batch))
        rank = ranked if random.random() < 0.97 else 5 - min(ranked, 3)
        return {2: (length, features), 3: (*sizes, features)}.get(rank, (1, *sizes, features))

    q, k = sequence(q_len, e), sequence(k_len, _mostly(random, kdim or e))
    v = sequence(_mostly(random, k_len), _mostly(random, vdim or e))
    if kdim is None and vdim is None and random.random() < 0.3:
        return arguments, [q]
    padding = random.choice([None, None, (k_len,) if ranked == 2 else (batch, _mostly(random, k_len)), (k_len,)])
    full = ((1 if ranked == 2 else batch) * heads, q_len, k_len)
    mask = random.choice([None, None, full[1:], full, (q_len, 1)])
    return arguments, _trimmed([q, k, v, padding, mask])


def _trimmed(xs: list[Any]) -> list[Any]:
    while xs[-1] is None:
        xs.pop()
    return xs


def _torchs(
    arguments: dict[str, Any], q: Any, k: Any = None, v: Any = None, padding: Any = None, mask: Any = None
) -> Any:
    made_with = {k: a for k, a in arguments.items() if k in MODULE_ARGUMENTS}
    called_with = {k: a for k, a in arguments.items() if k not in MODULE_ARGUMENTS}
    module = nn.MultiheadAttention(**made_with)
    k = q if k is None else k
    return module(q, k, k if v is None else v, key_padding_mask=padding, attn_mask=mask, **called_with)


def test_multihead_attention_accepts_what_torch_accepts() -> None:
    random, tally = Random(1), Tally("MultiheadAttention")
    for _ in range(700):
        arguments, xs = _attention(random)
        tally.compare(arguments, xs, lambda *ts, a=arguments: _torchs(a, *ts))
    tally.done(120)


def test_multihead_attention_over_symbols_agrees_with_numbers() -> None:
    random, agreed = Random(2), 0
    for _ in range(400):
        arguments, xs = _attention(random)
        if all(x is None or len(x) == len(xs[0]) for x in xs[:3]) and len(xs[0]) in (2, 3):
            agreed += symbols_agree("MultiheadAttention", arguments, xs)
    assert agreed > 100


def test_emitted_attention_is_what_the_rules_say() -> None:
    """Weights by name, outputs, and torch's count of operations for random arguments."""
    random, checked = Random(3), 0
    for _ in range(400):
        arguments, xs = _attention(random)
        if len(xs[0]) not in (2, 3) or broken(made("MultiheadAttention", arguments, *xs), xs):
            continue
        op = made("MultiheadAttention", arguments, *xs)
        ys = op.shape(*xs)
        module = Built(op, [i for i, x in enumerate(xs) if x is None])
        assert module.named("parameters") == op.weights()
        meta = module.train(True).to("meta")
        with FlopCounterMode(display=False) as counter:
            outputs = meta(*(None if x is None else torch.empty(x, device="meta") for x in xs))
        assert tuple(tuple(y.shape) for y in outputs) == ys
        assert counter.get_total_flops() == 2 * op.macs(xs, ys), (arguments, xs)  # type: ignore[operator]
        checked += 1
    assert checked > 80


def _kept_by_autograd(call: Any, own: set[int]) -> Any:
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        call()
    return sum(t.untyped_storage().nbytes() for t in kept.values())


def _bytes(op: Any, xs: Any) -> int:
    """Four bytes for every element of what the operator says is kept, each input once."""
    ys = op.shape(*xs)
    kept = op.saved(xs, ys)
    inputs = {k.index for k in kept if k.what == "input"}
    rest = [ys[k.index] if k.what == "output" else k.shape for k in kept if k.what != "input"]
    return 4 * sum(prod(x) for x in [*(xs[i] for i in inputs), *rest])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("more", [{}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"average_attn_weights": False}])
@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("masks", [(), ("mask",), ("padding",), ("padding", "mask")])
def test_attention_keeps_for_backward_what_autograd_keeps(
    dropout: float, need_weights: bool, batch_first: bool, more: dict[str, Any], inputs: int, masks: Any
) -> None:
    batch, q_len, k_len, e = 3, 5, 7 if inputs > 1 else 5, 8
    sequences = [(batch, n, e) if batch_first else (n, batch, e) for n in (q_len, k_len, k_len)]
    extra = [(batch, k_len) if "padding" in masks else None, (q_len, k_len) if "mask" in masks else None]
    xs = _trimmed([*(x if n < inputs else None for n, x in enumerate(sequences)), *extra])
    arguments = {"num_heads": 2, "dropout": dropout, "need_weights": need_weights, "batch_first": batch_first, **more}
    op = made("MultiheadAttention", arguments, *xs)
    module = Built(op, [i for i, x in enumerate(xs) if x is None]).train(True)
    tensors = [None if x is None else torch.rand(x, requires_grad=n < 3) for n, x in enumerate(xs)]
    own = {p.untyped_storage().data_ptr() for p in module.module.parameters()}
    assert _kept_by_autograd(lambda: module(*tensors), own) == _bytes(op, xs)


def test_a_batch_out_of_place_is_refused_with_the_mend() -> None:
    x = (N, T, 16)
    op = made("MultiheadAttention", {"num_heads": 2}, x)
    assert broken(op, [x]) == ["batch_first is false, so axis 1 of [N, T, 16] is the batch, but N is axis 0"]
    claim, *_ = op.needs(x)[0]
    assert claim.advise is not None
    assert (claim.code, claim.advise(op, [x], 0)) == ("SC215", "`batch_first: true`")
    first = made("MultiheadAttention", {"num_heads": 2, "batch_first": True}, x)
    assert first.shape(x) == ((N, T, 16), (N, T, T))
    assert broken(first, [x]) == []
    assert broken(made("MultiheadAttention", {"num_heads": 2}, (T, N, 16)), [(T, N, 16)]) == []
    assert len(broken(made("MultiheadAttention", {"num_heads": 2}, (N, 16)), [(N, 16)])) == 1


def test_windows_of_a_sequence_count_as_a_batch() -> None:
    """Attention within windows has many more sequences than samples: the batch is a multiple of N."""
    x = (64 * N, 49, 96)
    assert broken(made("MultiheadAttention", {"num_heads": 3, "batch_first": True}, x), [x]) == []


def test_self_attention_sees_all_positions_and_cross_attention_one_of_the_query() -> None:
    op = made("MultiheadAttention", {"num_heads": 2, "batch_first": True}, (3, 5, 8))
    (reads,) = op.window([(3, 5, 8)], [(3, 5, 8)])  # type: ignore[misc]
    assert reads == ((0, POINT), (1, ALL), (None, POINT))
    cross = made("MultiheadAttention", {"num_heads": 2, "batch_first": True}, (3, 5, 8), (3, 7, 8))
    query, key = cross.window([(3, 5, 8), (3, 7, 8)], [(3, 5, 8)])  # type: ignore[misc]
    assert query == ((0, POINT), (1, POINT), (None, POINT))
    assert key == ((0, POINT), (None, POINT), (None, POINT))


def _products(random: Random) -> tuple[dict[str, Any], list[Any]]:
    rank, e, q_len, k_len = random.choice([0, 1, 2, 2, 3]), *(random.randint(1, 4) for _ in range(3))
    batch = list(shapes(random, rank))
    shared = random.random() < 0.3

    def ahead(heads: bool) -> list[int]:
        sizes = [n if random.random() < 0.93 else random.choice([1, n + 1]) for n in batch]
        if heads and sizes and random.random() < 0.5:
            sizes[-1] = random.choice([1, 2, sizes[-1]])
        return sizes

    q = (*ahead(False), q_len, e)
    k = (*ahead(shared), k_len, _mostly(random, e))
    v = (*ahead(shared), k_len, e if random.random() < 0.7 else random.randint(1, 4))
    arguments: dict[str, Any] = {"enable_gqa": True} if shared else {}
    if random.random() < 0.2:
        arguments["scale"] = random.choice([None, 0.5, 2])
    mask = [n if random.random() < 0.6 else 1 for n in (*batch, q_len, k_len)]
    cut = random.randint(0, rank)
    return arguments, [q, k, v, tuple(mask[cut:])] if random.random() < 0.4 else [q, k, v]


def test_dot_product_attention_accepts_what_torch_accepts() -> None:
    random, tally = Random(4), Tally("ScaledDotProductAttention")
    for _ in range(700):
        arguments, xs = _products(random)
        ours = tally.compare(arguments, xs, lambda *ts, a=arguments: F.scaled_dot_product_attention(*ts, **a))
        if ours is not None and not any(1 in x for x in xs):
            assert symbols_agree("ScaledDotProductAttention", arguments, xs)
    tally.done(50)


def test_what_torchs_fused_kernel_does_not_check_is_refused() -> None:
    """The kernel that runs without gradients reads past the shorter of key and value, and drops a mask."""
    q, k, longer = (2, 2, 5, 8), (2, 2, 6, 8), (2, 2, 7, 8)
    op = made("ScaledDotProductAttention", {}, q, k, longer)
    assert broken(op, [q, k, longer]) == ["key [2, 2, 6, 8] and value [2, 2, 7, 8] have 6 and 7 positions"]
    causal = made("ScaledDotProductAttention", {"is_causal": True}, q, k, k, (5, 6))
    assert len(broken(causal, [q, k, k, (5, 6)])) == 1
    assert len(broken(op, [q, k, k, (6,)])) == 1


@pytest.mark.parametrize(
    ("arguments", "xs"),
    [
        ({}, [(2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 8)]),
        ({}, [(2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 8), (5, 6)]),
        ({"is_causal": True}, [(2, 4, 5, 8)] * 3),
        ({"dropout_p": 0.5}, [(2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 8)]),
        ({}, [(2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 7)]),
        ({"enable_gqa": True}, [(2, 4, 5, 8), (2, 2, 6, 8), (2, 2, 6, 8)]),
        ({}, [(2, 4, 5, 8), (1, 4, 6, 8), (1, 4, 6, 8)]),
        ({}, [(2, 2, 4, 5, 8)] * 3),
        ({}, [(5, 8), (6, 8), (6, 8)]),
    ],
)
def test_dot_products_keep_for_backward_what_autograd_keeps(arguments: dict[str, Any], xs: list[Any]) -> None:
    op = made("ScaledDotProductAttention", arguments, *xs)
    tensors: Any = [torch.rand(x, requires_grad=n < 3) for n, x in enumerate(xs)]
    kept = _kept_by_autograd(lambda: F.scaled_dot_product_attention(*tensors[:3], *tensors[3:], **arguments), set())
    assert kept == _bytes(op, xs)


def test_dropout_of_a_function_stops_when_training_does() -> None:
    op = made("ScaledDotProductAttention", {"dropout_p": 0.1}, (1, 2, 3), (1, 2, 3), (1, 2, 3))
    assert op.call("", ["q", "k", "v"]) == (
        "F.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0.0)"
    )


def test_vit_attention_costs_what_the_formula_says() -> None:
    """ViT-B/16: four projections of 197 x 768 x 768, and two products of 12 heads of 197 x 197 x 64."""
    x = (1, 197, 768)
    op = made("MultiheadAttention", {"num_heads": 12, "batch_first": True, "need_weights": False}, x)
    assert op.macs([x], op.shape(x)) == 4 * 197 * 768 * 768 + 2 * 12 * 197 * 197 * 64
    assert op.constructor() == "nn.MultiheadAttention(768, 12, batch_first=True)"
    assert op.call("self.attn", ["x"]) == "self.attn(x, x, x, need_weights=False)[0]"
