"""Expressions that have no value: each mistake by kind and place, and the limits."""

from __future__ import annotations

import inspect
import sys

import pytest

from shapecalc.dims.sym import symbol
from shapecalc.source.expression import ExpressionError, evaluate

SCOPE = {
    "n": 3,
    "yes": True,
    "word": "relu",
    "dims": [8, 16, [1, 2]],
    "none": None,
    "H": symbol("H"),
    "W": symbol("W"),
}


def failure(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, SCOPE)
    return caught.value


# Mistakes


@pytest.mark.parametrize(
    ("text", "kind", "place", "message", "help"),
    [
        ("n + m", "name", "m", "`m`", ""),
        ("1 + word", "type", "1 + word", "the text 'relu'", ""),
        ("'a' + 'b'", "type", "'a' + 'b'", "the text 'a'", "{expr}"),
        ("'a' * 3", "type", "'a' * 3", "the text 'a'", ""),
        ("yes + 1", "type", "yes + 1", "true", "1 if c else 0"),
        ("-word", "type", "-word", "relu", ""),
        ("1 < word", "type", "1 < word", "relu", ""),
        ("1 < yes", "type", "1 < yes", "true", ""),
        ("1 in 5", "type", "1 in 5", "5", ""),
        ("H / 2", "type", "H / 2", "fraction", "H // 2"),
        ("H * 1.5", "type", "H * 1.5", "1.5", "//"),
        ("H < 1.5", "type", "H < 1.5", "1.5", ""),
        ("2 ** H", "type", "2 ** H", "exponent", ""),
        ("H % 0", "value", "H % 0", "H % 0", ""),
        ("1 + 5 // 0", "value", "5 // 0", "5 // 0", ""),
        ("1 - 5 / (n - 3)", "value", "5 / (n - 3)", "5 / 0", ""),
        ("5 % 0.0", "value", "5 % 0.0", "5 % 0.0", ""),
        ("0 ** -1", "value", "0 ** -1", "0 ** -1", ""),
        ("(-8) ** .5", "value", "(-8) ** .5", "-8 ** 0.5", ""),
        ("n + dims[3]", "value", "dims[3]", "index 3", ""),
        ("dims[-4]", "value", "dims[-4]", "3 elements", ""),
        ("dims['a']", "type", "dims['a']", "'a'", ""),
        ("dims[yes]", "type", "dims[yes]", "true", ""),
        ("n[0]", "type", "n[0]", "not 3", ""),
        ("min([])", "value", "min([])", "empty", ""),
        ("min(1, word)", "type", "min(1, word)", "relu", ""),
        ("sqrt(-1)", "value", "sqrt(-1)", "-1", ""),
        ("range(1.5)", "type", "range(1.5)", "1.5", "//"),
        ("range(1, 2, 0)", "value", "range(1, 2, 0)", "step", ""),
        ("len(5)", "type", "len(5)", "list", ""),
        ("len()", "type", "len()", "1 argument,", ""),
        ("len(1, 2)", "type", "len(1, 2)", "not 2", ""),
        ("int('5')", "type", "int('5')", "'5'", ""),
        ("make_divisible(8, 0)", "value", "make_divisible(8, 0)", "0", ""),
        ("min(a=1)", "syntax", "min(a=1)", "by name", ""),
        ("maxx(1, 2)", "syntax", "maxx(1, 2)", "`maxx`", "`max`"),
        ("open('x')", "syntax", "open('x')", "`open`", "make_divisible"),
        ("n(1)", "syntax", "n(1)", "`n`", ""),
        ("min", "syntax", "min", "function", "min(...)"),
        ("n.real", "syntax", "n.real", "attribute", ""),
        ("word.upper()", "syntax", "word.upper()", "attribute", ""),
        ("dims[0:1]", "syntax", "0:1", "slice", ""),
        ("[i for i in dims]", "syntax", "[i for i in dims]", "comprehension", ""),
        ("sum(i for i in dims)", "syntax", None, "comprehension", ""),
        ("lambda: 1", "syntax", "lambda: 1", "lambda", ""),
        ("(a := 1)", "syntax", "a := 1", ":=", ""),
        ("[*dims]", "syntax", "*dims", "`*`", ""),
        ("min(*dims)", "syntax", "*dims", "`*`", ""),
        ("min(**dims)", "syntax", "min(**dims)", "`**`", ""),
        ("f'{n}'", "syntax", "f'{n}'", "f-string", ""),
        ("1, 2", "syntax", "1, 2", "comma", "[a, b]"),
        ("{1: 2}", "syntax", "{1: 2}", "mapping", ""),
        ("{1}", "syntax", "{1}", "set", ""),
        ("2 ^ 3", "syntax", "2 ^ 3", "`^`", "`**`"),
        ("1 | 2", "syntax", "1 | 2", "`|`", "`or`"),
        ("~n", "syntax", "~n", "`~`", "`not`"),
        ("n is none", "syntax", "n is none", "`is`", "`==`"),
        ("1 << 99999999999", "syntax", "1 << 99999999999", "`<<`", ""),
        ("1_000", "syntax", "1_000", "1_000", "1000"),
        ("0b11", "syntax", "0b11", "0b11", "3"),
        ("1j", "syntax", "1j", "1j", ""),
        ("b'a'", "syntax", "b'a'", "constant", ""),
        ("...", "syntax", "...", "constant", ""),
        ("010", "syntax", None, "010", "0o17"),
        ("1)", "syntax", ")", "unbalanced", "quote"),
        ("max(1", "syntax", "(", "unbalanced", "quote"),
        ("n = 3", "syntax", "=", "n = 3", "`==`"),
        ("n && 1", "syntax", None, "n && 1", "`and`"),
        ("!n", "syntax", "!", "!n", "`not`"),
        ("n if 1", "syntax", None, "n if 1", ""),
        ("", "syntax", "", "empty", ""),
        ("  ", "syntax", "  ", "empty", ""),
        ("\x00", "syntax", None, "", ""),
        ("'a\ud800'.x", "syntax", None, "", ""),
        ("é + ü * é.x", "name", "é", "`é`", ""),
        ("'é' == n.x", "syntax", "n.x", "attribute", ""),
        ("  1 + m", "name", "m", "`m`", ""),
    ],
)
def test_each_mistake_has_its_kind_place_and_advice(
    text: str, kind: str, place: str | None, message: str, help: str
) -> None:
    error = failure(text)
    assert error.kind == kind
    assert place in (text[error.start : error.end], None)
    assert message in error.message
    assert help in error.help
    assert str(error) == error.message


def test_an_unknown_name_is_told() -> None:
    assert failure("1 + width").name == "width"
    assert failure("width").name == "width"
    assert failure("1 +").name == ""


def test_words_for_constants_win_over_names() -> None:
    assert evaluate("true", {"true": 5}) is True
    assert evaluate("null", {}) is None


# Limits


BOMBS = {
    "tower": "9**9**9",
    "large power": "10 ** 18",
    "product": "999999999999 * 999999999999",
    "sum": "999999999999999999 + 1",
    "literal": "9" * 19,
    "long literal": "9" * 1999,
    "hexadecimal": "0x" + "f" * 1500,
    "float": "1e999",
    "float power": "1e200 ** 2",
    "float product": "1e200 * 1e200",
    "range": "range(10**9)",
    "lists": "[0] * 10**9",
    "nested lists": "[[0] * 1000] * 1000",
    "doubled lists": "[" * 30 + "[1, 1]" + "] * 9" * 30,
    "many lists": " + ".join(["len(range(99999))"] * 50),
    "parentheses": "(" * 250 + "1" + ")" * 250,
    "brackets": "[" * 120 + "1" + "]" * 120,
    "many parentheses": "(" * 999 + "1" + ")" * 999,
    "minus signs": "-" * 100_000 + "1",
    "fewer minus signs": "-" * 1_900 + "1",
    "nots": "not " * 400 + "1",
    "powers": "**".join("1" * 500),
    "length": "1 + " * 1_000 + "1",
    "polynomial": " * ".join(f"(H + W + {i}) ** 8" for i in range(9)),
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_what_is_too_large_is_refused(text: str) -> None:
    """Without the limits each of them runs for minutes, or out of memory."""
    assert failure(text).kind == "limit"


def test_a_sum_of_a_thousand_terms_is_computed() -> None:
    assert evaluate("+".join("1" * 1_000), {}) == 1_000


def test_a_long_choice_is_computed() -> None:
    text = "".join(f"{i} if n == {i} else " for i in range(100)) + "100"
    assert len(text) < 2_000
    assert evaluate(text, {"n": 77}) == 77


def test_a_caller_near_pythons_own_limit_gets_an_answer_or_a_limit() -> None:
    text = "-(" * 80 + "n" + ")" * 80
    assert evaluate(text, {"n": 1}) == 1

    def deeper(levels: int) -> ExpressionError:
        return deeper(levels - 1) if levels else failure(text)

    assert deeper(sys.getrecursionlimit() - len(inspect.stack()) - 70).kind == "limit"
