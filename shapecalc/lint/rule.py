"""What a rule is: a code, a manual page, and a check that yields findings in the words of layers and arguments.

Rules speak names and the engine speaks positions: a finding says which layer and which argument it means, and
`shapecalc.lint.engine` adds place, path, severity, order and suppression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network
    from shapecalc.source import located
    from shapecalc.source.diagnostic import Fix
    from shapecalc.source.spec import Child, Nest

    Place = located.Node | Child | Nest | tuple[int, int]


class Finding:
    """One thing that a rule found: at `argument` of a layer where it is written, else at the layer's operator.

    `place` names a piece of text instead, for what is no layer. `related` are further places with a note each. A fix
    is kept only if every layer that the same text makes has the same finding: a loop's turns share their text.
    """

    __slots__ = ("argument", "fix", "help", "message", "node", "place", "related")

    def __init__(
        self,
        node: Node | None,
        message: str,
        *,
        argument: str = "",
        place: Place | None = None,
        help: str = "",
        fix: Fix | None = None,
        related: tuple[tuple[Node, str], ...] = (),
    ) -> None:
        self.node = node
        self.message = message
        self.argument = argument
        self.place = place
        self.help = help
        self.fix = fix
        self.related = related


class Page:
    """A code and its manual page, which is the docstring: a line, then the headings Why, Bad, Good and Limits.

    Under Bad and Good stands one spec each, indented as a block; tests run both.
    """

    code: ClassVar[str]
    budget: ClassVar[Mapping[str, object]] = {}
    """The budget of the settings under which the examples stand."""
    settings: ClassVar[Mapping[str, object]] = {}
    """What `--set` gives the params of the bad example."""
    encoding: ClassVar[str] = "utf-8"
    """The encoding in which the file of the bad example is saved."""

    @classmethod
    def sections(cls) -> dict[str, str]:
        """The text under each heading, and under "" the first line, without indentation."""
        from inspect import cleandoc

        found: dict[str, list[str]] = {"": []}
        lines = found[""]
        for line in cleandoc(cls.__doc__ or "").splitlines():
            if line.removesuffix(":") in HEADINGS and line.endswith(":"):
                lines = found[line.removesuffix(":")] = []
            else:
                lines.append(line.removeprefix("    "))
        return {heading: "\n".join(text).strip("\n") for heading, text in found.items()}


HEADINGS = ("Why", "Bad", "Good", "Limits")


class Rule(Page):
    """A check of a whole network that has no errors. Subclasses are final and state `code` and `check`."""

    def check(self, network: Network) -> Iterator[Finding]:
        """What this network does that the rule advises against, in the order of its layers."""
        raise NotImplementedError
