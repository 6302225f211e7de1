"""Plain scalars by the core schema, against the regular expressions of YAML 1.2.2, section 10.3.2."""

from __future__ import annotations

import math
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecalc.source.scalar import Problem, resolve

_CORE = [
    (r"null|Null|NULL|~|", lambda text: None),
    (r"true|True|TRUE", lambda text: True),
    (r"false|False|FALSE", lambda text: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda text: int(text, 8)),
    (r"0x[0-9a-fA-F]+", lambda text: int(text, 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?(\.inf|\.Inf|\.INF)", lambda text: float(text.replace(".", ""))),
    (r"\.nan|\.NaN|\.NAN", lambda text: math.nan),
]


def _by_the_specification(text: str) -> object:
    return next((read(text) for pattern, read in _CORE if re.fullmatch(pattern, text, re.ASCII)), text)


PIECES = [*"0123456789+-._eExo~:aAfF", "0x", "0o", "0b", "true", "null", ".inf", ".nan", "no", "１"]
WORDS = ["null", "true", "false", ".inf", "+.inf", "-.inf", ".nan", "+.nan", "no", "on", "yes", "off", "n", "y", "nan"]
SPELLINGS = [spell(word) for word in WORDS for spell in (str.lower, str.upper, str.title, str.swapcase)]


def check(text: str) -> None:
    value, due = resolve(text), _by_the_specification(text)
    if isinstance(value, Problem):
        assert isinstance(due, (int, float))
        assert value.code == "SC008" or re.fullmatch("[-+]?0[0-9]+", text)
    elif due != due:
        assert isinstance(value, float)
        assert math.isnan(value)
    else:
        assert (value, type(value)) == (due, type(due)), text


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
def test_random_scalars_are_read_as_the_specification_says(text: str) -> None:
    check(text)


def test_short_scalars_and_all_words_are_read_as_the_specification_says() -> None:
    for text in SPELLINGS:
        check(text)
    for length in range(5):
        for letters in product("019.eE+-xo", repeat=length):
            check("".join(letters))


@pytest.mark.parametrize(
    ("text", "said"),
    [("010", ["10", "8", "0o10"]), ("-017", ["-17", "-15"]), ("-007", ["-7"]), ("09", ["9"]), ("+08", ["8"])],
)
def test_leading_zeros_are_ambiguous_and_the_advice_names_both_numbers(text: str, said: list[str]) -> None:
    problem = resolve(text)
    assert isinstance(problem, Problem)
    assert problem.code == "SC004"
    assert text in problem.message
    assert all(re.search(rf"(?<![\w-]){re.escape(number)}\b", problem.help) for number in said)


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 19, "9" * 5000, "0x" + "f" * 99_999, "0o" + "7" * 30, "1e400"])
def test_numbers_beyond_the_limit_are_refused_without_being_printed_in_full(text: str) -> None:
    problem = resolve(text)
    assert isinstance(problem, Problem)
    assert problem.code == "SC008"
    assert len(problem.message) < 100


@pytest.mark.parametrize("number", [10**18 - 1, 1 - 10**18])
def test_eighteen_digits_are_still_a_number(number: int) -> None:
    assert resolve(str(number)) == number
