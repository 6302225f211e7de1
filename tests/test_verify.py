"""`verify` agrees with torch where we are right, and says so where we are made wrong."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import shapecalc
from shapecalc.cli.extras import need
from shapecalc.cli.group import cli
from shapecalc.ops.conv import Conv
from shapecalc.ops.pool import MaxPool2d
from shapecalc.torchside.run import run_layers
from shapecalc.torchside.sizes import legal_choices, refused, settled
from shapecalc.torchside.verify import verify

from .lint.findings import spec

SPECS = Path(__file__).resolve().parent.parent / "specs"
QUICK = ["lenet5", "mnist_cnn", "residual", "pyramid", "unet", "inception_block", "squeezenet"]


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test lies about an operator must not be remembered for the next, nor the truth for it."""
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a new process does: without the operators and blocks of specs that were read before."""
    monkeypatch.setattr("shapecalc.graph.operate._SETTLED", {})
    monkeypatch.setattr("shapecalc.source.parse._PARSED", {})


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
    assert differing(name) == []


def test_sizes_that_we_call_illegal_are_refused_by_torch_on_both_sides() -> None:
    report = shapecalc.check_text(PLAIN.replace("16, 16", "H, 16").replace("- ReLU", "- PixelUnshuffle: 4"))
    found = list(refused(report))
    assert [(f.what, f.verdict) for f in found] == [("refuses H = 11", "agrees"), ("refuses H = 13", "agrees")]


@pytest.mark.parametrize(("layer", "size"), [("Squeeze: 1", 1), ("Chunk: {chunks: 3, dim: 1}", 4)])
def test_a_number_that_is_legal_though_no_symbol_may_be_it_is_not_asked_to_be_refused(layer: str, size: int) -> None:
    report = shapecalc.check_text(spec(f"- {layer}", "[T, 4]"))
    assert not report.legal.holds({"T": size})
    assert not any(d.severity == "error" for d in settled(report, {"T": size}).diagnostics)
    verdicts = [f.verdict for f in refused(report)]
    assert verdicts
    assert set(verdicts) == {"torch does not say"}


def test_symbolic_specs_are_verified_at_several_legal_sizes() -> None:
    report = shapecalc.check(str(SPECS / "unet.yaml"))
    choices = legal_choices(report)
    assert len(choices) == 3
    assert all(report.legal.holds(c) for c in choices)
    assert {f.verdict for f in refused(report)} == {"agrees"}


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


def test_receptive_fields_of_every_input_are_probed() -> None:
    report = shapecalc.check_text(TWO_INPUTS)
    probed = {f.what: f.verdict for f in verify(report, {}).findings if f.layer == "add"}
    assert probed.pop("receptive field on axis 2 of left") == "agrees"
    assert probed.pop("receptive field on axis 3 of right") == "agrees"


TWO_INPUTS = """\
shapecalc: 1
input: {left: [3, 12, 9], right: [3, 12, 9]}
layers:
  a: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}, from: left}
  b: {Conv2d: {out_channels: 4, kernel_size: 5, padding: 2}, from: right}
  add: {Add: [a, b]}
"""


def test_a_false_window_on_the_second_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Conv.window
    monkeypatch.setattr(Conv, "window", lambda self, xs, ys: None if self.kernel_size[0] == 5 else honest(self, xs, ys))
    found = wrong(shapecalc.check_text(TWO_INPUTS), {})
    assert {f.layer for f in found} >= {"b", "add"}
    assert all("of right" in f.what for f in found)


def test_what_torch_does_not_count_is_said_by_layer() -> None:
    text = "shapecalc: 1\ninput: {a: [5], b: [7]}\nlayers:\n  - {Bilinear: {out_features: 3}, from: [a, b]}\n"
    found = verify(shapecalc.check_text(text), {}).findings
    assert [f.verdict for f in found if f.what == "FLOPs"] == ["torch does not count this"]
    assert all(f.verdict != "differs" for f in found)


def test_flops_of_tensor_functions_are_compared_by_layer() -> None:
    text = "shapecalc: 1\ninput: [4, 6]\nlayers:\n  t: {Transpose: {dim0: 1, dim1: 2}}\n  m: {MatMul: [input, t]}\n"
    (flops,) = [f for f in verify(shapecalc.check_text(text), {}).findings if f.layer == "m" and f.what == "FLOPs"]
    assert (flops.theirs, flops.verdict) == (2 * 4 * 6 * 4, "agrees")


def test_the_values_of_a_pass_do_not_outlive_it() -> None:
    """Nothing refers to itself that holds them: one pass after the other would fill the memory."""
    report = shapecalc.check_text(spec("- Linear: 3\n- Residual: {body: [Linear: 3]}\n- ReLU", "[4]"))
    module = shapecalc.build(report)
    gc.collect()
    gc.disable()
    try:
        held = run_layers(module, report.graph, [torch.zeros(1, 4)])
        values = [weakref.ref(value) for value in held.values()]
        assert len(values) == len(report.layers)
        del held
        assert [value() for value in values] == [None] * len(values)
    finally:
        gc.enable()


def test_a_run_of_torch_collects_garbage() -> None:
    gc.disable()
    need("verify", "torch", "torch")
    assert gc.isenabled()


def test_integers_carry_no_probe_and_that_is_said() -> None:
    found = verify(shapecalc.check(str(SPECS / "char_gpt.yaml")), {"T": 5}).findings
    (untold,) = [f for f in found if f.what == "receptive fields"]
    assert "integers" in untold.reason


def test_on_the_meta_device_shapes_tensors_and_flops_are_compared() -> None:
    done = verify(shapecalc.check(str(SPECS / "residual.yaml")), {}, device="meta")
    assert done.ok
    assert {f.what for f in done.findings if f.verdict == "torch does not say"} == {
        "receptive fields",
        "kept for backward",
    }
    assert any(f.what == "FLOPs" for f in done.findings)


def test_a_network_that_is_too_large_goes_to_the_meta_device_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapecalc.torchside.verify._free_memory", lambda: 1000)
    done = verify(shapecalc.check_text(PLAIN), {})
    assert done.device == "meta"
    assert "GiB are free" in done.notes[0]


def test_without_a_cuda_device_cuda_is_a_usage_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = CliRunner().invoke(cli, ["verify", str(SPECS / "lenet5.yaml"), "--device", "cuda"])
    assert done.exit_code == 2
    assert "torch sees no CUDA device" in done.stderr


def test_directories_and_standard_input_are_verified(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PLAIN)
    (tmp_path / "b.yaml").write_text(
        PLAIN.replace("16, 16", "size, 16").replace("input", "params: {size: 9}\ninput", 1)
    )
    below = CliRunner().invoke(cli, ["verify", str(tmp_path), "--set", "size=10"], standalone_mode=False)
    piped = CliRunner().invoke(cli, ["verify", "-", "-v"], input=PLAIN, standalone_mode=False)
    assert below.stdout.count("figures agree with torch") == 2 or "size" in below.stderr
    assert piped.stdout.startswith("<stdin>: all ")
    assert "Conv2d" in piped.stdout


def test_modules_that_are_made_of_symbols_are_made_for_each_choice_of_sizes() -> None:
    text = "shapecalc: 1\ninput: [C, T]\nlayers:\n  - Conv1d: {out_channels: 4, kernel_size: 3}\n  - AvgPool1d: T - 2\n"
    done = CliRunner().invoke(cli, ["verify", "-"], input=text, standalone_mode=False)
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if "agree" in line] == [
        "<stdin> C=1 T=3",
        "<stdin> C=2 T=4",
        "<stdin> C=41 T=83",
    ]
    assert "differs" not in done.stdout


def test_a_missing_file_is_told_and_the_others_are_verified(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PLAIN)
    done = CliRunner().invoke(cli, ["verify", "nowhere.yaml", str(tmp_path / "a.yaml")], standalone_mode=False)
    assert done.return_value == 2
    assert "nowhere.yaml: No such file" in done.stderr
    assert "a.yaml: all " in done.stdout


def test_the_command_reports_in_json_and_fails_on_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(SPECS / "mnist_cnn.yaml")
    good = CliRunner().invoke(cli, ["verify", path, "--output-format", "json"], standalone_mode=False)
    assert good.return_value == 0
    (found,) = json.loads(good.stdout)["networks"]
    assert found["ok"]
    assert {f["verdict"] for f in found["findings"]} == {"agrees"}
    monkeypatch.setattr(Conv, "macs", lambda self, xs, ys: 1)
    forget(monkeypatch)
    bad = CliRunner().invoke(cli, ["verify", path], standalone_mode=False)
    assert bad.return_value == 1
    assert "differs" in bad.stdout


def test_an_opaque_block_is_not_verified_and_that_is_said() -> None:
    text = "shapecalc: 1\ninput: [3]\nblocks:\n  Mystery: {shape: ['N', 4]}\nlayers:\n  - Mystery\n"
    done = verify(shapecalc.check_text(text), {})
    assert done.findings == []
    assert done.notes == ["not verified: torch has no code for Mystery"]


WRAPPED = "- Conv2d: {out_channels: 8, kernel_size: 3, padding: 1, padding_mode: %s}"
ODD = [
    ("[3, 12, 12]", WRAPPED % "reflect" + "\n- Conv2d: {out_channels: 4, kernel_size: 3}"),
    ("[3, 12, 12]", "- Conv2d: {out_channels: 8, kernel_size: 1, padding: 1, padding_mode: replicate}"),
    ("[3, 12, 12]", "- Conv2d: {out_channels: 8, kernel_size: 3, padding_mode: reflect}\n- ReLU"),
    ("[3, 12, 12]", "- Tanh\n- Conv2d: {out_channels: 8, kernel_size: 3, padding: 2, padding_mode: circular}"),
    ("[3, 12, 12]", "- ReflectionPad2d: 3\n- MaxPool2d: 2"),
    ("[3, 4, 4]", "- ReplicationPad2d: 3\n- Conv2d: {out_channels: 8, kernel_size: 3}"),
    ("[3, 0, 5]", "- Linear: 10\n- ReLU"),
    ("[3, 32, 0]", "- Flatten"),
    ("[1, 16]", "- Tanh\n- Slice: {dim: 1, start: 1}\n- ConstantPad1d: {padding: 2, value: 1.0}"),
    ("[1, 4]", "- Chunk: {chunks: 2, dim: 1}\n- ReLU"),
    ("[3, 12]", "- Slice: {dim: 2, start: 1}\n- ConstantPad1d: {padding: 1, value: 0}"),
    ("[3, 12]", "- Slice: {dim: 2, end: -2}\n- Tanh\n- Conv1d: {out_channels: 3, kernel_size: 3, padding: 1}"),
    ("[3, 6, 6]", "- Tril\n- Triu: {diagonal: 1}"),
    ("[3, 6, 6]", "- Pow: 0"),
    ("[3, 16]", "- Roll: {shifts: 1, dims: 2}\n- AvgPool1d: 2"),
    ("[24, 16]", "- Max: {dim: 1}\n- MaxPool1d: 2"),
    ("[3, 6]", "- Pad: {pad: [1, 2], mode: replicate}"),
    *[
        ("[16, 8]", f"- Linear: 8\n- {{MultiheadAttention: {{num_heads: 2, batch_first: true}}, from: {wires}}}")
        for wires in ("['0', '0', '0']", "['0', input, input]", "['0', '0', input]", "['0', input, '0']")
    ],
    ("[16, 8]", "- {MultiheadAttention: {num_heads: 2, batch_first: true}, from: {query: input, value: input}}"),
    ("[3, H, W]", "- BatchNorm2d\n- GroupNorm: 3"),
    ("[4, 1, 1]", "- Conv2d: {out_channels: 4, kernel_size: 1}\n- GroupNorm: 4"),
]  # fmt: skip


@pytest.mark.parametrize(("input", "layers"), ODD)
def test_torch_confirms_odd_networks(input: str, layers: str) -> None:
    """Found by damaging the zoo at random: borders of mirrored values, no values at all, one value given twice."""
    report = shapecalc.check_text(spec(layers, input))
    for sizes in legal_choices(report):
        found = verify(report, sizes).findings
        assert [(f.layer, f.what, f.ours, f.theirs) for f in found if f.verdict == "differs"] == []


def test_a_false_field_behind_mirrored_borders_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    text = spec("- ReflectionPad2d: 1\n- Conv2d: {out_channels: 8, kernel_size: 3}\n- MaxPool2d: 3", "[3, 24, 24]")
    assert wrong(shapecalc.check_text(text), {}) == []
    forget(monkeypatch)
    monkeypatch.setattr(MaxPool2d, "window", lambda self, xs, ys: None)
    assert "receptive field" in " ".join(f.what for f in wrong(shapecalc.check_text(text), {}))


def test_what_no_memory_holds_is_not_made_for_the_meta_device_either() -> None:
    found = verify(shapecalc.check_text(spec("- PixelShuffle: 2", "[1000000000, 16, 16]")), {})
    assert (found.ok, found.device) == (True, "meta")


def test_a_network_that_torch_refuses_disagrees_unless_we_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    text = spec("- Conv2d: {out_channels: 4, kernel_size: 1}\n- GroupNorm: 4", "[4, 1, 1]")
    (alone,) = [f for f in verify(shapecalc.check_text(text), {}, batch=1).findings if f.what == "forward pass"]
    assert (alone.verdict, alone.reason.count("a batch of 1 is not legal")) == ("torch does not say", 1)
    forget(monkeypatch)
    monkeypatch.setattr(Conv, "needs", lambda self, *xs: ())
    (found,) = wrong(
        shapecalc.check_text(spec("- Conv2d: {out_channels: 4, kernel_size: 4, padding_mode: circular}", "[3, 3, 9]")),
        {},
    )
    assert (found.what, found.ours) == ("forward pass", "one that runs")


@pytest.mark.parametrize("layer", ["Conv2d", "ConvTranspose2d"])
@pytest.mark.parametrize("input", ["[8, 32, 0]", "[8, 0, 32]"])
def test_maps_without_a_position_are_refused_as_torch_refuses_them(layer: str, input: str) -> None:
    padding = 5 if layer == "Conv2d" else 0
    report = shapecalc.check_text(spec(f"- {layer}: {{out_channels: 8, kernel_size: 3, padding: {padding}}}", input))
    assert [d.code for d in report.diagnostics if d.severity == "error"] == ["SC211"]
    module = getattr(torch.nn, layer)(8, 8, 3, padding=padding)
    with pytest.raises(RuntimeError, match="Only zero batch or zero channel"):
        module(torch.zeros(2, *json.loads(input)))
