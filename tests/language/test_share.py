"""`share`: the same module called again, or tensors tied, beside modules by hand that do it in Python."""

from __future__ import annotations

import torch
from torch import nn

from .twin import Hand, chain, numbered, twin


def test_the_same_operator_with_the_same_arguments_is_one_module_called_again() -> None:
    report = twin(
        "input: [4]\nlayers: {a: {Linear: 4}, b: ReLU, c: {Linear: 4, share: a}}",
        Hand(lambda m, x: m.a(m.b(m.a(x))), a=nn.Linear(4, 4), b=nn.ReLU()),
        (2, 4),
    )
    assert report.totals.params == 20


def test_the_same_module_may_be_called_on_other_sizes() -> None:
    twin(
        """
        input: {x: [3, 8, 8], y: [3, 5, 6]}
        layers:
          a: {Conv2d: {out_channels: 4, kernel_size: 3}, from: x}
          b: {Conv2d: {out_channels: 4, kernel_size: 3}, from: y, share: a}
        output: [a, b]
        """,
        Hand(lambda m, x, y: (m.a(x), m.a(y)), a=nn.Conv2d(3, 4, 3)),
        (2, 3, 8, 8),
        (2, 3, 5, 6),
    )


class Tied(nn.Module):
    """The input and output tables of a language model, tied."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.mix = nn.Linear(6, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.mix(self.embed(x)))


def test_another_operator_ties_tensors_of_equal_name_and_shape() -> None:
    report = twin(
        """
        input: {tokens: {shape: [T], dtype: int64, below: 11}}
        layers:
          embed: {Embedding: {num_embeddings: 11, embedding_dim: 6}}
          mix: {Linear: 6}
          head: {Linear: {out_features: 11, bias: false}, share: embed}
        """,
        Tied(),
        torch.randint(0, 11, (2, 5)),
    )
    assert set(report.state_dict()) == {"embed.weight", "mix.weight", "mix.bias", "head.weight"}
    assert report.totals.params == 11 * 6 + 42


class TiedConvs(nn.Module):
    """Two convolutions of unlike stride with one kernel, and biases that are equal in shape, so tied too."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 3, 3, padding=1)
        self.b = nn.Conv2d(3, 3, 3, stride=2)
        self.b.weight, self.b.bias = self.a.weight, self.a.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.a(x))


def test_the_same_operator_with_other_arguments_ties_its_tensors() -> None:
    report = twin(
        """
        input: [3, 9, 9]
        layers:
          a: {Conv2d: {out_channels: 3, kernel_size: 3, padding: 1}}
          b: {Conv2d: {out_channels: 3, kernel_size: 3, stride: 2}, share: a}
        """,
        TiedConvs(),
        (2, 3, 9, 9),
    )
    assert report.totals.params == 84


BLOCK = "blocks: {Two: {params: {w: ~}, layers: {fc: {Linear: w}, norm: BatchNorm1d, act: ReLU}}}\n"


def two(i: int, w: int) -> nn.Module:
    return chain(fc=nn.Linear(i, w), norm=nn.BatchNorm1d(w), act=nn.ReLU())


def test_a_whole_block_is_called_again() -> None:
    report = twin(
        BLOCK + "input: [4]\nlayers: {a: {Two: 4}, b: {Linear: 4}, c: {Two: 4, share: a}}",
        Hand(lambda m, x: m.a(m.b(m.a(x))), a=two(4, 4), b=nn.Linear(4, 4)),
        (2, 4),
    )
    assert report.totals.params == 20 + 8 + 20


def test_a_siamese_network_has_one_set_of_weights() -> None:
    twin(
        BLOCK
        + """
input: {left: [4], right: [4]}
layers:
  one: {Two: 6, from: left}
  two: {Two: 6, from: right, share: one}
  gap: {Sub: [one, two]}
""",
        Hand(lambda m, x, y: m.one(x) - m.one(y), one=two(4, 6)),
        (2, 4),
        (2, 4),
    )


def test_a_whole_sequence_is_called_again() -> None:
    twin(
        """
        input: {left: [4], right: [4]}
        layers:
          one: {Sequential: [{Linear: 5}, ReLU, {Linear: 3}], from: left}
          two: {Sequential: [{Linear: 5}, ReLU, {Linear: 3}], from: right, share: one}
          gap: {Cat: [one, two]}
        """,
        Hand(
            lambda m, x, y: torch.cat((m.one(x), m.one(y)), 1),
            one=numbered(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)),
        ),
        (2, 4),
        (2, 4),
    )


def test_share_names_a_layer_inside_of_a_sequence_by_its_path() -> None:
    twin(
        "input: [4]\nlayers: {body: [{Linear: 5}, {Linear: 4}], out: {Linear: 5, share: body.0}}",
        Hand(lambda m, x: m.body[0](m.body(x)), body=numbered(nn.Linear(4, 5), nn.Linear(5, 4))),
        (2, 4),
    )


def test_share_in_a_loop_names_the_first_turn() -> None:
    twin(
        """
        input: [4]
        layers:
          first: {Linear: 4}
          for i in range(3):
            "again{i}": {Linear: 4, share: first}
        """,
        Hand(lambda m, x: m.first(m.first(m.first(m.first(x)))), first=nn.Linear(4, 4)),
        (2, 4),
    )


def test_a_label_may_be_shared() -> None:
    twin(
        "input: [4]\nlayers: [{Linear: 4, as: table}, ReLU, {Linear: 4, share: table}, {Linear: 2}]",
        Hand(
            lambda m, x: (lambda f: getattr(m, "3")(f(f(x).relu())))(getattr(m, "0")),
            **{"0": nn.Linear(4, 4), "3": nn.Linear(4, 2)},
        ),
        (2, 4),
    )


def test_a_shared_layer_is_shared_once_more() -> None:
    twin(
        "input: [4]\nlayers: {a: {Linear: 4}, b: {Linear: 4, share: a}, c: {Linear: 4, share: b}}",
        Hand(lambda m, x: m.a(m.a(m.a(x))), a=nn.Linear(4, 4)),
        (2, 4),
    )


def test_a_shared_block_is_shared_once_more() -> None:
    twin(
        BLOCK + "input: [4]\nlayers: {a: {Two: 4}, b: {Two: 4, share: a}, c: [{Two: 4, share: b}, {Linear: 2}]}",
        Hand(lambda m, x: getattr(m.c, "1")(m.a(m.a(m.a(x)))), a=two(4, 4), c=chain(**{"1": nn.Linear(4, 2)})),
        (2, 4),
    )
