"""A report as rules want to see it: layers by what they do, and who uses which value. Computes no figure."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, wraps
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shapecalc.analysis.report import Layer, Report
    from shapecalc.graph.graph import Graph, Node, Wire
    from shapecalc.lint.labels import Mentions
    from shapecalc.lint.words import Survey
    from shapecalc.ops.op import Operator
    from shapecalc.source.located import Node as Located
    from shapecalc.source.spec import Spec
    from shapecalc.source.text import Source

    T = TypeVar("T")


class Network:
    """One network without errors; `budget` holds the bounds of the settings by figure."""

    def __init__(self, report: Report, budget: Mapping[str, Any] | None = None) -> None:
        assert report.graph is not None
        self.report = report
        self.budget = budget or {}
        self.graph: Graph = report.graph
        self.spec: Spec = report.graph.spec
        self.source: Source = report.source
        self.nodes: Sequence[Node] = report.graph.nodes
        self._users: dict[Wire | None, list[Node]] = defaultdict(list)
        self._outputs = set(self.graph.outputs)
        self._by_role = _by_role(self.nodes)
        self._shared: set[int] | None = None
        for node in self.nodes:
            for wire in node.inputs:
                self._users[wire].append(node)

    def having(self, *roles: str) -> Iterator[Node]:
        """The layers that have one of the roles, in order (roles in the order given where several are asked for)."""
        return chain.from_iterable([self._by_role.get(role, ()) for role in roles])

    @property
    def unused(self) -> Iterator[Node]:
        """The layers of which no output is taken by another, or given by the network."""
        used = self._outputs.union(self._users)
        return (node for node in self.nodes if used.isdisjoint(node.outputs))

    def layer(self, node: Node) -> Layer:
        """The figures of a layer."""
        return self.report.layers[node.index]

    def users(self, wire: Wire) -> Sequence[Node]:
        """The layers that take a value, in order; one that takes it twice stands twice."""
        return self._users.get(wire, ())

    def is_output(self, wire: Wire) -> bool:
        """Whether a value is an output of the network."""
        return wire in self._outputs

    def only_user(self, node: Node) -> Node | None:
        """The one layer that takes the first output of `node`, where nothing else does and it is no output."""
        wire = node.outputs[0]
        users = self.users(wire)
        return users[0] if len(users) == 1 and not self.is_output(wire) else None

    def before(self, node: Node, *skipping: str) -> Node | None:
        """The layer that makes the first input, looked for behind layers with a role to skip; None: an input."""
        return maker(node.inputs[0], *skipping) if node.inputs else None

    def behind(self, node: Node, *skipping: str) -> Node | None:
        """The one layer that takes the first output, behind layers with a role to skip; None where others do too."""
        user = self.only_user(node)
        while user is not None and has(user, *skipping):
            user = self.only_user(user)
        return user

    def shared(self, node: Node) -> bool:
        """Whether the module of a layer is called elsewhere too, or one of its weights is another layer's."""
        if self._shared is None:
            again = [n for n in self.nodes if n.owner is not n or n.ties]
            tied = [other.index for n in again for other, _ in n.ties.values()]
            self._shared = {n.index for n in again} | {n.owner.index for n in again} | set(tied)
        return node.index in self._shared

    @cached_property
    def made_by(self) -> Mapping[int, set[int]]:
        """The indices of the layers that each piece of text makes, by where the layer's head or, ~, its argument is."""
        found: dict[int, set[int]] = defaultdict(set)
        for node in self.nodes:
            if node.child is not None:
                found[node.child.head.start].add(node.index)
                if node.child.argument is not None:
                    found[~node.child.argument.start].add(node.index)
        return found

    @cached_property
    def aliased(self) -> Sequence[Located]:
        """The values of the spec that aliases put in several places."""
        if "*" not in self.source.text or "&" not in self.source.text:
            return ()
        from shapecalc.lint.alias import aliased

        return aliased(self.spec.root)

    @cached_property
    def survey(self) -> Survey:
        """How often words stand in the spec, and its values by key."""
        from shapecalc.lint.words import Survey

        return Survey(self.spec.root)

    @cached_property
    def mentions(self) -> Mentions:
        """What may name a label that is made of expressions."""
        from shapecalc.lint.labels import Mentions

        return Mentions(self.spec.root)

    @property
    def training(self) -> Mapping[str, object]:
        """The plain values of the `train` section by key."""
        from shapecalc.source.located import Pairs, Scalar

        section = self.spec.train
        pairs = section.pairs if isinstance(section, Pairs) else []
        return {key.text: value.value for key, value in pairs if isinstance(value, Scalar)}


def _by_role(nodes: Sequence[Node]) -> Mapping[str, Sequence[Node]]:
    """The layers that have each role, in order."""
    by_class: dict[type[Operator], list[Node]] = defaultdict(list)
    for node in nodes:
        if node.op is not None:
            by_class[type(node.op)].append(node)
    by_role: dict[str, list[list[Node]]] = defaultdict(list)
    for kind, alike in by_class.items():
        for role in kind.roles:
            by_role[role].append(alike)
    return {role: parts[0] if len(parts) == 1 else _merged(parts) for role, parts in by_role.items()}


def _merged(parts: Sequence[Sequence[Node]]) -> Sequence[Node]:
    return sorted(chain(*parts), key=lambda node: node.index)


def of_operator(fact: Callable[[Node], T]) -> Callable[[Node], T]:
    """A fact of a layer that follows from its operator alone, which knows all shapes: worked out once for each."""

    @wraps(fact)
    def noted(node: Node) -> T:
        notes = node.op.notes  # type: ignore[union-attr]
        try:
            return notes[fact]  # type: ignore[no-any-return]
        except KeyError:
            notes[fact] = found = fact(node)
            return found

    return noted


def maker(wire: Wire | None, *skipping: str) -> Node | None:
    """The layer that makes a value, looked for behind layers with a role to skip; None: an input of the network."""
    node = wire.node if wire is not None else None
    while node is not None and has(node, *skipping):
        wire = node.inputs[0] if node.inputs else None
        node = wire.node if wire is not None else None
    return node


def has(node: Node, *roles: str) -> bool:
    """Whether a layer has one of the roles."""
    return node.op is not None and not node.op.roles.isdisjoint(roles)
