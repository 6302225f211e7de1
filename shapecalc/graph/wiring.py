"""Wiring keys -> the values that a layer takes: `from`, operands, and the flow where nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake
from shapecalc.graph.scope import Entry, single
from shapecalc.graph.values import template
from shapecalc.ops.registry import MODULES, find
from shapecalc.source.located import Items, Pairs, Scalar, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.graph.graph import Wire
    from shapecalc.graph.scope import Scope
    from shapecalc.source.located import Node
    from shapecalc.source.spec import Child

    Named = tuple[str, Entry, Any]  # as messages call it, what it is, and where it is written


class Given:
    """What a layer is given: entries in order, with the names that messages use; or by torch's argument name.

    `operands` holds, for merging operators, one entry per operand: None for a tensor, or a number.
    """

    __slots__ = ("by_name", "entries", "flow", "operands", "place")

    def __init__(
        self,
        entries: list[Named],
        place: Any,
        flow: Entry | None,
        by_name: dict[str, Named] | None = None,
        operands: tuple[Any, ...] = (),
    ) -> None:
        self.entries = entries
        self.place = place
        self.flow = flow
        self.by_name = by_name
        self.operands = operands

    @classmethod
    def of(cls, results: list[tuple[str, Entry]], place: Any) -> Given:
        """What a merge is given: the results of its branches."""
        return cls([(name, entry, place) for name, entry in results], place, None)

    def next(self, entry: Entry) -> Given:
        """What the next turn of a `repeat` is given: the result of the one before."""
        return Given([("the flow", entry, self.place)], self.place, entry)

    def only(self, child: Child) -> Entry:
        """The one value that a sequence or merge begins with."""
        if len(self.entries) != 1 or self.by_name is not None:
            count = len(self.by_name or self.entries)
            raise Mistake("SC122", f"{child.head.text} takes one input, and {count} are given", self.place)
        return self.entries[0][1]

    def stand_in(self, child: Child) -> Entry:
        """What a skipped layer stands for: its input; the flow where that is one of several, or there is none."""
        entries = [e for _, e, _ in (self.by_name.values() if self.by_name is not None else self.entries)]
        if len(entries) == 1:
            return entries[0]
        if self.flow is not None and (not entries or any(_same(e, self.flow) for e in entries)):
            return self.flow
        message = "a skipped layer with several inputs stands for the flow, which is none of them"
        raise Mistake("SC116", message, child.head, "let one of its inputs come right before it")


def _same(a: Entry, b: Entry) -> bool:
    return a.wires is not None and b.wires is not None and a.wires[:1] == b.wires[:1]


def resolve(node: Node, scope: Scope, env: Mapping[str, Any], flow: Entry | None) -> Entry:
    """The entry that a located reference names. Raises Mistake."""
    if not isinstance(node, Scalar) or node.value is None:
        raise Mistake("SC105", f"a reference is a name, not {kind_of(node)}", node)
    return scope.find(template(node, env), node, flow)


def _named(node: Node, scope: Scope, env: Mapping[str, Any]) -> Named:
    entry = resolve(node, scope, env, scope.flow)
    return node.text, entry, node  # type: ignore[union-attr]


def given_inputs(child: Child, scope: Scope, env: Mapping[str, Any]) -> Given:
    """What the child takes: its `from`, its operands, or the flow. Raises Mistake."""
    node = child.wiring.get("from")
    name = child.head.text
    operator = find(name) if name in MODULES else None
    operands = None if operator is None or not operator.merging or child.bodies else _operand_nodes(child)
    if node is not None:
        if operands is not None:
            message = f"{child.head.text} has operands and `from`; one of them says what it takes"
            raise Mistake("SC103", message, node)
        return _from(node, scope, env)
    if operands is not None:
        return _operands(child, operands, scope, env)
    if operator is not None and not operator.inputs:
        return Given([], child.head, scope.flow)
    if scope.flow is None:
        message = "the network has several inputs, so the first layer must say which it takes"
        raise Mistake("SC116", message, child.head, f"write `from: {next(iter(scope.names), 'image')}` beside it")
    return Given([("the flow", scope.flow, child.head)], child.head, scope.flow)


def _from(node: Node, scope: Scope, env: Mapping[str, Any]) -> Given:
    if isinstance(node, Items):
        return Given([_named(item, scope, env) for item in node.items], node, scope.flow)
    if isinstance(node, Pairs):
        named = {key.text: _named(value, scope, env) for key, value in node.pairs}
        return Given([], node, scope.flow, named)
    return Given([_named(node, scope, env)], node, scope.flow)


def _operand_nodes(child: Child) -> list[Node] | None:
    """The operands of a merging operator as written: those of a bare list, or the one that joins the flow."""
    argument = child.argument
    if argument is None or isinstance(argument, Pairs):
        return None
    return argument.items if isinstance(argument, Items) else [argument]


def _operands(child: Child, nodes: list[Node], scope: Scope, env: Mapping[str, Any]) -> Given:
    entries: list[Named] = []
    operands: list[Any] = []
    if isinstance(child.argument, Scalar):
        if scope.flow is None:
            raise Mistake("SC116", "there is no flow to merge with here", child.head, "write a list of two names")
        entries.append(("the flow", scope.flow, child.head))
        operands.append(None)
    for node in nodes:
        number = _number(node, scope, env)
        operands.append(number)
        if number is None:
            entries.append(_named(node, scope, env))
    return Given(entries, child.argument, scope.flow, None, tuple(operands))


def _number(node: Node, scope: Scope, env: Mapping[str, Any]) -> float | None:
    """The number that an operand is, itself or as a param that no layer hides."""
    if not isinstance(node, Scalar):
        raise Mistake("SC105", f"an operand is a name or a number, not {kind_of(node)}", node)
    if isinstance(node.value, str) and any(node.text in around.names for around in scope.outwards()):
        return None  # a bare 1 is the number in a list too, whose child of that number is '1'
    value = env.get(node.text) if isinstance(node.value, str) else node.value
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def wire_of(named: Named) -> Wire:
    """The wire that an entry means where one value is due."""
    return single(named[1], named[0], named[2])
