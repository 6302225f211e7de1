"""GitHub's annotations, read as the actions' runner reads a log, and the Markdown page of a step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from shapecalc.analysis.verdict import Verdict
from shapecalc.render.github import render_github, render_step_summary
from shapecalc.render.paint import printable

from .wild import BROKEN, REAL, found, verdict, verdict_of, verdicts


class Command:
    """One workflow command of a log line, as the runner takes it apart."""

    def __init__(self, line: str) -> None:
        head, self.data = line[2:].split("::", 1)
        self.kind, listed = head.split(" ", 1)
        pairs = [pair.split("=", 1) for pair in listed.split(",")]
        self.properties = {key: unescaped(value, "%0D", "%0A", "%3A", "%2C", "%25") for key, value in pairs}
        self.data = unescaped(self.data, "%0D", "%0A", "%25")


def unescaped(text: str, *marks: str) -> str:
    for mark in marks:  # the percent sign comes last
        text = text.replace(mark, chr(int(mark[1:], 16)))
    return text


def commands(text: str) -> list[Command]:
    return [Command(line) for line in text.splitlines() if line.startswith("::")]


def test_an_annotation_states_its_place_and_text() -> None:
    (command, *_) = commands(render_github([verdict_of(BROKEN, "/repo/specs/net.yaml")], "/repo"))
    assert command.kind == "error"
    assert command.properties["file"] == "specs/net.yaml"
    assert command.properties["line"] == command.properties["endLine"] == "4"
    line = BROKEN.splitlines()[3]
    start, end = int(command.properties["col"]), int(command.properties["endColumn"])
    assert command.properties["title"] == "SC201 kernel-does-not-fit"
    assert line[start - 1 : end - 1]
    assert command.data.startswith(f"specs/net.yaml:4:{start}: ")


def test_columns_are_left_out_where_a_finding_spans_lines() -> None:
    (command,) = commands(render_github([verdict("a.yaml", [found(line=2, end_line=5)])]))
    assert (command.properties["line"], command.properties["endLine"]) == ("2", "5")
    assert not {"col", "endColumn"} & set(command.properties)


def test_characters_that_the_format_needs_are_escaped_exactly() -> None:
    text = render_github([verdict("a:b,c%.yaml", [found(message="50% of a:b,c\nmore", code="SC402")])])
    assert text.splitlines()[0] == (
        "::warning file=a%3Ab%2Cc%25.yaml,line=4,endLine=4,col=3,endColumn=9,title=SC402 large-kernel"
        "::a:b,c%25.yaml:4:3: 50%25 of a:b,c%0Amore"
    )


def test_errors_come_first_and_ten_of_each_kind() -> None:
    listed = [found(severity=s, message=f"{s} {i}") for i in range(13) for s in ("info", "warning", "error")]
    text = render_github([verdict("a.yaml", listed[:20]), verdict("b.yaml", listed[20:])])
    kinds = [c.kind for c in commands(text)]
    assert kinds == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert text.splitlines()[-2:] == [
        "Found 13 errors, 13 warnings and 13 notes.",
        "Left out: 3 errors, 3 warnings, 3 notes. GitHub shows 10 annotations of each kind in one step.",
    ]


def test_ten_of_a_kind_leave_nothing_out() -> None:
    assert "Left out" not in render_github([verdict("a.yaml", [found()] * 10)])
    assert "Left out: 1 warning." in render_github([verdict("a.yaml", [found()] * 11)])


@pytest.mark.parametrize("listed", [[], [verdict("a.yaml", [])]])
def test_a_clean_run_annotates_nothing(listed: list[Verdict]) -> None:
    assert render_github(listed) == "All checks passed!"


@settings(max_examples=50, deadline=None)
@given(verdicts)
def test_any_text_is_read_back(listed: list[Verdict]) -> None:
    text = render_github(listed)
    everything = [(v.path, f) for s in ("error", "warning", "info") for v in listed for f in v.found if f.severity == s]
    read = commands(text)
    if all(sum(f.severity == s for _, f in everything) <= 10 for s in ("error", "warning", "info")):
        assert len(read) == len(everything)
        for command, (path, f) in zip(read, everything, strict=True):
            assert command.properties["file"] == printable(path)
            assert command.data.startswith(f"{printable(path)}:{f.line}:{f.column}: {printable(f.message) or f.name}")
            assert command.data.count("\n") == f.message.count("\n") + sum(
                t.count("\n") for t in (f.layer, f.help, *f.trail)
            ) + len(f.trail) + bool(f.help)
    for line in text.split("\n"):
        assert line.isprintable()
        assert line.startswith(("::error ", "::warning ", "::notice ", "Found ", "All checks", "Left out: "))


# the page of a step


def cells(markdown: str) -> list[list[str]]:
    """The texts in the rows of all tables, by a parser of CommonMark with GitHub's tables."""
    rows: list[list[str]] = []
    within = False
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in ("th_open", "td_open", "th_close", "td_close"):
            within = token.nesting == 1
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and within:
            rows[-1].append("".join("\n" if t.type == "html_inline" else t.content for t in token.children or []))
    return rows


def test_the_page_lists_findings_and_networks() -> None:
    page = render_step_summary([verdict_of(REAL, "real.yaml"), verdict_of(BROKEN, "broken.yaml")])
    rows = cells(page)
    assert rows[0] == ["", "place", "rule", "finding"]
    assert rows[1][0] == "error"
    assert rows[1][1].startswith("broken.yaml:4:")
    assert ["network", "spec", "params", "MACs"] in rows
    assert rows[-1][:2] == ["Real", "real.yaml"]
    assert rows[-1][2:] == ["38,976", "30,456,576"]


def test_the_page_stays_below_what_github_takes() -> None:
    page = render_step_summary([verdict("a.yaml", [found(message="步" * 500)] * 3000)])
    assert len(page.encode()) < 2**20
    assert "more rows left out." in page
    kept = len(cells(page)) - 3
    assert f"{3000 - kept} more rows left out." in page


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_the_page_holds_any_text(listed: list[Verdict]) -> None:
    rows = cells(render_step_summary(listed))
    everything = [f for s in ("error", "warning", "info") for v in listed for f in v.found if f.severity == s]
    for row, f in zip(rows[1:] if everything else [], everything, strict=False):
        assert row[2] == f"{f.code} {f.name}"
        assert "".join(row[3].split()).startswith("".join((printable(f.message) or f.name).split()))
