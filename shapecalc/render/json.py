"""The objects of files -> the JSON document of `--output-format json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shapecalc import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA_VERSION = 1
WIDTH = 120


def render_json(files: Sequence[dict[str, Any]]) -> str:
    """One document for all files, of which each object is a report's `to_dict()`; keys are only added."""
    severities = [d["severity"] for file in files for d in file["diagnostics"]]
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "shapecalc", "version": __version__},
        "files": list(files),
        "summary": {
            "files": len(files),
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
        },
    }
    return laid_out(document, "")


def laid_out(value: Any, margin: str) -> str:
    """JSON text in which what fits into a line stands in one, and longer things have a line for each part."""
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    inner = margin + "  "
    if isinstance(value, dict):
        ends, parts = "{}", [f"{json.dumps(k, ensure_ascii=False)}: {laid_out(v, inner)}" for k, v in value.items()]
    else:
        ends, parts = "[]", [laid_out(v, inner) for v in value]
    if sum(map(len, parts)) + 2 * len(parts) + len(margin) < WIDTH and not any("\n" in p for p in parts):
        return f"{ends[0]}{', '.join(parts)}{ends[1]}"
    lines = ",\n".join(inner + part for part in parts)
    return f"{ends[0]}\n{lines}\n{margin}{ends[1]}"
