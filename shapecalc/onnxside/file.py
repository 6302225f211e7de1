"""A path -> the model that the file holds, and its tensors read when they are asked for.

Nothing of a file is run. Data in other files is read only where these lie in the folder of the model or below it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

LIMIT = 2**31 - 1
"""Bytes that one message of Protocol Buffers can have."""
MANY = 100_000
"""So many nodes are the most that a graph may have."""


class Unreadable(ValueError):
    """A file that is no ONNX model, or one that cannot be read; the text says why in one line."""


class Model:
    """A model: its graph, the versions of its operators, and the folder that data may lie in."""

    __slots__ = ("folder", "graph", "name", "proto", "versions")

    def __init__(self, proto: onnx.ModelProto, path: str) -> None:
        self.proto = proto
        self.graph = proto.graph
        self.folder = os.path.dirname(os.path.abspath(path))
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.versions = {o.domain or "ai.onnx": o.version for o in proto.opset_import}

    def version(self, domain: str) -> int:
        return int(self.versions.get(domain or "ai.onnx", 1))


def read_model(path: str) -> Model:
    """The model of a file; local functions are put in where they are called. Raises Unreadable."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

    proto = onnx.ModelProto()
    content = _bytes(path)
    try:
        proto.ParseFromString(content)
    except (DecodeError, ValueError, RecursionError):
        raise Unreadable("the file is no ONNX model, or is cut off") from None
    if not proto.ir_version or not proto.opset_import or not proto.graph.output:
        raise Unreadable("the file is no ONNX model: it states no graph with outputs")
    if proto.functions:
        proto = _without_functions(proto)
    if len(proto.graph.node) > MANY:
        raise Unreadable(f"the graph has {len(proto.graph.node):,} nodes, and {MANY:,} are the most that are read")
    return Model(proto, path)


def _bytes(path: str) -> bytes:
    try:
        size = os.path.getsize(path)
        if size > LIMIT:
            raise Unreadable(f"the file has {size:,} bytes, and an ONNX model at most {LIMIT:,}: keep its data apart")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Unreadable(error.strerror or "the file cannot be read") from None


def _without_functions(proto: onnx.ModelProto) -> onnx.ModelProto:
    from onnx import inliner

    try:
        return inliner.inline_local_functions(proto)
    except Exception as error:
        raise Unreadable(f"the model's functions cannot be put in: {one_line(error)}") from None


def one_line(error: object) -> str:
    """What an error says, on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def dtype_of(number: int) -> str:
    """The name of an element type as torch has it: `float32`. Raises Unreadable."""
    from onnx import helper

    try:
        name = str(helper.tensor_dtype_to_np_dtype(number).name)
    except (KeyError, TypeError, ValueError):
        raise Unreadable(f"element type {number} is none of ONNX's") from None
    if name in ("object", "str"):
        raise Unreadable("tensors of strings have no place in a spec")
    return name


def shape_of(tensor: onnx.TensorProto) -> tuple[int, ...]:
    """The sizes of a kept tensor. Raises Unreadable."""
    if any(n < 0 for n in tensor.dims):
        raise Unreadable(f"tensor {tensor.name!r} has a negative size")
    return tuple(tensor.dims)


def array_of(tensor: onnx.TensorProto, folder: str) -> Any:
    """The numbers of a tensor as a numpy array. Raises Unreadable."""
    from onnx import numpy_helper

    if tensor.data_location == tensor.EXTERNAL:
        _check_place(tensor, folder)
    try:
        return numpy_helper.to_array(tensor, base_dir=folder)
    except Exception as error:
        raise Unreadable(f"the data of tensor {tensor.name!r} cannot be read: {one_line(error)}") from None


def _check_place(tensor: onnx.TensorProto, folder: str) -> None:
    """Raise Unreadable where data lies outside the model's folder."""
    place = next((e.value for e in tensor.external_data if e.key == "location"), "")
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, place.replace("\0", "")))
    if not place or "\0" in place or os.path.commonpath([root, target]) != root:
        raise Unreadable(f"the data of tensor {tensor.name!r} lies outside of the model's folder: {place!r}")
    if not os.path.isfile(target):
        raise Unreadable(f"the data of tensor {tensor.name!r} is not there: {place!r}")


def kept(model: Model) -> Iterator[onnx.TensorProto]:
    """The tensors that the graph brings along."""
    if model.graph.sparse_initializer:
        raise Unreadable("sparse tensors are not read")
    yield from model.graph.initializer
