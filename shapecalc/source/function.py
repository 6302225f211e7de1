"""The functions that expressions may call, on values. A closed list: nothing else can be called.

Each takes its arguments as they come and checks them; a list that it makes is bounded before it is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from shapecalc.source.operation import (
    MAX_LENGTH,
    ExpressionError,
    binary,
    bounded,
    called,
    compare,
    is_number,
    is_size,
    shown,
    too_long,
    unknown_size,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def call(name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """The result of one function of the language; raises `ExpressionError`."""
    function, least, most = FUNCTIONS[name]
    if keywords and name != "make_divisible":
        raise ExpressionError("syntax", f"`{name}` takes no argument by name")
    if not least <= len(arguments) + len(keywords) <= most:
        due = f"{least}" if least == most else f"{least} to {most}" if most < 99 else f"at least {least}"
        plural = "" if due == "1" else "s"
        raise ExpressionError("type", f"`{name}` takes {due} argument{plural}, not {len(arguments)}")
    return bounded(function(*arguments, **keywords))


def _number(name: str, value: Any) -> Any:
    if not is_number(value) and not is_size(value):
        raise ExpressionError("type", f"`{name}` needs a number, not {called(value)}")
    return value


def _plain(name: str, value: Any) -> Any:
    if is_size(value):
        raise ExpressionError("type", f"`{name}` needs a plain number; the size {value} is not known here")
    return _number(name, value)


def _integer(name: str, value: Any) -> int:
    if is_size(value):
        raise unknown_size(value)
    if type(value) is not int:
        advice = "divide with `//`, or round with `int(...)`" if isinstance(value, float) else ""
        raise ExpressionError("type", f"`{name}` needs integers, not {called(value)}", advice)
    return value


def _list(name: str, value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise ExpressionError("type", f"`{name}` needs a list, not {called(value)}")
    return value


def _extreme(name: str) -> Callable[..., Any]:
    def extreme(*arguments: Any) -> Any:
        values = _list(name, arguments[0]) if len(arguments) == 1 else arguments
        if not values:
            raise ExpressionError("value", f"`{name}` of an empty list")
        plain = [_number(name, value) for value in values if not is_size(value)]
        if len(plain) == len(values):
            return min(plain) if name == "min" else max(plain)
        return _symbolic_extreme(name, values)

    return extreme


def _symbolic_extreme(name: str, values: Any) -> Any:
    from shapecalc.dims.sym import least, most

    result, *others = values
    for value in values:
        if isinstance(value, float):
            raise ExpressionError("type", f"`{name}` with a size needs integers, not {shown(value)}")
    for value in others:
        result = (least if name == "min" else most)(result, value)
    return result


def _abs(x: Any) -> Any:
    if not is_size(x):
        return abs(_number("abs", x))
    return x if compare(">=", x, 0) else -x


def _int(x: Any) -> Any:
    if is_size(x) or isinstance(x, bool):
        return x if is_size(x) else int(x)
    return _rounded("int", int, x)


def _round(x: Any, digits: Any = None) -> Any:
    if is_size(x):
        return x
    if digits is None:
        return _rounded("round", round, x)
    return round(_number("round", x), max(-20, min(20, _integer("round", digits))))


def _ceil(x: Any) -> Any:
    return x if is_size(x) else _rounded("ceil", math.ceil, x)


def _floor(x: Any) -> Any:
    return x if is_size(x) else _rounded("floor", math.floor, x)


def _rounded(name: str, function: Callable[[Any], int], x: Any) -> int:
    try:
        return function(_number(name, x))
    except (OverflowError, ValueError):
        raise ExpressionError("value", f"`{name}` of {shown(x)} is no integer") from None


def _sqrt(x: Any) -> float:
    if _plain("sqrt", x) < 0:
        raise ExpressionError("value", f"`sqrt` of {shown(x)}, which is below 0")
    return math.sqrt(x)


def _len(x: Any) -> int:
    return len(x) if isinstance(x, str) else len(_list("len", x))


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in _list("sum", values):
        total = binary("+", total, value)
    return total


def _range(*arguments: Any) -> list[int]:
    numbers = range(*_range_arguments([_integer("range", value) for value in arguments]))
    if len(numbers) > MAX_LENGTH:
        raise too_long(len(numbers))
    return list(numbers)


def _range_arguments(arguments: list[int]) -> list[int]:
    if len(arguments) == 3 and arguments[2] == 0:
        raise ExpressionError("value", "`range` with a step of 0")
    return arguments


def _enumerate(values: Any, first: Any = 0) -> list[Any]:
    start = _integer("enumerate", first)
    return [[start + i, value] for i, value in enumerate(_list("enumerate", values))]


def _zip(*lists: Any) -> list[Any]:
    return [list(row) for row in zip(*(_list("zip", values) for values in lists), strict=False)]


def _make_divisible(v: Any, divisor: Any = 8, min_value: Any = None) -> int:
    """The multiple of `divisor` nearest to v and not 10 % below it, as torchvision's `_make_divisible`."""
    v, divisor = _plain("make_divisible", v), _integer("make_divisible", divisor)
    least = divisor if min_value is None else _integer("make_divisible", min_value)
    if divisor < 1:
        raise ExpressionError("value", f"`make_divisible` needs a divisor of at least 1, not {divisor}")
    result: int = max(least, _rounded("make_divisible", int, v + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * v else result


# name: function, fewest and most arguments
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (_extreme("min"), 1, 99),
    "max": (_extreme("max"), 1, 99),
    "abs": (_abs, 1, 1),
    "int": (_int, 1, 1),
    "round": (_round, 1, 2),
    "ceil": (_ceil, 1, 1),
    "floor": (_floor, 1, 1),
    "sqrt": (_sqrt, 1, 1),
    "len": (_len, 1, 1),
    "sum": (_sum, 1, 1),
    "range": (_range, 1, 3),
    "enumerate": (_enumerate, 1, 2),
    "zip": (_zip, 1, 99),
    "make_divisible": (_make_divisible, 1, 3),
}
