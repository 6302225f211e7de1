"""Operators of ONNX in files made by hand: what the emitted module gives is what onnx's reference gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import numpy as np
import torch
from onnx.helper import make_node

from shapecalc.onnxside.spec import import_file

from .judge import judged, model_of, same_as, saved

if TYPE_CHECKING:
    from pathlib import Path

rng = np.random.default_rng(0)


def r(*shape: int) -> Any:
    return rng.standard_normal(shape).astype(np.float32)


def i(*numbers: int) -> Any:
    return np.array(numbers, dtype=np.int64)


IMAGE = (None, 4, 9, 11)
Case = tuple[str, tuple[Any, ...], dict[str, Any], list[Any], int]


def case(op: str, shape: Any = IMAGE, *more: Any, version: int = 21, **attributes: Any) -> Case:
    return op, shape, attributes, list(more), version


CASES: dict[str, Case] = {
    "conv": case("Conv", IMAGE, r(6, 4, 3, 3), r(6), pads=[1, 1, 1, 1], strides=[2, 1]),
    "conv, groups": case("Conv", IMAGE, r(8, 2, 3, 2), group=2, dilations=[2, 1]),
    "conv, uneven": case("Conv", IMAGE, r(6, 4, 3, 3), r(6), pads=[0, 1, 2, 0]),
    "conv, same upper": case("Conv", IMAGE, r(6, 4, 4, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv, same lower": case("Conv", IMAGE, r(6, 4, 4, 3), auto_pad="SAME_LOWER", strides=[2, 3]),
    "conv, valid": case("Conv", IMAGE, r(6, 4, 4, 3), auto_pad="VALID"),
    "conv 1d": case("Conv", (None, 4, 9), r(6, 4, 3), r(6), pads=[1, 1]),
    "conv 3d": case("Conv", (None, 2, 5, 6, 7), r(3, 2, 3, 2, 1), r(3)),
    "transposed": case("ConvTranspose", IMAGE, r(4, 6, 3, 3), r(6), strides=[2, 2], pads=[1, 1, 1, 1]),
    "transposed, more": case("ConvTranspose", IMAGE, r(4, 3, 3, 3), strides=[2, 2], output_padding=[1, 1]),
    "transposed, uneven": case("ConvTranspose", IMAGE, r(4, 3, 3, 3), r(3), strides=[2, 2], pads=[0, 1, 2, 0]),
    "transposed 1d": case("ConvTranspose", (None, 4, 9), r(4, 3, 3), strides=[3]),
    "gemm": case("Gemm", (None, 6), r(6, 5), r(5)),
    "gemm, turned": case("Gemm", (None, 6), r(5, 6), r(5), transB=1),
    "gemm, factors": case("Gemm", (None, 6), r(5, 6), r(1, 5), transB=1, alpha=0.5, beta=2.0),
    "gemm, one bias": case("Gemm", (None, 6), r(6, 5), r(1)),
    "matmul": case("MatMul", (None, 7, 6), r(6, 5)),
    "batch norm": case("BatchNormalization", IMAGE, r(4), r(4), r(4), abs(r(4)) + 0.5, epsilon=1e-3, momentum=0.8),
    "batch norm 1d": case("BatchNormalization", (None, 4), r(4), r(4), r(4), abs(r(4)) + 0.5),
    "layer norm": case("LayerNormalization", (None, 7, 6), r(6), r(6)),
    "layer norm, axes": case("LayerNormalization", (None, 7, 6), r(7, 6), axis=1, epsilon=1e-3),
    "group norm": case("GroupNormalization", IMAGE, r(4), r(4), num_groups=2),
    "group norm, old": case("GroupNormalization", IMAGE, r(2), r(2), num_groups=2, version=18),
    "instance norm": case("InstanceNormalization", IMAGE, r(4), r(4)),
    "lp norm": case("LpNormalization", IMAGE, axis=1, p=2),
    **{
        op: case(op)
        for op in (
            "Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Elu", "Selu", "Celu", "Gelu", "Tanh", "Mish",
            "Softplus", "Softsign", "ThresholdedRelu", "Exp", "Abs", "Neg", "Sin", "Cos", "Erf", "Floor", "Ceil",
            "Round", "Sign", "Reciprocal", "Identity", "Softmax", "LogSoftmax", "GlobalAveragePool", "GlobalMaxPool",
            "Shrink", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSum", "ReduceLogSumExp",
            "ReduceSumSquare", "Flatten", "Dropout",
        )
    },
    "tanh gelu": case("Gelu", approximate="tanh"),
    "steep": case("LeakyRelu", alpha=0.3),
    "hard sigmoid of torch": case("HardSigmoid", alpha=1 / 6),
    "shrink, soft": case("Shrink", lambd=0.4, bias=0.4),
    "prelu": case("PRelu", IMAGE, r(4, 1, 1)),
    "prelu, one": case("PRelu", IMAGE, r(1)),
    "clip": case("Clip", IMAGE, np.float32(0), np.float32(6)),
    "clip, other": case("Clip", IMAGE, np.float32(-0.3), np.float32(0.7)),
    "clip, below": case("Clip", IMAGE, np.float32(0.1)),
    "clip, old": case("Clip", IMAGE, min=0.0, max=6.0, version=6),
    "softmax, axis": case("Softmax", axis=1),
    "max pool": case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max pool, stride 1": case("MaxPool", kernel_shape=[3, 2]),
    "max pool, up": case("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "max pool, uneven": case("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
    "max pool, dilated": case("MaxPool", kernel_shape=[3, 3], dilations=[2, 2]),
    "max pool 1d": case("MaxPool", (None, 4, 9), kernel_shape=[3], strides=[3]),
    "average pool": case("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "average pool, counted": case("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "average pool, uneven": case("AveragePool", kernel_shape=[3, 3], pads=[0, 0, 1, 1], count_include_pad=1),
    "average pool 3d": case("AveragePool", (None, 2, 5, 6, 7), kernel_shape=[2, 3, 2], strides=[2, 3, 2]),
    "lp pool": case("LpPool", kernel_shape=[3, 3], strides=[3, 3], p=2),
    "lp pool, odd": case("LpPool", kernel_shape=[2, 2], p=3),
    "flatten all": case("Flatten", (None, 4, 5), axis=2),
    "reshape": case("Reshape", (None, 4, 6), i(0, 2, -1)),
    "reshape, flat": case("Reshape", (None, 4, 6), i(-1, 24)),
    "squeeze": case("Squeeze", (None, 1, 6, 1), i(1, 3)),
    "squeeze, old": case("Squeeze", (None, 1, 6), axes=[1], version=11),
    "unsqueeze": case("Unsqueeze", (None, 6), i(1, 3)),
    "transpose": case("Transpose", (None, 4, 6), perm=[0, 2, 1]),
    "permute": case("Transpose", IMAGE, perm=[0, 2, 3, 1]),
    "expand": case("Expand", (None, 1, 6), i(1, 4, 1)),
    "tile": case("Tile", (None, 4, 6), i(1, 2, 3)),
    "pad": case("Pad", IMAGE, i(0, 0, 1, 2, 0, 0, 3, 0)),
    "pad, number": case("Pad", IMAGE, i(0, 1, 1, 2, 0, 0, 3, 0), np.float32(0.5)),
    "pad, reflect": case("Pad", IMAGE, i(0, 0, 1, 2, 0, 0, 3, 0), mode="reflect"),
    "pad, edge": case("Pad", IMAGE, i(0, 0, 1, 2, 0, 0, 3, 0), mode="edge"),
    "slice": case("Slice", IMAGE, i(1, -5), i(3, 2**62), i(1, 3)),
    "slice, steps": case("Slice", IMAGE, i(1, 0), i(9, 11), i(2, 3), i(2, 3)),
    "slice, back": case("Slice", (None, 5), i(-1), i(-(2**62)), i(1), i(-1)),
    "gather, one": case("Gather", IMAGE, np.array(2, dtype=np.int64), axis=1),
    "gather, last": case("Gather", IMAGE, np.array(-1, dtype=np.int64), axis=3),
    "gather, some": case("Gather", IMAGE, i(0, 3, 1), axis=1),
    "reduce mean, axis": case("ReduceMean", IMAGE, i(-1), keepdims=0),
    "reduce mean, map": case("ReduceMean", IMAGE, i(2, 3), keepdims=0),
    "reduce sum, axes": case("ReduceSum", IMAGE, i(1, 3)),
    "reduce max, axes": case("ReduceMax", IMAGE, i(1, 3), keepdims=0),
    "reduce l2, axis": case("ReduceL2", IMAGE, i(1)),
    "reduce prod": case("ReduceProd", IMAGE, i(2)),
    "arg max": case("ArgMax", axis=1, keepdims=0),
    "running sum": case("CumSum", IMAGE, i(1)[0]),
    "upper": case("Trilu", (None, 5, 5), i(1)[0]),
    "lower": case("Trilu", (None, 5, 5), upper=0),
    "to space": case("DepthToSpace", (None, 8, 3, 5), blocksize=2),
    "to space, crd": case("DepthToSpace", (None, 8, 3, 5), blocksize=2, mode="CRD"),
    "to depth": case("SpaceToDepth", (None, 3, 4, 6), blocksize=2),
    "einsum": case("Einsum", (None, 4, 6), r(6, 5), equation="bij,jk->bik"),
    "add": case("Add", IMAGE, r(4, 1, 1)),
    "add, number": case("Add", IMAGE, np.float32(2.5)),
    "sub": case("Sub", IMAGE, r(1, 4, 9, 11)),
    "mul": case("Mul", IMAGE, r(11)),
    "div": case("Div", IMAGE, np.float32(3)),
    "pow": case("Pow", IMAGE, np.float32(2)),
    "max": case("Max", IMAGE, r(11), r(9, 1)),
    "min": case("Min", IMAGE, r(11)),
    "sum": case("Sum", IMAGE, r(1, 4, 9, 11), r(1, 4, 9, 11)),
    "mean": case("Mean", IMAGE, r(1, 4, 9, 11)),
    "greater": case("Greater", IMAGE, np.float32(0)),
    "cast": case("Cast", to=7),
    "resize, nearest": case("Resize", IMAGE, np.float32([]), np.float32([1, 1, 2, 3]), mode="nearest",
                            coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "resize, bilinear": case("Resize", IMAGE, np.float32([]), np.float32([1, 1, 2, 2]), mode="linear"),
    "resize, corners": case("Resize", IMAGE, np.float32([]), np.float32([1, 1, 2, 2]), mode="linear",
                            coordinate_transformation_mode="align_corners"),
    "resize, cubic": case("Resize", IMAGE, np.float32([]), np.float32([1, 1, 2, 2]), mode="cubic"),
    "upsample": case("Upsample", IMAGE, np.float32([1, 1, 2, 2]), version=9),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_gives_what_the_reference_gives(tmp_path: Path, name: str) -> None:
    op, shape, attributes, more, version = CASES[name]
    names = [f"c{n}" if getattr(m, "size", 1) else "" for n, m in enumerate(more)]
    node = make_node(op, ["x", *names], ["y"], **attributes)
    dtype = "float32"
    tensors = {n: m for n, m in zip(names, more, strict=True) if n}
    found = judged(model_of([node], {"x": (dtype, shape)}, tensors, version=version), tmp_path, near=2e-5)
    assert "open" not in found.text, found.text


def test_what_has_no_operator_becomes_an_open_block_that_is_told(tmp_path: Path) -> None:
    model = model_of([make_node("Hardmax", ["x"], ["y"])], {"x": ("float32", IMAGE)})
    found = import_file(saved(model, tmp_path))
    assert any("Hardmax is open: no operator stands for `Hardmax`" in note for note in found.notes)
    assert "shape: [4, 9, 11]" in found.text


def test_a_response_is_divided_by_those_of_the_channels_around(tmp_path: Path) -> None:
    """By the formula of ONNX's own text, as its reference takes the batch for the channels."""
    model = model_of([make_node("LRN", ["x"], ["y"], size=3, alpha=0.1, bias=2.0)], {"x": ("float32", IMAGE)})
    x = r(2, 4, 9, 11)
    sums = np.stack([(x[:, max(0, c - 1) : c + 2] ** 2).sum(1) for c in range(4)], 1)
    wanted = x / (2.0 + 0.1 / 3 * sums) ** 0.75
    same_as(import_file(saved(model, tmp_path)), [wanted], [torch.from_numpy(x)])


ROWS = (None, 6)


def test_tensors_of_a_table_are_an_embedding(tmp_path: Path) -> None:
    model = model_of([make_node("Gather", ["table", "x"], ["y"])], {"x": ("int64", ROWS)}, {"table": r(5, 3)})
    assert "Embedding" in judged(model, tmp_path).text


def test_parts_are_chunks_or_a_split_and_meet_again(tmp_path: Path) -> None:
    nodes = [
        make_node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2),
        make_node("Split", ["b", "sizes"], ["c", "d"], axis=1),
        make_node("Concat", ["d", "a", "c"], ["y"], axis=1),
    ]
    text = judged(model_of(nodes, {"x": ("float32", ROWS)}, {"sizes": i(1, 2)}), tmp_path).text
    assert "Chunk" in text
    assert "Split" in text


def test_a_choice_and_comparisons(tmp_path: Path) -> None:
    nodes = [
        make_node("Equal", ["k", "one"], ["e"]),
        make_node("Not", ["e"], ["n"]),
        make_node("Or", ["e", "n"], ["o"]),
        make_node("And", ["o", "e"], ["a"]),
        make_node("Where", ["a", "x", "z"], ["y"]),
    ]
    inputs = {"x": ("float32", ROWS), "z": ("float32", ROWS), "k": ("int64", ROWS)}
    judged(model_of(nodes, inputs, {"one": i(1)}), tmp_path)


def test_top_numbers_and_places(tmp_path: Path) -> None:
    model = model_of([make_node("TopK", ["x", "k"], ["y", "i"])], {"x": ("float32", ROWS)}, {"k": i(2)}, ["y", "i"])
    judged(model, tmp_path)


def test_arithmetic_on_shapes_is_worked_out(tmp_path: Path) -> None:
    """`x.view(x.shape[0], x.shape[1] // 2, -1)` as the old exporter writes it, and zeros of a size of the input's."""
    nodes = [
        make_node("Shape", ["x"], ["s"]),
        make_node("Gather", ["s", "zero"], ["n"]),
        make_node("Gather", ["s", "one"], ["c"]),
        make_node("Div", ["c", "two"], ["h"]),
        make_node("Concat", ["n", "h", "rest"], ["t"], axis=0),
        make_node("Reshape", ["x", "t"], ["p"]),
        make_node("Shape", ["p"], ["ps"]),
        make_node("ConstantOfShape", ["ps"], ["zeros"]),
        make_node("Add", ["p", "zeros"], ["y"]),
    ]
    tensors = {"zero": i(0), "one": i(1), "two": i(2), "rest": i(-1)}
    text = judged(model_of(nodes, {"x": ("float32", (None, 4, 6))}, tensors), tmp_path).text
    assert "Reshape: [N, 2, 12]" in text


@pytest.mark.parametrize(
    "nodes",
    [
        [("Div", "x", "root", "d"), ("Erf", "d", "e"), ("Add", "e", "one", "a"), ("Mul", "x", "a", "m"),
         ("Mul", "m", "half", "y")],
        [("Mul", "x", "half", "h"), ("Div", "x", "root", "d"), ("Erf", "d", "e"), ("Add", "one", "e", "a"),
         ("Mul", "h", "a", "y")],
        [("Div", "x", "root", "d"), ("Erf", "d", "e"), ("Add", "e", "one", "a"), ("Mul", "a", "half", "m"),
         ("Mul", "x", "m", "y")],
    ],
)  # fmt: skip
def test_a_gelu_in_parts_is_one(tmp_path: Path, nodes: list[tuple[str, ...]]) -> None:
    made = [make_node(op, list(names[:-1]), [names[-1]]) for op, *names in nodes]
    tensors = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
    text = judged(model_of(made, {"x": ("float32", ROWS)}, tensors, version=13), tmp_path).text
    assert "- GELU" in text or "gelu: GELU" in text


def test_gates_in_parts_are_one(tmp_path: Path) -> None:
    nodes = [
        make_node("Sigmoid", ["x"], ["s"]),
        make_node("Mul", ["x", "s"], ["a"]),
        make_node("HardSigmoid", ["a"], ["h"], alpha=1 / 6),
        make_node("Mul", ["h", "a"], ["y"]),
    ]
    text = judged(model_of(nodes, {"x": ("float32", ROWS)}), tmp_path).text
    assert "SiLU" in text
    assert "Hardswish" in text


def test_a_product_and_a_bias_are_a_linear(tmp_path: Path) -> None:
    nodes = [make_node("MatMul", ["x", "w"], ["m"]), make_node("Add", ["b", "m"], ["y"])]
    found = judged(model_of(nodes, {"x": ("float32", (None, 3, 6))}, {"w": r(6, 5), "b": r(5)}), tmp_path)
    assert "linear: {Linear: 5}" in found.text
    assert "#   linear.weight: w, transposed" in found.text


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_gates_are_put_in_torch_s_order(tmp_path: Path, op: str, gates: int) -> None:
    """Of one direction, as the reference knows no other; exported files judge both."""
    tensors = {"w": r(1, gates * 5, 3), "r": r(1, gates * 5, 5), "b": r(1, 2 * gates * 5)}
    attributes = {"hidden_size": 5} | ({"linear_before_reset": 1} if op == "GRU" else {})
    nodes = [
        make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        make_node(op, ["t", "w", "r", "b"], ["y", "h"], **attributes),
    ]
    judged(model_of(nodes, {"x": ("float32", (None, 7, 3))}, tensors, ["y", "h"]), tmp_path)


def test_both_factors_of_a_product_may_be_tensors(tmp_path: Path) -> None:
    inputs = {"x": ("float32", (None, 4, 6)), "z": ("float32", (None, 6, 5))}
    judged(model_of([make_node("MatMul", ["x", "z"], ["y"])], inputs), tmp_path)
