"""The names of output formats, each with the function that renders it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.render.github import render_github
from shapecalc.render.gitlab import render_gitlab
from shapecalc.render.junit import render_junit
from shapecalc.render.sarif import render_sarif
from shapecalc.source.root import source_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.analysis.verdict import Verdict

    OfFindings = Callable[[Sequence[Verdict]], str]


RENDERERS: Mapping[str, OfFindings] = {
    "sarif": lambda verdicts: render_sarif(verdicts, source_root()),
    "github": lambda verdicts: render_github(verdicts, source_root()),
    "gitlab": lambda verdicts: render_gitlab(verdicts, source_root()),
    "junit": lambda verdicts: render_junit(verdicts, source_root()),
}
"""Formats of findings."""
