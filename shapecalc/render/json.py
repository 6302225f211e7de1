"""Reports -> the JSON document of `--output-format json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shapecalc import __version__
from shapecalc.source.codes import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.report import Report

SCHEMA_VERSION = 1


def render_json(reports: Sequence[Report]) -> str:
    """One object for all files; within one schema_version keys are only added."""
    severities = [SEVERITIES[d.code] for r in reports for d in r.diagnostics]
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "shapecalc", "version": __version__},
        "files": [report.to_dict() for report in reports],
        "summary": {
            "files": len(reports),
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
