"""Messages in Chinese: complete, in the terms of the field, and aligned in a terminal."""

from __future__ import annotations

import re
from pathlib import Path

from shapecalc.explain.manual import operator_page
from shapecalc.explain.network import layer_page
from shapecalc.explain.words import Words, entries
from shapecalc.ops.registry import MODULES
from shapecalc.render.explained import render_text
from shapecalc.render.paint import width
from tests import plain

from .messages import claims, literal, missing_from, put_together, told_elsewhere

ALEXNET = Path(__file__).parents[2] / "specs/alexnet.yaml"


def test_every_message_is_in_the_chinese_catalogue() -> None:
    assert missing_from("zh") == set()


def test_the_test_of_completeness_sees_all_kinds_of_messages() -> None:
    assert "Output size" in put_together()
    assert "No parameters." in literal()
    assert "the window is larger than the padded input" in claims()
    assert "paths of stride 7 and 7 meet" in told_elsewhere()


def test_translations_have_the_gaps_of_their_messages() -> None:
    for message, translation in Words("zh").catalogue.items():
        assert set(re.findall(r"{\w+}", message)) == set(re.findall(r"{\w+}", translation)), message


def test_an_unknown_message_is_said_in_english_and_noted() -> None:
    say = Words("zh")
    assert say("no such message {n}", n=3) == "no such message 3"
    assert say.missing == {"no such message {n}"}


def test_every_manual_page_has_its_headings_in_chinese() -> None:
    say = Words("zh")
    assert all(list(operator_page(name, say)) for name in MODULES)
    assert say.missing == set()


def test_the_terms_are_those_of_chinese_text_books() -> None:
    text = " ".join(Words("zh").catalogue.values())
    for term in ("输出特征图尺寸", "步幅", "填充", "参数量", "感受野", "计算量"):
        assert term in text


def test_entries_may_run_over_several_lines() -> None:
    lines = [
        'msgid ""',
        'msgstr "Language: zh"',
        "",
        "# a comment",
        'msgid "a "',
        '"b"',
        'msgstr "甲"',
        '"\\"乙\\""',
        "",
    ]
    assert list(entries(lines)) == [("a b", '甲"乙"')]


def test_entries_need_no_empty_line_between_them() -> None:
    lines = ['msgid "a"', 'msgstr "甲"', 'msgid "b"', 'msgstr "乙"']
    assert list(entries(lines)) == [("a", "甲"), ("b", "乙")]


def test_lines_under_a_chinese_label_begin_in_the_column_of_the_formula() -> None:
    report = plain.check(str(ALEXNET))
    lines = render_text(layer_page(report, "features.0", ("output",), Words("zh"))).splitlines()
    first = next(n for n, line in enumerate(lines) if "高, 宽" in line)
    column = width(lines[first][: lines[first].index("(i + ")])
    assert column > len(lines[first][: lines[first].index("(i + ")])
    assert all(width(line[: line.index("=")]) == column for line in lines[first + 1 : first + 6])


def test_tables_in_chinese_have_straight_columns() -> None:
    report = plain.check(str(ALEXNET))
    lines = render_text(layer_page(report, "features.2", ("memory",), Words("zh"))).splitlines()
    start = next(n for n, line in enumerate(lines) if "为反向传播保留" in line)
    ends = {width(re.match(r".*?(字节|[\d,]{5,})", line)[0]) for line in lines[start : start + 3]}  # type: ignore[index]
    assert len(ends) == 1
