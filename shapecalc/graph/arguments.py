"""The arguments of a layer: what its text gives each of the operator's, read as values. Knows no wire and no shape.

A child stands in a loop or a block for many layers. Its arguments are matched once, and where they are plain numbers
and words, which no name changes, read once. Equal arguments are one object, by which settled operators are found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.values import attributes_of, match_arguments, missing_arguments, read_argument
from shapecalc.ops.made import sizes_in
from shapecalc.ops.op import INFERRED
from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.graph.elaborate import Walk
    from shapecalc.graph.graph import Node
    from shapecalc.graph.naming import Here
    from shapecalc.graph.wiring import Given
    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Operator
    from shapecalc.source import located

STRUCTURE = frozenset({"branches", "body", "shortcut"})
MOST_ARGUMENTS = 20_000
"""So many are kept, then none: a process that checks files for days must not grow."""


class Arguments:
    """The arguments of an operator as read; equal ones are one object. `symbolic` are the attributes that hold a size
    which is not known yet.
    """

    __slots__ = ("operator", "symbolic", "values")

    def __init__(self, operator: type[Operator], values: Mapping[str, Any]) -> None:
        self.operator = operator
        self.values = values
        names = {name for name, value in values.items() if sizes_in(value)}
        self.symbolic = [a for a in operator.attributes if a.name in names]


class Written:
    """What a child's text gives an operator: located values by name, the mistakes of who is given what, and
    the `arguments` that they are wherever the child stands; None where a value may read a name.
    """

    __slots__ = ("arguments", "mistakes", "nodes", "operator")

    def __init__(self, operator: type[Operator], argument: located.Node | None) -> None:
        by_name, main, _ = attributes_of(operator)
        self.operator = operator
        self.nodes, self.mistakes = match_arguments(operator.__name__, by_name, main, argument, STRUCTURE)
        self.arguments: Arguments | None = None


_KNOWN: dict[Any, Arguments] = {}


def arguments_of(operator: type[Operator], values: Mapping[str, Any]) -> Arguments:
    """The object of these arguments; their types count too, as 1 is not 1.0 in source."""
    key = operator, tuple(values.items()), tuple(map(type, values.values()))
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= MOST_ARGUMENTS:
            _KNOWN.clear()
        found = _KNOWN[key] = Arguments(operator, values)
    return found


def read_arguments(walk: Walk, node: Node, operator: type[Operator], here: Here, given: Given) -> Arguments:
    """The arguments of a layer. Raises Silent once every mistake among them is reported."""
    if given.operands:
        return arguments_of(operator, {"operands": given.operands})
    child = node.child
    assert child is not None
    if child.argument is None and not attributes_of(operator)[2]:
        return arguments_of(operator, {})
    written: Written | None = child.written
    if written is None or written.operator is not operator:
        written = child.written = Written(operator, child.argument)
    node.written = written.nodes
    if written.arguments is not None:
        return written.arguments
    found = arguments_of(operator, _read(walk, node, written, here))
    by_name = attributes_of(operator)[0]
    if all(_plain(by_name[name].kind, value) for name, value in written.nodes.items()):
        written.arguments = found
    return found


def _read(walk: Walk, node: Node, written: Written, here: Here) -> dict[str, Any]:
    by_name, _, required = attributes_of(written.operator)
    values: dict[str, Any] = {}
    mistakes = list(written.mistakes)
    for name, value in written.nodes.items():
        if name in by_name:
            try:
                values[name] = read_argument(by_name[name], value, here.env)
            except Mistake as mistake:
                mistakes.append(mistake)
    missing = [by_name[name] for name in required if name not in values]
    assert node.child is not None
    argument = node.child.argument
    if missing and not mistakes and not (isinstance(argument, Pairs) and argument.torn):
        mistakes = [missing_arguments(written.operator.__name__, missing, node.child.head)]
    for found in mistakes:
        walk.mistake(found, here.trail, node.path)
    if mistakes or missing:
        raise Silent
    return {k: v for k, v in values.items() if not (v is None and by_name[k].default is INFERRED)}


def _plain(kind: Kind, node: located.Node) -> bool:
    """Whether what a kind reads there follows from the text alone: numbers, and words that are no expressions."""
    if isinstance(node, Items):
        return all(_plain(kind, item) for item in node.items)
    if kind.layer or not isinstance(node, Scalar):
        return False
    return type(node.value) is not str or kind.text or node.value in kind.words
