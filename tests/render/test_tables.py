"""Markdown and CSV of layers: the table's columns, the report's figures, read back by other readers."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from markdown_it import MarkdownIt

from shapecalc.analysis.verdict import Verdict
from shapecalc.pipeline import check
from shapecalc.render.csv import render_csv
from shapecalc.render.markdown import cell, markdown_table, render_markdown
from shapecalc.render.paint import printable
from shapecalc.render.table import BY_KEY, DEFAULT, SORTABLE

from .test_github import cells
from .wild import BROKEN, REAL, report_of, texts

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
SIZED = """shapecalc: 1
name: Sized | net
blocks: {Mine: {params: {c: 4}, shape: [c, "in_shape[1]", "in_shape[2]"]}}
input: [3, H, W]
layers: [{Conv2d: {out_channels: 4, kernel_size: 3}}, {Mine: 4}, ReLU]
"""


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_csv_has_a_row_for_each_layer_with_the_figures_of_the_report(path: Path) -> None:
    report = check(str(path))
    rows = rows_of(render_csv([report], tuple(BY_KEY)))
    assert len(rows) == len(report.layers)
    for row, layer in zip(rows, report.layers, strict=True):
        assert (row["path"], row["layer"], row["op"]) == (str(path), layer.path, layer.op)
        figures = {
            "params": layer.params,
            "macs": layer.macs,
            "flops": layer.flops,
            "activation": layer.activation_bytes,
            "saved": layer.saved_bytes,
        }
        assert {key: row[key] for key in figures} == {
            key: "" if value is None else str(value) for key, value in figures.items()
        }


def test_csv_sums_to_the_published_figures_of_alexnet() -> None:
    rows = rows_of(render_csv([check(str(ROOT / "specs/alexnet.yaml"))]))
    assert sum(int(row["params"]) for row in rows) == 61_100_840
    assert sum(int(row["macs"]) for row in rows) == 714_188_480


def test_csv_leaves_empty_what_is_not_known_and_writes_zero_where_it_is() -> None:
    conv, mine, relu = rows_of(render_csv([report_of(SIZED)]))
    assert mine["params"] == mine["macs"] == ""
    assert relu["params"] == "0"
    assert conv["macs"] == str(report_of(SIZED).layers[0].macs)


def test_csv_of_several_files_has_one_head_and_says_which_row_is_whose() -> None:
    text = render_csv([report_of(REAL, "a,b.yaml"), report_of(REAL, 'c"d.yaml'), report_of("", "empty.yaml")])
    rows = rows_of(text)
    assert list(rows[0]) == ["path", *DEFAULT]
    assert [row["path"] for row in rows] == ["a,b.yaml"] * 5 + ['c"d.yaml'] * 5


def test_csv_of_nothing_is_its_head() -> None:
    assert render_csv([]) == ",".join(["path", *DEFAULT])


def test_csv_has_the_columns_and_the_order_that_are_asked_for() -> None:
    rows = rows_of(render_csv([report_of(REAL)], ("layer", "params"), "params"))
    assert list(rows[0]) == ["path", "layer", "params"]
    params = [int(row["params"]) for row in rows]
    assert params == sorted(params, reverse=True)


@settings(max_examples=25, deadline=None)
@given(texts)
def test_csv_reads_back_any_path(path: str) -> None:
    rows = rows_of(render_csv([report_of(REAL, path)], ("layer",)))
    assert {row["path"] for row in rows} == {printable(path)}


def test_markdown_has_the_cells_of_the_table() -> None:
    report = report_of(REAL)
    rows = cells(render_markdown([report]))
    columns = [BY_KEY[key] for key in DEFAULT]
    assert rows[0] == [column.heading for column in columns]
    assert rows[1:] == [[column.cell(layer) for column in columns] for layer in report.layers]


@pytest.mark.parametrize("sort", SORTABLE)
def test_markdown_and_csv_are_sorted_alike(sort: str) -> None:
    report = report_of(REAL)
    shown = [row[0] for row in cells(render_markdown([report], ("layer",), sort))[1:]]
    assert shown == [row["layer"] for row in rows_of(render_csv([report], ("layer",), sort))]


def test_markdown_has_a_section_for_each_file_with_totals_and_findings() -> None:
    page = render_markdown([report_of(REAL, "a.yaml"), report_of(BROKEN, "b.yaml"), report_of("", "empty.yaml")])
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    heads = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert heads[0] == "Real"
    assert len(heads) == 3
    (fence, *_) = (t.content for t in tokens if t.type == "fence")
    assert "38,976" in fence
    listed = [tokens[i + 2].content for i, t in enumerate(tokens) if t.type == "list_item_open"]
    assert sum("SC301" in text for text in listed) == 2
    assert any("SC106" in text for text in listed)
    assert any("SC009" in text for text in listed)


def test_markdown_lists_the_findings_that_it_is_given() -> None:
    report = report_of(REAL)
    verdict = Verdict(report)
    verdict.found = verdict.found[:1]
    assert render_markdown([report], verdicts=[verdict]).count("SC301") == 1


def plain(text: str) -> str:
    """A cell's text without what Markdown does not keep: spaces at the ends and runs of them at line ends."""
    return "".join(text.split())


@settings(max_examples=150, deadline=None)
@given(texts)
@example("a\\|b")
@example("\\*a*\\")
def test_a_cell_is_read_back_as_it_was(text: str) -> None:
    rows = cells(markdown_table(["x", "y"], [[text, "end"]]))
    assert len(rows) == 2
    assert plain(rows[1][0]) == plain(printable(text))
    assert rows[1][1] == "end"


def test_a_cell_holds_no_markup() -> None:
    tokens = MarkdownIt("commonmark").enable(["table"]).parse(cell("**a** [b](c) `d` <e> &amp; ~~f~~ _g_ | h"))
    assert {t.type for t in tokens[1].children or []} <= {"text", "text_special"}
