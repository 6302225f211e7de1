"""Specs from strangers: whatever they expand to, one diagnostic comes, and soon."""

from __future__ import annotations

import time

import pytest

from tests import plain

HEAD = "shapecalc: 1\ninput: [4]\n"
SECONDS = 10


def laughs() -> str:
    levels = "".join(f"  - &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    return f"{HEAD}layers:\n  - &l0 [ReLU]\n{levels}"


def blocks() -> str:
    doubled = "".join(f"  B{i}: {{layers: [B{i - 1}, B{i - 1}]}}\n" for i in range(1, 41))
    return f"{HEAD}blocks:\n  B0: {{layers: [ReLU]}}\n{doubled}layers: [B40]\n"


def loops() -> str:
    text, indent = f"{HEAD}layers:\n", "  "
    for _ in range(12):
        text += f"{indent}- for _ in range(99):\n"
        indent += "    "
    return f"{text}{indent}- ReLU\n"


def empty_turns() -> str:
    headers = "".join(f"{'    ' * i}- for _ in range(9999):\n" for i in range(4))
    return f"{HEAD}layers:\n{headers}{'    ' * 4}- {{ReLU: , when: false}}\n"


def deep_blocks() -> str:
    chain = "".join(f"  B{i}: {{layers: [B{i + 1}]}}\n" for i in range(3000))
    return f"{HEAD}blocks:\n{chain}  B3000: {{layers: [ReLU]}}\nlayers: [B0]\n"


def nested_lists() -> str:
    params = """{a: [1, 1], b: "[a, a] * 9999", c: "[b, b] * 9999 * 9999"}"""
    return f"shapecalc: 1\nparams: {params}\ninput: [4]\nlayers: [ReLU]\n"


HOSTILE = {
    "billion laughs": (laughs(), {"SC008"}),
    "open brackets": (HEAD + "layers: " + "[" * 100_000, {"SC008", "SC002"}),
    "open braces": (HEAD + "layers: " + "{a: " * 100_000, {"SC008", "SC002"}),
    "nested brackets": (HEAD + "layers: " + "[" * 100_000 + "ReLU" + "]" * 100_000, {"SC008"}),
    "deep dashes": (HEAD + "layers:\n  " + "- " * 50_000 + "ReLU\n", {"SC008"}),
    "deep expression": (HEAD + f"layers: [{{Linear: \"{'(' * 100_000}1{')' * 100_000}\"}}]\n", {"SC112", "SC008"}),
    "long expression": (HEAD + f"layers: [{{Linear: \"{'1+' * 200_000}1\"}}]\n", {"SC112", "SC008"}),
    "open parentheses": (HEAD + f"layers: [{{Linear: \"{'(' * 100_000}\"}}]\n", {"SC112", "SC008"}),
    "minus signs": (HEAD + f"layers: [{{Linear: \"{'-' * 100_000}1\"}}]\n", {"SC112", "SC008"}),
    "tower of powers": (HEAD + "layers: [{Linear: 9**9**9}]\n", {"SC112"}),
    "tower in a param": ("shapecalc: 1\nparams: {w: 9**9**9**9}\ninput: [4]\nlayers: [ReLU]\n", {"SC112"}),
    "large number": (HEAD + f"layers: [{{Linear: {'9' * 100_000}}}]\n", {"SC008"}),
    "large number in an expression": (HEAD + f"layers: [{{Linear: 1 + {'9' * 100_000}}}]\n", {"SC112", "SC008"}),
    "long range": (HEAD + "layers: [{\"for i in range(10**9)\": [ReLU]}]\n", {"SC112"}),
    "long list": (HEAD + "layers: [{\"for i in [0] * 10**9\": [ReLU]}]\n", {"SC112"}),
    "long text": (HEAD + "layers: [{ReLU: , when: \"'ab' * 10**9 == 'c'\"}]\n", {"SC112"}),
    "nested lists": (nested_lists(), {"SC112"}),
    "forty blocks": (blocks(), {"SC121"}),
    "nested loops": (loops(), {"SC121"}),
    "repeat": (HEAD + "layers: [{ReLU: , repeat: 1000000000}]\n", {"SC121"}),
    "repeat by a param": (HEAD + "params: {n: 1000000000}\nlayers: [{ReLU: , repeat: n}]\n", {"SC121"}),
    "repeat of nothing": (HEAD + "layers: [{Sequential: [{ReLU: , when: false}], repeat: 1000000000}]\n", {"SC121"}),
    "empty turns in turns": (empty_turns(), {"SC121"}),
    "deep blocks": (deep_blocks(), {"SC008", "SC121"}),
    "long name": (HEAD + f"layers: {{{'a' * 900_000}: Quux}}\n", {"SC002", "SC008", "SC110"}),  # YAML keys end at 1,024
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_spec_gives_one_diagnostic_soon(name: str) -> None:
    text, codes = HOSTILE[name]
    start = time.perf_counter()
    report = plain.check_text(text)
    taken = time.perf_counter() - start
    shown = [(d.code, report.source.place(d.start), d.message[:200]) for d in report.diagnostics]
    assert len(shown) == 1, shown
    assert shown[0][0] in codes, shown
    assert len(report.diagnostics[0].message) < 400
    assert taken < SECONDS


def test_a_large_spec_within_the_limits_is_read() -> None:
    start = time.perf_counter()
    report = plain.check_text(HEAD + "layers: [{'for i in range(2000)': [{Linear: 4}, ReLU]}]\n")
    assert report.ok
    assert len(report.layers) == 4000
    assert time.perf_counter() - start < SECONDS


WHOLE = """shapecalc: 1
name: Whole
params: {w: 8, depths: [1, 2], act: ReLU, deep: true}
input: {image: {shape: [3, H, 16]}, code: [w]}
blocks:
  Unit:
    params: {out: ~, k: 3, act: ReLU}
    inputs: [x]
    layers: {conv: {Conv2d: {out_channels: out, kernel_size: k, padding: k // 2}}, skip: {Residual: {body: [act]}}}
    output: [skip, conv]
  Mine: {shape: ["in_shape[0]", 4, 4], weights: {t: [3, in_channels]}, macs: 5}
  Two: {branches: {a: Unit, b: {Unit: {out: 4, k: 1}}}, merge: {Cat: {dim: 1}}}
layers:
  stem: {Unit: {out: w}, from: image, as: s}
  for i, n in enumerate(depths):
    "stage{i}":
      - {Unit: w, repeat: n, expect: {shape: [8, H, 16]}}
      - {Add: "input", when: deep}
  token: {Parameter: {shape: [1, w, 1, 1], init: {normal: 0.02}}}
  sum: {Add: [stage0, "stem[1]", token]}
  mine: Mine
  flat: {Mean: {dim: [2, 3]}}
  both: {Cat: {branches: {a: [{Linear: "max(w, 4)"}], b: Identity}}}
  end: {Linear: w, share: both.a.0, from: flat}
output: [both, end]
expect: [{params: "> 1k"}, {set: {w: 8}, output: [[16], [8]]}]
"""


def damaged() -> list[str]:
    """The text cut off at every place, without every single character, and with every line given twice or left out."""
    lines = WHOLE.splitlines(keepends=True)
    cut = [WHOLE[:i] for i in range(0, len(WHOLE), 3)]
    gone = [WHOLE[:i] + WHOLE[i + 1 :] for i in range(0, len(WHOLE), 2)]
    other = [WHOLE[:i] + "[{:-#'%"[i % 7] + WHOLE[i + 1 :] for i in range(0, len(WHOLE), 2)]
    twice = ["".join([*lines[:i], line, *lines[i:]]) for i, line in enumerate(lines)]
    without = ["".join([*lines[:i], *lines[i + 1 :]]) for i in range(len(lines))]
    return cut + gone + other + twice + without


def test_no_damage_to_a_text_makes_a_traceback() -> None:
    for text in damaged():
        report = plain.check_text(text)
        report.to_dict()
        for problem in report.diagnostics:
            assert 0 <= problem.start <= problem.end <= len(text), (text, problem)
            assert problem.message
            assert "Traceback" not in problem.message
