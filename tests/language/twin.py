"""A spec and an nn.Module written by hand from the language document: the same keys, shapes and outputs, or a failure.

The twin is the second opinion: nothing here reads what the tool makes of the spec except to compare it.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import shapecalc
from shapecalc.dims.sym import bind
from tests import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.analysis.report import Report

SIDE = 0.9


class Hand(nn.Module):
    """A module by hand: children by name (numbers too), and what its forward pass does with itself and the inputs."""

    def __init__(self, forward: Callable[..., Any], **children: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)
        self.run = forward

    def forward(self, *xs: Any) -> Any:
        return self.run(self, *xs)


def chain(**children: nn.Module) -> Hand:
    """Children by name, one after the other."""

    def forward(self: nn.Module, x: Any) -> Any:
        for name in children:
            x = getattr(self, name)(x)
        return x

    return Hand(forward, **children)


def numbered(*children: nn.Module) -> nn.Sequential:
    return nn.Sequential(*children)


def spec(text: str) -> str:
    """The text of a spec: its lines below the version, and below a name unless they give one."""
    text = dedent(text).strip("\n")
    name = "" if text.startswith("name:") else "name: Net\n"
    return f"shapecalc: 1\n{name}{text}\n"


def checked(text: str, params: Mapping[str, Any] | None = None) -> Report:
    """The report of a spec that has nothing wrong with it."""
    report = plain.check_text(spec(text), params=params or {})
    assert report.ok, [(d.code, report.source.place(d.start), d.message, d.help) for d in report.diagnostics]
    return report


def shapes_of(state: Mapping[str, Tensor]) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, tuple(value.shape)) for key, value in state.items()]


def twin(
    text: str, hand: nn.Module, *inputs: Tensor | tuple[int, ...], params: Mapping[str, Any] | None = None
) -> Report:
    """Compare a spec with a module by hand on inputs: tensors, or shapes with the batch in front."""
    report = checked(text, params)
    torch.manual_seed(0)
    scramble(hand)
    xs = [x if isinstance(x, Tensor) else torch.randn(x) for x in inputs]
    made = shapecalc.build(report)
    assert shapes_of(made.state_dict()) == shapes_of(hand.state_dict())
    assert list(report.state_dict().items()) == shapes_of(hand.state_dict())
    count = sum(p.numel() for p in hand.parameters())
    assert (report.totals.params, sum(p.numel() for p in made.parameters())) == (count, count)
    made.load_state_dict(hand.state_dict())
    compare_outputs(report, made.eval(), hand.eval(), xs)
    return report


def scramble(hand: nn.Module) -> None:
    """Random weights and buffers, so that layers in the wrong order or on the wrong input cannot agree."""
    with torch.no_grad():
        for weight in hand.parameters():
            weight.uniform_(-SIDE, SIDE)
        for buffer in hand.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)


def compare_outputs(report: Report, made: nn.Module, hand: nn.Module, xs: Sequence[Tensor]) -> None:
    """Equal outputs bit for bit, and of the shapes that the report states."""
    with torch.inference_mode():
        actual, due = as_tuple(made(*xs)), as_tuple(hand(*xs))
    assert len(actual) == len(due)
    for ours, theirs in zip(actual, due, strict=True):
        assert ours.shape == theirs.shape
        assert torch.equal(ours, theirs)
    assert report.graph is not None
    stated = [bound(w.shape, sizes_of(report, xs)) for w in report.graph.outputs]
    assert stated == [tuple(x.shape) for x in due]


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def sizes_of(report: Report, xs: Sequence[Tensor]) -> dict[str, int]:
    """The values of N and of the symbols, read off the inputs."""
    assert report.graph is not None
    pairs = [
        (str(size), actual)
        for wire, x in zip(report.graph.inputs, xs, strict=True)
        for size, actual in zip(wire.shape or (), x.shape, strict=True)
    ]
    return {name: actual for name, actual in pairs if name.isidentifier()}


def bound(shape: Any, sizes: Mapping[str, int]) -> tuple[Any, ...]:
    return tuple(bind(size, sizes) for size in shape)
