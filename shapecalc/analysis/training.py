"""Graph and what autograd keeps -> the peak of one training step: forward, backward and the optimizer's step.

The step is the one that every training loop makes: the gradients of the step before are gone, the optimizer's state is
there, inputs and outputs are held to the end, and every other value goes when nothing needs it any more. A loss that is
no layer of the network is left out but for the gradient that it sends back. Workspaces of kernels are not modelled, nor
what an operator that is made of others (Transformer) needs between its parts. Knows no operator and no torch.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import OPTIMIZERS
from shapecalc.ops.op import UnknownFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.costs import Conditions
    from shapecalc.analysis.memory import Memory, Storage
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Operator

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
    ends = (*graph.inputs, *graph.outputs)
    if memory.peak is None or any(w not in memory.storages or w.shape is None for w in ends):
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

    __slots__ = ("_buffers", "_known", "conditions", "passing", "standing", "weights")

    def __init__(self, graph: Graph, conditions: Conditions) -> None:
        self.conditions = conditions
        self.weights: dict[Key, int] = {}
        self._known: dict[int, Mapping[str, int]] = {}
        self._buffers: dict[int, int] = {}
        buffers = 0
        for node in graph.nodes:
            if node.op is None or node.owner is not node:
                continue
            for name, size in self.of(node).items():
                if name not in node.ties:
                    self.weights[node.index, name] = size
            buffers += self.buffers_of(node.op)
        copies, made = OPTIMIZERS[conditions.optimizer]
        parameters = sum(self.weights.values())
        counters = COUNTER * len(self.weights) if copies == 2 else 0
        self.standing = parameters * (1 + copies) + counters + buffers
        # Adam's quotient for one tensor is let go of once that for the next one is made.
        behind = pairwise([0, *self.weights.values()])
        self.passing = max((made * size + last for last, size in behind), default=0) if made else 0

    def of(self, node: Node) -> Mapping[str, int]:
        """Bytes of the weights by name, the same of all layers with that operator; none where nobody stated them,
        which makes the whole a lower bound.
        """
        op = node.op
        found = self._known.get(id(op))
        if found is None:
            assert op is not None
            width = self.conditions.width("float32")
            try:
                found = {name: _bytes(shape, width) for name, shape in op.weights().items()}
            except UnknownFact:
                found = {}
            self._known[id(op)] = found
        return found

    def buffers_of(self, op: Operator) -> int:
        """Bytes of the buffers."""
        found = self._buffers.get(id(op))
        if found is None:
            width = self.conditions.width
            found = sum(_bytes(shape, width(op.buffer_dtype(name))) for name, shape in op.buffers().items())
            self._buffers[id(op)] = found
        return found


def _bytes(shape: Sequence[Any], width: int) -> int:
    return number(prod(shape)) * width


def _held(graph: Graph, memory: Memory) -> set[Storage]:
    """The storages of inputs and outputs, which the training loop holds; a learned tensor is a parameter already."""
    return {memory.storages[w] for w in (*graph.inputs, *graph.outputs) if not w.free}


def _forward(graph: Graph, memory: Memory) -> tuple[int, int]:
    """The most that inputs, values still needed and kept tensors take, and what they take at the end."""
    storages, sizes, freed = memory.storages, memory.sizes, memory.freed
    held = {storages[w] for w in graph.inputs}
    made = set(held)
    live = peak = sum(number(sizes[storage]) for storage in held)
    for node, kept in zip(graph.nodes, memory.kept, strict=True):
        for wire in node.outputs:
            storage = storages[wire]
            if storage not in made and not wire.free:
                made.add(storage)
                live += number(sizes[storage])
        for storage, size in kept.items():
            held.add(storage)
            if storage not in made:
                made.add(storage)
                live += number(size)
        if live > peak:
            peak = live
        for storage in freed.get(node.index, ()):
            if storage in made and storage not in held:
                live -= number(sizes[storage])
    return peak, live


def _let_go(graph: Graph, memory: Memory) -> list[int]:
    """Bytes of what each node is the first to keep, and so the last to let go of; inputs and outputs stay."""
    seen = _held(graph, memory)
    bytes_of = []
    for kept in memory.kept:
        first = [storage for storage in kept if storage not in seen]
        bytes_of.append(sum([number(kept[storage]) for storage in first]))
        seen.update(first)
    return bytes_of


class _Backward:
    """The gradients, from the last layer to the first: `live` bytes now; `holders` counts who needs a gradient."""

    def __init__(self, graph: Graph, memory: Memory, conditions: Conditions, tensors: Tensors, live: int) -> None:
        self.graph = graph
        self.memory = memory
        self.conditions = conditions
        self.tensors = tensors
        self.live = self.most = live
        self.gradients: dict[Wire, list[int]] = {}
        self.done: set[Key] = set()
        self.let_go = _let_go(graph, memory)
        self.handed: dict[int, Sequence[bool]] = {}

    def peak(self) -> int:
        for wire in dict.fromkeys(self.graph.outputs):
            if wire in self.memory.learning:
                self.gradients[wire] = self.fresh(wire)
                self.touch()
        for node in reversed(self.graph.nodes):
            self.through(node)
        return self.most

    def fresh(self, wire: Wire) -> list[int]:
        """A new gradient: its bytes and the number of those who hold it."""
        size = number(self.conditions.bytes_of(wire))
        self.live += size
        return [size, 1]

    def touch(self, passing: int = 0) -> None:
        if self.live + passing > self.most:
            self.most = self.live + passing

    def release(self, gradient: list[int]) -> None:
        gradient[1] -= 1
        if gradient[1] == 0:
            self.live -= gradient[0]

    def through(self, node: Node) -> None:
        """One layer's backward: gradients of its inputs and weights beside those of its outputs and what was kept."""
        gradients = self.gradients
        arriving = [gradients.pop(w) for w in node.outputs if w in gradients]
        if not arriving:
            return
        if not node.inputs:  # a learned tensor: the gradient that arrives is the parameter's own, and stays
            self.done.update([(node.index, name) for name in self.tensors.of(node)])
            return
        made = self.made(node, arriving[0])
        self.touch(self.weigh(node))
        for gradient in arriving:
            self.release(gradient)
        self.live -= self.let_go[node.index]
        for wire, gradient in made:
            self.arrive(wire, gradient)

    def made(self, node: Node, gradient: list[int]) -> list[tuple[Wire, list[int]]]:
        """The gradient of each input that learns; one that is handed on is held once more."""
        made = []
        learning = self.memory.learning
        for wire, handed in zip(node.inputs, self.hands_on(node), strict=True):
            if wire is None or wire not in learning:
                continue
            if handed:
                gradient[1] += 1
            made.append((wire, gradient if handed else self.fresh(wire)))
        return made

    def hands_on(self, node: Node) -> Sequence[bool]:
        """Of each input, whether the gradient that arrives is its own: the same of all layers with that operator."""
        op = node.op
        found = self.handed.get(id(op))
        if found is None:
            assert op is not None
            xs: Any = [None if w is None else w.shape for w in node.inputs]
            found = self.handed[id(op)] = op.hands_on(xs, [w.shape for w in node.outputs])  # type: ignore[misc]
        return found

    def weigh(self, node: Node) -> int:
        """Adds the gradients of the weights that have none yet; returns the bytes of those that join an older one."""
        names = self.tensors.of(node)
        if not names:
            return 0
        passing = 0
        owner = node.owner
        for name in names:
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
        older = self.gradients.get(wire)
        if older is None:
            self.gradients[wire] = gradient
            return
        if older[1] > 1:
            total = self.fresh(wire)
            self.touch()
            self.gradients[wire] = total
            self.release(older)
        self.release(gradient)
