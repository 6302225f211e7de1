"""What students write for a number: every spelling is read, nothing else is, and nothing crashes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecalc.quiz.reading import read

SPELLINGS = {
    "55": 55,
    " 55 ": 55,
    "５５": 55,
    "1e6": 10**6,
    "1E6": 10**6,
    "1,000,000": 10**6,
    "1 000 000": 10**6,
    "61.1M": 61_100_000,
    "61.1 million": 61_100_000,
    "6110万": 61_100_000,
    "27.8": Fraction("27.8"),
    "64x55x55": (64, 55, 55),
    "64 × 55 × 55": (64, 55, 55),
    "(64, 55, 55)": (64, 55, 55),
    "[64, 55, 55]": (64, 55, 55),
    "6 * 10^7": 60_000_000,
    "43/4": Fraction(43, 4),
    "-3 / 2": Fraction(-3, 2),
    "½": Fraction(1, 2),
    "４３／４": Fraction(43, 4),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_number_is_read(text: str) -> None:
    reading = read(text)
    assert reading is not None
    assert reading.exact == SPELLINGS[text]


@pytest.mark.parametrize(
    "text",
    ["", "   ", "none", "?", "ten", "5e999999999", "1.2.3.4", "__import__('os')", "9" * 5000, "1/0", "1/2/3", "/"],
)
def test_nonsense_is_no_number(text: str) -> None:
    assert read(text) is None


def test_a_rounded_form_means_what_rounds_to_it_and_full_digits_themselves() -> None:
    rounded, whole, rough = read("61.1M"), read("61100000"), read("61M")
    assert rounded is not None
    assert rounded.means(61_100_840)
    assert not rounded.means(61_160_000)
    assert whole is not None
    assert not whole.means(61_100_840)
    assert rough is not None
    assert not rough.means(61_100_840)
    assert rough.rough(61_100_840)


@given(st.integers(0, 10**12))
def test_numbers_with_separators_are_read_as_without(number: int) -> None:
    for text in (str(number), f"{number:,}", f"{number:_}"):
        reading = read(text)
        assert reading is not None
        assert reading.exact == number


@given(st.lists(st.integers(1, 10**4), min_size=2, max_size=4))
def test_sizes_are_read_in_every_usual_form(sizes: list[int]) -> None:
    for text in (" x ".join(map(str, sizes)), "×".join(map(str, sizes)), str(tuple(sizes))):
        reading = read(text, sizes=True)
        assert reading is not None
        assert reading.exact == tuple(sizes)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    reading = read(text)
    assert reading is None or isinstance(reading.exact, Fraction | tuple | int)
