"""Whatever can be wrong with a spec: one diagnostic each, at its own place. The bad specs are those of `mistakes`."""

from __future__ import annotations

import pytest

from tests import plain

from .mistake import Bad, bad_specs
from .twin import spec


@pytest.mark.parametrize("bad", bad_specs(), ids=repr)
def test_a_mistake_gives_one_diagnostic_at_its_place(bad: Bad) -> None:
    bad.verify()


def test_the_inside_of_an_unknown_operator_is_not_read() -> None:
    Bad("", "input: [4]\nlayers: [{«Linaer»: {units: nothing, when: 1 +}}, {Linear: 3}]\n", "SC106").verify()


def test_nothing_downstream_of_a_mistake_is_reported() -> None:
    Bad(
        "",
        """
        input: [3, 8, 8]
        layers:
          a: {Conv2d: {out_channels: 4, kernel_size: «9»}}
          b: {Conv2d: {out_channels: in_channels, kernel_size: 99}}
          c: {Add: [a, b]}
          d: {Cat: [c, input]}
          deep: [{Linear: in_features // 2}, {Linear: in_features, when: in_features > 3}, {Reshape: [N, 7]}]
          e: {Flatten: , from: deep.0}
          f: {Linear: {in_features: 5, out_features: 2}}
        output: [f, d]
        expect: {output: [[1], [2]]}
        """,
        "SC201",
    ).verify()


def test_independent_mistakes_are_all_reported() -> None:
    layers = "{a: {Linaer: 3}, b: {Linear: 2.5, from: input}, c: {Linear: wide, from: input}}"
    text = f"input: [4]\nlayers: {layers}\nouput: a\n"
    codes = [d.code for d in plain.check_text(spec(text)).diagnostics]
    assert sorted(codes) == ["SC103", "SC105", "SC106", "SC112"]


def test_a_mistake_in_a_block_that_is_used_twice_is_reported_once_with_the_way_there() -> None:
    problem = Bad(
        "",
        """
        blocks: {B: {layers: [{Conv2d: {out_channels: 4, kernel_size: «9»}}]}}
        input: [3, 8, 8]
        layers: {a: B, b: {B: , from: input}}
        """,
        "SC201",
    ).verify()
    assert problem.layer == "a.0"
    assert problem.trail == ("block B",)


def test_a_mistake_in_a_loop_names_the_turn() -> None:
    problem = Bad(
        "",
        "input: [3, 8, 8]\nlayers: [{'for k in [3, 5, 7]': [{Conv2d: {out_channels: 4, kernel_size: «k»}}]}]\n",
        "SC201",
        ["7", "2"],
    ).verify()
    assert problem.layer == "2"
    assert any("k = 7" in step for step in problem.trail)


def test_an_unknown_param_that_is_set_is_named() -> None:
    text = "params: {width: 3}\ninput: [4]\nlayers: [{Linear: width}]\n"
    problem = Bad("", text, "SC119", ["widht"], ["width"], {"widht": 5}).verify()
    assert problem.message


def test_a_size_that_is_set_to_no_size_is_an_error() -> None:
    for value in (0, -3, 2.5, "large"):
        Bad("", "input: [3, H]\nlayers: [ReLU]\n", "SC105", ["H", str(value)], params={"H": value}).verify()


def test_a_mistake_is_not_repeated_by_the_cases_of_expect() -> None:
    Bad(
        "",
        "params: {w: 8}\ninput: [4]\nlayers: [{«Linaer»: w}]\nexpect: [{set: {w: 9}, params: 1}, {params: 2}]\n",
        "SC106",
    ).verify()
