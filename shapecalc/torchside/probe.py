"""Receptive fields by probe: a NaN in one line of the input shows which outputs see that line.

A NaN goes through convolutions, pools, norms and activations alike, so no weight has to be touched. A field that we
state must hold every line that is seen, and its two ends must be seen where they lie inside of the input.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import torch

from shapecalc.dims.field import Field
from shapecalc.torchside.run import example_inputs, run_layers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.analysis.sight import Track

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
        tracks = {id(x.node.outputs[0]): t for x in report.layers if (t := _track(x, first.name, number)) is not None}
        lines, seen = _probe(report, module, sizes, device, axis, tracks)
        for layer in report.layers:
            found = seen.get(id(layer.node.outputs[0]))
            if found is not None:
                yield (layer.path, axis, *_judged(tracks[id(layer.node.outputs[0])].field, lines, found))


def _track(layer: Layer, name: str, number: int) -> Track | None:
    """How the layer sees that spatial axis of the input, where a field is stated and runs along an axis of its own."""
    field = layer.receptive_field
    if field is None or field.input != name or layer.node.outputs[0].shape is None:
        return None
    track = field.tracks[number]
    return track if isinstance(track.field, Field) and track.at is not None and not track.merged else None


def _probe(
    report: Report,
    module: nn.Module,
    sizes: Mapping[str, int],
    device: str,
    axis: int,
    tracks: Mapping[int, Track],
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
        for key, track in tracks.items():
            value = values.get(key)
            if isinstance(value, torch.Tensor) and value.shape[0] == len(chosen):
                others = [d for d in range(1, value.dim()) if d != track.at]
                parts.setdefault(key, []).append(value.isnan().sum(others) > 0)
    return lines, {key: torch.cat(found) for key, found in parts.items() if sum(map(len, found)) == len(lines)}


def _judged(field: Field, lines: list[int], seen: torch.Tensor) -> tuple[str, str]:
    """Ours and what is seen, equal texts where no output sees beyond its field: at both edges and between."""
    outputs = seen.shape[1]
    for o in sorted({0, outputs // 4, outputs // 2, outputs - 1}):
        turn, phase = divmod(o, field.period)
        low, high = (end[phase] + turn * field.advance for end in (field.lo, field.hi))
        hit = {i for i, saw in zip(lines, seen[:, o].tolist(), strict=True) if saw}
        outside = [i for i in hit if not low <= i <= high]
        unseen = [i for i in (low, high) if low >= 0 and high <= lines[-1] and i in lines and i not in hit]
        if outside or unseen:
            theirs = f"and line {outside[0]}" if outside else f"but not line {unseen[0]}"
            return f"output {o} sees lines {low} to {high}", theirs
    return str(field.size), str(field.size)
