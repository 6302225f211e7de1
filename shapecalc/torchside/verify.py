"""Report -> verification: torch's own figures beside ours, layer by layer, from a real forward pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.dims.sym import bind
from shapecalc.torchside.build import build
from shapecalc.torchside.probe import seen_wrongly
from shapecalc.torchside.run import counted_flops, example_inputs, kept_bytes, run_layers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from shapecalc.analysis.report import Layer, Report

AGREES, DIFFERS, SILENT = "agrees", "differs", "torch does not say"
BATCH = 2


class Finding:
    """One figure held against torch: what it is, ours, torch's, and the verdict."""

    __slots__ = ("layer", "ours", "theirs", "verdict", "what")

    def __init__(self, layer: str, what: str, ours: Any, theirs: Any, verdict: str | None = None) -> None:
        self.layer = layer
        self.what = what
        self.ours = ours
        self.theirs = theirs
        self.verdict = verdict or (AGREES if ours == theirs else DIFFERS)


class Verification:
    """All findings of one network at one choice of sizes."""

    def __init__(self, report: Report, sizes: Mapping[str, int], device: str) -> None:
        self.report = report
        self.sizes = sizes
        self.device = device
        self.findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        return all(f.verdict != DIFFERS for f in self.findings)


def verify(
    report: Report, sizes: Mapping[str, int], *, device: str = "cpu", batch: int = BATCH, seed: int = 0
) -> Verification:
    """Hold shapes, tensors by name, FLOPs, kept bytes and receptive fields against torch.

    `sizes` gives a number for every symbol of the input. Raises ValueError for a report with errors.
    """
    graph = report.graph
    assert graph is not None
    torch.manual_seed(seed)
    module = build(report).to(device)
    found = Verification(report, sizes, device)
    found.findings += _tensors(report, module)
    inputs = example_inputs(graph, {**sizes, "N": batch}, device)
    with torch.no_grad():
        values = run_layers(module.eval(), graph, inputs)
    for layer in report.layers:
        found.findings += _shapes(layer, values, {**sizes, "N": batch})
    if not any(w.dtype == "float64" for w in graph.inputs):
        found.findings += _probed(report, module, sizes, device)
    found.findings += _kept(report, module, sizes, device)
    found.findings += _flops(report, module, sizes)
    return found


def _tensors(report: Report, module: nn.Module) -> Iterator[Finding]:
    """Every parameter and buffer, by name and shape."""
    theirs = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    ours = report.state_dict()
    for name in dict.fromkeys([*ours, *theirs]):
        yield Finding(name.rpartition(".")[0], f"shape of {name}", _listed(ours.get(name)), _listed(theirs.get(name)))
    counted = sum(p.numel() for p in module.parameters())
    yield Finding("", "parameters", report.totals.params, counted)


def _shapes(layer: Layer, values: Mapping[int, Any], sizes: Mapping[str, int]) -> Iterator[Finding]:
    for wire in layer.node.outputs:
        value = values.get(id(wire))
        assert wire.shape is not None
        ours = [bind(size, sizes) for size in wire.shape]
        what = f"output {wire.index}" if wire.index else "output"
        if not isinstance(value, torch.Tensor):
            yield Finding(layer.path, what, ours, None, SILENT)
            continue
        yield Finding(layer.path, what, ours, list(value.shape))
        yield Finding(layer.path, f"dtype of {what}", wire.dtype, str(value.dtype).removeprefix("torch."))


def _kept(report: Report, module: nn.Module, sizes: Mapping[str, int], device: str) -> Iterator[Finding]:
    """What autograd keeps, for one sample in training mode."""
    assert report.graph is not None
    if "saved_bytes" in report.lower_bounds or device != "cpu":
        return
    ours = report.totals.saved_bytes
    inputs = example_inputs(report.graph, {**sizes, "N": 1}, device)
    try:
        theirs = kept_bytes(module.train(), inputs)
    except (RuntimeError, ValueError) as error:  # batch norm over a single value, as torch has it
        yield Finding("", "kept for backward", None, str(error).splitlines()[0], SILENT)
        return
    yield Finding("", "kept for backward", None if ours is None else bind(ours, sizes), theirs)


def _flops(report: Report, module: nn.Module, sizes: Mapping[str, int]) -> Iterator[Finding]:
    """FLOPs of the whole and of every layer that is a module of its own."""
    assert report.graph is not None
    total, counts = counted_flops(module, example_inputs(report.graph, {**sizes, "N": 1}, "cpu"))
    called = Counter(layer.node.owner.path for layer in report.layers)
    for layer in report.layers:
        op, flops = layer.node.op, layer.flops
        if flops is not None and flops != 0 and op is not None and op.module and called[layer.path] == 1:
            yield Finding(layer.path, "FLOPs", bind(flops, sizes), counts.get(layer.path, 0))
    if "flops" not in report.lower_bounds:
        yield Finding("", "FLOPs", bind(report.totals.flops, sizes), total)


def _probed(report: Report, module: nn.Module, sizes: Mapping[str, int], device: str) -> Iterator[Finding]:
    for layer, axis, ours, theirs in seen_wrongly(report, module.eval(), sizes, device):
        yield Finding(layer, f"receptive field on axis {axis}", ours, theirs)


def _listed(shape: Any) -> Any:
    return None if shape is None else list(shape)
