"""`verify` agrees with torch where we are right, and says so where we are made wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import shapecalc
from shapecalc.cli.group import cli
from shapecalc.ops.conv import Conv
from shapecalc.torchside.sizes import legal_choices, refused
from shapecalc.torchside.verify import verify

SPECS = Path(__file__).resolve().parent.parent / "specs"
UNDECIDED_MEMORY = {"char_gpt", "pooling", "vit_b_16"}
"""Networks for which what autograd keeps is not modelled to the byte yet: reshapes of tensors that do not lie in order,
and a learned blend of an input without gradient."""
QUICK = ["lenet5", "mnist_cnn", "residual", "pyramid", "unet", "inception_block", "squeezenet"]


def differing(name: str) -> list[str]:
    report = shapecalc.check(str(SPECS / f"{name}.yaml"))
    return [f"{f.layer} {f.what}: {f.ours} {f.theirs}" for s in legal_choices(report) for f in wrong(report, s)]


def wrong(report: shapecalc.Report, sizes: dict[str, int]) -> list:
    return [f for f in verify(report, sizes).findings if f.verdict == "differs"]


@pytest.mark.parametrize("name", QUICK)
def test_torch_confirms_every_figure(name: str) -> None:
    assert differing(name) == []


@pytest.mark.battery
@pytest.mark.parametrize("name", sorted(p.stem for p in SPECS.glob("*.yaml")))
def test_torch_confirms_every_figure_of_every_spec(name: str) -> None:
    found = differing(name)
    if name in UNDECIDED_MEMORY:
        assert found
        found = [text for text in found if "kept for backward" not in text]
    assert found == []


def test_sizes_that_we_call_illegal_are_refused_by_torch() -> None:
    report = shapecalc.check(str(SPECS / "unet.yaml"))
    found = list(refused(report))
    assert [f.verdict for f in found] == ["agrees", "agrees"]


BROKEN = [
    ("macs", lambda self, xs, ys: 1, "FLOPs"),
    ("saved", lambda self, xs, ys: (), "kept for backward"),
    ("window", lambda self, xs, ys: None, "receptive field"),
]


@pytest.mark.parametrize(("fact", "lie", "what"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_false_fact_is_found(monkeypatch: pytest.MonkeyPatch, fact: str, lie: object, what: str) -> None:
    monkeypatch.setattr(Conv, fact, lie)
    assert any(what in f"{f.layer} {f.what}" for f in wrong(shapecalc.check_text(PLAIN), {}))


PLAIN = """\
shapecalc: 1
input: [3, 16, 16]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
  - ReLU
  - Conv2d: {out_channels: 2, kernel_size: 3, stride: 2}
"""


def test_what_is_true_of_the_plain_network_is_not_found_false() -> None:
    assert wrong(shapecalc.check_text(PLAIN), {}) == []


def test_the_command_reports_in_json_and_fails_on_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(SPECS / "mnist_cnn.yaml")
    good = CliRunner().invoke(cli, ["verify", path, "--output-format", "json"], standalone_mode=False)
    assert good.return_value == 0
    (found,) = json.loads(good.stdout)
    assert found["ok"]
    assert {f["verdict"] for f in found["findings"]} == {"agrees"}
    monkeypatch.setattr(Conv, "macs", lambda self, xs, ys: 1)
    bad = CliRunner().invoke(cli, ["verify", path], standalone_mode=False)
    assert bad.return_value == 1
    assert "differs" in bad.stdout
