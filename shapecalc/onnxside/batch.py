"""A node whose constants hold a batch that the exporter fixed -> the node with the batch of each pass in its place."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.call import Tensor
from shapecalc.onnxside.fixed import Fixed
from shapecalc.torchside.importing.batches import BATCHES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def with_batch(
    node: onnx.NodeProto, taken: list[Tensor | None], batch: int
) -> tuple[onnx.NodeProto, list[Tensor | None]]:
    """The node and its inputs, the target of a Reshape or Expand made one for each pass where the file fixed it."""
    if node.op_type == "Concat" and not node.domain:
        return node, _rows(taken, batch)
    if node.op_type == "Resize" and len(taken) == 4 and not node.domain:
        return node, [*taken[:3], _size(taken[0], taken[3], batch)]
    if node.op_type not in ("Reshape", "Expand") or len(taken) < 2 or node.domain:
        return node, taken
    x, target = taken[0], taken[1]
    if x is None or target is None or target.one is None:
        return node, taken
    if x.fixed is not None:
        return node, [x, _rowwise(x, target, target.one, batch), *taken[2:]]
    at = next((n for n, (a, b) in enumerate(zip(*x.shapes, strict=True)) if a != b), None)
    sizes = target.one.numbers()
    axis = None if at is None else _axis(x, at, sizes, batch, node.op_type == "Expand")
    if axis is None:
        return node, taken
    pair = [_scaled(sizes, axis, count, batch) for count in BATCHES]
    shape = (len(sizes),)
    return node, [x, Tensor(target.name, "int64", (shape, shape), (pair[0], pair[1])), *taken[2:]]


def _rowwise(x: Tensor, target: Tensor, fixed: Fixed, batch: int) -> Tensor:
    """The target of an Expand of one row to as many as the fixed batch has, where that is more than one."""
    sizes = fixed.numbers()
    if batch < 2 or len(sizes) != x.rank or not sizes or sizes[0] != batch or x.shapes[0][0] != 1:
        return target
    pair = [_scaled(sizes, 0, count, batch) for count in BATCHES]
    return Tensor(target.name, "int64", (fixed.shape, fixed.shape), (pair[0], pair[1]))


def _axis(x: Tensor, at: int, sizes: Sequence[int], batch: int, expands: bool) -> int | None:
    """The axis of the target that holds the batch as the file fixed it, None where there is none."""
    if expands:
        axis = len(sizes) - x.rank + at
        return axis if sizes[axis] == batch else None
    if 0 in sizes[: at + 1]:
        return None
    before = prod(x.shapes[0][:at])
    inner = before * (x.shapes[1][at] - x.shapes[0][at])  # the batch may be the inner one of two merged axes
    ends = [n for n in range(len(sizes)) if -1 not in sizes[:n] and prod(sizes[:n]) in (before, inner)]
    exact = next((n for n in ends if sizes[n] == batch), None)
    if -1 in sizes:
        return exact
    if prod(sizes) * BATCHES[0] != prod(x.shapes[0]) * batch:
        return None
    return _merged(ends, sizes, before, batch) if exact is None else exact


def _merged(ends: Sequence[int], sizes: Sequence[int], before: int, batch: int) -> int | None:
    """The axis that the batch is a part of: with what follows, as heads do, but not with the last one, the features."""
    last = len(sizes) - 1
    around = next((n for n in range(len(sizes)) if prod(sizes[: n + 1]) > before), last)
    options = [*(n for n in ends if n < last), *(n - 1 for n in ends if n), around]
    return next((n for n in options if sizes[n] % batch == 0), None)


def _scaled(sizes: Sequence[int], axis: int, count: int, batch: int) -> Fixed:
    import numpy as np

    found: Any = np.array([n // batch * count if a == axis else n for a, n in enumerate(sizes)], dtype=np.int64)
    return Fixed(found.shape, "int64", lambda: found)


def _size(x: Tensor | None, target: Tensor | None, batch: int) -> Tensor | None:
    """The wanted size of a Resize, with the batch of a pass in front."""
    fixed = target.one if target is not None else None
    if x is None or target is None or fixed is None or fixed.size != x.rank or fixed.numbers()[0] != batch:
        return target
    pair = [_scaled(fixed.numbers(), 0, count, batch) for count in BATCHES]
    return Tensor(target.name, "int64", (fixed.shape, fixed.shape), (pair[0], pair[1]))


def _rows(taken: list[Tensor | None], batch: int) -> list[Tensor | None]:
    """The operands of a Concat; a constant that has the fixed batch's rows, all of them alike, gets those of a pass."""
    found = (t for t in taken if t is not None and t.fixed is None)
    at = next((n for t in found for n, (a, b) in enumerate(zip(*t.shapes, strict=True)) if a != b), None)
    return taken if at is None else [_row(t, at, batch) for t in taken]


def _row(tensor: Tensor | None, at: int, batch: int) -> Tensor | None:
    fixed = tensor.one if tensor is not None else None
    if tensor is None or fixed is None or at >= tensor.rank or fixed.shape[at] != batch:
        return tensor
    values = fixed.read()
    first = values[tuple(slice(0, 1) if n == at else slice(None) for n in range(values.ndim))]
    if not bool((values == first).all()):
        return tensor
    shapes = [tuple(count if n == at else s for n, s in enumerate(fixed.shape)) for count in BATCHES]
    pair = [Fixed(s, fixed.dtype, lambda: first, fixed.name, learned=fixed.learned) for s in shapes]
    return Tensor(tensor.name, tensor.dtype, (shapes[0], shapes[1]), (pair[0], pair[1]))
