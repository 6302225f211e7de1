"""Figures that others have published: receptive fields, block shapes and single-layer counts, row by row."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import plain
from tests.slim import CHAIN, NETWORKS

HERE = Path(__file__).parent
Row = dict[str, str]


def rows_of(name: str) -> list[Row]:
    with open(HERE / "truth" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def checked(text: str, **settings: Any) -> Any:
    report = plain.check_text(text, params=settings)
    assert report.ok, [d.message for d in report.diagnostics]
    return report


def last_layer(report: Any, path: str) -> Any:
    """The layer at a path, or the last one inside."""
    return [x for x in report.layers if x.path == path or x.path.startswith(f"{path}.")][-1]


# receptive fields: Google's table

FIELDS = [row for row in rows_of("rf_google.csv") if not row["resolution"]]


@cache
def google_network(name: str) -> Any:
    text, settings = NETWORKS[name]
    return checked(CHAIN + text.lstrip("\n"), **settings)


def test_every_network_of_googles_table_is_written() -> None:
    assert {row["network"] for row in FIELDS} == NETWORKS.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_receptive_fields_are_those_of_googles_table(name: str) -> None:
    """Size and stride, and the padding where it does not depend on the image (no SAME at a stride)."""
    report = google_network(name)
    for row in [row for row in FIELDS if row["network"] == name]:
        path = row["end_point"].removeprefix(f"{name}/").replace("/", ".")
        field = last_layer(report, path).receptive_field
        assert (path, field.size, field.stride) == (path, [int(row["rf"])] * 2, [int(row["effective_stride"])] * 2)
        assert field.aligned
        if row["effective_padding"]:
            assert (path, field.start) == (path, [-int(row["effective_padding"])] * 2)


ALIGNED = """
shapecalc: 1
input: [1, H, W]
layers:
  a: {Conv2d: {out_channels: 1, kernel_size: 1, stride: 4}}
  pad: {ZeroPad2d: [1, 0, 1, 0], from: input}
  b: {Conv2d: {out_channels: 1, kernel_size: 3, stride: 2}}
  c: {Conv2d: {out_channels: 1, kernel_size: 1, stride: 2}}
  add: {Add: [a, c]}
"""
POOLS = ALIGNED.replace("Conv2d", "MaxPool2d").replace("out_channels: 1, ", "")
DROPOUT = ALIGNED.replace("  add:", "  drop: Dropout\n  add:").replace("[a, c]", "[a, drop]")
TWICE = (
    ALIGNED
    + """\
  a2: {Conv2d: {out_channels: 1, kernel_size: 1, stride: 2}}
  pad2: {ZeroPad2d: [1, 0, 1, 0], from: add}
  b2: {Conv2d: {out_channels: 1, kernel_size: 3, stride: 2}}
  add2: {Add: [a2, b2]}
"""
)
OBLONG = """
shapecalc: 1
input: [1, H, W]
layers:
  - Conv2d: {out_channels: 1, kernel_size: [3, 5], stride: 2}
  - Conv2d: {out_channels: 1, kernel_size: [3, 1], stride: 2}
"""
MISALIGNED = """
shapecalc: 1
input: [1, H, W]
layers:
  pad: {ZeroPad2d: [2, 1, 2, 1]}
  a: {Conv2d: {out_channels: 1, kernel_size: 5, stride: 2}}
  b: {Conv2d: {out_channels: 1, kernel_size: 3}, from: input}
  c: {Conv2d: {out_channels: 1, kernel_size: 3}}
  add: {Add: [a, c]}
"""
GRAPHS = {"1": ALIGNED, "2": POOLS, "5": OBLONG, "6": DROPOUT, "8": TWICE}
"""The cases of Google's unit tests that torch's operators can express (SAME at a stride has none)."""


@pytest.mark.parametrize("case", GRAPHS)
def test_small_graphs_see_what_googles_unit_tests_say(case: str) -> None:
    row = next(row for row in rows_of("rf_google_tests.csv") if row["case"] == case)
    field = plain.check_text(GRAPHS[case]).layers[-1].receptive_field
    assert field.size == [int(row["rf_y"]), int(row["rf_x"])]
    assert field.stride == [int(row["stride"])] * 2
    assert field.start == [-int(row["padding"])] * 2
    assert field.aligned


def test_branches_of_different_strides_have_no_fixed_field() -> None:
    """Case 3 of Google's unit tests, an error there."""
    layer = plain.check_text(MISALIGNED).layers[-1]
    assert layer.receptive_field is None or layer.receptive_field.stride == [None, None]


# block shapes: Dive into Deep Learning

TABLES: dict[tuple[str, int], list[str]] = {
    ("lenet", 12): [str(i) for i in range(12)],
    ("alexnet", 21): [str(i) for i in range(21)],
    ("vgg", 13): [str(i) for i in range(13)],
    ("vgg", 6): ["0", "1", "2", "3", "4", "12"],
    ("nin", 10): [str(i) for i in range(10)],
    ("googlenet", 6): [str(i) for i in range(6)],
    ("resnet", 6): ["stem", "stage0", "stage1", "stage2", "stage3", "fc"],
    ("resnet", 8): ["stem", "stage0", "stage1", "stage2", "stage3", "pool", "flatten", "fc"],
    ("resnet", 10): [*(f"stem.{i}" for i in range(4)), "stage0", "stage1", "stage2", "stage3", "pool", "fc"],
    ("densenet", 15): [
        *(f"stem.{i}" for i in range(4)),
        *(f"{kind}{i}" for i in range(3) for kind in ("dense", "transition")),
        "dense3",
        "bn",
        "relu",
        "pool",
        "fc",
    ],
    ("cnn-design", 4): ["0", "1", "2", "3"],
}
SINGLES = {
    ("resnet", "4x3x6x6"): "residual",
    ("resnet", "4x6x3x3"): "halved",
    ("resnet", "4x32x96x96"): "resnext",
    ("densenet", "4x23x8x8"): "dense",
    ("densenet", "4x10x4x4"): "transition",
}
D2L = rows_of("d2l_shapes.csv")


def sizes(text: str) -> list[int]:
    return [int(size) for size in text.split("x")]


def tables() -> dict[tuple[str, str, str], list[Row]]:
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in D2L:
        if row["table"] != "single":
            found.setdefault((row["edition"], row["network"], row["input"]), []).append(row)
    return found


@cache
def d2l_network(network: str, height: int, width: int) -> Any:
    text = (HERE / "d2l" / f"{network}.yaml").read_text(encoding="utf-8")
    return checked(text, H=height, W=width)


@pytest.mark.parametrize(("edition", "network", "given"), tables())
def test_blocks_have_the_shapes_that_the_book_prints(edition: str, network: str, given: str) -> None:
    rows = tables()[edition, network, given]
    batch, _, height, width = sizes(given)
    report = d2l_network(network, height, width)
    paths = TABLES[network, len(rows)]
    for path, row in zip(paths, rows, strict=True):
        wanted = sizes(row["output_shape"])
        assert wanted[0] == batch
        assert (path, list(last_layer(report, path).output_shapes[0][1:])) == (path, wanted[1:])


@pytest.mark.parametrize(
    "row", [r for r in D2L if r["table"] == "single"], ids=lambda r: f"{r['network']}-{r['edition']}"
)
def test_single_blocks_have_the_shapes_that_the_book_prints(row: Row) -> None:
    report = plain.check(str(HERE / "d2l" / "singles.yaml"))
    assert report.ok
    path = SINGLES[row["network"], row["output_shape"]]
    assert list(last_layer(report, path).output_shapes[0][1:]) == sizes(row["output_shape"])[1:]


# counts of single layers: the unit tests of fvcore and of torch

CASES = rows_of("flop_unit_cases.csv")
CONVOLUTIONS = [row for row in CASES if row["op"].startswith("Conv") and row["args"].startswith("in=")]
SHORT = {"k": "kernel_size", "s": "stride", "p": "padding", "out": "out_channels"}


def literal(*shapes: str) -> str:
    """Inputs a, b ... of these shapes, with no batch dimension put in front."""
    return ", ".join(
        f"{name}: {{shape: {sizes(shape)}, batch: false}}" for name, shape in zip("abcd", shapes, strict=False)
    )


def macs_of(layer: str, *shapes: str) -> int:
    text = f"shapecalc: 1\ninput: {{{literal(*shapes)}}}\nlayers:\n  layer: {layer}\n"
    report = checked(text)
    assert report.totals.flops == 2 * report.totals.macs
    return int(report.totals.macs)


@pytest.mark.parametrize("row", CONVOLUTIONS, ids=lambda row: row["test"])
def test_convolutions_count_as_in_fvcores_tests(row: Row) -> None:
    given = dict(pair.split("=") for pair in row["args"].split(","))
    assert sizes(row["inputs"])[1] == int(given.pop("in"))
    if not row["op"].startswith("ConvTranspose"):
        assert given.pop("output_padding") == "0"
    arguments = ", ".join(f"{SHORT.get(key, key)}: {value}" for key, value in given.items())
    assert macs_of(f"{{{row['op']}: {{{arguments}}}}}", row["inputs"]) == int(row["value"])


OTHERS = {
    ("Linear", "5x8"): "{Linear: 4}",
    ("Linear", "5x10"): "{Linear: 20}",
    ("Linear", "5x5x10"): "{Linear: 20}",
    ("einsum nct,ncp->ntp", "1x5x2 , 1x5x12"): "{Einsum: {equation: 'nct,ncp->ntp'}, from: [a, b]}",
    ("einsum ntg,ncg->nct", "1x2x6 , 1x5x6"): "{Einsum: {equation: 'ntg,ncg->nct'}, from: [a, b]}",
    ("einsum nc,nchw->hw", "3x4 , 3x4x2x3"): "{Einsum: {equation: 'nc,nchw->hw'}, from: [a, b]}",
    ("conv2d w 6x3x4x4 pad 1", "2x3x6x6"): "{Conv2d: {out_channels: 6, kernel_size: 4, padding: 1, bias: false}}",
    ("conv1d w 6x3x4 pad 1", "2x3x6"): "{Conv1d: {out_channels: 6, kernel_size: 4, padding: 1, bias: false}}",
}
PRODUCTS = ("matmul", "mm", "bmm", "addmm", "baddbmm")


def product_shapes(inputs: str) -> list[str]:
    """`4x5 @ 5x6` as two shapes; fvcore's bmm is `2x5x2 @ 2x2x12`."""
    return [part.strip() for part in inputs.replace(",", "@").split("@")]


SINGLE = [row for row in CASES if (row["op"], row["inputs"]) in OTHERS or row["op"] in PRODUCTS]


@pytest.mark.parametrize("row", SINGLE, ids=lambda row: f"{row['op']} {row['inputs']}")
def test_single_layers_count_as_in_the_tests_of_fvcore_and_torch(row: Row) -> None:
    layer = OTHERS.get((row["op"], row["inputs"]), "{MatMul: [a, b]}")
    macs = macs_of(layer, *product_shapes(row["inputs"]))
    assert macs * (2 if row["metric"] == "flops" else 1) == int(row["value"])


def test_most_unit_cases_are_used() -> None:
    """The rest count normalisation or resizing, which are no multiply-accumulates, or are held below."""
    assert len(SINGLE) + len(CONVOLUTIONS) >= 26


def value_of(start: str) -> int:
    return next(int(row["value"]) for row in CASES if row["op"].startswith(start))


def test_attention_counts_as_in_torchs_tests() -> None:
    attention = "{ScaledDotProductAttention: , from: [a, b, c]}"
    assert 2 * macs_of(attention, *["4x8x128x64"] * 3) == value_of("scaled_dot_product_attention B4 H8 L128 D64")
    assert 2 * macs_of(attention, "4x8x128x64", *["4x8x256x64"] * 2) == value_of("... Lq128 Lk256")


def test_resnet18_counts_as_in_torchs_test() -> None:
    """Forward and backward are three times the forward count; its first stage is given by itself."""
    report = plain.check(str(HERE.parent / "specs" / "resnet_basic.yaml"))
    assert 3 * report.totals.flops == value_of("resnet18 forward+backward")
    assert sum(x.flops for x in report.layers if x.path.startswith("layer1.")) == 924844032
