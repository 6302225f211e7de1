"""`when`: what a layer that is left out stands for, beside the module with and without it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests import plain

from .twin import Hand, chain, numbered, spec, twin


def test_a_true_condition_changes_nothing() -> None:
    twin(
        "params: {deep: true}\ninput: [4]\nlayers: [{Linear: 5, when: deep}, {ReLU: , when: 2 > 1}, {Linear: 2}]",
        numbered(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)),
        (2, 4),
    )


def test_a_layer_left_out_takes_no_number() -> None:
    twin(
        "params: {norm: false}\ninput: [4]\nlayers: [{Linear: 5}, {BatchNorm1d: , when: norm}, ReLU, {Linear: 2}]",
        numbered(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)),
        (2, 4),
    )


@pytest.mark.parametrize("norm", [True, False])
def test_set_turns_a_layer_on_and_off(norm: bool) -> None:
    middle = [nn.BatchNorm1d(5)] if norm else []
    twin(
        "params: {norm: false}\ninput: [4]\nlayers: [{Linear: 5}, {BatchNorm1d: , when: norm}, {Linear: 2}]",
        numbered(nn.Linear(4, 5), *middle, nn.Linear(5, 2)),
        (2, 4),
        params={"norm": norm},
    )


def test_a_layer_left_out_has_its_arguments_unread() -> None:
    twin(
        "params: {n: 0}\ninput: [4]\nlayers: {a: {Linear: 8 // n, when: n > 0}, b: {Linear: 2}}",
        chain(b=nn.Linear(4, 2)),
        (2, 4),
    )


def test_the_layers_inside_of_a_sequence_left_out_are_unread() -> None:
    twin(
        """
        params: {n: 0}
        input: [4]
        layers:
          a: {Sequential: [{Linear: 8 // n}, {Linear: 3, from: input}], when: n > 0}
          b: {Linear: 2}
        """,
        chain(b=nn.Linear(4, 2)),
        (2, 4),
    )


def test_a_layer_left_out_stands_for_its_input_in_the_flow_and_by_name() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 5}
          b: {Linear: 6}
          c: {Linear: 7, from: a, when: false, as: z}
          d: {Linear: 8}
          e: {Cat: [c, z, d, b]}
        """,
        Hand(
            lambda m, x: (lambda a: torch.cat((a, a, m.d(a), m.b(a)), 1))(m.a(x)),
            a=nn.Linear(4, 5), b=nn.Linear(5, 6), d=nn.Linear(5, 8),
        ),
        (2, 4),
    )  # fmt: skip


def test_a_layer_left_out_with_several_inputs_stands_for_the_flow() -> None:
    twin(
        """
        params: {skip: false}
        input: [4]
        layers:
          a: {Linear: 4}
          b: {Add: [a, input], when: skip}
          c: {Cat: [input, b], when: skip}
          d: {Linear: 2}
        """,
        Hand(lambda m, x: m.d(m.a(x)), a=nn.Linear(4, 4), d=nn.Linear(4, 2)),
        (2, 4),
    )


def test_a_layer_left_out_with_several_inputs_without_the_flow_is_an_error() -> None:
    text = "input: [4]\nlayers:\n  a: {Linear: 4}\n  b: {Linear: 4}\n  c: {Add: [a, input], when: false}\n"
    report = plain.check_text(spec(text))
    assert [(d.code, report.source.place(d.start)[0]) for d in report.diagnostics] == [("SC116", 7)]


@pytest.mark.parametrize("aux", [True, False])
def test_an_output_left_out_is_left_out_of_the_result(aux: bool) -> None:
    heads = {"side": nn.Linear(5, 3)} if aux else {}
    twin(
        """
        params: {aux: true}
        input: [4]
        layers:
          a: {Linear: 5}
          side: {Linear: 3, when: aux}
          main: {Linear: 2, from: a}
        output: [main, side]
        """,
        Hand(
            lambda m, x: (m.main(m.a(x)), m.side(m.a(x))) if aux else m.main(m.a(x)),
            a=nn.Linear(4, 5), **heads, main=nn.Linear(5, 2),
        ),
        (2, 4),
        params={"aux": aux},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True), ("false", False), ("n == 3", True), ("n != 3", False), ("not on", False), ("n in [1, 3]", True),
        ("n > 2 and word == 'full'", True), ("word == 'half' or n < 2", False), ("len(sizes) > 1", True),
        ("n % 2 == 0 if on else true", False), ("0 < n < 4", True),
    ],
)  # fmt: skip
def test_conditions_are_expressions(condition: str, holds: bool) -> None:
    twin(
        "params: {n: 3, on: true, word: full, sizes: [1, 2]}\n"
        f'input: [4]\nlayers: [{{ReLU: , when: "{condition}"}}, {{Linear: 2}}]',
        numbered(*([nn.ReLU()] if holds else []), nn.Linear(4, 2)),
        (2, 4),
    )


def test_when_on_a_sequence_and_on_a_repeat() -> None:
    twin(
        """
        params: {deep: false}
        input: [4]
        layers:
          - {Sequential: [{Linear: 9}], when: deep}
          - {Linear: 9, repeat: 3, when: deep}
          - {Sequential: [{Linear: 5}, ReLU], when: not deep}
          - {Linear: 2}
        """,
        numbered(numbered(nn.Linear(4, 5), nn.ReLU()), nn.Linear(5, 2)),
        (2, 4),
    )


def test_a_condition_reads_the_channels_that_arrive() -> None:
    text = """
    input: [4, 5, 5]
    layers:
      a: {Conv2d: {out_channels: 6, kernel_size: 1, bias: in_channels == 4}}
      deep:
        - {Conv2d: {out_channels: 3, kernel_size: 1}, when: in_channels != 6}
        - {Conv2d: {out_channels: 2, kernel_size: 1}, when: in_channels == 6}
    """
    twin(text, chain(a=nn.Conv2d(4, 6, 1), deep=numbered(nn.Conv2d(6, 2, 1))), (2, 4, 5, 5))
