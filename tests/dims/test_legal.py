"""Legal sizes against brute force, and the ones that known networks document."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapecalc.dims.legal import Boxes, Legal, smallest, solve
from shapecalc.dims.sizes import SizeSet, interval, pattern
from shapecalc.dims.sym import Dim, least, symbol

from .oracle import H, Program, W, conv, fits, programs
from .test_sym import ALEXNET, INCEPTION3

REACH = 1500


def needs(layers: list[tuple[int, ...]], n: Any) -> list[tuple[Dim, str]]:
    """The windows of a chain, each of which must fit."""
    found = []
    for k, s, p in ((*layer, 1, 0)[:3] if len(layer) == 1 else (*layer, 0)[:3] for layer in layers):
        found.append(fits(n, k, p))
        n = conv(n, k, s, p)
    return found


def features(layers: list[tuple[int, ...]], n: Any) -> Any:
    for layer in layers:
        n = conv(n, *layer)
    return n


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(programs("H", products=False), st.sampled_from([">=0", "==0"])), max_size=4))
def test_solved_conditions_are_those_that_brute_force_finds(conditions: list[tuple[Program, str]]) -> None:
    legal = solve([(program({"H": H}), kind) for program, kind in conditions])
    truth = [
        n
        for n in range(1, REACH)
        if all((p({"H": n}) >= 0 if kind == ">=0" else p({"H": n}) == 0) for p, kind in conditions)
    ]
    assert [n for n in range(1, REACH) if legal.holds({"H": n})] == truth
    if truth:
        found = smallest([(program({"H": H}), kind) for program, kind in conditions])
        assert found in ({"H": truth[0]}, {})


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(-40, 40), st.integers(1, 12)), min_size=1, max_size=3))
def test_a_set_states_its_own_pattern(rules: list[tuple[int, int, int]]) -> None:
    found = solve([(H % m - r % m, "==0") if k % 2 else (H - 7 * k - r, ">=0") for m, r, k in rules])
    sizes = found.sizes.get("H", interval(1, None))
    assert found.possible is bool(sizes)
    if not sizes or sizes.start is None:
        return
    stated = {n for n in range(sizes.start, REACH) if n % sizes.modulus in sizes.residues}
    assert stated | set(sizes.values) == {n for n in range(1, REACH) if n in sizes}


@given(st.integers(1, 24), st.sets(st.integers(0, 23), min_size=1), st.integers(1, 60), st.integers(0, 80))
def test_neighbours_of_a_set_are_the_nearest(m: int, residues: set[int], lo: int, more: int) -> None:
    sizes = pattern(m, {r % m for r in residues}) & interval(lo, lo + more)
    inside = [n for n in range(1, 300) if n in sizes]
    assert list(sizes.members()) == inside
    for n in (1, lo, lo + more, 50):
        near = min((k for k in range(1, 300) if k not in sizes), key=lambda k: (abs(k - n), k))
        assert sizes.nearest_illegal(n) == near
        assert sizes.nearest_legal(n) == min(inside, key=lambda k: (abs(k - n), k), default=None)
        assert sizes.following(n) == min((k for k in inside if k > n), default=None)


def test_every_size_has_no_illegal_neighbour() -> None:
    assert interval(1, None).nearest_illegal(7) is None
    assert pattern(3, [0, 1, 2]).everything


def test_alexnet_takes_63_and_inception_v3_takes_75() -> None:
    assert smallest(needs(ALEXNET, H)) == {"H": 63}
    assert smallest(needs(INCEPTION3, H)) == {"H": 75}
    assert solve(needs(ALEXNET, H)).describe() == "H at least 63"


def test_a_flatten_into_a_fixed_linear_has_exact_boxes() -> None:
    flat = 256 * features(ALEXNET, H) * features(ALEXNET, W)
    legal = solve([(flat - 9216, "==0"), *needs(ALEXNET, H), *needs(ALEXNET, W)])
    [boxes] = legal.joint
    assert isinstance(boxes, Boxes)
    assert len(boxes.boxes) == 9
    assert boxes.squarest == ((223, 254), (223, 254))
    assert boxes.describe() == "H from 223 to 254 and W from 223 to 254, or one of 8 other boxes"
    truth = {(h, w) for h in range(63, 300) for w in range(63, 300) if flat_of(h) * flat_of(w) == 36}
    assert truth == {(h, w) for h in range(1, 300) for w in range(1, 300) if within(boxes, h, w)}


def flat_of(n: int) -> int:
    return int(features(ALEXNET, n))


def within(boxes: Boxes, *point: int) -> bool:
    return any(all(lo <= n <= hi for n, (lo, hi) in zip(point, box, strict=True)) for box in boxes.boxes)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(1, 6), st.integers(0, 3)),
    st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(1, 6), st.integers(0, 3)),
    st.integers(1, 72),
)
def test_boxes_are_the_rectangles_that_brute_force_finds(f: tuple[int, ...], g: tuple[int, ...], target: int) -> None:
    def size(n: Any, rule: tuple[int, ...]) -> Any:
        m, a, s, b = rule
        return m * ((n + a) // s) - b

    legal = solve([(6 * size(H, f) * size(W, g) - 6 * target, "==0")])
    truth = {(h, w) for h in range(1, 90) for w in range(1, 90) if size(h, f) * size(w, g) == target}
    if legal.joint:
        assert isinstance(legal.joint[0], Boxes)
        assert {(h, w) for h in range(1, 90) for w in range(1, 90) if within(legal.joint[0], h, w)} == truth
    else:
        assert not truth


def test_unet_needs_multiples_of_16() -> None:
    n, conditions = H, []
    downs = [H]
    for _ in range(4):
        n = n // 2
        downs.append(n)
    for skip in reversed(downs[:-1]):
        conditions.append((skip - 2 * n, "==0"))
        n = 2 * n
    legal = solve(conditions)
    assert legal.sizes["H"] == pattern(16, [0])
    assert legal.describe() == "H divisible by 16"
    assert smallest([*conditions, (H - 20, ">=0")]) == {"H": 32}
    assert solve([*conditions, (H - 20, ">=0")]).describe() == "H divisible by 16, at least 32"


def test_equal_axes_share_what_binds_them() -> None:
    legal = solve([(H - W, "==0"), (H - 16 * (H // 16), "==0"), (W - 40, ">=0")])
    assert [j.describe() for j in legal.joint] == ["H = W"]
    assert legal.sizes["H"] == legal.sizes["W"]
    assert smallest([(H - W, "==0"), (H % 16, "==0"), (W - 40, ">=0")]) == {"H": 48, "W": 48}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(programs("H", "W"), st.sampled_from([">=0", "==0"])), max_size=3), st.integers(1, 9))
def test_joint_conditions_hold_where_brute_force_finds(conditions: list[tuple[Program, str]], low: int) -> None:
    """Those that the smallest sizes imply are left out, which changes nothing."""
    legal = solve([(H - low, ">=0"), *((program({"H": H, "W": W}), kind) for program, kind in conditions)])
    for h, w in product(range(1, 14), range(1, 14)):
        gaps = [(program({"H": h, "W": w}), kind) for program, kind in conditions]
        truth = h >= low and all(gap >= 0 if kind == ">=0" else gap == 0 for gap, kind in gaps)
        assert legal.holds({"H": h, "W": w}) == truth


def test_what_the_smallest_sizes_imply_is_not_said() -> None:
    assert solve([(H * W - 2, ">=0"), (H - 3, ">=0")]).describe() == "H at least 3"
    assert solve([(H * W - 4, ">=0"), (H - 3, ">=0")]).describe() == "H at least 3; H*W >= 4"
    assert solve([(H * W - 2, ">=0")]).describe() == "H*W >= 2"


def test_joint_conditions_are_searched_in_order_of_their_sum() -> None:
    conditions: list[tuple[Dim, str]] = [(H // 2 - W - 3, "==0"), (H * W - 20, ">=0")]
    found = smallest(conditions)
    assert found is not None
    truth = [h + w for h in range(1, 60) for w in range(1, 60) if h // 2 - w - 3 == 0 and h * w >= 20]
    assert found["H"] + found["W"] == min(truth)
    assert solve(conditions).joint[0].describe() == "H//2 = W + 3"


@pytest.mark.parametrize(
    "conditions",
    [
        [(-3, ">=0")],
        [(2 * H - 7, "==0")],
        [(least(H, 7) - 8, ">=0")],
        [(10 - H, ">=0"), (H - 12, ">=0")],
        [(256 * (H // 2) * (W // 2) - 255, "==0")],
        [(H % 2, "==0"), (H % 4 - 1, "==0")],
    ],
)
def test_impossible_conditions_are_said_to_be(conditions: list[tuple[Dim, str]]) -> None:
    assert not solve(conditions).possible
    assert smallest(conditions) is None


def test_no_condition_leaves_every_size() -> None:
    legal = solve([(H, ">=0"), (3, ">=0"), (H // 2 + (H + 1) // 2 - H, "==0")])
    assert isinstance(legal, Legal)
    assert legal.possible
    assert (legal.sizes, legal.joint) == ({}, [])
    assert legal.describe() == "any size"
    assert smallest([(H + symbol("N"), ">=0")]) == {"H": 1, "N": 1}


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        (interval(63, None), "H at least 63"),
        (interval(223, 254), "H from 223 to 254"),
        (interval(1, 9), "H at most 9"),
        (interval(7, 7), "H = 7"),
        (interval(1, None), "any H"),
        (interval(1, 0), "no H is legal"),
        (pattern(2, [1]), "H odd"),
        (pattern(2, [0]), "H even"),
        (pattern(32, [0]), "H divisible by 32"),
        (pattern(32, range(1, 32)), "H not divisible by 32"),
        (pattern(32, [5]), "H = 5 modulo 32"),
        (pattern(7, [1, 3]), "H = 1 or 3 modulo 7"),
        (pattern(7, [0, 1, 2, 4, 5, 6]), "H not 3 modulo 7"),
        (pattern(16, [0]) & interval(20, 100), "H divisible by 16, from 32 to 96"),
        (solve([((H - 3) * (H - 7) * (H - 12), "==0")]).sizes["H"], "H in {3, 7, 12}"),
        (pattern(12, [3, 9]), "H = 3 modulo 6"),
    ],
)
def test_sets_are_described_in_english(sizes: SizeSet, text: str) -> None:
    assert sizes.describe("H") == text
