"""Expressions: their values against Python's own, their sizes, and the names in them."""

from __future__ import annotations

import ast
import importlib.util
import math
from collections import ChainMap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapecalc.dims.sym import Sym, least, most, symbol
from shapecalc.source.expression import ExpressionError, evaluate, is_identifier, names_in, truth

H, W = symbol("H"), symbol("W")
assert isinstance(H, Sym)
assert isinstance(W, Sym)
SCOPE = {"n": 3, "x": 2.5, "yes": True, "word": "relu", "dims": [8, 16, [1, 2]], "none": None, "H": H, "W": W}


def failure(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, SCOPE)
    return caught.value


def outcome(text: str, names: Any) -> tuple[object, ExpressionError | None]:
    """The value of an expression, or its error."""
    try:
        return evaluate(text, names), None
    except ExpressionError as error:
        return None, error


# Values, with Python as the second opinion


def python(text: str, names: dict[str, object]) -> object:
    """Python's own value of an expression."""
    functions = {"ceil": math.ceil, "floor": math.floor, "sqrt": math.sqrt}
    words = {"true": True, "false": False, "null": None}
    return eval(text, {}, ChainMap(names, functions, words))  # noqa: S307 - a second opinion


@pytest.mark.parametrize(
    "text",
    [
        "1 + 2 * 3 - 4", "2 ** 3 ** 2", "-2 ** 2", "7 // 2 + -7 // 2",
        "-7 % 3", "7 / 2", "0x1F + 0o17", ".5 + 1. + 1e-3",
        "n * x", "1 < n <= 3 != 4", "1 < 2 > 3", "1 < 5 > 3", "not n > 2 or yes and n", "n and 0 or 'a'", "none or 5",
        "'a' if n > 2 else 'b'", "1 if n > 5 else 2 if n > 4 else 3",
        "n in [1, 3]", "n not in dims", "word == 'relu'",
        "word in ['relu', 'gelu']", "'el' in word", "dims[0]",
        "dims[-1][1]", "dims[n - 2]", "word[0]", "[n, [n + 1]]",
        "min(3, n, 7)", "max([1, 2.5])", "abs(-3)", "int(2.9)",
        "int(-2.9)", "int(yes)", "round(2.5)", "round(2.345, 2)",
        "ceil(2.1)", "floor(-2.1)", "sqrt(16)", "len(dims)", "len(word)", "sum([1, 2, 3])", "sum(range(10))",
        "[1, 2] + [3]", "[0] * 3", "2 * [1]", "[] == []", "[1, 2] == [1, 2]", "none == null", "True == true",
        "1 == 1.0", "'1' == 1", " n + 1 ", "n +\n 1", "(n)",
        "+n", "- - n", "1e3 // 7", "x > 2", "'it\"s'", "2 ** -1",
    ],
)  # fmt: skip
def test_values_are_those_of_python(text: str) -> None:
    value, due = evaluate(text, SCOPE), python(text.strip().replace("\n", ""), SCOPE)
    assert (value, type(value)) == (due, type(due))


def test_ranges_and_their_like_are_lists() -> None:
    assert evaluate("range(2, 9, 3)", {}) == list(range(2, 9, 3))
    assert evaluate("range(3, 0, -1)", {}) == [3, 2, 1]
    assert evaluate("enumerate([5, 6])", {}) == [[0, 5], [1, 6]]
    assert evaluate("enumerate([5, 6], 1)", {}) == [[1, 5], [2, 6]]
    assert evaluate("zip([1, 2, 3], [4, 5])", {}) == [[1, 4], [2, 5]]


INTEGERS = st.integers(0, 12).map(str) | st.sampled_from("abc")
SIGNS = ["+", "-", "*", "//", "%", "/", "<", "<=", "==", "!=", ">", ">=", "and", "or"]
TREES = st.recursive(
    INTEGERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(SIGNS), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
        st.tuples(st.sampled_from(["-", "+", "not "]), inner).map("({0[0]}{0[1]})".format),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"max([{', '.join(parts)}])"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"min({', '.join(parts)})"),
        st.tuples(inner, inner, inner).map("[{0[0]}, {0[1]}, {0[2]}][1]".format),
        st.tuples(inner, st.sampled_from(["+", "-", "<", "in"]), inner).map("{0[0]} {0[1]} {0[2]}".format),
    ),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=1500)
@given(TREES, st.fixed_dictionaries({name: st.integers(-9, 99) for name in "abc"}))
def test_random_trees_have_pythons_value_or_a_reason(text: str, names: dict[str, int]) -> None:
    try:
        due = python(text, names)
    except (ZeroDivisionError, TypeError):
        due = None
    value, error = outcome(text, names)
    if error is None:
        assert (value, type(value)) == (due, type(due))
        return
    assert due is None or error.kind in ("type", "limit")  # booleans are no numbers here
    assert error.kind != "type" or any(word in text for word in ("<", ">", "=", "not", "in"))
    assert 0 <= error.start < error.end <= len(text)


@settings(max_examples=600)
@given(
    st.text(st.sampled_from(list("ab1029.,+-*/%()[]<>=!'\" \nif else or and not in é\\_:{}@#")), max_size=40)
    | st.text(max_size=30)
)
def test_no_text_raises_anything_but_an_expression_error(text: str) -> None:
    names_in(text)
    _, error = outcome(text, {"a": 1, "b": [1, H]})
    if error is not None:
        assert error.kind in ("syntax", "name", "condition", "type", "limit", "value")
        assert 0 <= error.start <= error.end <= len(text)
        assert error.message.isprintable()


def torchvisions_make_divisible() -> Callable[..., int]:
    """torchvision's own function, taken out of its source, because the package takes seconds to import."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        pytest.skip("torchvision is not installed")
    source = Path(found.origin).parent / "models" / "_utils.py"
    names = {"Optional": Optional}
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "_make_divisible":
            code = compile(ast.Module([node], []), "torchvision", "exec")
            exec(code, names)  # noqa: S102 - a second opinion, of a package that the tests trust
    return names["_make_divisible"]  # type: ignore[return-value]


def test_make_divisible_is_torchvisions() -> None:
    due = torchvisions_make_divisible()
    for v in [*range(1, 70), 3.3, 11.9, 24.0, 40.8, 100, 1279]:
        assert evaluate("make_divisible(v)", {"v": v}) == due(v, 8)
        for d in (4, 8, 16):
            assert evaluate("make_divisible(v, d)", {"v": v, "d": d}) == due(v, d)
            assert evaluate("make_divisible(v, divisor=d, min_value=24)", {"v": v, "d": d}) == due(v, d, 24)


# Symbolic sizes


def test_sizes_are_computed_with_by_their_own_operators() -> None:
    assert evaluate("(H - 7) // 4 + 1", SCOPE) is (H - 7) // 4 + 1
    assert evaluate("2 * H * W - H % 3", SCOPE) == 2 * H * W - H % 3
    assert evaluate("H ** 3", SCOPE) == H * H * H
    assert evaluate("-H + H", SCOPE) == 0
    assert evaluate("sum([H, W, 1])", SCOPE) == H + W + 1
    assert evaluate("min(H, 7, W)", SCOPE) == least(least(H, 7), W)
    assert evaluate("max([H, 7])", SCOPE) == most(H, 7)
    assert evaluate("int(H) + ceil(H) + floor(H) + round(H)", SCOPE) == 4 * H
    assert evaluate("abs(H) + abs(-H)", SCOPE) == 2 * H
    assert evaluate("[H, 1][0]", SCOPE) is H


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("H < H", False), ("H > H", False), ("H >= H", True), ("H <= H - 1", False), ("H - 1 < H", True),
        ("H == H", True), ("H != H", False),
        ("2 * H == H + H", True), ("H == H + 1", False), ("H < H + 1", True),
        ("H + 1 <= H", False), ("H > 0", True),
        ("H >= 1", True), ("H in [1, H]", True), ("[H, 1] == [H, 2]", False),
        ("[H, 1] == [H, 1]", True), ("H == 'a'", False), ("H == null", False), ("H + 1 not in [H]", True),
        ("yes or H", True), ("1 if yes else H", 1), ("(H + 1) // 2 == H - H // 2", True),
    ],
)  # fmt: skip
def test_comparisons_that_hold_for_every_size_are_decided(text: str, answer: object) -> None:
    assert evaluate(text, SCOPE) == answer


@pytest.mark.parametrize(
    ("text", "size", "place"),
    [
        ("H > 7", "H", "H > 7"),
        ("1 + (H == 8)", "H", "H == 8"),
        ("1 if H else 2", "H", "1 if H else 2"),
        ("not H", "H", "not H"),
        ("H and 1", "H", "H and 1"),
        ("8 in [H, 1]", "H", "8 in [H, 1]"),
        ("H < W", "H and W", "H < W"),
        ("[H] == [W]", "H and W", "[H] == [W]"),
        ("dims[H]", "H", "dims[H]"),
        ("range(H)", "H", "range(H)"),
        ("abs(H - 5)", "H", "abs(H - 5)"),
    ],
)
def test_conditions_on_unknown_sizes_say_which(text: str, size: str, place: str) -> None:
    error = failure(text)
    assert error.kind == "condition"
    assert f"the size {size}" in error.message
    assert text[error.start : error.end] == place


def test_truth_refuses_sizes_and_else_is_pythons() -> None:
    assert [truth(value) for value in (0, 1, "", "a", [], [0], None, True, 0.0)] == [False, True] * 3 + [
        False,
        True,
        False,
    ]
    with pytest.raises(ExpressionError):
        truth(H)


# Names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", {"a"}),
        ("a + max(b, c[d]) if e else [f, -g]", set("abcdefg")),
        ("make_divisible(a, divisor=b)", {"a", "b"}),
        ("true and None or null", set()),
        ("'a'", set()),
        ("3", set()),
        ("max", {"max"}),
        ("a +", set()),
        ("a.b", {"a"}),
    ],
)
def test_the_names_that_an_expression_uses_are_found(text: str, names: set[str]) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize(
    ("text", "answer"),
    [("a", True), ("_x9", True), ("H", True), ("é", True), ("9a", False), ("a b", False), ("", False),
     ("if", False),
     ("true", False), ("None", False), ("a.b", False)],
)  # fmt: skip
def test_identifiers_are_names_that_can_be_looked_up(text: str, answer: bool) -> None:
    assert is_identifier(text) is answer
