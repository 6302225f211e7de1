"""A user's mistake on its way from where it is found to the layer that it spoils. Never leaves this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.source.located import Node


class Mistake(Exception):
    """What will become a diagnostic: code, message, place and advice."""

    def __init__(self, code: str, message: str, place: Node | tuple[int, int], help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start, self.end = place if isinstance(place, tuple) else (place.start, place.end)
        self.help = help


class Silent(Exception):
    """Something depends on a value that an earlier mistake left unknown; that mistake has been reported."""
