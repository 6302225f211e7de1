"""Report -> source of a standalone module: the same children by the same names, the layers called one by one.

The text is the only way in which a torch module is ever made of a spec. Names in it are identifiers that the parser has
checked, and literals are written by `repr`, so nothing of a spec can become code.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import TYPE_CHECKING

from shapecalc.graph.graph import Group, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.graph.graph import Graph, Wire
    from shapecalc.ops.op import Shape

INDENT = "    "

GROUP = '''class {name}(nn.Module):
    """Children by name or number; the network calls them one by one."""

    def __init__(self, /, **children: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)

    def __getitem__(self, number: int) -> nn.Module:
        return getattr(self, str(number))
'''

STUB = '''class {name}(nn.Module):
    """A layer that the spec leaves open: write it here."""

    def __init__(self, **arguments: object) -> None:
        super().__init__()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("{name} is an opaque block of the spec")
'''


def emit(report: Report) -> str:
    """Source text of the network's module. Raises ValueError for a report with errors."""
    graph = report.graph
    if graph is None or not graph.outputs or any(d.severity == "error" for d in report.diagnostics):
        raise ValueError(f"{report.path} has errors, so no module can be made of it")
    name = report.name
    group = "Group" if "Group" not in (name, *graph.spec.blocks) else "ChildGroup"
    tree = "\n".join(_init(graph, group))
    parts = [_head(report), *_support(graph, tree, group), _class(name, tree, _forward(graph))]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def variables(graph: Graph) -> dict[str, Wire]:
    """The value that each local variable of the emitted `forward` holds, by the variable's name."""
    names = _Names(graph.env)
    for wire in graph.inputs:
        names.input(wire)
    return {names.output(wire, node): wire for node in graph.nodes for wire in node.outputs}


def _head(report: Report) -> str:
    functional = "import torch.nn.functional as F\n"
    return (
        f'"""{report.name}, made by shapecalc: {report.totals.params} parameters."""\n\n'
        f"import torch\n{functional}from torch import nn\n"
    )


def _class(name: str, init: str, forward: str) -> str:
    head = f"class {name}(nn.Module):\n{INDENT}def __init__(self) -> None:\n{INDENT * 2}super().__init__()"
    return f"{head}\n{init}\n\n{forward}"


def _support(graph: Graph, tree: str, group: str) -> Iterator[str]:
    """The small classes that the module brings along."""
    if f"{group}(" in tree:
        yield GROUP.replace("{name}", group)
    seen: set[str] = set()
    for node in graph.nodes:
        op = node.op
        source = getattr(op, "support", "")
        if node.child is not None and node.child.head.text in graph.spec.blocks and node.op_name not in seen:
            source = STUB.format(name=node.op_name)
        if source and node.op_name not in seen:
            seen.add(node.op_name)
            yield source


# the module tree


def _init(graph: Graph, group: str) -> Iterator[str]:
    for name, child in graph.root.children:
        text = _made(child, 2, group)
        if text and name.isidentifier():
            yield f"{INDENT * 2}self.{name} = {text}"
        elif text:
            yield f"{INDENT * 2}setattr(self, {name!r}, {text})"
    for node in graph.nodes:
        for weight, (owner, theirs) in node.ties.items():
            yield f"{INDENT * 2}{_reach(node.path)}.{weight} = {_reach(owner.owner.path)}.{theirs}"


def _made(child: Group | Node, depth: int, group: str) -> str:
    """The expression that makes a child, or nothing where it holds no module of its own."""
    if isinstance(child, Node):
        assert child.op is not None
        return child.op.constructor() or "" if child.owner is child else ""
    if child.owner is not child:
        return ""
    made = [(name, text) for name, inner in child.children if (text := _made(inner, depth + 1, group))]
    if not made:
        return ""
    names = [name for name, _ in made]
    numbered = names == [str(i) for i in range(len(names))] and not any(t.startswith("nn.Parameter") for _, t in made)
    lines = [f"{INDENT * (depth + 1)}{text},\n" if numbered else _named(name, text, depth + 1) for name, text in made]
    return f"{'nn.Sequential' if numbered else group}(\n{''.join(lines)}{INDENT * depth})"


def _named(name: str, text: str, depth: int) -> str:
    return f"{INDENT * depth}{name}={text},\n" if name.isidentifier() else f"{INDENT * depth}**{{{name!r}: {text}}},\n"


def _reach(path: str) -> str:
    """The expression that reaches a module from the network."""
    text = "self"
    for segment in path.split("."):
        number = segment.isdigit() and text != "self"
        text = (
            f"{text}[{segment}]"
            if number
            else f"{text}.{segment}"
            if segment.isidentifier()
            else _numbered(text, segment)
        )
    return text


def _numbered(text: str, segment: str) -> str:
    return f"getattr({text}, {segment!r})"


# the forward pass


def _forward(graph: Graph) -> str:
    names = _Names(graph.env)
    inputs = [names.input(w) for w in graph.inputs]
    arguments = ", ".join(f"{name}: torch.Tensor" for name in inputs)
    head = f"{INDENT}def forward(self, {arguments}) -> {_result(graph.outputs)}:"
    calls = [(_call(node, names), _shapes(node.outputs)) for node in graph.nodes]
    words = {word for call, _ in calls for word in re.findall(r"\w+", call)}
    sizes = [f"{INDENT * 2}{size}" for size in _sizes(graph, names, words)]
    if "F" in graph.env:  # a size of that name hides the usual name of torch.nn.functional
        calls = [(re.sub(r"\bF\.(?=\w)", "nn.functional.", call), shapes) for call, shapes in calls]
    body = [f"{INDENT * 2}{call}  # {shapes}" for call, shapes in calls]
    returned = ", ".join(names.of(w) for w in graph.outputs)
    return "\n".join([head, *sizes, *body, f"{INDENT * 2}return {returned}"])


def _sizes(graph: Graph, names: _Names, words: set[str]) -> Iterator[str]:
    """A line for each named size that the calls use: the axis of an input that it is."""
    known: set[str] = set()
    for wire in graph.inputs:
        for axis, size in enumerate(wire.shape or ()):
            name = str(size)
            if name.isidentifier() and name in words and name not in known:
                known.add(name)
                yield f"{name} = {names.of(wire)}.shape[{axis}]"


def _result(outputs: Sequence[Wire]) -> str:
    return "torch.Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['torch.Tensor'] * len(outputs))}]"


def _call(node: Node, names: _Names) -> str:
    assert node.op is not None
    args = ["None" if w is None else names.of(w) for w in node.inputs]
    targets = node.op.targets([names.output(w, node) for w in node.outputs])
    return f"{targets} = {node.op.call(_reach(node.owner.path), args)}"


def _shapes(outputs: Sequence[Wire]) -> str:
    return ", ".join(_shape(w.shape) for w in outputs)


def _shape(shape: Shape | None) -> str:
    return " x ".join(map(str, shape or ())) or "scalar"


class _Names:
    """Names of values in `forward`: a path with its dots as underscores, made unique."""

    def __init__(self, sizes: Iterable[str]) -> None:
        self.taken: set[str] = {"self", "torch", "nn", "F", *sizes}
        self.names: dict[tuple[int, int] | str, str] = {}

    def input(self, wire: Wire) -> str:
        return self._take(wire.name, wire.name)

    def output(self, wire: Wire, node: Node) -> str:
        stem = re.sub(r"\W", "_", node.path)
        stem = f"x{stem}" if not stem.isidentifier() or iskeyword(stem) else stem
        return self._take((node.index, wire.index), f"{stem}_{wire.index}" if wire.index else stem)

    def of(self, wire: Wire) -> str:
        return self.names[wire.name if wire.node is None else (wire.node.index, wire.index)]

    def _take(self, key: tuple[int, int] | str, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        self.names[key] = name
        return name
