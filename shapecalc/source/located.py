"""Values with their places: what the YAML reader makes and later stages blame. Knows no syntax.

`start` and `end` are character offsets in the text, end exclusive, and tight: a mapping ends where its last
value does. An alias is the node of its anchor, so that a place is always where the user wrote the value.
"""

from __future__ import annotations


class Unreadable:
    """The value of a scalar that is no value: its mistake has been reported. `UNREADABLE` is the only one."""

    __slots__ = ()


UNREADABLE = Unreadable()


class Scalar:
    """One scalar: `value` by the core schema of YAML 1.2, `text` what was written, without quotes."""

    __slots__ = ("end", "quoted", "start", "text", "value")

    def __init__(
        self, value: int | float | bool | str | Unreadable | None, text: str, start: int, end: int, quoted: bool = False
    ) -> None:
        self.value = value
        self.text = text
        self.start = start
        self.end = end
        self.quoted = quoted

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the file of `text[start:end]`; the whole's where escapes or folded lines hide them."""
        hidden = self.end - self.start - len(self.text)
        if hidden == 0:
            return self.start + start, self.start + end
        if hidden == 2 and self.quoted:
            return self.start + 1 + start, self.start + 1 + end
        return self.start, self.end

    def __repr__(self) -> str:
        return f"<Scalar {self.value!r} {self.start}-{self.end}>"


class Items:
    """A list of nodes."""

    __slots__ = ("end", "items", "start")

    def __init__(self, items: list[Node], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"<Items {self.items!r} {self.start}-{self.end}>"


class Pairs:
    """A mapping as its pairs in the order of the file; a key's name is its `text`.

    `torn` says that a pair was left out because of a mistake that has been reported.
    """

    __slots__ = ("end", "pairs", "start", "torn")

    def __init__(self, pairs: list[tuple[Scalar, Node]], start: int, end: int, torn: bool = False) -> None:
        self.pairs = pairs
        self.start = start
        self.end = end
        self.torn = torn

    def get(self, key: str) -> Node | None:
        """The value of the first pair whose key is written `key`."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def __repr__(self) -> str:
        return f"<Pairs {self.pairs!r} {self.start}-{self.end}>"


Node = Scalar | Items | Pairs


def kind_of(node: Node) -> str:
    """What a node is, in words for a message.

    >>> kind_of(Scalar(3.5, "3.5", 0, 3))
    'a number'
    """
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Pairs):
        return "a mapping"
    return _kind_of_value(node.value)


def _kind_of_value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"
