"""Rewrites against torch: the module of the new spec with the carried weights does what that of the old one does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import shapecalc
from shapecalc.rewrite.refusal import Refused
from shapecalc.rewrite.rewrite import Rewriting, rewrite
from shapecalc.torchside.transfer import transferred
from tests.schema.command import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

SPECS = Path(__file__).parents[2] / "specs"

SMALL_VGG = """\
shapecalc: 1
name: SmallVGG
params: {num_classes: 5}
input: [3, 32, 32]
layers:
  features:
    - for width in [4, 6]:
        - Conv2d: {out_channels: width, kernel_size: 3, padding: 1}
        - ReLU
        - MaxPool2d: 2
  avgpool: {AdaptiveAvgPool2d: 8}
  flatten: Flatten
  classifier:
    - for _ in range(2):
        - Linear: 16   # twice
        - ReLU
        - Dropout
    - Linear: {out_features: num_classes, bias: false}
expect: {output: [num_classes]}
"""
NORMED = """\
shapecalc: 1
name: Normed
input: [4, 9, 8]
layers:
  - Conv2d: {out_channels: 6, kernel_size: 3, padding: 1, bias: false, padding_mode: reflect}
  - BatchNorm2d: {eps: 0.01}
  - ReLU
  - {Conv2d: {out_channels: 8, kernel_size: 3, groups: 2}}
  - {BatchNorm2d: {affine: false}, as: x}
  - ConvTranspose2d: {out_channels: 6, kernel_size: 2, stride: 2, groups: 2}
  - BatchNorm2d:
      bias: false
  - ConvTranspose2d: {out_channels: 5, kernel_size: 3}
  - {BatchNorm2d: , when: true}
  - Flatten
  - Linear: 7
  - BatchNorm1d
expect: {params: ">= 10"}
"""


def lively(report: shapecalc.Report, seed: int = 0) -> nn.Module:
    """The module in evaluation, with statistics and norms that do something."""
    torch.manual_seed(seed)
    module = shapecalc.build(report).eval()
    for key, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "var" in key else torch.randn_like(tensor) * 0.3)
    return module


def given(report: shapecalc.Report, seed: int = 1, **sizes: int) -> torch.Tensor:
    assert report.graph is not None
    shape = [sizes.get(str(s), s) for s in report.graph.inputs[0].shape[1:]]  # type: ignore[index]
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))


def rebuilt(before: nn.Module, done: Rewriting) -> nn.Module:
    after = shapecalc.build(done.report).eval()
    after.load_state_dict(transferred(before.state_dict(), done))  # strict
    return after


def changed(text: str, kind: str, params: Mapping[str, Any] | None = None) -> Rewriting:
    return rewrite(shapecalc.check_text(text, params=params), kind, params)


# a head as convolutions

MLP = "shapecalc: 1\ninput: [2, 6, 5]\nlayers: [Flatten, {Linear: 7}, BatchNorm1d, Tanh, {Linear: 3}, {Softmax: -1}]\n"
SIGNAL = """\
shapecalc: 1
input: [2, 20]
layers:
  - Conv1d: {out_channels: 3, kernel_size: 5}
  - Flatten
  - a: {Linear: {in_features: 48, out_features: 6}}
    b: {Linear: 6, from: input}
    c: {Add: [a, b]}
  - Linear:
      out_features: 4
      bias: true
"""
POOLED = """\
shapecalc: 1
input: [3, 24, 24]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
  - {AdaptiveMaxPool2d: 3}
  - Reshape: [N, -1]
  - Linear: "max(2, 5)"
"""
HEADS = {"vgg": SMALL_VGG, "mlp": MLP, "signal": SIGNAL, "pooled": POOLED}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_as_convolutions_gives_the_same_outputs(name: str) -> None:
    report = shapecalc.check_text(HEADS[name])
    done = rewrite(report, "fc-to-conv")
    before = lively(report)
    after = rebuilt(before, done)
    assert not any("Linear" in layer.op for layer in done.report.layers)
    assert list(after.state_dict()) == list(before.state_dict())
    x = given(report)
    y = before(x)
    assert after(x).shape[2:].numel() == 1
    torch.testing.assert_close(after(x).flatten(1), y)


def test_on_larger_inputs_it_is_the_network_slid_over_the_map() -> None:
    """Window by window: a shift of 4 cells of the input, which the pools make of one cell of the map."""
    text = SMALL_VGG.replace("padding: 1", "padding: 0").replace("{AdaptiveAvgPool2d: 8}", "{AdaptiveAvgPool2d: 6}")
    report = shapecalc.check_text(text)
    before = lively(report)
    after = rebuilt(before, rewrite(report, "fc-to-conv"))
    x = torch.randn(2, 3, 40, 36, generator=torch.Generator().manual_seed(3))
    y = after(x)
    assert y.shape == (2, 5, 3, 2)
    for i in range(3):
        for j in range(2):
            torch.testing.assert_close(y[:, :, i, j], before(x[:, :, 4 * i : 4 * i + 32, 4 * j : 4 * j + 32]))


def test_a_global_pool_becomes_a_window_that_moves_by_one_cell() -> None:
    report = shapecalc.check_text(POOLED.replace("padding: 1", "padding: 0").replace("Pool2d: 3", "Pool2d: 1"))
    before = lively(report)
    after = rebuilt(before, rewrite(report, "fc-to-conv"))
    x = torch.randn(1, 3, 26, 25)
    y = after(x)
    assert y.shape == (1, 5, 3, 2)
    torch.testing.assert_close(y[:, :, 2, 1], before(x[:, :, 2:, 1:]), rtol=1e-4, atol=1e-5)


def test_a_head_on_features_becomes_one_on_maps() -> None:
    report = shapecalc.check(str(SPECS / "fc_head.yaml"))
    done = rewrite(report, "fc-to-conv")
    before = lively(report)
    after = rebuilt(before, done)
    x = given(report)
    torch.testing.assert_close(after(x[:, :, None, None])[:, :, 0, 0], before(x), rtol=1e-4, atol=1e-4)
    maps = torch.randn(1, 2048, 2, 3)
    torch.testing.assert_close(after(maps).permute(0, 2, 3, 1), before(maps.permute(0, 2, 3, 1)), rtol=1e-4, atol=1e-4)
    assert "input: [2048, 1, 1]" in done.text


ZOO = ("fc_head", "lenet5", "mnist_cnn", "vgg_from_list")


@pytest.mark.parametrize("name", ZOO)
def test_there_and_back_is_the_same_text(name: str) -> None:
    report = shapecalc.check(str(SPECS / f"{name}.yaml"))
    back = rewrite(rewrite(report, "fc-to-conv").report, "conv-to-fc")
    assert back.text == report.source.text


@pytest.mark.parametrize("name", ["alexnet", "vgg", "resnet_basic", "densenet121", "googlenet", "mobilenet_v2"])
def test_heads_of_known_networks_carry_over_and_check(name: str) -> None:
    report = shapecalc.check(str(SPECS / f"{name}.yaml"))
    done = rewrite(report, "fc-to-conv")
    assert done.report.ok
    assert done.report.totals.params == report.totals.params
    assert done.report.totals.macs == report.totals.macs
    assert [len(w.shape or ()) for w in done.report.graph.outputs] == [4]  # type: ignore[union-attr]


def test_only_what_has_to_change_does() -> None:
    done = changed(SMALL_VGG, "fc-to-conv")
    before, after = SMALL_VGG.splitlines(), done.text.splitlines()
    differing = [b for a, b in zip(before, after, strict=True) if a != b]
    assert differing == [
        "  avgpool: Identity",
        "  flatten: Identity",
        "        - Conv2d: {out_channels: 16, kernel_size: 8 if _ == 0 else 1}   # twice",
        "    - Conv2d: {out_channels: num_classes, kernel_size: 1, bias: false}",
        "expect: {output: [num_classes, 1, 1]}",
    ]


REFUSALS = [
    ("fc-to-conv", "shapecalc: 1\ninput: [3, 4, 4]\nlayers: [ReLU]\n", "no Linear stands behind"),
    ("fc-to-conv", "shapecalc: 1\ninput: [3, H, 4]\nlayers: [Flatten, {Linear: 3}]\n", "--set the sizes"),
    ("fc-to-conv", "shapecalc: 1\ninput: [3, 4, 4]\nlayers: [Flatten, {Linear: 3}, LayerNorm]\n", "LayerNorm"),
    (
        "fc-to-conv",
        "shapecalc: 1\ninput: [3, 7, 7]\nlayers: [{AdaptiveAvgPool2d: 3}, Flatten, {Linear: 3}]\n",
        "window",
    ),
    (
        "fc-to-conv",
        "shapecalc: 1\ninput: [3, 4, 4]\nlayers:\n  - Flatten\n  - {Linear: 48, repeat: 2}\n",
        "write them apart",
    ),
    ("conv-to-fc", "shapecalc: 1\ninput: [3, 4, 4]\nlayers: [{Conv2d: {out_channels: 2, kernel_size: 3}}]\n", "covers"),
    ("fold-bn", "shapecalc: 1\ninput: [3, 4, 4]\nlayers: [BatchNorm2d]\n", "an input of the network"),
    ("fold-bn", "shapecalc: 1\ninput: [3, 4, 4]\nlayers: [ReLU]\n", "there is no batch norm"),
    (
        "factor",
        "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 2, kernel_size: 4}}]\n",
        "odd squares",
    ),
    ("factor", "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [Conv2D]\n", "errors"),
]


@pytest.mark.parametrize(("kind", "text", "reason"), REFUSALS, ids=[f"{k} {r}" for k, _, r in REFUSALS])
def test_what_cannot_be_done_is_refused_with_the_reason(kind: str, text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        changed(text, kind)


# and back

CONVOLVED = """\
shapecalc: 1
input: [3, 8, 8]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
  - ReLU
  - Conv2d: {out_channels: 6, kernel_size: [8, 8], bias: false}
  - BatchNorm2d
  - Dropout2d: 0.3
  - head:
      conv: {Conv2d: 5, kernel_size: 1}
    x: ReLU
  - Conv2d: {out_channels: 2, kernel_size: 1}
  - Flatten
""".replace("{Conv2d: 5, kernel_size: 1}", "{Conv2d: {out_channels: 5, kernel_size: 1}}")
EXCITED = """\
shapecalc: 1
input: [4, 6, 6]
layers:
  squeeze: {AdaptiveAvgPool2d: 1}
  fc: {Conv2d: {out_channels: 4, kernel_size: 1}}
  scale: {Mul: [input, fc]}
  head: {Conv2d: {out_channels: 3, kernel_size: 6}}
"""
WAYS_BACK = {
    "list": CONVOLVED,
    "excited": EXCITED,
    "flow": "shapecalc: 1\ninput: [2, 3, 4]\nlayers: [ReLU, {Conv2d: {out_channels: 3, kernel_size: [3, 4]}}]\n",
    "input": "shapecalc: 1\ninput: {x: {shape: [9, 1]}}\nlayers: {a: {Conv1d: {out_channels: 3, kernel_size: 1}}}\n",
}


@pytest.mark.parametrize("name", WAYS_BACK)
def test_convolutions_of_whole_maps_become_fully_connected(name: str) -> None:
    report = shapecalc.check_text(WAYS_BACK[name])
    done = rewrite(report, "conv-to-fc")
    before = lively(report)
    after = rebuilt(before, done)
    assert list(after.state_dict()) == list(before.state_dict())
    x = given(report)
    ours = x.flatten(1) if name == "input" else x
    torch.testing.assert_close(after(ours), before(x).flatten(1))


def test_a_gate_of_channels_is_left_as_it_is_and_said() -> None:
    done = changed(EXCITED, "conv-to-fc")
    assert [layer.op for layer in done.report.layers if layer.weights] == ["Conv2d", "Linear"]
    assert "fc" in done.notes[0] or "scale" in done.notes[0]


# batch norms


def test_folded_norms_give_equal_outputs() -> None:
    report = shapecalc.check_text(NORMED)
    done = rewrite(report, "fold-bn")
    before = lively(report)
    x = given(report)
    torch.testing.assert_close(rebuilt(before, done)(x), before(x), rtol=1e-4, atol=1e-5)
    assert not any("BatchNorm" in layer.op for layer in done.report.layers)
    assert [layer.path for layer in done.report.layers] == [layer.path for layer in report.layers]


@pytest.mark.parametrize("name", ["resnet_basic", "mobilenet_v2", "googlenet", "densenet121", "unet", "residual"])
def test_known_networks_fold_to_equal_outputs(name: str) -> None:
    report = shapecalc.check(str(SPECS / f"{name}.yaml"))
    done = rewrite(report, "fold-bn")
    torch.manual_seed(0)
    before = shapecalc.build(report).eval()
    for key, tensor in before.state_dict().items():
        if "running" in key:
            tensor.copy_(torch.rand_like(tensor) * 0.2 + (0.9 if "var" in key else 0))
    x = given(report, H=64, W=64)[:1, ..., :64, :64] if name != "residual" else given(report)
    torch.testing.assert_close(rebuilt(before, done)(x), before(x), rtol=1e-3, atol=1e-4)
    assert done.report.ok


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ("{BatchNorm2d: {track_running_stats: false}}", "tracks no statistics"),
        ("{BatchNorm2d: , as: b}\n  - {Add: ['0', b]}", "used elsewhere"),
        ("BatchNorm2d\n  - {Conv2d: {out_channels: 3, kernel_size: 1}, share: '0'}", "used elsewhere"),
        ("ReLU\n  - BatchNorm2d", "not from a convolution"),
    ],
)
def test_norms_that_cannot_be_folded_are_refused(layers: str, reason: str) -> None:
    text = f"shapecalc: 1\ninput: [3, 4, 4]\nlayers:\n  - Conv2d: {{out_channels: 3, kernel_size: 1}}\n  - {layers}\n"
    with pytest.raises(Refused, match=reason):
        changed(text, "fold-bn")


# large kernels

KERNELS = """\
shapecalc: 1
input: [4, 33, 31]
layers:
  - Conv2d: {out_channels: 8, kernel_size: 7, stride: 2, padding: 3, bias: false}
  - BatchNorm2d
  - LeakyReLU: 0.2
  - {Conv2d: {out_channels: "2 * in_channels", kernel_size: 5, groups: 4, padding: [1, 3]}, as: a}
  - Conv2d: {out_channels: 6, kernel_size: 5, dilation: 2, padding: same}
  - named: {Conv2d: {out_channels: 6, kernel_size: 3}}
"""


def test_rows_of_small_kernels_have_the_shapes_and_fields_of_large_ones() -> None:
    report = shapecalc.check_text(KERNELS)
    done = rewrite(report, "factor")
    assert done.fresh
    theirs = {layer.path: layer for layer in report.layers}
    ends = {x.path.rpartition(".")[0]: x for x in done.report.layers if x.path.count(".") == 1}
    for path in ("0", "3", "4"):
        a, b = theirs[path], ends[path]
        assert a.output_shapes == b.output_shapes
        assert a.receptive_field is not None
        assert b.receptive_field is not None
        assert a.receptive_field.same(b.receptive_field)
    module = shapecalc.build(done.report).eval()
    assert module(given(report)).shape == shapecalc.build(report).eval()(given(report)).shape
    assert max(p.shape[-1] for p in module.parameters() if p.dim() == 4) == 3
    assert "{LeakyReLU: {negative_slope: 0.2}}" in done.text


def test_a_row_sees_what_the_large_kernel_saw() -> None:
    """By the gradient of one output, which is not 0 where it sees the input."""
    text = KERNELS.replace("  - LeakyReLU: 0.2\n", "")
    seen = []
    for report in (shapecalc.check_text(text), rewrite(shapecalc.check_text(text), "factor").report):
        x = given(report)[:1].requires_grad_()
        lively(report)(x)[0, :, 4, 5].sum().backward()
        assert x.grad is not None
        seen.append(x.grad[0].abs().sum(0) > 0)
    assert torch.equal(*seen)


# the command


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(SMALL_VGG)
    (tmp_path / "normed.yaml").write_text(NORMED)
    return tmp_path


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_spec_and_checkpoint_are_rewritten_together(here: Path, suffix: str) -> None:
    from shapecalc.torchside.weights import tensors_of, write

    report = shapecalc.check(str(here / "net.yaml"))
    before = lively(report)
    write(str(here / f"in.{suffix}"), {f"module.{k}": v for k, v in before.state_dict().items()})
    args = ["-o", "new.yaml", "--weights", f"in.{suffix}", "--weights-out", f"out.{suffix}"]
    end = run("rewrite", "net.yaml", "--fc-to-conv", *args, cwd=here)
    assert (end.status, end.out, end.err) == (0, "", "")
    after = shapecalc.build(shapecalc.check(str(here / "new.yaml"))).eval()
    after.load_state_dict(tensors_of(str(here / f"out.{suffix}"))[""])
    torch.testing.assert_close(after(given(report)).flatten(1), before(given(report)))
    assert run("diff", "new.yaml", f"out.{suffix}", cwd=here).status == 0
    end = run("rewrite", "normed.yaml", "--fold-bn", *args, cwd=here)
    assert (end.status, "does not fit" in end.err) == (1, True)


def test_the_spec_is_printed_and_what_is_new_is_said(here: Path) -> None:
    text = SMALL_VGG.replace("kernel_size: 3, padding: 1", "kernel_size: 5, padding: 2")
    end = run("rewrite", "-", "--factor", cwd=here, text=text)
    assert (
        end.status,
        end.out.count("{Conv2d: {out_channels: width, kernel_size: 3, padding: 1}}") == 2,
    ) == (0, True)
    assert "weights of their own" in end.err


def test_a_refusal_names_reason_and_place(here: Path) -> None:
    (here / "net.yaml").write_text(SMALL_VGG.replace("        - Dropout\n", "        - LayerNorm\n"))
    end = run("rewrite", "net.yaml", "--fc-to-conv", cwd=here)
    assert (end.status, end.out) == (1, "")
    assert end.err.startswith("net.yaml:17:11: --fc-to-conv cannot be done: LayerNorm")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--fc-to-conv", "--fold-bn"],
        ["--fold-bn", "--weights", "x.pt"],
        ["--factor", "--weights", "x.pt", "--weights-out", "y.pt"],
        ["--fc-to-conv", "--weights", "absent.pt", "--weights-out", "y.pt"],
        ["--fc-to-conv", "-o", "no/such/folder.yaml"],
    ],
)
def test_wrong_usage_ends_with_2(here: Path, args: list[str]) -> None:
    end = run("rewrite", "net.yaml", *args, cwd=here)
    assert (end.status, end.out) == (2, "")
    assert end.err
