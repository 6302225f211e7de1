"""A use of a block that was made before -> the same layers again, under another path, without a look at the text.

A block is closed: what it makes follows from its arguments and from what arrives. So uses with equal ones differ in
paths, trails and wires alone. A use that reported or expects something, or shares weights, is made anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.graph import Assumption, Group, Node, Wire
from shapecalc.graph.limits import MAX_DEPTH, MAX_LAYERS, MAX_STEPS
from shapecalc.graph.scope import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.graph.elaborate import Walk
    from shapecalc.graph.graph import Trail
    from shapecalc.source.spec import Block

MOST_USES = 100
"""Different uses of one block that are kept, then none: blocks of equal text outlive their file."""


def kind_of_use(arguments: Mapping[str, Any], wires: Sequence[Wire]) -> Any:
    """What all that a use makes follows from: types too, as 1 is not 1.0, and which inputs are one value."""
    arriving = [(w.shape, w.dtype, w.below, w.free) for w in wires]
    same = [wires.index(w) for w in wires]
    return frozen(list(arguments.values())), tuple(arriving), tuple(same)


def frozen(value: Any) -> Any:
    """A value of an expression as a key, in which 1, 1.0 and true are three."""
    if isinstance(value, list | tuple | range):
        return type(value), *map(frozen, value)
    return type(value), value


class Mark:
    """Where the walk stood before a use."""

    __slots__ = ("assumptions", "deepest", "expectations", "mistakes", "nodes", "steps")

    def __init__(self, walk: Walk) -> None:
        self.nodes = len(walk.nodes)
        self.assumptions = len(walk.assumptions)
        self.expectations = len(walk.expectations)
        self.mistakes = walk.mistakes
        self.steps = walk.steps
        self.deepest = walk.deepest
        walk.deepest = walk.depth


class Use:
    """One use as it was made: its group, what it took and gave, and the layers and assumptions between."""

    __slots__ = ("assumptions", "depth", "entry", "group", "nodes", "steps", "trail", "wires")

    def __init__(self, walk: Walk, mark: Mark, group: Group, trail: Trail, wires: Sequence[Wire], entry: Entry) -> None:
        self.group = group
        self.trail = trail
        self.wires = wires
        self.entry = entry
        self.nodes = walk.nodes[mark.nodes :]
        self.assumptions = walk.assumptions[mark.assumptions :]
        self.steps = walk.steps - mark.steps
        self.depth = walk.deepest - walk.depth

    @property
    def whole(self) -> bool:
        """Whether all sizes in it are known, and every layer has weights of its own."""
        known = all(wire.shape is not None for wire in self.entry.wires or ())
        return known and all(n.op is not None and n.owner is n and not n.ties for n in self.nodes)


def keep(walk: Walk, block: Block, kind: Any, mark: Mark, use: Use) -> None:
    """Keep a use for the next one of its kind, where it left nothing behind but layers and assumptions."""
    walk.deepest = max(walk.deepest, mark.deepest)
    silent = walk.mistakes == mark.mistakes and len(walk.expectations) == mark.expectations
    if silent and not walk.sharing and use.whole:
        if len(block.uses) >= MOST_USES:
            block.uses.clear()
        block.uses[kind] = use


def again(walk: Walk, use: Use | None, group: Group, trail: Trail, wires: Sequence[Wire]) -> Entry | None:
    """The use made again in a group that has been opened for it; None where there is none, or a limit is near."""
    if use is None:
        return None
    beyond = len(walk.nodes) + len(use.nodes) > MAX_LAYERS or walk.steps + use.steps > MAX_STEPS
    if beyond or walk.depth + use.depth > MAX_DEPTH:
        return None
    return _Copy(walk, use, group, trail, wires).made()


class _Copy:
    """The making of a copy: which new trail, wire and layer stand for which old one, by id."""

    def __init__(self, walk: Walk, use: Use, group: Group, trail: Trail, wires: Sequence[Wire]) -> None:
        self.walk = walk
        self.use = use
        self.group = group
        self.cut = len(use.group.path)
        self.trails: dict[int, Trail] = {id(use.trail): trail}
        self.wires: dict[int, Wire | None] = {id(old): new for old, new in zip(use.wires, wires, strict=True)}
        self.wires[id(None)] = None
        self.nodes: dict[int, Node] = {}

    def made(self) -> Entry:
        use, walk = self.use, self.walk
        walk.steps += use.steps
        for old in use.nodes:
            self.layer(old)
        self.inside(use.group, self.group)
        walk.assumptions += [Assumption(self.nodes[a.node.index], a.claim, a.gap, a.axis) for a in use.assumptions]
        assert use.entry.wires is not None
        wires = tuple([self.wires[id(w)] for w in use.entry.wires])
        return Entry(wires, owner=self.group)  # type: ignore[arg-type]

    def layer(self, old: Node) -> None:
        walk, known = self.walk, self.wires
        path = self.group.path + old.path[self.cut :]
        node = Node(len(walk.nodes), path, old.op_name, old.child, self.trail(old.trail))
        node.op, node.written, node.env = old.op, old.written, old.env
        node.inputs = tuple([known[id(w)] for w in old.inputs])
        made = []
        for w in old.outputs:
            wire = known[id(w)] = Wire(node, w.index, w.shape, w.dtype, below=w.below, free=w.free)
            made.append(wire)
        node.outputs = tuple(made)
        self.nodes[old.index] = node
        walk.nodes.append(node)
        walk.by_path.setdefault(path, node)

    def inside(self, old: Group, new: Group) -> None:
        """Fill a group with what stands for the children of the old one."""
        for name, child in old.children:
            if isinstance(child, Node):
                new.children.append((name, self.nodes[child.index]))
                continue
            path = self.group.path + child.path[self.cut :]
            trail = self.trail(child.trail)
            group = Group(name, path, child.child, trail, named=child.named, block=child.block, skipped=child.skipped)
            group.arguments = child.arguments
            group.inputs = tuple([self.wires[id(w)] for w in child.inputs])  # type: ignore[misc]
            new.children.append((name, group))
            if not child.skipped:
                self.walk.by_path[path] = group
            self.inside(child, group)

    def trail(self, old: Trail) -> Trail:
        """The way to a layer inside, begun at the new use."""
        found = self.trails.get(id(old), self.trails)
        if found is self.trails:
            assert old is not None
            found = self.trails[id(old)] = self.trail(old[0]), old[1]
        return found  # type: ignore[return-value]
