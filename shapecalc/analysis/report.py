"""Graph -> Report: every figure of every layer and of the whole, in the form that users and renderers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import Conditions, costs_of, total
from shapecalc.analysis.legal import legal_sizes
from shapecalc.analysis.memory import memory_of
from shapecalc.analysis.sight import sights
from shapecalc.dims.field import WHOLE, Field, Unknown
from shapecalc.graph.graph import Group, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.costs import Cost
    from shapecalc.analysis.memory import Memory
    from shapecalc.analysis.sight import Sight, Track
    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph
    from shapecalc.ops.op import Shape
    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.text import Source


class ReceptiveField:
    """What one position of a layer sees of the named input, per spatial axis.

    `size` holds integers, closed forms, "all", or None where there is no fixed field (`reason` says why); `stride` and
    `start` likewise; `aligned` is false where branches with different centres met.
    """

    __slots__ = ("aligned", "input", "reason", "size", "start", "stride", "tracks")

    def __init__(self, name: str, tracks: Sequence[Track]) -> None:
        self.input = name
        self.tracks = tracks
        self.size: list[Any] = []
        self.stride: list[Any] = []
        self.start: list[Any] = []
        self.aligned = True
        self.reason = ""
        for track in tracks:
            field = track.field
            runs = isinstance(field, Field)
            self.size.append(field.size if runs else "all" if field is WHOLE else None)
            self.stride.append(field.stride if runs and not track.merged else None)
            self.start.append(field.start if runs else None)
            self.aligned &= track.aligned
            if isinstance(field, Unknown):
                self.reason = self.reason or field.reason

    def same(self, other: ReceptiveField) -> bool:
        """Whether both see the same; flattened axes have no stride of their own to differ in."""
        strides = all(None in pair or pair[0] == pair[1] for pair in zip(self.stride, other.stride, strict=True))
        return strides and (self.size, self.start) == (other.size, other.start)

    @property
    def finite(self) -> bool:
        return bool(self.size) and all(s is not None and s != "all" for s in self.size)


def _in_tree(group: Group) -> Iterator[int]:
    """Indices of the nodes in the order of the module tree: a module's own tensors before its children's."""
    nodes = [child for _, child in group.children]
    own = [c for c in nodes if isinstance(c, Node) and c.op is not None and not c.op.inputs]
    yield from (node.index for node in own)
    for child in nodes:
        if isinstance(child, Group):
            yield from _in_tree(child)
        elif child not in own:
            yield child.index


class Layer:
    """One layer of the report. Costs are None where `reasons` says why they cannot be known.

    `params` counts the tensors of this layer's own module that are not tied to others; FLOPs are 2 x MACs, as torch's
    counter has them.
    """

    __slots__ = ("_axes", "_field", "_sight", "_unsaved", "cost", "node", "saved_bytes")

    def __init__(
        self,
        node: Node,
        cost: Cost,
        saved_bytes: Dim | None,
        unsaved: str,
        sight: Sight,
        axes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.node = node
        self.cost = cost
        self.saved_bytes = saved_bytes
        self._unsaved = unsaved
        self._sight = sight
        self._axes = axes
        self._field: ReceptiveField | None = None

    @property
    def path(self) -> str:
        return self.node.path

    @property
    def op(self) -> str:
        return self.node.op_name

    @property
    def input_shapes(self) -> list[Shape | None]:
        return [None if w is None else w.shape for w in self.node.inputs]

    @property
    def output_shapes(self) -> list[Shape | None]:
        return [w.shape for w in self.node.outputs]

    @property
    def weights(self) -> Mapping[str, Shape] | None:
        return self.cost.weights

    @property
    def buffers(self) -> Mapping[str, Shape] | None:
        return self.cost.buffers

    @property
    def params(self) -> Dim | None:
        return self.cost.params

    @property
    def macs(self) -> Dim | None:
        return self.cost.macs

    @property
    def flops(self) -> Dim | None:
        return None if self.cost.macs is None else 2 * self.cost.macs

    @property
    def activation_bytes(self) -> Dim | None:
        return self.cost.activation_bytes

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The field relative to the first input that the layer sees; None where it sees none."""
        if self._field is None:
            for name, spatial in self._axes.items():
                tracks = [self._sight[name, a] for a in spatial if (name, a) in self._sight]
                if tracks:
                    self._field = ReceptiveField(name, tracks)
                    break
        return self._field

    @property
    def reasons(self) -> dict[str, str]:
        """Why figures are None, by their name."""
        reasons = dict(self.cost.reasons)
        if self._unsaved:
            reasons["saved_bytes"] = self._unsaved
        field = self.receptive_field
        if field is not None and field.reason:
            reasons["receptive_field"] = field.reason
        return reasons


class Totals:
    """Figures of the whole network; those named in the report's `lower_bounds` are at least so much."""

    __slots__ = (
        "buffers",
        "flops",
        "macs",
        "params",
        "peak_activation_bytes",
        "peak_activation_layer",
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
        self.peak_activation_layer = ""
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
        return not any(d.severity in ("error", "warning") for d in self.diagnostics)

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
        """Shapes of all parameters and buffers by their key in the module's `state_dict`, in torch's order."""
        if self.graph is None:
            return {}
        return {
            f"{layer.path}.{name}" if name else layer.path: shape
            for layer in map(self.layers.__getitem__, _in_tree(self.graph.root))
            for name, shape in {**(layer.weights or {}), **(layer.buffers or {})}.items()
        }

    def _measure(self, graph: Graph) -> None:
        seen, axes = sights(graph)
        memory = memory_of(graph, self.conditions)
        costs = costs_of(graph, self.conditions)
        self.layers = [
            Layer(node, cost, saved, memory.reasons.get(node.index, ""), sight, axes)
            for node, cost, saved, sight in zip(graph.nodes, costs, memory.saved, seen, strict=True)
        ]
        self._sum(memory)
        self._total_field()
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
        totals.buffers = sum(x.cost.buffer_elements or 0 for x in self.layers)
        totals.flops = 2 * totals.macs
        totals.saved_bytes = memory.total
        if not memory.whole:
            self.lower_bounds.append("saved_bytes")
        totals.peak_activation_bytes = memory.peak
        totals.peak_activation_layer = memory.peak_layer
        if memory.peak is None:
            reason = "which layer holds most depends on sizes that are not known"
            self.reasons |= dict.fromkeys(("peak_activation_bytes", "peak_activation_layer"), reason)
        self.reasons["train_bytes"] = "the peak of a training step is not modelled yet"

    def _total_field(self) -> None:
        """The field of the last layer whose field is finite; of equal fields in a row the first is named."""
        last: ReceptiveField | None = None
        for layer in reversed(self.layers):
            field = layer.receptive_field
            if field is None or not field.finite:
                continue
            if last is not None and not field.same(last):
                break
            last = self.totals.receptive_field = field
            self.totals.receptive_field_layer = layer.path
