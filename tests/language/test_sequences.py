"""Lists, mappings, names, arguments and inferred sizes: each spec beside the module that it stands for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .twin import Hand, chain, checked, numbered, twin


def test_a_list_numbers_its_children_and_a_mapping_names_them() -> None:
    twin(
        """
        input: [3, 8, 8]
        layers:
          features:
            - Conv2d: {out_channels: 4, kernel_size: 3}
            - ReLU
            - - Conv2d: {out_channels: 5, kernel_size: 1}
              - {inner: {Conv2d: {out_channels: 6, kernel_size: 1}}, act: ReLU}
          flatten: Flatten
          head:
            fc: {Linear: 7}
            deep:
              last: {Linear: 2}
        """,
        chain(
            features=numbered(
                nn.Conv2d(3, 4, 3),
                nn.ReLU(),
                numbered(nn.Conv2d(4, 5, 1), chain(inner=nn.Conv2d(5, 6, 1), act=nn.ReLU())),
            ),
            flatten=nn.Flatten(),
            head=chain(fc=nn.Linear(216, 7), deep=chain(last=nn.Linear(7, 2))),
        ),
        (2, 3, 8, 8),
    )


def test_layers_may_be_a_list() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 3}, ReLU, {Linear: 2}]",
        numbered(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)),
        (5, 4),
    )


def test_a_named_child_of_a_list_takes_no_number() -> None:
    twin(
        """
        input: [4]
        layers:
          - Linear: 5
          - {Linear: 6, name: middle}
          - ReLU
          - Linear: 7
        """,
        chain(**{"0": nn.Linear(4, 5), "middle": nn.Linear(5, 6), "1": nn.ReLU(), "2": nn.Linear(6, 7)}),
        (2, 4),
    )


def test_a_tensor_function_takes_a_number_in_a_list() -> None:
    twin(
        """
        input: [3, 6, 6]
        layers:
          - Conv2d: {out_channels: 4, kernel_size: 3}
          - Mean: {dim: [2, 3]}
          - Linear: 5
        """,
        Hand(
            lambda m, x: getattr(m, "2")(getattr(m, "0")(x).mean((2, 3))),
            **{"0": nn.Conv2d(3, 4, 3), "2": nn.Linear(4, 5)},
        ),
        (2, 3, 6, 6),
    )


def test_a_tensor_function_with_a_name_leaves_the_numbers_alone() -> None:
    twin(
        """
        input: [3, 6, 6]
        layers:
          - Conv2d: {out_channels: 4, kernel_size: 3}
          - {Mean: {dim: [2, 3]}, name: pool}
          - Linear: 5
        """,
        Hand(
            lambda m, x: getattr(m, "1")(getattr(m, "0")(x).mean((2, 3))),
            **{"0": nn.Conv2d(3, 4, 3), "1": nn.Linear(4, 5)},
        ),
        (2, 3, 6, 6),
    )


def test_a_layer_without_arguments_may_have_an_empty_mapping_or_nothing() -> None:
    twin(
        "input: [4]\nlayers: [{ReLU: }, {Linear: {out_features: 3}}, {ReLU: {}}, {Sigmoid: ~}]",
        numbered(nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Sigmoid()),
        (2, 4),
    )


MAIN = [
    ("Linear: 3", (4,), nn.Linear(4, 3)),
    ("AdaptiveAvgPool2d: 2", (3, 7, 7), nn.AdaptiveAvgPool2d(2)),
    ("MaxPool2d: 2", (3, 7, 7), nn.MaxPool2d(2)),
    ("MaxPool2d: [3, 2]", (3, 8, 8), nn.MaxPool2d((3, 2))),
    ("Upsample: 2", (3, 4, 4), nn.Upsample(scale_factor=2)),
    ("Permute: [0, 2, 1]", (3, 4), Hand(lambda m, x: x.permute(0, 2, 1))),
    ("Reshape: [N, -1, 6]", (4, 3), Hand(lambda m, x: x.reshape(len(x), -1, 6))),
    ("Transpose: {dim0: 1, dim1: 2}", (3, 4), Hand(lambda m, x: x.transpose(1, 2))),
    ("Slice: {dim: 1, start: 1, end: 6, step: 2}", (7, 4), Hand(lambda m, x: x[:, 1:6:2])),
    ("Expand: {size: [N, 3, 5]}", (1, 5), Hand(lambda m, x: x.expand(-1, 3, 5))),
    ("Interpolate: 2", (3, 4, 4), Hand(lambda m, x: nn.functional.interpolate(x, scale_factor=2))),
    ("Dropout: 0.3", (4,), nn.Dropout(0.3)),
    ("LeakyReLU: 0.2", (4,), nn.LeakyReLU(0.2)),
]


@pytest.mark.parametrize(("layer", "shape", "module"), MAIN, ids=[m[0] for m in MAIN])
def test_a_bare_value_is_the_main_argument_and_a_bare_list_a_tuple(
    layer: str, shape: tuple[int, ...], module: nn.Module
) -> None:
    twin(f"input: {list(shape)}\nlayers:\n  - {layer}\n", numbered(module), (2, *shape))


def test_arguments_have_the_defaults_of_torch() -> None:
    twin(
        """
        input: [6, 9, 9]
        layers:
          - Conv2d: {out_channels: 4, kernel_size: [3, 1], stride: 1, padding: same}
          - Conv2d: {out_channels: 4, kernel_size: 3, dilation: 2, groups: 2, bias: false}
        """,
        numbered(nn.Conv2d(6, 4, (3, 1), padding="same"), nn.Conv2d(4, 4, 3, dilation=2, groups=2, bias=False)),
        (2, 6, 9, 9),
    )


def test_sizes_read_off_the_input_may_be_stated() -> None:
    twin(
        """
        input: [3, 6, 6]
        layers:
          - Conv2d: {in_channels: 3, out_channels: 4, kernel_size: 3}
          - BatchNorm2d: {num_features: 4}
          - Flatten
          - LayerNorm: {normalized_shape: 64}
          - Linear: {in_features: 64, out_features: 2}
        """,
        numbered(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 2)),
        (2, 3, 6, 6),
    )


INFERRED = [
    ("BatchNorm1d", (5,), nn.BatchNorm1d(5)),
    ("BatchNorm2d", (5, 3, 3), nn.BatchNorm2d(5)),
    ("LayerNorm", (4, 5), nn.LayerNorm(5)),
    ("GroupNorm: 2", (6, 3), nn.GroupNorm(2, 6)),
    ("InstanceNorm2d: {affine: true}", (5, 3, 3), nn.InstanceNorm2d(5, affine=True)),
    ("ConvTranspose2d: {out_channels: 3, kernel_size: 2}", (5, 3, 3), nn.ConvTranspose2d(5, 3, 2)),
    ("Conv1d: {out_channels: 3, kernel_size: 2}", (5, 7), nn.Conv1d(5, 3, 2)),
]


@pytest.mark.parametrize(("layer", "shape", "module"), INFERRED, ids=[m[0] for m in INFERRED])
def test_sizes_that_a_layer_reads_off_its_input_are_inferred(
    layer: str, shape: tuple[int, ...], module: nn.Module
) -> None:
    twin(f"input: {list(shape)}\nlayers:\n  - {layer}\n", numbered(module), (2, *shape))


def test_other_names_than_identifiers_of_python_style_will_do() -> None:
    twin(
        "input: [4]\nlayers: {Mixed_5b: {Linear: 3}, _x1: ReLU}", chain(Mixed_5b=nn.Linear(4, 3), _x1=nn.ReLU()), (2, 4)
    )


def test_expressions_stand_where_numbers_are_due() -> None:
    twin(
        """
        params: {c: 8, dims: [3, 5], wide: true, ratio: 0.5, k: c // 4 + 1, widths: [c, c * 2]}
        input: ["dims[0]", 12, "4 + 4 * 2"]
        layers:
          - Conv2d: {out_channels: "max(1, c // 4)", kernel_size: k, stride: "2 if wide else 1", padding: k // 2}
          - Conv2d: {out_channels: "widths[1]", kernel_size: "[1, dims[1] % 3]", bias: not wide}
          - Conv2d: {out_channels: "make_divisible(37 * ratio)", kernel_size: 1, bias: "c in [7, 9] or false"}
          - Conv2d: {out_channels: "len(dims) ** 3", kernel_size: "min(dims) - 2", groups: "int(sqrt(16.0)) // 2"}
          - Flatten
          - Dropout: ratio / 2
          - Linear: "sum(dims) + round(2.6) + ceil(0.2) + floor(1.9) + abs(-1) + len(range(3))"
        """,
        numbered(
            nn.Conv2d(3, 2, 3, stride=2, padding=1),
            nn.Conv2d(2, 16, (1, 2), bias=False),
            nn.Conv2d(16, 24, 1, bias=False),
            nn.Conv2d(24, 8, 1, groups=2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(8 * 6 * 5, 8 + 3 + 1 + 1 + 1 + 3),
        ),
        (2, 3, 12, 12),
    )


@pytest.mark.parametrize(
    ("v", "divisor", "due"),
    [(12, 8, 16), (11, 8, 16), (10, 8, 16), (35, 8, 32), (3, 8, 8), (24 * 0.35, 8, 8), (19, 16, 32)],
)
def test_make_divisible_is_that_of_torchvision(v: float, divisor: int, due: int) -> None:
    """torchvision.models._utils._make_divisible, written out: never more than 10 % below v."""
    new = max(divisor, int(v + divisor / 2) // divisor * divisor)
    assert (new + divisor if new < 0.9 * v else new) == due
    report = checked(f"input: [4]\nlayers: [{{Linear: 'make_divisible({v}, {divisor})'}}]")
    assert report.layer("0").output_shapes[0][1] == due


def test_words_of_torch_win_over_names_in_scope() -> None:
    twin(
        "params: {m: 3}\ninput: [3, 5, 5]\n"
        "layers: [{Conv2d: {out_channels: 2, kernel_size: m, padding: same, padding_mode: reflect}}]",
        numbered(nn.Conv2d(3, 2, 3, padding="same", padding_mode="reflect")),
        (2, 3, 5, 5),
    )


def test_the_arguments_of_embedding_make_a_table() -> None:
    twin(
        """
        params: {vocab: 11}
        input: {tokens: {shape: [T], dtype: int64, below: vocab}}
        layers: [{Embedding: {num_embeddings: vocab, embedding_dim: 4}}, {Linear: 2}]
        """,
        numbered(nn.Embedding(11, 4), nn.Linear(4, 2)),
        torch.randint(0, 11, (3, 7)),
    )


def test_an_equation_is_free_text() -> None:
    twin(
        """
        params: {b: 3}
        input: {x: [4, 5], y: [5, 6]}
        layers: [{Einsum: "bij,bjk->bik", from: [x, y]}]
        """,
        Hand(lambda m, x, y: torch.einsum("bij,bjk->bik", x, y)),
        (2, 4, 5),
        (2, 5, 6),
    )
