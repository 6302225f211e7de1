"""Verdicts -> the code quality report that GitLab shows on merge requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.render.listing import items, shown_path, well_formed, whole_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Verdict
    from shapecalc.render.listing import Item

SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render_gitlab(verdicts: Sequence[Verdict], root: str = "") -> str:
    """One JSON array with an object for each finding; paths count from `root`, where one is given.

    Fingerprints are unique, and stay when lines move: GitLab tells by them what a change brought and what it mended.
    """
    import json

    return json.dumps([_object(item, shown_path(item.verdict.path, root)) for item in items(verdicts)], indent=2)


def _object(item: Item, path: str) -> dict[str, Any]:
    found = item.found
    return {
        "description": well_formed(whole_message(found)),
        "check_name": found.code,
        "fingerprint": item.identity(path),
        "severity": SEVERITIES[found.severity],
        "location": {"path": well_formed(path), "lines": {"begin": found.line, "end": found.end_line}},
    }
