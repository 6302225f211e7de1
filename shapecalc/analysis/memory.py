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
    from shapecalc.ops.op import Lie, Operator

    Storage = Wire | tuple[int, str]
    """What tells storages apart: the wire that first held it, or the node that keeps a tensor which is no wire."""


class Memory:
    """`saved[i]`: bytes that node i keeps for backward, None where unknown; `total`, each storage counted once.

    `kept[i]`: the storages that node i keeps, with their bytes; `storages`: that of each wire; `sizes`: bytes of those;
    `lies`: strides of the wires that do not lie in order; `learning`: the wires that a gradient flows back through;
    `freed`: the storages that nobody needs after a node, by its index, where all shapes are known.
    """

    __slots__ = (
        "freed",
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
        self.storages: dict[Wire, Storage] = {}
        self.sizes: dict[Storage, Dim] = {}
        self.own: set[Storage] = set()
        self.lies: dict[Wire | None, Lie] = {}
        self.learning: set[Wire | None] = set()
        self.saved: list[Dim | None] = []
        self.reasons: dict[int, str] = {}
        self.total: Dim = 0
        self.whole = True
        self.peak: Dim | None = 0
        self.peak_layer = ""
        self.freed: dict[int, list[Storage]] = {}


class _Course:
    """What becomes of inputs that lie and learn so at an operator: worked out once, as most layers are like others."""

    __slots__ = ("_arrival", "_kept", "learns", "lies", "op", "shares")

    def __init__(self, op: Operator, arrival: Arrival) -> None:
        self.op = op
        self._arrival = arrival
        self._kept: tuple[list[tuple[bool, int]], list[tuple[str, Dim]]] | None = None
        self.shares = bool(arrival.xs) and op.shares(arrival)
        lies = op.lies(arrival)
        self.lies = lies if any(lie is not None for lie in lies) else ()
        self.learns = True in arrival.learns or bool(op.weights())

    def kept(self, conditions: Conditions) -> tuple[list[tuple[bool, int]], list[tuple[str, Dim]]]:
        """What autograd keeps: values, as (whether of the inputs, index), and the bytes of new tensors, each named.

        Raises UnknownFact.
        """
        if self._kept is None:
            values, new = [], []
            for number, tensor in enumerate(self.op.kept_of(self._arrival)):
                if tensor.when is not None and not any(self._arrival.learns[n] for n in tensor.when):
                    continue
                if tensor.what == "new":
                    width = tensor.width or conditions.width("float32")
                    new.append((f"new {number}", prod(tensor.shape) * width))
                else:
                    values.append((tensor.what == "input", tensor.index))
            self._kept = values, new
        return self._kept


def memory_of(graph: Graph, conditions: Conditions) -> Memory:
    """What the network keeps and holds under the conditions (training mode for what is kept)."""
    memory = Memory()
    for wire in graph.inputs:
        _hold(memory, wire, wire, conditions)
    kept: dict[Storage, Dim] = {}
    known: dict[Any, _Course] = {}
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
    _live(graph, memory)
    return memory


def _note(node: Node, memory: Memory, reason: str, conditions: Conditions) -> None:
    """What a node keeps is not known; its outputs hold memory of their own nevertheless."""
    memory.saved.append(None)
    memory.kept.append({})
    memory.reasons[node.index] = reason
    memory.whole = False
    for wire in node.outputs:
        if wire not in memory.storages:
            _hold(memory, wire, wire, conditions)


def _hold(memory: Memory, wire: Wire, storage: Storage, conditions: Conditions) -> None:
    memory.storages[wire] = storage
    if storage not in memory.sizes and wire.shape is not None:
        memory.sizes[storage] = conditions.bytes_of(wire)
    if wire.free and wire.node is not None and not wire.node.inputs:
        memory.own.add(storage)


def _run(node: Node, memory: Memory, conditions: Conditions, known: dict[Any, _Course]) -> dict[Storage, Dim]:
    """Place the outputs of a node in memory; the storages that it keeps, with their bytes."""
    op = node.op
    if op is None or _unknown(node.inputs) or _unknown(node.outputs):
        raise UnknownFact(BROKEN)
    learning, laid = memory.learning, memory.lies
    learns = [wire in learning for wire in node.inputs]
    lies = [laid.get(wire) for wire in node.inputs]
    key = (id(op), *learns, *lies)
    course = known.get(key)
    if course is None:
        course = known[key] = _Course(op, _arrival(node, conditions, learns, lies))
    _place(node, course, memory, conditions)
    if not course.learns:
        return {}  # nothing is kept where no gradient flows
    learning.update([wire for wire in node.outputs if wire.dtype in FLOATS])
    return _storages(node, course, memory, conditions)


def _arrival(node: Node, conditions: Conditions, learns: Sequence[bool], lies: Sequence[Lie]) -> Arrival:
    xs: Any = [None if w is None else conditions.sized(w.shape) for w in node.inputs]  # type: ignore[arg-type]
    ys: Any = [conditions.sized(w.shape) for w in node.outputs]  # type: ignore[arg-type]
    return Arrival(xs, ys, lies, learns)


def _place(node: Node, course: _Course, memory: Memory, conditions: Conditions) -> None:
    """Give each output its storage, that of the first input where it is a view, and note how it lies."""
    first = node.inputs[0] if course.shares else None
    for wire in node.outputs:
        _hold(memory, wire, wire if first is None else memory.storages[first], conditions)
    for wire, lie in zip(node.outputs, course.lies, strict=False):
        if lie is not None:
            memory.lies[wire] = lie


def _storages(node: Node, course: _Course, memory: Memory, conditions: Conditions) -> dict[Storage, Dim]:
    found: dict[Storage, Dim] = {}
    values, new = course.kept(conditions)
    for taken, index in values:
        wire = (node.inputs if taken else node.outputs)[index]
        if wire is None:
            continue
        storage = memory.storages[wire]
        if storage not in memory.own:
            found[storage] = memory.sizes[storage]
    for name, size in new:
        found[node.index, name] = size
    return found


def _unknown(wires: Sequence[Wire | None]) -> bool:
    for wire in wires:  # noqa: SIM110 - a generator costs more, and this is asked twice of each layer
        if wire is not None and wire.shape is None:
            return True
    return False


def _live(graph: Graph, memory: Memory) -> None:
    """The peak of live storages when each is freed after its last use; None where sizes cannot be compared."""
    if _unknown(graph.inputs) or any(node.op is None or _unknown(node.outputs) for node in graph.nodes):
        memory.peak = None
        return
    storages, sizes = memory.storages, memory.sizes
    memory.freed = freed = _freed(graph, storages)
    made = {storages[wire] for wire in graph.inputs}
    live: Dim = sum(sizes[key] for key in made)
    peak, where = live, ""
    for node in graph.nodes:
        for wire in node.outputs:
            key = storages[wire]
            if key not in made:
                made.add(key)
                live += sizes[key]
        if not isinstance(live, int) or not isinstance(peak, int):
            memory.peak = None
            return
        if live > peak:
            peak, where = live, node.path
        for key in freed.get(node.index, ()):
            live -= sizes[key]
    memory.peak, memory.peak_layer = peak, where


def _freed(graph: Graph, storages: dict[Wire, Storage]) -> dict[int, list[Storage]]:
    """Which storages are free after which node: after the last node that reads or makes them; outputs never."""
    last: dict[Storage, int] = {}
    for node in graph.nodes:
        for wire in node.inputs:
            if wire is not None:
                last[storages[wire]] = node.index
        for wire in node.outputs:
            last[storages[wire]] = node.index
    for wire in graph.outputs:
        last.pop(storages.get(wire, wire), None)
    freed: dict[int, list[Storage]] = {}
    for key, index in last.items():
        freed.setdefault(index, []).append(key)
    return freed
