"""The operators of expressions on values: numbers, booleans, text, lists and symbolic sizes. Knows no syntax.

Every result is bounded before it is computed. A symbolic size takes `+ - * // %` by its own operators; an
order or equality that depends on it is decided, or is an `ExpressionError` of the kind "condition".
"""

from __future__ import annotations

from collections.abc import Callable

from shapecalc.source.scalar import MAX_INTEGER

TYPE_CHECKING = False  # known to type checkers; importing typing for it would cost 5 ms
if TYPE_CHECKING:
    from typing import Any

    from shapecalc.dims.sym import Sym

    Value = int | float | bool | None | str | list["Value"] | tuple["Value", ...] | Sym

MAX_LENGTH = 100_000  # elements of a list, and of all lists that one expression makes
MAX_TERMS = 10_000  # terms that a product of symbolic sizes may have to go through
MAX_SYMBOLIC_EXPONENT = 8


class ExpressionError(Exception):
    """Why an expression has no value. `kind` is syntax, name, condition, type, limit or value; `start` and
    `end` are offsets in the expression's text; `name` is the unknown identifier, where that is the kind.
    """

    def __init__(self, kind: str, message: str, help: str = "", start: int = 0, end: int = 0, name: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.help = help
        self.start = start
        self.end = end
        self.name = name


def is_size(value: object) -> bool:
    """Whether a value is a symbolic size: neither a number, a boolean, nothing, text nor a list."""
    return not isinstance(value, (int, float, str, list, tuple, type(None)))


def is_number(value: object) -> bool:
    """Whether a value is an int or a float; booleans are no numbers here, `True + 1` is a slip."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value: object, depth: int = 2) -> str:
    """A value as the language writes it, cut to the length and depth of a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        inner = ", ".join(shown(item, depth - 1) for item in value[:8]) if depth else "..."
        return f"[{inner}{', ...' if depth and len(value) > 8 else ''}]"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def called(value: object) -> str:
    """A value with what it is, for a message: `the text 'relu'`, `the list [1, 2]`."""
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, (list, tuple)):
        return f"the list {shown(value)}"
    return f"the size {value}" if is_size(value) else shown(value)


def bounded(value: Any) -> Any:
    """`value`, or the error that it is an integer of more than 18 digits."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        advice = "integers have at most 18 digits here"
        raise ExpressionError("limit", "the result has more than 18 digits", advice)
    return value


def too_long(length: int) -> ExpressionError:
    """The error for a list of `length` elements."""
    return ExpressionError("limit", f"a list of {length:,} elements is too long", f"at most {MAX_LENGTH:,} elements")


def unknown_size(*values: object) -> ExpressionError:
    """The error for something that would depend on a size that is not known."""
    named = " and ".join(dict.fromkeys(str(value) for value in values if is_size(value)))
    advice = "give it a number with --set, or make the condition depend on params only"
    return ExpressionError("condition", f"the size {named} is not known here", advice)


def binary(sign: str, a: Any, b: Any) -> Any:
    """`a sign b`, for one of `+ - * / // % **`."""
    if type(a) is not int or type(b) is not int:
        if is_size(a) or is_size(b):
            return _symbolic(sign, a, b)
        if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
            return _on_lists(sign, a, b)
        if not is_number(a) or not is_number(b):
            raise _no_number(sign, a, b)
    if sign == "**":
        return power(a, b)
    try:
        return _finite(sign, a, b, _ARITHMETIC[sign](a, b))
    except ZeroDivisionError:
        raise ExpressionError("value", f"division by zero: {shown(a)} {sign} {shown(b)}") from None
    except OverflowError:
        raise _overflow(sign, a, b) from None


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def _finite(sign: str, a: Any, b: Any, result: Any) -> Any:
    if isinstance(result, float) and result - result != 0.0 and a - a == 0 and b - b == 0:
        raise _overflow(sign, a, b)
    return bounded(result)


def _overflow(sign: str, a: object, b: object) -> ExpressionError:
    return ExpressionError("limit", f"{shown(a)} {sign} {shown(b)} is too large")


def _no_number(sign: str, a: object, b: object) -> ExpressionError:
    wrong = b if is_number(a) or is_size(a) else a
    advice = ""
    if isinstance(wrong, bool):
        advice = "write `1 if c else 0` where a condition c is meant as a number"
    elif isinstance(wrong, str) and sign == "+":
        advice = "in names, `{expr}` puts values into text"
    return ExpressionError("type", f"`{sign}` needs numbers, not {called(wrong)}", advice)


def power(a: Any, b: Any) -> Any:
    """`a ** b` of plain numbers, its size checked before it is computed."""
    if isinstance(a, int) and isinstance(b, int) and abs(a) > 1 and b * (a.bit_length() - 1) > 64:
        raise _overflow("**", a, b)
    try:
        result = a**b
    except ZeroDivisionError:
        raise ExpressionError("value", f"division by zero: {shown(a)} ** {shown(b)}") from None
    except OverflowError:
        raise _overflow("**", a, b) from None
    if isinstance(result, complex):
        raise ExpressionError("value", f"{shown(a)} ** {shown(b)} is no real number")
    return _finite("**", a, b, result)


def _on_lists(sign: str, a: Any, b: Any) -> Any:
    if sign == "+" and isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return [*a, *b]
    if sign == "*" and (type(a) is int or type(b) is int):
        times, items = (a, b) if type(a) is int else (b, a)
        if times * len(items) > MAX_LENGTH:
            raise too_long(times * len(items))
        return list(items) * times
    raise _no_number(sign, a, b)


def _symbolic(sign: str, a: Any, b: Any) -> Any:
    for operand in (a, b):
        if not is_size(operand) and type(operand) is not int:
            raise _no_size(sign, operand)
    if sign == "/":
        advice = f"write {shown(a)} // {shown(b)}: a size is an integer"
        raise ExpressionError("type", f"`/` makes a fraction of the size {a if is_size(a) else b}", advice)
    if sign in ("//", "%") and type(b) is int and b == 0:
        raise ExpressionError("value", f"division by zero: {shown(a)} {sign} 0")
    if sign == "**":
        return _symbolic_power(a, b)
    if sign == "*":
        _bound_product(a, b)
    try:
        return bounded(_ARITHMETIC[sign](a, b))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ExpressionError("value", f"{shown(a)} {sign} {shown(b)}: {error}") from None


def _no_size(sign: str, operand: object) -> ExpressionError:
    advice = "a size is an integer; divide with `//`" if isinstance(operand, float) else ""
    message = f"`{sign}` with a size needs an integer, not {called(operand)}"
    return ExpressionError("type", message, advice)


def _symbolic_power(a: Any, b: Any) -> Any:
    if type(b) is not int or not 0 <= b <= MAX_SYMBOLIC_EXPONENT:
        message = f"the exponent of a size is an integer from 0 to {MAX_SYMBOLIC_EXPONENT}, not {shown(b)}"
        raise ExpressionError("type", message)
    result: Any = 1
    for _ in range(b):
        _bound_product(result, a)
        result = result * a
    return bounded(result)


def _bound_product(a: Any, b: Any) -> None:
    from shapecalc.dims.atom import terms

    if len(terms(a)) * len(terms(b)) > MAX_TERMS:
        raise ExpressionError("limit", "a product of sizes has too many terms")


def unary(sign: str, a: Any) -> Any:
    """`+a` or `-a`."""
    if not is_number(a) and not is_size(a):
        raise ExpressionError("type", f"`{sign}` needs a number, not {called(a)}")
    return -a if sign == "-" else a


def truth(value: Any) -> bool:
    """Whether a value counts as true; a size that is not known raises, for nothing may depend on it."""
    if is_size(value):
        raise unknown_size(value)
    return bool(value)


def compare(sign: str, a: Any, b: Any) -> bool:
    """`a sign b`, for one of `== != < <= > >= in` and `not in`."""
    if sign in ("==", "!="):
        return _decided(_equal(a, b), a, b) is (sign == "==")
    if sign in ("in", "not in"):
        return _contains(a, b) is (sign == "in")
    if is_size(a) or is_size(b):
        return _symbolic_order(sign, a, b)
    if not is_number(a) or not is_number(b):
        wrong = b if is_number(a) else a
        raise ExpressionError("type", f"`{sign}` compares numbers, not {called(wrong)}")
    return _ORDERS[sign](a, b)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _decided(answer: bool | None, *values: object) -> bool:
    if answer is None:
        raise unknown_size(*_sizes(values))
    return answer


def _sizes(values: Any) -> list[object]:
    found: list[object] = []
    for value in values:
        found += _sizes(value) if isinstance(value, (list, tuple)) else [value] * is_size(value)
    return found


def _equal(a: Any, b: Any) -> bool | None:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return _equal_lists(a, b)
    if not is_size(a) and not is_size(b):
        return bool(a == b)
    if not all(is_size(value) or type(value) is int for value in (a, b)):
        return False
    from shapecalc.dims.decide import equal

    answer: bool | None = equal(a, b)
    return answer


def _equal_lists(a: Any, b: Any) -> bool | None:
    answers = [_equal(x, y) for x, y in zip(a, b, strict=False)]
    if len(a) != len(b) or False in answers:
        return False
    return None if None in answers else True


def _contains(item: Any, items: Any) -> bool:
    if isinstance(item, str) and isinstance(items, str):
        return item in items
    if not isinstance(items, (list, tuple)):
        raise ExpressionError("type", f"`in` looks into a list, not into {called(items)}")
    answers = [_equal(item, other) for other in items]
    return True in answers or _decided(None if None in answers else False, item, items)


def _symbolic_order(sign: str, a: Any, b: Any) -> bool:
    for operand in (a, b):
        if not is_size(operand) and type(operand) is not int:
            raise _no_size(sign, operand)
    from shapecalc.dims.decide import at_least_zero

    gap = {"<": b - a - 1, "<=": b - a, ">": a - b - 1, ">=": a - b}[sign]
    return _decided(at_least_zero(gap), a, b)
