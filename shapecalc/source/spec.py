"""The typed tree of a spec: what the parser makes of located YAML, and what elaboration walks.

Values that may be expressions stay located nodes; nothing here evaluates, and nothing knows what an operator means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.source.located import Node, Pairs, Scalar
    from shapecalc.source.template import Targets
    from shapecalc.source.text import Source


class Child:
    """One layer as written: an operator, block or param by name, its argument, and its wiring.

    `name` is the child's own name where it has one (it may hold `{expr}`), `head` the scalar that names the operator.
    `bodies` holds the nested sequences of structural layers: `body`, `shortcut`, `branches`, and Sequential's own;
    `written` what elaboration made of the argument, which is the same wherever the child stands.
    """

    __slots__ = ("argument", "bodies", "end", "head", "name", "start", "wiring", "written")

    def __init__(
        self,
        name: Scalar | None,
        head: Scalar,
        argument: Node | None,
        wiring: Mapping[str, Node],
        bodies: Mapping[str, Body],
        start: int,
        end: int,
    ) -> None:
        self.name = name
        self.head = head
        self.argument = argument
        self.wiring = wiring
        self.bodies = bodies
        self.start = start
        self.end = end
        self.written: Any = None


class Nest:
    """A nested sequence in the place of a child."""

    __slots__ = ("body", "end", "name", "start")

    def __init__(self, name: Scalar | None, body: Body, start: int, end: int) -> None:
        self.name = name
        self.body = body
        self.start = start
        self.end = end


class Loop:
    """`for NAMES in EXPRESSION`, whose children are spliced into the sequence around it."""

    __slots__ = ("body", "end", "expression", "header", "names", "start", "when")

    def __init__(
        self,
        header: Scalar,
        names: Targets,
        expression: str,
        body: Body,
        when: Node | None,
    ) -> None:
        self.header = header
        self.names = names
        self.expression = expression
        self.body = body
        self.when = when
        self.start = header.start
        self.end = header.end


class Spoilt:
    """A child, or a loop, whose mistake of structure has been reported: its names stand for values nobody knows.

    `wiring` holds its `name` and `as` where they can be told; `loop` says that it may have been a loop.
    """

    __slots__ = ("end", "head", "loop", "name", "start", "wiring")

    def __init__(self, name: Scalar | None, head: str, wiring: Mapping[str, Node], loop: bool, node: Node) -> None:
        self.name = name
        self.head = head
        self.wiring = wiring
        self.loop = loop
        self.start = node.start
        self.end = node.end


class Body:
    """A sequence of children, numbered (a list) or named (a mapping); `past` is the last walk over a network's."""

    __slots__ = ("children", "end", "named", "past", "start")

    def __init__(self, children: list[Child | Nest | Loop | Spoilt], named: bool, start: int, end: int) -> None:
        self.children = children
        self.named = named
        self.start = start
        self.end = end
        self.past: Any = None


class Block:
    """A reusable piece: its params with defaults, inputs, and layers, branches that merge, or stated facts.

    `facts` holds `shape`, `weights`, `macs` and `window` of an opaque block; `uses` what elaboration made of it, by
    kind of use.
    """

    __slots__ = ("body", "description", "facts", "inputs", "merge", "name", "output", "params", "uses")

    def __init__(
        self,
        name: Scalar,
        description: str,
        params: list[tuple[Scalar, Node]],
        inputs: list[Scalar],
        body: Body | None,
        merge: Node | None,
        output: Node | None,
        facts: Mapping[str, Node],
    ) -> None:
        self.name = name
        self.description = description
        self.params = params
        self.inputs = inputs
        self.body = body
        self.merge = merge
        self.output = output
        self.facts = facts
        self.uses: dict[Any, Any] = {}


class Spec:
    """A whole document. `spoilt_blocks` names those that a mistake keeps from being read.

    `inputs` maps names to their located shapes; a single unnamed input is called `input`.
    """

    __slots__ = (
        "blocks",
        "body",
        "description",
        "expect",
        "inputs",
        "lint",
        "name",
        "output",
        "params",
        "root",
        "source",
        "spoilt_blocks",
        "train",
    )

    def __init__(
        self,
        source: Source,
        root: Pairs,
        name: str,
        description: str,
        params: list[tuple[Scalar, Node]],
        inputs: list[tuple[str, Node]],
        blocks: Mapping[str, Block],
        spoilt_blocks: frozenset[str],
        body: Body,
        output: Node | None,
        expect: Node | None,
        train: Node | None,
        lint: Node | None,
    ) -> None:
        self.source = source
        self.root = root
        self.name = name
        self.description = description
        self.params = params
        self.inputs = inputs
        self.blocks = blocks
        self.spoilt_blocks = spoilt_blocks
        self.body = body
        self.output = output
        self.expect = expect
        self.train = train
        self.lint = lint
