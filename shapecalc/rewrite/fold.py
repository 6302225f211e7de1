"""Batch normalisation into the affine layer before it: in evaluation both together are one affine layer with a bias.

With the tracked mean m and variance v, weight g and bias b, each output channel is scaled by g / sqrt(v + eps) and
gets the bias b + (bias - m) * g / sqrt(v + eps): the inference of Ioffe and Szegedy (2015), section 3.1. The norm
becomes an Identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has
from shapecalc.rewrite.change import Give, Replace
from shapecalc.rewrite.draft import Draft, Fold, by_place, left, place
from shapecalc.rewrite.refusal import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network

    Pair = tuple[Node, Node]

GONE = Replace("Identity")


def fold_bn(network: Network) -> Draft:
    """The draft that folds every batch norm that can be. Raises Refused where there is none."""
    draft = Draft()
    pairs: list[Pair] = []
    lost: list[Refused] = []
    for norm in network.having("batch_norm"):
        reason = _unfit(network, norm)
        if reason:
            lost.append(refused(reason, norm))
        else:
            pairs.append((_made_by(norm), norm))
    pairs = _whole_places(network, pairs, lost)
    if not pairs:
        raise lost[0] if lost else Refused("there is no batch norm")
    draft.notes = _notes(lost)
    for into, norm in pairs:
        draft.changes.append((norm, GONE))
        if not into.op.bias:  # type: ignore[union-attr]
            draft.changes.append((into, _with_bias(into)))
        draft.folds.append(_fold(into, norm))
    return draft


def _notes(lost: Sequence[Refused]) -> list[str]:
    """One note for each place of the text."""
    places: dict[int | None, list[Refused]] = {}
    for reason in lost:
        places.setdefault(reason.start, []).append(reason)
    return [left(first.layer, first.message, len(more)) for first, *more in places.values()]


def _made_by(norm: Node) -> Node:
    wire = norm.inputs[0]
    assert wire is not None
    assert wire.node is not None
    return wire.node


def _unfit(network: Network, norm: Node) -> str:
    """Why a batch norm cannot be folded, or nothing."""
    wire, op = norm.inputs[0], norm.op
    before = wire.node if wire is not None else None
    if before is None or not has(before, "conv", "transposed", "linear"):
        made = f"{before.op_name} {before.path}" if before is not None else "an input of the network"
        return f"what it takes comes from {made}, not from a convolution or a Linear"
    if not op.track_running_stats:  # type: ignore[union-attr]
        return "it tracks no statistics, so it normalises in evaluation, too"
    if network.only_user(before) is not norm:
        return f"what {before.path} makes is used elsewhere, too"
    if network.shared(before) or network.shared(norm):
        return "its module or that before it is used elsewhere, too"
    return "" if _on_channels(before) else f"it does not normalise the channels that {before.path} makes"


def _on_channels(node: Node) -> bool:
    """Whether axis 1 of the output, which is what a batch norm takes, is that of the outputs' channels."""
    op: Any = node.op
    return len(node.outputs[0].shape or ()) == (2 if has(node, "linear") else op.rank + 2)


def _whole_places(network: Network, pairs: list[Pair], lost: list[Refused]) -> list[Pair]:
    """Those pairs of which both lines of the text stand for folded layers alone."""
    places = by_place(network.nodes)
    while True:
        chosen = {node.index for pair in pairs for node in pair}
        part = {start for start, nodes in places.items() if {n.index in chosen for n in nodes} == {True, False}}
        if not any(place(node) in part for pair in pairs for node in pair):
            return pairs
        for into, norm in pairs:
            if place(into) in part or place(norm) in part:
                lost.append(
                    refused("its line, or that of the layer before it, also stands for one that cannot change", norm)
                )
        pairs = [(into, norm) for into, norm in pairs if not {place(into), place(norm)} & part]


def _with_bias(node: Node) -> Give:
    """The default says true; what is no plain `false` may be true elsewhere, and is replaced."""
    value = node.written.get("bias")
    plain = getattr(value, "text", "") == "false"
    return Give("bias", "" if plain else "true")


def _fold(into: Node, norm: Node) -> Fold:
    groups = into.op.groups if has(into, "transposed") else 0  # type: ignore[union-attr]
    return Fold(into.path, norm.path, norm.op.eps, groups)  # type: ignore[union-attr]
