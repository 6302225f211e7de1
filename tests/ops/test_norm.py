"""Norms, pads, activations and dropouts against torch: accepted and refused alike, with the same sizes."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from shapecalc.dims.decide import at_least_zero
from shapecalc.dims.sym import symbol

from .oracle import Built, accepted, broken, made, torch_accepted


def nonempty(ys: Any) -> Any:
    """An output without cells counts as refused: torch lets some paddings make one, and we do not."""
    return None if ys is None or 0 in ys[0] else ys


def agreed(family: str, padding: Any, theirs: Any) -> Any:
    """What torch says, or `...` for circular padding of an axis that is cut at its other end: where it wraps too far
    torch copies memory onto itself, and raises only if the tensor is contiguous. We refuse it always.
    """
    each = padding if isinstance(padding, tuple) else (padding,)
    mixed = any(min(ends) < 0 < max(ends) for ends in zip(each[::2], each[1::2], strict=False))
    return ... if family == "CircularPad" and mixed else nonempty(theirs)


def shapes(rng: random.Random, most_rank: int = 6, most: int = 4) -> tuple[int, ...]:
    return tuple(rng.randint(1, most) for _ in range(rng.randint(1, most_rank)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("family", ["BatchNorm", "InstanceNorm"])
def test_channel_norms_agree_with_torch(family: str, rank: int, training: bool) -> None:
    rng, name = random.Random(f"{family}{rank}"), f"{family}{rank}d"
    seen = set()
    for _ in range(300):
        x = shapes(rng, most=2)
        channels = x[len(x) - 1 - rank] if family == "InstanceNorm" and len(x) > rank else x[min(1, len(x) - 1)]
        arguments = {
            "num_features": channels + rng.choice([0, 0, 0, 1]),
            "affine": True,
            "track_running_stats": rng.random() < 0.5,
            "eps": rng.choice([1e-5, 1e-3, 0]),
            "momentum": rng.choice([0.1, None]),
        }
        theirs = torch_accepted(name, arguments, x, training=training)
        assert accepted(name, arguments, x, training=training) == theirs, (arguments, x)
        seen.add(theirs is None)
    assert seen == {True, False}


@pytest.mark.parametrize("eps", [-1e-5, 0, 1e-5])
@pytest.mark.parametrize("name", ["BatchNorm1d", "InstanceNorm1d", "LayerNorm", "GroupNorm"])
def test_eps_is_judged_as_torch_does(name: str, eps: float) -> None:
    arguments: dict[str, Any] = {"eps": eps} | ({"num_groups": 1} if name == "GroupNorm" else {})
    size = {"LayerNorm": "normalized_shape", "GroupNorm": "num_channels"}.get(name, "num_features")
    x = (2, 3, 3)
    assert accepted(name, arguments, x) == torch_accepted(name, arguments | {size: 3}, x)


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm"])
def test_norms_of_the_last_axes_agree_with_torch(name: str) -> None:
    rng = random.Random(name)
    for _ in range(200):
        x = shapes(rng, 4, 3)
        last = x[-rng.randint(1, 4) :]
        due = rng.choice([last, last, x[-1], (), (2, *last), 3])
        arguments = {"normalized_shape": due}
        assert accepted(name, arguments, x) == torch_accepted(name, arguments, x), (arguments, x)


def test_group_norm_agrees_with_torch() -> None:
    rng = random.Random(0)
    for _ in range(300):
        x = shapes(rng, 4, 6)
        channels = (x[1] if len(x) > 1 else 3) + rng.choice([0, 0, 0, 1])
        arguments = {"num_groups": rng.randint(0, 4), "num_channels": channels}
        assert accepted("GroupNorm", arguments, x) == torch_accepted("GroupNorm", arguments, x), (arguments, x)


def test_group_norm_refuses_one_value_for_each_group() -> None:
    for x in ((1, 2), (1, 2, 1), (2, 2), (1, 4)):
        arguments = {"num_groups": 2, "num_channels": x[1]}
        assert accepted("GroupNorm", arguments, x) == torch_accepted("GroupNorm", arguments, x)


def test_local_response_norm_agrees_with_torch() -> None:
    for rank in range(1, 7):
        for size in range(-1, 8):
            x = (2,) * rank
            assert accepted("LocalResponseNorm", {"size": size}, x) == torch_accepted(
                "LocalResponseNorm", {"size": size}, x
            )


def test_a_batch_of_one_is_an_assumption_of_training() -> None:
    n = symbol("N")
    claim, gap, *_ = made("BatchNorm1d", {}, (n, 8)).needs((n, 8))[1]
    assert claim.training
    assert claim.code == "SC218"
    assert at_least_zero(gap) is None


def test_norm_messages_name_the_users_numbers() -> None:
    x = (2, 6, 5)
    assert broken(made("BatchNorm1d", {"num_features": 5}, x), (x,)) == ["num_features is 5, but 6 channels arrive"]
    assert broken(made("GroupNorm", {"num_groups": 4}, x), (x,)) == ["6 channels do not divide by 4 groups"]
    assert broken(made("LayerNorm", {"normalized_shape": 7}, x), (x,)) == [
        "normalized_shape is 7, but 5 features arrive on axis 2"
    ]


PADS = ["ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("family", PADS)
def test_pads_agree_with_torch(family: str, rank: int) -> None:
    rng, name = random.Random(f"{family}{rank}"), f"{family}{rank}d"
    seen = set()
    for _ in range(400):
        x = shapes(rng, 6 if rng.random() < 0.2 else rank + 2, 5)
        each = tuple(rng.randint(-2, 4) for _ in range(2 * rank))
        arguments: dict[str, Any] = {"padding": rng.choice([each, each, each[0]])}
        if family == "ConstantPad":
            arguments["value"] = 1.5
        theirs = agreed(family, arguments["padding"], torch_accepted(name, arguments, x))
        ours = accepted(name, arguments, x)
        assert theirs in (..., ours), (arguments, x)
        seen.add(theirs is None)
    assert seen == {True, False}


@pytest.mark.parametrize("family", PADS)
def test_pads_of_one_axis_agree_with_torch_everywhere(family: str) -> None:
    for i in range(1, 5):
        for before in range(-5, 6):
            for after in range(-5, 6):
                arguments: dict[str, Any] = {"padding": (before, after)}
                if family == "ConstantPad":
                    arguments["value"] = 0
                ours = accepted(f"{family}1d", arguments, (1, 2, i))
                theirs = torch_accepted(f"{family}1d", arguments, (1, 2, i))
                assert agreed(family, (before, after), theirs) in (..., ours), (arguments, i)


def test_padding_messages_name_the_users_numbers() -> None:
    x = (1, 3, 4, 5)
    assert broken(made("ReflectionPad2d", {"padding": [0, 5, 1, 1]}, x), (x,)) == [
        "padding 5 is not smaller than the input 5 on axis 3"
    ]
    assert broken(made("ZeroPad2d", {"padding": [0, 0, -3, -2]}, x), (x,))[0] == (
        "padding -3 and -2 leave nothing of the input 4 on axis 2"
    )


ACTIVATIONS = [
    *(("PReLU", {"num_parameters": n}) for n in (0, 1, 2, 3)),
    *(("GLU", {"dim": d}) for d in (-4, -3, -1, 0, 1, 2, 3)),
    *((name, {"dim": d}) for name in ("Softmax", "LogSoftmax", "Softmin") for d in (-4, -3, -1, 0, 2, 3, None)),
    ("Softmax2d", {}),
    *(("RReLU", {"lower": low, "upper": high}) for low in (0.1, 0.5) for high in (0.1, 0.5)),
    *(("Hardtanh", {"min_val": low, "max_val": high}) for low in (0, 1) for high in (0, 1)),
    *(("CELU", {"alpha": a}) for a in (-1, 0, 0.0, 1)),
    *(("ELU", {"alpha": a}) for a in (-1, 0, 1)),
    *((name, {"lambd": v}) for name in ("Softshrink", "Hardshrink") for v in (-0.5, 0, 0.5)),
    *(("GELU", {"approximate": w}) for w in ("none", "tanh", "sigmoid")),
    *(("Threshold", a) for a in ({}, {"threshold": 1}, {"threshold": 1, "value": 2})),
    *(
        (name, {"p": p})
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
        for p in (-0.1, 0, 0.5, 1, 1.5)
    ),
]


@pytest.mark.parametrize("x", [(4,), (2, 3), (2, 2, 4), (2, 3, 4, 2), (1, 2, 3, 2, 2), (1, 1, 2, 2, 2, 2)])
@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS)
def test_activations_and_dropouts_agree_with_torch(name: str, arguments: Any, x: Any) -> None:
    if name == "Threshold" and len(arguments) < 2:
        assert torch_accepted(name, arguments, x) is None
        return
    for training in (True, False):
        theirs = torch_accepted(name, arguments, x, training=training)
        assert accepted(name, arguments, x, training=training) == theirs


def test_circular_padding_wraps_what_is_left_of_a_cut_axis() -> None:
    """Checked on what torch computes: wherever we accept, its result is the input repeated round the ring."""
    for i in range(1, 6):
        ring = torch.arange(1.0, i + 1)
        for before in range(-4, 6):
            for after in range(-4, 6):
                if accepted("CircularPad1d", {"padding": (before, after)}, (1, i)):
                    kept = ring[max(0, -before) : i - max(0, -after)].repeat(9)
                    first = 4 * (len(kept) // 9) - max(0, before)
                    due = kept[first : first + i + before + after]
                    result = torch.nn.CircularPad1d((before, after))(ring.reshape(1, i))[0]
                    assert torch.equal(result, due), (i, before, after)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
def test_softmax_without_dim_takes_torchs_axis(name: str) -> None:
    """The emitted constructor says the axis, so torch's own choice is asked for apart."""
    for rank in range(1, 6):
        x = torch.rand((3,) * rank)
        with pytest.warns(UserWarning, match="Implicit dimension"):
            due = getattr(torch.nn, name)()(x)
        assert torch.equal(Built(made(name, {}, x.shape))(x)[0], due)
