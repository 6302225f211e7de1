"""Reports and verdicts -> the terminal or a file: the chosen format, colours, and what the encoding can say."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from shapecalc.render.paint import Paint, wants_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.analysis.verdict import Verdict


class Shown:
    """What a run prints, in one format, to one stream; `said` keeps it."""

    def __init__(self, options: dict[str, Any], form: str, stream: TextIO) -> None:
        self.form = form
        self.quiet: bool = options["quiet"]
        self.columns = options["columns"]
        self.sort = options["sort"]
        self.stream = stream
        self.paint = Paint(wants_colour(options["color"], os.environ, stream.isatty()))
        self.said: list[str] = []

    def out(self, text: str) -> None:
        """Write a line; what the stream's encoding lacks is replaced rather than refused."""
        line = text + "\n"
        try:
            self.stream.write(line)
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            line = line.encode(encoding, "replace").decode(encoding)
            self.stream.write(line)
        self.said.append(line)

    def findings(self, verdicts: Sequence[Verdict]) -> None:
        """The formats of findings."""
        if self.form == "concise":
            self._concise(verdicts)
        elif self.form == "full":
            self._full(verdicts)
            self._found(verdicts)
        else:
            from shapecalc.render.formats import RENDERERS

            self.out(RENDERERS[self.form](verdicts))
            if path := self.step_summary():
                self._summarise(verdicts, path)

    def _concise(self, verdicts: Sequence[Verdict]) -> None:
        from shapecalc.render.text import render_concise, render_summary

        for verdict in verdicts:
            if verdict.readable and not self.quiet:
                self.out(render_summary(verdict))
            for line in render_concise(verdict, self.paint):
                self.out(line)
        self._found(verdicts)

    def _full(self, verdicts: Sequence[Verdict], before: str = "") -> None:
        from shapecalc.render.text import render_full

        for verdict in verdicts:
            for text in render_full(verdict, self.paint):
                self.out(before + text)

    def _found(self, verdicts: Sequence[Verdict]) -> None:
        if self.quiet or not any(v.found for v in verdicts):
            return
        from shapecalc.render.text import found_lines

        for line in found_lines(verdicts):
            self.out(line)

    def step_summary(self) -> str:
        """The file for the Markdown page that GitHub's actions show of each step; empty where none is asked for."""
        return os.environ.get("GITHUB_STEP_SUMMARY", "") if self.form == "github" else ""

    def _summarise(self, verdicts: Sequence[Verdict], path: str) -> None:
        from shapecalc.render.github import render_step_summary

        try:
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(render_step_summary(verdicts) + "\n")
        except OSError as error:
            print(f"shapecalc: {path}: {error.strerror or error}", file=sys.stderr)

    def objects(self, documents: Sequence[dict[str, Any]], verdicts: Sequence[Verdict]) -> None:
        """JSON: every figure of every file."""
        from shapecalc.analysis.record import diagnostic_object
        from shapecalc.render.json import render_json

        for document, verdict in zip(documents, verdicts, strict=True):
            document["diagnostics"] = [diagnostic_object(found, verdict.path) for found in verdict.found]
        self.out(render_json(documents))

    def reports(self, reports: Sequence[Report], verdicts: Sequence[Verdict]) -> None:
        """The layer table with totals, then what was found."""
        if self.form == "markdown":
            from shapecalc.render.markdown import render_markdown

            self.out(render_markdown(reports, self.columns, self.sort, verdicts))
        elif self.form == "csv":
            self._csv(reports, verdicts)
        else:
            self._tables(reports, verdicts)

    def _csv(self, reports: Sequence[Report], verdicts: Sequence[Verdict]) -> None:
        """Rows of layers; a table has no place for findings, so they go to standard error."""
        from shapecalc.render.csv import render_csv
        from shapecalc.render.text import render_concise

        self.out(render_csv(reports, self.columns, self.sort))
        for line in (line for verdict in verdicts for line in render_concise(verdict)):
            print(line, file=sys.stderr)

    def _tables(self, reports: Sequence[Report], verdicts: Sequence[Verdict]) -> None:
        for report, verdict in zip(reports, verdicts, strict=True):
            if not self.quiet and (report.layers or (report.graph and report.ok)):
                self._table(report)
            self._full([verdict], before="" if self.quiet else "\n")
        self._found(verdicts)

    def _table(self, report: Report) -> None:
        from shapecalc.render.table import DEFAULT, render_table

        width = _terminal_width() if self.stream is sys.stdout else None
        self.out(render_table(report, self.columns or DEFAULT, self.sort, width, self.paint))


def _terminal_width() -> int | None:
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns
