"""Pieces of questions in words: a layer as PyTorch writes it, a shape, a spec of a few layers, a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.op import source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Operator


def spec(sizes: Sequence[int], layers: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    """A spec of layers in a row, each (name, operator, arguments), under an input without its batch.

    >>> print(spec([1, 8, 8], [("conv", "Conv2d", {"out_channels": 4, "kernel_size": 3})]), end="")
    shapecalc: 1
    input: [1, 8, 8]
    layers:
      conv: {Conv2d: {out_channels: 4, kernel_size: 3}}
    """
    lines = ["shapecalc: 1", f"input: {flow(list(sizes))}", "layers:"]
    lines += [f"  {name}: {operator if not args else flow({operator: args})}" for name, operator, args in layers]
    return "\n".join(lines) + "\n"


def flow(value: Any) -> str:
    """A value as YAML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else str(value)


def code(op: Operator, unknown: Sequence[str] = ()) -> str:
    """The layer as PyTorch writes it, between backticks."""
    return f"`{call(op, unknown)}`"


def call(op: Operator, unknown: Sequence[str] = ()) -> str:
    """The layer as PyTorch writes it; unknown arguments are question marks behind the others.

    >>> from shapecalc.ops.conv import Conv2d
    >>> call(Conv2d({"out_channels": 8, "kernel_size": (3, 3), "padding": 1}, (1, 4, 9, 9)), ["padding"])
    'Conv2d(4, 8, kernel_size=(3, 3), padding=?)'
    """
    leads = [a for a in op.attributes if a.lead]
    named = [a for a in op.attributes if not a.lead and a.name not in unknown]
    args = ["?" if a.name in unknown else source(getattr(op, a.name)) for a in leads]
    values = [(a.name, source(getattr(op, a.name))) for a in named if not a.kind.same(getattr(op, a.name), a.default)]
    args += [f"{name}={value}" for name, value in values]
    args += [f"{name}=?" for name in unknown if name not in [a.name for a in leads]]
    return f"{type(op).__name__}({', '.join(args)})"


def sizes(shape: Sequence[Any]) -> str:
    """A shape as people read it, its batch N left out, closed forms in brackets: "3 × 224 × 224".

    >>> sizes(["N", 8, "H//2 - 1"])
    '8 × (H//2 - 1)'
    """
    kept = [str(s) for s in shape if str(s) != "N"]
    return " × ".join(f"({s})" if " " in s else s for s in kept)


def matrix(rows: Sequence[Sequence[Any]]) -> str:
    """A fenced block with a row a line, columns under one another."""
    cells = [[str(v) for v in row] for row in rows]
    width = max(len(cell) for row in cells for cell in row)
    lines = [" ".join(cell.rjust(width) for cell in row) for row in cells]
    return "\n".join(["```", *lines, "```"])


def listed(spec: str, unknown: Sequence[str] = ()) -> tuple[str, str]:
    """The sizes of a spec's input, and a fenced block with its layers as PyTorch writes them.

    Of unknown arguments, which no layer but those that are asked about may have, a question mark is shown.
    """
    from shapecalc.quiz.problem import report_of

    report = report_of(spec)
    assert report.graph is not None
    ops = [(n.path, n.op) for n in report.graph.nodes if n.op is not None]
    lines = [f"{path}: {call(op, [u for u in unknown if hasattr(op, u)])}" for path, op in ops]
    return sizes(report.graph.inputs[0].shape or ()), "\n".join(["```", *lines, "```"])
