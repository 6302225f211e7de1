"""Rules on what sliding windows leave unread: pixels between them, lines behind the last one, all but one pixel."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has, of_operator
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import by_size, counted, listed, number_or_list, read_elsewhere, slides, sliding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network
    from shapecalc.lint.slide import Slide


class StrideLargerThanKernel(Rule):
    """pixels between the windows are never read

    Why:
        Where the stride is larger than the kernel, the windows have gaps between them, and what lies there was computed
        for nothing. A dilation that shares a factor with the stride leaves such gaps too.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 16, kernel_size: 1, stride: 2}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 16, kernel_size: 2, stride: 2}

    Limits:
        Nothing is said where another layer reads what this one leaves out, as beside the 1x1 shortcut of a residual
        block, or where the value is an output too. Lines behind the last window are SC324.
    """

    code = "SC311"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in sliding(network):
            if not _gaps(node) or read_elsewhere(network, node, _gaps):
                continue
            axes = slides(node)
            wide = next(a for a in axes if _gap(a))
            tail = f" and dilation {wide.d}" if wide.d > 1 and wide.k > 1 else ""
            yield Finding(
                node,
                f"stride {wide.s} leaves gaps between windows of kernel {wide.k}{tail}: {_never_read(axes)}",
                argument="stride",
                help=f"a kernel of at least {wide.s} without dilation reads all of them; where subsampling is meant, "
                "pool before",
            )


def _gap(axis: Slide) -> bool:
    unread = axis.unread
    return axis.residues < axis.s if unread is None else unread > 0


@of_operator
def _gaps(node: Node) -> bool:
    """Whether a layer is a convolution or pool that leaves something between its windows unread."""
    return has(node, "conv", "pool") and any(_gap(axis) for axis in slides(node))


def _never_read(axes: Sequence[Slide]) -> str:
    gaps = [a for a in axes if _gap(a)]
    if any(a.unread is None for a in axes):
        parts = [f"{a.s - a.residues:,} of every {a.s:,} {a.word}s" for a in gaps]
        return f"{listed(parts)} are never read"
    parts = [f"{a.unread:,} of {counted(_size(a), a.word)}" for a in gaps]
    read = prod(_size(a) - (a.unread or 0) for a in axes) / prod(_size(a) for a in axes)
    share = f", {1 - read:.0%} of the pixels" if len(axes) > 1 else ""
    return f"{listed(parts)} are never read{share}"


def _size(axis: Slide) -> int:
    assert isinstance(axis.arrives, int)
    return axis.arrives


class DroppedLines(Rule):
    """rows or columns at the end that no window reads

    Why:
        Sizes are rounded down: where the stride does not divide what is left for the windows to travel, the last rows
        and columns are read by none. They were computed for nothing, and an object at the right or lower edge is seen
        worse than one at the left or upper.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
          - ReLU

    Limits:
        Lines of padding do not count, and sizes must be known. Well-known networks drop a line here and there, so that
        this is no warning. Nothing is said where another layer reads the lines.
    """

    code = "SC324"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in sliding(network):
            if not _drops(node) or read_elsewhere(network, node, _drops):
                continue
            axes = slides(node)
            lost = [a for a in axes if a.dropped]
            last = f"last {listed([counted(a.dropped, a.word) for a in lost])}"
            yield Finding(
                node,
                f"no window reads the {last}{_share(axes)}",
                argument="stride",
                help=_advice(node, axes),
            )


@of_operator
def _drops(node: Node) -> bool:
    """Whether floor drops lines here; with gaps between the windows that is another matter."""
    return has(node, "conv", "pool") and any(a.dropped for a in slides(node)) and not _gaps(node)


def _share(axes: Sequence[Slide]) -> str:
    if len(axes) == 1 or not all(isinstance(a.arrives, int) for a in axes):
        return ""
    sizes = [_size(a) for a in axes]
    lost = prod(sizes) - prod(size - a.dropped for size, a in zip(sizes, axes, strict=True))
    return f": {lost:,} of {prod(sizes):,} pixels"


def _advice(node: Node, axes: Sequence[Slide]) -> str:
    """What would read all lines: ceil_mode, padding, or another input."""
    op: Any = node.op
    ways = []
    if has(node, "pool") and getattr(op, "ceil_mode", True) is False:
        ways.append("`ceil_mode: true`")
    padding = [_padding(a) for a in axes]
    if has(node, "conv") and None not in padding:
        ways.append(f"`padding: {number_or_list([p for p in padding if p is not None])}`")
    sizes = [_size(a) - a.dropped if isinstance(a.arrives, int) else a.arrives for a in axes]
    return f"{' or '.join([*ways, f'an input of {by_size(sizes)}'])} leaves nothing out"


def _padding(axis: Slide) -> int | None:
    """The least padding with which the windows reach the end; None where it would be more than half a window."""
    if not axis.dropped:
        return int(axis.p)
    p = axis.p + 1
    left = (_size(axis) + 2 * p - axis.extent) % axis.s  # of the padded lines no window reads the last ones
    if left > p:  # each line of padding leaves two more, until another window fits
        p += (axis.s - left + 1) // 2
    return p if p <= axis.extent // 2 else None


class ConvOnOnePixel(Rule):
    """a convolution on a 1x1 map is a linear layer

    Why:
        On a map of one pixel a convolution of 1x1 computes what a linear layer computes. A larger kernel does too, as
        all its cells but one only ever meet padding, and those weights never learn.

    Bad:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - AdaptiveAvgPool2d: 1
          - Conv2d: {out_channels: 10, kernel_size: 3, padding: 1}
          - Flatten

    Good:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10

    Limits:
        A kernel of 1x1 is not told where the pixel goes back to a map, which a linear layer would need reshapes for:
        the gate of squeeze-and-excitation, the image's mean in a pyramid. A network that is meant for larger images
        too may have one pixel here for small ones only.
    """

    code = "SC405"

    def check(self, network: Network) -> Iterator[Finding]:
        found = [(node, axes) for node in network.having("conv") if _is_one_pixel(axes := slides(node))]
        back = _back_to_maps(network) if found else ()
        for node, axes in found:
            op: Any = node.op
            if node.index in back and prod(op.kernel_size) == 1:
                continue
            maps = f"{op.in_channels} -> {op.out_channels}"
            yield Finding(node, f"the map is one pixel: this is a linear layer {maps}{_idle(op, axes)}")


def _is_one_pixel(axes: Sequence[Slide]) -> bool:
    return len(axes) > 0 and all(a.arrives == a.leaves == 1 for a in axes)


def _back_to_maps(network: Network) -> set[int]:
    """The indices of layers whose value some layer, sooner or later, makes a map of that has more than one pixel."""
    found: set[int] = set()
    for node in reversed(network.nodes):
        shapes = [wire.shape for wire in node.outputs if wire.shape is not None and len(wire.shape) > 2]
        if node.index in found or any(any(size != 1 for size in shape[2:]) for shape in shapes):
            rank = max(map(len, shapes), default=0)
            found |= {w.node.index for w in node.inputs if w and w.node and w.shape and len(w.shape) == rank}
    return found


def _idle(op: Any, axes: Sequence[Slide]) -> str:
    """The weights that only ever meet padding: all cells of the kernel but one."""
    cells = prod(a.k for a in axes)
    if cells == 1 or op.padding_mode != "zeros":  # other modes pad with the pixel itself
        return ""
    weights = op.out_channels * (op.in_channels // op.groups) * cells
    if not isinstance(weights, int):
        return ""
    idle = f"{weights - weights // cells:,} of {weights:,} weights"
    return f", and {idle}, all but one cell of the {by_size([a.k for a in axes])} kernel, only meet padding"


PAGES = {rule.code: rule for rule in (StrideLargerThanKernel, DroppedLines, ConvOnOnePixel)}
