"""The names of output formats, each with the function that renders it. Finds the root that paths count from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shapecalc.render.github import render_github
from shapecalc.render.gitlab import render_gitlab
from shapecalc.render.junit import render_junit
from shapecalc.render.sarif import render_sarif

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.analysis.verdict import Verdict

    OfFindings = Callable[[Sequence[Verdict]], str]


def source_root() -> str:
    """The folder of the repository that one stands in, else the current one: build servers count paths from there."""
    here = folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return here
        folder = parent
    return folder


RENDERERS: Mapping[str, OfFindings] = {
    "sarif": lambda verdicts: render_sarif(verdicts, source_root()),
    "github": lambda verdicts: render_github(verdicts, source_root()),
    "gitlab": lambda verdicts: render_gitlab(verdicts, source_root()),
    "junit": lambda verdicts: render_junit(verdicts, source_root()),
}
"""Formats of findings."""
