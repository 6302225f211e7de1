"""Losses against torch: what they accept, their shapes, what they keep and what a single loss sees."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.dims.sym import symbol
from shapecalc.ops.bilinear import Bilinear
from shapecalc.ops.classloss import NLLLoss
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.likelihood import GaussianNLLLoss
from shapecalc.ops.loss import SoftMarginLoss
from shapecalc.ops.op import AT_LEAST_ZERO

from .agree import REFUSALS, Tally, shapes, symbols_agree
from .oracle import broken, made

PAIRS = ["L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss"]
PAIRS += ["PoissonNLLLoss", "HingeEmbeddingLoss", "MultiLabelSoftMarginLoss", "CrossEntropyLoss"]
TRIPLES = ["MarginRankingLoss", "CosineEmbeddingLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"]
REDUCTIONS = ["mean", "sum", "none"]


def like(random: Random, x: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, or one near to it: a size that is 1 or another, an axis fewer or more."""
    change = random.randrange(6)
    if change < 2 or not x:
        return x if random.random() < 0.8 else (*x, random.randint(1, 3))
    if change == 2:
        return x[1:]
    if change == 3:
        return x[:-1]
    a = random.randrange(len(x))
    return (*x[:a], 1 if change == 4 else random.randint(1, 4), *x[a + 1 :])


@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_pairs_accept_what_torch_accepts(name: str) -> None:
    """Probabilities are the targets of CrossEntropyLoss here; indices have a test of their own."""
    random, tally = Random(name), Tally(name)
    for _ in range(300):
        x = shapes(random, random.randint(0, 4), 1, 4)
        t = like(random, x)
        if name == "CrossEntropyLoss" and len(t) != len(x):
            continue
        arguments = {"reduction": random.choice(REDUCTIONS)}
        tally.compare(arguments, [x, t], lambda a, b, k=arguments: getattr(nn, name)(**k)(a, b))
    tally.done()


@pytest.mark.parametrize("name", TRIPLES)
def test_losses_of_triples_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(name), Tally(name)
    for _ in range(500):
        x = shapes(random, random.randint(0, 3), 1, 3)
        last = x[:-1] if name == "CosineEmbeddingLoss" else x
        xs = [x, like(random, x) if random.random() < 0.5 else x, like(random, last)]
        arguments: dict[str, Any] = {"reduction": random.choice(REDUCTIONS)}
        if name.startswith("Triplet"):
            arguments["swap"] = random.random() < 0.5
        tally.compare(arguments, xs, lambda a, b, c, k=arguments: getattr(nn, name)(**k)(a, b, c))
    tally.done()


def test_cross_entropy_accepts_the_indices_that_torch_accepts() -> None:
    random, tally = Random(5), Tally("CrossEntropyLoss")
    for _ in range(400):
        x = shapes(random, random.randint(0, 5), 1, 3)
        t = like(random, (*x[:1], *x[2:]) if len(x) > 1 else ())
        if len(t) == len(x):
            continue
        arguments = {"reduction": random.choice(REDUCTIONS), "label_smoothing": random.choice([0.0, 0.1])}
        tally.compare(arguments, [x, t], lambda a, b, k=arguments: nn.CrossEntropyLoss(**k)(a, b.long()))
    tally.done()


DIRECT: list[tuple[Any, Any, int]] = [(NLLLoss, nn.NLLLoss, 2), (SoftMarginLoss, nn.SoftMarginLoss, 2)]
DIRECT += [(GaussianNLLLoss, nn.GaussianNLLLoss, 3)]


@pytest.mark.parametrize(("ours", "torchs", "count"), DIRECT)
def test_losses_of_indices_and_variances_accept_what_torch_accepts(ours: Any, torchs: Any, count: int) -> None:
    random, seen = Random(7), {True: 0, False: 0}
    for _ in range(400):
        x = shapes(random, random.randint(0, 4), 1, 3)
        classes = ours is NLLLoss
        t = like(random, (*x[:1], *x[2:]) if classes and len(x) > 1 else () if classes else x)
        xs = [x, t, like(random, x)][:count]
        reduction = random.choice(REDUCTIONS)
        tensors: list[Any] = [torch.rand(s) for s in xs]
        tensors[1] = tensors[1].long() if classes else tensors[1]
        assert direct(ours, {"reduction": reduction}, xs) == given(torchs(reduction=reduction), tensors), (
            reduction,
            xs,
        )
        seen[direct(ours, {"reduction": reduction}, xs) is not None] += 1
    assert min(seen.values()) >= 20, seen


def direct(operator: Any, arguments: Any, xs: Any) -> Any:
    """The output shape, or None where a need does not hold."""
    op = operator(arguments, *xs)
    gaps = [(gap, claim.relation) for claim, gap, *_ in op.needs(*xs)]
    return op.shape(*xs)[0] if all(g >= 0 if r is AT_LEAST_ZERO else g == 0 for g, r in gaps) else None


def given(module: Any, tensors: Any) -> Any:
    try:
        return tuple(module(*tensors).shape)
    except REFUSALS:
        return None


def kept(module: nn.Module, xs: Any) -> int:
    """Bytes of the storages that backward would read, parameters and buffers apart."""
    own = {p.untyped_storage().data_ptr() for p in (*module.parameters(), *module.buffers())}
    tensors: dict[int, torch.Tensor] = {}

    def pack(t: torch.Tensor) -> torch.Tensor:
        if t.untyped_storage().data_ptr() not in own:
            tensors[t.untyped_storage().data_ptr()] = t
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        module(*xs)
    return sum(t.untyped_storage().nbytes() for t in tensors.values())


def stated(op: Any, xs: Any) -> int:
    """Bytes that the operator says are kept; inputs have the width of their dtype, new tensors 4 unless they say."""
    shapes_of = [tuple(x.shape) for x in xs]
    ys = op.shape(*shapes_of)
    total = 0
    for k in op.saved(shapes_of, ys):
        whole = xs[k.index].untyped_storage().nbytes() if k.what == "input" else None
        total += torch.Size(k.shape).numel() * (k.width or 4) if whole is None else whole
    return total


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("x", [(4, 3), (4, 3, 5), (4, 3, 5, 2), (3,)])
def test_losses_of_indices_keep_what_autograd_keeps(x: tuple[int, ...], reduction: str) -> None:
    t = torch.zeros((x[0], *x[2:]) if len(x) > 1 else ()).long()
    for smooth in (0.0, 0.1):
        arguments: dict[str, Any] = {"reduction": reduction, "label_smoothing": smooth}
        xs = [torch.rand(x, requires_grad=True).mul(1), t]
        op = made("CrossEntropyLoss", arguments, x, tuple(t.shape))
        assert stated(op, xs) == kept(nn.CrossEntropyLoss(**arguments), xs), smooth
    xs = [torch.rand(x, requires_grad=True).mul(1), t]
    assert stated(NLLLoss({"reduction": reduction}, x, tuple(t.shape)), xs) == kept(nn.NLLLoss(reduction=reduction), xs)


@pytest.mark.parametrize("var", [(4, 3), (4, 1), (1, 3), (4,)])
def test_gaussian_loss_keeps_what_autograd_keeps(var: tuple[int, ...]) -> None:
    xs = [torch.rand(s, requires_grad=True).mul(1) for s in ((4, 3), (3,), var)]
    op = GaussianNLLLoss({}, (4, 3), (3,), var)
    assert stated(op, xs) == kept(nn.GaussianNLLLoss(), xs)


@pytest.mark.parametrize("var", [(1, 1), (1, 3), (2, 1), (2,), (3,), (), (1,), (2, 4), (2, 3, 1)])
def test_gaussian_loss_accepts_the_variances_that_torch_accepts(var: tuple[int, ...]) -> None:
    xs = [(2, 3), (2, 3), var]
    assert direct(GaussianNLLLoss, {}, xs) == given(nn.GaussianNLLLoss(), [torch.rand(x) for x in xs])


def test_soft_margin_loss_keeps_what_autograd_keeps() -> None:
    xs = [torch.rand(4, 3, requires_grad=True).mul(1), torch.rand(4, 3)]
    assert stated(SoftMarginLoss({}, (4, 3), (4, 3)), xs) == kept(nn.SoftMarginLoss(), xs)


def test_bilinear_accepts_what_torch_accepts_and_keeps_what_autograd_keeps() -> None:
    random, seen = Random(9), {True: 0, False: 0}
    for _ in range(300):
        a = shapes(random, random.randint(0, 3), 1, 3)
        b = like(random, a) if random.random() < 0.3 else (*a[:-1], random.randint(1, 3))
        arguments: dict[str, Any] = {
            "in1_features": random.randint(1, 2),
            "in2_features": random.randint(1, 2),
            "out_features": 4,
        }
        theirs = given(nn.Bilinear(**arguments), [torch.rand(a), torch.rand(b)])
        assert direct(Bilinear, arguments, [a, b]) == theirs, (arguments, a, b)
        seen[theirs is not None] += 1
    assert min(seen.values()) >= 15, seen
    for bias in (True, False):
        op = Bilinear({"out_features": 4, "bias": bias}, (2, 7, 3), (2, 7, 5))
        module = nn.Bilinear(3, 5, 4, bias=bias)
        assert dict(op.weights()) == {n: tuple(p.shape) for n, p in module.named_parameters()}
        assert op.constructor() == f"nn.Bilinear(3, 5, 4{'' if bias else ', bias=False'})"
        xs = [torch.rand(2, 7, n, requires_grad=True).mul(1) for n in (3, 5)]
        assert stated(op, xs) == kept(module, xs)


@pytest.mark.parametrize("name", [*PAIRS, *TRIPLES])
def test_losses_over_symbols_agree_with_numbers(name: str) -> None:
    random = Random(11)
    for _ in range(40):
        x = shapes(random, 2, 2, 4)
        xs = [x, x] if name in PAIRS else [x, x, x[:-1] if name == "CosineEmbeddingLoss" else x]
        assert symbols_agree(name, {"reduction": random.choice(REDUCTIONS)}, xs)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("L1Loss", {"reduction": "max"}),
        ("L1Loss", {"size_average": True}),
        ("NLLLoss", {"weight": 2}),
        ("BCELoss", {"weight": [[1, 2], [3]]}),
        ("BCELoss", {"weight": [True]}),
        ("NLLLoss", {"weight": [[1.0], [2.0]]}),
        ("MultiMarginLoss", {"p": 3}),
        ("MSELoss", {"reduction": "batchmean"}),
        ("HuberLoss", {"delta": 0}),
        ("SmoothL1Loss", {"beta": -1}),
        ("TripletMarginLoss", {"margin": 0}),
        ("CrossEntropyLoss", {"label_smoothing": 1.5}),
    ],
)
def test_arguments_that_torch_refuses_are_refused(name: str, bad: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        made(name, bad, (2, 3), (2, 3), (2, 3))


def test_cross_entropy_names_the_target_that_is_due() -> None:
    n = symbol("N")
    xs: Any = [(n, 10, 7), (n, 5)]
    op = made("CrossEntropyLoss", {}, (4, 10, 7), (4, 5))
    assert broken(op, [(4, 10, 7), (4, 5)]) == [
        "target [4, 5] does not fit input [4, 10, 7]: indices of classes are [4, 7]"
    ]
    assert [need[1] for need in made("CrossEntropyLoss", {}, *xs).needs(*xs)] == [-2]


def test_a_single_cross_entropy_sees_all_classes_of_its_position() -> None:
    xs = ((4, 10, 7), (4, 7))
    op = made("CrossEntropyLoss", {"reduction": "none"}, *xs)
    reads: Any = op.window(xs, op.shape(*xs))
    assert [[a for a, _ in r] for r in reads] == [[0, 2], [0, 1]]
