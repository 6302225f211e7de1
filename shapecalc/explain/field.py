"""The receptive field of a layer from that of the layer before it, axis by axis, by the window that the layer states.

The recurrence is that of `dims/field.py`, run on named quantities: R positions seen, jump J, start A.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.sight import Track, spatial_axes
from shapecalc.dims.factor import split_product
from shapecalc.dims.field import IDENTITY, WHOLE, Field
from shapecalc.dims.sym import Sym, symbol
from shapecalc.explain.letters import PLACES
from shapecalc.explain.steps import Working
from shapecalc.explain.trace import attempt, same
from shapecalc.explain.traced import named, traced, tree_of
from shapecalc.explain.tree import Name, Number, evaluated, names, product, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.explain.trace import Trace
    from shapecalc.explain.traced import Journal
    from shapecalc.explain.tree import Tree
    from shapecalc.graph.graph import Wire

BRANCHES = "branches meet: from the lowest edge to the highest"
PHASES = "it differs from output to output: the largest of a period"
SAME = "the same as the layer before: one position is read"
ALL = "the whole axis"


class AxisField:
    """The field of a layer along one input axis: how many positions, their stride, and the first one.

    `place` names the axis; `before` is the size seen by the layer before, None for several branches.
    """

    __slots__ = ("before", "jump", "place", "size", "start")

    def __init__(self, place: str, before: Any, size: Working, jump: Working | None, start: Working | None) -> None:
        self.place = place
        self.before = before
        self.size = size
        self.jump = jump
        self.start = start


def fields(report: Report, layer: Layer, trace: Trace) -> list[AxisField]:
    """The field along each spatial axis of the input that it is relative to; empty where the layer sees none."""
    field = layer.receptive_field
    if field is None or report.graph is None:
        return []
    wire = next(w for w in report.graph.inputs if w.name == field.input)
    axes = spatial_axes(wire)
    places = PLACES.get(len(axes), tuple(f"axis {a}" for a in axes))
    return [
        _axis(report, layer, trace, (wire.name, a), place)
        for a, place in zip(axes, places, strict=True)
        if (wire.name, a) in layer.sight
    ]


def _axis(report: Report, layer: Layer, trace: Trace, key: tuple[str, int], place: str) -> AxisField:
    track = layer.sight[key]
    befores = [t for t in (_before(report, w, key) for w in layer.node.inputs) if t is not None]
    seen = track.field
    if not isinstance(seen, Field):
        return AxisField(place, None, Working("field", None, ALL if seen is WHOLE else seen.reason), None, None)
    if len(befores) != 1:
        return _computed(place, track, BRANCHES)
    before = befores[0].field
    window = attempt(lambda: _window(trace, layer, befores[0], key, report))
    found = _pulled(window, before, trace.letters.journal) if window is not None and isinstance(before, Field) else None
    if found is None or not all(map(same, found, (seen.size, seen.stride, seen.start))):
        same_field = isinstance(before, Field) and before == seen
        return _computed(place, track, SAME if same_field else PHASES)
    size, jump, start = found
    return AxisField(place, before.size, Working("field", size), Working("jump", jump), Working("start", start))


def _computed(place: str, track: Track, reason: str) -> AxisField:
    seen = track.field
    jump = None if track.merged else Working("jump", seen.stride, reason)
    return AxisField(place, None, Working("field", seen.size, reason), jump, None)


def _before(report: Report, wire: Wire | None, key: tuple[str, int]) -> Any:
    """What an input of the layer sees along the axis."""
    if wire is None:
        return None
    if wire.node is None:
        return Track(IDENTITY, key[1]) if wire.name == key[0] else None
    return report.layers[wire.node.index].sight.get(key)


def _window(trace: Trace, layer: Layer, before: Track, key: tuple[str, int], report: Report) -> Any:
    """What the operator reads along the axis on which the field below runs."""
    reads = trace.op.window(trace.xs, trace.ys)
    index = next(i for i, w in enumerate(layer.node.inputs) if _before(report, w, key) is not None)
    if reads is None or reads[index] is None:
        return None
    return next(window for source, window in reads[index] if source == before.at)


def _pulled(window: Any, before: Field, journal: Journal) -> tuple[Any, Any, Any] | None:
    """Size, jump and start of the field behind a window, on named quantities; None where phases decide."""
    if before.period != 1:
        return None
    r, jump, start = (named(w, v, journal, meaning) for w, v, meaning in _letters(before))
    after = attempt(lambda: window.pull(Field(1, jump, (start,), (start + r - 1,))))
    if not isinstance(after, Field) or after.period != 1:
        return None
    return _tidy(after.size, journal), after.stride, after.start


def _letters(before: Field) -> tuple[tuple[str, Any, str], ...]:
    """Letters, values and meanings of the field of the layer before."""
    return (
        ("R", before.size, "receptive field before"),
        ("J", before.stride, "jump before"),
        ("A", before.start, "first position before"),
    )


def _tidy(size: Any, journal: Journal) -> Any:
    """R + d*(k - 1)*J in place of edges that cancel out: the same polynomial, taken apart into factors."""
    tree = tree_of(size)
    letters = names(tree)
    form = attempt(lambda: evaluated(tree, {w: symbol(w) for w in letters}) - symbol("R"))
    if form is None:
        return size
    if isinstance(form, int):
        return traced(total(letters["R"], Number(form)), journal)
    factors, constant = split_product(form)
    grown: Tree = Number(1)
    for factor in sorted(factors, key=lambda f: isinstance(f, Sym) and len(f.terms) == 1 and "J" in f.names):
        grown = product(grown, _tree(factor, letters))
    return traced(total(letters["R"], total(grown, Number(constant))), journal)


def _tree(form: Any, letters: Mapping[str, Name]) -> Tree:
    """A polynomial of names as a tree. Raises KeyError for one with floors."""
    if isinstance(form, int):
        return Number(form)
    found: Tree = Number(0)
    for mono, count in sorted(form.terms.items(), key=lambda item: not item[0]):
        part: Tree = Number(abs(count))
        for atom in mono:
            part = product(part, letters[atom.text])
        found = total(found, part, 1 if count > 0 else -1)
    return found
