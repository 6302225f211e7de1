"""Merges in all their forms: operands, a single name, scalars, branches and residuals, beside modules by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests import plain

from .twin import Hand, chain, checked, numbered, spec, twin

PAIR = "input: {x: [3, 4], y: [3, 4]}\nlayers:\n  out: {%s}\n"
OPERANDS = [
    ("Add: [x, y]", lambda x, y: x + y),
    ("Sub: [x, y]", lambda x, y: x - y),
    ("Sub: [y, x]", lambda x, y: y - x),
    ("Mul: [x, y]", lambda x, y: x * y),
    ("Add: [x, y, x]", lambda x, y: x + y + x),
    ("Cat: [x, y]", lambda x, y: torch.cat((x, y), 1)),
    ("Cat: {dim: 2}, from: [y, x]", lambda x, y: torch.cat((y, x), 2)),
    ("Cat: {dim: -1}, from: [x, y, x]", lambda x, y: torch.cat((x, y, x), -1)),
    ("Stack: [x, y]", lambda x, y: torch.stack((x, y))),
    ("Stack: {dim: 1}, from: [x, y]", lambda x, y: torch.stack((x, y), 1)),
    ("Add: , from: [x, y]", lambda x, y: x + y),
    ("Add: {}, from: [x, y]", lambda x, y: x + y),
    ("Add: [x, 1]", lambda x, y: x + 1),
    ("Sub: [1, y]", lambda x, y: 1 - y),
    ("Mul: [0.5, x, y]", lambda x, y: 0.5 * x * y),
    ("Mul: [x, -2]", lambda x, y: x * -2),
]


@pytest.mark.parametrize(("layer", "merge"), OPERANDS, ids=[o[0] for o in OPERANDS])
def test_operands_are_a_bare_list_or_stand_in_from(layer: str, merge: object) -> None:
    twin(PAIR % layer, Hand(lambda m, x, y: merge(x, y)), (2, 3, 4), (2, 3, 4))  # type: ignore[operator]


@pytest.mark.parametrize("number", [0, 1])
def test_a_number_is_a_scalar_in_a_list_too_whose_children_have_numbers(number: int) -> None:
    twin(
        f"input: [3, 4]\nlayers:\n  - Tanh\n  - Sigmoid\n  - {{Add: [input, {number}]}}",
        Hand(lambda m, x: x + number),
        (2, 3, 4),
    )


def test_matmul_takes_two_operands() -> None:
    twin("input: {x: [3, 4], y: [4, 5]}\nlayers: [{MatMul: [x, y]}]", Hand(lambda m, x, y: x @ y), (2, 3, 4), (2, 4, 5))


@pytest.mark.parametrize(
    ("layer", "merge"),
    [
        ("Add: a", lambda b, a: b + a), ("Sub: a", lambda b, a: b - a), ("Mul: a", lambda b, a: b * a),
        ("Cat: a", lambda b, a: torch.cat((b, a), 1)), ("Mul: 2", lambda b, a: b * 2),
        ("Add: scale", lambda b, a: b + 0.5),
    ],
)  # fmt: skip
def test_a_single_operand_joins_the_flow(layer: str, merge: object) -> None:
    twin(
        f"params: {{scale: 0.5}}\ninput: [4]\nlayers: {{a: {{Linear: 5}}, b: {{Linear: 5}}, out: {{{layer}}}}}",
        Hand(lambda m, x: merge(m.b(m.a(x)), m.a(x)), a=nn.Linear(4, 5), b=nn.Linear(5, 5)),  # type: ignore[operator]
        (2, 4),
    )


def test_a_param_among_the_operands_is_a_scalar() -> None:
    twin(
        "params: {alpha: 0.25, n: 3}\ninput: [4]\nlayers: {a: {Linear: 4}, out: {Mul: [alpha, a, n]}}",
        Hand(lambda m, x: 0.25 * m.a(x) * 3, a=nn.Linear(4, 4)),
        (2, 4),
    )


def test_a_learned_tensor_broadcasts_freely() -> None:
    twin(
        """
        input: [3, 5, 5]
        layers:
          gamma: {Parameter: {shape: [3, 1, 1], init: ones}}
          shift: {Parameter: [1]}
          conv: {Conv2d: {out_channels: 3, kernel_size: 1}}
          scaled: {Mul: [gamma, conv]}
          out: {Add: [scaled, shift]}
        """,
        Hand(
            lambda m, x: m.gamma * m.conv(x) + m.shift,
            gamma=nn.Parameter(torch.ones(3, 1, 1)), shift=nn.Parameter(torch.zeros(1)), conv=nn.Conv2d(3, 3, 1),
        ),
        (2, 3, 5, 5),
    )  # fmt: skip


NARROW = "input: {x: [3, 4], y: [1, 4]}\nlayers:\n  - {%s, from: [x, y]}\n"


@pytest.mark.parametrize("op", ["Add", "Sub"])
def test_silent_broadcasting_needs_broadcast(op: str) -> None:
    report = plain.check_text(spec(NARROW % f"{op}: "))
    assert [d.code for d in report.diagnostics] == ["SC211"]
    sign = torch.add if op == "Add" else torch.sub
    text = NARROW % f"{op}: {{broadcast: true}}"
    twin(text, Hand(lambda m, x, y: sign(x, y)), (2, 3, 4), (2, 1, 4))


def test_mul_broadcasts_as_torch_does() -> None:
    twin(NARROW % "Mul: ", Hand(lambda m, x, y: x * y), (2, 3, 4), (2, 1, 4))


def test_cat_joins_along_axis_0_without_a_batch() -> None:
    twin(
        """
        input: {x: {shape: [3, 4], batch: false}, y: {shape: [2, 4], batch: false}}
        layers: [{Cat: [x, y]}]
        """,
        Hand(lambda m, x, y: torch.cat((x, y))),
        (3, 4),
        (2, 4),
    )


class Inception(nn.Module):
    """Two branches side by side, as in a module by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.branch1 = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.branch2 = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 5, 3, padding=1))
        self.single = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.branch1(x), self.branch2(x), self.single(x)), 1)


def test_branches_are_children_of_the_merge() -> None:
    twin(
        """
        input: [3, 6, 6]
        layers:
          inception3a:
            Cat:
              branches:
                branch1: [{Conv2d: {out_channels: 4, kernel_size: 1}}, ReLU]
                branch2:
                  - Conv2d: {out_channels: 2, kernel_size: 1}
                  - Conv2d: {out_channels: 5, kernel_size: 3, padding: 1}
                single: {Conv2d: {out_channels: 3, kernel_size: 1}}
          out: {Conv2d: {out_channels: 2, kernel_size: 1}}
        """,
        chain(inception3a=Inception(), out=nn.Conv2d(12, 2, 1)),
        (2, 3, 6, 6),
    )


def test_branches_may_be_a_list() -> None:
    twin(
        """
        input: [4]
        layers:
          - Linear: 6
          - Add:
              branches:
                - Linear: 5
                - [{Linear: 3}, ReLU, {Linear: 5}]
                - {Linear: 5, name: third}
        """,
        chain(
            **{
                "0": nn.Linear(4, 6),
                "1": Hand(
                    lambda m, x: getattr(m, "0")(x) + getattr(m, "1")(x) + m.third(x),
                    **{
                        "0": nn.Linear(6, 5),
                        "1": numbered(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 5)),
                        "third": nn.Linear(6, 5),
                    },
                ),
            }
        ),
        (2, 4),
    )


def test_branches_begin_at_what_from_names_and_take_the_arguments_of_the_merge() -> None:
    twin(
        """
        input: [3, 6]
        layers:
          a: {Linear: 5}
          b: {Linear: 7}
          both: {Cat: {dim: 2, branches: {left: {Linear: 2}, right: Identity}}, from: a}
        """,
        Hand(
            lambda m, x: (lambda a: torch.cat((m.both.left(a), a), 2))(m.a(x)),
            a=nn.Linear(6, 5), b=nn.Linear(5, 7), both=Hand(None, left=nn.Linear(5, 2)),  # type: ignore[arg-type]
        ),
        (2, 3, 6),
    )  # fmt: skip


def test_a_branch_opens_a_scope_whose_input_is_what_the_merge_was_given() -> None:
    twin(
        """
        input: [4]
        layers:
          a: {Linear: 6}
          both:
            Cat:
              branches:
                left: [{Linear: in_features * 2}, {Linear: in_features, from: input}, {Add: input}]
                right: [{Linear: in_features // 2}]
        """,
        Hand(
            lambda m, x: (lambda a: torch.cat((m.both.left[1](a) + a, m.both.right(a)), 1))(m.a(x)),
            a=nn.Linear(4, 6),
            both=Hand(None, left=numbered(nn.Linear(6, 12), nn.Linear(6, 6)), right=numbered(nn.Linear(6, 3))),  # type: ignore[arg-type]
        ),
        (2, 4),
    )


def test_a_branch_left_out_by_when_stands_for_its_input() -> None:
    twin(
        """
        input: [4]
        layers:
          both: {Cat: {branches: {left: {Linear: 2}, right: {Linear: 9, when: false}}}}
        """,
        Hand(lambda m, x: torch.cat((m.both.left(x), x), 1), both=chain(left=nn.Linear(4, 2))),
        (2, 4),
    )


def test_branches_can_be_reached_by_a_dotted_reference() -> None:
    twin(
        """
        input: [4]
        layers:
          both: {Cat: {branches: {left: [{Linear: 2}, ReLU], right: {Linear: 3}}}}
          again: {Cat: [both.right, both.left.0, both]}
        """,
        Hand(
            lambda m, x: (lambda l0, r: torch.cat((r, l0, l0.relu(), r), 1))(m.both.left[0](x), m.both.right(x)),
            both=Hand(None, left=numbered(nn.Linear(4, 2), nn.ReLU()), right=nn.Linear(4, 3)),  # type: ignore[arg-type]
        ),
        (2, 4),
    )


def test_a_residual_without_a_shortcut_adds_the_flow() -> None:
    twin(
        "input: [4]\nlayers: {skip: {Residual: {body: [{Linear: 7}, ReLU, {Linear: 4}]}}, out: {Linear: 2}}",
        Hand(
            lambda m, x: m.out(m.skip.body(x) + x),
            skip=chain(body=numbered(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 4))), out=nn.Linear(4, 2),
        ),
        (2, 4),
    )  # fmt: skip


def test_a_residual_with_a_shortcut_adds_both() -> None:
    twin(
        """
        input: [3, 6, 6]
        layers:
          - Residual:
              body: {conv: {Conv2d: {out_channels: 5, kernel_size: 3, stride: 2, padding: 1}}, norm: BatchNorm2d}
              shortcut: [{Conv2d: {out_channels: 5, kernel_size: 1, stride: 2}}]
          - ReLU
        """,
        Hand(
            lambda m, x: (lambda r: (r.body(x) + r.shortcut(x)).relu())(getattr(m, "0")),
            **{
                "0": chain(
                    body=chain(conv=nn.Conv2d(3, 5, 3, stride=2, padding=1), norm=nn.BatchNorm2d(5)),
                    shortcut=numbered(nn.Conv2d(3, 5, 1, stride=2)),
                )
            },
        ),
        (2, 3, 6, 6),
    )


@pytest.mark.parametrize("width", [4, 6])
def test_a_shortcut_may_depend_on_the_channels(width: int) -> None:
    shortcut = {} if width == 4 else {"shortcut": numbered(nn.Linear(4, 6))}
    twin(
        """
        params: {w: 4}
        input: [4]
        layers:
          skip:
            Residual:
              body: [{Linear: w}, ReLU]
              shortcut: [{Linear: w, when: w != in_features}]
        """,
        Hand(
            lambda m, x: m.skip.body(x) + (m.skip.shortcut(x) if width == 6 else x),
            skip=chain(body=numbered(nn.Linear(4, width), nn.ReLU()), **shortcut),
        ),
        (2, 4),
        params={"w": width},
    )


def test_a_residual_may_broadcast_only_when_asked() -> None:
    text = "input: [3, 4]\nlayers: [{Residual: {body: [{Mean: {dim: 1, keepdim: true}}]%s}}]"
    assert [d.code for d in plain.check_text(spec(text % "")).diagnostics] == ["SC211"]
    twin(text % ", broadcast: true", Hand(lambda m, x: x.mean(1, keepdim=True) + x), (2, 3, 4))


def test_residuals_and_branches_nest() -> None:
    twin(
        """
        input: [4]
        layers:
          outer:
            Residual:
              body:
                - Residual: {body: [{Linear: 4}]}
                - Cat: {branches: {a: {Linear: 1}, b: {Linear: 3}}}
        """,
        Hand(
            lambda m, x: (
                (lambda b: (lambda y: torch.cat((b[1].a(y), b[1].b(y)), 1))(b[0].body(x) + x))(m.outer.body) + x
            ),
            outer=chain(
                body=numbered(chain(body=numbered(nn.Linear(4, 4))), Hand(None, a=nn.Linear(4, 1), b=nn.Linear(4, 3)))  # type: ignore[arg-type]
            ),
        ),
        (2, 4),
    )


def test_operands_of_unequal_rank_are_refused_by_add() -> None:
    report = plain.check_text(spec("input: {x: [3, 4], y: [4]}\nlayers: [{Add: [x, y]}]"))
    assert [d.code for d in report.diagnostics] == ["SC211"]


def test_a_merge_inside_of_a_sequence_reaches_outwards() -> None:
    assert (
        checked("input: [4]\nlayers: {a: {Linear: 4}, b: [{Linear: 4}, {Add: a}]}").layers[-1].output_shapes[0][1] == 4
    )
