"""Loops: what is spliced where, and names made of loop variables, beside modules by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .twin import Hand, chain, numbered, twin


def test_a_loop_in_a_list_splices_its_items() -> None:
    twin(
        """
        params: {arch: [[1, 4], [2, 6]], ratio: 2}
        input: [3, 8, 8]
        layers:
          features:
            - for n, width in arch:
                - for _ in range(n):
                    - Conv2d: {out_channels: width // ratio, kernel_size: 3, padding: 1}
                    - ReLU
                - MaxPool2d: 2
            - Flatten
        """,
        chain(
            features=numbered(
                nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(),
            )
        ),
        (2, 3, 8, 8),
    )  # fmt: skip


def test_a_loop_in_a_mapping_splices_its_children() -> None:
    twin(
        """
        params: {depths: [1, 2]}
        input: [4]
        layers:
          stem: {Linear: 5}
          for i, n in enumerate(depths):
            "dense{i + 1}":
              for j in range(n):
                "layer{j + 1}": {Linear: 5 + i}
            "transition{i + 1}": {Linear: 6, when: i < len(depths) - 1}
          head: {Linear: 2}
        """,
        chain(
            stem=nn.Linear(4, 5),
            dense1=chain(layer1=nn.Linear(5, 5)),
            transition1=nn.Linear(5, 6),
            dense2=chain(layer1=nn.Linear(6, 6), layer2=nn.Linear(6, 6)),
            head=nn.Linear(6, 2),
        ),
        (2, 4),
    )


def test_a_loop_among_branches_makes_branches() -> None:
    twin(
        """
        params: {sizes: [1, 2, 3]}
        input: [4, 6, 6]
        layers:
          pyramid:
            Cat:
              branches:
                whole: Identity
                for i, s in enumerate(sizes):
                  "stage{i}":
                    - AdaptiveAvgPool2d: s
                    - Conv2d: {out_channels: s, kernel_size: 1}
                    - Upsample: {size: [6, 6]}
        """,
        Hand(
            lambda m, x: torch.cat((x, m.pyramid.stage0(x), m.pyramid.stage1(x), m.pyramid.stage2(x)), 1),
            pyramid=Hand(
                None,  # type: ignore[arg-type]
                **{
                    f"stage{i}": numbered(nn.AdaptiveAvgPool2d(s), nn.Conv2d(4, s, 1), nn.Upsample((6, 6)))
                    for i, s in enumerate([1, 2, 3])
                },
            ),
        ),
        (2, 4, 6, 6),
    )


def test_a_loop_among_branches_in_a_list_makes_numbered_branches() -> None:
    twin(
        """
        input: [4]
        layers:
          both:
            Add:
              branches:
                - for w in [7, 8]:
                    - [{Linear: w}, {Linear: 4}]
        """,
        Hand(
            lambda m, x: getattr(m.both, "0")(x) + getattr(m.both, "1")(x),
            both=numbered(numbered(nn.Linear(4, 7), nn.Linear(7, 4)), numbered(nn.Linear(4, 8), nn.Linear(8, 4))),
        ),
        (2, 4),
    )


def test_two_loops_with_equal_headers_stand_in_one_mapping() -> None:
    twin(
        """
        input: [4]
        layers:
          for i in range(2):
            "a{i}": {Linear: 5 + i}
          middle: ReLU
          for i in range(2):
            "b{i}": {Linear: 7 + i}
        """,
        chain(a0=nn.Linear(4, 5), a1=nn.Linear(5, 6), middle=nn.ReLU(), b0=nn.Linear(6, 7), b1=nn.Linear(7, 8)),
        (2, 4),
    )


HEADERS = [
    ("w in [5, 6]", "w", [5, 6]),
    ("w in widths", "w", [7, 9]),
    ("i, w in enumerate(widths)", "w + i", [7, 10]),
    ("i, w in enumerate(widths, 1)", "w * i", [7, 18]),
    ("a, b in zip(widths, [1, 2])", "a - b", [6, 7]),
    ("i, (a, b) in enumerate(zip(widths, [1, 2]))", "a + b + i", [8, 12]),
    ("a, (b, c) in [[1, [2, 3]], [4, [5, 6]]]", "a * b + c", [5, 26]),
    ("row in [[1, 2], [3, 4]]", "sum(row)", [3, 7]),
    ("i in range(2, 9, 3)", "i", [2, 5, 8]),
    ("i in []", "i", []),
]


@pytest.mark.parametrize(("header", "size", "widths"), HEADERS, ids=[h[0] for h in HEADERS])
def test_a_loop_binds_its_names(header: str, size: str, widths: list[int]) -> None:
    ends = zip([4, *widths], widths, strict=False)
    twin(
        f'params: {{widths: [7, 9]}}\ninput: [4]\nlayers:\n  - for {header}:\n      - Linear: "{size}"\n  - ReLU\n',
        numbered(*(nn.Linear(a, b) for a, b in ends), nn.ReLU()),
        (2, 4),
    )


@pytest.mark.parametrize("deep", [True, False])
def test_when_may_stand_beside_a_loop_of_a_list(deep: bool) -> None:
    twin(
        """
        params: {deep: true}
        input: [4]
        layers:
          - for w in [5, 6]:
              - Linear: w
            when: deep
          - Linear: 2
        """,
        numbered(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 2)) if deep else numbered(nn.Linear(4, 2)),
        (2, 4),
        params={"deep": deep},
    )


def test_a_loop_left_out_has_its_expression_unread() -> None:
    twin(
        "input: [4]\nlayers:\n  - {'for w in range(1 // 0)': [{Linear: w}], when: false}\n  - Linear: 2\n",
        numbered(nn.Linear(4, 2)),
        (2, 4),
    )


def test_loop_variables_stand_in_names_labels_references_and_outputs() -> None:
    twin(
        """
        params: {n: 2}
        input: [4]
        layers:
          body:
            - for i in range(n):
                - {Linear: 5 + i, name: "fc{i}", as: "out{i}"}
                - {Linear: 5, from: "out{i}", name: "again{i}"}
          for i in range(n):
            "head{i + 1}": {Linear: 3, from: "body.out{i}"}
          last: {Cat: ["head{n}", "head{n - 1}"]}
        output: ["head{n}", last]
        """,
        Hand(
            lambda m, x: (
                lambda o0: (
                    lambda o1: (m.head2(o1), torch.cat((m.head2(o1), m.head1(o0)), 1))
                )(m.body.fc1(m.body.again0(o0)))
            )(m.body.fc0(x)),
            body=Hand(
                None,  # type: ignore[arg-type]
                fc0=nn.Linear(4, 5), again0=nn.Linear(5, 5), fc1=nn.Linear(5, 6), again1=nn.Linear(6, 5),
            ),
            head1=nn.Linear(5, 3), head2=nn.Linear(6, 3),
        ),
        (2, 4),
    )  # fmt: skip


def test_loop_variables_stand_in_share() -> None:
    twin(
        """
        input: [4]
        layers:
          for i in range(2):
            "fc{i}": {Linear: 4}
            "act{i}": ReLU
          for i in range(2):
            "again{i}": {Linear: 4, share: "fc{i}"}
        """,
        Hand(
            lambda m, x: m.fc1(m.fc0(m.fc1(m.fc0(x).relu()).relu())),
            fc0=nn.Linear(4, 4), fc1=nn.Linear(4, 4),
        ),
        (2, 4),
    )  # fmt: skip


def test_a_loop_may_connect_densely() -> None:
    twin(
        """
        params: {growth: 3}
        input: [4]
        layers:
          for j in range(3):
            "layer{j}": {Linear: growth}
            "cat{j}": {Cat: ["{'cat' if j else 'inp'}{j - 1 if j else 'ut'}", "layer{j}"]}
        """,
        Hand(
            lambda m, x: (
                lambda c0: (lambda c1: torch.cat((c1, m.layer2(c1)), 1))(torch.cat((c0, m.layer1(c0)), 1))
            )(torch.cat((x, m.layer0(x)), 1)),
            layer0=nn.Linear(4, 3), layer1=nn.Linear(7, 3), layer2=nn.Linear(10, 3),
        ),
        (2, 4),
    )  # fmt: skip


def test_a_loop_sees_the_channels_of_the_enclosing_sequence_in_every_turn() -> None:
    twin(
        """
        input: [4]
        layers:
          - for i in range(2):
              - Linear: in_features + i + 1
          - [{"for i in range(in_features - 4)": [{Linear: in_features * 2}]}]
        """,
        numbered(nn.Linear(4, 5), nn.Linear(5, 6), numbered(nn.Linear(6, 12), nn.Linear(12, 12))),
        (2, 4),
    )


def test_a_loop_variable_does_not_outlive_its_loop() -> None:
    twin(
        "params: {i: 9}\ninput: [4]\nlayers: [{'for i in [5, 6]': [{Linear: i}]}, {Linear: i}]",
        numbered(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 9)),
        (2, 4),
    )
