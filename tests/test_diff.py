"""`diff`: what a change of an architecture changes, counted a second time by hand and by torch's state_dict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import shapecalc
from shapecalc.analysis.compare import ADDED, CHANGED, MOVED, REMOVED, Comparison
from shapecalc.render.compare import comparison_object, render_markdown, render_text

from .schema.command import run

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """\
shapecalc: 1
name: Net
input: [3, 8, 8]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3}
  - ReLU
  - Flatten
  - Linear: 10
"""
WITH_NORM = BEFORE.replace("  - ReLU\n", "  - BatchNorm2d\n  - ReLU\n")
WIDER = BEFORE.replace("out_channels: 4", "out_channels: 8")


def compared(before: str, after: str) -> Comparison:
    return Comparison(shapecalc.check_text(before), shapecalc.check_text(after))


def changes(comparison: Comparison) -> list[tuple[str, str]]:
    return [(c.kind, c.path) for c in comparison.changes]


def test_a_spec_is_the_same_as_itself_and_as_itself_in_other_words() -> None:
    assert compared(BEFORE, BEFORE).same
    assert compared(BEFORE, BEFORE.replace("kernel_size: 3}", "kernel_size: [3, 3], stride: 1}  # x")).same


def test_a_layer_put_in_is_added_and_those_behind_it_move() -> None:
    assert changes(compared(BEFORE, WITH_NORM)) == [(ADDED, "1"), (MOVED, "2"), (MOVED, "3"), (MOVED, "4")]


def test_a_layer_taken_out_is_removed() -> None:
    assert (REMOVED, "1") in changes(compared(WITH_NORM, BEFORE))


def test_an_argument_that_changes_is_told_with_what_follows_from_it() -> None:
    found = compared(BEFORE, WIDER)
    assert [c.kind for c in found.changes] == [CHANGED] * 4
    assert "nn.Conv2d(3, 4, kernel_size=3) -> nn.Conv2d(3, 8, kernel_size=3)" in found.changes[0].details


def test_wiring_that_changes_is_told() -> None:
    layers = "  a: ReLU\n  b: ReLU\n  c: {Tanh: , from: %s}\n  d: {Add: [a, b, c]}\n"
    named = f"shapecalc: 1\ninput: [3, 8, 8]\nlayers:\n{layers}"
    (change,) = compared(named % "a", named % "b").changes
    assert change.details == ["from a -> b"]


def test_figures_are_the_differences_of_what_is_counted_by_hand() -> None:
    figures = {f.key: f for f in compared(BEFORE, WIDER).figures}
    before, after = (n * 3 * 9 + n + n * 36 * 10 + 10 for n in (4, 8))
    assert figures["params"].difference == after - before
    assert figures["params"].growth == pytest.approx((after - before) / before)


def test_keys_are_those_that_torch_would_miss_or_refuse() -> None:
    import torch  # noqa: F401 - the second opinion needs it

    reports = [shapecalc.check_text(t) for t in (BEFORE, WITH_NORM)]
    theirs = [{k: tuple(v.shape) for k, v in shapecalc.build(r).state_dict().items()} for r in reports]
    differing = {k for k in {**theirs[0], **theirs[1]} if theirs[0].get(k) != theirs[1].get(k)}
    assert set(Comparison(*reports).keys) == differing


def test_every_form_tells_the_same() -> None:
    found = compared(BEFORE, WIDER)
    assert "+1,552" in render_text(found)
    assert "+1,552" in render_markdown(found)
    assert comparison_object(found)["figures"]["params"] == {"before": 1562, "after": 3114, "growth": 1552 / 1562}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(BEFORE)
    (tmp_path / "b.yaml").write_text(WIDER)
    (tmp_path / "wrong.yaml").write_text("shapecalc: 1\ninput: [4]\nlayers: [Linaer]\n")
    return tmp_path


def test_growth_beyond_a_bound_ends_with_1(here: Path) -> None:
    assert run("diff", "a.yaml", "b.yaml", cwd=here).status == 0
    assert run("diff", "a.yaml", "b.yaml", "--max-params-growth", "100%", cwd=here).status == 0
    end = run("diff", "a.yaml", "b.yaml", "--max-params-growth", "5%", cwd=here)
    assert end.status == 1
    assert "99.36%" in end.err
    assert run("diff", "b.yaml", "a.yaml", "--max-params-growth", "0.0", cwd=here).status == 0
    assert run("diff", "a.yaml", "b.yaml", "--max-macs-growth", "99%", cwd=here).status == 1
    assert run("diff", "a.yaml", "b.yaml", "--max-memory-growth", "1%", cwd=here).status == 1


@pytest.mark.parametrize("share", ["5.8%", "0.058", "11.6%", "7%"])
def test_a_growth_of_just_the_bound_is_allowed(here: Path, share: str) -> None:
    """From 1000 parameters, by what the share of them is in whole numbers; one more is too many."""
    more = {"5.8%": 58, "0.058": 58, "11.6%": 116, "7%": 70}[share]
    for name, width in (("x", 1000), ("y", 1000 + more), ("z", 1001 + more)):
        (here / f"{name}.yaml").write_text(
            f"shapecalc: 1\nname: X\ninput: [1]\nlayers: [{{Linear: {{out_features: {width}, bias: false}}}}]\n"
        )
    assert run("diff", "x.yaml", "y.yaml", "--max-params-growth", share, cwd=here).status == 0
    assert run("diff", "x.yaml", "z.yaml", "--max-params-growth", share, cwd=here).status == 1


def test_a_network_that_breaks_its_expectation_is_compared_all_the_same(here: Path) -> None:
    for name in "ab":
        (here / f"{name}.yaml").write_text((here / f"{name}.yaml").read_text() + "expect: {params: 1562}\n")
    end = run("diff", "a.yaml", "b.yaml", "--max-params-growth", "5%", cwd=here)
    assert (end.status, "SC501" in end.err) == (1, False)
    assert "1,552" in end.out


def test_layers_with_symbols_in_their_costs_are_compared() -> None:
    before, after = "shapecalc: 1\ninput: [C, 8, 8]\nlayers: [ReLU]\n", BEFORE.replace("[3,", "[C,")
    assert "+ 0 Conv2d: 4 x 6 x 6, 36*C + 4 parameters" in render_text(compared(before, after))


def test_exit_code_tells_whether_anything_differs(here: Path) -> None:
    assert run("diff", "a.yaml", "a.yaml", "--exit-code", cwd=here).status == 0
    assert run("diff", "a.yaml", "b.yaml", "--exit-code", cwd=here).status == 1


def test_one_side_may_be_standard_input(here: Path) -> None:
    end = run("diff", "-", "b.yaml", "--output-format", "json", cwd=here, text=BEFORE)
    assert json.loads(end.out)["before"] == "<stdin>"


@pytest.mark.parametrize(
    ("args", "status"),
    [
        (["a.yaml", "missing.yaml"], 2),
        (["a.yaml"], 2),
        (["a.yaml", "b.yaml", "--max-params-growth", "much"], 2),
        (["a.yaml", "b.yaml", "--max-params-growth", "nan%"], 2),
        (["a.yaml", "b.yaml", "--max-macs-growth", "inf"], 2),
        (["a.yaml", "b.yaml", "--max-macs-growth", "1e999999999%"], 2),
        (["a.yaml", "wrong.yaml"], 1),
    ],
)
def test_what_cannot_be_compared_is_said_on_stderr(here: Path, args: list[str], status: int) -> None:
    end = run("diff", *args, cwd=here)
    assert (end.status, end.out) == (status, "")
    assert end.err
    assert "Traceback" not in end.err
