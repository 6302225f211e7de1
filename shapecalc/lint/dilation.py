"""The rule on dilations in a row: exactly which positions an output reads, holes and all.

A receptive field is a hull, from the first position read to the last. Here every position is a bit of an integer, so
that a window is a few shifts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.sight import spatial_axes
from shapecalc.dims.field import Point, Window
from shapecalc.lint.network import has
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import WORDS, known, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.sight import Key
    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.ops.op import Reads

    Prints = Mapping[Key, "Print | None"]

WIDEST = 1 << 16
"""Fields beyond so many positions are not followed."""


class Print:
    """What output 0 reads along an input axis: bit b of `bits` is position `low + b`; the next reads `step` further on.

    `at` is the axis of the value along which it runs. `dilated` are the layers with dilation on the way.
    """

    __slots__ = ("at", "bits", "dilated", "low", "step")

    def __init__(self, at: int, low: int, bits: int, step: int, dilated: tuple[Node, ...]) -> None:
        self.at = at
        self.low = low
        self.bits = bits
        self.step = step
        self.dilated = dilated

    @property
    def holes(self) -> bool:
        """Whether a position between the first and the last is not read, and several dilations led there."""
        return len(self.dilated) > 1 and self.bits & (self.bits + 1) != 0


class DilationGridding(Rule):
    """dilations in a row that leave holes in what is seen

    Why:
        Each dilated kernel reads every d-th position. Where the dilations of several layers share a factor, they read
        the same grid again and again, and an output never sees what lies between: neighbouring outputs are computed
        from separate pixels. See Wang et al.: Understanding Convolution for Semantic Segmentation (2018).

    Bad:
        shapecalc: 1
        input: [3, 64, 64]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2}
          - ReLU
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 4, dilation: 4}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 64, 64]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
          - ReLU
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2}
          - ReLU
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 4, dilation: 4}
          - ReLU

    Limits:
        Counted exactly from the network's input, through all layers before, so that layers of dilation 1 before or
        behind close the holes. A single dilated layer is left alone. Behind an upsampling nothing is told.
    """

    code = "SC313"

    def check(self, network: Network) -> Iterator[Finding]:
        if not any(w.d != 1 for node in network.having("conv", "pool") for w in node.op.windows):  # type: ignore[union-attr]
            return
        found: dict[int, list[tuple[Wire, Print]]] = {}
        for wire, print_ in _left_open(network):
            found.setdefault(print_.dilated[-1].index, []).append((wire, print_))
        for ends in found.values():
            _, print_ = ends[0]
            yield Finding(
                print_.dilated[-1],
                f"{_row(print_)}: an output reads {listed([_lines(*end) for end in ends])} that its field spans",
                argument="dilation",
                help="dilations without a common factor, such as 1, 2 and 5, leave no holes",
            )


def _left_open(network: Network) -> Iterator[tuple[Wire, Print]]:
    """Values that end with holes: outputs of the network, and what no layer takes on along the axis."""
    known: dict[int, Prints] = {
        id(wire): {(wire.name, a): Print(a, 0, 1, 1, ()) for a in spatial_axes(wire)} for wire in network.graph.inputs
    }
    ends: dict[tuple[int, Key], tuple[Wire, Print]] = {}
    goes_on: set[tuple[int, Key]] = set()
    for node in network.nodes:
        below = [known.get(id(wire), {}) for wire in node.inputs]
        prints = _step(node, below)
        for wire, sight in zip(node.inputs, below, strict=True):
            goes_on |= {(id(wire), key) for key in sight if prints.get(key) is not None}
        for i, wire in enumerate(node.outputs):
            known[id(wire)] = prints if i == 0 else dict.fromkeys(prints)
        first = node.outputs[0]
        ends.update({(id(first), key): (first, p) for key, p in prints.items() if p is not None and p.holes})
    for place, end in ends.items():
        if place not in goes_on or network.is_output(end[0]):
            yield end


def _step(node: Node, below: Sequence[Prints]) -> Prints:
    """What the first output of a node reads of each input axis; None where that is not followed."""
    assert node.op is not None
    xs: Any = [None if w is None else w.shape for w in node.inputs]
    reads = node.op.window(xs, [w.shape for w in node.outputs])  # type: ignore[misc]
    parts = [
        {key: _through(p, node, xs[i], None if reads is None else reads[i]) for key, p in sight.items()}
        for i, sight in enumerate(below)
    ]
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: _joined([part[key] for part in parts if key in part]) for key in keys}


def _through(old: Print | None, node: Node, x: Any, reads: Reads | None) -> Print | None:
    if old is None:
        return None
    if reads is None:
        shape = node.outputs[0].shape
        assert shape is not None
        return Print(old.at + len(shape) - len(x), old.low, old.bits, old.step, old.dilated)
    for axis, (source, window) in enumerate(reads):
        if source == old.at and isinstance(window, Point):
            return Print(axis, old.low, old.bits, old.step, old.dilated)
        if source == old.at and isinstance(window, Window):
            return _windowed(old, node, axis, window)
    return None


def _windowed(old: Print, node: Node, axis: int, window: Window) -> Print | None:
    k, s, p, d = window.k, window.s, window.p, window.d
    if not known(k, s, p, d) or k * d * old.step > WIDEST:
        return None
    bits = 0
    for t in range(k):
        bits |= old.bits << (t * d * old.step)
    dilated = (*old.dilated, node) if d > 1 and k > 1 and has(node, "conv", "pool") else old.dilated
    found = Print(axis, old.low - p * old.step, bits, old.step * s, dilated)
    return found if bits.bit_length() <= WIDEST else None


def _joined(prints: Sequence[Print | None]) -> Print | None:
    """What a value made of several reads: all that they do, of those that are followed.

    A branch that is not followed (a pool that sees all, an upsampling) reads more, but closes no hole beside it: so a
    gate on a map, and the image's mean among the dilated branches of a pyramid.
    """
    known = [p for p in prints if p is not None]
    if not known:
        return None
    first = known[0]
    if any((p.at, p.step) != (first.at, first.step) for p in known):
        return None
    if len(known) == 1:
        return first
    low = min(p.low for p in known)
    bits = 0
    for p in known:
        bits |= p.bits << (p.low - low)
    return Print(first.at, low, bits, first.step, max((p.dilated for p in known), key=len))


def _row(print_: Print) -> str:
    """The dilations that led there."""
    ops: list[Any] = [layer.op for layer in print_.dilated]
    numbers = [str(max(w.d for w in op.windows)) for op in ops]
    shown = listed(numbers) if len(numbers) <= 8 else f"{', '.join(numbers[:6])}, ... {numbers[-1]}"
    return f"dilations {shown} in a row leave holes"


def _lines(wire: Wire, print_: Print) -> str:
    """How many lines across an axis an output reads. Pixels are not counted: branches that met are no rectangle."""
    op: Any = print_.dilated[-1].op
    assert wire.shape is not None
    place = len(wire.shape) - print_.at
    word = WORDS[op.rank][-place] if place <= op.rank else WORDS[1][0]
    return f"{print_.bits.bit_count():,} of the {print_.bits.bit_length():,} {word}s"


PAGES = {rule.code: rule for rule in (DilationGridding,)}
