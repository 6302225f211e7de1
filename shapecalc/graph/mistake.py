"""A user's mistake on its way from where it is found to the layer that it spoils. Never leaves this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.source.diagnostic import Fix
    from shapecalc.source.located import Node


class Mistake(Exception):
    """What will become a diagnostic: code, message, place, advice, and the change of the text that would mend it."""

    def __init__(
        self, code: str, message: str, place: Node | tuple[int, int], help: str = "", fix: Fix | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start, self.end = place if isinstance(place, tuple) else (place.start, place.end)
        self.help = help
        self.fix = fix


class Silent(Exception):
    """Something depends on a value that an earlier mistake left unknown; that mistake has been reported."""
