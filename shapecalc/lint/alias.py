"""Located values -> those that stand in several places by an alias, so that an edit of their text changes them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.source.located import Node
    from shapecalc.source.spec import Child


def aliased(root: Node) -> Sequence[Node]:
    """The values that are met more than once; an alias is the node of its anchor."""
    seen: set[int] = set()
    found: dict[int, Node] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            found[id(node)] = node
            continue
        seen.add(id(node))
        if isinstance(node, Items):
            waiting += node.items
        elif isinstance(node, Pairs):
            waiting += [value for _, value in node.pairs]
    return list(found.values())


def is_shared_part(child: Child, span: tuple[int, int], values: Sequence[Node]) -> bool:
    """Whether an edit of a layer's text lies in a part of it that another layer has by an alias.

    Where all its arguments or the whole layer are shared, it is known which layers are made of them.
    """
    around = [v for v in values if v.start <= span[0] and span[1] <= v.end and v is not child.argument]
    return any(not v.start <= child.head.start < v.end for v in around)
