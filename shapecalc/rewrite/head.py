"""A network -> the part behind an entry in which every layer has a counterpart, entry by entry.

A head is all that follows from an entry, to the outputs of the network. What a layer becomes, a judge says; an entry
from which a layer is reached that has no counterpart is given up, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.rewrite.refusal import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.rewrite.change import Change

    Sizes = tuple[int, ...]
    Judge = Callable[[Node, Sizes], tuple[Change | None, Sizes | None]]


class Entry:
    """Where a head begins: a wire whose values are inside, with the spatial sizes that they have as maps.

    `before` holds the changes of the layers that lead there, `node` the layer that the entry is told by.
    """

    __slots__ = ("before", "node", "sizes", "wire")

    def __init__(self, wire: Wire, sizes: Sizes, node: Node, before: Sequence[tuple[Node, Change]] = ()) -> None:
        self.wire = wire
        self.sizes = sizes
        self.node = node
        self.before = before


class Found:
    """The entries that hold, the changes of all layers behind them, and why the other entries do not."""

    __slots__ = ("changes", "entries", "lost")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.changes: list[tuple[Node, Change]] = []
        self.lost: list[Refused] = []


class _Blocked(Exception):
    """A layer without a counterpart, and the entries from which it is reached."""

    def __init__(self, reason: Refused, entries: frozenset[int]) -> None:
        self.reason = reason
        self.entries = entries


def heads(network: Network, entries: Sequence[Entry], judge: Judge) -> Found:
    """What follows from the entries. `judge` gives a layer's change and the sizes of its output (None: outside again),
    or raises Refused.
    """
    found = Found()
    left = list(entries)
    while left:
        try:
            follower = _Follower(left, judge)
            follower.run(network)
            break
        except _Blocked as blocked:
            found.lost.append(blocked.reason)
            left = [entry for entry in left if id(entry.wire) not in blocked.entries]
    if left:
        found.entries = [entry for entry in left if id(entry.wire) not in follower.inner]
        found.changes = [pair for entry in found.entries for pair in entry.before] + follower.changes
    return found


class _Follower:
    """One walk from entries to the outputs: what is inside so far, and the entries that lie behind others."""

    def __init__(self, entries: Sequence[Entry], judge: Judge) -> None:
        self.judge = judge
        self.inside: dict[int, Sizes] = {id(e.wire): e.sizes for e in entries}
        self.origins = {id(e.wire): frozenset({id(e.wire)}) for e in entries}
        self.inner: set[int] = set()
        self.changes: list[tuple[Node, Change]] = []

    def run(self, network: Network) -> None:
        for node in network.nodes:
            wires = [w for w in node.inputs if w is not None]
            own = [self.origins[id(w)] for w in wires if id(w) in self.inside]
            if own:
                self.follow(node, wires, frozenset().union(*own))

    def follow(self, node: Node, wires: Sequence[Wire], origins: frozenset[int]) -> None:
        try:
            change, sizes = self.judge(node, _agreed(node, wires, self.inside))
        except Refused as reason:
            raise _Blocked(reason, origins) from None
        if change is not None:
            self.changes.append((node, change))
        if sizes is None:
            return
        for wire in node.outputs:
            if id(wire) in self.inside:
                self.inner.add(id(wire))
            self.inside[id(wire)] = sizes
            self.origins[id(wire)] = origins


def _agreed(node: Node, wires: Sequence[Wire], inside: Mapping[int, Sizes]) -> Sizes:
    """The sizes that all inputs of a layer have."""
    found = {inside.get(id(wire)) for wire in wires}
    sizes = found.pop()
    if found or sizes is None:
        raise refused(f"{node.op_name} meets values that stay as they are", node)
    return sizes
