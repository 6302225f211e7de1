"""The scalars of a spec -> the words in them. Knows nothing of what a word means where it stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from shapecalc.source.located import Node, Pairs

WORD = re.compile(r"[^\W\d]\w*")


class Survey:
    """The words and values of a whole spec, by its sections."""

    def __init__(self, root: Pairs) -> None:
        self.root = root
        self.sections = [_section(value) for _, value in root.pairs]

    def count(self, word: str) -> int:
        """How often an identifier stands in the scalars of the spec, keys too."""
        return sum(key.text == word for key, _ in self.root.pairs) + sum(s.words[word] for s in self.sections)

    def under(self, name: str) -> Iterator[Node]:
        """The values of all pairs with a key of that text."""
        yield from (value for key, value in self.root.pairs if key.text == name)
        for section in self.sections:
            yield from section.values.get(name, ())


class _Section:
    """One of them in one walk. A list or mapping of another section, which an alias puts here, is counted there."""

    def __init__(self, node: Node) -> None:
        self.values: dict[str, list[Node]] = {}
        self.words = _counted(self._texts(node))

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
                    texts.append(key.text)
                    self.values.setdefault(key.text, []).append(value)
                    if isinstance(value, Scalar):  # as most are
                        texts.append(value.text)
                    else:
                        waiting.append(value)
            seen.add(id(at))
        return texts


def _counted(texts: Iterable[str]) -> Mapping[str, int]:
    from collections import Counter

    return Counter(WORD.findall("\n".join(texts)))


@lru_cache(maxsize=200)
def _section(node: Node) -> _Section:
    """Sections of equal text and place are one object in all files, and looked through once."""
    return _Section(node)


@lru_cache(maxsize=100)
def words_of(block: Node) -> Mapping[str, int]:
    """How often each identifier stands in a block; blocks of equal text are one object, and looked through once."""
    return _counted(scalar.text for scalar in scalars(block))


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
