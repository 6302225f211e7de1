"""Rules on what a layer sees of the network's input: too little, beside what it should, or sizes that do not work."""

from __future__ import annotations

import re
from functools import lru_cache
from math import lcm
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.sight import input_sight, spatial_axes
from shapecalc.dims.field import WHOLE, Field
from shapecalc.dims.sizes import interval
from shapecalc.dims.sym import names
from shapecalc.lint.network import has
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.slide import by_size
from shapecalc.ops.op import ZERO
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.sight import Key, Sight, Track
    from shapecalc.dims.legal import Legal
    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.source import located


def sight_of(network: Network, wire: Wire) -> Sight:
    """What a value sees of the network's inputs."""
    if wire.node is not None:
        return network.report.sights[0][wire.node.index]
    return input_sight(wire.name, spatial_axes(wire))


class FieldSmallerThanInput(Rule):
    """no layer before the global pool sees the whole input

    Why:
        A global pool takes the mean over positions that each see a part of the input. Where no part is the whole, no
        feature can depend on how far parts lie apart: a bag of features. That may be meant, and saves layers.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
          - ReLU
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 4, stride: 4}
          - ReLU
          - Conv2d: {out_channels: 8, kernel_size: 9, padding: 4}
          - ReLU
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10

    Limits:
        The last global pool (or mean, maximum ... over all of the map) is judged, where windows come before it, and
        sizes must be known. A linear layer on a
        flattened map sees all of it, so that nothing is said of one. A field is counted from the first to the last
        pixel; the centre weighs most.
    """

    code = "SC315"

    def check(self, network: Network) -> Iterator[Finding]:
        pools = [node for node in network.having("adaptive", "pool") if _is_global(node)]
        pools += [node for node in network.having("reduction") if _takes_all(network, node)]
        if not pools:
            return
        node = max(pools, key=lambda pool: pool.index)
        wire = node.inputs[0]
        assert wire is not None
        seen = _seen(network, sight_of(network, wire))
        if seen is None or all(size >= whole or size == 1 for size, whole in seen):
            return
        sizes, wholes = zip(*seen, strict=True)
        yield Finding(
            node,
            f"each position that {node.op_name} takes sees {by_size(sizes)} of the {by_size(wholes)} input",
            help="further layers, strides or dilation before it see more",
        )


def _is_global(node: Node) -> bool:
    """Whether a pool leaves one position of all that arrive."""
    op: Any = node.op
    x, y = node.inputs[0], node.outputs[0].shape
    assert x is not None
    assert x.shape is not None
    assert y is not None
    if not all(type(size) is int and size == 1 for size in y[-op.rank :]):
        return False
    return has(node, "adaptive") or all(n == w.k for n, w in zip(x.shape[-op.rank :], op.windows, strict=True))


def _takes_all(network: Network, node: Node) -> bool:
    """Whether a mean or an extremum over axes leaves no axis along which what arrives lies."""
    return all(track.field is WHOLE for track in sight_of(network, node.outputs[0]).values())


def _seen(network: Network, sight: Sight) -> list[tuple[int, int]] | None:
    """Field and input size along each axis of one input; None where one is not known, or nothing runs."""
    sizes: Mapping[Key, Any] = {
        (wire.name, a): wire.shape[a] for wire in network.graph.inputs for a in spatial_axes(wire) if wire.shape
    }
    first = next(iter(sight), None)
    found = [(track.field, sizes[key]) for key, track in sight.items() if first and key[0] == first[0]]
    if not found or any(not isinstance(f, Field) or not isinstance(whole, int) for f, whole in found):
        return None
    pairs = [(field.size, whole) for field, whole in found]
    return pairs if all(isinstance(size, int) for size, _ in pairs) else None


class MisalignedMerge(Rule):
    """branches that merge look at different places of the input

    Why:
        An add or a concatenation puts together what stands at the same position of its branches. Where one branch was
        cropped or padded at one end only, the same position stands for another place of the input.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          stem: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          relu: ReLU
          conv: {Conv2d: {out_channels: 8, kernel_size: 5}}
          crop: {Pad: [0, -4, 0, -4], from: relu}
          add: {Add: [conv, crop]}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          stem: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          relu: ReLU
          conv: {Conv2d: {out_channels: 8, kernel_size: 5}}
          crop: {Pad: [-2, -2, -2, -2], from: relu}
          add: {Add: [conv, crop]}

    Limits:
        Less than one position is let pass, as good networks have it (an average pool of 2 beside a 3x3 convolution with
        stride 2), and less than (f + 1)/2 behind an upsampling by f. So are branches that read nothing ahead of the
        position itself, as causal convolutions do. A shift on purpose is told like one by mistake: suppress it.
    """

    code = "SC316"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("elementwise_merge", "cat"):
            sights = [sight_of(network, wire) for wire in node.inputs if wire is not None]
            apart = [found for key in sights[0] if (found := _apart(tuple([s.get(key) for s in sights])))]
            if apart:
                yield _misaligned(node, max(apart, key=lambda found: found.positions))


def _misaligned(node: Node, apart: Apart) -> Finding:
    wires = [wire for wire in node.inputs if wire is not None]
    first, other = wires[apart.first], wires[apart.other]
    return Finding(
        node,
        f"{first.origin} and {other.origin} look at places {_plural(apart.positions, 'position')} apart: "
        f"{_plural(apart.pixels, 'pixel')} of the input",
        help="crop or pad both ends alike",
        related=tuple((wire.node, "one of the two") for wire in (first, other) if wire.node is not None),
    )


def _plural(number: float, word: str) -> str:
    return f"{number:.3g} {word}{'s' * (number != 1)}"


class Apart:
    """Two inputs of a merge, by their numbers, that look `pixels` apart: `positions` of the merged map."""

    __slots__ = ("first", "other", "pixels", "positions")

    def __init__(self, first: int, other: int, pixels: float, positions: float) -> None:
        self.first = first
        self.other = other
        self.pixels = pixels
        self.positions = positions


@lru_cache(maxsize=1000)
def _apart(tracks: tuple[Track | None, ...]) -> Apart | None:
    """The two inputs that look furthest apart along an axis, where that is too far. Layers alike share tracks."""
    fields = [t.field for t in tracks if t is not None and t.aligned and not t.merged and _followed(t.field)]
    if len(fields) < len(tracks):
        return None
    period = lcm(*(f.period for f in fields))
    turn = fields[0].advance * (period // fields[0].period)
    if any(f.advance * (period // f.period) != turn for f in fields):
        return None
    ends = [_repeated(f.hi, f, period) for f in fields]
    if ends[0][0] <= 0 and all(end == ends[0] for end in ends):  # nothing ahead is read: causal convolutions
        return None
    # Twice the centres, summed over the phases: what the stride alone makes of them is the same in all inputs.
    centres = [sum(_repeated(f.lo, f, period)) + sum(end) for f, end in zip(fields, ends, strict=True)]
    distance = max(centres) - min(centres)
    if distance < turn * (period + 1):
        return None
    first, other = centres.index(min(centres)), centres.index(max(centres))
    return Apart(first, other, distance / (2 * period), distance / (2 * turn))


def _followed(field: Any) -> bool:
    """Whether it is a field of known numbers."""
    return isinstance(field, Field) and all(isinstance(edge, int) for edge in (field.advance, *field.lo, *field.hi))


def _repeated(edges: Sequence[int], field: Field, period: int) -> list[int]:
    """The edges of a field over a multiple of its period."""
    return [edge + turn * field.advance for turn in range(period // field.period) for edge in edges]


class RestrictedSizes(Rule):
    """the network works for some input sizes only

    Why:
        Strides and skips fit together for some sizes of the input; others fail, and have to be padded or cropped first.
        The sizes are exact: every other one fails.

    Bad:
        shapecalc: 1
        input: [3, H, 32]
        layers:
          down: {Conv2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}}
          relu: ReLU
          up: {ConvTranspose2d: {out_channels: 3, kernel_size: 2, stride: 2}}
          add: {Add: [input, up]}

    Good:
        shapecalc: 1
        input: [3, H, 32]
        layers:
          down: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          relu: ReLU
          up: {ConvTranspose2d: {out_channels: 3, kernel_size: 3, padding: 1}}
          add: {Add: [input, up]}

    Limits:
        A smallest size alone is not told: every network with a window has one. Sizes that the spec states as numbers
        are checked, not restricted.
    """

    code = "SC326"

    def check(self, network: Network) -> Iterator[Finding]:
        legal = network.report.legal
        if legal is None:
            return
        for symbols, said in _restrictions(legal):
            cause = next((a for a in network.graph.assumptions if _restricts(a, symbols)), None)
            yield Finding(
                None,
                f"the network works for {said} only",
                place=_place(network.spec.inputs, symbols[0]),
                help="pad or resize the input to such a size",
                related=((cause.node, "this layer needs it"),) if cause else (),
            )


def _restrictions(legal: Legal) -> Iterator[tuple[Sequence[str], str]]:
    """The symbols that are bound to more than a smallest size, and how."""
    for name, sizes in sorted(legal.sizes.items()):
        if sizes.min is not None and sizes != interval(sizes.min, None):
            yield (name,), sizes.describe(name)
    for joint in legal.joint:
        yield joint.names, joint.describe()


def _restricts(assumption: Any, symbols: Sequence[str]) -> bool:
    return assumption.claim.relation == ZERO and not names(assumption.gap).isdisjoint(symbols)


def _place(inputs: Sequence[tuple[str, located.Node]], symbol: str) -> located.Node | tuple[int, int]:
    """Where a symbol is written in the shapes of the inputs."""
    word = re.compile(rf"\b{re.escape(symbol)}\b")
    waiting = [node for _, node in inputs]
    for node in waiting:
        if isinstance(node, Items):
            waiting += node.items
        elif not isinstance(node, Scalar):
            waiting += [value for _, value in node.pairs]
        elif word.search(node.text):
            return node
    return waiting[0] if waiting else (0, 0)


PAGES = {rule.code: rule for rule in (FieldSmallerThanInput, MisalignedMerge, RestrictedSizes)}
