"""A fully connected head as convolutions: the same sums, at every place where the head's input fits a larger map.

The first Linear behind a map of h x w becomes a convolution with that kernel, later ones 1 x 1 convolutions; names, and
so the keys of the `state_dict`, stay. What flattened the map becomes an Identity, and an adaptive pool before it, which
would bring every map back to one size, the pool that it is at the size at hand.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has, maker
from shapecalc.ops.op import Pointwise
from shapecalc.rewrite.change import Give, Replace, Retype, Swap, written
from shapecalc.rewrite.draft import Draft, left
from shapecalc.rewrite.head import Entry, heads
from shapecalc.rewrite.refusal import Refused, refused
from shapecalc.source.located import Items, Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.rewrite.change import Change
    from shapecalc.rewrite.head import Sizes
    from shapecalc.source import located
    from shapecalc.source.edit import Edit

LEAVE = Replace("Identity")
"""A layer that no longer does anything stays under its number or name, so that the keys behind it do."""


def fc_to_conv(network: Network) -> Draft:
    """The draft that makes convolutions of all heads. Raises Refused where there is none that can be one."""
    lost: list[Refused] = []
    entries = [*_flattened(network, lost), *_inputs(network)]
    found = heads(network, entries, lambda node, sizes: _judge(network, node, sizes))
    lost += found.lost
    used = [entry for entry in found.entries if _feeds_linear(network, entry)]
    if not used:
        raise lost[0] if lost else Refused("no Linear stands behind a flattened map, or behind an input of features")
    draft = Draft()
    draft.changes = found.changes
    draft.edits = [_mapped(network, entry) for entry in used if entry.wire.node is None]
    draft.notes = [left(reason.layer, reason.message) for reason in lost]
    return draft


def _feeds_linear(network: Network, entry: Entry) -> bool:
    """Whether a Linear follows, at any distance."""
    waiting, seen = [entry.wire], set()
    while waiting:
        for node in network.users(waiting.pop()):
            if has(node, "linear"):
                return True
            if node.index not in seen:
                seen.add(node.index)
                waiting += node.outputs
    return False


# entries


def _flattened(network: Network, lost: list[Refused]) -> Iterator[Entry]:
    """Layers that make one axis of features of a map, channels first."""
    for node in network.having("reshape"):
        if not _flattens(node) or not _feeds_linear(network, Entry(node.outputs[0], (), node)):
            continue
        wire = node.inputs[0]
        assert wire is not None
        try:
            before = _unpooled(wire, known_sizes(wire, node))
        except Refused as reason:
            lost.append(reason)
            continue
        yield Entry(node.outputs[0], known_sizes(wire, node), node, [(node, LEAVE), *before])


def _flattens(node: Node) -> bool:
    x, y = (wire.shape if wire is not None else None for wire in (node.inputs[0], node.outputs[0]))
    return x is not None and y is not None and 3 <= len(x) <= 5 and y == (x[0], prod(x[1:]))


def known_sizes(wire: Wire, node: Node) -> Sizes:
    """The spatial sizes of a map. Raises Refused where they are not known."""
    sizes = (wire.shape or ())[2:]
    if not all(type(size) is int for size in sizes):
        listed = " x ".join(map(str, sizes))
        raise refused(
            f"the map that arrives is {listed}: a kernel needs its size, so --set the sizes of the input", node
        )
    return sizes  # type: ignore[return-value]


def _unpooled(wire: Wire, sizes: Sizes) -> list[tuple[Node, Change]]:
    """The change of an adaptive pool right before the head; nothing where there is none."""
    pool = maker(wire, "dropout", "identity", "activation")
    if pool is None or not has(pool, "adaptive"):
        return []
    op: Any = pool.op
    source = pool.inputs[0]
    assert source is not None
    arrives = known_sizes(source, pool)
    if op.return_indices:
        raise refused("a pool that also returns indices cannot be left out", pool)
    if arrives == sizes:
        return [(pool, LEAVE)]
    if any(i % o for i, o in zip(arrives, sizes, strict=True)):
        listed = " x ".join(map(str, (*arrives, *sizes)))
        raise refused(f"no window of one size makes this adaptive pool ({listed}), so it has no counterpart", pool)
    kernel = tuple(i // o for i, o in zip(arrives, sizes, strict=True))
    stride = tuple(1 if o == 1 else k for k, o in zip(kernel, sizes, strict=True))
    name = pool.op_name.removeprefix("Adaptive")
    return [(pool, Retype(name, {"kernel_size": per_axis(kernel), "stride": per_axis(stride)}))]


def per_axis(sizes: Sequence[int]) -> str:
    """One number for each axis as it is written inside of braces.

    >>> per_axis((7, 7)), per_axis((7, 5))
    ('7', '[7, 5]')
    """
    return str(sizes[0]) if len(set(sizes)) == 1 else str(list(sizes))


def _inputs(network: Network) -> Iterator[Entry]:
    """Inputs of the network that are features: as maps they are 1 x 1."""
    for wire in network.graph.inputs:
        users = network.users(wire)
        if wire.shape is not None and len(wire.shape) == 2 and any(has(user, "linear") for user in users):
            yield Entry(wire, (1, 1), users[0])


def _mapped(network: Network, entry: Entry) -> Edit:
    """The edit that gives an input two axes more."""
    items = input_items(network, entry.wire)
    end = items.items[-1].end
    return end, end, ", 1, 1"


def input_items(network: Network, wire: Wire) -> Items:
    """The list in which the shape of an input is written. Raises Refused where it is written otherwise."""
    node: located.Node | None = dict(network.spec.inputs).get(wire.name)
    if isinstance(node, Pairs):
        node = node.get("shape")
    if not isinstance(node, Items) or network.source.text[node.start : node.start + 1] != "[" or not node.items:
        raise Refused(f"the shape of the input {wire.name} is not written as a list in brackets", node)
    return node


# layers


def _judge(network: Network, node: Node, sizes: Sizes) -> tuple[Change | None, Sizes]:
    """What a layer of features becomes over maps, and the sizes behind it."""
    ones = (1,) * len(sizes)
    if has(node, "linear"):
        return _convolution(network, node, sizes), ones
    if has(node, "reshape") and _same_shape(node):
        return LEAVE, sizes
    if has(node, "batch_norm") and sizes == ones:
        return Swap(f"{node.op_name[:-2]}{len(sizes)}d"), sizes
    if has(node, "softmax", "log_softmax") and sizes == ones:
        return softmax_of_channels(node), sizes
    if passes(node, 2 + len(sizes), single=sizes == ones):
        return None, sizes
    raise refused(f"{node.op_name} behind the flattened map has no counterpart over maps", node)


def _convolution(network: Network, node: Node, sizes: Sizes) -> Change:
    width = written(network.source, node, "out_features")
    bias = written(network.source, node, "bias")
    assert width is not None
    pairs = {"out_channels": width, "kernel_size": per_axis(sizes)}
    return Retype(f"Conv{len(sizes)}d", pairs if bias is None else {**pairs, "bias": bias})


def softmax_of_channels(node: Node) -> Change | None:
    """The shares of the classes stay shares of the classes."""
    op: Any = node.op
    if op.axis != 1:
        raise refused(f"{node.op_name} over axis {op.axis} has no counterpart", node)
    return None if op.dim == 1 else Give("dim", "1", main=True)


def passes(node: Node, rank: int, *, single: bool) -> bool:
    """Whether a layer does to each value what it does whatever the rank; `single` where each channel is one value."""
    op: Any = node.op
    if op is None or (op.ranks is not None and rank not in op.ranks) or (op.weights() and not single):
        return False
    if has(node, "cat"):
        return bool(op.dim == 1)
    pointwise = isinstance(op, Pointwise) and has(node, "activation", "identity", "dropout")
    return (pointwise or has(node, "dropout", "elementwise_merge")) and _same_shape(node)


def _same_shape(node: Node) -> bool:
    """Whether output and inputs have one shape."""
    return {wire.shape for wire in node.inputs if wire is not None} == {node.outputs[0].shape}
