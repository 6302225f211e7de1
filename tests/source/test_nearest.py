"""Did-you-mean."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecalc.source.nearest import _distance, nearest

OPERATORS = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "ReLU",
    "Linear",
    "Flatten",
    "Dropout",
]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Conv2D", "Conv2d"),
        ("relu", "ReLU"),
        ("BatchNorm2D", "BatchNorm2d"),
        ("Bathcnorm2d", "BatchNorm2d"),
        ("Liner", "Linear"),
        ("Flaten", "Flatten"),
        ("Dense", None),
        ("x", None),
        ("", None),
    ],
)
def test_misspelt_operators_are_found_and_strange_ones_are_not(word: str, meant: str | None) -> None:
    assert nearest(word, OPERATORS) == meant


def test_a_difference_of_case_wins_over_an_earlier_neighbour() -> None:
    assert nearest("Conv2D", ["Conv1D", "conv2d"]) == "conv2d"


def test_the_first_of_equally_near_candidates_is_taken() -> None:
    assert nearest("conv4d", ["Conv1d", "Conv2d"]) == "Conv1d"


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_distances_agree_with_the_recursive_definition(a: str, b: str) -> None:
    @cache
    def gap(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        ways = [gap(i - 1, j) + 1, gap(i, j - 1) + 1, gap(i - 1, j - 1) + (a[i - 1] != b[j - 1])]
        if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
            ways.append(gap(i - 2, j - 2) + 1)
        return min(ways)

    assert _distance(a, b, 99) == gap(len(a), len(b))
    assert min(_distance(a, b, 3), 3) == min(gap(len(a), len(b)), 3)
