"""Receptive fields by probe: a NaN in one line of the input shows which outputs see that line.

A NaN goes through convolutions, pools, norms and activations alike, so no weight has to be touched. A field that we
state must hold every line that is seen, and its two ends must be seen where they lie inside of the input.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.run import example_inputs, run_layers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from shapecalc.analysis.report import Layer, ReceptiveField, Report

MOST_WORK = 4 * 10**10
"""Multiply-accumulates that the probes of one axis may cost; beyond it fewer lines are probed."""
CHUNK = 16


def seen_wrongly(
    report: Report, module: nn.Module, sizes: Mapping[str, int], device: str
) -> Iterator[tuple[str, int, str, str]]:
    """(layer, axis, ours, what is seen) for every layer and axis of the first input, one entry for each."""
    graph = report.graph
    assert graph is not None
    first = graph.inputs[0]
    if first.dtype != "float32" or first.shape is None or str(first.shape[0]) != "N" or len(graph.inputs) > 1:
        return
    for number, axis in enumerate(range(2, len(first.shape))):
        lines, seen = _probe(report, module, sizes, device, axis)
        for layer in report.layers:
            field = layer.receptive_field
            found = seen.get(id(layer.node.outputs[0]))
            if field is None or found is None or field.input != first.name or not _runs(layer, field, number):
                continue
            yield (layer.path, axis, *_judged(field, number, lines, found))


def _runs(layer: Layer, field: ReceptiveField, number: int) -> bool:
    """Whether the layer's field on that axis is stated and runs along the same axis of its output."""
    shape = layer.node.outputs[0].shape
    return shape is not None and len(shape) > number + 2 and isinstance(field.size[number], int)


def _probe(
    report: Report, module: nn.Module, sizes: Mapping[str, int], device: str, axis: int
) -> tuple[list[int], dict[int, torch.Tensor]]:
    """The lines that were probed, and for each output whether its line o sees probe i, as a matrix (i, o)."""
    graph = report.graph
    assert graph is not None
    (sample,) = example_inputs(graph, {**sizes, "N": 1}, device)
    extent = sample.shape[axis]
    macs = report.totals.macs
    affordable = max(8, MOST_WORK // max(1, macs if isinstance(macs, int) else 10**8))
    lines = list(range(0, extent, ceil(extent / affordable)))
    parts: dict[int, list[torch.Tensor]] = {}
    for start in range(0, len(lines), CHUNK):
        chosen = lines[start : start + CHUNK]
        batch = sample.repeat(len(chosen), *[1] * (sample.dim() - 1))
        for i, line in enumerate(chosen):
            batch[i].select(axis - 1, line).fill_(float("nan"))
        with torch.no_grad():
            values = run_layers(module, graph, [batch])
        for key, value in values.items():
            if isinstance(value, torch.Tensor) and value.dim() > axis and value.shape[0] == len(chosen):
                others = [d for d in range(1, value.dim()) if d != axis]
                parts.setdefault(key, []).append(value.isnan().sum(others) > 0)
    return lines, {key: torch.cat(found) for key, found in parts.items() if sum(map(len, found)) == len(lines)}


def _judged(field: ReceptiveField, number: int, lines: list[int], seen: torch.Tensor) -> tuple[str, str]:
    """Ours and what is seen, equal texts where they agree, at the output's middle, edges and quarters."""
    size, stride, start = field.size[number], field.stride[number], field.start[number]
    outputs = seen.shape[1]
    for o in sorted({0, outputs // 4, outputs // 2, outputs - 1}):
        low = start + o * stride
        hit = [line for line, saw in zip(lines, seen[:, o].tolist(), strict=True) if saw]
        outside = [line for line in hit if not _within(line, low, size, stride)]
        if outside:
            return _span(low, size), f"output {o} sees line {outside[0]}"
    return str(size), str(size)


def _within(line: int, low: Any, size: int, stride: Any) -> bool:
    """Where the field depends on the output's phase (stride below 1), its start is that of one phase only."""
    slack = 0 if isinstance(stride, int) and stride >= 1 else size
    return bool(low - slack <= line < low + size + slack)


def _span(low: Any, size: int) -> str:
    return f"lines {low} to {low + size - 1}"
