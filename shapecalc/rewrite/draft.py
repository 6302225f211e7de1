"""Changes of layers -> one set of edits: each place of the text is changed once, for all layers that it stands for.

One line may stand for several layers, by a loop, a block or `repeat`: what they become must be the same, or differ by
a number that a loop variable or a param tells apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.rewrite.change import Retype, quoted
from shapecalc.rewrite.refusal import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network
    from shapecalc.rewrite.change import Change
    from shapecalc.source.edit import Edit


class Fold:
    """A batch normalisation that goes into the affine layer before it: paths, and which axis of the weight is whose.

    `groups` is 0 where the first axis of the weight is the output's, and a transposed convolution's groups otherwise.
    """

    __slots__ = ("eps", "groups", "into", "norm")

    def __init__(self, into: str, norm: str, eps: float, groups: int) -> None:
        self.into = into
        self.norm = norm
        self.eps = eps
        self.groups = groups


class Draft:
    """What a rewrite wants: changes by layer, further edits, folds of weights, and notes for the user.

    `fresh` says that weights do not carry over, `loose` that what cannot change may stay while the rest does.
    """

    __slots__ = ("changes", "edits", "folds", "fresh", "loose", "notes")

    def __init__(self) -> None:
        self.changes: list[tuple[Node, Change]] = []
        self.edits: list[Edit] = []
        self.folds: list[Fold] = []
        self.notes: list[str] = []
        self.fresh = False
        self.loose = False


def place(node: Node) -> int:
    """Where the text of a layer begins: the same for all layers that it stands for."""
    return node.child.head.start if node.child is not None else -1


def by_place(nodes: Sequence[Node]) -> dict[int, list[Node]]:
    """Layers by the place in the text that they are written at."""
    found: dict[int, list[Node]] = {}
    for node in nodes:
        found.setdefault(place(node), []).append(node)
    return found


def edits_of(network: Network, draft: Draft) -> list[Edit]:
    """All edits of a draft. Raises Refused where one place would have to become several things, unless the draft is
    loose and another place is left.
    """
    places = by_place(network.nodes)
    wanted: dict[int, list[tuple[Node, Change]]] = {}
    for node, change in draft.changes:
        wanted.setdefault(place(node), []).append((node, change))
    edits, lost = list(draft.edits), []
    for start, pairs in wanted.items():
        try:
            edits += _edits(network, pairs, places[start])
        except Refused as reason:
            lost.append(reason)
    if lost and (not draft.loose or not edits):
        raise lost[0]
    draft.notes += [left(reason.layer, reason.message) for reason in lost]
    return edits


def _edits(network: Network, pairs: Sequence[tuple[Node, Change]], nodes: Sequence[Node]) -> Sequence[Edit]:
    """The edits of one place, which stands for `nodes`."""
    node = pairs[0][0]
    assert node.child is not None
    changed = {n.index for n, _ in pairs}
    others = [n for n in nodes if n.index not in changed]
    if others:
        raise refused(f"its line also stands for {others[0].path}, which has to stay as it is", node)
    return _one(pairs).edits(network.source, node.child)


def left(path: str, reason: str, more: int = 0) -> str:
    """The note that says why a layer, and so many others that are written at its place, are as they were."""
    return f"left as it is: {path}{f' and {more} more of its line' if more else ''}: {reason}"


def _one(pairs: Sequence[tuple[Node, Change]]) -> Change:
    """The one change that serves all layers of a place."""
    if len({change.key for _, change in pairs}) == 1:
        return pairs[0][1]
    retypes = [change for _, change in pairs if isinstance(change, Retype)]
    nodes = [node for node, _ in pairs]
    first = retypes[0] if retypes else None
    alike = first is not None and len({(c.head, *c.pairs) for c in retypes}) == 1 and len(retypes) == len(pairs)
    if first is None or not alike:
        raise refused(f"this line stands for {nodes[0].path} and others, which become different things", nodes[0])
    values = {name: [change.pairs[name] for change in retypes] for name in first.pairs}
    return Retype(first.head, {name: told_apart(nodes, texts) for name, texts in values.items()}, first.main)


def told_apart(nodes: Sequence[Node], texts: Sequence[str]) -> str:
    """The expression that gives each layer its own text: `7 if turn == 0 else 1`.

    Raises Refused where there is none.
    """
    kinds = sorted(dict.fromkeys(texts), key=texts.count)
    if len(kinds) == 1:
        return kinds[0]
    for name in nodes[0].env:
        values = [node.env.get(name) for node in nodes]
        if name.startswith("in_") or not all(type(v) is int for v in values):
            continue
        alone = {v for v, text in zip(values, texts, strict=True) if text == kinds[0]}
        others = {v for v, text in zip(values, texts, strict=True) if text != kinds[0]}
        if len(kinds) == 2 and len(alone) == 1 and not alone & others:
            return quoted(f"{kinds[0]} if {name} == {alone.pop()} else {kinds[1]}")
    listed = " and ".join(f"{node.path} {text}" for node, text in zip(nodes[:2], texts, strict=False))
    raise refused(f"this line stands for layers that become different ones ({listed}): write them apart", nodes[0])
