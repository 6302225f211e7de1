"""What Python's grammar has and the expression language has not, and broken syntax, into clear errors."""

from __future__ import annotations

import _ast as ast

from shapecalc.source.function import FUNCTIONS
from shapecalc.source.nearest import nearest
from shapecalc.source.operation import ExpressionError
from shapecalc.source.scalar import MAX_INTEGER
from shapecalc.source.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIGNS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_FOREIGN_SIGNS: dict[type, tuple[str, str]] = {
    ast.BitXor: ("^", "a power is written `**`"),
    ast.BitAnd: ("&", "conditions are joined with `and`"),
    ast.BitOr: ("|", "conditions are joined with `or`"),
    ast.LShift: ("<<", "multiply by a power of 2"),
    ast.RShift: (">>", "divide with `//`"),
    ast.MatMult: ("@", "multiply with `*`"),
    ast.Invert: ("~", "a condition is negated with `not`"),
    ast.Is: ("is", "compare with `==`"),
    ast.IsNot: ("is not", "compare with `!=`"),
}
_FOREIGN: dict[str, tuple[str, str]] = {
    "Attribute": ("an attribute (`a.b`)", "use names and indices"),
    "Lambda": ("a lambda", ""),
    "ListComp": ("a comprehension", "unroll it with `for ... in ...` in the layers"),
    "GeneratorExp": ("a comprehension", "unroll it with `for ... in ...` in the layers"),
    "SetComp": ("a comprehension", "unroll it with `for ... in ...` in the layers"),
    "DictComp": ("a comprehension", "unroll it with `for ... in ...` in the layers"),
    "NamedExpr": ("an assignment (`:=`)", "name the value as a param"),
    "Starred": ("a `*` before a value", "write the elements out"),
    "JoinedStr": ("an f-string", "in names, `{expr}` puts values into text"),
    "Tuple": ("a bare comma", "write a list in brackets: `[a, b]`"),
    "Slice": ("a slice (`a[i:j]`)", "index single elements"),
    "Dict": ("a mapping in braces", "write a list in brackets"),
    "Set": ("a set in braces", "write a list in brackets"),
}


def sign_of(op: Any) -> str:
    """How an operator is written; raises for those that the language has not."""
    if op.__class__ in _SIGNS:
        return _SIGNS[op.__class__]
    sign, advice = _FOREIGN_SIGNS[op.__class__]
    raise ExpressionError("syntax", f"`{sign}` is not part of expressions", advice)


def refusal(node: Any) -> ExpressionError:
    """The error for a construct that the language has not."""
    kind = node.__class__.__name__
    if isinstance(node, ast.Constant):
        what, advice = f"a constant like `{str(node.value)[:20]}`", ""
    else:
        what, advice = _FOREIGN.get(kind, (f"`{kind.lower()}`", ""))
    return ExpressionError("syntax", f"{what} is not part of expressions", advice)


def unknown_function(node: Any) -> ExpressionError:
    """The error for a call of anything else than the language's functions."""
    if isinstance(node.func, ast.Attribute):
        return refusal(node.func)
    if not isinstance(node.func, ast.Name):
        return ExpressionError("syntax", "only functions can be called")
    name = node.func.id
    near = nearest(name, FUNCTIONS)
    advice = f"did you mean `{near}`?" if near else f"there are {' '.join(FUNCTIONS)}"
    return ExpressionError("syntax", f"there is no function `{name}`", advice)


def literal(written: str, value: int | float) -> int | float:
    """The value of a number as written; Python's other spellings (`1_000`, `0b11`) are refused."""
    if "_" in written or written[:2] in ("0b", "0B"):
        raise ExpressionError("syntax", f"`{written[:40]}` is no number here", f"write {_decimal(value)}")
    if isinstance(value, int) and value > MAX_INTEGER:
        raise ExpressionError("limit", f"a number of {len(written)} digits is too large", "at most 18 digits")
    if value == float("inf"):
        raise ExpressionError("limit", f"{written[:40]} is too large")
    return value


def _decimal(value: int | float) -> str:
    # Only a bounded number is printed: printing an integer of 5,000 digits raises.
    return str(value) if value <= MAX_INTEGER else "at most 18 digits"


def syntax_error(text: str, error: Exception, lead: int) -> ExpressionError:
    """The error for a text that Python's grammar refuses already."""
    start, end = _place(text, error, lead)
    if not text.strip():
        return ExpressionError("syntax", "the expression is empty", "", 0, len(text))
    said = str(getattr(error, "msg", error))
    shown = one_line(text.strip())
    if "never closed" in said or "unmatched" in said or "does not match" in said:
        advice = "inside of {} and [] YAML cuts at commas and brackets: quote the whole expression"
        return ExpressionError("syntax", f"unbalanced brackets in `{shown}`", advice, start, end)
    if any(words in said for words in ("too many nested", "too complex", "integer string conversion")):
        return ExpressionError("limit", f"`{shown}` goes beyond the limits", "", start, end)
    return ExpressionError("syntax", f"`{shown}` is no expression", _advice(text, said), start, end)


def _place(text: str, error: Exception, lead: int) -> tuple[int, int]:
    offset = getattr(error, "offset", None)
    if not offset:
        return 0, len(text)
    start = min(lead + offset - 1, max(len(text) - 1, 0))
    return start, start + 1


def _advice(text: str, said: str) -> str:
    if "leading zeros" in said:
        return "write decimal numbers without a leading zero, octal ones as 0o17"
    hints = {"&&": "write `and`", "||": "write `or`", "?": "write `a if c else b`", "=": "compare with `==`"}
    if "==" in text:
        del hints["="]
    found = next((hint for sign, hint in hints.items() if sign in text), "")
    return found or ("negate with `not`" if "!" in text.replace("!=", "") else "")
