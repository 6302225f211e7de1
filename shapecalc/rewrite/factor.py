"""Convolutions with large kernels as rows of 3 x 3 ones, after Simonyan and Zisserman (2014), section 2.3.

(k - 1) / 2 convolutions of 3 see what one of k sees, and with the padding spread over them and the stride at the last,
their output has the same shape and each position the same field. Between them stands the activation that follows the
convolution. They compute something else: the weights are their own and have to be trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has
from shapecalc.rewrite.change import Replace, flow, written
from shapecalc.rewrite.convolve import per_axis
from shapecalc.rewrite.draft import Draft, left
from shapecalc.rewrite.refusal import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network

WIDEST = 100
"""A row of layers longer than this many characters is written over several lines."""
CARRIED = ("dilation", "groups", "bias", "padding_mode")
"""Arguments that each convolution of a row has as the large one had it."""


def factor(network: Network) -> Draft:
    """The draft that factors every convolution that can be. Raises Refused where there is none."""
    draft = Draft()
    draft.fresh = draft.loose = True
    lost: list[Refused] = []
    for node in network.having("conv"):
        op: Any = node.op
        if max(op.kernel_size) <= 3:
            continue
        reason = _unfit(network, node)
        if reason:
            lost.append(refused(reason, node))
            draft.notes.append(left(node.path, reason))
        else:
            draft.changes.append((node, _row(network, node)))
    if not draft.changes:
        raise lost[0] if lost else Refused("no kernel is larger than 3")
    return draft


def _unfit(network: Network, node: Node) -> str:
    op: Any = node.op
    if len(set(op.kernel_size)) > 1 or op.kernel_size[0] % 2 == 0:
        listed = " x ".join(map(str, op.kernel_size))
        return f"a kernel of {listed} is no row of 3s: they make odd squares"
    if len(node.inputs[0].shape) != op.rank + 2:  # type: ignore[union-attr, arg-type]
        return "without a batch dimension the layers between would take it for channels"
    if network.shared(node):
        return "its module is used elsewhere, too"
    return ""


def _row(network: Network, node: Node) -> Replace:
    op: Any = node.op
    length = (op.kernel_size[0] - 1) // 2
    activation = _activation(network, node)
    layers: list[str] = []
    for turn in range(length):
        layers.append(_convolution(network, node, turn, length))
        if activation and turn < length - 1:
            layers.append(activation)
    return Replace(_listed(network, node, layers), "Sequential")


def _convolution(network: Network, node: Node, turn: int, length: int) -> str:
    op: Any = node.op
    pairs = {"out_channels": _width(network, node), "kernel_size": "3"}
    if turn == length - 1 and max(op.stride) > 1:
        pairs["stride"] = per_axis(op.stride)
    if isinstance(op.padding, str):
        pairs["padding"] = op.padding
    elif any(own := [p // length + (turn < p % length) for p in op.padding]):
        pairs["padding"] = per_axis(own)
    pairs |= dict(_carried(network, node))
    return f"{{{node.op_name}: {{{', '.join(f'{k}: {v}' for k, v in pairs.items())}}}}}"


def _width(network: Network, node: Node) -> str:
    """As written; but a sequence of its own has another input, so what speaks of that is written as a number."""
    text = written(network.source, node, "out_channels")
    assert text is not None
    op: Any = node.op
    return str(op.out_channels) if "in_" in text else text


def _carried(network: Network, node: Node) -> Iterator[tuple[str, str]]:
    for name in CARRIED:
        text = written(network.source, node, name)
        if text is None:
            continue
        if "in_" in text:
            raise refused(f"`{name}: {text}` would speak of another input in a sequence of its own", node)
        yield name, text


def _activation(network: Network, node: Node) -> str:
    """The activation behind the layer as it is written, without its wiring; nothing where none follows."""
    user = network.behind(node, "norm")
    if user is None or not has(user, "activation") or user.child is None or "in_" in str(user.written):
        return ""
    pairs = ", ".join(f"{name}: {flow(network.source, value)}" for name, value in user.written.items())
    return f"{{{user.op_name}: {{{pairs}}}}}" if pairs else user.op_name


def _listed(network: Network, node: Node, layers: list[str]) -> str:
    line = f"[{', '.join(layers)}]"
    assert node.child is not None
    column = network.source.place(node.child.head.start)[1] - 1
    if column + len(line) <= WIDEST:
        return line
    before = network.source.text[: node.child.head.start].rpartition("\n")[2]
    margin = "\n" + " " * (len(before) - len(before.lstrip(" ")) + 4)
    return f"[{margin}{f',{margin}'.join(layers)}]"
