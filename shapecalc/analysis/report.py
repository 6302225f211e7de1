"""Graph -> Report: every figure of every layer and of the whole, in the form that users and renderers read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import Conditions, costs_of
from shapecalc.analysis.legal import legal_sizes
from shapecalc.analysis.totals import Totals
from shapecalc.dims.field import WHOLE, Field, Unknown
from shapecalc.graph.graph import Group, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.costs import Cost
    from shapecalc.analysis.memory import Memory
    from shapecalc.analysis.sight import Sight, Track
    from shapecalc.analysis.training import Phases
    from shapecalc.analysis.work import Work
    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph
    from shapecalc.ops.op import Shape
    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.text import Source


OF_MEMORY = ("saved_bytes", "train_bytes")
UNCOMPARED = "which moment of a training step holds most depends on sizes that are not known"


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


def _first_field(sight: Sight, axes: Mapping[str, tuple[int, ...]]) -> ReceptiveField | None:
    """The field relative to the first input that is seen."""
    for name, spatial in axes.items():
        tracks = [sight[name, a] for a in spatial if (name, a) in sight]
        if tracks:
            return ReceptiveField(name, tracks)
    return None


def _in_tree(group: Group) -> Iterator[int]:
    """Indices of the nodes in the order of the module tree: a module's own tensors before its children's.

    Of its own tensors the parameters come first, as torch lists them.
    """
    nodes = [child for _, child in group.children]
    own = [c for c in nodes if isinstance(c, Node) and c.op is not None and not c.op.inputs]
    yield from (node.index for node in sorted(own, key=lambda n: bool(n.op and n.op.buffers())))
    for child in nodes:
        if isinstance(child, Group):
            yield from _in_tree(child)
        elif child not in own:
            yield child.index


class Layer:
    """One layer of the report. Costs are None where `reasons` says why they cannot be known.

    `params` counts the tensors of this layer's own module that are not tied to others; FLOPs are 2 x MACs, as torch's
    counter has them, unless the report's conditions name another convention.
    """

    __slots__ = ("_report", "_work", "cost", "node")

    def __init__(self, node: Node, cost: Cost, report: Report) -> None:
        self.node = node
        self.cost = cost
        self._report = report
        self._work: Work | None = None

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
        """Floating-point operations as the convention of the report counts them."""
        if self._report.conditions.convention != "torch":
            return self.work.flops
        return None if self.cost.macs is None else 2 * self.cost.macs

    @property
    def work(self) -> Work:
        """What the layer costs beside parameters and MACs."""
        if self._work is None:
            from shapecalc.analysis.work import work_of

            self._work = work_of(self.node, self._report.conditions, self._report.memory)
        return self._work

    @property
    def operations(self) -> Mapping[str, Dim] | None:
        """Operations beside MACs by class, of a forward pass in inference."""
        return self.work.operations

    @property
    def operation_count(self) -> Dim | None:
        """All of them together."""
        return None if self.operations is None else sum(self.operations.values())

    @property
    def macs_backward_input(self) -> Dim | None:
        """Multiply-accumulates of the gradients of the inputs that need one."""
        return self.work.input_macs

    @property
    def macs_backward_weight(self) -> Dim | None:
        """Multiply-accumulates of the gradients of the weights."""
        return self.work.weight_macs

    @property
    def activation_bytes(self) -> Dim | None:
        return self.cost.activation_bytes

    @property
    def saved_bytes(self) -> Dim | None:
        """Bytes of what autograd keeps for this layer."""
        return self._report.memory.saved[self.node.index]

    @property
    def sight(self) -> Sight:
        """What its outputs see, by input name and input axis."""
        return self._report.sights[0][self.node.index]

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The field relative to the first input that the layer sees; None where it sees none."""
        return self._report.field_at(self.node.index)

    @property
    def reasons(self) -> dict[str, str]:
        """Why figures are None, by their name."""
        reasons = dict(self.cost.reasons)
        kept = self._report.memory.reasons
        if self.node.index in kept:
            reasons["saved_bytes"] = kept[self.node.index]
        if self._work is not None:
            reasons.update(self._work.reasons)
        field = self.receptive_field
        if field is not None and field.reason:
            reasons["receptive_field"] = field.reason
        return reasons


class Report:
    """All that is known of one spec. `ok` says that no diagnostic is an error or a warning.

    `graph` is None where the text cannot be read as a spec; then only `diagnostics` says anything. Fields, costs and
    memory are each a walk over the layers, made when somebody first asks: a check that shows none pays for none.
    """

    def __init__(
        self,
        source: Source,
        graph: Graph | None,
        diagnostics: list[Diagnostic],
        conditions: Conditions | None = None,
    ) -> None:
        self.source = source
        self.path = source.path
        self.graph = graph
        self.diagnostics = diagnostics
        self.conditions = conditions or Conditions()
        self.totals = Totals(self)
        self.legal: Legal | None = None
        self._fields: dict[int, ReceptiveField | None] = {}
        if graph is not None:
            self.legal, found = legal_sizes(graph)
            self.diagnostics += found
        self.diagnostics.sort(key=lambda d: (d.start, d.end, d.code))

    @property
    def ok(self) -> bool:
        return not any(d.severity in ("error", "warning") for d in self.diagnostics)

    @property
    def has_errors(self) -> bool:
        """Whether there is an error, so that no module can be made of it."""
        return any(d.severity == "error" for d in self.diagnostics)

    @property
    def name(self) -> str:
        return self.graph.spec.name if self.graph else ""

    @property
    def nodes(self) -> Sequence[Node]:
        return () if self.graph is None else self.graph.nodes

    @cached_property
    def layers(self) -> list[Layer]:
        """The layers in the order in which they run."""
        return [Layer(node, cost, self) for node, cost in zip(self.nodes, self.costs, strict=True)]

    @cached_property
    def costs(self) -> Sequence[Cost]:
        """The costs of each layer."""
        return [] if self.graph is None else costs_of(self.graph, self.conditions)

    @cached_property
    def memory(self) -> Memory:
        """What autograd keeps, and what inference holds."""
        from shapecalc.analysis.memory import Memory, memory_of

        return Memory() if self.graph is None else memory_of(self.graph, self.conditions)

    @cached_property
    def sights(self) -> tuple[Sequence[Sight], Mapping[str, tuple[int, ...]]]:
        """What the outputs of each layer see, and the spatial axes of each input."""
        from shapecalc.analysis.sight import sights

        return ([], {}) if self.graph is None else sights(self.graph)

    def field_at(self, index: int) -> ReceptiveField | None:
        """The receptive field of a layer; one object for all that see the same, as those that hand on what they see."""
        seen, axes = self.sights
        key = id(seen[index])
        if key not in self._fields:
            self._fields[key] = _first_field(seen[index], axes)
        return self._fields[key]

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
            if not (layer.buffers and name in layer.buffers and layer.node.op and layer.node.op.passing(name))
        }

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Why totals are None, by their name."""
        reasons: dict[str, str] = {}
        memory = self.memory
        if memory.peak is None:
            reason = "which layer holds most depends on sizes that are not known"
            reasons |= dict.fromkeys(("peak_activation_bytes", "peak_activation_layer"), reason)
        if memory.peak is None or not isinstance(memory.total, int) or not isinstance(self.totals.params, int):
            reasons["train_bytes"] = UNCOMPARED
        return reasons

    @property
    def lower_bounds(self) -> list[str]:
        """Names of the totals that leave something out, so that they are at least so much.

        `partial` holds those that the tables show.
        """
        return self.partial + self.totals.effort.partial

    @cached_property
    def partial(self) -> list[str]:
        counted, whole = self.totals.uncounted, self.memory.whole
        kept = ["saved_bytes"] * (not whole) + ["train_bytes"] * ("params" in counted or not whole)
        return counted + kept

    def leaves_out(self, figure: str) -> bool:
        """Whether a total of `partial` is at least so much; asks only for what the figure is made of."""
        return figure in (self.partial if figure in OF_MEMORY else self.totals.uncounted)

    def phases(self) -> Phases | None:
        """Bytes of the phases of one training step; None where that depends on sizes that are not known."""
        from shapecalc.analysis.training import training

        found = None if self.graph is None else training(self.graph, self.memory, self.conditions)
        if found is None:
            self.reasons["train_bytes"] = UNCOMPARED
        return found
