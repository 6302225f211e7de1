"""Gemm, MatMul and Einsum -> Linear where one factor is a constant, else products. Knows nothing of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part, transposed

if TYPE_CHECKING:
    from shapecalc.onnxside.fixed import Fixed


def gemm(call: Call) -> None:
    """`alpha * A' B' + beta * C`: a Linear, whose weight and bias take the factors in."""
    if not call.has(1) or call.tensor(1).one is None or call.get("transA", 0) or _no_bias(call):
        return _products(call)
    matrix = call.weight(1)
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    turned = bool(call.get("transB", 0))
    out = matrix.shape[0 if turned else 1]
    weight = Part(matrix) if turned else transposed(matrix)
    call.parts = {"weight": _times(weight, alpha)}
    if call.has(2):
        bias = call.weight(2)
        spread = Part(bias) if bias.shape == (out,) else Part(bias, "spread", lambda a: _spread(a, out), (out,))
        call.parts["bias"] = _times(spread, beta)
    return call.end("Linear", {"out_features": out, "bias": call.has(2)}, call.value(), path=call.path)


def _no_bias(call: Call) -> bool:
    """Whether the summand is no vector that each row gets."""
    if not call.has(2):
        return False
    fixed = call.tensor(2).one
    return fixed is None or len(fixed.shape) > 2 or (len(fixed.shape) == 2 and fixed.shape[0] != 1)


def _spread(values: Any, count: int) -> Any:
    import numpy as np

    return np.broadcast_to(values.reshape(-1), (count,)).copy()


def _times(part: Part, factor: float) -> Part:
    if factor == 1:
        return part
    change = part.change
    how = f"{part.how}, times {factor:g}".lstrip(", ")
    return Part(part.fixed, how, lambda a: (a if change is None else change(a)) * a.dtype.type(factor), part.shape)


def _products(call: Call) -> None:
    factors = []
    for n, name in enumerate(("transA", "transB")):
        value = call.value(n)
        if call.get(name, 0):
            value = call.add("Transpose", {"dim0": 0, "dim1": 1}, value, shape=value.shape[::-1])
        factors.append(value)
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    shape = call.out().shape
    if alpha == 1 and not call.has(2):
        return call.end("MatMul", {}, *factors)
    found = call.add("MatMul", {}, *factors, shape=shape)
    if not call.has(2):
        return call.end("Mul", {}, found, alpha)
    found = found if alpha == 1 else call.add("Mul", {}, found, alpha)
    more = call.value(2) if beta == 1 else call.add("Mul", {}, call.value(2), beta)
    return call.end("Add", {}, found, more)


def matmul(call: Call) -> None:
    """A product with a constant matrix is a Linear; the pass gives it the bias that is added behind it."""
    matrix = call.tensor(1).one
    if matrix is None or len(matrix.shape) != 2 or call.rank < 2 or call.tensor().fixed is not None:
        if call.has(2):
            found = call.add("MatMul", {}, call.value(0), call.value(1), shape=call.out().shape)
            return call.end("Add", {}, found, call.value(2))
        return call.end("MatMul", {}, call.value(0), call.value(1))
    call.parts = {"weight": transposed(matrix)}
    bias: Fixed | None = call.weight(2) if call.has(2) else None
    if bias is not None:
        call.parts["bias"] = Part(bias)
    args = {"out_features": matrix.shape[1], "bias": bias is not None}
    return call.end("Linear", args, call.value(), path=call.path)


def einsum(call: Call) -> None:
    equation = call.get("equation", "")
    if not all(c.isalpha() or c in ",.-> " for c in equation):
        raise Open("its equation is no equation")
    call.end("Einsum", {"equation": equation.replace(" ", "")}, *(call.value(n) for n in range(len(call.inputs))))


READERS = {"Gemm": gemm, "MatMul": matmul, "Einsum": einsum}
