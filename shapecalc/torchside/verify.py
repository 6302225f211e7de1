"""Report -> verification: torch's own figures beside ours, layer by layer, from a real forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.dims.sym import bind
from shapecalc.ops.opaque import Opaque
from shapecalc.torchside.build import build
from shapecalc.torchside.probe import seen_wrongly, untold
from shapecalc.torchside.run import Refused, counted_flops, example_inputs, kept_bytes, run_layers, trained_peak

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from shapecalc.analysis.report import Layer, Report

AGREES, DIFFERS, SILENT, UNCOUNTED = "agrees", "differs", "torch does not say", "torch does not count this"
BATCH = 2
META = "meta"
SPARE = 2
"""How many times the memory of weights and activations must be free for a network to be run."""
MOST_MACS = 2 * 10**12
"""Multiply-accumulates of a forward pass beyond which a CPU is not asked to run it."""
ALLOWANCE = 64 * 2**20
"""Bytes by which a measured peak may differ for the workspaces of libraries; besides a twentieth of it."""


class Finding:
    """One figure held against torch: what it is, ours, torch's and the verdict, with a reason where there is none."""

    __slots__ = ("layer", "ours", "reason", "theirs", "verdict", "what")

    def __init__(
        self, layer: str, what: str, ours: Any, theirs: Any, verdict: str | None = None, reason: str = ""
    ) -> None:
        self.layer = layer
        self.what = what
        self.ours = ours
        self.theirs = theirs
        self.verdict = verdict or (AGREES if ours == theirs else DIFFERS)
        self.reason = reason


class Verification:
    """All findings of one network at one choice of sizes; `notes` say how it was run where that was not as usual."""

    def __init__(self, report: Report, sizes: Mapping[str, int], device: str, batch: int) -> None:
        self.report = report
        self.sizes = sizes
        self.device = device
        self.batch = batch
        self.notes: list[str] = []
        self.findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        return all(f.verdict != DIFFERS for f in self.findings)


def verify(
    report: Report, sizes: Mapping[str, int], *, device: str = "cpu", batch: int = BATCH, seed: int = 0
) -> Verification:
    """Hold shapes, tensors by name, FLOPs, kept bytes and receptive fields against torch.

    `sizes` gives a number for every symbol of the input. A network that is too large for the CPU is run on the meta
    device, where tensors have no values, and a note says so. Raises ValueError for a report with errors.
    """
    assert report.graph is not None
    opaque = sorted({node.op.name for node in report.graph.nodes if isinstance(node.op, Opaque)})
    if opaque:
        unverified = Verification(report, sizes, device, batch)
        unverified.notes.append(f"not verified: torch has no code for {', '.join(opaque)}")
        return unverified
    large = too_large(report, sizes, batch) if device == "cpu" else ""
    found = Verification(report, sizes, META if large else device, batch)
    found.notes += [f"run on the meta device: {large}"] if large else []
    torch.manual_seed(seed)
    with torch.device(META if found.device == META else "cpu"):
        module = build(report).to(found.device)
    found.findings += _tensors(report, module)
    found.findings += _outputs(found, module)
    if found.device == META:
        reason = "tensors on the meta device have no values and no memory"
        found.findings += [Finding("", what, None, None, SILENT, reason) for what in (FIELDS, KEPT)]
    else:
        found.findings += _told(FIELDS, _probed(found, module, seed))
        found.findings += _told(KEPT, _kept(found, module))
        found.findings += _told(PEAK, _trained(found, module))
    found.findings += _told("FLOPs", _flops(report, module, sizes))
    return found


FIELDS, KEPT, PEAK = "receptive fields", "kept for backward", "peak of training"


def _told(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, up to a run that torch refuses."""
    try:
        yield from findings
    except Refused as refused:
        yield Finding("", what, None, None, SILENT, str(refused))


def too_large(report: Report, sizes: Mapping[str, int], batch: int) -> str:
    """Why the network is not run on the CPU, or nothing where it can be: by our own totals."""
    assert report.graph is not None
    given = sum(report.conditions.bytes_of(wire) for wire in report.graph.inputs)
    held = (given + sum(size for x in report.layers if (size := x.activation_bytes) is not None)) * batch
    needed = _number(held + 4 * report.totals.params, sizes)
    free = _free_memory()
    if free is not None and needed * SPARE > free:
        return f"weights and activations take {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free"
    macs = _number(report.totals.macs, sizes) * batch
    return f"a forward pass takes {macs:.2g} multiply-accumulates" if macs > MOST_MACS else ""


def _number(size: Any, sizes: Mapping[str, int]) -> int:
    return int(bind(size, sizes))


def _free_memory() -> int | None:
    """Bytes of memory that are free to use, None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _tensors(report: Report, module: nn.Module) -> Iterator[Finding]:
    """Every parameter and buffer, by name and shape."""
    theirs = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    ours = report.state_dict()
    paths = {layer.path for layer in report.layers}
    for name in dict.fromkeys([*ours, *theirs]):
        layer = name if name in paths else name.rpartition(".")[0]  # a Parameter has the name of its layer
        yield Finding(layer, f"shape of {name}", _listed(ours.get(name)), _listed(theirs.get(name)))
    counted = sum(p.numel() for p in module.parameters())
    yield Finding("", "parameters", report.totals.params, counted)


def _outputs(found: Verification, module: nn.Module) -> Iterator[Finding]:
    """Shapes and dtypes of the outputs of every layer."""
    graph = found.report.graph
    assert graph is not None
    sizes = {**found.sizes, "N": found.batch}
    inputs = example_inputs(graph, sizes, found.device)
    try:
        with torch.no_grad():
            values = run_layers(module.eval(), graph, inputs)
    except Refused as refused:
        legal = found.report.legal
        expected = legal is not None and not legal.holds(sizes)
        verdict, reason = (SILENT, f"{refused}; a batch of {found.batch} is not legal") if expected else (DIFFERS, "")
        yield Finding("", "forward pass", "one that runs", str(refused), verdict, reason)
        return
    for layer in found.report.layers:
        yield from _shapes(layer, values, sizes)


def _shapes(layer: Layer, values: Mapping[int, Any], sizes: Mapping[str, int]) -> Iterator[Finding]:
    for wire in layer.node.outputs:
        value = values.get(id(wire))
        assert wire.shape is not None
        ours = [bind(size, sizes) for size in wire.shape]
        what = f"output {wire.index}" if wire.index else "output"
        if not isinstance(value, torch.Tensor):
            yield Finding(layer.path, what, ours, None, SILENT, "it is no tensor")
            continue
        yield Finding(layer.path, what, ours, list(value.shape))
        yield Finding(layer.path, f"dtype of {what}", wire.dtype, str(value.dtype).removeprefix("torch."))


def _kept(found: Verification, module: nn.Module) -> Iterator[Finding]:
    """What autograd keeps in training mode, by layer and in all, in the batch that the report counts bytes for."""
    report, graph = found.report, found.report.graph
    assert graph is not None
    if found.device != "cpu" or report.conditions.dtype != "float32":
        yield Finding("", KEPT, None, None, SILENT, "the bytes that are predicted are those of float32 on a CPU")
        return
    inputs = example_inputs(graph, {**found.sizes, "N": report.conditions.batch}, found.device)
    total, by_node = kept_bytes(module.train(), graph, inputs)
    for layer in report.layers:
        ours, theirs = layer.saved_bytes, by_node.get(layer.node.index, 0)
        if ours is not None and (ours != 0 or theirs):
            yield Finding(layer.path, KEPT, bind(ours, found.sizes), theirs)
    if "saved_bytes" not in report.lower_bounds:
        yield Finding("", KEPT, _number(report.totals.saved_bytes, found.sizes), total)


def _trained(found: Verification, module: nn.Module) -> Iterator[Finding]:
    """The peak of one training step on a GPU."""
    report, graph = found.report, found.report.graph
    assert graph is not None
    if found.device != "cuda":
        return
    ours = report.totals.train_bytes
    if ours is None or found.sizes:
        reason = report.reasons.get("train_bytes", "sizes are not known")
        yield Finding("", PEAK, None, None, SILENT, reason)
        return
    inputs = example_inputs(graph, {**found.sizes, "N": report.conditions.batch}, found.device)
    theirs = trained_peak(module, graph, inputs)
    near = abs(ours - theirs) <= max(ours, theirs) / 20 + ALLOWANCE
    yield Finding("", PEAK, ours, theirs, AGREES if near else DIFFERS, "within 5 % and 64 MiB")


def _flops(report: Report, module: nn.Module, sizes: Mapping[str, int]) -> Iterator[Finding]:
    """FLOPs of every layer by torch's counter, and of what it counts in all."""
    graph = report.graph
    assert graph is not None
    with torch.device(META):
        by_node = counted_flops(module, graph, example_inputs(graph, {**sizes, "N": 1}, META))
    counted = 0
    for layer in report.layers:
        theirs = by_node.get(layer.node.index, 0)
        if layer.macs is None:
            yield Finding(layer.path, "FLOPs", None, theirs, SILENT, layer.reasons.get("macs", "not stated"))
            continue
        ours = 2 * _number(_of_one(layer.macs, report), sizes)
        if theirs == 0 != ours:
            yield Finding(layer.path, "FLOPs", ours, None, UNCOUNTED)
        elif ours or theirs:
            counted += ours
            yield Finding(layer.path, "FLOPs", ours, theirs)
    if "macs" not in report.lower_bounds:
        yield Finding("", "FLOPs that torch counts", counted, sum(by_node.values()))


def _of_one(macs: Any, report: Report) -> Any:
    """The multiply-accumulates of one sample."""
    return macs if report.conditions.batch == 1 else macs // report.conditions.batch


def _probed(found: Verification, module: nn.Module, seed: int) -> Iterator[Finding]:
    reason = untold(found.report)
    if reason:
        yield Finding("", FIELDS, None, None, SILENT, reason)
        return
    several = len(found.report.graph.inputs) > 1 if found.report.graph else False
    for layer, name, axis, ours, theirs in seen_wrongly(found.report, module.eval(), found.sizes, found.device, seed):
        of = f" of {name}" if several else ""
        yield Finding(layer.path, f"receptive field on axis {axis}{of}", ours, theirs)


def _listed(shape: Any) -> Any:
    return None if shape is None else list(shape)
