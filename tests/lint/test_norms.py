"""Rules on normalisation: what they must find, what they must let pass, and that torch agrees."""

from __future__ import annotations

import pytest
import torch

from .findings import found, mended, module, places, spec

CONV = "Conv2d: {out_channels: 8, kernel_size: 3"


def affine_pair(first: str, norm: str, between: str = "") -> str:
    middle = f"- {between}\n" if between else ""
    return f"- {first}\n{middle}- {norm}\n- ReLU"


BIASED = [
    (f"{CONV}}}", "BatchNorm2d", "", "[3, 9, 9]"),
    (f"{CONV}}}", "InstanceNorm2d", "", "[3, 9, 9]"),
    (f"{CONV}}}", "GroupNorm: 8", "", "[3, 9, 9]"),
    (f"{CONV}}}", "{GroupNorm: {num_groups: 8, affine: false}}", "MaxPool2d: 2", "[3, 9, 9]"),
    ("Conv1d: {out_channels: 4, kernel_size: 3}", "GroupNorm: 4", "", "[2, 9]"),
    ("ConvTranspose2d: {out_channels: 4, kernel_size: 2, stride: 2}", "GroupNorm: 4", "", "[3, 5, 5]"),
    (f"{CONV}}}", "BatchNorm2d", "Identity", "[3, 9, 9]"),
    (f"{CONV}}}", "BatchNorm2d", "MaxPool2d: 2", "[3, 9, 9]"),
    (f"{CONV}}}", "BatchNorm2d", "{MaxPool2d: {kernel_size: 3, padding: 1}}", "[3, 9, 9]"),
    (f"{CONV}}}", "InstanceNorm2d", "AdaptiveAvgPool2d: 3", "[3, 9, 9]"),
    ("ConvTranspose2d: {out_channels: 4, kernel_size: 2, stride: 2}", "BatchNorm2d", "", "[3, 5, 5]"),
    (f"{CONV}}}", "LayerNorm", "", "[3, 9, 9]"),
    (f"{CONV}}}", "{LayerNorm: {normalized_shape: [7, 7]}}", "", "[3, 9, 9]"),
    ("Linear: 6", "BatchNorm1d", "", "[5]"),
    ("Conv1d: {out_channels: 4, kernel_size: 3}", "BatchNorm1d", "", "[2, 9]"),
]


@pytest.mark.parametrize(("first", "norm", "between", "input"), BIASED)
def test_a_bias_before_a_centring_norm_is_found_and_does_nothing_in_torch(
    first: str, norm: str, between: str, input: str
) -> None:
    text = spec(affine_pair(first, norm, between), input)
    assert [line for line, _ in places(text, "SC301")] == [5]
    net = module(text)
    sizes = [int(s) for s in input.strip("[]").split(",")]
    x = torch.randn(8, *sizes)
    before = net(x)
    bias = next(p for name, p in net.named_parameters() if name.endswith("0.bias"))
    with torch.no_grad():
        bias += torch.linspace(-3, 5, len(bias))
    torch.testing.assert_close(net(x), before, rtol=1e-3, atol=1e-4)


KEPT = [
    (f"{CONV}}}", "GroupNorm: 2", "", "[3, 9, 9]"),
    (f"{CONV}}}", "GroupNorm: 4", "", "[3, 9, 9]"),
    (f"{CONV}}}", "GroupNorm: 8", "", "[3, 3, 3]"),  # one value for each mean, which SC307 tells
    (f"{CONV}}}", "GroupNorm: 8", "", "{shape: [3, 10, 10], batch: false}"),  # channels are axis 1, and here rows are
    ("Linear: 6", "GroupNorm: 6", "", "[5]"),
    ("Linear: 6", "GroupNorm: 4", "", "[4, 5]"),
    (f"{CONV}}}", "{LayerNorm: {normalized_shape: [8, 7, 7]}}", "", "[3, 9, 9]"),
    ("Linear: 6", "LayerNorm", "", "[5]"),
    ("Linear: 6", "BatchNorm1d", "MaxPool1d: 2", "[5]"),
    ("Linear: 6", "BatchNorm1d", "AdaptiveMaxPool1d: 3", "[5]"),
    (
        "Conv1d: {out_channels: 8, kernel_size: 3}",
        "{LayerNorm: {normalized_shape: 5}}",
        "{MaxPool2d: [2, 1]}",
        "[2, 7]",
    ),
    (f"{CONV}, bias: false}}", "BatchNorm2d", "", "[3, 9, 9]"),
    (f"{CONV}}}", "BatchNorm2d", "ReLU", "[3, 9, 9]"),
    (f"{CONV}}}", "BatchNorm2d", "{AvgPool2d: {kernel_size: 3, padding: 1}}", "[3, 9, 9]"),
    ("Linear: 6", "BatchNorm1d", "", "[4, 5]"),
    ("Linear: 6", "BatchNorm2d", "", "[3, 9, 9]"),
]


@pytest.mark.parametrize(("first", "norm", "between", "input"), KEPT)
def test_a_bias_that_a_norm_does_not_take_away_is_let_pass(first: str, norm: str, between: str, input: str) -> None:
    assert not found(spec(affine_pair(first, norm, between), input), "SC301")


def test_a_bias_that_something_else_reads_is_let_pass() -> None:
    layers = """
    conv: {Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}}
    norm: BatchNorm2d
    add: {Add: [conv, norm]}
    """
    assert not found(spec(layers), "SC301")


def test_a_shared_module_is_told_once_and_not_where_one_call_needs_the_bias() -> None:
    layers = """
    conv: {Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}}
    norm: BatchNorm2d
    again: {Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}, share: conv}
    """
    assert not found(spec(layers), "SC301")
    assert [line for line, _ in places(spec(layers.rstrip() + "\n    norm2: BatchNorm2d"), "SC301")] == [5]


def test_a_loop_gives_one_finding_for_its_line_and_one_fix() -> None:
    text = spec(
        """
        - for width in [8, 16]:
            - Conv2d: {out_channels: width, kernel_size: 3}
            - BatchNorm2d
            - ReLU
        """
    )
    (finding,) = found(text, "SC301")
    assert "8 parameters" in finding.message
    assert "1 more layer" in finding.help
    assert "kernel_size: 3, bias: false}" in mended(text)


def test_the_fix_follows_the_condition_of_the_norm() -> None:
    layers = f"""
    - {CONV}}}
    - {{BatchNorm2d: , when: norm}}
    - ReLU
    """
    text = spec(layers, more="params: {norm: true}\n")
    assert "bias: not norm}" in mended(text)
    assert not found(mended(text), "SC301")
    assert not found(mended(text), "SC301", norm=False)


def test_the_bias_of_a_block_with_and_without_a_norm_is_found_and_not_mended() -> None:
    text = spec(
        """
        - Piece: true
        - Piece: false
        """,
        more="""\
        blocks:
          Piece:
            params: {norm: ~}
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3}
              - Sequential: [BatchNorm2d]
                when: norm
              - ReLU
        """,
    )
    (finding,) = found(text, "SC301")
    assert finding.fix is None


def test_symbolic_sizes_do_not_hide_a_bias() -> None:
    assert found(spec(affine_pair(f"{CONV}}}", "BatchNorm2d"), "[3, H, W]"), "SC301")


ONE_VALUE = [
    ("- AdaptiveAvgPool2d: 1\n- GroupNorm: 3", "[3, 8, 8]"),
    ("- LayerNorm", "[7, 1]"),
    ("- LayerNorm: {normalized_shape: [1, 1]}", "[7, 1, 1]"),
    ("- InstanceNorm1d: {track_running_stats: true}", "[3, 1]"),
]


@pytest.mark.parametrize(("layers", "input"), ONE_VALUE)
def test_a_norm_of_one_value_is_found_and_gives_a_constant_in_torch(layers: str, input: str) -> None:
    text = spec(layers, input)
    assert len(places(text, "SC307")) == 1
    if "track" in layers:
        with pytest.raises(ValueError, match="more than 1 spatial element"):
            module(text)(torch.randn(2, 3, 1))
        return
    net, sizes = module(text), [int(s) for s in input.strip("[]").split(",")]
    torch.testing.assert_close(net(torch.randn(2, *sizes)), net(torch.randn(2, *sizes)))


@pytest.mark.parametrize(
    ("layers", "input"),
    [
        ("- GroupNorm: 1", "[3, 1, 1]"),
        ("- BatchNorm2d", "[3, 1, 1]"),
        ("- BatchNorm1d", "[3]"),
        ("- GroupNorm: 3", "[3, H, W]"),
        ("- RMSNorm", "[7, 1]"),
        ("- LayerNorm: {normalized_shape: [4, 1]}", "[4, 1]"),
    ],
)
def test_norms_of_several_or_unknown_numbers_of_values_are_let_pass(layers: str, input: str) -> None:
    assert not found(spec(layers, input), "SC307")


def train(line: str, layers: str, input: str = "[16]") -> str:
    return spec(layers, input, more=f"train: {{{line}}}\n")


HEAD = "- Linear: {out_features: 8, bias: false}\n- BatchNorm1d\n- ReLU\n- Linear: 10"
MAP = "- Conv2d: {out_channels: 8, kernel_size: 3, bias: false}\n- BatchNorm2d\n- ReLU"


def test_a_batch_of_one_is_told_at_the_batch_size() -> None:
    assert places(train("batch_size: 1", HEAD), "SC601") == [(4, "1")]
    (finding,) = found(train("batch_size: 1", HEAD), "SC601")
    assert "refuses" in finding.message
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module(train("batch_size: 1", HEAD))(torch.randn(1, 16))


def test_of_one_sample_of_a_map_torch_takes_statistics_and_the_rule_says_so() -> None:
    (finding,) = found(train("batch_size: 1", MAP, "[3, H, W]"), "SC601")
    assert "refuses" not in finding.message
    net = module(train("batch_size: 1", MAP, "[3, 9, 9]"))
    net(torch.randn(1, 3, 9, 9))


@pytest.mark.parametrize(
    ("line", "layers", "is_found"),
    [
        ("batch_size: 4, dataset: digits", HEAD, True),  # 1797 = 449 * 4 + 1
        ("batch_size: 32, dataset: digits", HEAD, False),  # 1797 = 56 * 32 + 5
        ("batch_size: 59999, dataset: fashion-mnist", HEAD, True),
        ("batch_size: 32, dataset: Fashion_MNIST", HEAD, False),
        ("batch_size: 4", HEAD, False),
        ("batch_size: 4, dataset: digits", "- Linear: 8\n- LayerNorm\n- ReLU\n- Linear: 10", False),
        ("batch_size: 1", "- Linear: 8\n- LayerNorm\n- ReLU\n- Linear: 10", False),
        ("batch_size: 0, dataset: digits", HEAD, False),
        ("batch_size: 1.5", HEAD, False),
        ("lr: 0.1", HEAD, False),
    ],
)
def test_a_last_batch_of_one_is_told_where_the_data_is_known(line: str, layers: str, is_found: bool) -> None:
    assert bool(found(train(line, layers), "SC601")) == is_found


def test_a_last_batch_of_one_map_is_no_trouble() -> None:
    assert not found(train("batch_size: 4, dataset: digits", MAP, "[1, 8, 8]"), "SC601")


def test_the_batch_size_may_be_a_param() -> None:
    text = spec(HEAD, "[16]", more="params: {b: 1}\ntrain: {batch_size: b}\n")
    assert found(text, "SC601")
    assert not found(text, "SC601", b=8)
