"""Parts that share another's modules: what is emitted computes what the spec says, also where the two parts differ."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import shapecalc
from tests import plain

HEAD = """shapecalc: 1
input: [3, 16, 16]
layers:
  g:
    c: {Conv2d: {out_channels: 3, kernel_size: 1}}
    p: FIRST
  h:
    Sequential:
      c: {Conv2d: {out_channels: 3, kernel_size: 1}}
      p: SECOND
    share: g
"""

SAID: dict[str, Any] = {
    "{MaxPool2d: 2}": lambda x: F.max_pool2d(x, 2),
    "{MaxPool2d: 4}": lambda x: F.max_pool2d(x, 4),
    "{AvgPool2d: 2}": lambda x: F.avg_pool2d(x, 2),
    "{Pad: [1, 1]}": lambda x: F.pad(x, (1, 1)),
    "{Pad: [2, 2]}": lambda x: F.pad(x, (2, 2)),
    "{Mul: 2}": lambda x: x * 2,
    "{Mul: 3}": lambda x: x * 3,
}


@pytest.mark.parametrize(("first", "second"), [
    ("{MaxPool2d: 2}", "{MaxPool2d: 2}"), ("{MaxPool2d: 2}", "{MaxPool2d: 4}"), ("{MaxPool2d: 2}", "{AvgPool2d: 2}"),
    ("{Pad: [1, 1]}", "{Pad: [2, 2]}"), ("{Mul: 2}", "{Mul: 3}"), ("{Mul: 3}", "{Mul: 3}"),
])  # fmt: skip
def test_a_shared_part_computes_what_it_says(first: str, second: str) -> None:
    report = plain.check_text(HEAD.replace("FIRST", first).replace("SECOND", second))
    net, x = shapecalc.build(report).eval(), torch.randn(2, 3, 16, 16)
    assert list(net.state_dict()) == ["g.c.weight", "g.c.bias"]
    weight, bias = net.state_dict().values()
    with torch.no_grad():
        expected = x
        for part in (first, second):
            expected = SAID[part](F.conv2d(expected, weight, bias))
        assert torch.equal(net(x), expected)
    assert ("one by one" in shapecalc.emit(report)) is (first != second)


def test_a_convolution_of_another_stride_is_tied_within_a_shared_part_too() -> None:
    text = HEAD.replace("FIRST", "ReLU").replace("SECOND", "ReLU")
    there = text.rindex("kernel_size: 1")
    report = plain.check_text(text[:there] + "kernel_size: 1, stride: 2" + text[there + 14 :])
    net, x = shapecalc.build(report).eval(), torch.randn(2, 3, 16, 16)
    weight, bias = net.state_dict()["g.c.weight"], net.state_dict()["g.c.bias"]
    with torch.no_grad():
        y = F.relu(F.conv2d(F.relu(F.conv2d(x, weight, bias)), weight, bias, stride=2))
        assert torch.equal(net(x), y)
    assert report.totals.params == weight.numel() + bias.numel()


def test_a_part_that_takes_a_tensor_of_the_one_it_shares_runs() -> None:
    report = plain.check_text("""shapecalc: 1
input: {a: [11, 4], b: [9, 4]}
layers:
  pos:
    Sequential:
      pe: {Buffer: [1, 50, 4]}
      slice: {Slice: {dim: 1, end: 11}, from: pe}
      add: {Add: {broadcast: true}, from: [input, slice]}
    from: a
  pos2:
    Sequential:
      slice: {Slice: {dim: 1, end: 9}, from: pos.pe}
      add: {Add: {broadcast: true}, from: [input, slice]}
    share: pos
    from: b
output: [pos, pos2]
""")
    net = shapecalc.build(report)
    a, b = torch.randn(2, 11, 4), torch.randn(2, 9, 4)
    table = torch.randn(1, 50, 4)
    net.load_state_dict({"pos.pe": table})
    for y, expected in zip(net(a, b), (a + table[:, :11], b + table[:, :9]), strict=True):
        assert torch.equal(y, expected)
