"""Report -> source of a module that calls all layers one by one in one `forward`, each with a variable of its own.

This is how a network is written whose structure no classes can keep: a layer inside of one part that is called again
from another, for example. The children have the same names all the same.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.emission import Emission
from shapecalc.codegen.expression import tidied
from shapecalc.codegen.head import comment_block, docstring, imports, main_lines, network_name, network_notes
from shapecalc.codegen.layout import INDENT, Tree, quoted, statement, tree
from shapecalc.codegen.own import added, getter, own_tensor
from shapecalc.codegen.plan import Step, Unit
from shapecalc.codegen.shapes import shapes
from shapecalc.graph.graph import Group, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from shapecalc.analysis.report import Report
    from shapecalc.graph.graph import Graph, Wire

GROUP = '''class {name}(nn.Module):
    """Children by name or number; the network calls them one by one."""

    def __init__(self, /, **children: nn.Module | Tensor) -> None:
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)
'''


class FlatSite:
    """A line of the forward pass that runs one layer."""

    __slots__ = ("names", "node")

    def __init__(self, node: Node, names: tuple[str, ...]) -> None:
        self.node = node
        self.names = names

    def step(self, unit: Unit) -> Step | None:
        return Step("", None, self.node, self.node.inputs, self.node.outputs)


def flat(report: Report, reason: str, support: Iterable[str], stubs: Mapping[str, str]) -> Emission:
    """The module's text, with the reason why it is flat, and where each layer runs in it."""
    graph = report.graph
    assert graph is not None
    network = Unit(graph.root, ("root",), [], False)
    name = network_name(report)
    taken = (name, *(n.op_name for n in graph.nodes), *stubs.values())
    group = next(n for n in ("Group", "ChildGroup", "Children_") if n not in taken)
    opening = [f"class {name}(nn.Module):", *docstring(network_notes(report), 1), ""]
    opening += [f"{INDENT}def __init__(self) -> None:", f"{INDENT * 2}super().__init__()", *_init(graph, group, stubs)]
    note = comment_block(f"All layers are called here one by one, because {reason}.", 1)
    head, calls, returned = _forward(graph)
    parts = [*(s.rstrip("\n").split("\n") for s in support)]
    if any(f"{group}(" in line for line in opening):
        parts.append(GROUP.replace("{name}", group).rstrip("\n").split("\n"))
    parts.append([*opening, "", *note, *head])
    main = main_lines(report)
    code = [line for part in parts for line in part] + [line for lines, _ in calls for line in lines]
    lines = [*docstring([report.name], 0), "", *imports([*code, *main])]
    for part in parts:
        lines += ["", "", *part]
    sites: dict[int, Any] = {}
    for text, site in calls:
        sites.update(dict.fromkeys(range(len(lines) + 1, len(lines) + len(text) + 1), site))
        lines += text
    return Emission("\n".join([*lines, *returned, "", "", *main]) + "\n", sites, [network], name)


# the module tree


def _init(graph: Graph, group: str, stubs: Mapping[str, str]) -> Iterator[str]:
    for name, child in graph.root.children:
        made = _made(child, group, stubs)
        if made is None:
            continue
        if name.isidentifier():
            yield from statement(_prefixed(f"self.{name} = ", made), 2)
        else:
            yield from statement(added(name, made), 2)
    for node in graph.nodes:
        for weight, (owner, theirs) in node.ties.items():
            left, right = _module(node.path), _parameter(f"{owner.owner.path}.{theirs}")
            yield from statement(f"{left}.{weight} = {right}", 2)


def _prefixed(prefix: str, made: str | Tree) -> str | Tree:
    return f"{prefix}{made}" if isinstance(made, str) else Tree(prefix + made.head, made.items, made.tail)


def _made(child: Group | Node, group: str, stubs: Mapping[str, str]) -> str | Tree | None:
    """The expression that makes a child, or None where it holds no module of its own."""
    if isinstance(child, Node) and child.owner is not child:
        return None
    if isinstance(child, Node):
        assert child.op is not None
        maker = child.op.constructor()
        if maker is not None and child.op_name in stubs:
            maker = stubs[child.op_name] + maker[maker.index("(") :]
        return None if maker is None else quoted(maker)
    inner = [(name, made) for name, c in child.children if (made := _made(c, group, stubs)) is not None]
    if not inner:
        return None
    tensors = any(own_tensor(made) for _, made in inner)
    if [name for name, _ in inner] == [str(i) for i in range(len(inner))] and not tensors:
        return tree("nn.Sequential(", [made for _, made in inner], ")")
    return tree(f"{group}(", [_named(name, made) for name, made in inner], ")")


def _named(name: str, made: str | Tree) -> str | Tree:
    if name.isidentifier():
        return _prefixed(f"{name}=", made)
    pair = _prefixed(f'"{name}": ', made)
    return tree("**{", [pair], "}") if isinstance(pair, Tree) else f"**{{{pair}}}"


def _module(path: str) -> str:
    return f"self.{path}" if path.isidentifier() else f'self.get_submodule("{path}")'


def _parameter(path: str) -> str:
    return f"self.{path}" if path.isidentifier() else f'self.get_parameter("{path}")'


# the forward pass


def _forward(graph: Graph) -> tuple[list[str], list[tuple[list[str], FlatSite]], list[str]]:
    """The head with the sizes that are read off inputs, the lines of each layer, and what is returned."""
    names = _Names(graph.env)
    inputs = [names.input(w) for w in graph.inputs]
    arguments = ", ".join(f"{name}: Tensor" for name in inputs)
    several = ", ".join(["Tensor"] * len(graph.outputs))
    head = statement(f"def forward(self, {arguments}) -> {f'tuple[{several}]' if ',' in several else several}:", 1)
    calls = [_call(node, names, graph) for node in graph.nodes]
    words = {word for lines, _ in calls for line in lines for word in re.findall(r"\w+", line.partition("  # ")[0])}
    head += [f"{INDENT * 2}{size}" for size in _sizes(graph, names, words)]
    return head, calls, statement(f"return {', '.join(names.of(w) for w in graph.outputs)}", 2)


def _sizes(graph: Graph, names: _Names, words: set[str]) -> Iterator[str]:
    """A line for each named size that the calls use: the axis of an input that it is."""
    known: set[str] = set()
    for wire in graph.inputs:
        for axis, size in enumerate(wire.shape or ()):
            name = str(size)
            if name.isidentifier() and name in words and name not in known:
                known.add(name)
                yield f"{name} = {names.of(wire)}.shape[{axis}]"


def _call(node: Node, names: _Names, graph: Graph) -> tuple[list[str], FlatSite]:
    assert node.op is not None
    args = ["None" if w is None else names.of(w) for w in node.inputs]
    mine = [names.output(w, node) for w in node.outputs]
    path = node.owner.path
    module = f"self.{path}" if path.isidentifier() else f'self.{getter(node.owner)}("{path}")'
    value = tidied(node.op.call(module, args))
    if "F" in graph.env:  # a size of that name hides the usual name of torch.nn.functional
        value = re.sub(r"\bF\.(?=\w)", "nn.functional.", value)
    text = f"{node.op.targets(mine)} = {value}"
    return statement(text, 2, shapes(node.outputs)), FlatSite(node, tuple(mine))


class _Names:
    """Names of values in `forward`: a path with its dots as underscores, made unique."""

    def __init__(self, sizes: Iterable[str]) -> None:
        self.taken: set[str] = {"self", "torch", "nn", "F", "Tensor", "tuple", *sizes}
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
