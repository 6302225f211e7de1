"""An expression's text into its value: parsed to a tree, and the tree walked, never run as Python.

The text, its depth, the numbers and the lists are bounded, so that no expression takes more than a moment.
Knows nothing of YAML or specs: names are looked up in the scope that it is given.
"""

from __future__ import annotations

import _ast as ast  # the node classes alone: importing `ast` itself costs 3 ms
from collections.abc import Callable, Mapping
from functools import lru_cache
from keyword import iskeyword

from shapecalc.source.function import FUNCTIONS, call
from shapecalc.source.operation import (
    MAX_LENGTH,
    ExpressionError,
    binary,
    called,
    compare,
    is_size,
    too_long,
    truth,
    unary,
    unknown_size,
)
from shapecalc.source.refusal import literal, refusal, sign_of, syntax_error, unknown_function
from shapecalc.source.template import bind_targets, loop_header, names_in_template, substitute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shapecalc.source.operation import Value

__all__ = [
    "ExpressionError",
    "bind_targets",
    "evaluate",
    "is_expression",
    "is_identifier",
    "loop_header",
    "names_in",
    "names_in_template",
    "substitute",
    "truth",
]

MAX_TEXT = 2_000
MAX_DEPTH = 90
MAX_STEPS = 1_000_000
MOST_VALUES = 4096
_VALUES: dict[Any, Value] = {}
"""Values of expressions by text, values of their names and types of these (1 is not true): blocks are used with equal
arguments again and again.
"""
_PLAIN = frozenset({int, bool, str})  # no float: 0.0 and -0.0 are equal and not the same
CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}


def evaluate(text: str, scope: Mapping[str, Value]) -> Value:
    """The value of an expression; raises `ExpressionError` with offsets in `text` for every mistake.

    >>> evaluate("max(1, width // 4) if deep else 0", {"width": 64, "deep": True})
    16
    """
    if text in scope and text not in CONSTANTS:
        return scope[text]
    if text.isdigit() and text.isascii() and len(text) < 19 and (text[0] != "0" or text == "0"):
        return int(text)
    key = _key(text, scope)
    if key in _VALUES:
        return _VALUES[key]
    tree = _parse(text)
    try:
        result: Value = _Walk(text, scope).value(tree.body)
    except RecursionError:  # the caller was deep already
        raise _too_deep(0, len(text)) from None
    if key is not None and result.__class__ in _PLAIN:
        if len(_VALUES) >= MOST_VALUES:
            _VALUES.clear()
        _VALUES[key] = result
    return result


def _key(text: str, scope: Mapping[str, Value]) -> Any:
    """What the value of an expression follows from, where all its names are plain values; else None."""
    values = [scope.get(name, _key) for name in _names(text)]
    kinds = [value.__class__ for value in values]
    return (text, *values, *kinds) if _PLAIN.issuperset(kinds) else None


@lru_cache(maxsize=4096)
def _names(text: str) -> tuple[str, ...]:
    return tuple(names_in(text))


def is_identifier(text: str) -> bool:
    """Whether a text can be a name in an expression: no keyword, none of the words `true false null`."""
    return text.isidentifier() and not iskeyword(text) and text not in CONSTANTS


def names_in(text: str) -> set[str]:
    """The names that an expression looks up, without functions and constants; none in broken syntax."""
    if is_identifier(text):
        return {text}
    try:
        nodes: list[Any] = [_parse(text).body]
    except ExpressionError:
        return set()
    found = set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            nodes += [*node.args, *node.keywords]
        elif isinstance(node, ast.AST):
            nodes += [getattr(node, field) for field in node._fields]
        elif isinstance(node, list):
            nodes += node
    return found - CONSTANTS.keys()


def is_expression(text: str) -> bool:
    """Whether a text has the grammar of an expression; what its names mean is not asked."""
    try:
        _parse(text)
    except ExpressionError:
        return False
    return True


@lru_cache(maxsize=4096)
def _parse(text: str) -> ast.Expression:
    import warnings

    if len(text) > MAX_TEXT:
        advice = f"at most {MAX_TEXT:,} characters; name its parts as params"
        message = f"the expression has {len(text):,} characters"
        raise ExpressionError("limit", message, advice, 0, len(text))
    try:
        with warnings.catch_warnings():  # of Python's about "1if" or "\\d", printed as if they were about us
            warnings.simplefilter("ignore")
            tree = compile(_line(text), "<expression>", "eval", ast.PyCF_ONLY_AST)
    except (MemoryError, RecursionError):
        raise _too_deep(0, len(text)) from None
    except (SyntaxError, ValueError) as error:
        raise syntax_error(text, error, _lead(text)) from None
    assert isinstance(tree, ast.Expression)
    return tree


_SPACES = {ord(c): " " for c in "\t\n\r\f\v\x85\u2028\u2029"}


def _line(text: str) -> str:
    """The text as one line without leading space, which Python would take for an indentation."""
    return text.translate(_SPACES).strip()


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip())


def _too_deep(start: int, end: int) -> ExpressionError:
    message = "the expression is nested too deeply"
    return ExpressionError("limit", message, "name its parts as params", start, end)


class _Walk:
    """One evaluation. `steps` counts nodes and the elements of lists that are made or gone through."""

    __slots__ = ("depth", "scope", "steps", "text")

    def __init__(self, text: str, scope: Mapping[str, Value]) -> None:
        self.text = text
        self.scope = scope
        self.depth = 0
        self.steps = 0

    def value(self, node: Any) -> Any:
        """The value of a node; an error from below gets the place of the innermost node that raises it."""
        handler = _HANDLERS.get(node.__class__)
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise _too_deep(0, 0)
            if handler is None:
                raise refusal(node)
            return handler(self, node)
        except ExpressionError as error:
            if not error.end:
                error.start, error.end = self.span(node)
            raise
        finally:
            self.depth -= 1

    def span(self, node: Any) -> tuple[int, int]:
        # Python counts bytes of UTF-8.
        line, lead = _line(self.text).encode("utf-8", "surrogatepass"), _lead(self.text)
        start, end = (line[:offset].decode("utf-8", "ignore") for offset in (node.col_offset, node.end_col_offset))
        return lead + len(start), lead + len(end)

    def spend(self, value: Any) -> Any:
        """`value`, its elements counted where it is a list."""
        if isinstance(value, (list, tuple)):
            size = _elements(value)
            self.steps += size
            if size > MAX_LENGTH:
                raise too_long(size)
            if self.steps > MAX_STEPS:
                raise ExpressionError("limit", "the lists in this expression are too long", "make them shorter")
        return value

    def constant(self, node: Any) -> Any:
        value = node.value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            start, end = self.span(node)
            return literal(self.text[start:end], value)
        if value is None or isinstance(value, (bool, str)):
            return value
        raise refusal(node)

    def name(self, node: Any) -> Any:
        name = node.id
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in self.scope:
            return self.scope[name]
        if name in FUNCTIONS:
            raise ExpressionError("syntax", f"`{name}` is a function", f"call it: `{name}(...)`")
        raise ExpressionError("name", f"`{name}` is not known here", name=name)

    def binary(self, node: Any) -> Any:
        """A whole chain `a + b - c ...`: a loop, because a sum of a thousand terms leans a thousand deep."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        result = self.value(chain[-1].left)
        for link in reversed(chain):
            other = self.value(link.right)
            try:
                result = self.spend(binary(sign_of(link.op), result, other))
            except ExpressionError as error:
                error.start, error.end = self.span(link)
                raise
        return result

    def unary(self, node: Any) -> Any:
        if isinstance(node.op, ast.Not):
            return not truth(self.value(node.operand))
        return unary(sign_of(node.op), self.value(node.operand))

    def boolean(self, node: Any) -> Any:
        stops_at = isinstance(node.op, ast.Or)
        for part in node.values[:-1]:
            value = self.value(part)
            if truth(value) is stops_at:
                return value
        return self.value(node.values[-1])

    def comparison(self, node: Any) -> bool:
        left = self.spend(self.value(node.left))
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.spend(self.value(part))
            if not compare(sign_of(op), left, right):
                return False
            left = right
        return True

    def choice(self, node: Any) -> Any:
        while isinstance(node, ast.IfExp):
            node = node.body if truth(self.value(node.test)) else node.orelse
        return self.value(node)

    def subscript(self, node: Any) -> Any:
        items, index = self.value(node.value), self.value(node.slice)
        if not isinstance(items, (list, tuple, str)):
            raise ExpressionError("type", f"only a list has elements, not {called(items)}")
        if is_size(index):
            raise unknown_size(index)
        if type(index) is not int:
            raise ExpressionError("type", f"an index is an integer, not {called(index)}")
        if not -len(items) <= index < len(items):
            message = f"index {index} is out of range: {called(items)} has {len(items)} elements"
            raise ExpressionError("value", message)
        return items[index]

    def list(self, node: Any) -> Any:
        return self.spend([self.value(item) for item in node.elts])

    def call(self, node: Any) -> Any:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise unknown_function(node)
        if any(keyword.arg is None for keyword in node.keywords):
            raise ExpressionError("syntax", "`**` before an argument is not part of expressions")
        arguments = [self.spend(self.value(part)) for part in node.args]
        keywords = {keyword.arg: self.value(keyword.value) for keyword in node.keywords}
        return self.spend(call(node.func.id, arguments, keywords))


_HANDLERS: dict[type, Callable[[_Walk, Any], Any]] = {
    ast.Constant: _Walk.constant,
    ast.Name: _Walk.name,
    ast.BinOp: _Walk.binary,
    ast.UnaryOp: _Walk.unary,
    ast.BoolOp: _Walk.boolean,
    ast.Compare: _Walk.comparison,
    ast.IfExp: _Walk.choice,
    ast.Subscript: _Walk.subscript,
    ast.List: _Walk.list,
    ast.Call: _Walk.call,
}


def _elements(items: Any) -> int:
    """The elements in a list of lists, counted no further than needed: one may stand in it many times."""
    count, rest = 0, [items]
    while rest and count <= MAX_LENGTH:
        part = rest.pop()
        count += len(part)
        rest += [item for item in part if isinstance(item, (list, tuple))]
    return count
