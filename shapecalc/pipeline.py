"""Text -> Report: the stages in their order. This is the map of the program.

    text --read--> located values --parse--> Spec --elaborate--> Graph --measure--> Report --lint--> diagnostics

Each stage is one function from one value to the next and adds its diagnostics to what it returns; none prints, exits,
or raises for a user's mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import Conditions
from shapecalc.analysis.expect import broken_expectations
from shapecalc.analysis.report import Report
from shapecalc.graph.elaborate import elaborate
from shapecalc.lint.engine import DEFAULT, lint
from shapecalc.ops.registry import MODULES
from shapecalc.source.parse import parse
from shapecalc.source.reader import PausedCollector, read
from shapecalc.source.text import Source, decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.lint.selection import Selection
    from shapecalc.source.spec import Spec


def check(
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    batch_size: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    convention: str = "torch",
    select: Sequence[str] | None = None,
) -> Report:
    """The report of the spec in a file; `params` set params and sizes by name, the rest what is counted for.

    `select` names codes, prefixes or rules to look for in place of the default ones; settings files are not read.
    Raises OSError for a missing file, ValueError for a dtype, optimizer, convention or code that is not known.
    """
    conditions = Conditions(batch_size, dtype, optimizer, convention)
    with open(path, "rb") as file:
        data = file.read()
    source, problem = decode(data, path)
    if source is None:
        assert problem is not None
        return Report(Source(path, ""), None, [problem], conditions)
    return analyse(source, params or {}, conditions, _selection(select))


def check_text(
    text: str,
    path: str = "<text>",
    params: Mapping[str, Any] | None = None,
    *,
    batch_size: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    convention: str = "torch",
    select: Sequence[str] | None = None,
) -> Report:
    """The report of a spec that is given as text; `path` is named in diagnostics. Raises ValueError as `check` does."""
    conditions = Conditions(batch_size, dtype, optimizer, convention)
    return analyse(Source(path, text), params or {}, conditions, _selection(select))


def _selection(select: Sequence[str] | None) -> Selection:
    return DEFAULT if select is None else DEFAULT.changed(select=select)


def analyse(
    source: Source,
    settings: Mapping[str, Any],
    conditions: Conditions | None = None,
    selection: Selection = DEFAULT,
) -> Report:
    """The whole way from a source to its report, expectations checked and rules run for the codes that are selected."""
    conditions = conditions or Conditions()
    with PausedCollector():
        root, diagnostics = read(source)
        spec, found = parse(source, root, MODULES)
        diagnostics += found
        if spec is None:
            return Report(source, None, diagnostics, conditions)
        report = measure(spec, settings, conditions)
        # A scalar that the reader could not make out is its matter alone, whatever a later stage thinks of the text.
        told = {(d.start, d.end) for d in diagnostics}
        report.diagnostics[:] = diagnostics + [d for d in report.diagnostics if (d.start, d.end) not in told]
        if not report.ok:
            from shapecalc.analysis.advice import advise_sizes

            advise_sizes(report, settings)
        # What a spec expects, it expects of one sample under the usual conditions.
        usual = report if conditions.usual else measure(spec, settings)
        report.diagnostics += broken_expectations(usual, settings, measure)
        report.diagnostics[:] = lint(report, root, selection)
        return report


def measure(spec: Spec, settings: Mapping[str, Any], conditions: Conditions | None = None) -> Report:
    """The report of a parsed spec under settings; its expectations are not checked."""
    graph = elaborate(spec, settings)
    return Report(spec.source, graph, graph.diagnostics, conditions)
