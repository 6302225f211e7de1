"""A layer -> the way back to the network's input: which layers made the sizes that arrive, and by what arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.explain.tree import Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.explain.layer import Explained, LayerWork
    from shapecalc.explain.steps import Working
    from shapecalc.graph.graph import Node, Wire
    from shapecalc.ops.op import Shape


class Link:
    """A layer that changed the shape: what arrived, what came out, and the workings of the sizes that are new."""

    __slots__ = ("after", "before", "node", "workings")

    def __init__(self, node: Node, before: Shape, after: Shape, workings: list[Working]) -> None:
        self.node = node
        self.before = before
        self.after = after
        self.workings = workings


def chain(explained: Explained, wire: Wire | None) -> Iterator[Link]:
    """The links from a value back to the input, along the first input of each layer; unchanged shapes are left out."""
    while wire is not None and wire.node is not None and wire.shape is not None:
        node = wire.node
        first = next((w for w in node.inputs if w is not None), None)
        if first is None or first.shape is None:
            return
        if first.shape != wire.shape:
            work = explained.layer(node)
            yield Link(node, first.shape, wire.shape, changed(work, wire.index) if work.whole else [])
        wire = first


def changed(work: LayerWork, number: int = 0) -> list[Working]:
    """The sizes of an output that were worked out, each arithmetic once; sizes that only pass are left out."""
    found: dict[tuple[str, str], Working] = {}
    for working in work.trace.sizes(number):
        passes = isinstance(working.tree, Name) and not _new(working.tree)
        if working.answer is not None and not passes:
            found.setdefault((working.substitution, str(working.answer)), working)
    return list(found.values())


def _new(name: Name) -> bool:
    """Whether a size is an argument of the layer, and not one that arrived."""
    return not name.meaning.rpartition(" ")[2].isdigit()
