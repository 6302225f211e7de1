"""What stands around the classes of an emitted file: docstrings, imports, and the lines that run it."""

from __future__ import annotations

import builtins
import re
import textwrap
from typing import TYPE_CHECKING

from shapecalc.codegen.layout import INDENT, WIDTH, comment_lines, quoted, statement
from shapecalc.codegen.shapes import shape_text
from shapecalc.dims.sym import bind, names
from shapecalc.ops.dtypes import FLOATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.codegen.classes import Variant
    from shapecalc.graph.graph import Wire

RESERVED = {"torch", "nn", "F", "Tensor", "OrderedDict", "math", "Any", *dir(builtins)}
BATCH, EXAMPLE = 2, 64
"""The batch of the example, and the size about which its free sizes are chosen."""


def network_name(report: Report) -> str:
    """The name of the network's class: the spec's, unless the code needs that name for something else."""
    assert report.graph is not None
    brought = {node.op_name for node in report.graph.nodes if getattr(node.op, "support", "")}
    return f"{report.name}Network" if report.name in {*RESERVED, *brought} else report.name


def docstring(paragraphs: Sequence[str], indent: int) -> list[str]:
    """The lines of a docstring: the first paragraph on the first line; nothing of it can end the string."""
    mark = INDENT * indent
    told = [_harmless(p) for p in paragraphs]
    found: list[str] = []
    for i, paragraph in enumerate(told):
        if i:
            found.append("")
        lead = f'{mark}"""' if i == 0 else mark
        room = WIDTH - 3 if len(told) == 1 else WIDTH
        found += textwrap.wrap(paragraph, room, initial_indent=lead, subsequent_indent=mark, break_on_hyphens=False)
    return [*found[:-1], f'{found[-1]}"""'] if len(told) == 1 else [*found, f'{mark}"""']


def comment_block(text: str, indent: int) -> list[str]:
    """A comment on lines of its own."""
    return comment_lines(_harmless(text), indent)


def _harmless(text: str) -> str:
    """Free text as a line of a docstring: no backslash, no double quote, nothing that cannot be seen."""
    plain = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())
    return plain.replace("\\", "/").replace('"', "'")


def network_notes(report: Report) -> list[str]:
    """What the network's class says of itself: totals, input and output."""
    graph = report.graph
    assert graph is not None
    given = "; ".join(f"{w.name} {shape_text(w.shape)}" for w in graph.inputs)
    made = "; ".join(shape_text(w.shape) for w in graph.outputs)
    totals = report.totals
    least = {key: "at least " * (key in report.lower_bounds) for key in ("params", "macs")}
    params, macs = (f"{n:,}" if isinstance(n, int) else str(n) for n in (totals.params, totals.macs))
    return [
        f"{report.name}: {least['params']}{params} parameters.",
        f"{least['macs']}{macs} multiply-accumulates for one sample.".replace("at least", "At least"),
        f"Input: {given.removeprefix('input ')}. Output: {made}.",
    ]


def class_notes(variant: Variant) -> list[str]:
    """What another class says of itself."""
    group = variant.uses[0].group
    count = len(variant.uses)
    if group.block is None:
        notes = [f"The part `{group.path}` of the network."]
    else:
        notes = [group.block.description or f"The block {group.block.name.text} of the spec."]
    if count > 1:
        notes.append(f"Shapes in comments are those of `{group.path}`, the first of {count} uses.")
    if variant.others:
        notes.append("Other uses have other layers inside, and a class of their own.")
    return notes


# imports


def imports(lines: Sequence[str]) -> list[str]:
    """The import statements that the code needs, in their order."""
    code = "\n".join(line.partition("  # ")[0] for line in lines)
    words = set(re.findall(r"[A-Za-z_]\w*(?:\.(?=\w))?", code))
    standard = ["import math"] * ("math." in words)
    if re.search(r"\bOrderedDict\b", code):
        standard.append("from collections import OrderedDict")
    if re.search(r"\bAny\b", code):
        standard.append("from typing import Any")
    functional = ["import torch.nn.functional as F"] * bool(re.search(r"(?<![\w.])F\.\w", code))
    tensor = "Tensor, " * bool(re.search(r"(?<![\w.])Tensor\b", code))
    return [*standard, *[""] * bool(standard), "import torch", *functional, f"from torch import {tensor}nn"]


# the example


def main_lines(report: Report) -> list[str]:
    """The lines that build the network, run it on a random input and print the shapes."""
    graph = report.graph
    assert graph is not None
    sizes = example_sizes(report)
    lines = ['if __name__ == "__main__":', f"{INDENT}model = {network_name(report)}().eval()"]
    variables = _variables(graph.inputs, network_name(report))
    for wire, name in zip(graph.inputs, variables, strict=True):
        lines += statement(f"{name} = {_random(wire, sizes)}", 1)
        lines += statement(f'print("{wire.name}", tuple({name}.shape))', 1)
    lines += [f"{INDENT}with torch.no_grad():"]
    called = f"model({', '.join(variables)})"
    if len(graph.outputs) == 1:
        return [*lines, *statement(f'print("output", tuple({called}.shape))', 2)]
    return [*lines, *statement(f"for output in {called}:", 2), f'{INDENT * 3}print("output", tuple(output.shape))']


def _variables(inputs: Sequence[Wire], network: str) -> list[str]:
    if len(inputs) == 1:
        return ["x" if network != "x" else "x1"]
    return [f"x{i}" if network != f"x{i}" else f"x{i}_" for i in range(1, len(inputs) + 1)]


def example_sizes(report: Report) -> dict[str, int]:
    """A legal number for each named size of the inputs, about EXAMPLE where there is a choice."""
    assert report.graph is not None
    free = {n for w in report.graph.inputs for size in w.shape or () for n in names(size)} - {"N"}
    legal = report.legal
    found = {}
    for name in sorted(free):
        sizes = None if legal is None else legal.sizes.get(name)
        chosen = EXAMPLE if sizes is None else sizes.following(EXAMPLE - 1) or sizes.smallest() or EXAMPLE
        found[name] = chosen
    return {**found, "N": BATCH}


def _random(wire: Wire, sizes: Mapping[str, int]) -> str:
    """An expression for a random tensor of an input's shape and dtype."""
    shape = [str(bind(size, sizes)) for size in wire.shape or ()]
    if wire.dtype in FLOATS:
        dtype = "" if wire.dtype == "float32" else f"dtype=torch.{wire.dtype}"
        return f"torch.randn({', '.join([*(shape or ['()']), *filter(None, [dtype])])})"
    below = 2 if wire.below is None else bind(wire.below, sizes)
    listed = f"({', '.join(shape)}{',' * (len(shape) == 1)})"
    dtype = "" if wire.dtype == "int64" else f", dtype=torch.{wire.dtype}"
    return quoted(f"torch.randint(0, {below}, {listed}{dtype})")
