"""Rules on activations, on linear maps in a row and on dropout: what they find, let pass, and that torch agrees."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .findings import found, mended, module, places, spec

MLP = "- Linear: 32\n- {0}\n- {0}\n- Linear: 10"


@pytest.mark.parametrize("name", ["ReLU", "ReLU6", "Hardtanh", "Sigmoid", "Tanh", "GELU", "{LeakyReLU: 0.2}"])
def test_an_activation_twice_is_found_at_the_second(name: str) -> None:
    text = spec(MLP.format(name), "[16]")
    assert [line for line, _ in places(text, "SC305")] == [7]


@pytest.mark.parametrize("name", ["ReLU", "ReLU6", "Hardtanh", "Sigmoid", "Tanh", "GELU"])
def test_those_said_to_do_nothing_twice_do_nothing_in_torch(name: str) -> None:
    (finding,) = found(spec(MLP.format(name), "[16]"), "SC305")
    act, x = getattr(nn, name)(), 10 * torch.randn(1000)
    assert ("does nothing" in finding.message) == torch.equal(act(act(x)), act(x))


@pytest.mark.parametrize(
    "layers",
    [
        "- Linear: 32\n- ReLU\n- Tanh\n- Linear: 10",
        "- Linear: 32\n- {LeakyReLU: 0.2}\n- {LeakyReLU: 0.1}\n- Linear: 10",
        "- Linear: 32\n- PReLU\n- PReLU\n- Linear: 10",
        "- Linear: 32\n- GLU\n- GLU\n- Linear: 10",
        "- Linear: 32\n- Sigmoid\n- Dropout\n- Sigmoid\n- Linear: 10",
        "- ReLU\n- Linear: 32\n- ReLU\n- Linear: 10",
    ],
)
def test_different_or_learned_activations_are_let_pass(layers: str) -> None:
    assert not found(spec(layers, "[16]"), "SC305")


@pytest.mark.parametrize("between", ["Identity", "Flatten", "Dropout"])
def test_what_keeps_signs_between_two_relus_does_not_hide_them(between: str) -> None:
    text = spec(f"- Linear: 32\n- ReLU\n- {between}\n- ReLU\n- Linear: 10", "[16]")
    assert [line for line, _ in places(text, "SC305")] == [8]


def test_the_second_activation_goes_by_a_safe_fix_where_no_number_changes() -> None:
    named = spec("a: {Linear: 32}\nb: ReLU\nc: ReLU\nd: {Linear: 10}", "[16]")
    assert mended(named, unsafe=False) == named.replace("  c: ReLU\n", "")
    numbered = spec("- Linear: 32\n- ReLU\n- ReLU\n- Linear: 10", "[16]")
    assert mended(numbered, unsafe=False) == numbered
    assert mended(numbered) == spec("- Linear: 32\n- ReLU\n- Linear: 10", "[16]")
    flow = spec("a: [Linear: 32, ReLU, ReLU]\nb: {Linear: 10}", "[16]")
    assert mended(flow, unsafe=False) == spec("a: [Linear: 32, ReLU]\nb: {Linear: 10}", "[16]")


@pytest.mark.parametrize("second", ["{ReLU: , as: x}", "{ReLU: , repeat: 2}", "{ReLU: , when: true}"])
def test_a_wired_layer_is_not_taken_out(second: str) -> None:
    assert all(d.fix is None for d in found(spec(f"- Linear: 32\n- ReLU\n- {second}\n- Linear: 10", "[16]"), "SC305"))


def test_a_branch_is_not_taken_out() -> None:
    text = spec("a: ReLU\nb: {Cat: {branches: {left: ReLU, right: Tanh}}}")
    (finding,) = found(text, "SC305")
    assert finding.fix is None


CLIPPED = "- Linear: 32\n- ReLU\n- Linear: 10\n- ReLU"


@pytest.mark.parametrize(
    ("layers", "input", "more"),
    [
        (CLIPPED, "[16]", ""),
        (CLIPPED, "[16]", "train: {loss: cross_entropy}\n"),
        ("- for width in [64, 10]:\n    - Linear: width\n    - ReLU", "[128]", ""),
        ("- Conv2d: {out_channels: 64, kernel_size: 3}\n- ReLU\n- Conv2d: {out_channels: 10, kernel_size: 1}\n"
         "- AdaptiveAvgPool2d: 1\n- Flatten\n- ReLU6", "[3, H, W]", ""),
        ("- Conv2d: {out_channels: 4, kernel_size: 1}\n- ReLU", "[3, 8, 8]", "train: {loss: CrossEntropyLoss}\n"),
    ],
)  # fmt: skip
def test_a_rectifier_on_scores_is_found(layers: str, input: str, more: str) -> None:
    assert len(found(spec(layers, input, more), "SC306")) == 1


@pytest.mark.parametrize(
    ("layers", "input", "more"),
    [
        ("- Linear: 32\n- ReLU\n- Linear: 10\n- Sigmoid", "[16]", ""),
        ("- Linear: 32\n- ReLU\n- Linear: 10\n- Tanh", "[16]", ""),
        (CLIPPED, "[16]", "train: {loss: mse}\n"),
        ("- Linear: 32\n- ReLU\n- Linear: 1\n- ReLU", "[16]", ""),  # a quantity that is never negative
        ("- Linear: 10\n- ReLU", "[16]", ""),  # a layer by itself
        ("- Linear: 64\n- ReLU\n- Linear: 64\n- ReLU", "[16]", ""),  # features
        ("- Conv2d: {out_channels: 8, kernel_size: 1}\n- ReLU", "[3, 8, 8]", ""),
        # The head of NiN and SqueezeNet: the rectifier is on the map, before the pool.
        ("- Conv2d: {out_channels: 64, kernel_size: 3}\n- ReLU\n- Conv2d: {out_channels: 10, kernel_size: 1}\n- ReLU\n"
         "- AdaptiveAvgPool2d: 1\n- Flatten", "[3, 32, 32]", "train: {loss: cross_entropy}\n"),
    ],
)  # fmt: skip
def test_outputs_that_are_no_cut_off_scores_are_let_pass(layers: str, input: str, more: str) -> None:
    assert not found(spec(layers, input, more), "SC306")


def test_behind_cut_off_scores_no_gradient_is_left() -> None:
    scores = torch.tensor([[-1.0, -2.0, -3.0]], requires_grad=True)
    nn.CrossEntropyLoss()(scores.relu(), torch.tensor([1])).backward()
    assert scores.grad is not None
    assert not scores.grad.any()


def test_the_fix_of_a_clipped_head_takes_out_the_last_layer_only() -> None:
    assert mended(spec(CLIPPED, "[16]")) == spec("- Linear: 32\n- ReLU\n- Linear: 10", "[16]")
    loop = spec("- for width in [64, 10]:\n    - Linear: width\n    - ReLU", "[128]")
    assert mended(loop) == loop


BODY = """
  - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
  - BatchNorm2d
  - ReLU
  - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
  - BatchNorm2d
"""


def residual(tail: str = "  - ReLU\n", shortcut: str = "", before: str = "") -> str:
    return spec(f"{before}body:{BODY}{tail}{shortcut}add: {{Add: [body, {'cut' if shortcut else 'input'}]}}",
                "[16, 8, 8]")  # fmt: skip


PROJECTION = """cut:
  Sequential:
    - Conv2d: {out_channels: 16, kernel_size: 1, bias: false}
    - BatchNorm2d
  from: input
"""


@pytest.mark.parametrize("text", [residual(), residual(shortcut=PROJECTION)])
def test_a_rectifier_at_the_end_of_a_branch_is_found(text: str) -> None:
    assert [marked for _, marked in places(text, "SC317")] == ["ReLU"]
    assert "ReLU\nadd" not in mended(text)
    assert not found(mended(text), "SC317")


def test_behind_a_rectifier_a_branch_takes_nothing_away() -> None:
    x = torch.randn(4, 16, 8, 8)
    clipped, free = module(residual()), module(residual(tail=""))
    assert (clipped(x) >= x).all()
    assert not (free(x) >= x).all()


@pytest.mark.parametrize(
    "text",
    [
        residual(tail=""),
        residual(tail="  - LeakyReLU\n"),  # Darknet-53
        residual(tail="  - SiLU\n"),
        residual(shortcut=PROJECTION.replace("    - BatchNorm2d\n", "    - BatchNorm2d\n    - ReLU\n")),
        residual(tail="  - ReLU\n  - Conv2d: {out_channels: 16, kernel_size: 1}\n"),  # pre-activation
    ],
)
def test_good_residual_blocks_are_let_pass(text: str) -> None:
    assert not found(text, "SC317")


def test_a_decoder_that_is_added_to_its_encoder_is_no_residual_branch() -> None:
    text = spec(
        """
        stem: [Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}, BatchNorm2d, ReLU]
        down: [MaxPool2d: 2, Conv2d: {out_channels: 32, kernel_size: 3, padding: 1, bias: false}, BatchNorm2d, ReLU]
        up: [ConvTranspose2d: {out_channels: 16, kernel_size: 2, stride: 2, bias: false}, BatchNorm2d, ReLU]
        add: {Add: [up, stem]}
        """
    )
    assert not found(text, "SC317")


def test_a_strided_block_with_a_projection_is_found() -> None:
    text = residual(shortcut=PROJECTION.replace("kernel_size: 1", "kernel_size: 1, stride: 2"))
    text = text.replace("kernel_size: 3, padding: 1", "kernel_size: 3, padding: 1, stride: 2", 1)
    assert found(text, "SC317")


LINEAR = [
    ("- Linear: 256\n- Linear: 10", "[784]", 7840, 784 * 256 + 2560),
    ("- Linear: 256\n- Identity\n- Dropout\n- Linear: 10", "[784]", 7840, 784 * 256 + 2560),
    ("- Conv2d: {out_channels: 8, kernel_size: 3}\n- Conv2d: {out_channels: 8, kernel_size: 1}", "[4, 9, 9]", 288, 352),
    ("- Conv2d: {out_channels: 8, kernel_size: 1}\n- Conv2d: {out_channels: 8, kernel_size: 3, groups: 2}",
     "[8, 9, 9]", 576, 352),
    ("- ConvTranspose2d: {out_channels: 8, kernel_size: 2, stride: 2}\n- Conv2d: {out_channels: 3, kernel_size: 1}",
     "[8, 9, 9]", 96, 280),
    ("- Conv1d: {out_channels: 8, kernel_size: 3}\n- Conv1d: {out_channels: 8, kernel_size: 3}", "[8, 9]", 320, 384),
    ("- Conv2d: {out_channels: 64, kernel_size: 3, stride: 2}\n- Conv2d: {out_channels: 1, kernel_size: 3}",
     "[1, 15, 15]", 49, 1152),
    ("- Conv2d: {out_channels: 8, kernel_size: 3, groups: 2}\n"
     "- Conv2d: {out_channels: 8, kernel_size: 1, groups: 4}", "[8, 9, 9]", 288, 304),
    ("- Conv2d: {out_channels: 8, kernel_size: 3}\n- Conv2d: {out_channels: 8, kernel_size: 3}", "[8, 9, 9]",
     1600, 1152),
    ("- Conv2d: {out_channels: 16, kernel_size: 3, stride: 2}\n- Flatten\n- Linear: 10", "[1, 13, 13]", 1690, 5904),
    ("- Conv1d: {out_channels: 8, kernel_size: 9}\n- Identity\n- Squeeze: 2\n- Linear: 5", "[2, 9]", 90, 184),
    ("- ConvTranspose1d: {out_channels: 4, kernel_size: 2, stride: 2}\n- Reshape: [N, -1]\n- Linear: 3", "[4, 5]",
     60, 152),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "input", "one", "two"), [case for case in LINEAR if case[2] != 576])
def test_two_linear_maps_are_found_with_the_weights_of_both_forms(layers: str, input: str, one: int, two: int) -> None:
    (finding,) = found(spec(f"{layers}\n- Tanh", input), "SC304")
    assert bool(found(spec(layers, input), "SC304")) == (one <= two)
    assert f"{one:,} weights" in finding.message
    assert f"{two:,}" in finding.message


@pytest.mark.parametrize(
    ("layers", "input"),
    [
        ("- Linear: 8\n- Linear: 784", "[784]"),  # low rank
        LINEAR[3][:2],
        ("- Conv2d: {out_channels: 8, kernel_size: 3, groups: 8}\n- Conv2d: {out_channels: 16, kernel_size: 1}",
         "[8, 9, 9]"),  # depthwise separable
        ("- Conv2d: {out_channels: 8, kernel_size: [1, 3]}\n- Conv2d: {out_channels: 8, kernel_size: [3, 1]}",
         "[8, 9, 9]"),
        ("- Conv2d: {out_channels: 2, kernel_size: 1}\n- Conv2d: {out_channels: 2, kernel_size: 3}\n"
         "- Conv2d: {out_channels: 8, kernel_size: 1}", "[8, 9, 9]"),  # bottleneck
        ("- Conv2d: {out_channels: 8, kernel_size: 5, groups: 8}\n"
         "- Conv2d: {out_channels: 8, kernel_size: 7, dilation: 3, groups: 8}\n"
         "- Conv2d: {out_channels: 8, kernel_size: 1}", "[8, 40, 40]"),  # the large kernel attention of VAN
        ("- Conv2d: {out_channels: 8, kernel_size: 3}\n- Flatten\n- Linear: 10", "[8, 9, 9]"),
        ("- Conv2d: {out_channels: 16, kernel_size: 3}\n- Flatten: 2\n- Linear: 10", "[1, 9, 9]"),  # each channel alone
        ("- Conv2d: {out_channels: 8, kernel_size: 1}\n- PixelShuffle: 2\n"
         "- Conv2d: {out_channels: 2, kernel_size: 1}", "[8, 9, 9]"),
        ("- Linear: 256\n- LayerNorm\n- Linear: 10", "[784]"),
        ("- Linear: 256\n- Linear: 10", "[C]"),
    ],
)  # fmt: skip
def test_factorisations_and_maps_of_unknown_size_are_let_pass(layers: str, input: str) -> None:
    assert not found(spec(layers, input), "SC304")


def test_a_map_that_others_read_or_share_is_let_pass() -> None:
    assert not found(spec("a: {Linear: 32}\nb: {Linear: 32}\nc: {Add: [a, b]}", "[32]"), "SC304")
    assert not found(spec("a: {Linear: 32}\nb: {Linear: 32, share: a}", "[32]"), "SC304")


@pytest.mark.parametrize(("layers", "input", "one", "two"), LINEAR)
def test_in_torch_two_linear_maps_are_one_of_that_many_weights(layers: str, input: str, one: int, two: int) -> None:
    """The response to a single cell, without biases, has at most the merged kernel's cells: count those that differ."""
    net = module(spec(layers, input)).double().eval()
    for name, p in net.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(p)
    sizes = [int(s) for s in input.strip("[]").split(",")]
    x = torch.randn(1, *sizes, dtype=torch.double, requires_grad=True)
    y = net(x)
    middle = tuple(s // 2 for s in y.shape[2:])
    jacobian = [torch.autograd.grad(y[(0, c, *middle)], x, retain_graph=True)[0] for c in range(y.shape[1])]
    assert sum(int(g.count_nonzero()) for g in jacobian) * (4 if "Transpose2d" in layers else 1) == one
    assert sum(p.numel() for name, p in net.named_parameters() if name.endswith("weight")) == two


NORMED = "- Linear: {{out_features: 64, bias: false}}\n- {}\n- BatchNorm1d\n- ReLU\n- Linear: 10"


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_before_batch_norm_is_found_with_the_factor_that_torch_shows(p: float) -> None:
    text = spec(NORMED.format(f"Dropout: {p}"), "[16]")
    assert places(text, "SC308") == [(6, str(p))]
    (finding,) = found(text, "SC308")
    torch.manual_seed(0)
    for mean in (0.0, 1.0):
        x = torch.randn(400_000) + mean
        ratio = float(nn.Dropout(p)(x).var() / x.var())
        assert ratio > 0.97 / (1 - p)
        assert mean or ratio < 1.03 / (1 - p)
    assert f"at least {1 / (1 - p):.3g} times" in finding.message


@pytest.mark.parametrize(
    "layer",
    ["{Dropout: 0}", "AlphaDropout", "ReLU", "{Dropout: 1}"],
)
def test_dropouts_that_shift_no_variance_are_let_pass(layer: str) -> None:
    assert not found(spec(NORMED.format(layer), "[16]"), "SC308")


@pytest.mark.parametrize(
    "layers",
    [
        "- Linear: 64\n- ReLU\n- Dropout\n- Linear: {out_features: 32, bias: false}\n- BatchNorm1d\n- Linear: 10",
        "- Linear: 64\n- ReLU\n- Dropout\n- LayerNorm\n- Linear: 10",
        "- Linear: 64\n- ReLU\n- Dropout\n- BatchNorm1d: {track_running_stats: false}\n- Linear: 10",
    ],
)
def test_dropout_before_other_layers_is_let_pass(layers: str) -> None:
    assert not found(spec(layers, "[16]"), "SC308")


def test_dropout_in_a_dense_block_is_let_pass() -> None:
    text = spec(
        """
        norm: BatchNorm2d
        relu: ReLU
        conv: {Conv2d: {out_channels: 12, kernel_size: 3, padding: 1, bias: false}}
        drop: {Dropout: 0.2}
        cat: {Cat: [input, drop]}
        norm2: BatchNorm2d
        relu2: ReLU
        """
    )
    assert not found(text, "SC308")


@pytest.mark.parametrize("tail", ["", "- Softmax: 1", "- Identity", "- Reshape: [N, 2, 5]", "- Sigmoid"])
def test_dropout_on_an_output_is_found(tail: str) -> None:
    text = spec(f"- Linear: 32\n- ReLU\n- Linear: 10\n- Dropout: 0.3\n{tail}", "[16]")
    assert places(text, "SC309") == [(8, "0.3")]
    assert "Dropout" not in mended(text)


@pytest.mark.parametrize(
    "layers", ["- Dropout\n- Linear: 10", "- Linear: 10\n- Dropout: 0", "- Linear: 10\n- Dropout\n- ReLU\n- Linear: 3"]
)
def test_dropout_inside_is_let_pass(layers: str) -> None:
    assert not found(spec(layers, "[16]"), "SC309")
