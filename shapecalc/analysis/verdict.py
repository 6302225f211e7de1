"""Report -> verdict: what a run over many files keeps of each, with lines and columns in place of offsets.

A verdict is small and of plain values: it crosses processes, lies in the cache, and is all that the renderers of
findings need. Layers and figures stay with the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.source.located import Items, Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.dims.sym import Dim
    from shapecalc.source.diagnostic import Diagnostic, Fix


class Found:
    """One finding in its file: lines and columns count from 1, the end is exclusive, columns are code points.

    `line_text` is the source line on which it begins; `related` holds (line, column, text); `fix` is plain values.
    """

    __slots__ = (
        "code",
        "column",
        "end_column",
        "end_line",
        "fix",
        "help",
        "layer",
        "line",
        "line_text",
        "message",
        "name",
        "related",
        "severity",
        "trail",
    )

    def __init__(self, d: Diagnostic, report: Report) -> None:
        source = report.source
        self.code = d.code
        self.name = d.name
        self.severity = d.severity
        self.message = d.message
        self.line, self.column = source.place(d.start)
        self.end_line, self.end_column = source.place(d.end)
        self.layer = d.layer
        self.help = d.help
        self.trail = d.trail
        self.related = tuple((*source.place(start), note) for start, _, note in d.related)
        self.line_text = source.line_text(self.line)
        self.fix: dict[str, Any] | None = None if d.fix is None else _fix(d.fix, report)


def _fix(fix: Fix, report: Report) -> dict[str, Any]:
    """A fix as plain values: its title, safety, and edits by line and column."""
    place = report.source.place
    return {
        "title": fix.title,
        "safety": fix.safety,
        "edits": [
            {
                "line": place(start)[0],
                "column": place(start)[1],
                "end_line": place(end)[0],
                "end_column": place(end)[1],
                "text": text,
            }
            for start, end, text in fix.edits
        ],
    }


class Verdict:
    """What is to be said of one file. `readable`: it is a spec; `at_least` names counts that are bounds.

    `kept` holds the expectations that were checked and hold, as (text, line).
    """

    __slots__ = ("at_least", "found", "kept", "macs", "name", "params", "path", "readable")

    def __init__(self, report: Report) -> None:
        self.path = report.path
        self.name = report.name
        self.readable = report.graph is not None
        self.params: int | str = _plain(report.totals.params)
        self.macs: int | str = _plain(report.totals.macs)
        self.at_least: Sequence[str] = tuple(report.totals.uncounted)
        self.found: list[Found] = [Found(d, report) for d in report.diagnostics]
        self.kept: list[tuple[str, int]] = list(_kept(report))

    def count(self, severity: str) -> int:
        """How many findings have a severity."""
        return sum(f.severity == severity for f in self.found)


def _kept(report: Report) -> Iterator[tuple[str, int]]:
    """The expectations of a network that hold; none where a mistake keeps them from being checked."""
    graph = report.graph
    if graph is None or graph.changed or any(d.severity == "error" and d.code < "SC5" for d in report.diagnostics):
        return
    stated = [(f"expect of {e.path}", e.value) for e in graph.expectations]
    cases = graph.spec.expect
    listed = cases.items if isinstance(cases, Items) else [cases]
    for case in listed:
        stated += [(f"expect {k.text}", v) for k, v in case.pairs if k.text != "set"] if isinstance(case, Pairs) else []
    for name, value in stated:
        if not any(value.start <= d.start < value.end for d in report.diagnostics if d.code.startswith("SC5")):
            yield f"{name}: {report.source.text[value.start : value.end]}", report.source.place(value.start)[0]


def total(verdicts: Sequence[Verdict], severity: str) -> int:
    """How many findings of several files have a severity."""
    return sum(v.count(severity) for v in verdicts)


def fixable(found: Found, unsafe: bool = False) -> bool:
    """Whether `--fix` would mend a finding; with `unsafe`, whether `--unsafe-fixes` would."""
    return found.fix is not None and found.fix["safety"] in (("safe", "unsafe") if unsafe else ("safe",))


def _plain(value: Dim) -> int | str:
    return value if isinstance(value, int) else str(value)


def packed(verdict: Verdict) -> str:
    """A verdict as JSON text, for `unpacked`."""
    import json

    state = {name: getattr(verdict, name) for name in Verdict.__slots__}
    state["found"] = [[getattr(found, name) for name in Found.__slots__] for found in verdict.found]
    return json.dumps(state, ensure_ascii=True)


def unpacked(state: Any) -> Verdict:
    """The verdict that `packed` made text of, from what JSON reads there. Raises of anything else."""
    verdict = Verdict.__new__(Verdict)
    for name in Verdict.__slots__:
        setattr(verdict, name, state[name])
    verdict.found = [_found(values) for values in state["found"]]
    return verdict


def _found(values: Sequence[Any]) -> Found:
    found = Found.__new__(Found)
    for name, value in zip(Found.__slots__, values, strict=True):
        setattr(found, name, value)
    return found
