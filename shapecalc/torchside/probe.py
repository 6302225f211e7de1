"""Receptive fields by probe: a NaN in one line of an input shows which outputs see that line.

A NaN goes through convolutions, pools, norms and activations alike, so no weight has to be touched. A field that we
state must hold every line that is seen, and its two ends must be seen where they lie inside of the input.
"""

from __future__ import annotations

import random
from math import ceil
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.dims.field import Field, Window
from shapecalc.dims.sym import Sym, bind
from shapecalc.ops.dtypes import FLOATS
from shapecalc.torchside.run import example_inputs, run_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.analysis.sight import Track
    from shapecalc.graph.graph import Node, Wire

MOST_WORK = 4 * 10**10
"""Multiply-accumulates that the probes of one axis may cost; beyond it fewer lines are probed."""
CHUNK = 16
MOST_BYTES = 2**31
"""What the values of all layers may take for the lines that one forward pass probes; a pass holds them all."""
AT_RANDOM = 4
"""Outputs that are looked at beside those at the edges and in the middle."""


class Probe:
    """What the lines of one axis of one input showed: `seen[output][i, o]` says whether line o sees probe i."""

    __slots__ = ("lines", "seen", "tracks")

    def __init__(self, lines: list[int], tracks: Mapping[int, Track]) -> None:
        self.lines = lines
        self.tracks = tracks
        self.seen: dict[int, torch.Tensor] = {}


def _bytes_of_values(report: Report, sizes: Mapping[str, int]) -> int:
    """Bytes of all layers' outputs for one sample, as far as they are known."""
    known = [layer.activation_bytes for layer in report.layers if layer.activation_bytes is not None]
    return sum(int(bind(n, sizes)) for n in known)


def untold(report: Report) -> str:
    """Why no receptive field can be probed, or nothing where some can."""
    assert report.graph is not None
    if not any(layer.sight for layer in report.layers):
        return "no input has spatial axes"
    if all(wire.dtype not in FLOATS for wire in report.graph.inputs):
        return "inputs are integers, which cannot carry a NaN"
    if any(wire.dtype == "float64" for wire in report.graph.inputs):
        return "inputs are float64, and weights are not"
    return ""


def seen_wrongly(
    report: Report, module: nn.Module, sizes: Mapping[str, int], device: str, seed: int
) -> Iterator[tuple[Layer, str, int, str, str]]:
    """(layer, input, axis, ours, what is seen) for every layer and every spatial axis of every input in turn."""
    graph = report.graph
    assert graph is not None
    sizes = {**sizes, "N": 1}
    blind = _behind(report, lambda node: _loses_nan(node, sizes))
    mirrored = _behind(report, lambda node: node.op is not None and node.op.mirrors())
    faint = _behind(report, lambda node: _misses(node, sizes))
    chosen = random.Random(seed)
    for wire in graph.inputs:
        if wire.dtype not in FLOATS:
            continue
        axes = sorted({a for layer in report.layers for name, a in layer.sight if name == wire.name})
        assert wire.shape is not None
        if 0 in [bind(size, sizes) for size in wire.shape]:
            continue  # without a value there is nothing to be seen
        for axis in axes:
            tracks = {x.node.index: t for x in report.layers if (t := _track(x, wire, axis, blind)) is not None}
            probe = _probe(report, module, sizes, device, wire, axis, tracks)
            for layer in report.layers:
                seen = probe.seen.get(layer.node.index)
                if seen is not None:
                    at, outputs = layer.node.index, _outputs(seen.shape[1], chosen)
                    doubts = {"mirrored": at in mirrored, "faint": at in faint}
                    field = _numbers(tracks[at].field, sizes)
                    yield (layer, wire.name, axis, *_judged(field, probe.lines, seen, outputs, **doubts))


def _numbers(field: Any, sizes: Mapping[str, int]) -> Field:
    """The field with sizes put in for names, where a window has some."""
    lo, hi = (tuple([bind(n, sizes) if isinstance(n, Sym) else n for n in edge]) for edge in (field.lo, field.hi))
    return Field(field.period, bind(field.advance, sizes), lo, hi)


def _behind(report: Report, has: Callable[[Node], bool]) -> set[int]:
    """The nodes of which something holds, and all behind them."""
    found: set[int] = set()
    for layer in report.layers:
        node = layer.node
        if has(node) or any(w is not None and w.node is not None and w.node.index in found for w in node.inputs):
            found.add(node.index)
    return found


def _loses_nan(node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether the output holds integers or truth values, which are never NaN, or nothing at all."""
    output = node.outputs[0]
    return output.dtype not in FLOATS or 0 in [bind(size, sizes) for size in output.shape or ()]


def _misses(node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether constants stand in place of what is read, or padding may, where lines were cut away before it."""
    makers = [wire.node for wire in node.inputs if wire is not None and wire.node is not None]
    return (node.op is not None and node.op.blanks()) or any(_cuts(maker, sizes) for maker in makers)


def _cuts(node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether it leaves lines at an end of an axis unread that a window more would read."""
    xs: Any = [None if wire is None else wire.shape for wire in node.inputs]
    ys: Any = [wire.shape for wire in node.outputs]
    assert node.op is not None
    for x, axes in zip(xs, node.op.window(xs, ys) or [None] * len(xs), strict=True):
        for axis, (source, window) in enumerate(axes or ()):
            if isinstance(window, Window):
                known = (window.k, window.s, window.p, window.d, x[source], ys[0][axis])
                k, s, p, d, lines, count = (int(bind(n, sizes)) for n in known)
                if p < 0 or (count - 1) * s - p + (k - 1) * d + s < lines:
                    return True
    return False


def _track(layer: Layer, wire: Wire, axis: int, blind: set[int]) -> Track | None:
    """How the layer sees that axis of the input, where a field is stated and runs along an axis of its own."""
    track = layer.sight.get((wire.name, axis))
    if track is None or layer.node.index in blind or layer.node.outputs[0].shape is None:
        return None
    return track if isinstance(track.field, Field) and track.at is not None and not track.merged else None


def _probe(
    report: Report,
    module: nn.Module,
    sizes: Mapping[str, int],
    device: str,
    wire: Wire,
    axis: int,
    tracks: Mapping[int, Track],
) -> Probe:
    graph = report.graph
    assert graph is not None
    samples = example_inputs(graph, sizes, device)
    number = graph.inputs.index(wire)
    extent = samples[number].shape[axis]
    macs = report.totals.macs
    affordable = max(8, MOST_WORK // max(1, macs if isinstance(macs, int) else 10**8))
    probe = Probe(list(range(0, extent, ceil(extent / affordable))), tracks)
    batched = all(str(w.shape[0]) == "N" for w in graph.inputs if w.shape)
    size = max(1, min(CHUNK, MOST_BYTES // max(1, _bytes_of_values(report, sizes)))) if batched else 1
    parts: dict[int, list[torch.Tensor]] = {}
    for start in range(0, len(probe.lines), size):
        lines = probe.lines[start : start + size]
        values = _shown(module, report, samples, number, axis, lines)
        for node, track in tracks.items():
            value = values.get(id(graph.nodes[node].outputs[0]))
            if isinstance(value, torch.Tensor):
                parts.setdefault(node, []).append(_hit(value, track, len(lines), batched))
    probe.seen = {node: torch.cat(found) for node, found in parts.items() if sum(map(len, found)) == len(probe.lines)}
    return probe


def _shown(
    module: nn.Module, report: Report, samples: Sequence[torch.Tensor], number: int, axis: int, lines: Sequence[int]
) -> dict[int, object]:
    """The values of all layers for a batch of samples, in each of which one line is NaN."""
    assert report.graph is not None
    batch = [x.repeat(len(lines), *[1] * (x.dim() - 1)) if x.dim() and len(lines) > 1 else x.clone() for x in samples]
    for i, line in enumerate(lines):
        marked = batch[number][i : i + 1] if len(lines) > 1 else batch[number]
        marked.select(axis, line).fill_(float("nan"))
    with torch.no_grad():
        return run_layers(module, report.graph, batch)


def _hit(value: torch.Tensor, track: Track, lines: int, batched: bool) -> torch.Tensor:
    """Whether each probe shows in each line of the value along the track's axis, as a matrix."""
    keep = {track.at, 0} if batched and value.shape[0] == lines else {track.at}
    others = [d for d in range(value.dim()) if d not in keep]
    found = value.isnan().sum(others) > 0 if others else value.isnan()
    return found if len(keep) > 1 else found.reshape(1, -1)


def _outputs(count: int, chosen: random.Random) -> list[int]:
    """Outputs that are looked at: both edges, between them, and some at random."""
    return sorted({0, count // 4, count // 2, count - 1, *(chosen.randrange(count) for _ in range(AT_RANDOM))})


def _judged(
    field: Field, lines: list[int], seen: torch.Tensor, outputs: Sequence[int], *, mirrored: bool, faint: bool
) -> tuple[str, str]:
    """Ours and what is seen, equal texts where no output sees beyond its field and both ends are seen.

    Where borders were `mirrored`, outputs of which the field sticks out of the map are passed over; of a `faint` value
    not every line that could be seen is asked for.
    """
    for o in outputs:
        turn, phase = divmod(o, field.period)
        low, high = (end[phase] + turn * field.advance for end in (field.lo, field.hi))
        if mirrored and not 0 <= low <= high <= lines[-1]:
            continue
        hit = {i for i, saw in zip(lines, seen[:, o].tolist(), strict=True) if saw}
        outside = [i for i in hit if not low <= i <= high]
        ends = (low, high) if low >= 0 and high <= lines[-1] and not faint else ()
        unseen = [i for i in ends if i in lines and i not in hit]
        if outside or unseen:
            theirs = f"and line {outside[0]}" if outside else f"but not line {unseen[0]}"
            return f"output {o} sees lines {low} to {high}", theirs
    return str(field.size), str(field.size)
