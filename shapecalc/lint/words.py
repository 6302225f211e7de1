"""The scalars of a spec -> the words in them. Knows nothing of what a word means where it stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shapecalc.source.layers import loop_header
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shapecalc.source.located import Node, Pairs

WORD = re.compile(r"[^\W\d]\w*")
REFERRING = frozenset({"as", "from", "output", "share"})
"""Keys whose values name layers."""


class Survey:
    """The words and values of a whole spec, by its sections."""

    def __init__(self, root: Pairs) -> None:
        self.root = root
        self.sections = [_section(value) for _, value in root.pairs]

    def count(self, word: str) -> int:
        """How often an identifier stands in the scalars of the spec, keys too."""
        return sum(key.text == word for key, _ in self.root.pairs) + sum(s.words.count(word) for s in self.sections)

    def under(self, name: str) -> Iterator[Node]:
        """The values of all pairs with a key of that text, one of REFERRING."""
        yield from (value for key, value in self.root.pairs if key.text == name)
        for section in self.sections:
            yield from section.values.get(name, ())

    def binds(self, word: str) -> bool:
        """Whether it is the name of a loop."""
        return any(word in section.bound for section in self.sections)


class _Section:
    """One of them in one walk. A list or mapping of another section, which an alias puts here, is counted there.

    `values` holds those under a key of REFERRING, `bound` the names of loops.
    """

    __slots__ = ("bound", "values", "words")

    def __init__(self, node: Node) -> None:
        self.values: dict[str, list[Node]] = {}
        self.bound: set[str] = set()
        self.words = Words(self._texts(node))

    def _texts(self, node: Node) -> list[str]:
        texts: list[str] = []
        waiting, seen = [node], set[int]()
        for at in waiting:  # which grows
            if isinstance(at, Scalar):
                texts.append(at.text)
                continue
            if id(at) in seen or not node.start <= at.start <= node.end:  # an alias is its anchor's node again
                continue
            if isinstance(at, Items):
                waiting += at.items
            else:
                for key, value in at.pairs:
                    text = key.text
                    texts.append(text)
                    if text in REFERRING:
                        self.values.setdefault(text, []).append(value)
                    elif text.startswith("for "):
                        self.bound.update(_bound(text))
                    if isinstance(value, Scalar):  # as most are
                        texts.append(value.text)
                    else:
                        waiting.append(value)
            seen.add(id(at))
        return texts


class Words:
    """Texts in which identifiers are counted; each is looked for by itself, as few are asked for."""

    __slots__ = ("_known", "_text")

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts)
        self._known: dict[str, int] = {}

    def count(self, word: str) -> int:
        """How often an identifier stands there."""
        found = self._known.get(word)
        if found is None:
            there = word in self._text
            found = self._known[word] = len(_alone(word).findall(self._text)) if there else 0
        return found


@lru_cache(maxsize=1000)
def _alone(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")


@lru_cache(maxsize=200)
def _section(node: Node) -> _Section:
    """Sections of equal text and place are one object in all files, and looked through once."""
    return _Section(node)


@lru_cache(maxsize=100)
def words_of(block: Node) -> Words:
    """The words of a block; blocks of equal text are one object, and looked through once."""
    return Words(scalar.text for scalar in scalars(block))


def scalars(node: Node) -> Iterator[Scalar]:
    """All scalars of a piece of the spec, keys too; an alias is its anchor's node again and not walked twice."""
    waiting = [node]
    seen: set[int] = set()
    while waiting:
        at = waiting.pop()
        if isinstance(at, Scalar):
            yield at
        elif id(at) not in seen:
            seen.add(id(at))
            waiting += at.items if isinstance(at, Items) else [part for pair in at.pairs for part in pair]


def hidden(node: Node, word: str) -> int:
    """How often a word stands in a piece of the spec where a loop has given it another meaning; aliases walked twice.

    What a loop runs over, and its `when`, are read before the name is bound.
    """
    if isinstance(node, Scalar):
        return 0
    if isinstance(node, Items):
        return sum(hidden(item, word) for item in node.items)
    return sum(_hidden_by(key, value, word) for key, value in node.pairs)


def _hidden_by(key: Scalar, value: Node, word: str) -> int:
    bound = _bound(key.text)
    if word not in bound:
        return hidden(value, word)
    when = None if isinstance(value, Scalar | Items) else value.get("when")
    before = 0 if when is None else words_of(when).count(word)
    return bound.count(word) + words_of(value).count(word) - before


def _bound(key: str) -> Sequence[str]:
    """The names that a key binds, where it is a loop's."""
    header = loop_header(key)
    if header is None:
        return ()
    from shapecalc.source.template import flat

    return list(flat(header[0]))
