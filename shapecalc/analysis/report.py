"""Graph -> Report: every figure of every layer and of the whole, in the form that users and renderers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import Conditions, Cost, cost_of, total
from shapecalc.analysis.legal import legal_sizes
from shapecalc.analysis.memory import memory_of
from shapecalc.analysis.sight import sights
from shapecalc.dims.field import WHOLE, Field, Unknown
from shapecalc.source.codes import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.memory import Memory
    from shapecalc.analysis.sight import Sight
    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph, Node
    from shapecalc.ops.op import Shape
    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.text import Source


class ReceptiveField:
    """What one position of a layer sees of the named input, per spatial axis.

    `size` holds integers, closed forms, "all", or None where there is no fixed field (`reason` says why); `stride` and
    `start` likewise; `aligned` is false where branches with different centres met.
    """

    __slots__ = ("aligned", "input", "reason", "size", "start", "stride")

    def __init__(self, name: str, tracks: Sequence[Any]) -> None:
        self.input = name
        fields = [t.field for t in tracks]
        self.size = [_size(f) for f in fields]
        self.stride = [
            f.stride if isinstance(f, Field) and not t.merged else None for f, t in zip(fields, tracks, strict=True)
        ]
        self.start = [f.start if isinstance(f, Field) else None for f in fields]
        self.aligned = all(t.aligned for t in tracks)
        self.reason = next((f.reason for f in fields if isinstance(f, Unknown)), "")

    @property
    def finite(self) -> bool:
        return bool(self.size) and all(s is not None and s != "all" for s in self.size)


def _size(field: Any) -> Any:
    if field is WHOLE:
        return "all"
    return None if isinstance(field, Unknown) else field.size


class Layer:
    """One layer of the report. Costs are None where `reasons` says why they cannot be known."""

    __slots__ = (
        "activation_bytes",
        "buffers",
        "flops",
        "macs",
        "node",
        "op",
        "params",
        "path",
        "reasons",
        "receptive_field",
        "saved_bytes",
        "weights",
    )

    def __init__(self, node: Node, cost: Cost, field: ReceptiveField | None) -> None:
        self.node = node
        self.path = node.path
        self.op = node.op_name
        self.weights = cost.weights
        self.buffers = cost.buffers
        self.params = cost.params
        self.macs = cost.macs
        self.flops = None if cost.macs is None else 2 * cost.macs
        self.activation_bytes = cost.activation_bytes
        self.saved_bytes: Dim | None = None
        self.receptive_field = field
        self.reasons = cost.reasons

    @property
    def input_shapes(self) -> list[Shape | None]:
        return [None if w is None else w.shape for w in self.node.inputs]

    @property
    def output_shapes(self) -> list[Shape | None]:
        return [w.shape for w in self.node.outputs]


class Totals:
    """Figures of the whole network; those named in the report's `lower_bounds` are at least so much."""

    __slots__ = (
        "buffers",
        "flops",
        "macs",
        "params",
        "peak_activation_bytes",
        "receptive_field",
        "receptive_field_layer",
        "saved_bytes",
        "train_bytes",
        "trainable_params",
    )

    def __init__(self) -> None:
        self.params: Dim = 0
        self.trainable_params: Dim = 0
        self.buffers: Dim = 0
        self.macs: Dim = 0
        self.flops: Dim = 0
        self.peak_activation_bytes: Dim | None = None
        self.saved_bytes: Dim | None = None
        self.train_bytes: Dim | None = None
        self.receptive_field: ReceptiveField | None = None
        self.receptive_field_layer = ""


class Report:
    """All that is known of one spec. `ok` says that no diagnostic is an error or a warning.

    `graph` is None where the text cannot be read as a spec; then only `diagnostics` says anything.
    """

    def __init__(self, source: Source, graph: Graph | None, diagnostics: list[Diagnostic]) -> None:
        self.source = source
        self.path = source.path
        self.graph = graph
        self.diagnostics = diagnostics
        self.conditions = Conditions()
        self.layers: list[Layer] = []
        self.totals = Totals()
        self.reasons: dict[str, str] = {}
        self.lower_bounds: list[str] = []
        self.legal: Legal | None = None
        if graph is not None:
            self._measure(graph)
        self.diagnostics.sort(key=lambda d: (d.start, d.end, d.code))

    @property
    def ok(self) -> bool:
        return not any(SEVERITIES[d.code] in ("error", "warning") for d in self.diagnostics)

    @property
    def name(self) -> str:
        return self.graph.spec.name if self.graph else ""

    def to_dict(self) -> dict[str, Any]:
        """The file object of the JSON output, of plain lists, dicts, strings and numbers."""
        from shapecalc.analysis.record import file_object

        return file_object(self)

    def layer(self, path: str) -> Layer:
        """The layer at a dotted path. Raises KeyError."""
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise KeyError(path)

    def state_dict(self) -> dict[str, Shape]:
        """Shapes of all parameters and buffers by their key in the module's `state_dict`, in order."""
        keys: dict[str, Shape] = {}
        for layer in self.layers:
            for name, shape in {**(layer.weights or {}), **(layer.buffers or {})}.items():
                keys[f"{layer.path}.{name}" if name else layer.path] = shape
        return keys

    def _measure(self, graph: Graph) -> None:
        seen, axes = sights(graph)
        memory = memory_of(graph, self.conditions)
        for node in graph.nodes:
            cost = cost_of(node, self.conditions)
            layer = Layer(node, cost, _field(seen[node.index], axes))
            layer.saved_bytes = memory.saved[node.index]
            if node.index in memory.reasons:
                layer.reasons.setdefault("saved_bytes", memory.reasons[node.index])
            if layer.receptive_field is not None and layer.receptive_field.reason:
                layer.reasons["receptive_field"] = layer.receptive_field.reason
            self.layers.append(layer)
            self.totals.buffers += cost.buffer_elements or 0
        self._sum(memory)
        self._total_field(seen, axes)
        self.legal, found = legal_sizes(graph)
        self.diagnostics += found

    def _sum(self, memory: Memory) -> None:
        totals = self.totals
        for name, values in (
            ("params", [x.params for x in self.layers]),
            ("macs", [x.macs for x in self.layers]),
        ):
            value, partial = total(values)
            setattr(totals, name, value)
            if partial:
                self.lower_bounds += [name, "trainable_params" if name == "params" else "flops"]
        totals.trainable_params = totals.params
        totals.flops = 2 * totals.macs
        totals.saved_bytes = memory.total
        if not memory.whole:
            self.lower_bounds.append("saved_bytes")
        totals.peak_activation_bytes = memory.peak
        if memory.peak is None:
            self.reasons["peak_activation_bytes"] = "which layer holds most depends on sizes that are not known"
        self.reasons["train_bytes"] = "the peak of a training step is not modelled yet"

    def _total_field(self, seen: list[Sight], axes: Mapping[str, tuple[int, ...]]) -> None:
        """The field of the last layer whose field is finite; of equal fields in a row the first is named."""
        last: Layer | None = None
        for layer in self.layers:
            field = layer.receptive_field
            if (
                field is not None
                and field.finite
                and not _same_field(field, None if last is None else last.receptive_field)
            ):
                last = layer
        if last is not None:
            self.totals.receptive_field = last.receptive_field
            self.totals.receptive_field_layer = last.path


def _same_field(field: ReceptiveField, other: ReceptiveField | None) -> bool:
    return other is not None and field.size == other.size and field.start == other.start


def _field(sight: Sight, axes: Mapping[str, tuple[int, ...]]) -> ReceptiveField | None:
    """The field relative to the first input that the layer sees; None where it sees none."""
    for name, spatial in axes.items():
        tracks = [sight[name, a] for a in spatial if (name, a) in sight]
        if tracks:
            return ReceptiveField(name, tracks)
    return None
