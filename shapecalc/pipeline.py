"""Text -> Report: the stages in their order. This is the map of the program.

    text --read--> located values --parse--> Spec --elaborate--> Graph --analyse--> Report

Each stage is one function from one value to the next and adds its diagnostics to what it returns; none prints, exits,
or raises for a user's mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.expect import broken_expectations
from shapecalc.analysis.report import Report
from shapecalc.graph.elaborate import elaborate
from shapecalc.ops.registry import MODULES
from shapecalc.source.parse import parse
from shapecalc.source.reader import PausedCollector, read
from shapecalc.source.text import Source, decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.source.spec import Spec


def check(path: str, params: Mapping[str, Any] | None = None) -> Report:
    """The report of the spec in a file; `params` set params and sizes by name. Raises OSError for a missing file."""
    with open(path, "rb") as file:
        data = file.read()
    source, problem = decode(data, path)
    if source is None:
        assert problem is not None
        return Report(Source(path, ""), None, [problem])
    return analyse(source, params or {})


def check_text(text: str, path: str = "<text>", params: Mapping[str, Any] | None = None) -> Report:
    """The report of a spec that is given as text; `path` is named in diagnostics."""
    return analyse(Source(path, text), params or {})


def analyse(source: Source, settings: Mapping[str, Any]) -> Report:
    """The whole way from a source to its report, expectations checked."""
    with PausedCollector():
        root, diagnostics = read(source)
        spec, found = parse(source, root, MODULES)
        diagnostics += found
        if spec is None:
            return Report(source, None, diagnostics)
        report = measure(spec, settings)
        # A scalar that the reader could not make out is its matter alone, whatever a later stage thinks of the text.
        told = {(d.start, d.end) for d in diagnostics}
        report.diagnostics[:] = diagnostics + [d for d in report.diagnostics if (d.start, d.end) not in told]
        if not report.ok:
            from shapecalc.analysis.advice import advise_sizes

            advise_sizes(report, settings)
        report.diagnostics += broken_expectations(report, settings, measure)
        report.diagnostics.sort(key=lambda d: (d.start, d.end, d.code))
        return report


def measure(spec: Spec, settings: Mapping[str, Any]) -> Report:
    """The report of a parsed spec under settings; its expectations are not checked."""
    graph = elaborate(spec, settings)
    return Report(spec.source, graph, graph.diagnostics)
