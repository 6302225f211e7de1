"""Plan -> whether what is called again is what a shared part says. Knows no text.

A part that shares another's modules becomes a call of the other, so it must be the same lines with the same numbers; a
pool of another size inside is a reason to write the module flat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.codegen.classes import called
from shapecalc.codegen.plan import Unstructured
from shapecalc.graph.graph import Group, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.codegen.plan import Plan, Unit
    from shapecalc.graph.graph import Wire


def check_shared(plan: Plan) -> None:
    """Raise Unstructured where a shared part does otherwise than the one that it calls."""
    units = {unit.group.path: unit for found in plan.units.values() for unit in found}
    for group in _shared(plan.graph.root):
        owner = group.owner
        if _said(group, units.get(group.path)) != _said(owner, units.get(owner.path)):
            raise Unstructured(f"{group.path} does otherwise than {owner.path}, whose modules it calls")


def _shared(group: Group) -> Iterator[Group]:
    """The outermost parts that call another's modules."""
    for _, child in group.children:
        if isinstance(child, Group):
            yield from [child] if child.owner is not child else _shared(child)


def _said(group: Group, unit: Unit | None) -> list[Any]:
    """What each layer of a part is in the text, by its name within, with what it takes; then what the part gives."""
    inside = {id(node): node.path[len(group.path) :] for node in _layers(group)}
    given = {id(wire): place for place, wire in enumerate(unit.inputs if unit else ())}

    def origin(wire: Wire | None) -> Any:
        if wire is None:
            return None
        name = inside.get(id(wire.node))
        return given.get(id(wire), -1) if name is None else (name, wire.index)

    said: list[Any] = [
        (inside[id(node)], node.op_name, node.op.constructor(), called(node), *map(origin, node.inputs))
        for node in _layers(group)
        if node.op is not None
    ]
    return [*said, [origin(wire) for wire in (unit.outputs if unit else ())]]


def _layers(group: Group) -> Iterator[Node]:
    for _, child in group.children:
        if isinstance(child, Node):
            yield child
        elif not child.skipped:
            yield from _layers(child)
