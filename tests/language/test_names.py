"""Names and combinations that a module by hand has no trouble with, and emitted code must not either."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shapecalc
from tests import plain

from .twin import Hand, chain, checked, numbered, twin


@pytest.mark.parametrize(
    "name", ["self", "torch", "nn", "F", "N", "input", "x", "print", "super", "Net", "Group", "setattr", "match"]
)
def test_a_child_may_have_any_name_that_torch_takes(name: str) -> None:
    twin(
        f"input: [4]\nlayers: {{{name}: {{Linear: 3}}, "
        f"deep: {{{name}: {{Linear: 2}}, w: {{Parameter: [2]}}, out: {{Add: w}}}}}}",
        _named(name),
        (2, 4),
    )


def _named(name: str) -> nn.Module:
    net, deep = nn.Module(), nn.Module()
    net.add_module(name, nn.Linear(4, 3))
    net.add_module("deep", deep)
    deep.add_module(name, nn.Linear(3, 2))
    deep.w = nn.Parameter(torch.zeros(2))
    net.forward = lambda x: deep.get_submodule(name)(net.get_submodule(name)(x)) + deep.w  # type: ignore[method-assign]
    return net


@pytest.mark.parametrize("name", ["self", "torch", "nn", "F", "x", "N", "image", "tuple", "a_0", "a"])
def test_an_input_may_have_any_name_that_torch_takes(name: str) -> None:
    twin(
        f"input: {{{name}: [4], other: [4]}}\nlayers: {{deep: [{{Softmax: {{dim: 1}}, from: {name}}}, {{Linear: 3}}], "
        f"b: {{Linear: 3, from: other}}, c: {{Reshape: [N, 3, 1]}}}}\noutput: [deep, c]",
        Hand(
            lambda m, x, y: (m.deep(x), m.b(y).reshape(-1, 3, 1)),
            deep=numbered(nn.Softmax(1), nn.Linear(4, 3)), b=nn.Linear(4, 3),
        ),
        (2, 4),
        (2, 4),
    )  # fmt: skip


@pytest.mark.parametrize("symbol", ["H", "F", "T", "Frames", "Net", "Group", "None_"])
def test_a_symbol_may_have_any_capitalised_name(symbol: str) -> None:
    twin(
        f"input: [2, {symbol}]\nlayers: {{deep: {{w: {{Parameter: [2, 1]}}, a: {{Mul: w}}}}, pad: {{Pad: [1, 1]}}, "
        f"b: {{Reshape: [N, 2 * {symbol} + 4]}}}}",
        Hand(
            lambda m, x: nn.functional.pad(x * m.deep.w, (1, 1)).reshape(len(x), -1),
            deep=Hand(None, w=nn.Parameter(torch.zeros(2, 1))),  # type: ignore[arg-type]
        ),
        (3, 2, 5),
    )


CLASSES = """shapecalc: 1
name: {net}
blocks:
  {block}: {{layers: {{w: {{Parameter: [4]}}, a: {{Add: w}}, b: {{Pad: [1, 0]}}}}}}
  Holder: {{layers: {{inner: {block}}}}}
input: [4]
layers: {{outer: Holder, fc: {{Linear: 2}}}}
"""


@pytest.mark.parametrize(
    ("net", "block"),
    [("Group", "Inner"), ("Module", "Inner"), ("Net", "Group"), ("Net", "Net")],
)
def test_the_network_and_its_blocks_may_have_any_class_name(net: str, block: str) -> None:
    report = plain.check_text(CLASSES.format(net=net, block=block))
    assert report.ok
    assert shapecalc.build(report)(torch.zeros(1, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("nets/alexnet.yaml", "Alexnet"),
        ("resnet_basic.yaml", "ResnetBasic"),
        ("2stage.yaml", None),
        ("a-b c.yml", None),
        ("class.yaml", None),
        ("f.yaml", None),
        ("nn.yaml", None),
        ("torch.yaml", None),
        ("N.yaml", None),
        ("group.yaml", "Group"),
    ],
)
def test_the_class_is_named_for_the_file_where_no_name_is_given(path: str, name: str | None) -> None:
    report = plain.check_text("shapecalc: 1\ninput: [4]\nlayers: [{Linear: 2}]\n", path=path)
    assert report.ok
    assert report.name.isidentifier()
    assert name is None or report.name == name
    assert shapecalc.build(report)(torch.zeros(1, 4)).shape == (1, 2)


def test_paths_that_differ_only_in_dots_stay_apart() -> None:
    twin(
        "input: [4]\nlayers: {a: {b: {Linear: 4}}, a_b: {Linear: 4}, c: {Sub: [a.b, a_b]}}",
        Hand(lambda m, x: (lambda y: y - m.a_b(y))(m.a(x)), a=chain(b=nn.Linear(4, 4)), a_b=nn.Linear(4, 4)),
        (2, 4),
    )


def test_an_empty_sequence_is_its_input() -> None:
    twin(
        """
        params: {n: 0}
        input: [4]
        layers:
          a: {Linear: 3}
          b: []
          c: [{'for i in range(n)': [{Linear: 9}]}, {ReLU: , when: n > 0}]
          d: {Linear: 2}
          e: {Add: [d, d]}
        """,
        Hand(lambda m, x: (lambda y: y + y)(m.d(m.a(x))), a=nn.Linear(4, 3), d=nn.Linear(3, 2)),
        (2, 4),
    )


def test_equal_labels_may_stand_in_different_sequences() -> None:
    twin(
        """
        input: [4]
        layers:
          a: [{Linear: 4, as: skip}, ReLU, {Add: skip}]
          b: [{Linear: 4, as: skip}, ReLU, {Sub: skip}]
        """,
        Hand(
            lambda m, x: (lambda y: (lambda z: z.relu() - z)(m.b[0](y.relu() + y)))(m.a[0](x)),
            a=numbered(nn.Linear(4, 4)), b=numbered(nn.Linear(4, 4)),
        ),
        (2, 4),
    )  # fmt: skip


def test_operands_and_mappings_of_from_take_expressions_in_braces() -> None:
    twin(
        """
        params: {i: 1}
        blocks: {B: {inputs: [x, y], layers: [{Sub: [x, y]}]}}
        input: [4]
        layers:
          a1: {Linear: 4}
          a2: {Linear: 4}
          b: {Add: "a{i}"}
          c: {B: , from: {x: "a{i}", y: "a{i + 1}"}}
          d: {Cat: [b, c]}
        """,
        Hand(
            lambda m, x: (lambda a: (lambda b: torch.cat((b + a, a - b), 1))(m.a2(a)))(m.a1(x)),
            a1=nn.Linear(4, 4), a2=nn.Linear(4, 4),
        ),
        (2, 4),
    )  # fmt: skip


def test_n_stands_in_expressions_of_blocks() -> None:
    twin(
        "blocks: {B: {layers: [{Reshape: [N, in_features // 2, 2]}]}}\ninput: [4]\nlayers: [B]",
        Hand(lambda m, x: x.reshape(len(x), 2, 2)),
        (3, 4),
    )


def test_a_param_may_hold_a_word_of_torch() -> None:
    twin(
        "params: {mode_: reflect, way: same}\ninput: [3, 6, 6]\n"
        "layers: [{Conv2d: {out_channels: 2, kernel_size: 3, padding: way, padding_mode: mode_}}]",
        numbered(nn.Conv2d(3, 2, 3, padding="same", padding_mode="reflect")),
        (2, 3, 6, 6),
    )


def test_a_parameter_takes_a_number_in_a_list() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 3}, {Parameter: [3], as: w}, {Add: w}, {Linear: 2}]",
        Hand(
            lambda m, x: getattr(m, "3")(getattr(m, "0")(x) + getattr(m, "1")),
            **{"0": nn.Linear(4, 3), "1": nn.Parameter(torch.zeros(3)), "3": nn.Linear(3, 2)},
        ),
        (2, 4),
    )


def test_a_block_with_a_parameter_and_buffers_is_shared_whole() -> None:
    twin(
        """
        blocks: {B: {layers: {scale: {Parameter: [4]}, norm: BatchNorm1d, out: {Mul: [norm, scale]}}}}
        input: {x: [4], y: [4]}
        layers: {a: {B: , from: x}, b: {B: , from: y, share: a}, c: {Sub: [a, b]}}
        """,
        Hand(
            lambda m, x, y: m.a.norm(x) * m.a.scale - m.a.norm(y) * m.a.scale,
            a=Hand(None, scale=nn.Parameter(torch.zeros(4)), norm=nn.BatchNorm1d(4)),  # type: ignore[arg-type]
        ),
        (2, 4),
        (2, 4),
    )


def test_tensors_are_tied_to_those_that_are_tied() -> None:
    module = shapecalc.build(
        checked(
            """
            input: {tokens: {shape: [T], dtype: int64, below: 7}}
            layers:
              embed: {Embedding: {num_embeddings: 7, embedding_dim: 4}}
              mid: {Linear: {out_features: 7, bias: false}, share: embed}
              again: {Linear: {out_features: 4, bias: false}}
              head: {Linear: {out_features: 7}, share: mid}
            """
        )
    )
    assert module.embed.weight is module.mid.weight is module.head.weight
    assert sum(p.numel() for p in module.parameters()) == 28 + 28 + 7


def test_documents_of_other_sections_are_read() -> None:
    checked(
        """
        description: A sentence of text, and nothing else.
        input: [4]
        layers: [{Linear: 2}]
        train: {dataset: digits, loss: cross_entropy, optimizer: sgd, lr: 1e-2, epochs: 3, batch_size: 32, seed: 0}
        lint: {ignore: [SC301]}
        """
    )


def test_an_opaque_block_may_state_its_window() -> None:
    text = """
    blocks: {Mine: {shape: ["in_shape[0]", "in_shape[1] - 4", "in_shape[2] - 4"], window: [5, 1, 0]}}
    input: [3, 20, 20]
    layers: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2}}, Mine]
    """
    field = checked(text).layer("1").receptive_field
    assert field is not None
    assert field.size == [3 + 4 * 2, 3 + 4 * 2]


def test_reports_are_the_same_each_time() -> None:
    report = checked(
        "params: {n: 2}\ninput: [3, H]\nlayers: [{'for i in range(n)': [{Conv1d: {out_channels: 4, kernel_size: 3}}]}]"
    )
    again = checked(
        "params: {n: 2}\ninput: [3, H]\nlayers: [{'for i in range(n)': [{Conv1d: {out_channels: 4, kernel_size: 3}}]}]"
    )
    assert report.to_dict() == report.to_dict() == again.to_dict()
    assert shapecalc.emit(report) == shapecalc.emit(report) == shapecalc.emit(again)
