"""Report -> the layer table, the totals, and the sizes for which the network works."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shapecalc.render.number import axes, count, shape, size_bytes
from shapecalc.render.paint import PLAIN, aligned, clip, printable, width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapecalc.analysis.report import Layer, ReceptiveField, Report
    from shapecalc.render.paint import Paint


class Column:
    """One column: its key for --columns, heading, alignment, what it shows of a layer, and what it sorts by.

    `plain` is what a program reads: a count without separators, 0 where there is nothing, None for what is not known.
    """

    __slots__ = ("cell", "heading", "key", "plain", "right", "sort")

    def __init__(
        self,
        key: str,
        heading: str,
        cell: Callable[[Layer], str],
        sort: Callable[[Layer], Any] | None = None,
        *,
        right: bool = True,
        plain: Callable[[Layer], Any] | None = None,
    ) -> None:
        self.key = key
        self.heading = heading
        self.cell = cell
        self.sort = sort
        self.right = right
        self.plain = plain or cell


def _number(key: str, heading: str, attribute: str) -> Column:
    def value(layer: Layer) -> Any:
        return getattr(layer, attribute)

    return Column(key, heading, lambda x: _cost(value(x)), lambda x: _known(value(x)), plain=value)


def _cost(value: Any) -> str:
    return "" if value == 0 and type(value) is int else count(value)


def _known(value: Any) -> int:
    return value if isinstance(value, int) else -1


def _field(layer: Layer) -> str:
    field = layer.receptive_field
    return "" if field is None else _size_text(field)


def _stride(layer: Layer) -> str:
    field = layer.receptive_field
    return "" if field is None else _stride_text(field)


@lru_cache(maxsize=100)
def _size_text(field: ReceptiveField) -> str:
    """A field is one object for the layers in a row that hand on what they see."""
    return axes(field.size) if field.size else ""


@lru_cache(maxsize=100)
def _stride_text(field: ReceptiveField) -> str:
    return axes(field.stride) if field.finite and None not in field.stride else ""


def _shapes(shapes: Sequence[Any]) -> str:
    return ", ".join(["-" if s is None else _shape(s) for s in shapes]) if shapes else ""


def _outputs(layer: Layer) -> str:
    return ", ".join([_shape(s) for s in layer.output_shapes])


_shape = lru_cache(maxsize=1000)(shape)
"""Most layers have outputs of the same shape as others."""


def _weights(layer: Layer) -> str:
    return ", ".join(f"{n or 'parameter'} {shape(s)}" for n, s in (layer.weights or {}).items())


COLUMNS = (
    Column("layer", "layer", lambda x: printable(x.path), lambda x: x.path, right=False),
    Column("op", "operator", lambda x: printable(x.op), lambda x: x.op, right=False),
    Column("from", "from", lambda x: ", ".join(w.origin for w in x.node.inputs if w is not None), right=False),
    Column("input", "input", lambda x: _shapes(x.input_shapes), right=False),
    Column("output", "output", _outputs, right=False),
    Column("field", "field", _field),
    Column("stride", "stride", _stride),
    Column("weights", "weights", _weights, right=False),
    _number("params", "params", "params"),
    _number("macs", "MACs", "macs"),
    _number("flops", "FLOPs", "flops"),
    _number("activation", "activation bytes", "activation_bytes"),
    _number("saved", "saved bytes", "saved_bytes"),
    _number("input_macs", "MACs of input gradients", "macs_backward_input"),
    _number("weight_macs", "MACs of weight gradients", "macs_backward_weight"),
    _number("operations", "other operations", "operation_count"),
)
BY_KEY = {column.key: column for column in COLUMNS}
NARROWEST = 12
DEFAULT = ("layer", "op", "output", "field", "stride", "params", "macs", "flops")
SORTABLE = tuple(c.key for c in COLUMNS if c.sort)


def render_table(
    report: Report,
    keys: Sequence[str] = DEFAULT,
    sort: str | None = None,
    columns: int | None = None,
    paint: Paint = PLAIN,
) -> str:
    """The table of one file with its totals. `columns` is the width of the terminal, None for no limit."""
    layers = in_order(report, sort)
    cells = [[c.heading, *map(c.cell, layers)] for c in map(BY_KEY.__getitem__, keys)]
    rights = [BY_KEY[k].right for k in keys]
    if columns is not None:
        _shrink(cells, rights, columns)
    head, *body = map("  ".join, zip(*map(aligned, cells, rights), strict=True))
    totals = render_totals(report)
    if columns is not None:
        totals = [clip(line, columns) for line in totals]
    return "\n".join([_title(report, paint), "", paint(head.rstrip(), "bold"), *map(str.rstrip, body), "", *totals])


def in_order(report: Report, sort: str | None) -> Sequence[Layer]:
    """The layers in the order of the spec, or by a column, largest first."""
    if sort is None:
        return report.layers
    return sorted(report.layers, key=BY_KEY[sort].sort or str, reverse=sort not in ("layer", "op"))


def _title(report: Report, paint: Paint) -> str:
    assert report.graph is not None
    inputs = "; ".join(f"{w.name} {shape(w.shape)}" for w in report.graph.inputs)
    return f"{paint(report.name, 'bold')}  {inputs}"


def _shrink(cells: list[list[str]], rights: list[bool], columns: int) -> None:
    """Cut the widest texts of the left-aligned columns with an ellipsis until the table fits, if that can be."""
    widths = [max(map(width, column)) for column in cells]
    excess = sum(widths) + 2 * (len(widths) - 1) - columns
    for i in sorted(range(len(cells)), key=lambda i: -widths[i]):
        if excess <= 0:
            return
        if rights[i] or widths[i] <= NARROWEST:
            continue
        target = max(NARROWEST, widths[i] - excess)
        excess -= widths[i] - target
        cells[i] = [clip(text, target) for text in cells[i]]


def render_totals(report: Report) -> list[str]:
    """The lines below the table: totals, receptive field, memory, legal sizes, and what is not known."""
    totals = report.totals
    rows = [
        ("parameters", _at_least(report, "params", count(totals.params))),
        ("MACs", _at_least(report, "macs", count(totals.macs))),
        ("FLOPs", _at_least(report, "flops", count(totals.flops)) + _convention(report)),
    ]
    field = totals.receptive_field
    if field is not None:
        stride = "" if None in field.stride else f", stride {axes(field.stride)}"
        rows.append(("receptive field", f"{axes(field.size)}{stride} ({totals.receptive_field_layer})"))
    batch = f"(batch {report.conditions.batch}, {report.conditions.dtype})"
    if totals.peak_activation_bytes is not None:
        where = f", at {printable(totals.peak_activation_layer)}" if totals.peak_activation_layer else ""
        rows.append(("peak activations", f"{size_bytes(totals.peak_activation_bytes)} in inference{where} {batch}"))
    rows.append(("kept for backward", _at_least(report, "saved_bytes", f"{size_bytes(totals.saved_bytes)} {batch}")))
    if totals.train_bytes is not None:
        peak = f"{size_bytes(totals.train_bytes)} at the peak {batch[:-1]}, {report.conditions.optimizer})"
        rows.append(("training step", _at_least(report, "train_bytes", peak)))
    if report.legal is not None and report.legal.possible:
        rows += [("" if i else "input sizes", line) for i, line in enumerate(size_lines(report))]
    margin = max(len(title) for title, _ in rows)
    return [f"{title:<{margin}}  {text}" for title, text in rows]


def _convention(report: Report) -> str:
    """What counts as FLOPs, where that is not the usual."""
    name = report.conditions.convention
    return "" if name == "torch" else f" (convention {name})"


def size_lines(report: Report) -> list[str]:
    """What the input sizes must be, a line for each condition."""
    if report.legal is None:
        return []
    alone = [sizes.describe(name) for name, sizes in report.legal.sizes.items()]
    return alone + [joint.describe() for joint in report.legal.joint]


def _at_least(report: Report, key: str, text: str) -> str:
    return f"at least {text}" if key in report.partial else text
