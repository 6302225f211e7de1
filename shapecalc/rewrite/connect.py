"""Convolutions that cover their whole map as a fully connected head: the way back of `convolve`.

A convolution whose kernel is as large as its map, without padding, makes one position: it is a Linear behind a Flatten,
and the 1 x 1 convolutions behind it are Linears. Names, and so the keys of the `state_dict`, stay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has, maker
from shapecalc.rewrite.change import Replace, Retype, Swap, written
from shapecalc.rewrite.convolve import LEAVE, input_items, passes, softmax_of_channels
from shapecalc.rewrite.draft import Draft, left, place
from shapecalc.rewrite.head import Entry, heads
from shapecalc.rewrite.refusal import Refused, refused
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.rewrite.change import Change
    from shapecalc.rewrite.head import Sizes
    from shapecalc.source.edit import Edit
    from shapecalc.source.spec import Child

FLATTEN = Replace("Flatten")
OF_MAPS = re.compile(r"[123]d$")
"""How a dropout of whole channels differs in name from that of values, which it is where a channel is one value."""


def conv_to_fc(network: Network) -> Draft:
    """The draft that makes fully connected all heads. Raises Refused where there is none that can be."""
    entries = list(_covering(network))
    found = heads(network, entries, lambda node, sizes: _judge(network, node, sizes))
    if not found.entries:
        raise found.lost[0] if found.lost else Refused("no convolution without padding covers the whole of its map")
    draft = Draft()
    draft.changes = [(entry.node, _linear(network, entry.node)) for entry in found.entries] + found.changes
    draft.notes = [left(reason.layer, reason.message) for reason in found.lost]
    for entry in _by_source(found.entries):
        _flatten(network, entry, found.entries, draft)
    return draft


def _by_source(entries: Sequence[Entry]) -> list[Entry]:
    """One entry for each value that is to be flattened."""
    return list({id(entry.node.inputs[0]): entry for entry in entries}.values())


def _covering(network: Network) -> Iterator[Entry]:
    """Convolutions that make one position of their whole map."""
    for node in network.having("conv"):
        if _covers(node):
            yield Entry(node.outputs[0], (1,) * (len(node.outputs[0].shape or ()) - 2), node)


def _covers(node: Node) -> bool:
    op: Any = node.op
    x = node.inputs[0].shape if node.inputs[0] is not None else None
    whole = x is not None and len(x) == op.rank + 2 and tuple(x[2:]) == tuple(op.kernel_size)
    return whole and op.groups == 1 and not any(op.total_padding)


def _linear(network: Network, node: Node) -> Change:
    width = written(network.source, node, "out_channels")
    bias = written(network.source, node, "bias")
    assert width is not None
    pairs = {"out_features": width}
    return Retype("Linear", pairs if bias in (None, "true") else {**pairs, "bias": bias or ""}, "out_features")


# what is flattened


def _flatten(network: Network, entry: Entry, entries: Sequence[Entry], draft: Draft) -> None:
    """An input that loses its axes of size 1, an Identity that becomes Flatten again, or a Flatten put in."""
    wire = entry.node.inputs[0]
    assert wire is not None
    ours = {e.node.index for e in entries}
    if any(user.index not in ours for user in network.users(wire)) or network.is_output(wire):
        raise refused(f"what {entry.node.path} takes is used as a map elsewhere, too", entry.node)
    if wire.node is None and (edit := _features(network, wire)) is not None:
        draft.edits.append(edit)
        return
    idle = maker(wire, "dropout", "activation")
    if idle is not None and has(idle, "identity") and _alone(network, idle, entry.node):
        draft.changes.append((idle, FLATTEN))
        return
    assert entry.node.child is not None
    draft.edits.append(_put_in(network, entry.node, entry.node.child))


def _alone(network: Network, node: Node, end: Node) -> bool:
    """Whether a layer is written for itself alone, and each value from it to `end` has one user."""
    if sum(place(other) == place(node) for other in network.nodes) > 1:
        return False
    current: Node | None = node
    while current is not None and current is not end:
        current = network.only_user(current)
    return current is end


def _features(network: Network, wire: Wire) -> Edit | None:
    """The edit that takes the spatial axes off an input, where all are 1."""
    rank = len(wire.shape or ()) - 2
    items = input_items(network, wire).items
    if len(items) <= rank or not all(isinstance(i, Scalar) and i.value == 1 for i in items[-rank:]):
        return None
    return items[-rank - 1].end, items[-1].end, ""


def _put_in(network: Network, node: Node, child: Child) -> Edit:
    """The edit that puts a Flatten before a layer; in a list it has a name, so that it takes no number."""
    text, start = network.source.text, child.start
    if child.wiring.keys() & {"from", "repeat", "when"}:
        raise refused("a Flatten is due before this layer, which is wired: put one in", node)
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    margin = text[line:start]
    name = _free(network, node)
    layer = f"{name}: Flatten" if child.name is not None else f"{{Flatten: , name: {name}}}"
    if not margin.strip(" -") and child.name is None and "-" in margin:
        return start, start, f"{layer}\n{' ' * margin.rindex('-')}- "
    if not margin.strip(" ") and child.name is not None:
        return start, start, f"{layer}\n{margin}"
    return start, start, f"{layer}, "


def _free(network: Network, node: Node) -> str:
    """A name that no layer beside this one has."""
    beside = node.path.rpartition(".")[0]
    taken = {other.path for other in network.nodes}
    names = ["flatten", *(f"flatten{n}" for n in range(2, 100))]
    return next(n for n in names if (f"{beside}.{n}" if beside else n) not in taken)


# layers


def _judge(network: Network, node: Node, sizes: Sizes) -> tuple[Change | None, Sizes | None]:
    """What a layer of one position becomes over features; None for sizes where features are what it made all along."""
    op: Any = node.op
    y = node.outputs[0].shape or ()
    if has(node, "conv"):
        if not _covers(node):
            raise refused(f"{node.op_name} in the head pads, or has groups, so it is no Linear", node)
        return _linear(network, node), sizes
    if has(node, "reshape") and len(y) == 2:
        return LEAVE, None
    if has(node, "pool", "adaptive") and y[2:] == sizes and not getattr(op, "return_indices", False):
        return LEAVE, sizes
    if has(node, "batch_norm"):
        return Swap(f"{node.op_name[:-2]}1d"), sizes
    if has(node, "softmax", "log_softmax"):
        return softmax_of_channels(node), sizes
    if has(node, "dropout") and OF_MAPS.search(node.op_name):
        return Swap(OF_MAPS.sub("", node.op_name)), sizes
    if passes(node, 2, single=True):
        return None, sizes
    raise refused(f"{node.op_name} in the head has no counterpart over features", node)
