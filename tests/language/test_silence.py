"""One mistake, one message: whatever names or uses what a mistake has spoilt stays silent."""

from __future__ import annotations

import pytest

from tests import plain

from .mistake import Bad
from .twin import spec

USES = """
  b: {Add: [a, previous]}
  c: {Linear: in_features, from: a}
  d: [{Cat: [a, b]}, {Linear: {in_features: 3, out_features: 5}}]
  e: {Linear: 2, share: a}
output: [a, e]
"""
CHILDREN = [
    ("an unknown operator with arguments", "  a: {«Linaer»: {out_features: 3}}", "SC106"),
    ("an unknown operator", "  a: «Linaer»", "SC106"),
    ("an unknown wiring key", "  a: {Linear: 3, «form»: input}", "SC103"),
    ("two operators", "  a: {Linear: 3, «ReLU»: }", "SC103"),
    ("a layer that is a number", "  a: «7»", "SC105"),
    ("an unknown argument", "  a: {Linear: {«width»: 3}}", "SC107"),
    ("a missing argument", "  a: «Linear»", "SC108"),
    ("an unknown name", "  a: {Linear: «wide»}", "SC112"),
    ("an unknown reference", "  a: {Linear: 3, from: «nothing»}", "SC114"),
    ("an unknown name in a condition", "  a: {Linear: 3, when: «wide»}", "SC112"),
    ("an unknown name in repeat", "  a: {Linear: 3, repeat: «wide»}", "SC112"),
    ("a sequence with a mistake", "  a: [{Linear: 3}, {Linear: «wide»}]", "SC112"),
    ("a sequence with a mistake of structure", "  a: [{Linear: 3}, {Linear: 3, «form»: input}]", "SC103"),
    ("a branch with a mistake", "  a: {Cat: {branches: [{Linear: 3}, {Linear: «wide»}]}}", "SC112"),
    ("a branch with a mistake of structure", "  a: {Cat: {branches: [{Linear: 3}, {«Linaer»: 3}]}}", "SC106"),
    ("a body with a mistake", "  a: {Residual: {body: [{Linear: 3}, {«Linaer»: 3}]}}", "SC106"),
    ("no body", "  a: {«Residual»: {shortcut: [ReLU]}}", "SC108"),
    ("a block with a missing argument", "  a: «Two»", "SC108"),
    ("a block with a mistake", "  a: Three", "SC112"),
    ("a rank", "  a: {Conv2d: {out_channels: 3, kernel_size: 3}}", "SC209"),
]  # fmt: skip
BLOCKS = """blocks:
  Two: {params: {w: ~}, layers: [{Linear: w}]}
  Three: {layers: [{Linear: nothing}]}
input: [4]
layers:
"""


@pytest.mark.parametrize(("marked", "code"), [c[1:] for c in CHILDREN], ids=[c[0] for c in CHILDREN])
def test_what_uses_a_spoilt_layer_is_silent(marked: str, code: str) -> None:
    Bad("", BLOCKS + marked + USES, code).verify()


def test_the_first_layer_of_several_inputs_that_is_spoilt_leaves_an_unknown_flow() -> None:
    Bad(
        "",
        "input: {x: [4], y: [4]}\nlayers:\n  a: {«Linaer»: 3, from: x}\n  b: ReLU\n  c: {Add: y}\n  d: [{Add: x}]\n",
        "SC106",
    ).verify()


@pytest.mark.parametrize(
    "mistake", ["Linaer: 3", "Linear: {width: 3}", "{Linear: 3, from: nothing}", "Linear: wide", "7"]
)
def test_layers_behind_a_mistake_keep_the_numbers_that_they_will_have(mistake: str) -> None:
    text = spec(
        f"{BLOCKS}  - ReLU\n  - {mistake}\n  - {{ReLU: , repeat: 2}}\n  - {{Add: ['0', '2', '3'], name: sum}}\n"
    )
    report = plain.check_text(text)
    (problem,) = report.diagnostics
    assert problem.layer in ("1", "")
    assert [layer.path for layer in report.layers] == ["0", "1", "2", "3", "sum"]


def test_a_turn_with_a_mistake_keeps_its_number() -> None:
    text = (
        BLOCKS.replace("input: [4]", "input: [4, 4]")
        + "  - {Conv1d: {out_channels: 4, kernel_size: 3}, repeat: 2}\n  - ReLU\n"
    )
    report = plain.check_text(spec(text))
    assert [(problem.code, problem.layer) for problem in report.diagnostics] == [("SC201", "1")]
    assert [layer.path for layer in report.layers] == ["0", "1", "2"]


def test_a_block_with_a_stated_shape_behind_a_mistake_is_told_of_once() -> None:
    blocks = BLOCKS.replace("input:", "  Mine: {shape: [16], macs: 1000}\ninput:", 1)
    report = plain.check_text(spec(blocks + "  - ReLU\n  - Linaer: 3\n  - Mine\n"))
    assert [problem.code for problem in report.diagnostics] == ["SC106"]
    found = report.to_dict()
    assert [layer["path"] for layer in found["layers"]] == ["0", "1", "2"]
    assert found["totals"]["peak_activation_bytes"] is None
