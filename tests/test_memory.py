"""The memory of a training step against torch: every storage of a real step on the CPU, followed until it is freed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import shapecalc
from shapecalc.analysis.costs import OPTIMIZERS
from shapecalc.torchside.run import example_inputs

from .stepwatch import watched_step

SPECS = Path(__file__).parent.parent / "specs"
SIZES = {"unet": {"H": 48, "W": 32}, "char_gpt": {"T": 24}}
SMALL = ("conv2d", "lenet5", "mnist_cnn", "residual", "pyramid", "inception_block", "squeezenet")
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))
HEAVY = {"unet_valid"}
"""Its step takes longer than all others together."""
SEVERAL_FUNCTIONS = {"pooling"}
"""Some of its operators are several functions of torch, and what passes between those is not modelled."""
TOLERANCE = 0.005
"""Gradients of a value that is used twice are added in a new tensor while torch is watched, in place otherwise; an
operator made of others lets go of what it keeps in the end only."""
LOSS = 64
"""Bytes of the loss that the test adds, of its gradient, and of quotients of one-element parameters in Adam."""


def step_of(name: str, batch: int, optimizer: str) -> tuple[Any, dict[str, int]]:
    """What is predicted for a training step, and what torch needs."""
    report = shapecalc.check(str(SPECS / f"{name}.yaml"), SIZES.get(name, {}), batch_size=batch, optimizer=optimizer)
    inputs = example_inputs(report.graph, {"N": batch}, "cpu")
    return report.totals, watched_step(shapecalc.build(report).train(), inputs, optimizer)


def compare(name: str, batch: int, optimizer: str) -> None:
    totals, found = step_of(name, batch, optimizer)
    assert totals.phases.end == found["end"]
    if name in SEVERAL_FUNCTIONS:
        return
    peak = max(found["forward"], found["backward"], found["step"])
    assert abs(totals.train_bytes - peak) <= TOLERANCE * peak + LOSS, (totals.train_bytes, found)


@pytest.mark.parametrize("name", SMALL)
def test_a_training_step_takes_what_torch_takes(name: str) -> None:
    compare(name, 2, "sgd")


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_every_optimizer_holds_the_state_that_torch_holds(optimizer: str) -> None:
    compare("lenet5", 1, optimizer)


@pytest.mark.battery
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in HEAVY])
def test_a_training_step_of_every_spec_takes_what_torch_takes(name: str, optimizer: str) -> None:
    for batch in (1, 3):
        compare(name, batch, optimizer)


def checked(text: str, **conditions: Any) -> Any:
    report = shapecalc.check_text(f"shapecalc: 1\nname: Net\n{text}", **conditions)
    assert not any(d.severity == "error" for d in report.diagnostics), report.diagnostics
    return report


def test_a_linear_layer_by_hand() -> None:
    """4 x 3 weights and 3 biases; the peak is the backward pass of the layer, which wants no gradient of its input."""
    totals = checked("input: [4]\nlayers:\n  - Linear: 3\n", batch_size=10).totals
    parameters, inputs, outputs = 4 * 15, 4 * 40, 4 * 30
    assert totals.phases.end == parameters + inputs + outputs
    assert totals.train_bytes == parameters + inputs + outputs + outputs + parameters


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_without_weights_every_optimizer_holds_nothing(optimizer: str) -> None:
    totals = checked("input: [4]\nlayers:\n  - ReLU\n", batch_size=10, optimizer=optimizer).totals
    assert totals.train_bytes == 4 * (40 + 40)


@pytest.mark.parametrize(("dtype", "width"), [("float64", 8), ("float32", 4), ("bfloat16", 2), ("float16", 2)])
def test_bytes_follow_the_dtype(dtype: str, width: int) -> None:
    totals = checked("input: [4]\nlayers:\n  - Linear: 3\n", batch_size=10, dtype=dtype).totals
    assert totals.train_bytes == width * (15 + 40 + 30 + 30 + 15)


def test_tracked_counts_of_a_batch_norm_are_eight_bytes() -> None:
    report = checked("input: [5, 4, 4]\nlayers:\n  - BatchNorm2d: {}\n")
    module = torch.nn.BatchNorm2d(5)
    own = sum(t.nbytes for t in (*module.parameters(), *module.buffers()))
    assert report.totals.phases.end == own + report.totals.saved_bytes + 4 * 80


def test_sizes_that_are_not_known_leave_the_peak_open_with_a_reason() -> None:
    report = checked("input: [3, H, H]\nlayers:\n  - Conv2d: {out_channels: 8, kernel_size: 3}\n")
    assert report.totals.train_bytes is None
    assert "not known" in report.reasons["train_bytes"]


def test_a_layer_that_states_nothing_makes_the_peak_a_lower_bound() -> None:
    text = "blocks: {Mine: {shape: [4]}}\ninput: [4]\nlayers:\n  - Mine: {}\n  - Linear: 3\n"
    report = shapecalc.check_text(f"shapecalc: 1\nname: Net\n{text}")
    assert report.totals.train_bytes is not None
    assert "train_bytes" in report.lower_bounds


@pytest.mark.parametrize(
    "given", [{"dtype": "float8"}, {"optimizer": "lion"}, {"convention": "own"}, {"batch_size": 0}]
)
def test_a_condition_that_is_not_known_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no |batch size"):
        shapecalc.check_text("shapecalc: 1", **given)
