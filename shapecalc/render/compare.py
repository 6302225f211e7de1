"""Comparison -> text for a terminal, Markdown for a comment, plain objects for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.compare import ADDED, CHANGED, MOVED, REMOVED
from shapecalc.analysis.record import plain, shape_list
from shapecalc.render.number import axes, count, shape, size_bytes
from shapecalc.render.paint import PLAIN, aligned, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.compare import Change, Comparison, Figure
    from shapecalc.render.paint import Paint

SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~", MOVED: ">"}
COLOURS = {ADDED: "green", REMOVED: "red", CHANGED: "yellow", MOVED: "blue"}
NAMES = {
    "params": "parameters",
    "trainable_params": "trainable parameters",
    "buffers": "buffers",
    "macs": "MACs",
    "flops": "FLOPs",
    "peak_activation_bytes": "peak activations",
    "saved_bytes": "kept for backward",
    "train_bytes": "training step",
}
MOST_DIFFERENCE = 30
"""Closed forms of differences longer than this many characters say nothing to a reader."""
MOST_MOVED = 3
"""Moved layers beyond these are counted, not listed: one layer put in moves all behind it."""


def render_text(comparison: Comparison, paint: Paint = PLAIN) -> str:
    """Totals side by side, then each layer that differs, then the keys of the `state_dict` that do."""
    if comparison.same:
        return "The networks are the same: layers, figures and state_dict keys."
    parts = ["\n".join(_table(comparison, paint))]
    if comparison.changes:
        parts.append("\n".join(_layers(comparison, paint)))
    if comparison.keys:
        parts.append("\n".join(_keys(comparison)))
    return "\n\n".join(parts)


def _rows(comparison: Comparison) -> Iterator[tuple[str, str, str, str]]:
    for figure in comparison.figures:
        if figure.before != figure.after or figure.key in ("params", "macs"):
            show = size_bytes if figure.key.endswith("bytes") else count
            yield NAMES[figure.key], show(figure.before), show(figure.after), _difference(figure)
    before, after = comparison.fields
    if before != after:
        yield "receptive field", _field(before), _field(after), ""


def _field(sizes: Sequence[Any] | None) -> str:
    return "none" if sizes is None else axes(sizes)


def _difference(figure: Figure) -> str:
    difference = figure.difference
    if difference is None or difference == 0:
        return "not known" if difference is None else "the same"
    if not isinstance(difference, int):
        return str(difference) if len(str(difference)) <= MOST_DIFFERENCE else "differs"
    share = "" if figure.growth is None else f" ({figure.growth:+.1%})"
    amount = size_bytes(abs(difference)) if figure.key.endswith("bytes") else count(abs(difference))
    return f"{'+' if difference > 0 else '-'}{amount}{share}"


def _table(comparison: Comparison, paint: Paint) -> list[str]:
    rows = [("", "before", "after", "difference"), *_rows(comparison)]
    columns = [aligned([row[i] for row in rows], right=i > 0) for i in range(4)]
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return [paint(lines[0], "bold"), *lines[1:]]


def _layers(comparison: Comparison, paint: Paint) -> Iterator[str]:
    moved = [c for c in comparison.changes if c.kind == MOVED]
    for change in comparison.changes:
        if change.kind != MOVED or change in moved[:MOST_MOVED]:
            yield paint(SIGNS[change.kind], COLOURS[change.kind]) + " " + printable(_line(change))
    if len(moved) > MOST_MOVED:
        yield f"> ... and {len(moved) - MOST_MOVED} more layers moved: their state_dict keys changed"


def _line(change: Change) -> str:
    layer = change.after or change.before
    assert layer is not None
    if change.kind == MOVED:
        assert change.before is not None
        return f"{change.before.path} -> {layer.path} {layer.op}"
    if change.kind == CHANGED:
        assert change.before is not None
        moved = f"{change.before.path} -> " if change.before.path != layer.path else ""
        return f"{moved}{layer.path} {'; '.join(change.details)}"
    cost = f", {count(layer.params)} parameters" if layer.params not in (None, 0) else ""
    return f"{layer.path} {layer.op}: {', '.join(map(shape, layer.output_shapes))}{cost}"


def _keys(comparison: Comparison) -> Iterator[str]:
    added, removed, reshaped = _sorted_keys(comparison)
    yield f"state_dict: {len(added)} keys added, {len(removed)} removed, {len(reshaped)} of another shape"
    for key in reshaped:
        before, after = comparison.keys[key]
        yield f"  {printable(key)}: {shape(before)} -> {shape(after)}"


def _sorted_keys(comparison: Comparison) -> tuple[list[str], list[str], list[str]]:
    keys = comparison.keys
    return (
        [k for k, (before, _) in keys.items() if before is None],
        [k for k, (_, after) in keys.items() if after is None],
        [k for k, pair in keys.items() if None not in pair],
    )


def render_markdown(comparison: Comparison) -> str:
    """A comment for a review: a table of figures, and the layers and keys that differ."""
    before, after = (_code(r.path) for r in (comparison.before, comparison.after))
    if comparison.same:
        return f"{before} and {after} are the same network.\n"
    rows = ["| | before | after | difference |", "|---|--:|--:|--:|"]
    rows += [f"| {' | '.join(row)} |" for row in _rows(comparison)]
    parts = [f"### {before} → {after}", "\n".join(rows)]
    if comparison.changes:
        listed = "\n".join(_layers(comparison, PLAIN))
        parts.append(f"```diff\n{listed.replace('```', '')}\n```")
    if comparison.keys:
        parts.append("\n".join(f"- {_code(line.strip())}" if line[:1] == " " else line for line in _keys(comparison)))
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    """A piece of code in a line of Markdown, whatever back-ticks it has."""
    return f"`{printable(text).replace('`', '')}`"


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """The object of `diff --output-format json`."""
    return {
        "before": comparison.before.path,
        "after": comparison.after.path,
        "same": comparison.same,
        "figures": {
            f.key: {"before": plain(f.before), "after": plain(f.after), "growth": f.growth} for f in comparison.figures
        },
        "receptive_field": dict(zip(("before", "after"), map(_sizes, comparison.fields), strict=True)),
        "layers": [_change_object(change) for change in comparison.changes],
        "state_dict": {
            key: {"before": shape_list(before), "after": shape_list(after)}
            for key, (before, after) in comparison.keys.items()
        },
    }


def _sizes(sizes: Sequence[Any] | None) -> list[Any] | None:
    return None if sizes is None else [plain(size) for size in sizes]


def _change_object(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "before": None if change.before is None else change.before.path,
        "after": None if change.after is None else change.after.path,
        "op": (change.after or change.before).op,  # type: ignore[union-attr]
        "details": list(change.details),
    }
