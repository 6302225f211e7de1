"""The scalars of a spec -> the words in them. Knows nothing of what a word means where it stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.source.located import Node

WORD = re.compile(r"[^\W\d]\w*")


class Survey:
    """A piece of the spec in one walk: `words`, how often each identifier stands in its scalars, keys too; and
    `values`, those of all pairs by the text of their key.
    """

    def __init__(self, node: Node) -> None:
        from collections import Counter

        self.values: dict[str, list[Node]] = {}
        self.words: Mapping[str, int] = Counter(WORD.findall("\n".join(self._texts(node))))

    def _texts(self, node: Node) -> list[str]:
        texts: list[str] = []
        waiting, seen = [node], set[int]()
        for at in waiting:  # which grows
            if isinstance(at, Scalar):
                texts.append(at.text)
            elif id(at) in seen:  # an alias is its anchor's node again
                continue
            elif isinstance(at, Items):
                waiting += at.items
            else:
                for key, value in at.pairs:
                    texts.append(key.text)
                    self.values.setdefault(key.text, []).append(value)
                    waiting.append(value)
            seen.add(id(at))
        return texts


@lru_cache(maxsize=100)
def words_of(block: Node) -> Mapping[str, int]:
    """How often each identifier stands in a block; blocks of equal text are one object, and looked through once."""
    return Survey(block).words


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
