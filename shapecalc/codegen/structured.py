"""Plan -> source of a module with the structure of the spec: a class for each block, branching part and the network.

Names in the text are identifiers that the parser has checked, and literals are written by `repr`, so nothing of a spec
can become code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.again import check_shared
from shapecalc.codegen.classes import classes_of
from shapecalc.codegen.construct import Constructor
from shapecalc.codegen.emission import Emission, Site
from shapecalc.codegen.expression import MAKE_DIVISIBLE
from shapecalc.codegen.forward import Forward, Statement
from shapecalc.codegen.head import RESERVED, class_notes, docstring, imports, main_lines, network_name, network_notes
from shapecalc.codegen.layout import INDENT, statement
from shapecalc.codegen.plan import Plan

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report
    from shapecalc.codegen.classes import Variant
    from shapecalc.graph.graph import Graph

STUB = '''class {name}(nn.Module):
    """A layer that the spec leaves open: write it here."""

    def __init__(self, **arguments: object) -> None:
        super().__init__()

    def forward(self, *inputs: Tensor) -> Tensor:
        raise NotImplementedError("{name} is an opaque block of the spec")
'''


def structured(report: Report) -> Emission:
    """The module's text and where each layer runs in it. Raises Unstructured where the structure cannot be kept."""
    graph = report.graph
    assert graph is not None
    plan = Plan(graph)
    variants = classes_of(plan)
    check_shared(plan)
    network = network_name(report)
    support, stubs = support_of(graph, network)
    _name(variants, network, support, stubs)
    parts: list[tuple[list[Statement], Variant | None]] = [
        (_plain(text), None) for text in (*support.values(), *(STUB.format(name=n) for n in stubs.values()))
    ]
    parts += [(_class(variant, graph, report, stubs), variant) for variant in variants]
    return _joined(report, plan, parts)


def _plain(text: str) -> list[Statement]:
    return [Statement(text.rstrip("\n").split("\n"))]


def _joined(report: Report, plan: Plan, parts: list[tuple[list[Statement], Variant | None]]) -> Emission:
    """All parts with two blank lines between them, and the line of each statement."""
    body = [line for part, _ in parts for s in part for line in s.lines]
    if any("make_divisible(" in line for line in body):
        parts.insert(0, (_plain(MAKE_DIVISIBLE), None))
        body += MAKE_DIVISIBLE.split("\n")
    main = main_lines(report)
    lines = [*docstring([report.name, *_description(report)], 0), "", *imports([*body, *main])]
    sites: dict[int, Site] = {}
    for part, variant in parts:
        lines += ["", ""]
        for found in part:
            if variant is not None and found.place >= 0:
                site = Site(variant, found.place, found.names)
                sites.update(dict.fromkeys(range(len(lines) + 1, len(lines) + len(found.lines) + 1), site))
            lines += found.lines
    text = "\n".join([*lines, "", "", *main]) + "\n"
    units = [unit for units in plan.units.values() for unit in units]
    return Emission(text, sites, units, network_name(report))


def _description(report: Report) -> list[str]:
    graph = report.graph
    assert graph is not None
    return [graph.spec.description] if graph.spec.description else []


# names


def support_of(graph: Graph, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """The small classes that operators bring along, and the names of stubs for opaque blocks."""
    brought: dict[str, str] = {}
    stubs: dict[str, str] = {}
    for node in graph.nodes:
        source = getattr(node.op, "support", "")
        if source:
            brought[node.op_name] = source
    for node in graph.nodes:
        if node.op_name in graph.spec.blocks and node.op_name not in stubs:
            taken = {name, *brought, *stubs.values(), "model", "x", *RESERVED}
            stubs[node.op_name] = free_name(node.op_name, taken)
    return brought, stubs


def _name(variants: list[Variant], network: str, support: dict[str, str], stubs: dict[str, str]) -> None:
    """Give every class a name of its own: the network's first, then blocks', then parts' after their child."""
    taken = {network, *support, *stubs.values(), "model", "x", *RESERVED}
    blocks = [v for v in variants if v.uses[0].group.block is not None]
    parts = [v for v in variants if v.uses[0].group.block is None]
    for variant in (*blocks, *parts):
        group = variant.uses[0].group
        if group.path == "":
            variant.name = network
            continue
        wanted = group.block.name.text if group.block is not None else camel(group)
        variant.name = free_name(wanted, taken)
        taken.add(variant.name)


def free_name(wanted: str, taken: set[str]) -> str:
    """The name, or with a number where it is taken."""
    wanted = wanted if not wanted.startswith("__") else f"C{wanted}"
    if wanted not in taken:
        return wanted
    stem = f"{wanted}Block" if wanted in RESERVED else wanted
    if stem not in taken:
        return stem
    return next(n for i in range(2, 10**6) if (n := f"{stem}{i}") not in taken)


def camel(group: Any) -> str:
    """A class name made of a child's: `encoder_layer` -> `EncoderLayer`; a number goes behind its sequence's name."""
    words = [w for w in re.split(r"[\W_]", group.path) if w]
    last = [w for w in re.split(r"[\W_]", group.name) if w] if not group.name.isdigit() else words[-2:]
    name = "".join(w[:1].upper() + w[1:] for w in last or words)
    return name if name[:1].isalpha() else f"Part{name}"


# one class


def _class(variant: Variant, graph: Graph, report: Report, stubs: dict[str, str]) -> list[Statement]:
    made = Constructor(variant, stubs)
    variant.params = made.scope.arguments()
    notes = network_notes(report) if variant.uses[0].group.path == "" else class_notes(variant)
    opening = [f"class {variant.name}({made.base}):", *docstring(notes, 1), "", *_constructor(made)]
    if variant.plain:
        return [Statement(opening)]
    return [Statement([*opening, ""]), *Forward(variant, made, graph).lines()]


def _constructor(made: Constructor) -> list[str]:
    arguments = "".join(f", {argument}" for argument in made.signature())
    lines = [f"{INDENT * 2}{line}" for line in made.scope.made]
    super_first = made.lines[:1] if made.base == "nn.Module" else []
    rest = made.lines[len(super_first) :]
    return [*statement(f"def __init__(self{arguments}) -> None:", 1), *super_first, *lines, *rest]
