"""Decisions on sizes against brute force over many periods."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from shapecalc.dims.decide import agreement, at_least_zero, equal, evaluate, period_and_degree
from shapecalc.dims.sym import least, most, scaled, symbol

from .oracle import H, Program, W, programs

KINDS = st.sampled_from([">=0", "==0"])
REACH = 2500


def holds(value: int, kind: str) -> bool:
    return value >= 0 if kind == ">=0" else value == 0


@settings(max_examples=250, deadline=None)
@given(programs("H"), KINDS)
def test_decisions_for_one_size_agree_with_brute_force(program: Program, kind: str) -> None:
    decided = agreement(program({"H": H}), kind)
    truth = [holds(program({"H": n}), kind) for n in range(1, REACH)]
    if decided.always or decided.never:
        assert set(truth) == {decided.always}
    elif decided.sizes is not None:
        assert [n in decided.sizes for n in range(1, REACH)] == truth


@settings(max_examples=150, deadline=None)
@given(programs("H", products=False), programs("H", products=False), KINDS)
def test_minima_are_decided_too(p: Program, q: Program, kind: str) -> None:
    decided = agreement(least(p({"H": H}), q({"H": H})) + H % 3 - 4, kind)
    truth = [holds(min(p({"H": n}), q({"H": n})) + n % 3 - 4, kind) for n in range(1, REACH)]
    if decided.always or decided.never:
        assert set(truth) == {decided.always}
    elif decided.sizes is not None:
        assert [n in decided.sizes for n in range(1, REACH)] == truth


@settings(max_examples=200, deadline=None)
@given(programs("H"))
def test_the_period_and_degree_are_true(program: Program) -> None:
    x = program({"H": H})
    found = period_and_degree(x, "H")
    if found is None:
        return
    period, degree = found
    values = [evaluate(x, {"H": n}) for n in range(5, 5 + period * (degree + 2))]
    for phase in range(min(period, 60)):
        rest = values[phase::period]
        for _ in range(degree + 1):
            rest = [b - a for a, b in itertools.pairwise(rest)]
        assert not any(rest)


@settings(max_examples=150, deadline=None)
@given(programs("H", "W"), programs("H", "W"))
def test_equality_of_two_sizes_is_never_wrong(p: Program, q: Program) -> None:
    a, b = p({"H": H, "W": W}), q({"H": H, "W": W})
    same = {p({"H": n, "W": m}) == q({"H": n, "W": m}) for n in range(1, 40) for m in range(1, 40)}
    assert equal(a, b) is None or same == {equal(a, b)}
    signs = {p({"H": n, "W": m}) >= 0 for n in range(1, 40) for m in range(1, 40)}
    assert at_least_zero(a) is None or signs == {at_least_zero(a)}


def test_three_thirds_are_a_whole() -> None:
    thirds = H // 3 + (H + 1) // 3 + (H + 2) // 3
    assert thirds is not H
    assert equal(thirds, H) is True
    assert equal(W * thirds, W * H) is True
    assert equal(thirds, H + 1) is False


def test_equalities_of_several_sizes_are_tried_on_a_grid() -> None:
    assert equal(H // 2 + (H + 1) // 2 + W // 3 + (W + 1) // 3 + (W + 2) // 3, H + W) is True
    assert equal((H * W) // 2 + (H * W + 1) // 2, H * W) is True
    assert equal(H, W) is None


def test_a_maximum_is_at_least_both() -> None:
    assert at_least_zero(most(H, 9) - 9) is True
    assert at_least_zero(most(H // 2, 9) - H // 2) is True


def test_an_even_size_is_twice_its_half() -> None:
    found = agreement(H - 2 * (H // 2), "==0")
    assert found.sizes is not None
    assert (found.sizes.modulus, found.sizes.residues) == (2, [0])
    assert found.describe() == "H even"


def test_opaque_sizes_are_undecided_unless_they_only_grow() -> None:
    grown = agreement(scaled(H, 0.7) - 62, "==0")
    assert grown.sizes is not None
    assert [n for n in range(1, 200) if n in grown.sizes] == [n for n in range(1, 200) if int(n * 0.7) == 62]
    assert agreement(scaled(H, 0.7) - H // 2, ">=0").joint
    assert period_and_degree(scaled(H, 0.7), "H") is None


def test_factors_that_cannot_be_zero_do_not_count() -> None:
    batch = symbol("N")
    found = agreement(512 * batch * (H // 32) - 512 * batch * 49, "==0")
    assert found.sizes is not None
    assert (found.sizes.min, found.sizes.max) == (49 * 32, 49 * 32 + 31)
