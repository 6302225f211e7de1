"""A layer of a report -> the workings of its figures under the report's conditions; knows no text.

Every answer is the report's own number: a working that came to another would be thrown away by the trace.
"""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.memory import memory_of
from shapecalc.dims.sym import Sym, bind
from shapecalc.explain.field import fields
from shapecalc.explain.steps import Working
from shapecalc.explain.trace import Trace, batch_axis
from shapecalc.explain.traced import named
from shapecalc.ops.op import UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.memory import Memory, Storage
    from shapecalc.analysis.report import Layer, Report
    from shapecalc.dims.sym import Dim
    from shapecalc.explain.field import AxisField
    from shapecalc.graph.graph import Node
    from shapecalc.ops.op import Operator, Shape


class Explained:
    """A report whose layers are explained; what belongs to the whole is worked out once."""

    def __init__(self, report: Report) -> None:
        assert report.graph is not None
        self.report = report
        self.graph = report.graph

    @cached_property
    def memory(self) -> Memory:
        return memory_of(self.graph, self.report.conditions)

    def layer(self, node: Node) -> LayerWork:
        return LayerWork(self, node)


class Held:
    """A tensor that autograd keeps: whose it is, its bytes, and the layer that has been counted with it already."""

    __slots__ = ("bytes", "earlier", "owner")

    def __init__(self, owner: str, bytes: Dim, earlier: str) -> None:
        self.owner = owner
        self.bytes = bytes
        self.earlier = earlier


class LayerWork:
    """The workings of one layer whose operator and shapes are known (`whole` says so)."""

    def __init__(self, explained: Explained, node: Node) -> None:
        self.explained = explained
        self.node = node
        self.layer: Layer = explained.report.layers[node.index]

    @property
    def whole(self) -> bool:
        wires = [w for w in (*self.node.inputs, *self.node.outputs) if w is not None]
        return self.node.op is not None and bool(self.node.outputs) and all(w.shape is not None for w in wires)

    @cached_property
    def trace(self) -> Trace:
        assert self.node.op is not None
        return Trace(self._sized(self.node.op), self.shapes, self._batch())

    def _sized(self, op: Operator) -> Operator:
        """The operator with the batch size put into its arguments, where one names it."""
        values = self.explained.report.conditions.values
        given = {name: _bound(value, values) for name, value in op.given.items()}
        changed = any(given[name] is not value for name, value in op.given.items())
        return type(op)(given, *self.shapes) if changed else op  # type: ignore[arg-type]

    @property
    def shapes(self) -> list[Shape | None]:
        """What arrives, with the batch size put in."""
        sized = self.explained.report.conditions.sized
        return [None if w is None or w.shape is None else sized(w.shape) for w in self.node.inputs]

    def _batch(self) -> int | None:
        wire = self.node.inputs[0] if self.node.inputs else None
        return None if wire is None else batch_axis(wire.shape)

    def sizes(self) -> list[list[Working]]:
        """The sizes of each output, axis by axis."""
        sized = self.explained.report.conditions.sized
        return [self._sizes(n, sized(wire.shape)) for n, wire in enumerate(self.node.outputs) if wire.shape is not None]

    def _sizes(self, number: int, shape: Shape) -> list[Working]:
        """As traced; without formulas where the batch size, put in, makes another layer of it (chunks of a batch)."""
        found = self.trace.sizes(number)
        if [w.answer for w in found] == list(shape):
            return found
        return [Working(f"axis {a}", size, self.trace.unformulated) for a, size in enumerate(shape)]

    def tensors(self) -> Mapping[str, tuple[Working, Shape]] | None:
        """Values of each parameter by name; empty where another layer's module is called, None where unknown."""
        if self.node.owner is not self.node:
            return {}
        try:
            return self.trace.tensors()
        except UnknownFact:
            return None

    def params(self) -> Working:
        """All parameters of the layer's own module; of tied ones a sum without a formula."""
        params = self.layer.params
        if params is None:
            return Working("params", None, self.layer.reasons.get("params", ""))
        if self.node.owner is not self.node or self.node.ties:
            return Working("params", params, "tied")
        return self.trace.params()

    def macs(self) -> Working:
        if self.layer.macs is None:
            return Working("macs", None, self.layer.reasons.get("macs", ""))
        return self.trace.macs()

    def fields(self) -> list[AxisField]:
        return fields(self.explained.report, self.layer, self.trace)

    def output_bytes(self) -> Working:
        """Bytes of all outputs: values times bytes of each."""
        conditions, trace = self.explained.report.conditions, self.trace
        widths = [conditions.width(w.dtype) for w in self.node.outputs]

        def rule() -> Any:
            words = [trace.letters.named(["b"], width, "bytes") for width in widths]
            return sum(prod(y) * b for y, b in zip(trace.ys, words, strict=True))

        return trace.working("bytes", rule, self.layer.activation_bytes)

    def held(self) -> list[Held]:
        """What autograd keeps for the backward pass, each storage with the layer that holds it."""
        memory, index = self.explained.memory, self.node.index
        found = []
        for storage, size in memory.kept[index].items():
            earlier = next((n for n in range(index) if storage in memory.kept[n]), None)
            named_by = "" if earlier is None else self.explained.graph.nodes[earlier].path
            found.append(Held(self._owner(storage), size, named_by))
        return found

    def _owner(self, storage: Storage) -> str:
        if isinstance(storage, tuple):
            return ""
        return storage.node.path if storage.node else storage.name


def _bound(value: Any, values: Mapping[str, int]) -> Any:
    """An argument with sizes put in; the same object where it names none of them."""
    if isinstance(value, Sym):
        return bind(value, values)
    if isinstance(value, tuple) and any(isinstance(v, Sym) for v in value):
        return type(value)(_bound(v, values) for v in value)
    return value


def sum_of(quantity: str, parts: Sequence[tuple[str, Any]]) -> Working:
    """The working of a total: its parts, named."""
    from shapecalc.explain.traced import Journal

    journal = Journal()
    return Working(quantity, sum(named(name, value, journal) for name, value in parts))
