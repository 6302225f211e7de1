"""The scalars of a spec -> the words in them. Knows nothing of what a word means where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.source.located import Node

WORD = re.compile(r"[^\W\d]\w*")


def words_of(node: Node) -> Mapping[str, int]:
    """In how many scalars of a piece of the spec each identifier stands, keys too."""
    from collections import Counter

    return Counter(word for scalar in scalars(node) for word in set(WORD.findall(scalar.text)))


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
