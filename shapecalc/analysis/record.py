"""Report -> the plain objects of the JSON output: lists, dicts, strings, numbers and None, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.verdict import Verdict
from shapecalc.dims.sym import Sym

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shapecalc.analysis.report import Layer, ReceptiveField, Report
    from shapecalc.analysis.verdict import Found
    from shapecalc.ops.op import Shape


def file_object(report: Report) -> dict[str, Any]:
    """The object of one file, as documented under `check --output-format json`."""
    graph = report.graph
    return {
        "path": report.path,
        "name": report.name,
        "inputs": {w.name: shape_list(w.shape) for w in graph.inputs} if graph else {},
        "outputs": [shape_list(w.shape) for w in graph.outputs] if graph else [],
        "layers": [layer_object(layer, report) for layer in report.layers],
        "totals": totals_object(report),
        "conditions": {
            "device": "cpu",
            "dtype": report.conditions.dtype,
            "batch": report.conditions.batch,
            "mode": "train",
            "optimizer": report.conditions.optimizer,
            "convention": report.conditions.convention,
        },
        "reasons": report.reasons,
        "lower_bounds": report.lower_bounds,
        "constraints": constraint_objects(report),
        "diagnostics": [diagnostic_object(f, report.path) for f in Verdict(report).found],
    }


def layer_object(layer: Layer, report: Report) -> dict[str, Any]:
    head = layer.node.place
    line, column = report.source.place(head[0])
    return {
        "path": layer.path,
        "op": layer.op,
        "from": [None if w is None else w.origin for w in layer.node.inputs],
        "line": line,
        "column": column,
        "input_shapes": [shape_list(s) for s in layer.input_shapes],
        "output_shapes": [shape_list(s) for s in layer.output_shapes],
        "weights": _shapes(layer.weights),
        "buffers": _shapes(layer.buffers),
        "params": plain(layer.params),
        "macs": plain(layer.macs),
        "flops": plain(layer.flops),
        "receptive_field": field_object(layer.receptive_field),
        "activation_bytes": plain(layer.activation_bytes),
        "saved_bytes": plain(layer.saved_bytes),
        "macs_backward_input": plain(layer.macs_backward_input),
        "macs_backward_weight": plain(layer.macs_backward_weight),
        "operations": _counts(layer.operations),
        "shared_with": None if layer.node.owner is layer.node else layer.node.owner.path,
        "reasons": dict(layer.reasons),
    }


def totals_object(report: Report) -> dict[str, Any]:
    totals = report.totals
    field = totals.receptive_field
    return {
        "params": plain(totals.params),
        "trainable_params": plain(totals.trainable_params),
        "buffers": plain(totals.buffers),
        "macs": plain(totals.macs),
        "flops": plain(totals.flops),
        "receptive_field": None if field is None else {"layer": totals.receptive_field_layer, **_field(field)},
        "peak_activation_bytes": plain(totals.peak_activation_bytes),
        "peak_activation_layer": None if totals.peak_activation_bytes is None else totals.peak_activation_layer,
        "saved_bytes": plain(totals.saved_bytes),
        "train_bytes": plain(totals.train_bytes),
        "macs_backward_input": plain(totals.macs_backward_input),
        "macs_backward_weight": plain(totals.macs_backward_weight),
        "operations": _counts(totals.operations),
    }


def _counts(operations: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Operations by class, those that there are."""
    if operations is None:
        return None
    return {name: plain(n) for name, n in operations.items() if not (type(n) is int and n == 0)}


def field_object(field: ReceptiveField | None) -> dict[str, Any] | None:
    return None if field is None else _field(field)


def _field(field: ReceptiveField) -> dict[str, Any]:
    return {
        "input": field.input,
        "size": _plain(field.size),
        "stride": _plain(field.stride),
        "start": _plain(field.start),
        "aligned": field.aligned,
    }


def constraint_objects(report: Report) -> list[dict[str, Any]]:
    """One object for each symbol that is constrained by itself, then one for each condition on several."""
    if report.legal is None:
        return []
    single = [
        {
            "symbol": name,
            "min": sizes.min,
            "max": sizes.max,
            "modulus": sizes.modulus,
            "residues": list(sizes.residues),
            "values": None if sizes.regular else list(sizes.values),
            "text": sizes.describe(name),
        }
        for name, sizes in report.legal.sizes.items()
    ]
    return single + [{"symbols": list(joint.names), "text": joint.describe()} for joint in report.legal.joint]


def diagnostic_object(f: Found, path: str) -> dict[str, Any]:
    """One finding, as documented under `check --output-format json`."""
    return {
        "code": f.code,
        "name": f.name,
        "severity": f.severity,
        "message": f.message,
        "path": path,
        "line": f.line,
        "column": f.column,
        "end_line": f.end_line,
        "end_column": f.end_column,
        "layer": f.layer or None,
        "help": f.help or None,
        "trail": list(f.trail),
        "related": [{"line": line, "column": column, "message": note} for line, column, note in f.related],
        "fix": f.fix,
    }


def shape_list(shape: Shape | None) -> list[Any] | None:
    """Sizes as integers or closed forms; None for a shape that is not known."""
    return None if shape is None else [plain(size) for size in shape]


def _shapes(shapes: Mapping[str, Shape] | None) -> dict[str, Any] | None:
    return None if shapes is None else {name: shape_list(shape) for name, shape in shapes.items()}


def _plain(values: Iterable[Any]) -> list[Any]:
    return [plain(v) for v in values]


def plain(value: Any) -> Any:
    """An integer as it is, a closed form or a fraction as text."""
    if value is None or type(value) in (int, str):
        return value
    return str(value) if isinstance(value, Sym) or not isinstance(value, int) else int(value)
