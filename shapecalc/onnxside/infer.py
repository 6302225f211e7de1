"""A node and what goes into it -> sizes and dtypes of what comes out, and the numbers where all that goes in is known.

The rules are onnx's own: its shape inference, node by node, and its reference implementation for constants.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.file import Unreadable, dtype_of, one_line
from shapecalc.onnxside.fuse import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from shapecalc.onnxside.file import Model
    from shapecalc.onnxside.fixed import Fixed

    Kind = tuple[str, tuple[int, ...]]

SMALL = 1024
"""Constants of so many numbers are shown to the inference, as shapes and indices are among these."""
MOST = 2**26
"""More numbers than these are never worked out."""

WORKED_OUT = frozenset(
    {"Abs", "Add", "And", "Cast", "CastLike", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Cos", "Cumsum"}
    | {"CumSum", "Div", "Equal", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather", "GatherElements", "GatherND"}
    | {"Greater", "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "Max", "Min", "Mod"}
    | {"Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "Pad", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMin"}
    | {"ReduceProd", "ReduceSum", "Relu", "Reshape", "Round", "ScatterElements", "ScatterND", "Shape", "Sign", "Sin"}
    | {"Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor"}
)
"""Operators of ONNX that constants are worked out with: cheap ones, and none that is random."""

ALIKE = frozenset({"GroupNormalization"})
"""Operators without a rule for sizes, that give what they take."""

VIEWS = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Those that leave a weight a weight."""


def kinds_of(
    model: Model, node: onnx.NodeProto, given: Mapping[str, Kind], known: Mapping[str, Fixed]
) -> list[Kind | None]:
    """Dtype and sizes of each output; None where onnx cannot tell. Raises Unreadable for a node that is wrong."""
    from onnx import defs, helper, numpy_helper, shape_inference

    if (node.domain == OURS and node.op_type != "MatMul") or (not node.domain and node.op_type in ALIKE):
        return [given[node.input[0]]]
    node = _plain(node) if node.domain == OURS else node
    try:
        schema = defs.get_schema(node.op_type, model.version(node.domain), node.domain)
    except Exception:  # the domain of some other maker
        return [None] * len(node.output)
    types = {n: _type(kind) for n, kind in given.items() if n in node.input}
    data = {n: numpy_helper.from_array(f.read(), n) for n, f in known.items() if f.size <= SMALL and n in types}
    versions = [helper.make_opsetid(o.domain, o.version) for o in model.proto.opset_import]
    try:
        found = shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=versions)
    except Exception as error:
        raise Unreadable(f"{label(node)} does not fit its input: {one_line(error)}") from None
    return [_kind(found[name]) if name in found else None for name in node.output]


def _plain(node: onnx.NodeProto) -> onnx.NodeProto:
    """A product with a bias as the product alone."""
    import onnx

    found = onnx.NodeProto()
    found.CopyFrom(node)
    found.domain = ""
    del found.input[2:]
    return found


def label(node: onnx.NodeProto) -> str:
    """A node in words: its operator and its name."""
    return f"{one_line(node.op_type)} {one_line(node.name or (node.output[0] if node.output else ''))!r}"


def _type(kind: Kind) -> onnx.TypeProto:
    from onnx import helper

    dtype, shape = kind
    return helper.make_tensor_type_proto(type_number(dtype), shape)


def type_number(dtype: str) -> int:
    """ONNX's number of a dtype."""
    import numpy as np
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(_numpy(dtype))))


def _numpy(dtype: str) -> Any:
    if dtype != "bfloat16":
        return dtype
    import ml_dtypes

    return ml_dtypes.bfloat16


def _kind(found: onnx.TypeProto) -> Kind | None:
    tensor = found.tensor_type
    if not found.HasField("tensor_type") or not tensor.elem_type or not tensor.HasField("shape"):
        return None
    if not all(d.HasField("dim_value") and d.dim_value >= 0 for d in tensor.shape.dim):
        return None
    return dtype_of(tensor.elem_type), tuple(d.dim_value for d in tensor.shape.dim)


def workable(node: onnx.NodeProto, given: Sequence[Fixed | None]) -> bool:
    """Whether what a node gives is a constant: all that it takes is one, and no weight that it does more than view."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in WORKED_OUT:
        return False
    return node.op_type in VIEWS or not any(f is not None and f.learned for f in given)


def worked_out(model: Model, node: onnx.NodeProto, given: Sequence[Fixed | None], size: int) -> list[Any]:
    """The arrays that a node gives. Raises Unreadable."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    if size > MOST or sum(f.size for f in given if f is not None) > MOST:
        raise Unreadable(f"{label(node)} would make a constant of more than {MOST:,} numbers")
    feeds = {name: f.read() for name, f in zip(node.input, given, strict=True) if f is not None}
    takes = [helper.make_empty_tensor_value_info(n) for n in feeds]
    gives = [helper.make_empty_tensor_value_info(n) for n in node.output if n]
    graph = helper.make_graph([node], "constant", takes, gives)
    alone = helper.make_model(graph, opset_imports=model.proto.opset_import, ir_version=model.proto.ir_version)
    try:
        return list(ReferenceEvaluator(alone).run(None, feeds))
    except Exception as error:
        raise Unreadable(f"{label(node)} cannot be worked out: {one_line(error)}") from None


def total(kind: Kind) -> int:
    return prod(kind[1])
