"""Blocks: params, inputs, outputs, branches and blocks in blocks, beside classes by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import shapecalc
from tests import plain

from .twin import Hand, chain, checked, numbered, spec, twin


class BasicBlock(nn.Module):
    """The basic block of torchvision's ResNet."""

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


RESNET = """
blocks:
  BasicBlock:
    params: {planes: ~, stride: 1}
    layers:
      conv1: {Conv2d: {out_channels: planes, kernel_size: 3, stride: stride, padding: 1, bias: false}}
      bn1: BatchNorm2d
      relu1: ReLU
      conv2: {Conv2d: {out_channels: planes, kernel_size: 3, padding: 1, bias: false}}
      bn2: BatchNorm2d
      downsample:
        Sequential:
          - Conv2d: {out_channels: planes, kernel_size: 1, stride: stride, bias: false}
          - BatchNorm2d
        from: input
        when: stride != 1 or in_channels != planes
      add: {Add: [bn2, downsample]}
      relu2: ReLU
input: [3, H, W]
layers:
  layer1: [{BasicBlock: 3}, {BasicBlock: 4}]
  layer2: [{BasicBlock: {planes: 6, stride: 2}}, {BasicBlock: 6, repeat: 2}]
"""


def test_a_block_sees_its_params_and_the_channels_of_its_input() -> None:
    twin(
        RESNET,
        chain(
            layer1=numbered(BasicBlock(3, 3), BasicBlock(3, 4)),
            layer2=numbered(BasicBlock(4, 6, 2), BasicBlock(6, 6), BasicBlock(6, 6)),
        ),
        (2, 3, 9, 7),
    )


class Up(nn.Module):
    """The decoder step of a U-Net."""

    def __init__(self, below: int, skip: int, out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(below, out, 2, stride=2)
        self.conv = nn.Conv2d(out + skip, out, 3, padding=1)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat((skip, self.up(below)), 1))


UP = """
blocks:
  Up:
    params: {out: ~}
    inputs: [below, skip]
    layers:
      up: {ConvTranspose2d: {out_channels: out, kernel_size: 2, stride: 2}, from: below}
      cat: {Cat: [skip, up]}
      conv: {Conv2d: {out_channels: out, kernel_size: 3, padding: 1}}
input: [3, 8, 8]
layers:
  a: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}}
  b: {Conv2d: {out_channels: 6, kernel_size: 2, stride: 2}}
  decode: {Up: 5, from: FROM}
"""


@pytest.mark.parametrize("wired", ["[b, a]", "{below: b, skip: a}", "{skip: a, below: b}"])
def test_a_block_takes_several_inputs_in_order_or_by_name(wired: str) -> None:
    twin(
        UP.replace("FROM", wired),
        Hand(
            lambda m, x: (lambda a: m.decode(m.b(a), a))(m.a(x)),
            a=nn.Conv2d(3, 4, 3, padding=1), b=nn.Conv2d(4, 6, 2, stride=2), decode=Up(6, 4, 5),
        ),
        (2, 3, 8, 8),
    )  # fmt: skip


def test_the_flow_of_a_block_begins_at_its_first_input() -> None:
    twin(
        """
        blocks: {Gate: {inputs: [x, gate], layers: {fc: {Linear: 5}, out: {Mul: gate}, last: {Linear: in_features}}}}
        input: {a: [4], b: [5]}
        layers: [{Gate: , from: [a, b]}]
        """,
        Hand(
            lambda m, a, b: (lambda g: g.last(g.fc(a) * b))(getattr(m, "0")),
            **{"0": Hand(None, fc=nn.Linear(4, 5), last=nn.Linear(5, 4))},  # type: ignore[arg-type]
        ),
        (2, 4),
        (2, 5),
    )


def test_a_block_s_own_input_is_reached_from_a_nested_sequence_by_its_name() -> None:
    twin(
        """
        blocks:
          Skip:
            inputs: [x]
            layers:
              deep: [{Linear: 7}, {Linear: 4}, {Add: x}]
        input: [4]
        layers: {pre: {Linear: 4}, skip: Skip}
        """,
        Hand(
            lambda m, x: (lambda a: m.skip.deep(a) + a)(m.pre(x)),
            pre=nn.Linear(4, 4), skip=chain(deep=numbered(nn.Linear(4, 7), nn.Linear(7, 4))),
        ),
        (2, 4),
    )  # fmt: skip


PAIRED = """
blocks:
  Pair:
    layers: {a: {Linear: 5}, b: {Linear: 6, from: input}, c: ReLU}
    output: [b, a]
input: [4]
layers:
"""


def test_the_outputs_of_a_block_go_by_their_index_and_the_bare_name_is_the_first() -> None:
    pair = Hand(lambda m, x: (m.b(x), m.a(x)), a=nn.Linear(4, 5), b=nn.Linear(4, 6))
    twin(
        PAIRED + "  pair: Pair\n  flow: {Linear: 2}\n  first: {Linear: 3, from: pair}\n"
        '  second: {Linear: 4, from: "pair[1]"}\n  zero: {Linear: 1, from: "pair[0]"}\n'
        "output: [flow, first, second, zero]",
        Hand(
            lambda m, x: (lambda b, a: (m.flow(b), m.first(b), m.second(a), m.zero(b)))(*m.pair(x)),
            pair=pair, flow=nn.Linear(6, 2), first=nn.Linear(6, 3), second=nn.Linear(5, 4), zero=nn.Linear(6, 1),
        ),
        (2, 4),
    )  # fmt: skip


def test_the_output_of_a_block_may_be_a_name() -> None:
    twin(
        "blocks: {Early: {layers: {a: {Linear: 5}, b: {Linear: 6}}, output: a}}\n"
        "input: [4]\nlayers: [Early, {Linear: 2}]",
        Hand(
            lambda m, x: getattr(m, "1")(getattr(m, "0").a(x)),
            **{"0": chain(a=nn.Linear(4, 5), b=nn.Linear(5, 6)), "1": nn.Linear(5, 2)},
        ),
        (2, 4),
    )


class Inception(nn.Module):
    def __init__(self, i: int, c1: int, c3: tuple[int, int], pool: int) -> None:
        super().__init__()
        self.branch1 = nn.Conv2d(i, c1, 1)
        self.branch2 = nn.Sequential(nn.Conv2d(i, c3[0], 1), nn.Conv2d(c3[0], c3[1], 3, padding=1))
        self.branch3 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(i, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.branch1(x), self.branch2(x), self.branch3(x)), self.dim if hasattr(self, "dim") else 1)


INCEPTION = """
blocks:
  Inception:
    params: {c1: ~, c3: ~, pool: ~}
    branches:
      branch1: {Conv2d: {out_channels: c1, kernel_size: 1}}
      branch2:
        - Conv2d: {out_channels: "c3[0]", kernel_size: 1}
        - Conv2d: {out_channels: "c3[1]", kernel_size: 3, padding: 1}
      branch3: [{MaxPool2d: {kernel_size: 3, stride: 1, padding: 1}}, {Conv2d: {out_channels: pool, kernel_size: 1}}]
    merge: Cat
input: [3, 6, 6]
layers:
  a: {Inception: {c1: 2, c3: [3, 4], pool: 5}}
  b: {Inception: {c1: 3, c3: [1, 3], pool: 3}}
"""


def test_a_block_may_be_branches_with_a_merge() -> None:
    twin(INCEPTION, chain(a=Inception(3, 2, (3, 4), 5), b=Inception(11, 3, (1, 3), 3)), (2, 3, 6, 6))


@pytest.mark.parametrize(
    ("merge", "function"),
    [
        ("Add", lambda xs: xs[0] + xs[1]),
        ("Mul", lambda xs: xs[0] * xs[1]),
        ("{Cat: {dim: 2}}", lambda xs: torch.cat(xs, 2)),
        ("{Stack: {dim: -1}}", lambda xs: torch.stack(xs, -1)), ("Cat", lambda xs: torch.cat(xs, 1)),
    ],
)  # fmt: skip
def test_the_merge_of_a_block_is_an_operator_with_or_without_arguments(merge: str, function: object) -> None:
    twin(
        f"blocks: {{B: {{branches: {{p: {{Linear: 5}}, q: {{Linear: 5}}}}, merge: {merge}}}}}\n"
        "input: [3, 4]\nlayers: {b: B}",
        Hand(
            lambda m, x: function([m.b.p(x), m.b.q(x)]),  # type: ignore[operator]
            b=Hand(None, p=nn.Linear(4, 5), q=nn.Linear(4, 5)),  # type: ignore[arg-type]
        ),
        (2, 3, 4),
    )


def test_a_block_uses_another_and_its_arguments_see_the_caller() -> None:
    twin(
        """
        params: {w: 3}
        blocks:
          Around: {params: {w: ~}, layers: {a: {Inner: {w: w + 1}}, b: {Inner: in_features}}}
          Inner: {params: {w: 9}, layers: [{Linear: w}, ReLU]}
        input: [5]
        layers: {o: {Around: w * 2}, last: Inner}
        """,
        chain(
            o=chain(a=numbered(nn.Linear(5, 7), nn.ReLU()), b=numbered(nn.Linear(7, 5), nn.ReLU())),
            last=numbered(nn.Linear(5, 9), nn.ReLU()),
        ),
        (2, 5),
    )


def test_defaults_of_params_use_those_before_them_and_the_input() -> None:
    twin(
        """
        blocks:
          Bottleneck:
            params: {out: in_features * 2, mid: out // 4, last: mid + 1}
            layers: [{Linear: mid}, {Linear: out}, {Linear: last}]
        input: [4]
        layers: [Bottleneck, {Bottleneck: {out: 12, last: 5}}, {Bottleneck: {mid: 6}}]
        """,
        numbered(
            numbered(nn.Linear(4, 2), nn.Linear(2, 8), nn.Linear(8, 3)),
            numbered(nn.Linear(3, 3), nn.Linear(3, 12), nn.Linear(12, 5)),
            numbered(nn.Linear(5, 6), nn.Linear(6, 10), nn.Linear(10, 7)),
        ),
        (2, 4),
    )


@pytest.mark.parametrize("form", ["act", "{act: }", "{act: ~}"])
@pytest.mark.parametrize(("name", "module"), [("ReLU", nn.ReLU()), ("Tanh", nn.Tanh())])
def test_a_param_may_hold_the_name_of_an_operator(form: str, name: str, module: nn.Module) -> None:
    twin(
        f"params: {{act: ReLU}}\ninput: [4]\nlayers: [{{Linear: 5}}, {form}, {{Linear: 2}}]",
        numbered(nn.Linear(4, 5), module, nn.Linear(5, 2)),
        (2, 4),
        params={"act": name},
    )


def test_a_param_of_a_block_may_hold_the_name_of_an_operator_or_block() -> None:
    twin(
        """
        blocks:
          Wide: {layers: [{Linear: 9}, ReLU]}
          Two: {params: {w: ~, act: ReLU, norm: Identity}, layers: {fc: {Linear: w}, norm: norm, act: act}}
        input: [4]
        layers: {a: {Two: 5}, b: {Two: {w: 6, act: Sigmoid, norm: BatchNorm1d}}, c: {Two: {w: 3, act: Wide}}}
        """,
        chain(
            a=chain(fc=nn.Linear(4, 5), norm=nn.Identity(), act=nn.ReLU()),
            b=chain(fc=nn.Linear(5, 6), norm=nn.BatchNorm1d(6), act=nn.Sigmoid()),
            c=chain(fc=nn.Linear(6, 3), norm=nn.Identity(), act=numbered(nn.Linear(3, 9), nn.ReLU())),
        ),
        (2, 4),
    )


def test_loops_and_conditions_work_inside_of_blocks() -> None:
    twin(
        """
        blocks:
          Deep:
            params: {n: ~, last: true}
            layers:
              for i in range(n):
                "fc{i}": {Linear: 3 + i}
              out: {Linear: 2, when: last}
        input: [4]
        layers: [{Deep: 2}, {Deep: {n: 1, last: false}}]
        """,
        numbered(
            chain(fc0=nn.Linear(4, 3), fc1=nn.Linear(3, 4), out=nn.Linear(4, 2)),
            chain(fc0=nn.Linear(2, 3)),
        ),
        (2, 4),
    )


OPAQUE = """
blocks:
  Mine:
    params: {c: ~, k: 3}
    shape: ["c", "in_shape[1] // k", "in_shape[2] // k"]
    FACTS
input: [3, 9, 9]
layers: [{Conv2d: {out_channels: 4, kernel_size: 1}}, {Mine: 8}, {Conv2d: {out_channels: 2, kernel_size: 1}}]
"""


def test_an_opaque_block_states_its_shape_and_the_rest_is_unknown() -> None:
    report = checked(OPAQUE.replace("    FACTS\n", ""))
    mine = report.layer("1")
    assert [str(s) for s in mine.output_shapes[0]] == ["N", "8", "3", "3"]
    assert mine.params is None
    assert mine.macs is None
    assert "params" in mine.reasons
    assert "macs" in mine.reasons
    assert {"params", "macs"} <= set(report.lower_bounds)
    assert report.totals.params == 16 + 18


def test_an_opaque_block_may_state_its_weights_and_costs() -> None:
    report = checked(OPAQUE.replace("FACTS", "weights: {table: [c, in_channels], bias: [c]}\n    macs: c * 100"))
    assert report.state_dict()["1.table"] == (8, 4)
    assert report.layer("1").params == 8 * 4 + 8
    assert report.layer("1").macs == 800
    assert report.totals.params == 16 + 40 + 18
    assert not {"params", "macs"} & set(report.lower_bounds)


def test_an_opaque_block_becomes_a_stub_that_raises() -> None:
    module = shapecalc.build(checked(OPAQUE.replace("    FACTS\n", "")))
    with pytest.raises(NotImplementedError):
        module(torch.zeros(1, 3, 9, 9))


def test_the_parts_of_a_block_are_closed_to_references() -> None:
    report = plain.check_text(
        spec("blocks: {B: {layers: {a: {Linear: 4}}}}\ninput: [4]\nlayers: {b: B, c: {Add: b.a}}")
    )
    assert [d.code for d in report.diagnostics] == ["SC114"]
