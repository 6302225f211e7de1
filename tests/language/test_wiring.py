"""`from`, `as`, references, `repeat` and parameters: which value goes where, beside modules by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shapecalc
from tests import plain

from .twin import Hand, chain, checked, numbered, spec, twin


def test_from_takes_another_value_than_the_flow() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          b: {Linear: 6}
          c: {Linear: 7, from: a}
          d: {Linear: 3}
        """,
        Hand(
            lambda m, x: m.d(m.c(m.a(x))),
            a=nn.Linear(4, 5), b=nn.Linear(5, 6), c=nn.Linear(5, 7), d=nn.Linear(7, 3),
        ),
        (2, 4),
    )  # fmt: skip


def test_from_a_list_gives_several_inputs_in_order() -> None:
    twin(
        """
        input: [4, 5]
        layers:
          a: {Linear: 6}
          b: {Linear: 3, from: input}
          c: {Transpose: {dim0: 1, dim1: 2}, from: a}
          d: {MatMul: , from: [c, b]}
        """,
        Hand(lambda m, x: m.a(x).transpose(1, 2) @ m.b(x), a=nn.Linear(5, 6), b=nn.Linear(5, 3)),
        (2, 4, 5),
    )


class Attends(nn.Module):
    """Self-attention with a mask of padding."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(6, 2, batch_first=True)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.fc(self.attn(x, x, x, key_padding_mask=mask, need_weights=False)[0])


def test_from_a_mapping_gives_optional_inputs_by_the_names_of_torch() -> None:
    mask = torch.tensor([[False] * 5, [False, False, True, False, True]])
    twin(
        """
        input: {x: [5, 6], mask: {shape: [5], dtype: bool}}
        layers:
          attn:
            MultiheadAttention: {num_heads: 2, batch_first: true, need_weights: false}
            from: {query: x, key: x, value: x, key_padding_mask: mask}
          fc: {Linear: 3}
        """,
        Attends(),
        (2, 5, 6),
        mask,
    )


def test_a_further_output_goes_by_its_index_and_the_bare_name_is_output_0() -> None:
    twin(
        """
        input: [5, 6]
        layers:
          attn: {MultiheadAttention: {num_heads: 2, batch_first: true}, from: [input, input, input]}
          fc: {Linear: 3}
          weights: {Linear: 4, from: "attn[1]"}
        output: [fc, weights, "attn[1]", attn]
        """,
        Hand(
            lambda m, x: (lambda y, w: (m.fc(y), m.weights(w), w, y))(*m.attn(x, x, x)),
            attn=nn.MultiheadAttention(6, 2, batch_first=True), fc=nn.Linear(6, 3), weights=nn.Linear(5, 4),
        ),
        (2, 5, 6),
    )  # fmt: skip


PARTS = [
    ("Chunk: {chunks: 2, dim: 1}", lambda x: x.chunk(2, 1)),
    ("Split: {split_size_or_sections: [3, 1], dim: 1}", lambda x: x.split([3, 1], 1)),
    ("Split: {split_size_or_sections: 2, dim: 1}", lambda x: x.split(2, 1)),
    ("Unbind: {dim: 1}", lambda x: x.unbind(1)),
]


@pytest.mark.parametrize(("layer", "parts"), PARTS, ids=[p[0] for p in PARTS])
def test_outputs_that_are_equals_go_by_their_index(layer: str, parts: object) -> None:
    twin(
        f"input: [4, 5]\nlayers:\n  part: {{{layer}}}\n  a: {{Linear: 2, from: 'part[1]'}}\n"
        "  b: {Linear: 3, from: 'part[0]'}\noutput: [a, b]",
        Hand(
            lambda m, x: (m.a(parts(x)[1]), m.b(parts(x)[0])),  # type: ignore[operator]
            a=nn.Linear(5, 2), b=nn.Linear(5, 3),
        ),
        (2, 4, 5),
    )  # fmt: skip


def test_a_label_does_not_change_the_name_of_the_child() -> None:
    twin(
        """
        input: [4]
        layers:
          - {Linear: 5, as: wide}
          - {Linear: 6}
          - {Linear: 7, from: wide, as: other}
          - {Cat: [other, wide]}
        """,
        Hand(
            lambda m, x: (lambda w: torch.cat((getattr(m, "2")(w), w), 1))(getattr(m, "0")(x)),
            **{"0": nn.Linear(4, 5), "1": nn.Linear(5, 6), "2": nn.Linear(5, 7)},
        ),
        (2, 4),
    )


def test_a_numbered_path_works() -> None:
    twin(
        """
        input: [4]
        layers:
          features:
            - Linear: 5
            - ReLU
            - - Linear: 6
              - Linear: 7
          head: {Linear: 2, from: features.0}
          tail: {Linear: 3, from: features.2.0}
        output: [head, tail]
        """,
        Hand(
            lambda m, x: (m.head(m.features[0](x)), m.tail(m.features[2][0](m.features[1](m.features[0](x))))),
            features=numbered(nn.Linear(4, 5), nn.ReLU(), numbered(nn.Linear(5, 6), nn.Linear(6, 7))),
            head=nn.Linear(5, 2),
            tail=nn.Linear(6, 3),
        ),
        (2, 4),
    )


def test_a_number_alone_refers_to_an_earlier_child_of_the_list() -> None:
    twin(
        'input: [4]\nlayers: [{Linear: 5}, {Linear: 6}, {Linear: 7, from: "0"}]',
        Hand(
            lambda m, x: getattr(m, "2")(getattr(m, "0")(x)),
            **{"0": nn.Linear(4, 5), "1": nn.Linear(5, 6), "2": nn.Linear(5, 7)},
        ),
        (2, 4),
    )


def test_names_are_looked_for_among_siblings_first_then_outwards() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          b: {Linear: 6}
          deep:
            a: {Linear: 7}
            c: {Linear: 8, from: a}
            d: {Linear: 9, from: b}
            e:
              - {Cat: [a, b, c, d]}
        """,
        Hand(
            lambda m, x: (
                lambda b: (lambda a, d: torch.cat((a, b, m.deep.c(a), d), 1))(m.deep.a(b), m.deep.d(b))
            )(m.b(m.a(x))),
            a=nn.Linear(4, 5), b=nn.Linear(5, 6),
            deep=Hand(None, a=nn.Linear(6, 7), c=nn.Linear(7, 8), d=nn.Linear(6, 9)),  # type: ignore[arg-type]
        ),
        (2, 4),
    )  # fmt: skip


def test_input_is_what_the_enclosing_sequence_was_given_and_previous_the_flow() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          deep:
            b: {Linear: 6}
            c: {Linear: 7, from: input}
            d: {Cat: [previous, b, input]}
          e: {Linear: 3, from: input}
          f: {Add: [previous, e]}
        output: [deep, f]
        """,
        Hand(
            lambda m, x: (
                (lambda a: torch.cat((m.deep.c(a), m.deep.b(a), a), 1))(m.a(x)),
                m.e(x) + m.e(x),
            ),
            a=nn.Linear(4, 5), deep=Hand(None, b=nn.Linear(5, 6), c=nn.Linear(5, 7)), e=nn.Linear(4, 3),  # type: ignore[arg-type]
        ),
        (2, 4),
    )  # fmt: skip


def test_a_sequence_is_wired_as_sequential() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          b: {Sequential: [{Linear: 6}, ReLU], from: input}
          c: {Sequential: {x: {Linear: 7}}, from: a, as: label}
          d: {Cat: [label, b, c.x]}
        """,
        Hand(
            lambda m, x: (lambda c: torch.cat((c, m.b(x), c), 1))(m.c(m.a(x))),
            a=nn.Linear(4, 5), b=numbered(nn.Linear(4, 6), nn.ReLU()), c=chain(x=nn.Linear(5, 7)),
        ),
        (2, 4),
    )  # fmt: skip


def test_repeat_in_a_list_takes_as_many_numbers() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 5}, {Linear: 5, repeat: 3}, ReLU, {Linear: 2}]",
        numbered(nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 2)),
        (2, 4),
    )


def test_repeat_in_a_mapping_is_one_child_that_holds_numbers() -> None:
    twin(
        "params: {n: 2}\ninput: [4]\nlayers: {stack: {Linear: 5, repeat: n + 1}, last: {Linear: 2}}",
        chain(stack=numbered(nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 5)), last=nn.Linear(5, 2)),
        (2, 4),
    )


def test_repeat_of_a_named_item_of_a_list_is_one_child() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 5, repeat: 2, name: stack}, {Linear: 2}]",
        chain(**{"stack": numbered(nn.Linear(4, 5), nn.Linear(5, 5)), "0": nn.Linear(5, 2)}),
        (2, 4),
    )


def test_the_first_of_repeat_takes_from_and_as_labels_the_last() -> None:
    twin(
        """
        input: [4]
        layers:
          - {Linear: 5, as: a}
          - {Linear: 6}
          - {Linear: 7, repeat: 3, from: a, as: z}
          - {Linear: 2}
          - {Linear: 3, from: z}
        """,
        Hand(
            lambda m, x: (lambda at: at(6)(at(4)(at(3)(at(2)(at(0)(x))))))(lambda i: getattr(m, str(i))),
            **{
                str(i): nn.Linear(a, b)
                for i, (a, b) in enumerate([(4, 5), (5, 6), (5, 7), (7, 7), (7, 7), (7, 2), (7, 3)])
            },
        ),
        (2, 4),
    )


def test_repeat_in_a_mapping_works_with_from_and_as() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          b: {Linear: 6}
          stack: {Linear: 7, repeat: 2, from: a, as: z}
          c: {Linear: 2}
          d: {Cat: [z, stack, stack.0, c]}
        """,
        Hand(
            lambda m, x: (lambda s: (lambda t: torch.cat((t, t, s, m.c(t)), 1))(m.stack[1](s)))(m.stack[0](m.a(x))),
            a=nn.Linear(4, 5), b=nn.Linear(5, 6), stack=numbered(nn.Linear(5, 7), nn.Linear(7, 7)), c=nn.Linear(7, 2),
        ),
        (2, 4),
    )  # fmt: skip


def test_repeat_of_a_sequence_and_of_a_block_gives_each_weights_of_its_own() -> None:
    twin(
        """
        input: [4]
        blocks: {Two: {params: {w: ~}, layers: [{Linear: w}, ReLU]}}
        layers:
          - {Sequential: [{Linear: 4}, ReLU], repeat: 2}
          - {Two: 6, repeat: 2}
        """,
        numbered(*(numbered(nn.Linear(a, b), nn.ReLU()) for a, b in [(4, 4), (4, 4), (4, 6), (6, 6)])),
        (2, 4),
    )


def test_expect_holds_for_each_of_a_repeat() -> None:
    layers = "input: [4]\nlayers: [{Linear: 5, repeat: 2, expect: {params: 30, shape: [5]}}]"
    report = plain.check_text(spec(layers))
    assert [(d.code, d.layer) for d in report.diagnostics] == [("SC501", "0")]
    assert not plain.check_text(spec(layers.replace("input: [4]", "input: [5]"))).diagnostics


def test_repeat_of_none_stands_for_its_input() -> None:
    twin(
        "params: {n: 0}\ninput: [4]\nlayers: {a: {Linear: 5}, b: {ReLU: , repeat: n}, c: {Linear: 2, from: a}}",
        chain(a=nn.Linear(4, 5), c=nn.Linear(5, 2)),
        (2, 4),
    )


def test_a_parameter_leaves_the_flow_as_it_was() -> None:
    twin(
        """
        params: {dim: 6}
        input: [5, dim]
        layers:
          cls: {Parameter: [1, 1, dim]}
          fc: {Linear: dim}
          rows: {Expand: {size: [N, -1, -1]}, from: cls}
          cat: {Cat: [rows, fc]}
          pos: {Parameter: {shape: [1, 6, dim], init: {normal: 0.02}}}
          out: {Add: pos}
        """,
        Hand(
            lambda m, x: torch.cat((m.cls.expand(len(x), -1, -1), m.fc(x)), 1) + m.pos,
            cls=nn.Parameter(torch.zeros(1, 1, 6)), fc=nn.Linear(6, 6), pos=nn.Parameter(torch.zeros(1, 6, 6)),
        ),
        (2, 5, 6),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "value"),
    [("[3]", 0.0), ("{shape: [3]}", 0.0), ("{shape: [3], init: zeros}", 0.0), ("{shape: [3], init: ones}", 1.0),
     ("{shape: [3], init: 0.25}", 0.25), ("{shape: [3], init: -2}", -2.0)],
)  # fmt: skip
def test_a_parameter_begins_with_what_init_says(written: str, value: float) -> None:
    module = shapecalc.build(checked(f"input: [3]\nlayers: {{w: {{Parameter: {written}}}, y: {{Mul: w}}}}"))
    assert torch.equal(module.w, torch.full((3,), value))


def test_a_parameter_may_begin_with_a_normal_distribution() -> None:
    text = "input: [100]\nlayers: {w: {Parameter: {shape: [1000, 100], init: {normal: 0.02}}}, y: {Mul: w}}"
    torch.manual_seed(0)
    weight = shapecalc.build(checked(text)).w
    assert abs(weight.std().item() - 0.02) < 0.0005
    assert abs(weight.mean().item()) < 0.0005
