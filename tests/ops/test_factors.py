"""Losses of classes and their factors against torch: what is accepted, shapes, buffers by name, and what is kept."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.ops.registry import MODULES, find

from .agree import REFUSALS, shapes
from .oracle import Built, accepted, broken, made, tensors
from .test_loss import REDUCTIONS, kept, like, stated


def refuses_or_gives(name: str, arguments: dict[str, Any], xs: Any, ints: Any) -> Any:
    """Shapes by torch's own class on the CPU, with 0 in integer inputs; lists of numbers become tensors."""
    listed = {k: torch.tensor(v) if k in FACTORS and v is not None else v for k, v in arguments.items()}
    tensors = [torch.zeros(x).long() if i in ints else torch.rand(x) for i, x in enumerate(xs)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = getattr(nn, name)(**listed)(*tensors)
    except REFUSALS:
        return None
    return tuple(tuple(t.shape) for t in (y if isinstance(y, tuple) else (y,)))


FACTORS = ("weight", "pos_weight")


def compared(name: str, cases: Any, ints: Any = ()) -> None:
    """Cases of arguments and shapes, taken or refused as by torch; both often enough."""
    seen = {True: 0, False: 0}
    for arguments, xs in cases:
        ours, theirs = accepted(name, arguments, *xs), refuses_or_gives(name, arguments, xs, ints)
        assert ours == theirs, (name, arguments, xs, ours, theirs)
        seen[ours is not None] += 1
    assert min(seen.values()) >= 40, seen


def numbers(random: Random, *shape: int) -> Any:
    return [numbers(random, *shape[1:]) for _ in range(shape[0])] if shape else random.random()


def _some_factors(random: Random, x: tuple[int, ...]) -> Any:
    """Factors that stretch to a shape, or nearly: None, or a list of lists."""
    part = x[random.randint(0, len(x)) :]
    part = tuple(1 if random.random() < 0.2 else n for n in part)
    part = like(random, part) if random.random() < 0.6 else part
    return numbers(random, *part) if part and random.random() < 0.8 else None


@pytest.mark.parametrize("name", ["BCELoss", "BCEWithLogitsLoss"])
def test_factors_of_cross_entropies_stretch_as_in_torch(name: str) -> None:
    random = Random(name)

    def case() -> Any:
        x = shapes(random, random.randint(0, 3), 1, 3)
        arguments = {"reduction": random.choice(REDUCTIONS), "weight": _some_factors(random, x)}
        if name == "BCEWithLogitsLoss":
            arguments["pos_weight"] = _some_factors(random, x)
        return arguments, [x, x]

    compared(name, (case() for _ in range(900)))


CLASSES = {"CrossEntropyLoss": 5, "NLLLoss": 5, "NLLLoss2d": 5, "MultiMarginLoss": 2, "MultiLabelSoftMarginLoss": 3}
"""Losses with factors of the classes, and the largest number of dimensions to try."""


@pytest.mark.parametrize("name", CLASSES)
def test_factors_of_classes_are_as_many_as_torch_wants(name: str) -> None:
    random = Random(name)

    def case() -> Any:
        x = shapes(random, random.randint(1, CLASSES[name]), 1, 3)
        labels = name == "MultiLabelSoftMarginLoss"
        t = x if labels else (*x[:1], *x[2:]) if len(x) > 1 else ()
        count = x[-1] if labels else x[min(1, len(x) - 1)]
        given = numbers(random, random.choice([count, count, random.randint(0, 4)]))
        return {"reduction": random.choice(REDUCTIONS), "weight": given}, [x, t]

    compared(name, (case() for _ in range(300)), ints=() if name == "MultiLabelSoftMarginLoss" else (1,))


@pytest.mark.parametrize("name", ["MultiMarginLoss", "MultiLabelMarginLoss"])
def test_margin_losses_accept_what_torch_accepts(name: str) -> None:
    random = Random(name)

    def case() -> Any:
        x = shapes(random, random.choice([0, 1, 1, 2, 2, 2, 3]), random.choice([0, 1, 1, 1]), 3)
        t = x if name == "MultiLabelMarginLoss" else x[:1] if len(x) > 1 else ()
        arguments: dict[str, Any] = {"reduction": random.choice(REDUCTIONS)}
        if name == "MultiMarginLoss":
            arguments |= {"p": random.choice([1, 2, 2, 3]), "margin": random.choice([0, 0.5, -1])}
        return arguments, [x, like(random, t) if random.random() < 0.6 else t]

    compared(name, (case() for _ in range(500)), ints=(1,))


def test_ctc_loss_accepts_what_torch_accepts() -> None:
    """Lengths are 0 here: what their values break is not known before they come."""
    random = Random(2)

    def case() -> Any:
        x = shapes(random, random.choice([2, 3, 3, 3, 1, 4]), random.choice([0, 1, 1, 1]), 3)
        n = x[1] if len(x) > 2 else 1
        targets = random.choice([(n, 2), (n, 0), (0,), (n + 1, 2), (n, 2, 1), ()])
        lengths = [() if n == 1 and random.random() < 0.5 else (n + (random.random() < 0.1),) for _ in "12"]
        return {"blank": random.choice([0, 0, 1, 2]), "reduction": random.choice(REDUCTIONS)}, [x, targets, *lengths]

    compared("CTCLoss", (case() for _ in range(800)), ints=(1, 2, 3))


def _cutoffs(random: Random, classes: int) -> list[int]:
    found = sorted(random.sample(range(-1, classes + 2), random.choice([0, 1, 2, 2, 3])))
    return found if random.random() < 0.8 else found[::-1]


def test_adaptive_softmax_accepts_what_torch_accepts_and_has_its_weights() -> None:
    random, weighed = Random(3), 0

    def case() -> Any:
        nonlocal weighed
        x = (*shapes(random, random.randint(0, 2), 1, 3), random.randint(1, 40))
        t = like(random, x[:-1]) if random.random() < 0.3 else x[:-1]
        classes = random.randint(2, 9)
        divisor = random.choice([4.0, 4, 2, 1.5, 0.7, 10, 3.3])
        arguments: dict[str, Any] = {"n_classes": classes, "cutoffs": _cutoffs(random, classes), "div_value": divisor}
        arguments |= {"in_features": x[-1] + (random.random() < 0.1), "head_bias": random.random() < 0.5}
        if accepted("AdaptiveLogSoftmaxWithLoss", arguments, x, t):
            module = nn.AdaptiveLogSoftmaxWithLoss(**arguments)
            op = made("AdaptiveLogSoftmaxWithLoss", arguments, x, t)
            assert dict(op.weights()) == {n: tuple(p.shape) for n, p in module.named_parameters()}
            weighed += 1
        return arguments, [x, t]

    compared("AdaptiveLogSoftmaxWithLoss", (case() for _ in range(600)), ints=(1,))
    assert weighed > 50


@pytest.mark.parametrize("indices", [True, False])
def test_linear_cross_entropy_accepts_what_torch_accepts(indices: bool) -> None:
    random = Random(4)

    def case() -> Any:
        x = shapes(random, random.choice([0, 1, 2, 2, 2, 3]), 1, 3)
        classes, out = random.randint(1, 4), shapes(random, random.choice([0, 0, 1, 2]), 1, 3)
        due = (*x[:-1], *out) if indices else (*x[:-1], classes, *out)
        t = like(random, due) if random.random() < 0.3 else due
        arguments: dict[str, Any] = {"num_classes": classes, "out_features": out, "bias": random.random() < 0.5}
        arguments |= {"in_features": x[-1] + (random.random() < 0.05) if x else 1}
        arguments |= {"reduction": random.choice(REDUCTIONS), "label_smoothing": random.choice([0, 0.1, 0.1, 1.5])}
        arguments |= {"ignore_index": random.choice([None, None, 0, -1])}
        if random.random() < 0.5:
            arguments["weight"] = numbers(random, classes + (random.random() < 0.1))
        return arguments, [x, t]

    cases = [case() for _ in range(800)]
    wanted = [(a, xs) for a, xs in cases if _target_is(indices, a, xs)]
    compared("LinearCrossEntropyLoss", wanted, ints=(1,) if indices else ())


def _target_is(indices: bool, arguments: Any, xs: Any) -> bool:
    """Whether the target has as many dimensions as the indices or the probabilities that are meant."""
    due = max(len(xs[0]) - 1, 0) + len(arguments["out_features"]) + (not indices)
    return len(xs[1]) == due


def test_weighted_losses_keep_what_autograd_keeps() -> None:
    for smooth in (0.0, 0.1):
        for reduction in REDUCTIONS:
            weight = [1.0, 2.0, 0.5]
            arguments: dict[str, Any] = {"reduction": reduction, "label_smoothing": smooth, "weight": weight}
            for x, t in [((4, 3), (4,)), ((4, 3, 5), (4, 5)), ((3,), ())]:
                xs = [torch.rand(x, requires_grad=True).mul(1), torch.zeros(t).long()]
                module = nn.CrossEntropyLoss(**{**arguments, "weight": torch.tensor(weight)})
                assert stated(made("CrossEntropyLoss", arguments, x, t), xs) == kept(module, xs), (x, arguments)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss", "BCELoss", "MultiMarginLoss"])
def test_factors_become_a_buffer_of_the_values_given(name: str) -> None:
    weight = [1, 2.5, 0.125]
    op = made(name, {"weight": weight}, (4, 3), (4, 3) if name == "BCELoss" else (4,))
    state = Built(op).module.state_dict()
    assert dict(op.buffers()) == {k: tuple(v.shape) for k, v in state.items()} == {"weight": (3,)}
    assert state["weight"].tolist() == weight
    assert op.constructor() == f"nn.{name}(weight=torch.tensor([1.0, 2.5, 0.125]))"


def test_factors_that_do_not_fit_are_named() -> None:
    op = made("CrossEntropyLoss", {"weight": [1.0, 2.0]}, (4, 10), (4,))
    assert broken(op, [(4, 10), (4,)]) == ["weight has 2 numbers, and axis 1 of [4, 10] has 10 classes"]


LOSSES = [name for name in MODULES if name.endswith("Loss") and name not in ("CTCLoss", "AdaptiveLogSoftmaxWithLoss")]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("learns", [(0,), (1,), (2,), (0, 1), (0, 2)])
def test_losses_keep_what_the_gradients_that_are_due_want(name: str, learns: tuple[int, ...]) -> None:
    """With a gradient for some of the inputs alone; two are left out that have none to give."""
    for arguments, xs in find(name).samples():
        op = made(name, arguments, *xs)
        given = tensors(op, xs)
        floats = [i for i in learns if i < len(given) and given[i].is_floating_point()]
        if floats == list(learns) and not (name == "SoftMarginLoss" and 1 in learns):
            given = [t.requires_grad_().mul(1) if i in learns else t for i, t in enumerate(given)]
            due = [k for k in op.saved(xs, op.shape(*xs)) if k.when is None or set(k.when) & set(learns)]
            stored = {(k.what, k.index) if k.what == "input" else n: k for n, k in enumerate(due)}
            ours = sum(bytes_of(k, given) for k in stored.values())
            assert ours == kept(Built(op).module, given), (arguments, xs)


def bytes_of(tensor: Any, given: Any) -> int:
    if tensor.what == "input":
        return int(given[tensor.index].untyped_storage().nbytes())
    return torch.Size(tensor.shape).numel() * (tensor.width or 4)
