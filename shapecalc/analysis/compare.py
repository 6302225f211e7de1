"""Two reports -> what differs: layers added, removed, changed and moved; totals; keys of the `state_dict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape

ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"
FIGURES = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "flops",
    "peak_activation_bytes",
    "saved_bytes",
    "train_bytes",
)
MOST_ALIGNED = 4000
"""Layers up to which two networks are aligned as sequences; larger ones are compared path by path."""


class Change:
    """One layer that differs: before, after (one is None where it was added or removed), and in what."""

    __slots__ = ("after", "before", "details", "kind")

    def __init__(self, kind: str, before: Layer | None, after: Layer | None, details: Sequence[str] = ()) -> None:
        self.kind = kind
        self.before = before
        self.after = after
        self.details = details

    @property
    def path(self) -> str:
        """Where it stands now, or stood."""
        layer = self.after or self.before
        assert layer is not None
        return layer.path


class Figure:
    """One total, before and after; None where it is not known."""

    __slots__ = ("after", "before", "key")

    def __init__(self, key: str, before: Any, after: Any) -> None:
        self.key = key
        self.before = before
        self.after = after

    @property
    def difference(self) -> Dim | None:
        if self.before is None or self.after is None:
            return None
        found: Dim = self.after - self.before
        return found

    @property
    def growth(self) -> float | None:
        """The difference as a share of what was: 0.05 for 5 %. None where a size is unknown or nothing was."""
        difference = self.difference
        if isinstance(difference, Sym) or difference is None or isinstance(self.before, Sym):
            return 0.0 if difference == 0 and difference is not None else None
        return difference / self.before if self.before else None if difference else 0.0


class Comparison:
    """All that differs between two networks. `keys` maps `state_dict` keys to their shapes (before, after)."""

    def __init__(self, before: Report, after: Report) -> None:
        self.before = before
        self.after = after
        self.changes = list(_changes(before.layers, after.layers))
        self.figures = [Figure(key, getattr(before.totals, key), getattr(after.totals, key)) for key in FIGURES]
        self.keys = _keys(before.state_dict(), after.state_dict())

    @property
    def fields(self) -> tuple[Any, Any]:
        """The receptive fields of both, None where there is none."""
        before, after = (report.totals.receptive_field for report in (self.before, self.after))
        return before and before.size, after and after.size

    @property
    def same(self) -> bool:
        """Whether nothing at all differs."""
        return not self.changes and not self.keys and all(f.before == f.after for f in self.figures)


def _keys(before: dict[str, Shape], after: dict[str, Shape]) -> dict[str, tuple[Shape | None, Shape | None]]:
    return {
        key: (before.get(key), after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    }


def _changes(before: Sequence[Layer], after: Sequence[Layer]) -> Iterator[Change]:
    for old, new in _pairs(before, after):
        if old is None or new is None:
            yield Change(REMOVED if new is None else ADDED, old, new)
            continue
        details = list(_details(old, new))
        if details:
            yield Change(CHANGED, old, new, details)
        elif old.path != new.path:
            yield Change(MOVED, old, new)


def _pairs(before: Sequence[Layer], after: Sequence[Layer]) -> Iterator[tuple[Layer | None, Layer | None]]:
    """Layers that correspond, in the order of the new network; with None for those that have no counterpart."""
    if max(len(before), len(after)) > MOST_ALIGNED:
        yield from _by_path(before, after)
        return
    for equal, old, new in _aligned(before, after, _token):
        if equal:
            yield from zip(old, new, strict=True)
            continue
        for alike, olds, news in _aligned(old, new, _kind):
            yield from zip(olds, news, strict=True) if alike else _by_path(olds, news)


def _aligned(
    before: Sequence[Layer], after: Sequence[Layer], key: Callable[[Layer], str]
) -> Iterator[tuple[bool, Sequence[Layer], Sequence[Layer]]]:
    """Runs of two sequences, alike by `key` or not, in order."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, [key(x) for x in before], [key(x) for x in after], autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        yield tag == "equal", before[i:i_end], after[j:j_end]


def _by_path(before: Sequence[Layer], after: Sequence[Layer]) -> Iterator[tuple[Layer | None, Layer | None]]:
    """Of layers that are not alike, those with the same path and operator are one layer that changed."""
    old = {(x.path, x.op): x for x in before}
    kept = {(x.path, x.op) for x in after}
    yield from ((x, None) for x in before if (x.path, x.op) not in kept)
    yield from ((old.get((x.path, x.op)), x) for x in after)


def _token(layer: Layer) -> str:
    """What makes two layers the same one: name of the last step of the path where it has one, operator, arguments."""
    return f"{_kind(layer)} {_made(layer)}"


def _kind(layer: Layer) -> str:
    """What makes two layers one that changed: the name, where it has one, and the operator."""
    name = layer.path.rpartition(".")[2]
    return f"{'' if name.isdigit() else name} {layer.op}"


def _made(layer: Layer) -> str:
    op = layer.node.op
    return layer.op if op is None else op.constructor() or op.call("", ["x"] * len(layer.node.inputs))


def _details(old: Layer, new: Layer) -> Iterator[str]:
    """In what a layer differs, in words."""
    was, now = _made(old), _made(new)
    if was != now:
        yield f"{was} -> {now}"
    if old.output_shapes != new.output_shapes:
        yield f"output {_shapes(old)} -> {_shapes(new)}"
    sources = [_sources(layer) for layer in (old, new)]
    if was == now and old.path == new.path and sources[0] != sources[1]:
        yield f"from {', '.join(sources[0])} -> {', '.join(sources[1])}"


def _shapes(layer: Layer) -> str:
    return ", ".join("?" if s is None else " x ".join(map(str, s)) for s in layer.output_shapes)


def _sources(layer: Layer) -> list[str]:
    """Where the inputs come from, where that is named: numbers move when a layer is added."""
    origins = [w.origin for w in layer.node.inputs if w is not None]
    return [] if any(part.isdigit() for o in origins for part in o.split(".")) else origins
