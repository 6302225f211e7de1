"""Rules on fields: gradients in torch say what is read, where it lies, and brute force which sizes work."""

from __future__ import annotations

import re
from itertools import product
from textwrap import dedent
from typing import Any

import pytest
import torch

from shapecalc.pipeline import check_text

from .findings import found, module, places, spec


def read_pixels(text: str, size: int, output: int | None = None) -> torch.Tensor:
    """Which rows and columns of a square input the middle position of the output (or of one of several) reads."""
    net = module(text)
    for p in net.parameters():
        torch.nn.init.constant_(p, 1.0)
    x = torch.rand(1, 3, size, size, requires_grad=True)
    y = net(x) if output is None else net(x)[output]
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
    assert x.grad is not None
    return x.grad[0, 0] != 0


def row_of(dilations: tuple[int, ...], kernel: int = 3) -> str:
    layers = [
        f"- Conv2d: {{out_channels: 2, kernel_size: {kernel}, dilation: {d}, padding: {d * (kernel - 1) // 2}}}\n- ReLU"
        for d in dilations
    ]
    return "\n".join(layers)


@pytest.mark.parametrize("dilations", [*product([1, 2, 3, 4], repeat=2), (2, 4, 8), (1, 2, 5), (1, 4, 8), (2, 2, 1)])
def test_gridding_is_told_where_torch_leaves_holes_with_the_lines_that_it_reads(dilations: tuple[int, ...]) -> None:
    text = spec(row_of(dilations), "[3, 64, 64]")
    read = read_pixels(text, 64)
    lines = read.any(1).nonzero().flatten()
    span = int(lines.max() - lines.min() + 1)
    told = found(text, "SC313")
    several = sum(d > 1 for d in dilations) > 1
    assert bool(told) == (several and len(lines) < span)
    if told:
        assert f"reads {len(lines)} of the {span} rows and {len(lines)} of the {span} columns" in told[0].message


def test_holes_along_one_axis_are_counted_in_its_lines() -> None:
    layers = "\n".join(
        f"- Conv2d: {{out_channels: 2, kernel_size: [1, 3], dilation: {d}, padding: [0, {d}]}}" for d in (2, 4)
    )
    text = spec(layers, "[3, 64, 64]")
    (d,) = found(text, "SC313")
    assert "reads 7 of the 13 columns" in d.message
    assert int(read_pixels(text, 64).sum()) == 7


NO_GRIDDING = [
    row_of((2,)),  # a single one is meant
    row_of((1, 1, 2, 4, 8, 16, 1)),  # the context module of Yu and Koltun
    # A network with a stem that dilates its last stages, as segmentation does.
    "- Conv2d: {out_channels: 4, kernel_size: 7, stride: 2, padding: 3}\n- MaxPool2d: 2\n" + row_of((1, 1, 2, 2, 4, 4)),
    # Branches beside each other.
    """
    - Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
    - Cat:
        branches:
          a: {Conv2d: {out_channels: 2, kernel_size: 3, padding: 6, dilation: 6}}
          b: {Conv2d: {out_channels: 2, kernel_size: 3, padding: 12, dilation: 12}}
    """,
    # The way around reads the holes.
    """
    - Residual:
        body:
          - Conv2d: {out_channels: 3, kernel_size: 3, padding: 2, dilation: 2}
          - ReLU
          - Conv2d: {out_channels: 3, kernel_size: 3, padding: 2, dilation: 2}
    - ReLU
    - Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}
    """,
]


@pytest.mark.parametrize("layers", NO_GRIDDING)
def test_rows_of_dilations_without_holes_are_let_pass(layers: str) -> None:
    assert not found(spec(layers, "[3, 64, 64]"), "SC313")


PYRAMID = """
- Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
- Conv2d: {out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}
- ReLU
- Cat:
    branches:
      one: {Conv2d: {out_channels: 2, kernel_size: 1}}
      for d in [6, 12, 18]:
        "by{d}": {Conv2d: {out_channels: 2, kernel_size: 3, padding: d, dilation: d}}
      all: [{AdaptiveAvgPool2d: 1}, {Conv2d: {out_channels: 2, kernel_size: 1}}, {Interpolate: {size: [64, 64]}}]
- Conv2d: {out_channels: 2, kernel_size: 1}
"""


def test_branches_beside_each_other_are_judged_together_with_one_that_sees_all() -> None:
    assert not found(spec(PYRAMID, "[3, 64, 64]"), "SC313")
    without = re.sub(" +all: .*\n", "", PYRAMID)
    assert not found(spec(without, "[3, 64, 64]"), "SC313")
    apart = PYRAMID.replace("[6, 12, 18]", "[12]")
    (d,) = found(spec(apart, "[3, 64, 64]"), "SC313")
    span = read_pixels(spec(re.sub(" +all: .*\n", "", apart), "[3, 64, 64]"), 64).any(1)
    assert f"reads {int(span.sum())} of the " in d.message


def test_holes_that_a_residual_does_not_close_are_told() -> None:
    layers = NO_GRIDDING[-1].replace("kernel_size: 3, padding: 1", "kernel_size: 1")
    text = spec(layers, "[3, 64, 64]")
    (d,) = found(text, "SC313")
    assert f"reads {int(read_pixels(text, 64).any(1).sum())} of the 9 rows" in d.message


HOLES = [
    # Strides before count in: the grid is that of the input.
    "- Conv2d: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1}\n- ReLU\n" + row_of((2, 2)),
    # A branch beside closes some of the holes.
    """
    - Add:
        branches:
          a:
            - Conv2d: {out_channels: 3, kernel_size: 3, padding: 2, dilation: 2}
            - ReLU
            - Conv2d: {out_channels: 3, kernel_size: 3, padding: 2, dilation: 2}
          b: {Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}}
    """,
]


@pytest.mark.parametrize("layers", HOLES)
def test_holes_are_counted_through_strides_and_merges(layers: str) -> None:
    text = spec(layers, "[3, 64, 64]")
    (d,) = found(text, "SC313")
    assert f"reads {int(read_pixels(text, 64).any(1).sum())} of the " in d.message


def test_causal_convolutions_with_doubling_dilations_are_let_pass() -> None:
    layers = """
    - for i in range(5):
        - Residual:
            body:
              - Pad: [2 ** i, 0]
              - Conv1d: {out_channels: 4, kernel_size: 2, dilation: 2 ** i}
              - ReLU
    """
    text = spec(layers, "[4, 100]")
    assert not found(text, "SC313")
    assert not found(text, "SC316")


def test_holes_before_a_global_pool_are_told_at_the_last_dilated_layer() -> None:
    layers = row_of((2, 2)) + "\n- AdaptiveAvgPool2d: 1\n- Flatten\n- Linear: 10"
    assert [line for line, _ in places(spec(layers, "[3, 64, H]"), "SC313")] == [7]


def test_a_field_smaller_than_the_input_is_the_span_of_gradients_in_torch() -> None:
    body = "- Conv2d: {out_channels: 4, kernel_size: 5, stride: 2, padding: 2}\n- MaxPool2d: {kernel_size: 3}\n"
    text = spec(body + "- AdaptiveAvgPool2d: 1\n- Flatten\n- Linear: 10", "[3, 96, 96]")
    (d,) = found(text, "SC315")
    lines = read_pixels(spec(body.replace("MaxPool2d", "AvgPool2d"), "[3, 96, 96]"), 96).any(1).nonzero().flatten()
    span = int(lines.max() - lines.min() + 1)
    assert f"sees {span} x {span} of the 96 x 96 input" in d.message


SEES_ALL = [
    "- Conv2d: {out_channels: 4, kernel_size: 5, stride: 5}\n- Conv2d: {out_channels: 4, kernel_size: 7, padding: 3}",
    # A squeeze-and-excitation gate has let every position know of all others.
    """
    - Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}
    - Mul: {branches: {map: [Identity], gate: [{AdaptiveAvgPool2d: 1}, Sigmoid]}}
    """,
    "- Flatten\n- Linear: 64\n- Unflatten: {dim: 1, unflattened_size: [16, 2, 2]}",
]


@pytest.mark.parametrize("body", SEES_ALL)
def test_pools_of_maps_that_see_all_are_let_pass(body: str) -> None:
    tail = "\n- AdaptiveAvgPool2d: 1\n- Flatten"
    assert not found(spec(dedent(body).strip("\n") + tail), "SC315")


def test_an_average_over_all_of_a_map_is_a_global_pool_and_a_flattened_one_sees_all() -> None:
    body = "- Conv2d: {out_channels: 4, kernel_size: 3, stride: 4}\n"
    assert found(spec(body + "- AvgPool2d: 8\n- Flatten"), "SC315")
    assert not found(spec(body + "- AvgPool2d: 4\n- Flatten\n- Linear: 10"), "SC315")
    assert not found(spec(body + "- AdaptiveAvgPool2d: 1", "[3, H, W]"), "SC315")


@pytest.mark.parametrize("pool", ["Mean: [2, 3]", "Mean: {dim: [-1, -2], keepdim: true}", "AMax: [2, 3]", "Mean"])
def test_a_mean_over_all_of_a_map_is_a_global_pool(pool: str) -> None:
    body = "- Conv2d: {out_channels: 4, kernel_size: 5, stride: 2, padding: 2}\n- ReLU\n"
    (d,) = found(spec(f"{body}- {pool}"), "SC315")
    assert d.message == f"each position that {pool.split(':')[0]} takes sees 5 x 5 of the 32 x 32 input"
    assert not found(spec(f"{body}- Mean: 2"), "SC315")
    assert not found(spec(f"{body}- Mean: 1"), "SC315")


def middle(read: torch.Tensor) -> Any:
    """The centre of what is read, as twice its row and column."""
    rows, columns = read.any(1).nonzero().flatten(), read.any(0).nonzero().flatten()
    return torch.stack([rows.min() + rows.max(), columns.min() + columns.max()])


CROPS = [[1, 3, 2, 2], [2, 2, 2, 2], [0, 4, 2, 2], [3, 1, 4, 0], [2, 2, 1, 3]]


@pytest.mark.parametrize("crop", CROPS)
def test_a_crop_off_centre_is_told_by_as_many_pixels_as_torch_finds(crop: list[int]) -> None:
    layers = f"""
    stem: {{Conv2d: {{out_channels: 4, kernel_size: 3, padding: 1}}}}
    conv: {{Conv2d: {{out_channels: 4, kernel_size: 5}}}}
    crop: {{Pad: {[-c for c in crop]}, from: stem}}
    add: {{Add: [conv, crop]}}
    """
    text = spec(layers)
    pair = text + "output: [conv, crop]\n"
    apart = (middle(read_pixels(pair, 32, 0)) - middle(read_pixels(pair, 32, 1))).abs().max().item() / 2
    told = found(text, "SC316")
    assert bool(told) == (apart >= 1)
    if told:
        assert f" {apart:g} position{'s' * (apart > 1)} apart: {apart:g} pixel" in told[0].message
        assert {pair[start:end] for start, end, _ in told[0].related} == {"Conv2d", "Pad"}


UNET = """
down: {Conv2d: {out_channels: 4, kernel_size: 3}}
pool: {MaxPool2d: 2}
bottom: {Conv2d: {out_channels: 8, kernel_size: 3}}
up: {ConvTranspose2d: {out_channels: 4, kernel_size: 2, stride: 2}}
crop: {Pad: [-LEFT, -RIGHT, -2, -2], from: down}
cat: {Cat: [crop, up]}
"""


@pytest.mark.parametrize(("left", "right", "wrong"), [(2, 2, False), (0, 4, True), (4, 0, True)])
def test_the_crop_of_a_skip_is_judged_behind_an_upsampling_too(left: int, right: int, wrong: bool) -> None:
    text = spec(UNET.replace("LEFT", str(left)).replace("RIGHT", str(right)), "[3, 34, 34]")
    assert bool(found(text, "SC316")) == wrong


GOOD_MERGES = [
    # The shortcut of ResNet-D pools 2 x 2 beside a 3 x 3 convolution.
    """
    - Residual:
        body: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}]
        shortcut: [{AvgPool2d: 2}, {Conv2d: {out_channels: 4, kernel_size: 1}}]
    """,
    # A feature pyramid adds a coarse map, repeated, to a fine one.
    """
    fine: {Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}
    coarse: {Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}
    up: {Upsample: {scale_factor: 2}}
    add: {Add: [fine, up]}
    """,
    # HRNet does so by a factor of 8.
    """
    fine: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}
    down: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}, repeat: 3}]
    up: {Upsample: {scale_factor: 8}}
    add: {Add: [fine, up]}
    """,
    # Inception's reduction.
    """
    - Cat:
        branches:
          a: {Conv2d: {out_channels: 4, kernel_size: 3, stride: 2}}
          b: {MaxPool2d: {kernel_size: 3, stride: 2}}
    """,
]


@pytest.mark.parametrize("layers", GOOD_MERGES)
def test_merges_of_good_networks_are_let_pass(layers: str) -> None:
    assert not found(spec(layers), "SC316")


RESTRICTED = [
    "down: {Conv2d: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}}\n"
    "up: {ConvTranspose2d: {out_channels: 3, kernel_size: 2, stride: 2}}\nadd: {Add: [input, up]}",
    "pools: [{MaxPool2d: 2, repeat: 3}]\nup: {Upsample: {scale_factor: 8}}\nadd: {Add: [input, up]}",
    "conv: {Conv2d: {out_channels: 8, kernel_size: 5, stride: 3}}",
    "flatten: Flatten\nfc: {Linear: {in_features: 960, out_features: 10}}",
]


@pytest.mark.parametrize("layers", RESTRICTED)
def test_sizes_are_told_restricted_where_trying_them_all_finds_gaps(layers: str) -> None:
    text = spec(layers, "[3, H, 32]")
    reports = [check_text(text, params={"H": h}) for h in range(1, 41)]
    works = [h for h, r in enumerate(reports, 1) if not any(d.severity == "error" for d in r.diagnostics)]
    told = found(text, "SC326")
    assert bool(told) == (works != list(range(works[0], 41)))
    for d in told:
        assert text[d.start : d.end] == "H"
        step = int(re.search(r"divisible by (\d+)|$", d.message.replace("even", "divisible by 2"))[1] or 0)  # type: ignore[index]
        assert works == ([h for h in range(1, 41) if h % step == 0] if step else [10])


def test_sizes_that_must_agree_are_told() -> None:
    text = spec("turned: {Permute: [0, 1, 3, 2]}\nadd: {Add: [input, turned]}", "[3, H, W]")
    assert [set(d.message.split()[-4:-1]) for d in found(text, "SC326")] == [{"H", "=", "W"}]
