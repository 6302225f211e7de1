"""The graph of a network: values that flow, the layers between them, and the tree of modules that holds the layers.

Made by elaboration and never changed afterwards. Nothing here computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Claim, Operator, Shape
    from shapecalc.source import located
    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.spec import Block, Child, Nest, Spec


_NOTHING: Mapping[str, Any] = {}
"""One for all nodes: most have no ties, and many no arguments."""


class Wire:
    """A value that flows: output `index` of `node`, or the network input `name` where there is no node.

    `shape` is None where a mistake upstream leaves it unknown: whatever takes it stays silent. `below` bounds the
    values of integer inputs; `free` marks a learned tensor, which broadcasts without being asked.
    """

    __slots__ = ("below", "dtype", "free", "index", "name", "node", "shape")

    def __init__(
        self,
        node: Node | None,
        index: int,
        shape: Shape | None,
        dtype: str,
        *,
        name: str = "",
        below: Dim | None = None,
        free: bool = False,
    ) -> None:
        self.node = node
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self.below = below
        self.free = free

    @property
    def origin(self) -> str:
        """The path of the layer that made it, `[1]` behind for another than its first output; or the input's name."""
        if self.node is None:
            return self.name
        return f"{self.node.path}[{self.index}]" if self.index else self.node.path


class Node:
    """One layer of the network with its operator, or without where a mistake keeps it from being one.

    `owner` is the node whose module is called: the node itself unless `share` calls another's again. `ties` maps
    names of own weights to (node, name) of the weights that they are tied to. `written` holds the located values
    of the arguments that the user gave, `trail` the loop turns and block uses that led here, innermost first.
    """

    __slots__ = (
        "child",
        "env",
        "index",
        "inputs",
        "op",
        "op_name",
        "outputs",
        "owner",
        "path",
        "ties",
        "trail",
        "written",
    )

    def __init__(
        self,
        index: int,
        path: str,
        op_name: str,
        child: Child | None,
        trail: Trail,
    ) -> None:
        self.index = index
        self.path = path
        self.op_name = op_name
        self.child = child
        self.trail = trail
        self.op: Operator | None = None
        self.inputs: tuple[Wire | None, ...] = ()
        self.outputs: tuple[Wire, ...] = ()
        self.owner: Node = self
        self.ties: Mapping[str, tuple[Node, str]] = _NOTHING
        self.written: Mapping[str, located.Node] = _NOTHING
        self.env: Mapping[str, Any] = _NOTHING

    @property
    def place(self) -> tuple[int, int]:
        """The span of the operator's name in the text."""
        return (self.child.head.start, self.child.head.end) if self.child else (0, 0)


class Group:
    """An inner node of the module tree: a nested sequence, a block use, a merge with branches, or repeated children.

    `children` are groups and nodes in the order of the file; `skipped` marks what a false `when` left out. `owner` is
    the group whose modules are called instead of own ones where `share` says so. `inputs` are the values that a block
    or sequence was given, for a skipped layer the one that it stands for.
    """

    __slots__ = (
        "arguments",
        "block",
        "child",
        "children",
        "inputs",
        "name",
        "named",
        "owner",
        "path",
        "skipped",
        "trail",
    )

    def __init__(
        self,
        name: str,
        path: str,
        child: Child | Nest | None,
        trail: Trail,
        *,
        named: bool = True,
        block: Block | None = None,
        skipped: bool = False,
    ) -> None:
        self.name = name
        self.path = path
        self.child = child
        self.trail = trail
        self.named = named
        self.block = block
        self.skipped = skipped
        self.arguments: Mapping[str, Any] = {}
        self.children: list[tuple[str, Group | Node]] = []
        self.inputs: tuple[Wire, ...] = ()
        self.owner: Group = self


Trail = tuple[Any, str] | None
"""Where a layer comes from besides its own line: (outer trail, "for i = 2" or "block Up")."""


class Assumption:
    """A need that holds for some input sizes only: `gap` must be zero, or at least zero, as its claim says."""

    __slots__ = ("axis", "claim", "gap", "node")

    def __init__(self, node: Node, claim: Claim, gap: Dim, axis: int) -> None:
        self.node = node
        self.claim = claim
        self.gap = gap
        self.axis = axis


class Expectation:
    """An `expect` beside a layer: what it says, of which value, and the nodes [first, last) that it covers."""

    __slots__ = ("env", "first", "last", "path", "trail", "value", "wire")

    def __init__(
        self,
        path: str,
        value: located.Node,
        wire: Wire,
        first: int,
        last: int,
        env: Mapping[str, Any],
        trail: Trail,
    ) -> None:
        self.path = path
        self.value = value
        self.wire = wire
        self.first = first
        self.last = last
        self.env = env
        self.trail = trail


class Graph:
    """A whole network. `env` holds the values of params and symbols that it was elaborated with.

    `facts` is for what analyses find of one layer after the other, a list by name: those of the first layers are there
    where another network began with these layers.
    """

    __slots__ = (
        "assumptions",
        "changed",
        "diagnostics",
        "env",
        "expectations",
        "facts",
        "inputs",
        "nodes",
        "outputs",
        "root",
        "spec",
    )

    def __init__(
        self,
        spec: Spec,
        inputs: tuple[Wire, ...],
        outputs: tuple[Wire, ...],
        nodes: list[Node],
        root: Group,
        env: Mapping[str, Any],
        changed: tuple[str, ...],
        assumptions: list[Assumption],
        expectations: list[Expectation],
        diagnostics: list[Diagnostic],
        facts: dict[Any, list[Any]] | None = None,
    ) -> None:
        self.spec = spec
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = nodes
        self.root = root
        self.env = env
        self.changed = changed
        self.assumptions = assumptions
        self.expectations = expectations
        self.diagnostics = diagnostics
        self.facts = {} if facts is None else facts


def trail_text(trail: Trail) -> tuple[str, ...]:
    """The loop turns and block uses of a trail, outermost first."""
    steps: list[str] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))
