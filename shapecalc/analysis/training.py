"""Graph and what autograd keeps -> the peak of one training step: forward, backward and the optimizer's step.

The step is the one that every training loop makes: the gradients of the step before are gone, the optimizer's state is
there, inputs and outputs are held to the end, and every other value goes when nothing needs it any more. A loss that is
no layer of the network is left out but for the gradient that it sends back. Workspaces of kernels are not modelled, nor
what an operator that is made of others (Transformer) needs between its parts. Knows no operator and no torch.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import OPTIMIZERS
from shapecalc.analysis.memory import _last_uses
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.op import UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.costs import Conditions
    from shapecalc.analysis.memory import Memory, Storage
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Shape

    Key = tuple[int, str]

COUNTER = 4
"""Bytes of the step counter that Adam keeps for each parameter tensor."""


class Uncomparable(Exception):
    """Sizes are not known as numbers, so nobody can say which moment holds most."""


class Phases:
    """Bytes at the end of the forward pass, and the peaks of the phases of a step."""

    __slots__ = ("backward", "end", "forward", "step")

    def __init__(self, forward: int, end: int, backward: int, step: int) -> None:
        self.forward = forward
        self.end = end
        self.backward = backward
        self.step = step

    @property
    def peak(self) -> int:
        return max(self.forward, self.backward, self.step)


def training(graph: Graph, memory: Memory, conditions: Conditions) -> Phases | None:
    """Bytes of the phases of a training step; None where they depend on sizes that are not known."""
    if any(id(w) not in memory.storages or w.shape is None for w in (*graph.inputs, *graph.outputs)):
        return None
    try:
        tensors = Tensors(graph, conditions)
        forward, end = _forward(graph, memory)
        backward = _Backward(graph, memory, conditions, tensors, end).peak()
    except Uncomparable:
        return None
    held = sum(number(memory.sizes[s]) for s in _held(graph, memory))
    step = tensors.standing + held + sum(tensors.weights.values()) + tensors.passing
    return Phases(tensors.standing + forward, tensors.standing + end, tensors.standing + backward, step)


def number(size: Any) -> int:
    if isinstance(size, int):
        return size
    raise Uncomparable


class Tensors:
    """What stands in memory all the time: `weights` by (node, name), and in all with buffers and optimizer state."""

    __slots__ = ("passing", "standing", "weights")

    def __init__(self, graph: Graph, conditions: Conditions) -> None:
        owners = [n for n in graph.nodes if n.op is not None and n.owner is n]
        width = conditions.width("float32")
        self.weights: dict[Key, int] = {}
        buffers = 0
        for node in owners:
            for name, shape in _weights(node).items():
                if name not in node.ties:
                    self.weights[node.index, name] = _bytes(shape, width)
            assert node.op is not None
            for name, shape in node.op.buffers().items():
                buffers += _bytes(shape, conditions.width(node.op.buffer_dtype(name)))
        copies, made = OPTIMIZERS[conditions.optimizer]
        parameters = sum(self.weights.values())
        counters = COUNTER * len(self.weights) if copies == 2 else 0
        self.standing = parameters * (1 + copies) + counters + buffers
        sizes = list(self.weights.values())
        before = [0, *sizes[:-1]]
        # Adam's quotient for one tensor is let go of once that for the next one is made.
        self.passing = (
            max((made * size + last for size, last in zip(sizes, before, strict=True)), default=0) if made else 0
        )


def _weights(node: Node) -> Mapping[str, Shape]:
    """The weights by name; none where nobody stated them, which makes the whole a lower bound."""
    assert node.op is not None
    try:
        return node.op.weights()
    except UnknownFact:
        return {}


def _bytes(shape: Sequence[Any], width: int) -> int:
    return number(prod(shape)) * width


def _held(graph: Graph, memory: Memory) -> set[Storage]:
    """The storages of inputs and outputs, which the training loop holds; a learned tensor is a parameter already."""
    return {memory.storages[id(w)] for w in (*graph.inputs, *graph.outputs) if not w.free}


def _forward(graph: Graph, memory: Memory) -> tuple[int, int]:
    """The most that inputs, values still needed and kept tensors take, and what they take at the end."""
    last = _last_uses(graph, memory.storages)
    held = {memory.storages[id(w)] for w in graph.inputs}
    sizes: dict[Storage, int] = {storage: number(memory.sizes[storage]) for storage in held}
    live = peak = sum(sizes.values())
    for node, kept in zip(graph.nodes, memory.kept, strict=True):
        values = [memory.storages[id(w)] for w in node.outputs if not w.free]
        for storage, size in {**{s: memory.sizes[s] for s in values}, **kept}.items():
            if storage not in sizes:
                sizes[storage] = number(size)
                live += sizes[storage]
        held.update(kept)
        peak = max(peak, live)
        for storage in last.get(node.index, ()):
            if storage not in held:
                live -= sizes.get(storage, 0)
    return peak, live


class _Backward:
    """The gradients, from the last layer to the first: `live` bytes now; `holders` counts who needs a gradient."""

    def __init__(self, graph: Graph, memory: Memory, conditions: Conditions, tensors: Tensors, live: int) -> None:
        self.graph = graph
        self.memory = memory
        self.conditions = conditions
        self.tensors = tensors
        self.live = self.most = live
        self.gradients: dict[int, list[int]] = {}
        self.done: set[Key] = set()
        self.last = self._last_kept()

    def _last_kept(self) -> dict[Storage, int]:
        """The first node that keeps a storage, which is the last to let go of it."""
        first: dict[Storage, int] = {}
        held = _held(self.graph, self.memory)
        for index, kept in enumerate(self.memory.kept):
            for storage in kept:
                if storage not in held:
                    first.setdefault(storage, index)
        return first

    def peak(self) -> int:
        for wire in dict.fromkeys(self.graph.outputs):
            if self.learns(wire):
                self.gradients[id(wire)] = self.fresh(wire)
                self.touch()
        for node in reversed(self.graph.nodes):
            self.through(node)
        return self.most

    def learns(self, wire: Wire) -> bool:
        return wire.dtype in FLOATS and id(wire) in self.memory.learning

    def fresh(self, wire: Wire) -> list[int]:
        """A new gradient: its bytes and the number of those who hold it."""
        size = number(self.conditions.bytes_of(wire))
        self.live += size
        return [size, 1]

    def touch(self, passing: int = 0) -> None:
        self.most = max(self.most, self.live + passing)

    def release(self, gradient: list[int]) -> None:
        gradient[1] -= 1
        if gradient[1] == 0:
            self.live -= gradient[0]

    def through(self, node: Node) -> None:
        """One layer's backward: gradients of its inputs and weights beside those of its outputs and what was kept."""
        arriving = [g for g in (self.gradients.pop(id(w), None) for w in node.outputs) if g is not None]
        if not arriving:
            return None
        if not node.inputs:
            return self.settle(node, arriving)
        made = self.made(node, arriving[0])
        passing = self.weigh(node)
        self.touch(passing)
        for gradient in arriving:
            self.release(gradient)
        self.live -= sum(number(n) for s, n in self.memory.kept[node.index].items() if self.last.get(s) == node.index)
        for wire, gradient in made:
            self.arrive(wire, gradient)
        return None

    def settle(self, node: Node, arriving: list[list[int]]) -> None:
        """A learned tensor: the gradient that arrives is the parameter's own, and stays."""
        self.done.update((node.index, name) for name in _weights(node))

    def made(self, node: Node, gradient: list[int]) -> list[tuple[Wire, list[int]]]:
        """The gradient of each input that learns; one that is handed on is held once more."""
        assert node.op is not None
        xs: Any = [None if w is None else w.shape for w in node.inputs]
        ys: Any = [w.shape for w in node.outputs]
        made = []
        for wire, handed in zip(node.inputs, node.op.hands_on(xs, ys), strict=True):
            if wire is None or not self.learns(wire):
                continue
            if handed:
                gradient[1] += 1
            made.append((wire, gradient if handed else self.fresh(wire)))
        return made

    def weigh(self, node: Node) -> int:
        """Adds the gradients of the weights that have none yet; returns the bytes of those that join an older one."""
        passing = 0
        owner = node.owner
        for name in _weights(node):
            tied = owner.ties.get(name)
            key = (owner.index, name) if tied is None else (tied[0].index, tied[1])
            size = self.tensors.weights.get(key, 0)
            if key in self.done:
                passing += size
            else:
                self.live += size
                self.done.add(key)
        return passing

    def arrive(self, wire: Wire, gradient: list[int]) -> None:
        """A gradient joins those from other uses of the value: added in place where nobody else holds the older."""
        older = self.gradients.get(id(wire))
        if older is None:
            self.gradients[id(wire)] = gradient
            return
        if older[1] > 1:
            total = self.fresh(wire)
            self.touch()
            self.gradients[id(wire)] = total
            self.release(older)
        self.release(gradient)
