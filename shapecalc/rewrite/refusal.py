"""Why a rewrite cannot be made, with the place in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.graph.graph import Node
    from shapecalc.source import located


class Refused(Exception):
    """A rewrite that cannot be made: `message` says why, `start` is the place, `layer` the path where there is one."""

    def __init__(self, message: str, place: located.Node | None = None, layer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = None if place is None else place.start
        self.layer = layer


def refused(message: str, node: Node) -> Refused:
    """The refusal that blames a layer."""
    return Refused(message, node.child.head if node.child else None, node.path)
