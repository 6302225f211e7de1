"""Rules on cost: where the parameters, the multiply-accumulates and the memory go, and what a change would save."""

from __future__ import annotations

from math import prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network


class DominantLayer(Rule):
    """one layer holds more than half of all parameters

    Why:
        Mostly it is the first linear layer on a flattened map: it has a weight for each pixel of each channel and each
        feature. Pooling the map to one pixel, or fewer channels before it, makes the network several times smaller.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU
          - MaxPool2d: 2
          - Flatten
          - Linear: 10

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}
          - ReLU
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 100

    Limits:
        Counts must be known, and a pool or a 1x1 convolution before the layer must halve the network, where one fits.
        Of a few layers one has to be the largest: a convolution is told among three or more, a layer before which
        neither fits among four or more. What accuracy the smaller network has is not known.
    """

    code = "SC401"

    def check(self, network: Network) -> Iterator[Finding]:
        total = network.report.totals.params
        costs = zip(network.report.costs, network.nodes, strict=True)
        weighted = [(cost.params, node) for cost, node in costs if isinstance(cost.params, int) and cost.params]
        if not isinstance(total, int) or len(weighted) < 2:
            return
        count, node = max(weighted, key=itemgetter(0))
        if 2 * count <= total or network.report.leaves_out("params"):
            return
        ways = sorted((params, what) for what, params in _smaller(node))
        halves = not ways or 2 * (total - count + ways[0][0]) <= total
        enough = 4 if not ways else 2 if has(node, "linear") else 3
        if halves and _maps(weighted) >= enough:
            yield Finding(
                node,
                f"{node.path} holds {count:,} of all {total:,} parameters, {count / total:.0%}",
                help="; ".join(f"{what} would make that {params:,}" for params, what in ways if params < count),
            )


def _maps(weighted: Sequence[tuple[int, Node]]) -> int:
    """How many layers with weights are more than norms."""
    return sum(not has(node, "norm") for _, node in weighted)


def _smaller(node: Node) -> Iterator[tuple[str, int]]:
    """Changes before a layer, and the parameters that it would have with them, the new layer's included."""
    op: Any = node.op
    if has(node, "linear"):
        came = _flattened(node)
        if came is None or not isinstance(op.out_features, int):
            return
        c, pixels, m = came[0], prod(came[1:]), op.out_features
        yield "a global pool before it", c * m + m * op.bias
        r = max(1, c // 4)
        yield f"a 1x1 convolution to {r} channels before it", (c + 1) * r + r * pixels * m + m * op.bias
    elif has(node, "conv") and op.groups == 1 and isinstance(op.in_channels, int):
        cells, r = prod(op.kernel_size), max(1, op.in_channels // 4)
        bottleneck = (op.in_channels + op.bias) * r
        yield f"a 1x1 convolution to {r} channels before it", bottleneck + (r * cells + op.bias) * op.out_channels


def _flattened(node: Node) -> Sequence[int] | None:
    """Channels and spatial sizes of the map that a linear layer takes flattened; None where it takes none."""
    wire = node.inputs[0]
    while wire is not None and wire.node is not None and has(wire.node, "reshape", "dropout", "identity"):
        wire = wire.node.inputs[0]
        if wire is None or wire.node is None:
            return None  # the input itself: an image that is pooled is no image any more
        sizes = wire.shape[1:] if wire.shape else ()
        known = [size for size in sizes if isinstance(size, int)]
        if len(known) == len(sizes) > 1 and prod(known[1:]) > 1 and prod(known) == getattr(node.op, "in_features", 0):
            return known
    return None


class LargeKernel(Rule):
    """a kernel that several smaller ones replace with fewer parameters

    Why:
        Two convolutions of 3x3 in a row see what one of 5x5 sees, three what one of 7x7 sees, with 18 weights in place
        of 25 for each pair of channels, 27 in place of 49, and an activation between them. See Simonyan, Zisserman:
        Very Deep Convolutional Networks (2014).

    Bad:
        shapecalc: 1
        input: [64, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 5, padding: 2}
          - ReLU

    Good:
        shapecalc: 1
        input: [64, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU

    Limits:
        Square kernels with stride 1 and one group. The smaller ones are taken to have the larger number of this layer's
        channels between them, so that a first layer on few channels saves nothing, nor a last one that leaves few, and
        nothing is said of them.
    """

    code = "SC402"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("conv"):
            op: Any = node.op
            k, ci, co = op.kernel_size[0], op.in_channels, op.out_channels
            if not isinstance(k, int) or k < 5 or k % 2 == 0 or op.groups != 1 or not known(ci, co):
                continue
            if set(op.kernel_size) != {k} or set(op.stride) != {1} or len(set(op.dilation)) > 1:
                continue
            turns = k // 2
            now = (k**op.rank * ci + op.bias) * co
            cells, between = 3**op.rank, max(ci, co)
            first = (cells * ci + op.bias) * between
            then = first + (cells * between + op.bias) * ((turns - 2) * between + co)
            if then < now:
                yield _large(node, now, then, between)


def _large(node: Node, now: int, then: int, between: int) -> Finding:
    op: Any = node.op
    k = op.kernel_size[0]
    shape, small = "x".join([str(k)] * op.rank), "x".join(["3"] * op.rank)
    return Finding(
        node,
        f"{k // 2} convolutions of {small} see what this {shape} does with {then:,} in place of {now:,} parameters, "
        f"{1 - then / now:.0%} fewer",
        argument="kernel_size",
        help=f"{op.in_channels} -> {between} channels, then {between} -> {op.out_channels}, with an activation between",
    )


class UnalignedChannels(Rule):
    """channels that do not divide by 8

    Why:
        Matrix units of GPUs work on tiles of 8 or more channels in half precision: 60 channels take the time of 64.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 60, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU

    Limits:
        Not told of layers behind which no other map with weights comes: classes are as many as they are. How much
        time is lost depends on the device.
    """

    code = "SC403"

    def check(self, network: Network) -> Iterator[Finding]:
        leads = _leading_to_maps(network)
        for node in network.having("conv", "transposed", "linear"):
            op: Any = node.op
            name = "out_features" if has(node, "linear") else "out_channels"
            width = getattr(op, name)
            if not isinstance(width, int) or width % 8 == 0 or node.index not in leads:
                continue
            yield Finding(
                node,
                f"{name} {width} does not divide by 8; {width + -width % 8} would fill the same tiles",
                argument=name,
            )


def _leading_to_maps(network: Network) -> set[int]:
    """The layers behind which, somewhere, another learned map follows."""
    leads: set[int] = set()
    for node in reversed(network.nodes):
        if node.index in leads or has(node, "affine"):
            leads.update(w.node.index for w in node.inputs if w is not None and w.node is not None)
    return leads


class DepthwiseWithoutPointwise(Rule):
    """a depthwise convolution whose channels are never mixed

    Why:
        A depthwise convolution filters each channel alone. Where no 1x1 convolution or linear layer follows, what the
        channels say together is never used.

    Bad:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1, groups: 8}
          - ReLU

    Good:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1, groups: 8}
          - ReLU
          - Conv2d: {out_channels: 16, kernel_size: 1}
          - ReLU

    Limits:
        Told only where the way from the layer to an output of the network is a single one and meets nothing but norms
        of each channel, activations, pools and further depthwise convolutions.
    """

    code = "SC404"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("conv"):
            if not _depthwise(node):
                continue
            last = node
            op: Any = node.op
            axis = len(node.outputs[0].shape or ()) - 1 - op.rank
            while (user := network.only_user(last)) is not None and _keeps_apart(user, axis):
                last = user
            if network.is_output(last.outputs[0]):
                yield Finding(
                    node,
                    f"the {op.groups} channels that {node.path} filters one by one reach the output unmixed",
                    argument="groups",
                    help="put a 1x1 convolution behind it",
                )


def _depthwise(node: Node) -> bool:
    op: Any = node.op
    return op.groups != 1 and op.groups == op.in_channels  # type: ignore[no-any-return]


def _keeps_apart(node: Node, axis: int) -> bool:
    """Whether a layer does not mix channels, which lie along an axis: all but maps and norms of several channels."""
    if has(node, "norm"):
        op: Any = node.op
        return op.centres(node.inputs[0].shape, axis)  # type: ignore[union-attr, no-any-return]
    return (has(node, "conv") and _depthwise(node)) or has(
        node, "activation", "dropout", "pool", "adaptive", "identity"
    )


class PeakActivation(Rule):
    """the layer that holds the most memory

    Why:
        Memory in inference is bounded by the layer at which the values that are still needed are largest, together: a
        smaller map there makes the whole network fit, and nothing elsewhere does.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU
          - MaxPool2d: 2

    Good:
        shapecalc: 1
        input: [3, H, W]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
          - ReLU
          - MaxPool2d: 2

    Limits:
        Told of every network whose sizes are known: it is a fact, not a fault. For one sample; what torch adds
        (workspaces, the allocator's pages) is left out.
    """

    code = "SC406"

    def check(self, network: Network) -> Iterator[Finding]:
        totals = network.report.totals
        peak = totals.peak_activation_bytes
        if not isinstance(peak, int) or not totals.peak_activation_layer:
            return
        layer = network.report.layer(totals.peak_activation_layer)
        own = layer.activation_bytes
        share = f", {own / peak:.0%} of it the output of {layer.path}" if isinstance(own, int) else ""
        yield Finding(layer.node, f"memory is fullest at {layer.path}: {peak:,} bytes of values are held{share}")


PAGES = {
    rule.code: rule
    for rule in (
        DominantLayer,
        LargeKernel,
        UnalignedChannels,
        DepthwiseWithoutPointwise,
        PeakActivation,
    )
}
