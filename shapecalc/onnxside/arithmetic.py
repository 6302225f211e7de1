"""Arithmetic, comparisons and choices, number by number. Knows nothing of files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.call import Call, Open, Tensor
from shapecalc.torchside.importing.step import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME = {
    "Sqrt": "Sqrt", "Exp": "Exp", "Log": "Log", "Abs": "Abs", "Neg": "Neg", "Sin": "Sin", "Cos": "Cos", "Tan": "Tan",
    "Erf": "Erf", "Asin": "Asin", "Acos": "Acos", "Atan": "Atan", "Sinh": "Sinh", "Cosh": "Cosh", "Floor": "Floor",
    "Reciprocal": "Reciprocal", "Ceil": "Ceil", "Round": "Round", "Sign": "Sign", "Not": "LogicalNot",
}  # fmt: skip
BOTH = {
    "Mul": "Mul", "Sub": "Sub", "Add": "Add", "Equal": "Eq", "Greater": "Gt", "GreaterOrEqual": "Ge", "Less": "Lt",
    "LessOrEqual": "Le", "And": "LogicalAnd", "Or": "LogicalOr", "Xor": "LogicalXor",
}  # fmt: skip


def alone(op: str, call: Call) -> None:
    call.end(op)


def pair(op: str, call: Call) -> None:
    call.end(op, {}, *_operands(call))


def _operands(call: Call) -> list[Any]:
    """The inputs as values; single numbers as such, where another one is a tensor that has the result's shape."""
    rank, tensors = call.out().rank, [t for t in call.inputs if t is not None]
    found: list[Any] = []
    for tensor in tensors:
        number = _number(tensor, rank, tensors)
        found.append(call.own(tensor) if number is None else number)
    if not any(isinstance(f, Value) for f in found):
        raise Open("all that it takes is known")
    return found


def _number(tensor: Tensor, rank: int, tensors: Sequence[Tensor]) -> Any:
    fixed = tensor.one
    if fixed is None or fixed.size != 1 or (fixed.learned and "." in fixed.name) or fixed.dtype == "bool":
        return None
    others = [t for t in tensors if t is not tensor and (t.one is None or t.one.size != 1)]
    if not any(t.rank == rank for t in others):
        return None
    number = fixed.only()
    return number if number is not None and abs(number) < float("inf") else None


def divided(call: Call) -> None:
    """Integers are divided without remainder."""
    if "int" in call.tensor().dtype:
        raise Open("it divides integers")
    call.end("Div", {}, *_operands(call))


def power(call: Call) -> None:
    exponent = call.tensor(1).one
    number = None if exponent is None or exponent.size != 1 else exponent.only()
    if number is None:
        raise Open("its exponent is a tensor")
    if number == 0.5:
        return call.end("Sqrt", {}, call.value())
    return call.end("Pow", {"exponent": number}, call.value())


def many(op: str, call: Call) -> None:
    """Operands two by two."""
    operands = [call.own(t) for t in call.inputs if t is not None]
    if len(operands) == 1:
        return call.pass_on(operands[0])
    shape, found = call.out().shape, operands[0]
    for value in operands[1:-1]:
        found = call.add(op, {}, found, value, shape=shape)
    return call.end(op, {}, found, operands[-1])


def middle(call: Call) -> None:
    """The mean of some tensors."""
    operands = [call.own(t) for t in call.inputs if t is not None]
    found = operands[0]
    for value in operands[1:]:
        found = call.add("Add", {}, found, value, shape=call.out().shape)
    return call.end("Div", {}, found, len(operands))


def where(call: Call) -> None:
    call.end("Where", {}, *(call.value(n) for n in range(3)))


def cast(call: Call) -> None:
    same = call.out().dtype == call.tensor().dtype
    return call.pass_on() if same else call.end("Cast", {"dtype": call.out().dtype}, call.value())


def nothing(call: Call) -> None:
    call.pass_on()


def dropout(call: Call) -> None:
    call.only_output()
    call.end("Dropout", {"p": call.get("ratio", call.scalar(1, 0.5))}, call.value())


READERS = {
    **{name: partial(alone, op) for name, op in SAME.items()},
    **{name: partial(pair, op) for name, op in BOTH.items()},
    "Div": divided,
    "Pow": power,
    "Max": partial(many, "Maximum"),
    "Min": partial(many, "Minimum"),
    "Sum": partial(many, "Add"),
    "Mean": middle,
    "Where": where,
    "Cast": cast,
    "CastLike": cast,
    "Identity": nothing,
    "Dropout": dropout,
}
