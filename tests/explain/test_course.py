"""The course's hand calculations: the key, which torch confirms, and every line of the working."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.explain.layer import Explained, LayerWork
from tests import plain

SPECS = Path(__file__).parents[2] / "specs"


def work(text: str, *shape: int, layer: int = -1) -> LayerWork:
    """The workings of one layer of a network given as text."""
    report = plain.check_text(f"shapecalc: 1\ninput: {list(shape)}\nlayers: [{text}]\n")
    assert report.graph is not None
    return Explained(report).layer(report.graph.nodes[layer])


def of_spec(name: str, path: str, **params: Any) -> LayerWork:
    report = plain.check(str(SPECS / f"{name}.yaml"), params=params)
    return Explained(report).layer(report.layer(path).node)


def answers(found: LayerWork) -> list[Any]:
    return [w.answer for w in found.sizes()[0][1:]]


def lines(working: Any) -> list[str]:
    """The working as it is read, without the formula."""
    return [working.substitution, *(s.text for s in working.steps)]


WINDOWS = [
    ({"kernel_size": 3, "padding": 1}, (8, 8)),
    ({"kernel_size": [5, 3], "padding": [2, 1]}, (8, 8)),
    ({"kernel_size": 3, "padding": 1, "stride": 2}, (4, 4)),
    ({"kernel_size": [3, 5], "padding": [0, 1], "stride": [3, 4]}, (2, 2)),
    ({"kernel_size": 3, "padding": 2}, (10, 10)),
]
"""An 8 x 8 image, and what the course says is left of it."""


@pytest.mark.parametrize(("arguments", "key"), WINDOWS)
def test_sizes_of_an_image_of_8_by_8(arguments: dict[str, Any], key: tuple[int, int]) -> None:
    given = ", ".join(f"{k}: {v}" for k, v in arguments.items())
    found = work(f"{{Conv2d: {{out_channels: 1, {given}}}}}", 1, 8, 8)
    conv = nn.Conv2d(1, 1, **{k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()})
    assert answers(found) == [1, *key] == list(conv(torch.zeros(1, 1, 8, 8)).shape[1:])


def test_a_stride_of_2_rounds_down_what_the_notes_leave_unrounded() -> None:
    height = work("{Conv2d: {out_channels: 1, kernel_size: 3, padding: 1, stride: 2}}", 1, 8, 8).sizes()[0][2]
    assert lines(height) == [
        "(8 + 2*1 - 1*(3 - 1) - 1)//2 + 1",
        "(8 + 2 - 1*2 - 1)//2 + 1",
        "(8 + 2 - 2 - 1)//2 + 1",
        "7//2 + 1",
        "3 + 1",
        "4",
    ]
    assert height.roundings == [(7, 2)]


def test_the_first_layer_of_alexnet_is_54_and_a_quarter_rounded_down_and_1() -> None:
    height = of_spec("alexnet", "features.0").sizes()[0][2]
    assert height.formula == "(i + 2*p - d*(k - 1) - 1)//s + 1"
    assert lines(height)[0] == "(224 + 2*2 - 1*(11 - 1) - 1)//4 + 1"
    assert lines(height)[-3:] == ["217//4 + 1", "54 + 1", "55"]
    assert height.roundings == [(217, 4)]
    assert 217 / 4 == 54.25
    assert list(nn.Conv2d(3, 64, 11, 4, 2)(torch.zeros(1, 3, 224, 224)).shape) == [1, 64, 55, 55]


@pytest.mark.parametrize(("shape", "key"), [((1, 16), 14), ((2, 8), 6)])
def test_convolutions_along_one_axis(shape: tuple[int, int], key: int) -> None:
    length = work("{Conv1d: {out_channels: 1, kernel_size: 3}}", *shape).sizes()[0][-1]
    assert length.answer == key == nn.Conv1d(shape[0], 1, 3)(torch.zeros(1, *shape)).shape[-1]
    assert lines(length)[-2:] == [f"{key - 1} + 1", str(key)]


def test_pooling_a_4_by_5_matrix_leaves_the_last_column_unread_unless_ceil_mode_is_on() -> None:
    floor = work("{MaxPool2d: 2}", 1, 4, 5).sizes()[0]
    ceil = work("{MaxPool2d: {kernel_size: 2, ceil_mode: true}}", 1, 4, 5).sizes()[0]
    matrix = torch.arange(20.0).reshape(1, 1, 4, 5)
    assert nn.MaxPool2d(2)(matrix).squeeze().tolist() == [[6, 8], [16, 18]]
    assert [w.answer for w in floor[2:]] == [2, 2] == list(nn.MaxPool2d(2)(matrix).shape[2:])
    assert [w.answer for w in ceil[2:]] == [2, 3] == list(nn.MaxPool2d(2, ceil_mode=True)(matrix).shape[2:])
    assert floor[3].roundings == [(3, 2)]


def test_pooling_along_one_axis() -> None:
    assert answers(work("{MaxPool1d: 2}", 1, 16)) == [1, 8]
    assert answers(work("{MaxPool1d: 2}", 2, 8)) == [2, 4]


def test_an_adaptive_pool_to_7_has_windows_of_32_on_224() -> None:
    found = work("{AdaptiveAvgPool2d: 7}", 1, 224, 224)
    assert answers(found) == [1, 7, 7]
    assert [f.size.answer for f in found.fields()] == [32, 32]
    image = torch.rand(1, 1, 224, 224)
    assert torch.allclose(nn.AdaptiveAvgPool2d(7)(image), nn.AvgPool2d(32)(image))


TWO = (
    "{Conv2d: {out_channels: 8, kernel_size: 3, bias: false}}, {Conv2d: {out_channels: 8, kernel_size: 3, bias: false}}"
)
ONE = "{Conv2d: {out_channels: 8, kernel_size: 5, bias: false}}"


def test_two_3_by_3_see_what_one_5_by_5_sees_with_18_for_25_weights() -> None:
    second, large = work(TWO, 8, 16, 16), work(ONE, 8, 16, 16)
    (height, _), (other, _) = second.fields(), large.fields()
    assert height.size.answer == other.size.answer == 5
    assert lines(height.size) == ["3 + 1*(3 - 1)*1", "3 + 1*2*1", "3 + 2", "5"]
    first = work(TWO, 8, 16, 16, layer=0)
    assert first.params().answer + second.params().answer == 18 * 8**2
    assert large.params().answer == 25 * 8**2


def test_a_bottleneck_saves_weights() -> None:
    direct = work("{Conv2d: {out_channels: 256, kernel_size: 3, padding: 1, bias: false}}", 256, 8, 8).params()
    assert direct.formula == "C_out*(C_in//g)*k_h*k_w"
    assert lines(direct) == ["256*(256//1)*3*3", "256*256*3*3", "589824"]
    report = plain.check(str(SPECS / "bottleneck.yaml"))
    whole = Explained(report)
    narrow = [whole.layer(layer.node).params() for layer in report.layers if layer.path.startswith("bottleneck")]
    assert [w.substitution for w in narrow] == ["64*(256//1)*1*1", "64*(64//1)*3*3", "256*(64//1)*1*1"]
    assert sum(w.answer for w in narrow) == 69_632


def test_a_kernel_of_3_channels_and_3_by_3_multiplies_27_pairs() -> None:
    """The notes call this number of weights a receptive field, which is 3 by 3."""
    found = work("{Conv2d: {out_channels: 1, kernel_size: 3, bias: false}}", 3, 3, 3)
    assert found.params().answer == found.macs().answer == 27
    assert lines(found.macs())[0] == "1*1*1*1*3*3*(3//1)"
    assert [f.size.answer for f in found.fields()] == [3, 3]


def test_the_features_that_alexnet_flattens() -> None:
    feature = of_spec("alexnet", "flatten").sizes()[0][1]
    assert lines(feature) == ["256*6*6", "9216"]


def test_the_largest_linear_layer_of_alexnet() -> None:
    params = of_spec("alexnet", "classifier.1").params()
    assert params.answer == sum(p.numel() for p in nn.Linear(9216, 4096).parameters())
    assert lines(params) == ["4096*9216 + 4096", "37748736 + 4096", "37752832"]


def test_alexnet_has_61_million_parameters_and_not_600() -> None:
    report = plain.check(str(SPECS / "alexnet.yaml"))
    whole = Explained(report)
    assert sum(whole.layer(layer.node).params().answer for layer in report.layers) == 61_100_840


def test_the_mnist_network_flattens_8_and_not_32_channels() -> None:
    """A comment in the notes says 32*7*7."""
    feature = of_spec("mnist_cnn", "flatten").sizes()[0][1]
    assert lines(feature) == ["8*14*14", "1568"]


def test_the_head_of_2048_512_and_5() -> None:
    report = plain.check(str(SPECS / "fc_head.yaml"))
    whole = Explained(report)
    counts = [whole.layer(layer.node).params() for layer in report.layers if layer.params]
    assert [c.substitution for c in counts] == ["512*2048 + 512", "5*512 + 5"]
    assert sum(c.answer for c in counts) == 1_051_653


def test_a_1_by_1_convolution_costs_what_the_matrix_product_over_channels_costs() -> None:
    conv = work("{Conv2d: {out_channels: 16, kernel_size: 1, bias: false}}", 8, 6, 6).macs()
    linear = work("Flatten, {Reshape: [N, 36, 8]}, {Linear: {out_features: 16, bias: false}}", 8, 6, 6).macs()
    assert conv.answer == linear.answer == 16 * 8 * 36


def test_global_average_pooling_of_6_by_6_by_3() -> None:
    found = work("{AdaptiveAvgPool2d: 1}", 3, 6, 6)
    assert answers(found) == [3, 1, 1]
    assert [f.size.reason for f in found.fields()] == ["the whole axis"] * 2


def test_a_residual_block_with_stride_2_halves_the_map() -> None:
    found = work("{Conv2d: {out_channels: 6, kernel_size: 3, padding: 1, stride: 2}}", 3, 6, 6)
    assert answers(found) == [6, 3, 3]
    assert lines(found.sizes()[0][2])[-3:] == ["5//2 + 1", "2 + 1", "3"]
