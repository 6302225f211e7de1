"""What is to become of one layer as written -> edits of the spec's text.

Knows the forms in which a layer is written, and no operator: the names come from whoever asks for the change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.lint.edit import remove_argument, set_argument
from shapecalc.rewrite.refusal import Refused
from shapecalc.source.edit import FLOW
from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.graph.graph import Node
    from shapecalc.source import located
    from shapecalc.source.edit import Edit
    from shapecalc.source.spec import Child
    from shapecalc.source.text import Source

BETWEEN = re.compile(r"\s*:\s*(?:#[^\n]*\n\s*)*")
"""What stands between the name of an operator and its arguments; anything else is an anchor or an alias."""


class Change:
    """What becomes of a layer as written. Changes of equal `key` are the same one."""

    __slots__ = ()

    @property
    def key(self) -> tuple[object, ...]:
        raise NotImplementedError

    def edits(self, source: Source, child: Child) -> Sequence[Edit]:
        """The edits of the text. Raises Refused where the text has a form that cannot be edited with certainty."""
        raise NotImplementedError


class Swap(Change):
    """Another operator with the same arguments."""

    __slots__ = ("head",)

    def __init__(self, head: str) -> None:
        self.head = head

    @property
    def key(self) -> tuple[object, ...]:
        return ("swap", self.head)

    def edits(self, source: Source, child: Child) -> Sequence[Edit]:
        return [(child.head.start, child.head.end, self.head)]


class Retype(Change):
    """Another operator with other arguments; a single argument that is its main one is written bare."""

    __slots__ = ("head", "main", "pairs")

    def __init__(self, head: str, pairs: dict[str, str], main: str = "") -> None:
        self.head = head
        self.pairs = pairs
        self.main = main

    @property
    def key(self) -> tuple[object, ...]:
        return ("retype", self.head, *self.pairs.items())

    def edits(self, source: Source, child: Child) -> Sequence[Edit]:
        start, end = span(source, child)
        if list(self.pairs) == [self.main]:
            return [(start, end, f"{self.head}: {self.pairs[self.main]}")]
        listed = ", ".join(f"{name}: {value}" for name, value in self.pairs.items())
        return [(start, end, f"{self.head}: {{{listed}}}")]


class Give(Change):
    """The same operator with one argument set, or left to its default where `value` is empty.

    `main` says that a bare value is this argument.
    """

    __slots__ = ("main", "name", "value")

    def __init__(self, name: str, value: str, *, main: bool = False) -> None:
        self.name = name
        self.value = value
        self.main = main

    @property
    def key(self) -> tuple[object, ...]:
        return ("give", self.name, self.value)

    def edits(self, source: Source, child: Child) -> Sequence[Edit]:
        argument = child.argument
        if self.main and argument is not None and not isinstance(argument, Pairs):
            return [(argument.start, argument.end, self.value)]
        edit = (
            set_argument(source, child, self.name, self.value)
            if self.value
            else remove_argument(source, argument, self.name)
            if isinstance(argument, Pairs)
            else None
        )
        if edit is None:
            raise Refused(f"`{self.name}` cannot be set in the form that this layer is written in", child.head)
        return [edit]


class Replace(Change):
    """A nested sequence, or an operator without arguments, in the place of the layer and under its name."""

    __slots__ = ("head", "text")

    def __init__(self, text: str, head: str = "") -> None:
        self.text = text
        self.head = head

    @property
    def key(self) -> tuple[object, ...]:
        return ("replace", self.text)

    def edits(self, source: Source, child: Child) -> Sequence[Edit]:
        """Beside wiring keys a sequence takes the name `Sequential`, and an operator without arguments a colon."""
        start, end = span(source, child)
        after = _colon(source.text, end) if child.argument is None else end
        if not child.wiring:
            start, end = _braces(source.text, start, after) or (start, after)
            return [(start, end, self.text)]
        if self.head:
            return [(start, after, f"{self.head}: {self.text}")]
        if child.argument is None:
            return [(start, end, self.text)]
        return [(start, end, f"{self.text}:" if source.text[end : end + 1] in "\r\n" else f"{self.text}: ")]


def span(source: Source, child: Child) -> tuple[int, int]:
    """From the operator's name to the end of its arguments. Raises Refused where an anchor or alias is between."""
    head, argument = child.head, child.argument
    if argument is None or argument.end <= argument.start:
        return head.start, head.end
    if argument.start < head.end or not BETWEEN.fullmatch(source.text[head.end : argument.start]):
        raise Refused("the arguments of this layer are an anchor or an alias: write them out", head)
    return head.start, argument.end


def _colon(text: str, end: int) -> int:
    """The end of the colon behind an operator without arguments, where there is one."""
    found = re.compile(r"[ \t]*:").match(text, end)
    return found.end() if found else end


def _braces(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span of `{...}` where that holds nothing else."""
    after = re.compile(r"[ \t]*:?[ \t]*\}").match(text, end)
    before = re.search(r"\{[ \t]*$", text[max(0, start - 80) : start])
    if after is None or before is None:
        return None
    return start - (before.end() - before.start()), after.end()


def written(source: Source, node: Node, name: str) -> str | None:
    """The text of an argument as it may stand inside of braces; None where it is not given."""
    value = node.written.get(name)
    return None if value is None else flow(source, value)


def flow(source: Source, value: located.Node) -> str:
    """A value as it may stand inside of braces, on one line."""
    if isinstance(value, Items):
        return f"[{', '.join(flow(source, item) for item in value.items)}]"
    if isinstance(value, Pairs):
        return f"{{{', '.join(f'{k.text}: {flow(source, v)}' for k, v in value.pairs)}}}"
    return _scalar(source, value)


def _scalar(source: Source, value: Scalar) -> str:
    text = source.text[value.start : value.end]
    if "\n" in text:
        raise Refused("a value over several lines cannot be moved", value)
    return text if value.quoted else quoted(text)


def quoted(text: str) -> str:
    """A plain scalar as it may stand inside of braces.

    >>> quoted("width // 2"), quoted("max(1, c)")
    ('width // 2', '"max(1, c)"')
    """
    if not FLOW.search(text):
        return text
    return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'
