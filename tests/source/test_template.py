"""Names with expressions in them, and the headers of loops."""

from __future__ import annotations

import pytest

from shapecalc.dims.sym import symbol
from shapecalc.source.expression import (
    ExpressionError,
    bind_targets,
    loop_header,
    names_in_template,
    substitute,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plain", "plain"),
        ("layer{i}", "layer2"),
        ("{i}", "2"),
        ("denseblock{i + 1}.x{i}", "denseblock3.x2"),
        ("{word}_{'a' if i else 'b'}", "conv_a"),
        ("closing } alone", "closing } alone"),
    ],
)
def test_braces_in_names_are_replaced(text: str, name: str) -> None:
    assert substitute(text, {"i": 2, "word": "conv"}) == name


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("a{i", "syntax", "{i"),
        ("a{}b", "syntax", ""),
        ("a{ i / 2 }", "type", " i / 2 "),
        ("a{i > 1}", "type", "i > 1"),
        ("a{[1]}", "type", "[1]"),
        ("a{H}", "condition", "H"),
        ("a{i + nothing}", "name", "nothing"),
    ],
)
def test_what_is_no_name_is_refused_at_its_place(text: str, kind: str, place: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        substitute(text, {"i": 2, "H": symbol("H")})
    assert caught.value.kind == kind
    assert text[caught.value.start : caught.value.end] == place


def test_the_names_of_a_template_are_those_of_its_expressions() -> None:
    assert names_in_template("a{i + 1}b{max(j, 2)}") == {"i", "j"}
    assert names_in_template("plain") == names_in_template("broken{i") == set()


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("for i in range(3)", (("i",), "range(3)")),
        ("for n, width in conv_arch", (("n", "width"), "conv_arch")),
        ("for _ in range(n)", (("_",), "range(n)")),
        ("for i, (a, b) in enumerate(zs)", (("i", ("a", "b")), "enumerate(zs)")),
        ("for (a, b) in zs", ((("a", "b"),), "zs")),
        ("for  i  in  [1, 2]", (("i",), "[1, 2]")),
        ("for x in [1 if 2 in a else 3]", (("x",), "[1 if 2 in a else 3]")),
    ],
)
def test_loop_headers_are_split_into_names_and_expression(text: str, header: object) -> None:
    assert loop_header(text) == header


@pytest.mark.parametrize(
    "text",
    [
        "forward",
        "for",
        "for x",
        "for x in",
        "for 1 in x",
        "for a, in x",
        "for in in x",
        "for a.b in x",
        "for (a in x",
    ],
)
def test_other_keys_are_no_loop_headers(text: str) -> None:
    assert loop_header(text) is None


def test_targets_are_bound_as_python_binds_them() -> None:
    assert bind_targets(("x",), [1, 2]) == {"x": [1, 2]}
    assert bind_targets(("i", ("a", "b")), [0, [1, [2]]]) == {"i": 0, "a": 1, "b": [2]}
    assert bind_targets((("a", "b"),), (1, 2)) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ([1, 2, 3], "value", "3 values in the list [1, 2, 3]"),
        (5, "type", "gives 5"),
        ("ab", "type", "the text 'ab'"),
    ],
)
def test_counts_that_differ_are_refused_with_the_numbers(value: object, kind: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        bind_targets(("a", "b"), value)  # type: ignore[arg-type]
    assert caught.value.kind == kind
    assert said in caught.value.message
    assert "2 names" in caught.value.message
