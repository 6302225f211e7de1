"""Inputs, outputs, symbols, the batch and what `--set` changes, beside modules by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests import plain

from .twin import Hand, bound, chain, checked, numbered, spec, twin

CLEAN = "input: [3, H, W]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2}}]"


def codes(text: str, params: dict[str, object] | None = None) -> list[str]:
    return [d.code for d in plain.check_text(spec(text), params=params or {}).diagnostics]


def test_several_inputs_go_by_their_names() -> None:
    twin(
        """
        input: {image: [3, 4], extra: [5]}
        layers:
          a: {Linear: 5, from: image}
          b: {Mean: {dim: 1}}
          c: {Linear: 5, from: extra}
          deep: [{Linear: 6}, {Cat: [previous, extra]}]
          d: {Add: [b, c]}
        output: [d, deep]
        """,
        Hand(
            lambda m, image, extra: (
                m.a(image).mean(1) + m.c(extra), torch.cat((m.deep[0](m.c(extra)), extra), 1)
            ),
            a=nn.Linear(4, 5), c=nn.Linear(5, 5), deep=numbered(nn.Linear(5, 6)),
        ),
        (2, 3, 4),
        (2, 5),
    )  # fmt: skip


def test_a_single_input_may_have_a_name() -> None:
    twin(
        "input: {image: [4]}\nlayers: [{Linear: 4}, {Add: image}, {Sub: [previous, input]}]",
        Hand(lambda m, x: getattr(m, "0")(x) + x - x, **{"0": nn.Linear(4, 4)}),
        (2, 4),
    )


def test_a_shape_is_one_sample_and_n_is_put_in_front() -> None:
    report = checked("input: [3, 224, 224]\nlayers: [ReLU]")
    assert report.to_dict()["inputs"] == {"input": ["N", 3, 224, 224]}


def test_a_shape_that_mentions_n_is_taken_as_it_stands() -> None:
    report = twin("input: [T, N, 6]\nlayers: [{Linear: 4}, ReLU]", numbered(nn.Linear(6, 4), nn.ReLU()), (5, 2, 6))
    assert report.to_dict()["inputs"] == {"input": ["T", "N", 6]}


def test_a_shape_may_have_no_batch() -> None:
    report = twin(
        "input: {shape: [3, 6, 6], batch: false}\nlayers: [{Conv2d: {out_channels: in_channels + 1, kernel_size: 3}}]",
        numbered(nn.Conv2d(3, 4, 3)),
        (3, 6, 6),
    )
    assert report.to_dict()["outputs"] == [[4, 4, 4]]


def test_the_long_form_gives_a_dtype_and_a_bound_of_values() -> None:
    twin(
        "input: {shape: [T], dtype: int64, below: 7}\nlayers: [{Embedding: {num_embeddings: 7, embedding_dim: 3}}]",
        numbered(nn.Embedding(7, 3)),
        torch.randint(0, 7, (2, 5)),
    )


def test_values_beyond_the_table_are_refused() -> None:
    table = "layers: [{Embedding: {num_embeddings: 7, embedding_dim: 3}}]"
    assert codes(f"input: {{shape: [5], dtype: int64, below: 8}}\n{table}") == ["SC217"]
    assert codes(f"input: {{shape: [5], dtype: int64, below: 7}}\n{table}") == []


def test_floats_are_no_indices() -> None:
    assert codes("input: [5]\nlayers: [{Embedding: {num_embeddings: 7, embedding_dim: 3}}]") == ["SC212"]


@pytest.mark.parametrize(("h", "w"), [(9, 9), (10, 7), (3, 64)])
def test_symbols_stand_for_every_size_at_once(h: int, w: int) -> None:
    twin(CLEAN, numbered(nn.Conv2d(3, 4, 3, stride=2)), (2, 3, h, w))


def test_closed_forms_hold_for_every_size() -> None:
    shape = checked(CLEAN).layer("0").output_shapes[0]
    for h in range(3, 40):
        assert bound(shape, {"N": 5, "H": h, "W": 40}) == (5, 4, (h - 1) // 2, 19)


def test_set_fixes_a_symbol() -> None:
    half = checked(CLEAN, {"H": 9}).to_dict()["outputs"][0]
    assert half[:3] == ["N", 4, 4]
    assert "W" in half[3]
    assert checked(CLEAN, {"H": 9, "W": 3}).to_dict()["outputs"] == [["N", 4, 4, 1]]


def test_sizes_may_be_expressions_over_symbols() -> None:
    report = checked("params: {k: 3}\ninput: [k, 2 * H, H + k]\nlayers: [ReLU]")
    wire = report.graph.outputs[0]  # type: ignore[union-attr]
    assert bound(wire.shape, {"N": 2, "H": 5}) == (2, 3, 10, 8)


def test_symbols_and_n_stand_in_every_expression() -> None:
    twin(
        """
        input: {x: [T, 6], y: [T, 6]}
        layers:
          a: {Reshape: [N, T * 6], from: x}
          b: {Reshape: [N * T, 2, 3], from: y}
          c: {Reshape: [N, -1]}
          d: {Add: [a, c]}
          e: {Reshape: ["N", T // 2, 12]}
        """,
        Hand(lambda m, x, y: (x.reshape(len(x), -1) + y.reshape(len(y), -1)).reshape(len(x), -1, 12)),
        (2, 4, 6),
        (2, 4, 6),
        params={"T": 4},
    )


def test_params_are_overridden_and_defaults_follow() -> None:
    twin(
        "params: {w: 4, twice: w * 2, act: ReLU, sizes: [1, w]}\ninput: [3]\n"
        'layers: [{Linear: twice}, act, {Linear: "sizes[1]"}]',
        numbered(nn.Linear(3, 10), nn.Tanh(), nn.Linear(10, 5)),
        (2, 3),
        params={"w": 5, "act": "Tanh"},
    )


def test_a_param_that_is_null_must_be_set() -> None:
    text = "params: {w: ~}\ninput: [3]\nlayers: [{Linear: w}]"
    assert codes(text) == ["SC118"]
    assert codes(text, {"w": 4}) == []


def test_a_param_may_be_text_a_boolean_or_a_nested_list() -> None:
    twin(
        "params: {word: same, flag: false, deep: [[1, [2, 3]], 4]}\ninput: [3, 6, 6]\n"
        'layers: [{Conv2d: {out_channels: "deep[0][1][1]", kernel_size: 3, padding: 1, bias: flag}}]',
        numbered(nn.Conv2d(3, 3, 3, padding=1, bias=False)),
        (2, 3, 6, 6),
    )


def test_one_identifier_that_names_nothing_is_text() -> None:
    text = "params: {word: other, again: word}\ninput: [3]\nlayers: [{ReLU: , when: again == 'other'}, {Linear: 2}]"
    twin(text, numbered(nn.ReLU(), nn.Linear(3, 2)), (2, 3))


def test_the_output_is_the_last_value_unless_named() -> None:
    twin("input: [4]\nlayers: {a: {Linear: 3}, b: {Linear: 2}}", chain(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), (2, 4))
    twin(
        "input: [4]\nlayers: {a: {Linear: 3}, b: {Linear: 2}}\noutput: a",
        Hand(lambda m, x: m.a(x), a=nn.Linear(4, 3), b=nn.Linear(3, 2)),
        (2, 4),
    )


def test_several_outputs_come_in_order() -> None:
    twin(
        "input: [4]\nlayers: {a: {Linear: 3}, deep: {b: {Linear: 2}, c: ReLU}}\noutput: [deep.b, a, deep]",
        Hand(
            lambda m, x: (lambda a: (m.deep.b(a), a, m.deep.b(a).relu()))(m.a(x)),
            a=nn.Linear(4, 3), deep=chain(b=nn.Linear(3, 2), c=nn.ReLU()),
        ),
        (2, 4),
    )  # fmt: skip


def test_an_input_may_be_an_output() -> None:
    twin(
        "input: {x: [4]}\nlayers: {a: {Linear: 3}}\noutput: [a, x]",
        Hand(lambda m, x: (m.a(x), x), a=nn.Linear(4, 3)),
        (2, 4),
    )


def test_the_flow_through_a_parameter_at_the_end_is_what_came_before() -> None:
    twin(
        "input: [4]\nlayers: {a: {Linear: 3}, w: {Parameter: [2]}}",
        Hand(lambda m, x: m.a(x), a=nn.Linear(4, 3), w=nn.Parameter(torch.zeros(2))),
        (2, 4),
    )


IN_NAMES = [
    ("[3, 6, 8]", "in_channels", 3),
    ("[3, 6, 8]", "in_features", 8),
    ("[3, 6, 8]", "in_shape[1]", 6),
    ("[3, 6, 8]", "len(in_shape)", 3),
    ("{shape: [3, 6, 8], batch: false}", "in_channels", 3),
    ("[7, N, 8]", "in_shape[2]", 8),
]


@pytest.mark.parametrize(("shape", "expression", "value"), IN_NAMES, ids=[f"{s} {e}" for s, e, _ in IN_NAMES])
def test_the_names_of_the_input_leave_n_out(shape: str, expression: str, value: int) -> None:
    report = checked(f'input: {shape}\nlayers: [{{Linear: "{expression}"}}]')
    assert report.layer("0").output_shapes[0][-1] == value


def test_only_in_shape_is_defined_where_the_batch_is_not_axis_0() -> None:
    assert codes("input: [7, N, 8]\nlayers: [{Linear: in_features}]") == ["SC112"]


def test_sequences_open_a_scope_and_layers_do_not() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: in_features + 1}
          b: {Linear: in_features + 2}
          deep:
            c: {Linear: in_features + 1}
            deeper: [{Linear: in_features * 2}, {Linear: in_features}]
            d: {Linear: in_features}
          e: {Sequential: [{Linear: in_features * 3}], from: a}
          f: {Linear: in_features}
        """,
        Hand(
            lambda m, x: (lambda a: m.f(m.e(a)))(m.a(x)),
            a=nn.Linear(4, 5), b=nn.Linear(5, 6),
            deep=chain(c=nn.Linear(6, 7), deeper=numbered(nn.Linear(7, 14), nn.Linear(14, 7)), d=nn.Linear(7, 6)),
            e=numbered(nn.Linear(5, 15)), f=nn.Linear(15, 4),
        ),
        (2, 4),
    )  # fmt: skip


def test_a_when_of_a_sequence_sees_the_enclosing_scope() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 6}, {Sequential: [{Linear: in_features + 1}], when: in_features == 4}]",
        numbered(nn.Linear(4, 6), numbered(nn.Linear(6, 7))),
        (2, 4),
    )


def test_the_arguments_of_a_block_see_the_scope_of_the_caller() -> None:
    twin(
        "blocks: {B: {params: {w: ~}, layers: [{Linear: w + in_features}]}}\n"
        "input: [4]\nlayers: [{Linear: 6}, {B: in_features}]",
        numbered(nn.Linear(4, 6), numbered(nn.Linear(6, 10))),
        (2, 4),
    )


def test_symbols_are_not_seen_inside_of_blocks() -> None:
    text = "blocks: {B: {layers: [{Reshape: [N, T]}]}}\ninput: [T]\nlayers: [B]"
    assert codes(text) == ["SC112"]


def test_the_batch_in_the_place_of_a_sequence_is_an_error_whose_fix_is_batch_first() -> None:
    text = "input: [T, 16]\nlayers: [{MultiheadAttention: {num_heads: 2}, from: [input, input, input]}]"
    report = plain.check_text(spec(text))
    assert [d.code for d in report.diagnostics] == ["SC215"]
    assert "batch_first: true" in report.diagnostics[0].help
    assert codes(text.replace("num_heads: 2", "num_heads: 2, batch_first: true")) == []
    assert codes(text.replace("[T, 16]", "[T, N, 16]")) == []
