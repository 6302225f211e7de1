"""Every shape, count and receptive field of the course that the project grew out of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shapecalc
from tests import plain

SPECS = Path(__file__).parent.parent / "specs"


def spec(name: str, **params: Any) -> Any:
    report = plain.check(str(SPECS / f"{name}.yaml"), params=params)
    assert report.ok, [d.message for d in report.diagnostics]
    return report


def layer(text: str, *sizes: int | str) -> Any:
    """The report of one layer, or a list of them, on an input of these sizes."""
    report = plain.check_text(f"shapecalc: 1\ninput: [{', '.join(map(str, sizes))}]\nlayers: [{text}]\n")
    assert report.ok, [d.message for d in report.diagnostics]
    return report


def output(report: Any) -> tuple[Any, ...]:
    return tuple(report.layers[-1].output_shapes[0][1:])


def conv(out: int, kernel: Any, **more: Any) -> str:
    given = {"out_channels": out, "kernel_size": kernel, **more}
    return f"{{Conv2d: {{{', '.join(f'{k}: {str(v).lower()}' for k, v in given.items())}}}}}"


# networks


@pytest.mark.parametrize(
    ("name", "params", "count"),
    [
        ("alexnet", {}, 61_100_840),
        ("vgg_from_list", {}, 128_806_154),
        ("vgg_from_list", {"ratio": 4}, 43_093_322),
        ("vgg", {"depth": 16}, 138_357_544),
        ("vgg", {"depth": 13}, 133_047_848),
        ("nin", {}, 1_992_166),
        ("googlenet", {}, 6_624_904),
        ("resnet18_course", {}, 11_178_378),
        ("resnet18_course", {"channels": 3, "num_classes": 1000}, 11_692_520),
        ("resnet_basic", {"depth": 18}, 11_689_512),
        ("mnist_cnn", {}, 15_914),
        ("fc_head", {}, 2048 * 512 + 512 + 512 * 5 + 5),
        ("fc_head", {}, 1_051_653),
    ],
)
def test_networks_have_their_true_number_of_parameters(name: str, params: dict[str, Any], count: int) -> None:
    assert spec(name, **params).totals.params == count


@pytest.mark.parametrize(
    ("name", "path", "shape"),
    [
        ("alexnet", "features.0", (64, 55, 55)),
        ("alexnet", "features.2", (64, 27, 27)),
        ("alexnet", "features.3", (192, 27, 27)),
        ("alexnet", "features.5", (192, 13, 13)),
        ("alexnet", "features.6", (384, 13, 13)),
        ("alexnet", "features.8", (256, 13, 13)),
        ("alexnet", "features.12", (256, 6, 6)),
        ("alexnet", "flatten", (9216,)),
        ("nin", "1", (96, 26, 26)),
        ("nin", "3", (256, 12, 12)),
        ("nin", "5", (384, 5, 5)),
        ("nin", "9", (10,)),
        ("mnist_cnn", "conv.0", (8, 28, 28)),
        ("mnist_cnn", "conv.3", (8, 14, 14)),
        ("mnist_cnn", "flatten", (1568,)),
        ("residual", "relu", (3, 6, 6)),
        ("edge_detector", "conv", (1, 6, 7)),
    ],
)
def test_layers_have_the_shapes_of_the_course(name: str, path: str, shape: tuple[int, ...]) -> None:
    assert spec(name).layer(path).output_shapes[0][1:] == shape


def test_a_residual_block_of_stride_2_halves_the_map() -> None:
    assert output(spec("residual", width=6, stride=2)) == (6, 3, 3)


def test_vgg16_has_13_convolutions() -> None:
    assert sum(x.op == "Conv2d" for x in spec("vgg", depth=16).layers) == 13


def test_alexnets_last_linear_layers_are_9216_4096_4096_classes() -> None:
    shapes = [x.weights["weight"] for x in spec("alexnet", num_classes=7).layers if x.op == "Linear"]
    assert shapes == [(4096, 9216), (4096, 4096), (7, 4096)]


@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 0), (2, 3, 1), (3, 2, 2)])
def test_the_classic_pattern_has_as_many_layers_as_it_says(n: int, m: int, k: int) -> None:
    """[[CONV -> ReLU]*n -> POOL]*m -> [FC -> ReLU]*k -> FC."""
    ops = [x.op for x in spec("classic_pattern", n=n, m=m, k=k).layers]
    pattern = (["Conv2d", "ReLU"] * n + ["MaxPool2d"]) * m + ["Flatten"] + ["Linear", "ReLU"] * k + ["Linear"]
    assert ops == pattern


# sizes worked out by hand


@pytest.mark.parametrize(
    ("text", "given", "wanted"),
    [
        (conv(1, 2, bias=False), (1, 3, 3), (1, 2, 2)),
        (conv(1, 2, bias=False), (2, 3, 3), (1, 2, 2)),
        (conv(1, 3, padding=1), (1, 8, 8), (1, 8, 8)),
        (conv(1, [5, 3], padding=[2, 1]), (1, 8, 8), (1, 8, 8)),
        (conv(1, 3, padding=1, stride=2), (1, 8, 8), (1, 4, 4)),
        (conv(1, [3, 5], padding=[0, 1], stride=[3, 4]), (1, 8, 8), (1, 2, 2)),
        (conv(1, 3, padding=2), (1, 8, 8), (1, 10, 10)),
        (conv(64, 11, padding=2, stride=4), (3, 224, 224), (64, 55, 55)),
        ("{Conv1d: {out_channels: 1, kernel_size: 3}}", (1, 16), (1, 14)),
        ("{Conv1d: {out_channels: 1, kernel_size: 3}}", (2, 8), (1, 6)),
        ("{MaxPool2d: 2}", (1, 4, 5), (1, 2, 2)),
        ("{MaxPool2d: {kernel_size: 2, ceil_mode: true}}", (1, 4, 5), (1, 2, 3)),
        ("{MaxPool1d: 2}", (1, 16), (1, 8)),
        ("{MaxPool1d: 2}", (2, 8), (2, 4)),
        ("{AdaptiveAvgPool2d: 7}", (3, 224, 224), (3, 7, 7)),
        ("{AdaptiveAvgPool2d: 1}", (3, 6, 6), (3, 1, 1)),
        ("{MixedPool2d: 2}", (3, 6, 6), (3, 3, 3)),
        ("{StochasticPool2d: 2}", (3, 6, 6), (3, 3, 3)),
        ("{UpsamplingBilinear2d: 2}", (3, 6, 6), (3, 12, 12)),
    ],
)
def test_sizes_are_those_worked_out_by_hand(text: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    assert output(layer(text, *given)) == wanted


def test_adaptive_pooling_of_224_to_7_takes_windows_of_32() -> None:
    field = layer("{AdaptiveAvgPool2d: 7}", 3, 224, 224).layers[0].receptive_field
    assert (field.size, field.stride) == ([32, 32], [32, 32])


def test_two_3x3_convolutions_see_what_one_5x5_sees_with_18_for_25_weights() -> None:
    c = 16
    two = layer(f"{conv(c, 3, padding=1, bias=False)}, {conv(c, 3, padding=1, bias=False)}", c, 32, 32)
    one = layer(conv(c, 5, padding=2, bias=False), c, 32, 32)
    assert two.totals.receptive_field.size == one.totals.receptive_field.size == [5, 5]
    assert (two.totals.params, one.totals.params) == (18 * c**2, 25 * c**2)


def test_a_bottleneck_has_69632_weights_for_589824() -> None:
    report = spec("bottleneck")
    inner = [x.params for x in report.layers if x.path.startswith("bottleneck.")]
    assert (report.layer("plain").params, sum(inner)) == (589_824, 69_632)


def test_a_3x3_kernel_on_three_channels_multiplies_27_pairs_for_one_output() -> None:
    """The number of a kernel's weights is 27 as well, while its receptive field is 3 x 3."""
    report = layer(conv(1, 3, bias=False), 3, 3, 3)
    assert (report.totals.macs, report.totals.params) == (27, 27)
    assert report.totals.receptive_field.size == [3, 3]


def test_a_1x1_convolution_costs_what_a_matrix_product_over_the_channels_costs() -> None:
    by_conv = layer(conv(5, 1), 3, 8, 9)
    by_linear = layer("{Permute: [0, 2, 3, 1]}, {Linear: 5}", 3, 8, 9)
    assert by_conv.totals.macs == by_linear.totals.macs == 3 * 5 * 72
    assert by_conv.totals.params == by_linear.totals.params


def test_a_fully_connected_layer_has_the_weights_and_cost_of_a_convolution_of_the_whole_map() -> None:
    dense = layer("Flatten, {Linear: 10}", 4, 6, 5)
    whole = layer(conv(10, [6, 5]), 4, 6, 5)
    assert (dense.totals.params, dense.totals.macs) == (whole.totals.params, whole.totals.macs) == (1210, 1200)
    assert output(whole) == (10, 1, 1)


def test_groups_divide_the_weights_and_dilation_keeps_them() -> None:
    assert layer(conv(8, 3, groups=4, bias=False), 8, 9, 9).totals.params == 8 * 8 * 9 // 4
    dilated = layer(conv(8, 3, dilation=2, bias=False), 8, 9, 9)
    assert (dilated.totals.params, output(dilated)) == (8 * 8 * 9, (8, 5, 5))


# values worked out by hand


def built(text: str, *sizes: int) -> Any:
    pytest.importorskip("torch")
    return shapecalc.build(layer(text, *sizes)).eval()


def with_kernel(module: Any, values: list[Any]) -> Any:
    import torch

    (kernel,) = module.parameters()
    kernel.data = torch.tensor(values, dtype=torch.float32).reshape(kernel.shape)
    return module


def image(*shape: int, begin: int = 0) -> Any:
    torch = pytest.importorskip("torch")
    count = 1
    for size in shape:
        count *= size
    return torch.arange(begin, begin + count, dtype=torch.float32).reshape(1, *shape)


def test_the_built_convolution_gives_the_correlation_of_the_course() -> None:
    module = with_kernel(built(conv(1, 2, bias=False), 1, 3, 3), [[0, 1], [2, 3]])
    assert module(image(1, 3, 3)).tolist() == [[[[19, 25], [37, 43]]]]


def test_the_built_convolution_sums_over_two_channels() -> None:
    import torch

    module = with_kernel(built(conv(1, 2, bias=False), 2, 3, 3), [[[0, 1], [2, 3]], [[1, 2], [3, 4]]])
    both = torch.cat([image(1, 3, 3), image(1, 3, 3, begin=1)], 1)
    assert module(both).tolist() == [[[[56, 72], [104, 120]]]]


def test_the_built_max_pool_leaves_the_last_column_unread() -> None:
    assert built("{MaxPool2d: 2}", 1, 4, 5)(image(1, 4, 5)).tolist() == [[[[6, 8], [16, 18]]]]


def test_the_built_max_pool_of_a_signal_takes_every_second_value() -> None:
    assert built("{MaxPool1d: 2}", 1, 16)(image(1, 16)).tolist() == [[[float(i) for i in range(1, 16, 2)]]]


def test_the_edge_detector_learns_its_kernel_in_ten_steps() -> None:
    """Plain gradient descent on a 6 x 8 image with four black columns: the kernel nears [1, -1]."""
    import torch

    torch.manual_seed(0)
    module = shapecalc.build(spec("edge_detector"))
    x = torch.ones(1, 1, 6, 8)
    x[..., 2:6] = 0
    wanted = x[..., :-1] - x[..., 1:]
    losses = [descend(module, x, wanted) for _ in range(10)]
    (kernel,) = module.parameters()
    assert losses[-1] < 0.1 * losses[0]
    assert (kernel.detach().reshape(2) - torch.tensor([1.0, -1.0])).abs().max() < 0.3


def descend(module: Any, x: Any, wanted: Any) -> float:
    loss = ((module(x) - wanted) ** 2).sum()
    module.zero_grad()
    loss.backward()
    for parameter in module.parameters():
        parameter.data -= 3e-2 * parameter.grad
    return float(loss.detach())
