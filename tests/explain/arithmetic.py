"""A second reading of formulas: by Python's own parser for text, and by a small translator for LaTeX."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES: dict[type, Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
CALLS: dict[str, Any] = {"min": min, "max": max, "int": int}


def value(text: str, names: Mapping[str, Any] | None = None) -> Any:
    """What a formula comes to as Python reads it."""
    return _value(ast.parse(text, mode="eval").body, names or {})


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.BinOp):
        return RULES[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.UnaryOp):
        assert isinstance(node.op, ast.USub)
        return -_value(node.operand, names)
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return CALLS[node.func.id](*(_value(a, names) for a in node.args))
    if isinstance(node, ast.Name):
        return names[node.id]
    assert isinstance(node, ast.Constant)
    return node.value


def from_latex(text: str) -> str:
    """LaTeX as Python: every fraction stands in a floor, and a floor without one cuts a product of floats."""
    text = re.sub(r"\\left\\lfloor ([^\\{}]*(?:\\cdot [^\\{}]*)*)\\right\\rfloor", r"int(\1)", text)
    while r"\frac" in text:
        text = _fraction(text)
    for latex, plain in (
        (r"\left\lfloor", "("), (r"\right\rfloor", ")"), (r"\left(", "("), (r"\right)", ")"), (r"\cdot", "*"),
        (r"\bmod", "%"), (r"\min", "min"), (r"\max", "max"),
    ):  # fmt: skip
        text = text.replace(latex, plain)
    text = re.sub(r"\\mathrm\{([^{}]*)\}", r"\1", text).replace(r"\_", "_")
    return re.sub(r"_\{([^{}]*)\}", lambda m: "_" + m[1].replace(",", "_"), text).strip()


def _fraction(text: str) -> str:
    """The last fraction, which holds no other, as a floored quotient."""
    start = text.rindex(r"\frac")
    top, after = _braced(text, start + len(r"\frac"))
    bottom, end = _braced(text, after)
    return f"{text[:start]}({top})//({bottom}){text[end:]}"


def _braced(text: str, start: int) -> tuple[str, int]:
    assert text[start] == "{"
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + 1 : end], end + 1
    raise AssertionError(f"unbalanced braces in {text}")
