"""Rules on learned linear maps in a row: whether one map does the work of two."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network


class LinearAfterLinear(Rule):
    """two linear maps with nothing between that one could replace

    Why:
        A linear map of a linear map is a linear map: without an activation between them two layers can do no more
        than one. Mostly the activation has been forgotten.

    Bad:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 256
          - Linear: 10

    Good:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 256
          - ReLU
          - Linear: 10

    Limits:
        Two maps with fewer weights than the one that they make are a factorisation and meant so: a bottleneck, a
        depthwise convolution and a pointwise one, 1 x 3 and 3 x 1. Two dense convolutions of a kernel above 1 are told
        all the same where the network has activations elsewhere, as one was probably forgotten: they are one with a
        larger kernel (but for the zeros at the border). A convolution whose map is flattened for a linear layer is
        told where one linear layer has no more weights than both. Nothing is said of layers that share their weights.
    """

    code = "SC304"

    def check(self, network: Network) -> Iterator[Finding]:
        bent = any(True for _ in network.having("activation"))
        for first in network.having("affine"):
            second = network.behind(first, "identity", "dropout", *([] if has(first, "linear") else ["reshape"]))
            if second is None or not has(second, "affine") or network.shared(first) or network.shared(second):
                continue
            weights = [_weights(n) for n in (first, second)]
            merged = _merged(first, second)
            if merged is None or not known(*weights):
                continue
            two = sum(weights)
            if merged[1] <= two or (bent and _dense_windows(first, second)):
                yield _finding(first, second, merged, two)


def _finding(first: Node, second: Node, merged: tuple[str, int], two: int) -> Finding:
    what, one = merged
    counts = f"{one:,} weights in place of {two:,}" if one <= two else f"{one:,} weights, and these have {two:,}"
    return Finding(
        second,
        f"with nothing but linear maps between, {first.op_name} {first.path} and this are one {what}: {counts}",
        help="put an activation between, or take one layer",
        related=((first, "the first of the two"),),
    )


def _weights(node: Node) -> Any:
    return prod(node.op.weights()["weight"]) if node.op is not None else None


def _merged(first: Node, second: Node) -> tuple[str, int] | None:
    """What the map is that both make, and its weights; None where it is none of the usual layers or sizes are open."""
    a: Any = first.op
    b: Any = second.op
    if has(second, "linear"):
        taken = a.in_features if has(first, "linear") else _all_taken(first, second)
        if not known(taken, b.out_features):
            return None
        return f"Linear of {b.out_features} features", taken * b.out_features
    if has(first, "linear") or first.outputs[0].shape != second.inputs[0].shape:  # type: ignore[union-attr]
        return None
    windows = (*a.kernel_size, *a.stride, *a.dilation, *b.kernel_size, *b.dilation)
    if a.rank != b.rank or not known(a.in_channels, b.out_channels, a.groups, b.groups, *windows):
        return None
    kernel = _kernel(first, second)
    if kernel is None:
        return None
    groups = gcd(a.groups, b.groups)
    size = " x ".join(map(str, kernel))
    kind = "convolution" if has(first, "conv") and has(second, "conv") else "transposed convolution"
    what = f"{kind} of kernel {size}"
    return what, a.in_channels // groups * b.out_channels * prod(kernel)


def _all_taken(first: Node, second: Node) -> int | None:
    """Values of a sample that a convolution takes, where a linear layer takes all those that it gives, flattened."""
    x, y = (wire.shape[1:] if wire and wire.shape else ("",) for wire in (first.inputs[0], first.outputs[0]))
    op: Any = second.op
    arriving = second.inputs[0].shape if second.inputs[0] is not None else None
    flat = arriving is not None and len(arriving) == 2 and known(*x, *y) and op.in_features == prod(y)
    return prod(map(int, x)) if flat else None


def _kernel(first: Node, second: Node) -> list[int] | None:
    """Cells that the merged kernel has along each axis, without those that no pair of cells makes."""
    a: Any = first.op
    b: Any = second.op
    if has(first, "transposed") or has(second, "transposed"):
        plain, other = (b, a) if has(first, "transposed") else (a, b)
        one = set(plain.kernel_size) == set(plain.stride) == {1} and plain.padding in ((0,) * plain.rank, "valid")
        return list(other.kernel_size) if one and not (has(first, "transposed") and has(second, "transposed")) else None
    each = zip(a.kernel_size, a.dilation, a.stride, b.kernel_size, b.dilation, strict=True)
    return [_cells(*axis) for axis in each]


def _cells(k: int, d: int, s: int, k2: int, d2: int) -> int:
    """Different places of the input that a kernel k2 over the outputs of a kernel k reads.

    Cell i of the one and j of the other read the place of i + step2 and j - step: each such pair makes one place less.

    >>> _cells(3, 1, 1, 3, 1), _cells(2, 1, 2, 3, 1), _cells(3, 2, 1, 1, 1)
    (5, 6, 3)
    """
    step, step2 = d // gcd(d, d2 * s), d2 * s // gcd(d, d2 * s)
    return k * k2 - max(0, k - step2) * max(0, k2 - step)


def _dense_windows(first: Node, second: Node) -> bool:
    """Whether both are plain convolutions of all channels with a kernel above 1 on every axis, and no bottleneck.

    Through a single channel they are a cascade of filters, which is factored on purpose.
    """
    a: Any = first.op
    b: Any = second.op
    if not (has(first, "conv") and has(second, "conv")) or min(*a.kernel_size, *b.kernel_size) == 1:
        return False
    plain = a.groups == b.groups == 1 and set(a.stride) == set(a.dilation) == set(b.dilation) == {1}
    return bool(plain and known(a.out_channels) and a.out_channels >= max(2, min(a.in_channels, b.out_channels)))


PAGES = {rule.code: rule for rule in (LinearAfterLinear,)}
