"""Verdicts -> what the formats of findings share: places below a root, identities that outlive edits, what is cut off.

Knows of no format.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Found, Verdict

SEVERITIES = ("error", "warning", "info")
"""The worst first."""


class Item:
    """A finding with its file, and the number of those before it in the file that are the same but for the place."""

    __slots__ = ("found", "ordinal", "verdict")

    def __init__(self, verdict: Verdict, found: Found, ordinal: int) -> None:
        self.verdict = verdict
        self.found = found
        self.ordinal = ordinal

    def identity(self, *more: str) -> str:
        """A hash of the code and the layer (of the message, where no layer is named), which stays when lines move."""
        from hashlib import sha256

        parts = (*more, *_kind(self.found), str(self.ordinal))
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def items(verdicts: Sequence[Verdict]) -> list[Item]:
    """All findings in the order of files and of their text."""
    found = []
    for verdict in verdicts:
        seen: Counter[tuple[str, str]] = Counter()
        for f in verdict.found:
            found.append(Item(verdict, f, seen[_kind(f)]))
            seen[_kind(f)] += 1
    return found


def _kind(found: Found) -> tuple[str, str]:
    return found.code, found.layer or found.message


def worst(listed: Sequence[Item], most: int) -> list[Item]:
    """At most so many findings, worse ones before others; what is kept stays in its order."""
    if len(listed) <= most:
        return list(listed)
    order = sorted(range(len(listed)), key=lambda i: SEVERITIES.index(listed[i].found.severity))
    return [listed[i] for i in sorted(order[:most])]


def below(path: str, root: str) -> str | None:
    """The path from a folder to a file below it, with forward slashes; None for a file elsewhere."""
    try:
        found = slashed(os.path.relpath(os.path.abspath(path), os.path.abspath(root)))
    except ValueError:  # another drive
        return None
    return None if found == ".." or found.startswith("../") else found


def shown_path(path: str, root: str) -> str:
    """The path from a root where the file is below it, else as it is; no root, no change."""
    inner = below(path, root) if root else None
    return slashed(path) if inner is None else inner


def slashed(path: str) -> str:
    """The path with forward slashes, which is what other systems expect of all."""
    return path.replace(os.sep, "/")


def well_formed(text: str) -> str:
    """The text without halves of surrogate pairs, which no encoding can write."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def whole_message(found: Found) -> str:
    """The message with the layer, then on lines of their own the way into the blocks and the advice."""
    first = (found.message or found.name) + f" [{found.layer}]" * bool(found.layer)
    lines = [first, *(f"in {step}" for step in found.trail)]
    return "\n".join(lines + [f"help: {found.help}"] * bool(found.help))
