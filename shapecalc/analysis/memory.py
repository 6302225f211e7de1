"""Graph -> memory: what autograd keeps for backward, and the peak of live activations in inference.

Tensors are counted as storages: a view or an in-place result shares the storage of its input. What eager torch adds
(workspaces, tensors that a Python local keeps alive) is not modelled; the peak is a lower bound for it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import BROKEN
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.op import Arrival, UnknownFact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.costs import Conditions
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Kept, Lie, Operator

Storage = tuple[int, Any]
"""Identity of a storage: (node index, output) of the wire that first held it, or (-1, input name)."""


class Memory:
    """`saved[i]`: bytes that node i keeps for backward, None where unknown; `total`, each storage counted once.

    `kept[i]`: the storages that node i keeps, with their bytes; `storages`: that of each wire by its id; `sizes`: bytes
    of those; `lies`: strides of the wires that do not lie in order; `learning`: ids of the wires that a gradient flows
    back through.
    """

    __slots__ = (
        "kept",
        "learning",
        "lies",
        "own",
        "peak",
        "peak_layer",
        "reasons",
        "saved",
        "sizes",
        "storages",
        "total",
        "whole",
    )

    def __init__(self) -> None:
        self.kept: list[dict[Storage, Dim]] = []
        self.storages: dict[int, Storage] = {}
        self.sizes: dict[Storage, Dim] = {}
        self.own: set[Storage] = set()
        self.lies: dict[int, Lie] = {}
        self.learning: set[int] = set()
        self.saved: list[Dim | None] = []
        self.reasons: dict[int, str] = {}
        self.total: Dim = 0
        self.whole = True
        self.peak: Dim | None = 0
        self.peak_layer = ""


def memory_of(graph: Graph, conditions: Conditions) -> Memory:
    """What the network keeps and holds under the conditions (training mode for what is kept)."""
    memory = Memory()
    for wire in graph.inputs:
        _hold(memory, wire, (-1, wire.name), conditions)
    kept: dict[Storage, Dim] = {}
    known: dict[Any, Sequence[Kept]] = {}
    for node in graph.nodes:
        try:
            found = _run(node, memory, conditions, known)
        except UnknownFact as unknown:
            _note(node, memory, str(unknown), conditions)
            continue
        memory.saved.append(sum(found.values()))
        memory.kept.append(found)
        kept.update(found)
    memory.total = sum(kept.values())
    _live(graph, memory.storages, conditions, memory)
    return memory


def _note(node: Node, memory: Memory, reason: str, conditions: Conditions) -> None:
    """What a node keeps is not known; its outputs hold memory of their own nevertheless."""
    memory.saved.append(None)
    memory.kept.append({})
    memory.reasons[node.index] = reason
    memory.whole = False
    for wire in node.outputs:
        if id(wire) not in memory.storages:
            _hold(memory, wire, (node.index, wire.index), conditions)


def _hold(memory: Memory, wire: Wire, storage: Storage, conditions: Conditions) -> None:
    memory.storages[id(wire)] = storage
    if storage not in memory.sizes and wire.shape is not None:
        memory.sizes[storage] = conditions.bytes_of(wire)
    if wire.free and wire.node is not None and not wire.node.inputs:
        memory.own.add(storage)


def _run(node: Node, memory: Memory, conditions: Conditions, known: dict[Any, Sequence[Kept]]) -> dict[Storage, Dim]:
    """Place the outputs of a node in memory; the storages that it keeps, with their bytes."""
    op = node.op
    if op is None or _unknown(node.inputs) or _unknown(node.outputs):
        raise UnknownFact(BROKEN)
    arrival = _arrival(node, memory, conditions)
    _place(node, op, arrival, memory, conditions)
    if not (True in arrival.learns or op.weights()):
        return {}  # nothing is kept where no gradient flows
    memory.learning.update(id(wire) for wire in node.outputs if wire.dtype in FLOATS)
    key = (id(op), *arrival.learns, *arrival.lies)
    tensors = known.get(key)
    if tensors is None:
        tensors = known[key] = op.kept_of(arrival)
    return _storages(node, tensors, arrival, memory, conditions)


def _arrival(node: Node, memory: Memory, conditions: Conditions) -> Arrival:
    xs: Any = [None if w is None else conditions.sized(w.shape) for w in node.inputs]  # type: ignore[arg-type]
    ys: Any = [conditions.sized(w.shape) for w in node.outputs]  # type: ignore[arg-type]
    lies = [memory.lies.get(id(wire)) for wire in node.inputs]
    return Arrival(xs, ys, lies, [id(wire) in memory.learning for wire in node.inputs])


def _place(node: Node, op: Operator, arrival: Arrival, memory: Memory, conditions: Conditions) -> None:
    """Give each output its storage, that of the first input where it is a view, and note how it lies."""
    shares = bool(node.inputs) and op.shares(arrival)
    for wire in node.outputs:
        storage = memory.storages[id(node.inputs[0])] if shares else (node.index, wire.index)
        _hold(memory, wire, storage, conditions)
    memory.lies.update(
        (id(wire), lie) for wire, lie in zip(node.outputs, op.lies(arrival), strict=False) if lie is not None
    )


def _storages(
    node: Node, tensors: Sequence[Kept], arrival: Arrival, memory: Memory, conditions: Conditions
) -> dict[Storage, Dim]:
    found: dict[Storage, Dim] = {}
    for number, tensor in enumerate(tensors):
        if tensor.when is not None and not any(arrival.learns[n] for n in tensor.when):
            continue
        if tensor.what == "new":
            width = tensor.width or conditions.width("float32")
            found[node.index, f"new {number}"] = prod(tensor.shape) * width
            continue
        wire = (node.inputs if tensor.what == "input" else node.outputs)[tensor.index]
        storage = memory.storages[id(wire)]
        if wire is not None and storage not in memory.own:
            found[storage] = memory.sizes[storage]
    return found


def _unknown(wires: Sequence[Wire | None]) -> bool:
    return any(wire is not None and wire.shape is None for wire in wires)


def _live(graph: Graph, storages: dict[int, Storage], conditions: Conditions, memory: Memory) -> None:
    """The peak of live storages when each is freed after its last use; None where sizes cannot be compared."""
    if any(w.shape is None for n in graph.nodes for w in n.outputs) or any(w.shape is None for w in graph.inputs):
        memory.peak = None
        return
    last = _last_uses(graph, storages)
    sizes: dict[Storage, Dim] = {}
    live: Dim = 0
    for wire in graph.inputs:
        sizes[storages[id(wire)]] = memory.sizes[storages[id(wire)]]
    live = sum(sizes.values())
    peak, where = live, ""
    for node in graph.nodes:
        for wire in node.outputs:
            key = storages[id(wire)]
            if key not in sizes:
                sizes[key] = memory.sizes[key]
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
