"""A model and the sizes of its inputs -> the steps of one pass, seen with batches of two sizes at once.

Each node's sizes are worked out for both; what differs is the batch, and becomes an expression of N. What follows from
sizes and constants alone is worked out; all else is handed to the operator's reader, or left open.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.batch import with_batch
from shapecalc.onnxside.call import Call, Open, Tensor
from shapecalc.onnxside.file import Unreadable, array_of, dtype_of, kept, shape_of
from shapecalc.onnxside.fixed import Fixed, shortest
from shapecalc.onnxside.fuse import OURS
from shapecalc.onnxside.infer import SMALL, VIEWS, kinds_of, label, total, type_number, workable, worked_out
from shapecalc.onnxside.scope import Scopes
from shapecalc.onnxside.table import reader
from shapecalc.torchside.importing.batches import BATCHES
from shapecalc.torchside.importing.step import Step, Untraceable, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from shapecalc.onnxside.file import Model
    from shapecalc.onnxside.fixed import Part
    from shapecalc.onnxside.infer import Kind

    Inputs = Mapping[str, tuple[tuple[Any, ...], str]]

PASSES = (0, 1)
MADE = re.compile(r"(val_?\d*|onnx::.*|.*_output_\d+|/.*)\Z")
"""Names that exporters give to tensors that are no weights of the module's."""


class Walk:
    """The pass: tensors by name, and the steps in order with the modules that they lie in."""

    def __init__(self, model: Model, inputs: Inputs, scopes: Scopes) -> None:
        self.model = model
        self.scopes = scopes
        self.tensors: dict[str, Tensor] = {}
        self.parts: dict[int, dict[str, Part]] = {}
        """What layers hold, by the identity of the first value that they give."""
        self.constants: dict[int, Fixed] = {}
        """What learned and kept tensors are, by the identity of their values."""
        self.steps: list[tuple[tuple[str, ...], Step]] = []
        self.makers: dict[int, Step] = {}
        self.batch = 1
        self.told = False
        """Whether the file fixes the batch."""
        self.root = Step("", None, object, "")
        self.wanted = {o.name for o in model.graph.output} | {n for node in model.graph.node for n in node.input}
        self._begin(inputs)

    def _begin(self, inputs: Inputs) -> None:
        for proto in kept(self.model):
            self._keep(proto)
        for info in self.model.graph.input:
            if info.name in self.tensors:
                continue
            shape, dtype = inputs[info.name]
            sizes = [tuple(BATCHES[p] if n is None else n for n in shape) for p in PASSES]
            tensor = Tensor(info.name, dtype, (sizes[0], sizes[1]))
            tensor.value = Value(tensor.shape, dtype, name=info.name)
            self.tensors[info.name] = tensor
            self.root.inputs.append(tensor.value)
            self.root.names.append(info.name)
            first = info.type.tensor_type.shape.dim[:1]
            self.batch = max(self.batch, first[0].dim_value if first else 1)
            self.told = self.told or bool(first and first[0].dim_value)

    def _keep(self, proto: onnx.TensorProto) -> None:
        shape, folder = shape_of(proto), self.model.folder
        learned = "float" in dtype_of(proto.data_type) and not MADE.match(proto.name)
        dtype = dtype_of(proto.data_type)
        fixed = Fixed(shape, dtype, lambda: array_of(proto, folder), proto.name, learned=learned)
        self.tensors[proto.name] = Tensor(proto.name, dtype, (shape, shape), (fixed, fixed))

    def run(self, nodes: Sequence[onnx.NodeProto]) -> Step:
        """The whole graph. Raises Unreadable and Untraceable."""
        for node in nodes:
            self._node(node)
        for info in self.model.graph.output:
            self.root.outputs.append(self._output(info.name))
        if not self.steps:
            self._nothing()
        return self.root

    def _nothing(self) -> None:
        """A spec has one layer at least."""
        step = Step("", "Identity", None, "")
        step.inputs, first = self.root.outputs[:1], self.root.outputs[0]
        step.outputs = [Value(first.shape, first.dtype)]
        self.root.outputs[0] = step.outputs[0]
        self.steps.append(((), step))

    def _output(self, name: str) -> Value:
        tensor = self.tensors.get(name)
        if tensor is None:
            raise Unreadable(f"no node gives the output {name!r}")
        if tensor.value is None:
            raise Untraceable(f"the output {name!r} is a constant, which no spec gives")
        return tensor.value

    # one node

    def _node(self, node: onnx.NodeProto) -> None:
        missing = next((n for n in node.input if n and n not in self.tensors), None)
        if missing is not None:
            raise Unreadable(f"{label(node)} takes {missing!r}, which nothing before it gives")
        taken = [self.tensors[n] if n else None for n in node.input]
        if node.op_type in ("Shape", "Size") and not node.domain and taken[0] is not None:
            return self._sizes(node, taken[0])
        if node.op_type == "CastLike" and not node.domain and len(taken) == 2:
            node, taken = _cast(node, taken)
        node, taken = with_batch(node, taken, self.batch)
        kinds = [self._kinds(node, taken, p) for p in PASSES]
        fixed = [[t.fixed[p] if t is not None and t.fixed else None for t in taken] for p in PASSES]
        known = all(t is None or t.fixed is not None for t in taken)
        if known and node.op_type == "Expand" and taken[0] is not None and _unchanged(taken[0], kinds):
            self.tensors[node.output[0]] = taken[0]
            return None
        if known and all(kinds[0]) and all(workable(node, f) for f in fixed):
            return self._constant(node, taken, kinds, fixed)
        return self._call(node, taken, kinds)

    def _kinds(self, node: onnx.NodeProto, taken: Sequence[Tensor | None], p: int) -> list[Kind | None]:
        pairs = [(name, t) for name, t in zip(node.input, taken, strict=True) if t is not None]
        given = {name: (t.dtype, t.shapes[p]) for name, t in pairs}
        known = {name: t.fixed[p] for name, t in pairs if t.fixed is not None}
        try:
            return kinds_of(self.model, node, given, known)
        except Unreadable as error:
            if not self.told:
                raise
            raise Unreadable(f"{error}; the file fixes the batch at {self.batch}: export it with a free one") from None

    def _sizes(self, node: onnx.NodeProto, tensor: Tensor) -> None:
        from math import prod

        import numpy as np

        ends = {a.name: a.i for a in node.attribute}
        cut = [s[ends.get("start", 0) : ends.get("end")] for s in tensor.shapes]
        found = [np.array(prod(c) if node.op_type == "Size" else c, dtype=np.int64) for c in cut]
        pair = [Fixed(f.shape, "int64", partial(_itself, f)) for f in found]
        one = (pair[0], pair[0] if cut[0] == cut[1] else pair[1])
        self.tensors[node.output[0]] = Tensor(node.output[0], "int64", (found[0].shape, found[1].shape), one)

    def _constant(self, node: onnx.NodeProto, taken: Any, kinds: list[Any], fixed: list[list[Fixed | None]]) -> None:
        """What a node gives that takes constants alone; worked out when it is asked for."""
        same = kinds[0] == kinds[1] and all(t is None or t.one is not None for t in taken)
        made: list[list[Fixed]] = []
        for p in PASSES[: 1 if same else 2]:
            size = sum(map(total, kinds[p]))
            run: list[Any] = []
            made.append([self._lazy(node, fixed[p], size, run, n, kind) for n, kind in enumerate(kinds[p])])
        for n, name in enumerate(node.output):
            pair = (made[0][n], made[-1][n])
            if pair[0] is not pair[1] and _equal(*pair):
                pair = (pair[0], pair[0])
            self.tensors[name] = Tensor(name, pair[0].dtype, (pair[0].shape, pair[1].shape), pair)

    def _lazy(
        self, node: onnx.NodeProto, given: list[Fixed | None], size: int, run: list[Any], n: int, kind: Kind
    ) -> Fixed:
        def read() -> Any:
            if not run:
                run.extend(worked_out(self.model, node, given, size))
            return run[n]

        source = given[0] if given else None
        view = source is not None and node.op_type in VIEWS
        name = node.output[n]
        if view and source is not None and node.op_type == "Identity" and (not source.learned or MADE.match(name)):
            return source
        learned = view and source is not None and source.learned
        if learned and source is not None and node.op_type in ("Reshape", "Squeeze", "Unsqueeze"):
            name = source.name
        found = Fixed(kind[1], kind[0], read, name, learned=learned)
        if view and source is not None and node.op_type == "Transpose" and len(source.shape) == 2:
            found.turned = source if found.shape == source.shape[::-1] and _turns(node) else None
        return found

    def _call(self, node: onnx.NodeProto, taken: Sequence[Tensor | None], kinds: list[list[Kind | None]]) -> None:
        call = Call(node.op_type, self.model.version(node.domain), _attributes(node), taken, f"node {label(node)}")
        call.own = lambda tensor: self.own(tensor, node)
        call.source = lambda value: self.makers.get(id(value))
        call.gives = [
            self._given(node, name, a, b) if name and (name in self.wanted or not n) else None
            for n, (name, a, b) in enumerate(zip(node.output, *kinds, strict=True))
        ]
        call.path = self.scopes.path_of(node, taken)
        read = reader(node.op_type) if node.domain in ("", "ai.onnx", OURS) else None
        before = [t.value for t in call.gives if t is not None]
        try:
            if read is None:
                raise Open("")
            read(call)
        except Open:
            for tensor, value in zip((t for t in call.gives if t is not None), before, strict=True):
                tensor.value = value
            self._open(call, node)
        self._finish(call, node)

    def _given(self, node: onnx.NodeProto, name: str, a: Kind | None, b: Kind | None) -> Tensor:
        if a is None or b is None:
            a, b = self._stated(node, name)
        tensor = Tensor(name, a[0], (a[1], b[1]))
        tensor.value = Value(tensor.shape, tensor.dtype)
        self.tensors[name] = tensor
        return tensor

    def _stated(self, node: onnx.NodeProto, name: str) -> tuple[Kind, Kind]:
        """Sizes that the file states of a tensor, its first being the batch where it has a name there."""
        for info in (*self.model.graph.value_info, *self.model.graph.output):
            dims = list(info.type.tensor_type.shape.dim)
            if info.name != name or not info.type.tensor_type.elem_type:
                continue
            rest = [d.dim_value for d in dims[1:] if d.HasField("dim_value")]
            if len(rest) == len(dims) - 1:
                dtype = dtype_of(info.type.tensor_type.elem_type)
                return (dtype, (BATCHES[0], *rest)), (dtype, (BATCHES[1], *rest))
        raise Untraceable(f"nothing tells the shape of what {label(node)} gives")

    def _open(self, call: Call, node: onnx.NodeProto) -> None:
        """A node that no operator stands for: its shape is stated, and nothing else is known."""
        call.steps, call.parts = [], {}
        step = Step("", "", None, call.line)
        step.args = {"name": re.sub(r"\W", "", node.op_type, flags=re.ASCII)[:40].lstrip("_0123456789") or "Call"}
        seen = (t.value for t in call.inputs if t is not None and not t.fixed)
        step.inputs = list(dict.fromkeys(v for v in seen if v is not None))
        if any(t is not None for t in call.gives[1:]) or not step.inputs:
            raise Untraceable(f"{label(node)}: no operator stands for it, and an open block gives one tensor of some")
        step.outputs = [t.value for t in call.gives[:1] if t is not None and t.value is not None]
        call.steps.append(step)

    def _finish(self, call: Call, node: onnx.NodeProto) -> None:
        if call.parts:
            held = call.held or call.steps[-1].outputs[0]
            layer = next(step for step in call.steps if step.outputs[0] is held)
            layer.path = layer.path or self.scopes.free(node, str(layer.op))
            self.parts[id(held)] = call.parts
        for step in call.steps:
            chain = self.scopes.chain(node, step.path)
            self.steps.append((chain, step))
            self.makers.update((id(value), step) for value in step.outputs)

    # constants that are operands

    def own(self, tensor: Tensor, node: onnx.NodeProto) -> Value:
        """The value of a tensor; a constant becomes a Parameter or a Buffer."""
        if tensor.value is not None:
            return tensor.value
        fixed = tensor.one
        if fixed is None:
            return self._spread(tensor, node)
        tensor.value = self._kept(fixed, node)
        return tensor.value

    def _kept(self, fixed: Fixed, node: onnx.NodeProto) -> Value:
        learned = fixed.learned and "float" in fixed.dtype
        named = learned or fixed.init() is None
        weight = self.scopes.key(fixed.name, node) if named else ""
        value = Value(fixed.shape, fixed.dtype, weight=weight, constant=None if learned else fixed)
        self.constants[id(value)] = fixed
        return value

    def _spread(self, tensor: Tensor, node: onnx.NodeProto) -> Value:
        """A constant that is the same for each sample: one of these, expanded."""
        assert tensor.fixed is not None
        whole = tensor.fixed[0].read()
        axes = [n for n, (a, b) in enumerate(zip(*tensor.shapes, strict=True)) if a != b]
        part = whole[tuple(slice(0, 1) if n in axes else slice(None) for n in range(tensor.rank))]
        if not axes or not bool((whole == part).all()):
            raise Untraceable(f"{label(node)} takes a constant that depends on the batch")
        fixed = Fixed(part.shape, tensor.dtype, lambda: part, tensor.name, learned=tensor.fixed[0].learned)
        step = Step("", "Expand", None, label(node))
        step.inputs, step.args = [self._kept(fixed, node)], {"size": list(tensor.shape)}
        tensor.value = Value(tensor.shape, tensor.dtype)
        step.outputs = [tensor.value]
        self.steps.append((self.scopes.chain(node, ""), step))
        return tensor.value


def _cast(node: onnx.NodeProto, taken: list[Tensor | None]) -> tuple[onnx.NodeProto, list[Tensor | None]]:
    """A cast to the dtype of another tensor as one to that dtype."""
    from onnx import helper

    like = taken[1]
    if like is None:
        return node, taken
    found = helper.make_node("Cast", node.input[:1], list(node.output), node.name, to=type_number(like.dtype))
    found.metadata_props.extend(node.metadata_props)
    return found, taken[:1]


def _unchanged(tensor: Tensor, kinds: Sequence[Sequence[Kind | None]]) -> bool:
    """Whether what comes out has the sizes of a constant that goes in."""
    return all(k[0] is not None and k[0][1] == s for k, s in zip(kinds, tensor.shapes, strict=True))


def _itself(array: Any) -> Any:
    return array


def _equal(a: Fixed, b: Fixed) -> bool:
    """Whether a constant is the same in both passes, if it is small."""
    return a.shape == b.shape and a.size <= SMALL and bool((a.read() == b.read()).all())


def _turns(node: onnx.NodeProto) -> bool:
    found = next((list(a.ints) for a in node.attribute if a.name == "perm"), [1, 0])
    return found == [1, 0]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes as Python's values; texts decoded, tensors and graphs left out."""
    from onnx import helper

    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type in (attribute.GRAPH, attribute.GRAPHS, attribute.TENSOR, attribute.TENSORS):
            continue
        try:
            value = helper.get_attribute_value(attribute)
        except ValueError:
            continue
        if attribute.type == attribute.FLOAT:
            value = shortest(value)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, list) and value and isinstance(value[0], bytes):
            value = [v.decode("utf-8", "replace") for v in value]
        found[attribute.name] = value
    return found
