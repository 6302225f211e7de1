"""Second opinions on sizes: random programs run on integers, a reader of printed sizes, rule formulas."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from operator import add, floordiv, mod, mul, neg, sub
from typing import Any

from hypothesis import strategies as st

from shapecalc.dims.sym import symbol

H, W = symbol("H"), symbol("W")

Program = Callable[[Mapping[str, Any]], Any]
"""A size as a function of named sizes, to be run on symbols and on plain integers."""


def leaf(name: str) -> Program:
    return lambda sizes: sizes[name]


def number(n: int) -> Program:
    return lambda sizes: n


def apply(op: Callable[..., Any], *parts: Program) -> Program:
    return lambda sizes: op(*(part(sizes) for part in parts))


def programs(*names: str, products: bool = True) -> st.SearchStrategy[Program]:
    """Chains of + - * // % on the names and numbers, divisors positive."""
    leaves = st.one_of(st.sampled_from(names).map(leaf), st.integers(-40, 40).map(number))

    def grow(inner: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
        pairs = [st.builds(apply, st.just(op), inner, inner) for op in (add, sub, *([mul] if products else []))]
        scaled = st.builds(apply, st.just(mul), inner, st.integers(-6, 6).map(number))
        cut = st.builds(apply, st.sampled_from([floordiv, mod]), inner, st.integers(1, 12).map(number))
        return st.one_of(*pairs, scaled, cut, cut)

    return st.recursive(leaves, grow, max_leaves=8)


_OPS: dict[type, Callable[..., Any]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv, ast.Pow: pow, ast.USub: neg
}  # fmt: skip


def read(text: str, sizes: Mapping[str, int]) -> Any:
    """A printed size under plain Python arithmetic."""
    return _walk(ast.parse(text, mode="eval").body, sizes)


def _walk(node: ast.expr, sizes: Mapping[str, int]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return sizes[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _OPS[type(op)](_walk(operand, sizes))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPS[type(op)](_walk(left, sizes), _walk(right, sizes))
        case ast.Call(func=ast.Name(id=name), args=args):
            return {"min": min, "int": int}[name](*(_walk(arg, sizes) for arg in args))
    raise AssertionError(ast.dump(node))


def conv(n: Any, k: int, s: int = 1, p: int = 0, d: int = 1) -> Any:
    """torch's size of a convolution or a pool."""
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def fits(n: Any, k: int, p: int = 0, d: int = 1) -> tuple[Any, str]:
    """What a window needs: the padded input holds it once."""
    return n + 2 * p - d * (k - 1) - 1, ">=0"
