"""Graph -> memory: what autograd keeps for backward, and the peak of live activations in inference.

Tensors are counted as storages: a view or an in-place result shares the storage of its input. What eager torch adds
(workspaces, tensors that a Python local keeps alive) is not modelled; the peak is a lower bound for it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import BROKEN
from shapecalc.ops.op import UnknownFact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.costs import Conditions
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Kept

Storage = tuple[int, Any]
"""Identity of a storage: (node index, output) of the wire that first held it, or (-1, input name)."""


class Memory:
    """`saved[i]`: bytes that node i keeps for backward, None where unknown; `total`, each storage counted once."""

    __slots__ = ("peak", "peak_layer", "reasons", "saved", "total", "whole")

    def __init__(self) -> None:
        self.saved: list[Dim | None] = []
        self.reasons: dict[int, str] = {}
        self.total: Dim = 0
        self.whole = True
        self.peak: Dim | None = 0
        self.peak_layer = ""


def memory_of(graph: Graph, conditions: Conditions) -> Memory:
    """What the network keeps and holds under the conditions (training mode for what is kept)."""
    memory = Memory()
    storages: dict[int, Storage] = {id(wire): (-1, wire.name) for wire in graph.inputs}
    kept: dict[Storage, Dim] = {}
    learning: set[int] = set()
    known: dict[int, Sequence[Kept]] = {}
    for node in graph.nodes:
        _place(node, storages)
        try:
            found = _kept(node, storages, learning, conditions, known)
        except UnknownFact as unknown:
            memory.saved.append(None)
            memory.reasons[node.index] = str(unknown)
            memory.whole = False
            continue
        memory.saved.append(sum(found.values()))
        kept.update(found)
    memory.total = sum(kept.values())
    _live(graph, storages, conditions, memory)
    return memory


def _place(node: Node, storages: dict[int, Storage]) -> None:
    """Give each output its storage: a view that of the first input."""
    shares = node.op is not None and node.op.view and node.inputs and node.inputs[0] is not None
    for i, wire in enumerate(node.outputs):
        storages[id(wire)] = storages[id(node.inputs[0])] if shares else (node.index, i)


def _kept(
    node: Node,
    storages: dict[int, Storage],
    learning: set[int],
    conditions: Conditions,
    known: dict[int, Sequence[Kept]],
) -> dict[Storage, Dim]:
    """The storages that a node keeps, with their bytes; nothing where no gradient flows through it."""
    op = node.op
    if op is None or _unknown(node.inputs) or _unknown(node.outputs):
        raise UnknownFact(BROKEN)
    if learning.isdisjoint(map(id, node.inputs)) and not op.weights():
        return {}
    learning.update(map(id, node.outputs))
    tensors = known.get(id(op))
    if tensors is None:
        tensors = known[id(op)] = _saved(node, conditions)
    found: dict[Storage, Dim] = {}
    for number, tensor in enumerate(tensors):
        if tensor.what == "new":
            width = tensor.width or conditions.width("float32")
            found[(node.index, f"new {number}")] = prod(tensor.shape) * width
            continue
        wire = (node.inputs if tensor.what == "input" else node.outputs)[tensor.index]
        if wire is not None and not wire.free:
            found[storages[id(wire)]] = conditions.bytes_of(wire)
    return found


def _unknown(wires: Sequence[Wire | None]) -> bool:
    return any(wire is not None and wire.shape is None for wire in wires)


def _saved(node: Node, conditions: Conditions) -> Sequence[Kept]:
    xs: Any = [None if w is None else conditions.sized(w.shape) for w in node.inputs]  # type: ignore[arg-type]
    ys: Any = [conditions.sized(w.shape) for w in node.outputs]  # type: ignore[arg-type]
    assert node.op is not None
    return node.op.saved(xs, ys)


def _live(graph: Graph, storages: dict[int, Storage], conditions: Conditions, memory: Memory) -> None:
    """The peak of live storages when each is freed after its last use; None where sizes cannot be compared."""
    if any(w.shape is None for n in graph.nodes for w in n.outputs) or any(w.shape is None for w in graph.inputs):
        memory.peak = None
        return
    last = _last_uses(graph, storages)
    sizes: dict[Storage, Dim] = {}
    live: Dim = 0
    for wire in graph.inputs:
        sizes[storages[id(wire)]] = conditions.bytes_of(wire)
    live = sum(sizes.values())
    peak, where = live, ""
    for node in graph.nodes:
        for wire in node.outputs:
            key = storages[id(wire)]
            if key not in sizes:
                sizes[key] = conditions.bytes_of(wire)
                live += sizes[key]
        if not isinstance(live, int) or not isinstance(peak, int):
            memory.peak = None
            return
        if live > peak:
            peak, where = live, node.path
        for key in last.get(node.index, ()):
            live -= sizes.get(key, 0)
    memory.peak, memory.peak_layer = peak, where


def _last_uses(graph: Graph, storages: dict[int, Storage]) -> dict[int, list[Storage]]:
    """Which storages are free after which node: after the last node that reads or makes them; outputs never."""
    last: dict[Storage, int] = {}
    for node in graph.nodes:
        for wire in (*node.inputs, *node.outputs):
            if wire is not None:
                last[storages[id(wire)]] = node.index
    for wire in graph.outputs:
        last.pop(storages.get(id(wire), (-2, "")), None)
    freed: dict[int, list[Storage]] = {}
    for key, index in last.items():
        freed.setdefault(index, []).append(key)
    return freed
