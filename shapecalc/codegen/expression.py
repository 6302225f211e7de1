"""Expressions of a spec -> Python's, and values -> Python's literals, written as `ruff format` writes them.

An expression is parsed and written anew from its tree: only names that are given for it, and functions of a closed
list, ever come out of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.layout import quoted
from shapecalc.ops.op import source

if TYPE_CHECKING:
    from collections.abc import Mapping

SAME = frozenset({"min", "max", "abs", "int", "len", "sum", "round"})
OURS = {"sqrt": "math.sqrt", "ceil": "math.ceil", "floor": "math.floor", "make_divisible": "make_divisible"}
CONSTANTS = {"true": "True", "false": "False", "null": "None"}
POWER = re.compile(r"(?<![\w.])([\w.]+) \*\* (-?[\w.]+)(?![\w.(\[])")

MAKE_DIVISIBLE = '''def make_divisible(v: float, divisor: int = 8, min_value: int | None = None) -> int:
    """The multiple of `divisor` nearest to `v`, and not 10 % below it."""
    least = divisor if min_value is None else min_value
    result = max(least, int(v + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * v else result
'''


def literal(value: Any) -> str:
    """Python source of a value: lists stay lists."""
    return quoted(source(value))


def in_python(text: str, names: Mapping[str, str]) -> str | None:
    """The expression in Python with `names` for the names in it; None where it holds anything else."""
    tree = _parsed(text)
    if tree is None:
        return None
    import ast

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str | None):
            return None
    try:
        return tidy(ast.unparse(_renaming(names).visit(tree)))
    except KeyError:
        return None


def _parsed(text: str) -> Any:
    import ast

    try:
        return ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _renaming(names: Mapping[str, str]) -> Any:
    import ast

    class Renaming(ast.NodeTransformer):
        """Raises KeyError for what it does not know."""

        def visit_Call(self, node: ast.Call) -> ast.AST:
            assert isinstance(node.func, ast.Name)
            name = node.func.id
            node.func.id = name if name in SAME else OURS[name]
            node.args = [self.visit(a) for a in node.args]
            node.keywords = [self.visit(k) for k in node.keywords]
            return node

        def visit_Name(self, node: ast.Name) -> ast.AST:
            text = CONSTANTS.get(node.id) or names[node.id]
            found: ast.AST = ast.parse(text, mode="eval").body
            return found

    return Renaming()


@lru_cache(maxsize=4096)
def tidied(text: str) -> str:
    """A call's text with spaces and brackets as they are usually set."""
    import ast

    return tidy(ast.unparse(ast.parse(text, mode="eval").body))


def tidy(text: str) -> str:
    """What `ast.unparse` writes, as ruff would: double quotes, no spaces around the power of plain operands."""
    return quoted(POWER.sub(r"\1**\2", text))
