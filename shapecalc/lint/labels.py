"""The values of a spec -> whether one may name a label that is made of expressions, whatever the values of these."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.layers import loop_header
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.source.located import Node

FILLED = re.compile(r"\{[^}]*\}")
PIECE = re.compile(r"[\w\0]+")
GIVING = ("as", "name")
"""Wiring keys that give names, and refer to none."""


class Mentions:
    """All pieces of a spec's texts that may be a name in a reference, `a` and `b` of `a.b`.

    What an expression gives is an integer, or a text that stands somewhere in the spec as a whole: so where one is
    filled in at the end of a piece, the piece begins as it is written, and if the text has dots, the words behind them
    are found where it stands. `begins` has what is written before; `open` says that something stands behind, too.
    """

    def __init__(self, root: Node) -> None:
        parts = (part for text in _texts(root) for part in (FILLED.sub("\0", text), *FILLED.findall(text)))
        pieces = {piece for part in parts for piece in PIECE.findall(part)}
        filled = [piece.partition("\0") for piece in pieces if "\0" in piece]
        self.plain = "\n".join(piece for piece in pieces if "\0" not in piece)
        self.begins = [begin for begin, _, _ in filled]
        self.open = any(end for _, _, end in filled)

    def may_be(self, label: str) -> bool:
        """Whether one of them may be the label, with some values of its expressions."""
        first, *rest = FILLED.split(label)
        if self.open or any(begin.startswith(first) or first.startswith(begin) for begin in self.begins):
            return True
        pattern = r"\w*".join(map(re.escape, (first, *rest)))
        return re.search(f"^{pattern}$", self.plain, re.MULTILINE) is not None


def _texts(root: Node) -> Iterator[str]:
    """The values, but for those that give names, and what loops run over; no other key refers to anything."""
    waiting, seen = [root], set[int]()
    for at in waiting:  # which grows
        if isinstance(at, Scalar):
            yield at.text
        elif id(at) not in seen:  # an alias is its anchor's node again
            seen.add(id(at))
            if isinstance(at, Items):
                waiting += at.items
            else:
                yield from (header[1] for key, _ in at.pairs if (header := loop_header(key.text)))
                waiting += [v for key, v in at.pairs if not (key.text in GIVING and isinstance(v, Scalar))]
