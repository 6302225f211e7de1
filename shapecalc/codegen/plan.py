"""Graph -> what the emitted module is made of: units that become classes, chains that become nn.Sequential, and layers.

A sequence whose layers each take the one before and nothing else is a chain; every other sequence, and every use of a
block, is a unit: something with a `forward` of its own that is given values and gives values. Knows no text.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from shapecalc.graph.graph import Group, Node
from shapecalc.source.spec import Child

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from shapecalc.graph.graph import Graph, Wire

    Key = tuple[Any, ...]
    Part: TypeAlias = "Node | Chain | Unit | None"


class Unstructured(Exception):
    """Something that the module tree has no place for, in words; the module is written flat instead."""


class Step:
    """One call: a layer, a chain or a unit (`part`), or None for a layer that its `when` left out.

    `key` is the same wherever the same line of the spec stands in another use; `owner` is the path of what is called
    where that belongs to another step. A skipped step's only input is the value that it stands for.
    """

    __slots__ = ("child", "inputs", "key", "name", "outputs", "owner", "part")

    def __init__(
        self,
        name: str,
        child: Any,
        part: Part,
        inputs: Sequence[Wire | None],
        outputs: Sequence[Wire],
        owner: str = "",
    ) -> None:
        self.name = name
        self.child = child
        self.part = part
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.owner = owner
        self.key: Key = ()


class Chain:
    """Steps that each take the output of the one before: nn.Sequential, `numbered` where its children are 0, 1, 2."""

    __slots__ = ("group", "numbered", "steps")

    def __init__(self, group: Group, steps: list[Step]) -> None:
        self.group = group
        self.steps = steps
        self.numbered = counted(steps)


class Unit:
    """One use of what becomes a class: its steps, the values that it is given, and those that are used outside of it.

    `plain` says that its steps are a chain; `variant` is the class that it is found to be a use of.
    """

    __slots__ = ("group", "inputs", "key", "number", "outputs", "plain", "steps", "variant")

    def __init__(self, group: Group, key: Key, steps: list[Step], plain: bool) -> None:
        self.group = group
        self.key = key
        self.steps = steps
        self.plain = plain
        self.inputs: tuple[Wire, ...] = ()
        self.outputs: tuple[Wire, ...] = ()
        self.variant: Any = None
        self.number = 0


def counted(steps: Sequence[Step]) -> bool:
    """Whether the children that are modules are named 0, 1, 2 and so on."""
    names = [s.name for s in steps if s.part is not None]
    return names == [str(i) for i in range(len(names))]


class Plan:
    """All units of a graph by their key, those inside before those around them; the network itself is the last."""

    __slots__ = ("graph", "readers", "root", "sizes", "units")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.units: dict[Key, list[Unit]] = {}
        self.sizes = {w.index: size_wires(w, graph) for w in graph.nodes}
        self.readers = _readers(graph, self.sizes)
        part = self._part(graph.root, ("root",), [])
        if not isinstance(part, Unit):
            raise Unstructured("the network has no layers")
        part.inputs, part.outputs = graph.inputs, graph.outputs
        self.root = part

    def _part(self, group: Group, key: Key, moved: list[tuple[str, str]]) -> Chain | Unit | None:
        """What a group becomes, None where it has no layer; `moved`: shared groups around, (path, owner's path)."""
        if group.owner is not group:
            moved = [*moved, (group.path, group.owner.path)]
        steps = [s for name, child in group.children if (s := self._step(name, child, key, moved)) is not None]
        live = [s for s in steps if s.part is not None]
        if not live:
            return None
        _number(steps)
        plain = self._plain(live)
        if plain and group.block is None and key != ("root",):
            return Chain(group, steps)
        unit = Unit(group, key, steps, plain and counted(steps))
        self._bound(unit, live)
        self.units.setdefault(key, []).append(unit)
        return unit

    def _step(self, name: str, child: Group | Node, around: Key, moved: list[tuple[str, str]]) -> Step | None:
        if isinstance(child, Node):
            return Step(name, child.child, child, child.inputs, child.outputs, _foreign(child, moved))
        if child.skipped:
            return Step(name, child.child, None, child.inputs[:1], child.inputs[:1])
        part = self._part(child, _key(child, around), moved)
        owner = child.owner.path if child.owner is not child else ""
        if isinstance(part, Unit):
            return Step(name, child.child, part, part.inputs, part.outputs, owner)
        if part is None:
            return None
        live = [s for s in part.steps if s.part is not None]
        return Step(name, child.child, part, live[0].inputs, live[-1].outputs, owner)

    def _plain(self, live: Sequence[Step]) -> bool:
        """Whether each step is a module that takes the output of the one before, which nothing else does."""
        if not all(_modest(s) for s in live):
            return False
        return all(b.inputs[0] is a.outputs[0] and self._only(a.outputs[0], b) for a, b in pairwise(live))

    def _only(self, wire: Wire, reader: Step) -> bool:
        first, last = span(reader)
        return all(first <= n < last for n in self.readers.get(id(wire), ()))

    def _bound(self, unit: Unit, live: Sequence[Step]) -> None:
        """Find what a unit is given and what it gives."""
        first, last = span(live[0])[0], span(live[-1])[1]
        outer = {id(w): w for w in self._taken(unit, live, first)}
        if unit.group.block is not None:
            unit.inputs = unit.group.inputs
        else:
            given = [w for w in unit.group.inputs if id(w) in outer]
            unit.inputs = tuple({id(w): w for w in [*given, *outer.values()]}.values())
        made = [w for node in self.graph.nodes[first:last] for w in node.outputs]
        used = [w for w in made if any(not first <= n < last for n in self.readers.get(id(w), ()))]
        unit.outputs = tuple(used or live[-1].outputs[:1])

    def _taken(self, unit: Unit, live: Sequence[Step], first: int) -> Iterator[Wire]:
        """The values from outside that the unit's layers read, in the order in which they do."""
        for step in unit.steps:
            for wire in (*step.inputs, *(self.sizes[step.part.index] if isinstance(step.part, Node) else ())):
                if wire is not None and (wire.node is None or wire.node.index < first):
                    yield wire


def span(step: Step) -> tuple[int, int]:
    """The indices [first, last) of the layers that a step runs."""
    if isinstance(step.part, Node):
        return step.part.index, step.part.index + 1
    assert step.part is not None
    live = [s for s in step.part.steps if s.part is not None]
    return span(live[0])[0], span(live[-1])[1]


def _modest(step: Step) -> bool:
    """Whether a step is a module that takes one value and gives one."""
    part = step.part
    if len(step.inputs) != 1 or step.inputs[0] is None or len(step.outputs) != 1 or step.owner:
        return False
    if not isinstance(part, Node):
        return True
    assert part.op is not None
    return part.op.constructor() is not None and not part.ties and part.op.call("m", ["x"]) == "m(x)"


def _foreign(node: Node, moved: Sequence[tuple[str, str]]) -> str:
    """The path of the module that a layer calls where that is another layer's, and not by a shared group around it."""
    if node.owner is node:
        return ""
    for path, owner in moved:
        if node.path.startswith(f"{path}.") and node.owner.path == owner + node.path[len(path) :]:
            return ""
    return node.owner.path


def _key(group: Group, around: Key) -> Key:
    """What uses of the same block, or of the same lines of the spec, have in common."""
    if group.block is not None:
        return ("block", group.block.name.text)
    assert group.child is not None
    place = place_of(group.child)
    return ("nest", *place, around[3] + 1 if around[:3] == ("nest", *place) else 0)


def place_of(child: Any) -> tuple[int, int]:
    """The span in the text that tells one child of a spec from the others."""
    return (child.head.start, child.head.end) if isinstance(child, Child) else (child.start, child.end)


def _number(steps: Sequence[Step]) -> None:
    """Give each step its key: the place in the text, and how often it came before in this sequence."""
    seen: dict[tuple[int, int], int] = {}
    for step in steps:
        place = place_of(step.child) if step.child is not None else (0, 0)
        seen[place] = seen.get(place, -1) + 1
        step.key = (*place, seen[place])


def size_wires(node: Node, graph: Graph) -> tuple[Wire, ...]:
    """The network's inputs off which a layer's call reads sizes that its own inputs do not show."""
    names = size_names(node, graph)
    own = {str(size) for w in node.inputs if w is not None for size in w.shape or ()}
    found = []
    for name in names - own:
        wire = next((w for w in graph.inputs if name in map(str, w.shape or ())), None)
        if wire is None:
            raise Unstructured(f"the size {name} is no axis of an input")
        found.append(wire)
    return tuple(found)


def size_names(node: Node, graph: Graph) -> set[str]:
    """The named sizes in the text of a layer's call."""
    import re

    assert node.op is not None
    text = node.op.call("m", [f"x{i}" if w is not None else "None" for i, w in enumerate(node.inputs)])
    if text == "m(x0)":
        return set()
    return {word for word in re.findall(r"(?<![\w.])[A-Z]\w*", text) if word in graph.env or word == "N"}


def _readers(graph: Graph, sizes: dict[int, tuple[Wire, ...]]) -> dict[int, list[int]]:
    """The indices of the layers that read each value; one past the last stands for the network's outputs."""
    readers: dict[int, list[int]] = {}
    for node in graph.nodes:
        for wire in (*node.inputs, *sizes[node.index]):
            readers.setdefault(id(wire), []).append(node.index)
    for wire in graph.outputs:
        readers.setdefault(id(wire), []).append(len(graph.nodes))
    return readers
