"""What autograd keeps where inputs do not lie in order, or need no gradient: torch's own strides and saved tensors."""

from __future__ import annotations

import json
import re
from itertools import combinations
from math import prod
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import torch

import shapecalc
from shapecalc.analysis.costs import Conditions
from shapecalc.analysis.memory import memory_of
from shapecalc.dims.sym import bind
from shapecalc.ops.op import Arrival
from shapecalc.ops.registry import MODULES, find
from shapecalc.ops.strides import settled
from shapecalc.torchside.build import build
from shapecalc.torchside.run import example_inputs, kept_bytes
from shapecalc.torchside.sizes import legal_choices

from .ops.oracle import Built, made, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.ops.op import Operator

NOT_FOLLOWED = {"Index": "an index that does not lie in order gives a result that lies as no rule of ours says"}
"""Operators whose results are taken to lie in order, with the reason."""
REFUSED = "memory format|view size is not compatible"
"""How torch refuses what lies in another order: LocalResponseNorm, and pools of three axes without a batch."""
UNSTATED = {"AdaptiveLogSoftmaxWithLoss"}
"""What these keep depends on values, which they say."""
SAMPLES = [
    pytest.param(name, arguments, xs, id=f"{name}-{i}")
    for name in MODULES
    for i, (arguments, xs) in enumerate(find(name).samples())
    if xs and name not in NOT_FOLLOWED and "loss" not in find(name).roles
]
"""Losses end a network: nothing behind them asks how their results lie."""


@pytest.mark.parametrize(("name", "arguments", "xs"), SAMPLES)
def test_operators_lie_and_keep_as_torch_does(name: str, arguments: Any, xs: Any) -> None:
    """Every sample with its inputs permuted, cut out of larger tensors, without gradient in turn, or one sample."""
    op = made(name, arguments, *xs)
    for given in _arrivals(op, xs):
        try:
            outputs, kept = _run(op, xs, given)
        except RuntimeError as error:
            if not re.search(REFUSED, str(error)):
                raise
            continue
        floating = [x is not None and x.is_floating_point() for x in given]
        learns = [f and x.requires_grad for f, x in zip(floating, given, strict=True)]
        lies = [None if x is None else settled(tuple(x.shape), x.stride()) for x in given]
        arrival = Arrival(xs, op.shape(*xs), lies, learns)
        told = _told(given, learns)
        theirs = [settled(tuple(y.shape), y.stride()) for y in outputs]
        ours = [*op.lies(arrival), *[None] * len(theirs)][: len(theirs)]
        sizes = [tuple(y.shape) for y in outputs]
        assert _told_apart(ours, sizes) == _told_apart(theirs, sizes), f"lies: {told}"
        base = None if given[0] is None else given[0].untyped_storage().data_ptr()
        shared = [y.untyped_storage().data_ptr() == base for y in outputs if y.numel()]
        assert all(own == op.shares(arrival) for own in shared), f"shares: {told}"
        if (any(learns) or op.weights()) and name not in UNSTATED:
            assert _expected(op, arrival, given, outputs) == _found(kept, given, outputs), f"keeps: {told}"


def _told_apart(lies: list[Any], sizes: list[tuple[int, ...]]) -> list[Any]:
    """The strides of axes of size 1 mean nothing."""
    return [
        lie and tuple(0 if size == 1 else s for s, size in zip(lie, y, strict=True))
        for lie, y in zip(lies, sizes, strict=True)
    ]


def _arrivals(op: Operator, xs: Any) -> Iterator[list[Any]]:
    plain = tensors(op, xs)
    many = [i for i, x in enumerate(plain) if x is not None and x.is_floating_point()]
    yield [_with_gradient(x) for x in plain]
    for without in many if len(many) > 1 else ():
        yield [_with_gradient(x) if i != without else x for i, x in enumerate(plain)]
    for i, x in enumerate(plain):
        if x is None or x.dim() < 2:
            continue
        for other in _laid(x):
            yield [_with_gradient(other if j == i else p) for j, p in enumerate(plain)]
    if len(many) > 1:
        yield [_with_gradient(next(iter(_laid(p)), p) if p is not None and p.dim() > 1 else p) for p in plain]


def _with_gradient(x: Any) -> Any:
    """A tensor that another layer made, lying as x does, views of a base included."""
    if x is None or not x.is_floating_point():
        return x
    if x._base is None:
        return x.detach().requires_grad_().mul(1)
    return x._base.detach().requires_grad_().mul(1).as_strided(x.shape, x.stride(), x.storage_offset())


def _laid(x: torch.Tensor) -> Iterator[torch.Tensor]:
    """The same values lying otherwise: two axes swapped, channels last, a part of a larger tensor."""
    for a, b in combinations(range(x.dim()), 2):
        yield x.transpose(a, b).contiguous().transpose(a, b)
    if x.dim() > 3:
        yield x.movedim(1, -1).contiguous().movedim(-1, 1)
    for axis in range(x.dim()):
        yield torch.cat((x, x), axis).narrow(axis, 0, x.shape[axis])


def _run(op: Operator, xs: Any, given: list[Any]) -> tuple[list[Any], dict[int, int]]:
    module = Built(op, [i for i, x in enumerate(xs) if x is None]).train(True)
    own = set()
    if isinstance(module.module, torch.nn.Module):
        own = {t.untyped_storage().data_ptr() for t in (*module.module.parameters(), *module.module.buffers())}
    kept: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.backends.mkldnn.flags(enabled=False), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        outputs = module(*given)
    return outputs, {place: t.untyped_storage().nbytes() for place, t in kept.items()}


def _expected(op: Operator, arrival: Arrival, given: list[Any], outputs: Any) -> dict[str, int]:
    """Bytes by the storage that is kept: inputs and outputs by name, new tensors in one sum."""
    found = {"new": 0}
    names = _names(given, outputs)
    for kept in op.kept_of(arrival):
        if kept.when is not None and not any(arrival.learns[i] for i in kept.when if i < len(arrival.learns)):
            continue
        if kept.what == "new":
            found["new"] += prod(kept.shape) * (kept.width or 4)
            continue
        tensor = (given if kept.what == "input" else outputs)[kept.index]
        found[names[tensor.untyped_storage().data_ptr()]] = tensor.untyped_storage().nbytes()
    return found


def _found(kept: dict[int, int], given: list[Any], outputs: Any) -> dict[str, int]:
    found = {"new": 0}
    names = _names(given, outputs)
    for place, size in kept.items():
        name = names.get(place, "new")
        found[name] = found.get(name, 0) + size
    return found


def _names(given: list[Any], outputs: Any) -> dict[int, str]:
    names = {y.untyped_storage().data_ptr(): f"output {n}" for n, y in enumerate(outputs)}
    return names | {x.untyped_storage().data_ptr(): f"input {n}" for n, x in enumerate(given) if x is not None}


def _told(given: list[Any], learns: list[bool]) -> str:
    pairs = zip(given, learns, strict=True)
    return "; ".join("none" if x is None else f"{tuple(x.shape)} strides {x.stride()} gradient {g}" for x, g in pairs)


SINGLE = "Expected more than 1 value per channel when training"
"""What torch says of a batch norm that is trained on a single value."""
SPECS = Path(__file__).resolve().parent.parent / "specs"


def disagreements(report: Any, sizes: dict[str, int], batch: int) -> list[str]:
    """Layers that keep other bytes than autograd does, and the whole."""
    graph = report.graph
    memory = memory_of(graph, Conditions(batch=batch))
    inputs = example_inputs(graph, {**sizes, "N": batch}, "cpu", torch.Generator().manual_seed(1))
    try:
        total, by_node = kept_bytes(build(report).train(), graph, inputs)
    except ValueError as error:
        return [str(error).partition(",")[0]]
    ours = [bind(saved, sizes) for saved in memory.saved]
    found = [
        f"{node.path} {node.op_name}: ours {ours[node.index]}, torch {by_node.get(node.index, 0)}"
        for node in graph.nodes
        if ours[node.index] != by_node.get(node.index, 0)
    ]
    return found + ([f"in all: ours {memory.total}, torch {total}"] if bind(memory.total, sizes) != total else [])


@pytest.mark.battery
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", sorted(p.stem for p in SPECS.glob("*.yaml")))
def test_every_spec_keeps_what_autograd_keeps(name: str, batch: int) -> None:
    report = shapecalc.check(str(SPECS / f"{name}.yaml"))
    for sizes in legal_choices(report):
        assert disagreements(report, sizes, batch) in ([], [SINGLE])


def test_the_same_tensor_three_times_is_kept_once() -> None:
    text = "shapecalc: 1\ninput: [3, 4]\nlayers:\n  a: {Linear: 4}\n  m: {Mul: [a, a, a]}\n  n: {Linear: 4}\n"
    assert disagreements(shapecalc.check_text(text), {}, 2) == []


@pytest.mark.parametrize("batch", [1, 2])
def test_a_view_keeps_the_whole_storage_that_it_is_part_of(batch: int) -> None:
    text = "shapecalc: 1\ninput: [8]\nlayers:\n  - Linear: 12\n  - Slice: {dim: 1, end: 2}\n  - Linear: 3\n"
    assert disagreements(shapecalc.check_text(text), {}, batch) == []


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("shape", ["[5, 8]", "[1, 8]"])
@pytest.mark.parametrize("more", ["", ", need_weights: false", ", need_weights: false, dropout: 0.3", ", dropout: 0.3"])
def test_attention_keeps_what_autograd_keeps_of_few_samples(batch: int, shape: str, more: str) -> None:
    attention = f"{{MultiheadAttention: {{num_heads: 2, batch_first: true{more}}}}}"
    text = f"shapecalc: 1\ninput: {shape}\nlayers:\n  - Linear: 8\n  - {attention}\n  - Linear: 2\n"
    assert disagreements(shapecalc.check_text(text.replace("  - Linear: 2\n", "")), {}, batch) == []


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_keep_what_autograd_keeps(seed: int) -> None:
    check_random(seed)


@pytest.mark.battery
@pytest.mark.parametrize("seed", range(100, 500))
def test_many_random_networks_keep_what_autograd_keeps(seed: int) -> None:
    check_random(seed)


def check_random(seed: int) -> None:
    """A network of layers drawn one by one, at one sample and at three; the seed is in the test's name."""
    text, report = drawn(Random(seed))
    for batch in (1, 3):
        found = disagreements(report, {}, batch)
        assert found in ([], [SINGLE]), f"batch {batch}\n{text}"


def drawn(random: Random) -> tuple[str, Any]:
    """The text and report of a network of up to 9 layers in a row, some of which merge with an earlier value."""
    sizes = random.choice([(3, 4, 6), (4, 6), (2, 3, 4, 5), (6, 6)])
    text = f"shapecalc: 1\ninput: {list(sizes)}\nlayers:\n"
    report = shapecalc.check_text(text + "  start: {Linear: 6}\n")
    text += "  start: {Linear: 6}\n"
    for n in range(random.randint(3, 8)):
        for _ in range(6):
            longer = text + f"  l{n}: {_layer(random, report)}\n"
            made = shapecalc.check_text(longer)
            if _sound(made):
                text, report = longer, made
                break
    return text, report


def _sound(report: Any) -> bool:
    """No mistake, and nothing that asks for a batch of some size or learns something for each sample."""
    if report.graph is None or not report.graph.outputs or any(d.severity == "error" for d in report.diagnostics):
        return False
    return not report.graph.assumptions and "N" not in str([list((x.weights or {}).values()) for x in report.layers])


def _layer(random: Random, report: Any) -> str:
    """One layer for what the network gives so far; it may not fit, and is then drawn again."""
    x = report.layers[-1].output_shapes[0]
    rank, axis = len(x), random.randrange(1, len(x)) if len(x) > 1 else 0
    other = random.randrange(1, rank) if rank > 1 else 0
    earlier = [layer.path for layer in report.layers if layer.output_shapes[0] == x]
    order = [0, *random.sample(range(1, rank), max(0, rank - 1))]
    half = x[axis] // 2 if rank and isinstance(x[axis], int) else 1
    last, other_path = report.layers[-1].path, random.choice(earlier)
    name, value = random.choice(
        [
            ("Linear", random.randint(1, 8)),
            ("Linear", random.randint(1, 8)),
            ("Permute", order),
            ("Transpose", {"dim0": axis, "dim1": other}),
            ("Slice", {"dim": axis, "start": random.randint(0, 1), "step": random.randint(1, 2)}),
            ("Narrow", {"dim": axis, "start": 0, "length": half}),
            ("Select", {"dim": axis, "index": 0}),
            ("Unsqueeze", other),
            ("Flatten", {"start_dim": axis}),
            ("Reshape", ["N", -1]),
            ("Reshape", ["N", 2, -1]),
            ("Unflatten", {"dim": axis, "unflattened_size": [2, -1]}),
            ("Softmax", {"dim": axis}),
            ("Conv2d", {"out_channels": 4, "kernel_size": 1}),
            ("MaxPool2d", 2),
            ("BatchNorm2d", {}),
            ("GroupNorm", 2),
            ("LayerNorm", {}),
            ("GELU", {}),
            ("ReLU", {"inplace": random.random() < 0.5}),
            ("Dropout", 0.2),
            ("Add", [last, other_path]),
            ("Mul", [last, other_path]),
            ("MatMul", [last, other_path]),
            ("Cat", [last, other_path]),
        ]
    )
    return json.dumps({name: value})
