"""The scalars of a spec -> the words in them. Knows nothing of what a word means where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.source.located import Node

WORD = re.compile(r"[^\W\d]\w*")


def words_of(node: Node) -> Mapping[str, int]:
    """How often each identifier stands in the scalars of a piece of the spec, keys too."""
    from collections import Counter

    return Counter(WORD.findall("\n".join([scalar.text for scalar in scalars(node)])))


def values_by_key(node: Node) -> Mapping[str, Sequence[Node]]:
    """The values of all pairs of a piece of the spec by the text of their keys."""
    found: dict[str, list[Node]] = {}
    waiting = [node]
    seen: set[int] = set()
    for at in waiting:
        if isinstance(at, Scalar) or id(at) in seen:
            continue
        seen.add(id(at))
        if isinstance(at, Items):
            waiting += at.items
            continue
        for key, value in at.pairs:
            found.setdefault(key.text, []).append(value)
            waiting.append(value)
    return found


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
