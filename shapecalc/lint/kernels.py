"""Rules on the arguments of a window that do not go together: kernel, stride, padding and dilation."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, Any

from shapecalc.lint.edit import set_argument
from shapecalc.lint.network import has, of_operator
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import WORDS, behind, by_size, counted, known, listed, number_or_list, plain, slides
from shapecalc.source.diagnostic import DISPLAY, UNSAFE, Fix
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network
    from shapecalc.lint.slide import Slide


class EvenKernel(Rule):
    """an even kernel with symmetric padding shifts the map by half a pixel

    Why:
        An even kernel has no middle. With the same padding at both ends and stride 1 the map becomes a pixel larger or
        smaller, never the same, and every output lies half a pixel beside the input that it stands for.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 4, padding: 2}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 5, padding: 2}
          - ReLU

    Limits:
        With a stride an even kernel halves a map exactly, and without padding it is no attempt to keep the size: both
        are left alone. So are two such layers in a row that do not enlarge the map: half a pixel twice is a whole one.
        `padding: same` keeps the size, padding one end more than the other.
    """

    code = "SC310"

    def check(self, network: Network) -> Iterator[Finding]:
        paired: set[int] = set()
        for node in network.having("conv"):
            uneven = _uneven(node)
            if not any(a.p for a in uneven) or node.index in paired:
                continue
            partner = _partner(network, node)
            if partner is not None:
                paired.add(partner.index)
                continue
            axis = next(a for a in uneven if a.p)
            yield Finding(
                node,
                f"kernel {axis.k} with padding {axis.p} at both ends makes the map {_change(uneven)} and shifts it by "
                "half a pixel",
                argument="kernel_size",
                help=f"a kernel of {axis.k - 1} or {axis.k + 1} has a middle",
            )


@of_operator
def _uneven(node: Node) -> list[Slide]:
    """The axes of a convolution along which the window has no middle and the padding is the same at both ends."""
    op: Any = node.op
    if isinstance(op.padding, str):
        return []
    return [a for a in slides(node) if a.s == 1 and a.extent % 2 == 0]


def _growth(axes: Sequence[Slide]) -> list[int]:
    return [2 * a.p - a.extent + 1 for a in axes]


def _partner(network: Network, node: Node) -> Node | None:
    """The next such layer, where both together neither shift by half a pixel nor enlarge the map."""
    other = behind(network, node)
    if other is None or not has(other, "conv"):
        return None
    here, there = _uneven(node), _uneven(other)
    if [a.word for a in here] != [a.word for a in there]:
        return None
    both = [a + b for a, b in zip(_growth(here), _growth(there), strict=True)]
    return other if max(both) <= 0 else None


def _change(axes: Sequence[Slide]) -> str:
    parts = [
        f"{counted(abs(more), a.word)} {'larger' if more > 0 else 'smaller'}"
        for a, more in zip(axes, _growth(axes), strict=True)
    ]
    return listed(parts)


class ShrinkingPadding(Rule):
    """padding that keeps the size for another kernel than this one

    Why:
        With stride 1 a map keeps its size where the padding is half of what the kernel spans less one: 1 for a kernel
        of 3, 2 for 5, and twice that with dilation 2. Other padding pads and changes the size all the same; mostly
        kernel or dilation were changed and the padding was not.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 5, padding: 1}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 5, padding: 2}
          - ReLU

    Limits:
        Odd kernels with stride 1 only. Padding of the whole span or more (a full convolution) is left alone, as it
        enlarges the map on purpose. The fix is unsafe: outputs change.
    """

    code = "SC323"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("conv"):
            wrong = _neither(node)
            if not wrong:
                continue
            axis = wrong[0]
            dilated = f" and dilation {axis.d}" if axis.d > 1 else ""
            due = number_or_list([a.extent // 2 if _between(a) else a.p for a in slides(node)])
            yield Finding(
                node,
                f"padding {axis.p} with kernel {axis.k}{dilated} makes the map {_change(wrong)}; {axis.extent // 2} "
                "keeps its size",
                argument="padding",
                help=f"write `padding: {due}` or `padding: same` to keep the size, `padding: 0` to have none",
                fix=_padding_fix(network, node, due, UNSAFE),
            )


@of_operator
def _neither(node: Node) -> list[Slide]:
    """The axes of a convolution along which the padding in numbers is neither half of the span nor all of it."""
    op: Any = node.op
    return [] if isinstance(op.padding, str) else [a for a in slides(node) if _between(a)]


def _between(axis: Slide) -> bool:
    span = axis.extent - 1
    return axis.s == 1 and axis.k > 1 and span % 2 == 0 and 0 < axis.p < span and 2 * axis.p != span


def _padding_fix(network: Network, node: Node, due: str, safety: str) -> Fix | None:
    if node.child is None or not plain(node, "kernel_size", "padding", "dilation", "stride"):
        return None
    edit = set_argument(network.source, node.child, "padding", due)
    return Fix(f"set `padding: {due}`", (edit,), safety) if edit else None


class Checkerboard(Rule):
    """a transposed convolution whose kernel does not divide by its stride

    Why:
        Where the kernel is no multiple of the stride, some outputs are sums over more inputs than their neighbours: a
        checkerboard that the weights have to learn away. See Odena, Dumoulin, Olah: Deconvolution and Checkerboard
        Artifacts (Distill, 2016).

    Bad:
        shapecalc: 1
        input: [8, 16, 16]
        layers:
          - ConvTranspose2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
          - ReLU

    Good:
        shapecalc: 1
        input: [8, 16, 16]
        layers:
          - ConvTranspose2d: {out_channels: 8, kernel_size: 4, stride: 2, padding: 1}
          - ReLU

    Limits:
        Some good networks have it (CycleGAN's generator) and live with it. The border is left out of account.
    """

    code = "SC312"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("transposed"):
            op: Any = node.op
            if not known(*op.kernel_size, *op.stride, *op.padding, *op.output_padding, *op.dilation):
                continue
            terms = [_terms(k, s, d) for k, s, d in zip(op.kernel_size, op.stride, op.dilation, strict=True)]
            uneven = [a for a, (least, most) in enumerate(terms) if least < most]
            if not uneven:
                continue
            yield Finding(
                node,
                f"kernel {number_or_list(op.kernel_size)} with stride {number_or_list(op.stride)}: "
                f"{_in_turn(op.rank, uneven, terms)}",
                argument="kernel_size",
                help=_even(op),
            )


def _terms(k: int, s: int, d: int) -> tuple[int, int]:
    """Over how many inputs the outputs along an axis are sums, at least and at most.

    The cells of the kernel deal themselves out in turn to the outputs at multiples of gcd(stride, dilation).

    >>> _terms(4, 2, 1), _terms(3, 2, 1), _terms(3, 2, 2)
    ((2, 2), (1, 2), (0, 3))
    """
    turn = s // gcd(s, d)
    return (k // turn if turn == s else 0), -(-k // turn)


def _in_turn(rank: int, uneven: Sequence[int], terms: Sequence[tuple[int, int]]) -> str:
    """What neighbours differ in: along each axis, and over all of them together."""
    low, high = (prod(ends) for ends in zip(*terms, strict=True))
    words = listed([f"{WORDS[rank][a]}s" for a in uneven])
    return f"the outputs of neighbouring {words} are sums over {low:,} to {high:,} inputs a channel"


def _even(op: Any) -> str:
    """Arguments with the same output size and as many inputs for each output."""
    values = zip(op.kernel_size, op.stride, op.padding, op.output_padding, strict=True)
    if len({*values}) > 1 or max(op.dilation) > 1:
        return "let the kernel be a multiple of the stride along each axis, or resize and convolve"
    (k, s, p, o), *_ = zip(op.kernel_size, op.stride, op.padding, op.output_padding, strict=True)
    kernel = (k + s - 1) // s * s
    cut = 2 * p - o + kernel - k  # 2 * padding - output_padding of the larger kernel
    sizes = f"kernel_size: {kernel}, stride: {s}, padding: {(cut + 1) // 2}, output_padding: {cut % 2}"
    return f"`{sizes}` gives the same size evenly; or resize and convolve"


class ListAsWindow(Rule):
    """a window such as [3, 2] where kernel and stride may be meant

    Why:
        A bare list is the kernel, one number for each axis, and a pool's stride is its kernel: `MaxPool2d: [3, 2]` has
        windows of 3 rows and 2 columns that do not overlap. The usual pool has a kernel of 3 and a stride of 2.

    Bad:
        shapecalc: 1
        input: [3, 55, 55]
        layers:
          - MaxPool2d: [3, 2]
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 55, 55]
        layers:
          - MaxPool2d: {kernel_size: 3, stride: 2}
          - ReLU

    Limits:
        Only bare lists whose second number is smaller, and at least 2: `[2, 1]` pools one axis. Write
        `{kernel_size: [3, 2]}` where the window is meant. The fix is unsafe: sizes change.
    """

    code = "SC314"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("pool"):
            argument = node.child.argument if node.child else None
            if not isinstance(argument, Items) or len(argument.items) != 2:
                continue
            op: Any = node.op
            k, s = op.kernel_size
            if not known(k, s) or not 2 <= s < k:
                continue
            sizes = [a.leaves for a in slides(node)]
            yield Finding(
                node,
                f"[{k}, {s}] is a window of {k} rows and {s} columns with stride [{k}, {s}], which gives "
                f"{by_size(sizes)}",
                argument="kernel_size",
                help=f"write `{{kernel_size: {k}, stride: {s}}}`, or `{{kernel_size: [{k}, {s}]}}` if the window is "
                "meant",
                fix=_window_fix(network, argument, k, s),
            )


def _window_fix(network: Network, written: Items, k: int, s: int) -> Fix | None:
    literal = all(isinstance(item, Scalar) and type(item.value) is int for item in written.items)
    if not literal or network.source.text[written.start : written.start + 1] != "[":
        return None
    new = f"{{kernel_size: {k}, stride: {s}}}"
    return Fix(f"write `{new}`", ((written.start, written.end, new),), UNSAFE)


class PaddingModeWithoutPadding(Rule):
    """a padding mode where nothing is padded

    Why:
        A padding mode says what padded cells hold. Where the padding is 0, which is the default, there are none: the
        mode does nothing, and the padding was forgotten.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding_mode: reflect}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1, padding_mode: reflect}
          - ReLU

    Limits:
        The fix is for display: whether the padding or the mode is wrong is not known.
    """

    code = "SC327"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("conv"):
            op: Any = node.op
            axes = slides(node)
            if op.padding_mode == "zeros" or not axes or any(op.total_padding):
                continue
            due = number_or_list([a.extent // 2 for a in axes])
            yield Finding(
                node,
                f"padding_mode {op.padding_mode} does nothing, as the padding is 0",
                argument="padding_mode",
                help=f"write `padding: {due}` beside it, or leave it out",
                fix=_padding_fix(network, node, due, DISPLAY) if due != "0" else None,
            )


PAGES = {
    rule.code: rule for rule in (EvenKernel, Checkerboard, ListAsWindow, ShrinkingPadding, PaddingModeWithoutPadding)
}
