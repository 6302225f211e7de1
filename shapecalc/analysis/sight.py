"""Graph -> receptive fields: what one position of each value sees of each spatial axis of the network's inputs.

A value's sight is a mapping from (input name, input axis) to the axis along which the field runs and the field itself.
Borders are ignored, as in the literature: a field may reach into the padding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import IDENTITY, WHOLE, Field, Unknown, merge
from shapecalc.dims.sym import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.ops.op import Operator, Reads, Shape

    Key = tuple[str, int]
    Sight = Mapping[Key, "Track"]

REGROUPED = Unknown("the layer regroups axes, so no fixed field runs along one of them")
UNSTATED = Unknown("the block does not state its window")
NOWHERE = Unknown("an earlier layer of unknown shape")


class Track:
    """How one input axis is seen: the field, the axis of the value along which it runs, and whether that is shared.

    `at` is None where the field no longer runs along an axis. `merged` says that several axes were flattened into
    that one, so that a stride along it means nothing. `aligned` is false once branches met whose centres differ.
    """

    __slots__ = ("aligned", "at", "field", "merged")

    def __init__(self, field: Any, at: int | None, merged: bool = False, aligned: bool = True) -> None:
        self.field = field
        self.at = at
        self.merged = merged
        self.aligned = aligned


NO_SIGHT: Sight = {}
MOST_NOTES = 1000
"""Sights noted with one operator: of equal layers one behind the other each has another."""


def sights(graph: Graph) -> tuple[list[Sight], dict[str, tuple[int, ...]]]:
    """The sight of every node's outputs, by node index, and the spatial axes of every input by its name."""
    axes = {wire.name: spatial_axes(wire) for wire in graph.inputs}
    start = {name: input_sight(name, spatial) for name, spatial in axes.items()}
    seen: list[Sight] = graph.facts.setdefault("sights", [])
    for node in graph.nodes[len(seen) :]:
        below = [None if w is None else _of(w, start, seen) for w in node.inputs]
        seen.append(_noted(node, below))
    return seen, axes


@lru_cache(maxsize=100)
def input_sight(name: str, axes: tuple[int, ...]) -> Sight:
    """What an input sees of itself; one object for all networks, so that what is noted with it is found again."""
    return {(name, a): Track(IDENTITY, a) for a in axes}


def _noted(node: Node, below: Sequence[Sight | None]) -> Sight:
    """The sight of a node's outputs, noted with its operator: it depends on nothing else but the sights below.

    A note holds those too, so that their ids mean them as long as it is kept.
    """
    if node.op is None or not node.outputs or node.outputs[0].shape is None:
        return _step(node, below)  # a mistake in this layer is no fact of the operator, which others share
    notes = node.op.notes
    key = id(below[0]) if len(below) == 1 else ("sight", *map(id, below))
    noted = notes.get(key)
    if noted is None:
        if len(notes) > MOST_NOTES:
            notes.clear()
        noted = notes[key] = _step(node, below), below
    return noted[0]


def spatial_axes(wire: Wire) -> tuple[int, ...]:
    """The axes of an input along which positions lie: those after batch and channels, or the only one."""
    if wire.shape is None:
        return ()
    own = [a for a, size in enumerate(wire.shape) if "N" not in names(size)]
    return tuple(own[1:] if len(own) > 1 else own)


def _of(wire: Wire, start: dict[str, Sight], seen: list[Sight]) -> Sight:
    return start.get(wire.name, NO_SIGHT) if wire.node is None else seen[wire.node.index]


def _step(node: Node, below: Sequence[Sight | None]) -> Sight:
    if node.op is None or not node.outputs or node.outputs[0].shape is None:
        return {key: Track(NOWHERE, None) for sight in below if sight for key in sight}
    xs: list[Any] = [None if w is None else w.shape for w in node.inputs]
    y = node.outputs[0].shape
    reads = _reads(node.op, xs, node)
    closed = UNSTATED if node.op.stated else REGROUPED
    each = [(None if reads is None else reads[i], xs[i], sight) for i, sight in enumerate(below) if sight]
    parts = [_through(sight, x, y, through, closed) for through, x, sight in each]
    return parts[0] if len(parts) == 1 else _met(parts)


def _reads(op: Operator, xs: Any, node: Node) -> Sequence[Reads | None] | None:
    if "reads" not in op.notes:
        op.notes["reads"] = op.window(xs, [w.shape for w in node.outputs])  # type: ignore[misc]
    return op.notes["reads"]  # type: ignore[no-any-return]


def _through(sight: Sight, x: Shape, y: Shape, reads: Reads | None, closed: Unknown) -> Sight:
    """What the output sees through one of the inputs; `closed` where none of its axes is followed."""
    if reads is None:
        shift = len(y) - len(x)
        if shift == 0:
            return sight
        return {
            k: Track(t.field, None if t.at is None else t.at + shift, t.merged, t.aligned) for k, t in sight.items()
        }
    if not reads and y:
        return {k: t if t.field is WHOLE else Track(closed, None) for k, t in sight.items()}
    return {key: _pulled(track, reads) for key, track in sight.items()}


def _pulled(track: Track, reads: Reads) -> Track:
    if track.at is None:
        return track
    for axis, (source, window) in enumerate(reads):
        if source == track.at:
            return _windowed(track, axis, window)
        if isinstance(source, tuple) and track.at in source:
            return Track(window.pull(track.field), axis, len(source) > 1, track.aligned)
    return Track(WHOLE, None, aligned=track.aligned)


def _windowed(track: Track, axis: int, window: Any) -> Track:
    field = window.pull(track.field)
    if track.merged and field is not track.field and field is not WHOLE:
        return Track(REGROUPED, None)
    return Track(field, axis if isinstance(field, Field) else None, track.merged, track.aligned)


def _met(parts: list[Sight]) -> Sight:
    """The sights of several inputs together."""
    met: dict[Key, Track] = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        tracks = [part[key] for part in parts if key in part]
        met[key] = tracks[0] if len(tracks) == 1 else _joined(tracks)
    return met


def _joined(tracks: list[Track]) -> Track:
    first = tracks[0]
    running = {t.at for t in tracks if isinstance(t.field, Field)}
    if len(running) > 1:
        return Track(REGROUPED, None)
    field, aligned = merge([t.field for t in tracks])
    at = next(iter(running)) if isinstance(field, Field) else None
    return Track(field, at, first.merged, aligned is not False and all(t.aligned for t in tracks))
