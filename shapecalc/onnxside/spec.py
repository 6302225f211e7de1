"""An ONNX file -> the text of its spec, read back and compared before it is handed out. Needs onnx, and no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.file import Unreadable, dtype_of, read_model
from shapecalc.onnxside.fuse import fused
from shapecalc.onnxside.held import OfFile
from shapecalc.onnxside.infer import VIEWS
from shapecalc.onnxside.scope import TRUSTS, Scopes, nested
from shapecalc.onnxside.walk import Walk
from shapecalc.torchside.importing.document import spec_of
from shapecalc.torchside.importing.grow import grow
from shapecalc.torchside.importing.prune import prune
from shapecalc.torchside.importing.step import Untraceable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from shapecalc.onnxside.file import Model
    from shapecalc.onnxside.fixed import Part

    Shape = tuple[Any, ...]


class ImportedFile:
    """The text of a spec, notes on what it does not say as the file does, and the tensors of its `state_dict`."""

    __slots__ = ("notes", "parts", "text")

    def __init__(self, text: str, notes: list[str], parts: Mapping[str, Part]) -> None:
        self.text = text
        self.notes = notes
        self.parts = parts

    def state(self) -> dict[str, Any]:
        """The file's weights as numpy arrays, by the keys of the emitted module's `state_dict`. Raises Unreadable."""
        return {key: part.read() for key, part in self.parts.items()}


def import_file(path: str, shapes: Mapping[str, Sequence[int]] | None = None) -> ImportedFile:
    """The spec of an ONNX file. `shapes` give sizes of inputs without the batch, where the file leaves them open.

    Raises Unreadable for what is no ONNX model, and Untraceable for one that cannot be written as a spec.
    """
    model = read_model(path)
    inputs = _inputs(model, shapes or {})
    fixed, number = _constants(model)
    nodes = fused(model.graph, fixed, number)
    problem: Untraceable | None = None
    for trust in TRUSTS:
        walk = Walk(model, inputs, Scopes(nodes, fixed, trust=trust))
        root = walk.run(nodes)
        nested(walk.steps, root, walk.scopes)
        prune(root)
        grow(root)
        origin = OfFile(walk)
        try:
            found = spec_of(root, origin, _name(model, walk.scopes.whole), inputs)
        except Untraceable as error:
            problem = problem or error
            continue
        return ImportedFile(found.text, found.notes, origin.parts)
    assert problem is not None
    raise problem


def _name(model: Model, cls: str) -> str:
    """The name of the network's class, or the graph's, or the file's, as a class has it."""
    import re

    for text in (cls.rpartition(".")[2], model.graph.name, model.name):
        words = re.findall(r"[A-Za-z0-9]+", text[:60])
        name = "".join(w[:1].upper() + w[1:] for w in words).lstrip("0123456789")
        if name and name.lower() not in ("maingraph", "torchjit", "graph", "constant"):
            return name
    return "Net"


def _inputs(model: Model, shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[Shape, str]]:
    kept = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in kept]
    if not inputs:
        raise Unreadable("the graph takes no input")
    unknown = [name for name in shapes if name and name not in {i.name for i in inputs}]
    if unknown:
        raise Unreadable(f"the file has no input {unknown[0]!r}; it has {', '.join(repr(i.name) for i in inputs)}")
    return {i.name: _input(i, shapes.get(i.name, shapes.get("", ()) if len(inputs) == 1 else ())) for i in inputs}


def _input(info: onnx.ValueInfoProto, told: Sequence[int]) -> tuple[Shape, str]:
    """The sizes of an input, the first of which is the batch."""
    tensor = info.type.tensor_type
    dtype = dtype_of(tensor.elem_type)
    if told:
        return (None, *told), dtype
    dims = list(tensor.shape.dim)
    if not dims:
        raise Unreadable(f"input {info.name!r} has no batch: its shape is not known, or it has no axes")
    free = [d.dim_param or "?" for d in dims[1:] if not d.dim_value]
    if free:
        sizes = ",".join(str(d.dim_value) if d.dim_value else d.dim_param or "?" for d in dims[1:])
        raise Unreadable(f"input {info.name!r} leaves sizes open ({sizes}): tell them with --input")
    return (None, *(d.dim_value for d in dims[1:])), dtype


def _constants(model: Model) -> tuple[dict[str, tuple[int, ...]], Any]:
    """The shapes of the graph's constants by name, and a function that gives the one number of one."""
    from shapecalc.onnxside.file import array_of

    protos = {t.name: t for t in model.graph.initializer}
    shapes = {name: tuple(t.dims) for name, t in protos.items()}
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            protos[node.output[0]], shapes[node.output[0]] = value, tuple(value.dims)
        elif node.op_type in ("Identity", "Transpose") and node.input and node.input[0] in shapes:
            shape = shapes[node.input[0]]
            shapes[node.output[0]] = shape if node.op_type == "Identity" else shape[::-1]
        elif node.op_type in VIEWS and node.input and node.input[0] in shapes:
            shapes[node.output[0]] = ()

    def number(name: str) -> Any:
        proto = protos.get(name)
        return array_of(proto, model.folder).item() if proto is not None and shapes[name] in ((), (1,)) else None

    return shapes, number
