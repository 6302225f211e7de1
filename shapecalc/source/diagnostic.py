"""Diagnostics: a code, a place in the text, a message that names the user's own numbers, and advice.

Stages yield diagnostics with character offsets; severity and kebab-case name come from the catalogue of codes
in `shapecalc.source.codes`. Nothing here prints, exits or knows a file's path.
"""

from __future__ import annotations

from shapecalc.source.codes import NAMES, SEVERITIES

SAFE, UNSAFE, DISPLAY = "safe", "unsafe", "display"
"""A safe fix leaves the module and the keys of its `state_dict` as they are; one for display is never applied."""


class Fix:
    """A change of the text that mends a finding: `edits` are (start, end, text) by character offset.

    `safety` is SAFE, UNSAFE or DISPLAY; `title` says what the change does.
    """

    __slots__ = ("edits", "safety", "title")

    def __init__(self, title: str, edits: tuple[tuple[int, int, str], ...], safety: str = UNSAFE) -> None:
        self.title = title
        self.edits = edits
        self.safety = safety


class Diagnostic:
    """One finding. `start` and `end` are character offsets in the text that was read (end exclusive).

    `layer` is the dotted path of the layer that it speaks of, empty for the document; `trail` names the loop
    turns and block uses that led there, outermost first; `related` holds (start, end, text) of further places.
    `severity` is that of the code unless settings say another.
    """

    __slots__ = ("code", "end", "fix", "help", "layer", "message", "related", "severity", "start", "trail")

    def __init__(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        *,
        help: str = "",
        layer: str = "",
        trail: tuple[str, ...] = (),
        related: tuple[tuple[int, int, str], ...] = (),
        fix: Fix | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.start = start
        self.end = end
        self.help = help
        self.layer = layer
        self.trail = trail
        self.related = related
        self.fix = fix
        self.severity = SEVERITIES[code]

    @property
    def name(self) -> str:
        """The kebab-case name of the code."""
        return NAMES[self.code]

    def __repr__(self) -> str:
        return f"<{self.code} {self.start}-{self.end} {self.message!r}>"
