"""Rules on cost: the figures that they promise are those of the modules that torch makes of the advice."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from shapecalc.lint.selection import Selection
from shapecalc.pipeline import analyse, check_text
from shapecalc.source.text import Source

from .findings import found, module, spec


def params(layers: str, input: str = "[3, 32, 32]") -> int:
    """The parameters of a module that torch has made."""
    return sum(p.numel() for p in module(spec(layers, input)).parameters())


def chosen(text: str, code: str) -> list[Any]:
    """The findings of a code that is off unless selected."""
    report = analyse(Source("", text), {}, selection=Selection({code}))
    assert not [d for d in report.diagnostics if d.severity == "error"]
    return [d for d in report.diagnostics if d.code == code]


def numbers(text: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", text)]


HEAD = "- Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}\n- ReLU\n- MaxPool2d: 2\n"


@pytest.mark.parametrize("between", ["", "- Dropout\n"])
def test_the_savings_before_a_flattened_linear_layer_are_torchs(between: str) -> None:
    layers = HEAD + between + "- Flatten\n- Linear: 100"
    (d,) = found(spec(layers), "SC401")
    before = params(HEAD)
    assert numbers(d.message)[1:] == [params(layers) - before, params(layers), 100]
    pooled, (channels, narrowed) = numbers(d.help.split(";")[0])[-1], numbers(d.help.split(";")[1])[2:]
    assert pooled == params(HEAD + "- AdaptiveAvgPool2d: 1\n- Flatten\n- Linear: 100") - before
    bottleneck = f"- Conv2d: {{out_channels: {channels}, kernel_size: 1}}\n- Flatten\n- Linear: 100"
    assert narrowed == params(HEAD + bottleneck) - before


@pytest.mark.parametrize("bias", ["true", "false"])
def test_the_savings_before_a_convolution_are_torchs(bias: str) -> None:
    stem = (
        "- Conv2d: {out_channels: 8, kernel_size: 1}\n- ReLU\n- Conv2d: {out_channels: 128, kernel_size: 1}\n- ReLU\n"
    )
    conv = f"- Conv2d: {{out_channels: 256, kernel_size: 3, padding: 1, bias: {bias}}}"
    (d,) = found(spec(stem + conv), "SC401")
    (_, _, channels, then) = numbers(d.help)
    small = f"- Conv2d: {{out_channels: {channels}, kernel_size: 1, bias: {bias}}}\n"
    assert then == params(stem + small + conv) - params(stem)


BALANCED = [
    "- Linear: 300\n- ReLU\n- Linear: 10",  # one of two layers has to be the larger
    "- Conv2d: {out_channels: 4, kernel_size: 3}\n- ReLU\n- Conv2d: {out_channels: 8, kernel_size: 3}",
    "- Flatten\n- Linear: 300\n- ReLU\n- Linear: 100\n- ReLU\n- Linear: 10",  # no map is pooled, but the image
]


@pytest.mark.parametrize("layers", BALANCED)
def test_nothing_is_said_of_a_layer_that_nothing_halves(layers: str) -> None:
    assert not found(spec(layers), "SC401")


def test_a_dominant_table_is_told_where_several_layers_share_the_rest() -> None:
    layers = "- Embedding: {num_embeddings: 50000, embedding_dim: 64}\n" + "- Linear: 64\n- ReLU\n" * 3
    text = spec(layers).replace("[3, 32, 32]", "{x: {shape: [T], dtype: int64, below: 50000}}")
    (d,) = found(text, "SC401")
    assert "3,200,000" in d.message
    assert d.help == ""


@pytest.mark.parametrize(("k", "ci", "co", "rank"), [(5, 64, 64, 2), (7, 32, 64, 2), (5, 16, 16, 3), (9, 64, 100, 2)])
def test_smaller_kernels_have_as_many_parameters_as_said_and_the_field(k: int, ci: int, co: int, rank: int) -> None:
    input = str([ci] + [32] * rank)
    large = f"- Conv{rank}d: {{out_channels: {co}, kernel_size: {k}, padding: {k // 2}}}"
    small = f"- Conv{rank}d: {{out_channels: {co}, kernel_size: 3, padding: 1}}\n" * (k // 2)
    (d,) = found(spec(large, input), "SC402")
    then, now = numbers(d.message.split(" with ")[1])[:2]
    assert (then, now) == (params(small, input), params(large, input))
    sizes = [check_text(spec(x, input)).totals.receptive_field.size for x in (large, small)]  # type: ignore[union-attr]
    assert sizes[0] == sizes[1] == [k] * rank


SPARING = [
    ("out_channels: 64, kernel_size: 7, padding: 3", "[3, 32, 32]"),  # a stem on few channels
    ("out_channels: 16, kernel_size: 5", "[6, 14, 14]"),  # LeNet
    ("out_channels: 192, kernel_size: 5, padding: 2", "[64, 27, 27]"),  # AlexNet
    ("out_channels: 1, kernel_size: 5, padding: 2", "[32, 33, 33]"),  # SRCNN: nobody puts one channel between
    ("out_channels: 64, kernel_size: 7, padding: 3, groups: 64", "[64, 32, 32]"),  # ConvNeXt
    ("out_channels: 64, kernel_size: 5, padding: 2, stride: 2", "[64, 32, 32]"),
    ("out_channels: 64, kernel_size: [1, 7], padding: [0, 3]", "[64, 32, 32]"),
    ("out_channels: 64, kernel_size: 3, padding: 1", "[64, 32, 32]"),
    ("out_channels: 64, kernel_size: 6", "[64, 32, 32]"),
]


@pytest.mark.parametrize(("arguments", "input"), SPARING)
def test_kernels_that_smaller_ones_do_not_replace_with_less_are_let_pass(arguments: str, input: str) -> None:
    assert not found(spec(f"- Conv2d: {{{arguments}}}", input), "SC402")


def test_weights_said_to_meet_padding_only_have_no_gradient_in_torch() -> None:
    text = spec("- AdaptiveAvgPool2d: 1\n- Conv2d: {out_channels: 6, kernel_size: [3, 5], padding: [1, 2]}")
    (d,) = found(text, "SC405")
    net = module(text)
    net(torch.rand(2, 3, 32, 32)).sum().backward()
    (weight,) = (p for name, p in net.named_parameters() if name.endswith("weight"))
    assert numbers(d.message.split("10,")[0])[:2] == [3, 6]
    assert numbers(d.message)[2:4] == [int((weight.grad == 0).sum()), weight.numel()]


def test_a_convolution_on_one_pixel_computes_what_the_linear_layer_does() -> None:
    conv = module(spec("- AdaptiveAvgPool2d: 1\n- Conv2d: {out_channels: 6, kernel_size: 1}\n- Flatten"))
    line = module(spec("- AdaptiveAvgPool2d: 1\n- Flatten\n- Linear: 6"))
    for mine, theirs in zip(line.parameters(), conv.parameters(), strict=True):
        mine.data = theirs.data.reshape(mine.shape)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(line(x), conv(x).flatten(1))


MANY_PIXELS = [
    "- Conv2d: {out_channels: 6, kernel_size: 1}",
    "- AdaptiveAvgPool2d: [1, 2]\n- Conv2d: {out_channels: 6, kernel_size: 1}",
]


@pytest.mark.parametrize("layers", MANY_PIXELS)
def test_convolutions_on_more_than_one_pixel_are_let_pass(layers: str) -> None:
    assert not found(spec(layers), "SC405")
    assert not found(spec("- Conv2d: {out_channels: 6, kernel_size: 1}", "[3, H, W]"), "SC405")


BACK_TO_A_MAP = [
    """
    skip: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
    pool: {AdaptiveAvgPool2d: 1}
    gate: [{Conv2d: {out_channels: 2, kernel_size: 1}}, ReLU, {Conv2d: {out_channels: 8, kernel_size: 1}}, Sigmoid]
    mul: {Mul: [skip, gate]}
    """,
    """
    pool: [{AdaptiveAvgPool2d: 1}, {Conv2d: {out_channels: 8, kernel_size: 1, bias: false}}, BatchNorm2d, ReLU]
    up: {Interpolate: {size: [32, 32], mode: bilinear}}
    """,
    """
    code: [{AdaptiveAvgPool2d: 1}, {Conv2d: {out_channels: 8, kernel_size: 1}}, ReLU]
    grow: {ConvTranspose2d: {out_channels: 8, kernel_size: 4}}
    """,
]


@pytest.mark.parametrize("layers", BACK_TO_A_MAP)
def test_one_pixel_that_goes_back_to_a_map_keeps_its_axes(layers: str) -> None:
    """Gates of channels, the image's mean in a pyramid, the code of an autoencoder: a linear layer wants reshapes."""
    assert not found(spec(layers), "SC405")


def test_other_padding_modes_pad_one_pixel_with_itself() -> None:
    text = spec(
        "- AdaptiveAvgPool2d: 1\n- Conv2d: {out_channels: 6, kernel_size: 3, padding: 1, padding_mode: replicate}"
    )
    (d,) = found(text, "SC405")
    net = module(text)
    net(torch.rand(2, 3, 32, 32)).sum().backward()
    assert all((p.grad != 0).all() for p in net.parameters())
    assert "padding" not in d.message


def test_channels_are_judged_only_where_another_map_follows() -> None:
    layers = "- Conv2d: {out_channels: 30, kernel_size: 1}\n- ReLU\n- Flatten\n- Linear: 10"
    (d,) = chosen(spec(layers), "SC403")
    assert "30 does not divide by 8; 32" in d.message
    assert not chosen(spec(layers.replace("30", "32")), "SC403")
    assert not found(spec(layers), "SC403")  # off unless selected


DEPTHWISE = "- Conv2d: {out_channels: 3, kernel_size: 3, groups: 3}\n- BatchNorm2d\n- ReLU\n"


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("- MaxPool2d: 2", True),
        ("- Conv2d: {out_channels: 3, kernel_size: [1, 3], groups: 3}", True),
        ("- Conv2d: {out_channels: 8, kernel_size: 1}", False),
        ("- Flatten\n- Linear: 4", False),
        ("- GroupNorm: 1", False),
        ("- GroupNorm: 3", True),
    ],
)
def test_depthwise_layers_are_told_where_an_output_channel_depends_on_one_input_channel(rest: str, told: bool) -> None:
    text = spec(DEPTHWISE + rest)
    assert bool(chosen(text, "SC404")) == told
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    y = module(text).eval()(x)
    y[0, 0].square().sum().backward()
    assert x.grad is not None
    assert bool((x.grad[0, 1:] == 0).all()) == told


def test_the_peak_is_told_with_its_layer_and_bytes() -> None:
    text = spec(
        "a: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}\nb: {Conv2d: {out_channels: 4, kernel_size: 1}}"
    )
    (d,) = chosen(text, "SC406")
    assert d.layer == "b"
    assert numbers(d.message) == [(8 + 4) * 32 * 32 * 4, 33]
    assert not found(text, "SC406")
