"""Did-you-mean."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest

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


def test_distances_agree_with_the_recursive_definition() -> None:
    words = ["".join(letters) for n in range(5) for letters in product("abc", repeat=n)]
    for a, b in product(words, words):
        due = gap(a, b)
        assert _distance(a, b, 99) == due
        assert all(min(_distance(a, b, limit), limit) == min(due, limit) for limit in (1, 2, 3))


@cache
def gap(a: str, b: str) -> int:
    """The optimal string alignment distance as it is defined."""
    if not a or not b:
        return len(a) + len(b)
    ways = [gap(a[:-1], b) + 1, gap(a, b[:-1]) + 1, gap(a[:-1], b[:-1]) + (a[-1] != b[-1])]
    if a[-2:] == b[-2:][::-1] and len(a) > 1 < len(b):
        ways.append(gap(a[:-2], b[:-2]) + 1)
    return min(ways)
