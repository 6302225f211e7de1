"""Graph -> costs: parameters by name, multiply-accumulates and bytes of every layer, for one batch size and dtype.

A cost that nobody states is None with a reason; a total that leaves one out is a lower bound.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import bind
from shapecalc.ops.dtypes import FLOATS, WIDTHS
from shapecalc.ops.op import UnknownFact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Shape

BROKEN = "a mistake in the spec leaves it unknown"


DTYPES = ("float32", "float16", "bfloat16", "float64")
OPTIMIZERS = {"sgd": (0, 0), "momentum": (1, 0), "adam": (2, 2), "adamw": (2, 2)}
"""Copies of the parameters that each optimizer keeps between steps; copies of the largest one that a step makes."""
CONVENTIONS = ("torch", "macs", "fvcore", "ptflops", "all")
"""What may be counted as FLOPs; `docs/costs.md` tells them apart."""


class Conditions:
    """What counts and bytes are stated for: batch size, dtype of floating-point tensors, optimizer, and convention.

    Raises ValueError for one that is not known.
    """

    __slots__ = ("_bytes", "_sized", "batch", "convention", "dtype", "optimizer", "values")

    def __init__(
        self, batch: int = 1, dtype: str = "float32", optimizer: str = "sgd", convention: str = "torch"
    ) -> None:
        _check("dtype", dtype, DTYPES)
        _check("optimizer", optimizer, OPTIMIZERS)
        _check("convention", convention, CONVENTIONS)
        if batch < 1:
            raise ValueError(f"a batch size of at least 1 is due, not {batch}")
        self.batch = batch
        self.dtype = dtype
        self.optimizer = optimizer
        self.convention = convention
        self.values = {"N": batch}
        self._sized: dict[Shape, Shape] = {}
        self._bytes: dict[Any, Dim] = {}

    @property
    def usual(self) -> bool:
        """Whether these are the conditions that hold where nothing is said."""
        return (self.batch, self.dtype, self.optimizer, self.convention) == (1, "float32", "sgd", "torch")

    def sized(self, shape: Shape) -> Shape:
        """The shape with the batch size put in."""
        found = self._sized.get(shape)
        if found is None:
            found = self._sized[shape] = tuple(bind(size, self.values) for size in shape)
        return found

    def width(self, dtype: str) -> int:
        """Bytes of one element."""
        return WIDTHS[self.dtype if dtype in FLOATS else dtype]

    def bytes_of(self, wire: Wire) -> Dim:
        """Bytes of a value whose shape is known."""
        key = wire.shape, wire.dtype
        found = self._bytes.get(key)
        if found is None:
            assert wire.shape is not None
            found = self._bytes[key] = prod(self.sized(wire.shape)) * self.width(wire.dtype)
        return found


def _check(what: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(f"no {what} {value!r}; there are {', '.join(known)}")


class Cost:
    """The costs of one node. `weights` and `buffers` are own tensors by name; `params` counts those not tied."""

    __slots__ = ("activation_bytes", "buffer_elements", "buffers", "macs", "params", "reasons", "weights")

    def __init__(self) -> None:
        self.weights: Mapping[str, Shape] | None = {}
        self.buffers: Mapping[str, Shape] | None = {}
        self.params: Dim | None = 0
        self.buffer_elements: Dim | None = 0
        self.macs: Dim | None = None
        self.activation_bytes: Dim | None = None
        self.reasons: dict[str, str] = {}


def costs_of(graph: Graph, conditions: Conditions) -> list[Cost]:
    """The costs of every node under the conditions; nodes that share an operator share the object."""
    key = "cost", conditions.batch, conditions.dtype
    costs: list[Cost] = graph.facts.setdefault(key, [])
    mistaken = bool(graph.diagnostics)
    for node in graph.nodes[len(costs) :]:
        op = node.op
        if op is None or node.owner is not node or node.ties or (mistaken and _spoilt(node)):
            costs.append(cost_of(node, conditions))
            continue
        cost = op.notes.get(key)
        if cost is None:
            cost = op.notes[key] = cost_of(node, conditions)
        costs.append(cost)
    return costs


def _spoilt(node: Node) -> bool:
    """Whether a mistake keeps a node from giving anything, though its operator, which others may share, is right."""
    return not node.outputs or any(w.shape is None for w in node.outputs)


def cost_of(node: Node, conditions: Conditions) -> Cost:
    """The costs of a node under the conditions."""
    cost = Cost()
    if node.op is None or _spoilt(node):
        cost.weights = cost.buffers = cost.params = cost.buffer_elements = None
        cost.reasons = dict.fromkeys(("params", "macs", "flops", "activation_bytes"), BROKEN)
        return cost
    if node.owner is node:
        _own_tensors(node, cost)
    xs: Any = [None if w is None or w.shape is None else conditions.sized(w.shape) for w in node.inputs]
    ys: Any = [conditions.sized(w.shape) for w in node.outputs if w.shape is not None]
    cost.macs = node.op.macs(xs, ys)
    if cost.macs is None:
        cost.reasons["macs"] = cost.reasons["flops"] = f"{node.op_name} does not state its multiply-accumulates"
    cost.activation_bytes = sum(conditions.bytes_of(w) for w in node.outputs)
    return cost


def _own_tensors(node: Node, cost: Cost) -> None:
    assert node.op is not None
    try:
        cost.weights = node.op.weights()
        cost.buffers = node.op.buffers()
    except UnknownFact as unknown:
        cost.weights = cost.params = None
        cost.reasons["params"] = str(unknown)
        return
    if cost.weights:
        cost.params = sum(prod(shape) for name, shape in cost.weights.items() if name not in node.ties)
    if cost.buffers:
        cost.buffer_elements = sum(prod(shape) for shape in cost.buffers.values())


def total(values: list[Dim | None]) -> tuple[Dim, bool]:
    """The sum of what is known, and whether something is missing from it."""
    known = [v for v in values if v is not None]
    return sum(known), len(known) < len(values)
