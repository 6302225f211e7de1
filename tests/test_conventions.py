"""What other tools count, gradients and further operations, against those tools, torch's counter, and plain loops.

fvcore and ptflops run on the emitted modules of the specs and on torchvision's own; where they are not installed their
tests are skipped.
"""

from __future__ import annotations

import inspect
import warnings
from math import exp, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import shapecalc
from shapecalc.torchside.run import example_inputs
from tests import plain

from .test_published import CASES, Row, sizes
from .test_specs import torchvision_model, torchvision_models

SPECS = Path(__file__).parent.parent / "specs"
SIZES = {"unet": {"H": 48, "W": 32}, "char_gpt": {"T": 24}}
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))
QUICK = ("alexnet", "char_gpt", "lenet5", "mobilenet_v2", "pooling", "resnet_basic")
EVERY = [pytest.param(n, marks=() if n in QUICK else pytest.mark.battery) for n in NAMES if n != "unet_valid"]


def report_of(name: str, convention: str = "torch", **params: Any) -> Any:
    return plain.check(str(SPECS / f"{name}.yaml"), SIZES.get(name, {}) | params, convention=convention)


def by_fvcore(module: nn.Module, inputs: Any) -> int:
    fvcore = pytest.importorskip("fvcore.nn")
    found = fvcore.FlopCountAnalysis(module.eval(), tuple(inputs))
    with warnings.catch_warnings(action="ignore"):
        return int(found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def by_ptflops(module: nn.Module, inputs: Any) -> int:
    """ptflops' count of modules alone: patching functions too counts an activation in a module twice."""
    torchvision_models()  # ptflops imports torchvision, which wants operators of its own declared
    ptflops = pytest.importorskip("ptflops")
    named = dict(zip(inspect.signature(module.forward).parameters, inputs, strict=True))
    found, _ = ptflops.get_model_complexity_info(
        module.eval(),
        (1,),
        input_constructor=lambda _: named,
        as_strings=False,
        print_per_layer_stat=False,
        backend="pytorch",
        backend_specific_config={"count_functional": False},
    )
    return int(found)


TOOLS = {"fvcore": by_fvcore, "ptflops": by_ptflops}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", EVERY)
def test_a_spec_counts_as_the_tool_counts_its_module(name: str, tool: str) -> None:
    report = report_of(name, tool)
    inputs = example_inputs(report.graph, {"N": 1}, "cpu")
    assert report.totals.flops == TOOLS[tool](shapecalc.build(report), inputs)


VISION = [
    ("alexnet", "alexnet", {}),
    ("vgg16", "vgg", {"depth": 16}),
    ("resnet18", "resnet_basic", {}),
    ("resnet50", "resnet_bottleneck", {}),
    ("mobilenet_v2", "mobilenet_v2", {}),
    ("squeezenet1_0", "squeezenet", {}),
    ("googlenet", "googlenet", {}),
    ("vit_b_16", "vit_b_16", {}),
]


@pytest.mark.battery
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("model", "spec", "params"), VISION, ids=[model for model, _, _ in VISION])
def test_a_spec_counts_as_the_tool_counts_torchvisions_network(
    model: str, spec: str, params: dict[str, Any], tool: str
) -> None:
    torchvision_models()
    inputs = [torch.randn(1, 3, 224, 224)]
    report = report_of(spec, tool, **params)
    theirs = TOOLS[tool](torchvision_model(model), inputs)
    assert report.totals.flops - theirs == (unseen(report, model) if tool == "ptflops" else 0)


FUNCTIONS = {"googlenet": "ReLU", "mobilenet_v2": "AdaptiveAvgPool2d"}
"""What torchvision's networks call as a function, which ptflops, with its hooks on modules, does not see."""


def unseen(report: Any, model: str) -> int:
    """Operations of the layers that torchvision calls as functions."""
    return sum(layer.work.flops for layer in report.layers if layer.op == FUNCTIONS.get(model))


# unit cases of fvcore's tests beside multiply-accumulates

LAYERS = {
    ("BatchNorm1d affine=False eval", "10x10"): "BatchNorm1d: {affine: false}",
    ("BatchNorm2d affine=False train", "10x10x5x5"): "BatchNorm2d: {affine: false, track_running_stats: false}",
    ("BatchNorm3d affine=False train", "10x10x5x5x5"): "BatchNorm3d: {affine: false, track_running_stats: false}",
    ("F.batch_norm eval affine", "2x2x2x2"): "BatchNorm2d: {}",
    ("F.batch_norm eval no affine", "2x2x2x2"): "BatchNorm2d: {affine: false}",
    ("F.batch_norm train affine", "2x2x2x2"): "BatchNorm2d: {track_running_stats: false}",
    ("group_norm affine", "2x2x2x2"): "GroupNorm: {num_groups: 2}",
    ("group_norm no affine", "2x2x2x2"): "GroupNorm: {num_groups: 2, affine: false}",
    ("interpolate bilinear x2", "2x2x2x2"): "Upsample: {scale_factor: 2, mode: bilinear}",
}
UNITS = [row for row in CASES if (row["op"], row["inputs"]) in LAYERS]


@pytest.mark.parametrize("row", UNITS, ids=lambda row: row["op"])
def test_norms_and_resizes_count_as_in_fvcores_tests(row: Row) -> None:
    batch, *own = sizes(row["inputs"])
    text = f"shapecalc: 1\ninput: {own}\nlayers:\n  - {LAYERS[row['op'], row['inputs']]}\n"
    report = plain.check_text(text, batch_size=batch, convention="fvcore")
    assert report.totals.flops == int(row["value"])


def test_fvcores_three_layer_net_counts_as_in_its_tests() -> None:
    row = next(row for row in CASES if row["test"] == "test_threeNet")
    text = """shapecalc: 1
input: [2, 10, 10]
layers:
  - Conv2d: {out_channels: 5, kernel_size: 1}
  - AdaptiveAvgPool2d: 1
  - Flatten: {}
  - Linear: 3
  - Linear: 1
"""
    report = plain.check_text(text, batch_size=4, convention="fvcore")
    conv, pool, _, *linear = [layer.flops for layer in report.layers]
    assert [conv, sum(linear), pool] == [int(n) for n in row["value"].split(" / ")]


def test_all_unit_cases_of_norms_and_resizes_are_used() -> None:
    assert len(UNITS) == len(LAYERS) == 9


# gradients


def backward_flops(report: Any) -> int:
    """What torch's counter sees in a backward pass, on the meta device; inputs need no gradient."""
    module = shapecalc.build(report).to("meta")
    inputs = [x.to("meta") for x in example_inputs(report.graph, {"N": 1}, "cpu")]
    outputs = module(*inputs)
    wanted = [y for y in (outputs if isinstance(outputs, tuple) else (outputs,)) if y.requires_grad]
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(wanted, [torch.ones_like(y) for y in wanted])
    return int(counter.get_total_flops())


def grouped(report: Any) -> int:
    """What torch's counter has too much: it does not divide the weight gradient of a convolution by its groups."""
    return sum(
        (layer.node.op.groups - 1) * layer.macs_backward_weight for layer in report.layers if layer.op == "Conv2d"
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradients_cost_what_torchs_counter_counts(name: str) -> None:
    report = report_of(name)
    totals = report.totals
    ours = 2 * (totals.macs_backward_input + totals.macs_backward_weight + grouped(report))
    assert ours == backward_flops(report)
    assert not {"macs_backward_input", "macs_backward_weight"} & set(report.lower_bounds)


def test_the_first_layer_needs_no_gradient_of_its_input() -> None:
    first, second = plain.check_text("shapecalc: 1\ninput: [4]\nlayers: [{Linear: 3}, {Linear: 2}]\n").layers
    assert (first.macs_backward_input, first.macs_backward_weight) == (0, 12)
    assert (second.macs_backward_input, second.macs_backward_weight) == (6, 6)


# further operations, counted by numbers that count what is done to them


class Counted:
    """A number that notes every operation on it, by class."""

    seen: dict[str, int]

    def __init__(self, value: float) -> None:
        self.value = value

    def _note(self, name: str, value: float) -> Counted:
        self.seen[name] = self.seen.get(name, 0) + 1
        return Counted(value)

    def __add__(self, other: Any) -> Counted:
        return self._note("adds", self.value + value_of(other))

    def __sub__(self, other: Any) -> Counted:
        return self._note("adds", self.value - value_of(other))

    def __mul__(self, other: Any) -> Counted:
        return self._note("multiplications", self.value * value_of(other))

    def __truediv__(self, other: Any) -> Counted:
        return self._note("divisions", self.value / value_of(other))

    def larger(self, other: Counted) -> Counted:
        return self._note("comparisons", max(self.value, other.value))

    def through(self, function: Any) -> Counted:
        return self._note("exponentials", function(self.value))


def value_of(x: Any) -> float:
    return x.value if isinstance(x, Counted) else x


def total(values: list[Any]) -> Any:
    first, *others = values
    for other in others:
        first = first + other
    return first


def largest(values: list[Any]) -> Any:
    first, *others = values
    for other in others:
        first = first.larger(other)
    return first


def softmax(row: list[Any]) -> None:
    top = largest(row)
    powers = [(x - top).through(exp) for x in row]
    whole = total(powers)
    _ = [p / whole for p in powers]


def layer_norm(row: list[Any]) -> None:
    mean = total(row) / len(row)
    deviations = [x - mean for x in row]
    variance = total([d * d for d in deviations]) / len(row)
    factor = Counted(1) / (variance + 1e-5).through(sqrt)
    _ = [d * factor * 2 + 1 for d in deviations]


def batch_norm(channel: list[Any]) -> None:
    """By tracked statistics: a factor and a summand, then both on every value."""
    factor = Counted(2) * (Counted(1) / (Counted(1) + 1e-5).through(sqrt))
    shift = Counted(1) - Counted(0.5) * factor
    _ = [x * factor + shift for x in channel]


def rms_norm(row: list[Any]) -> None:
    factor = Counted(1) / (total([x * x for x in row]) / len(row) + 1e-5).through(sqrt)
    _ = [x * factor * 2 for x in row]


def variance(row: list[Any]) -> None:
    mean = total(row) / len(row)
    deviations = [x - mean for x in row]
    _ = total([d * d for d in deviations]) / (len(row) - 1)


def windows(row: list[Any], kernel: int, stride: int) -> list[list[Any]]:
    return [row[i : i + kernel] for i in range(0, len(row) - kernel + 1, stride)]


def parts(row: list[Any], number: int) -> list[list[Any]]:
    """Adaptive pooling's parts, which overlap where they do not divide."""
    n = len(row)
    return [row[i * n // number : -(-(i + 1) * n // number)] for i in range(number)]


BY_ROWS = {
    "Softmax: -1": softmax,
    "LayerNorm: {}": layer_norm,
    "RMSNorm: {}": rms_norm,
    "BatchNorm1d: {}": batch_norm,
    "Mean: -1": lambda row: total(row) / len(row),
    "Sum: -1": total,
    "AMax: -1": largest,
    "Var: {dim: -1}": variance,
    "MaxPool1d: {kernel_size: 3, stride: 2}": lambda row: [largest(w) for w in windows(row, 3, 2)],
    "AvgPool1d: {kernel_size: 2}": lambda row: [total(w) / 2 for w in windows(row, 2, 2)],
    "AdaptiveAvgPool1d: 4": lambda row: [total(p) / len(p) for p in parts(row, 4)],
    "AdaptiveMaxPool1d: 5": lambda row: [largest(p) for p in parts(row, 5)],
    "Sigmoid: {}": lambda row: [Counted(1) / (x.through(exp) + 1) for x in row],
    "Tanh: {}": lambda row: [x.through(exp) for x in row],
    "ReLU: {}": lambda row: [x.larger(Counted(0)) for x in row],
    "SiLU: {}": lambda row: [x / (x.through(exp) + 1) for x in row],
    "LeakyReLU: {}": lambda row: [(x * 0.01).larger(x) for x in row],
    "Flatten: {}": lambda row: None,
    "Dropout: {}": lambda row: None,
}


@pytest.mark.parametrize("layer", BY_ROWS)
def test_operations_are_those_of_a_plain_loop(layer: str) -> None:
    """An input [N, 3, 11]: 3 rows of 11 values, each treated for itself."""
    Counted.seen = {}
    for _ in range(3):
        BY_ROWS[layer]([Counted(float(n)) for n in range(11)])
    (found,) = plain.check_text(f"shapecalc: 1\ninput: [3, 11]\nlayers:\n  - {layer}\n").layers
    assert {name: n for name, n in found.operations.items() if n} == Counted.seen


def test_all_adds_operations_to_twice_the_macs() -> None:
    text = "shapecalc: 1\ninput: [4]\nlayers: [{Linear: 3}, {ReLU: {}}]\n"
    totals = plain.check_text(text, convention="all").totals
    assert totals.operations == {"adds": 3, "multiplications": 0, "divisions": 0, "comparisons": 3, "exponentials": 0}
    assert totals.flops == 2 * 12 + 3 + 3


def test_what_states_no_operations_is_unknown_with_a_reason_and_leaves_a_lower_bound() -> None:
    text = "shapecalc: 1\nblocks: {Mine: {shape: [4], macs: 7}}\ninput: [4]\nlayers: [{Mine: {}}, {ReLU: {}}]\n"
    report = plain.check_text(text, convention="all")
    mine, _ = report.layers
    assert (mine.operations, mine.flops) == (None, None)
    assert mine.reasons["operations"]
    assert mine.reasons["flops"]
    assert mine.macs_backward_input is mine.macs_backward_weight is None
    assert {"operations", "flops", "macs_backward_input", "macs_backward_weight"} <= set(report.lower_bounds)
    assert report.totals.operations["comparisons"] == 4


@pytest.mark.parametrize(
    ("convention", "flops"), [("torch", 24), ("macs", 12), ("fvcore", 12), ("ptflops", 15), ("all", 27)]
)
def test_a_convention_chooses_what_is_counted(convention: str, flops: int) -> None:
    report = plain.check_text("shapecalc: 1\ninput: [4]\nlayers: [{Linear: 3}]\n", convention=convention)
    assert report.totals.flops == report.layers[0].flops == flops
    assert report.to_dict()["conditions"]["convention"] == convention
