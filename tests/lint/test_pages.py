"""Every manual page is true: its bad spec raises exactly that code, its good one nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapecalc.cli.rule import page_text
from shapecalc.lint.fix import applies, mend
from shapecalc.lint.registry import PAGES, RULES, page
from shapecalc.lint.rule import HEADINGS, Rule
from shapecalc.lint.selection import ALWAYS, Selection
from shapecalc.pipeline import analyse, check
from shapecalc.source.codes import CATALOGUE
from shapecalc.source.text import Source

if TYPE_CHECKING:
    from pathlib import Path

    from shapecalc.analysis.report import Report

RULE_CODES = [code for _, line in RULES for code in line.split()]
PAGE_CODES = [code for _, line in PAGES for code in line.split()]
ALL_CODES = [code for code, *_ in CATALOGUE]
UNTEXT = [code for code in ALL_CODES if page(code).encoding != "utf-8"]
"""Codes whose bad example is no text in UTF-8, so that only a file can hold it."""
every_page = pytest.mark.parametrize("code", [code for code in ALL_CODES if code not in UNTEXT])
suppressible = pytest.mark.parametrize("code", [c for c in ALL_CODES if not c.startswith((*ALWAYS, "SC9"))])


def checked(text: str, code: str, *, bad: bool = True) -> Report:
    """The report with the default codes and the one that is meant, under the page's settings where `bad`."""
    wanted = Selection({*Selection().codes, code}, budget=page(code).budget)
    return analyse(Source("<example>", text), page(code).settings if bad else {}, selection=wanted)


def codes(text: str, code: str, *, bad: bool = True) -> list[str]:
    found = checked(text, code, bad=bad).diagnostics
    return [d.code for d in found if d.severity != "info" or d.code == code]


@every_page
def test_the_bad_example_raises_exactly_that_code(code: str) -> None:
    found = codes(page(code).sections()["Bad"], code)
    assert found
    assert set(found) == {code}


@pytest.mark.parametrize("code", UNTEXT)
def test_the_bad_example_raises_that_code_in_its_encoding(code: str, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_bytes(page(code).sections()["Bad"].encode(page(code).encoding))
    assert [d.code for d in check(str(file)).diagnostics] == [code]


@pytest.mark.parametrize("code", ALL_CODES)
def test_the_good_example_raises_nothing(code: str) -> None:
    assert codes(page(code).sections()["Good"], code, bad=False) == []


@pytest.mark.parametrize("code", ALL_CODES)
def test_pages_have_all_headings_and_the_catalogues_line(code: str) -> None:
    sections = page(code).sections()
    assert tuple(sections) == ("", *HEADINGS)
    assert all(sections.values())
    assert sections[""] == next(text for c, _, _, text in CATALOGUE if c == code)


@suppressible
def test_a_finding_can_be_suppressed_on_its_line_and_in_the_file(code: str) -> None:
    bad = page(code).sections()["Bad"]
    (first, *_) = (d for d in checked(bad, code).diagnostics if d.code == code)
    source = Source("", bad)
    lines = bad.split("\n")
    for d in checked(bad, code).diagnostics:
        line = source.place(d.start)[0] - 1
        if d.code == code and "# shapecalc" not in lines[line]:
            lines[line] += f"  # shapecalc: ignore[{code}]"
    assert code not in codes("\n".join(lines), code)
    assert codes(f"# shapecalc: ignore-file[{first.name}]\n{bad}", code) == []


@every_page
def test_fixes_mend_the_bad_example_and_fixing_twice_changes_nothing(code: str) -> None:
    report = checked(page(code).sections()["Bad"], code)
    mended = mend(report, lambda text: checked(text, code), unsafe=True)
    if any(applies(d, unsafe=True) for d in report.diagnostics if d.code == code):
        assert mended.count
        assert len(mended.report.diagnostics) < len(report.diagnostics)
    again = mend(mended.report, lambda text: checked(text, code), unsafe=True)
    assert (again.text, again.count) == (mended.text, 0)


def test_what_keeps_a_spec_from_being_read_cannot_be_suppressed() -> None:
    text = "shapecalc: 1\ninput: [4]\nlayers: [{Linaer: 3}]  # shapecalc: ignore[SC106]\n# noqa\n"
    assert "SC106" in codes(text, "SC106")


def test_every_code_of_the_catalogue_has_one_page_and_rules_are_those_that_check() -> None:
    listed = [*RULE_CODES, *PAGE_CODES]
    assert sorted(listed) == sorted(ALL_CODES)
    assert len(listed) == len(set(listed))
    assert all(page(code).code == code for code in listed)
    assert all(issubclass(page(code), Rule) for code in RULE_CODES)
    assert not any(issubclass(page(code), Rule) for code in PAGE_CODES)


def test_the_printed_page_holds_all_of_the_manual_page() -> None:
    for code in ALL_CODES:
        text = page_text(code)
        assert [line for line in text.splitlines() if line.startswith("## ")] == [f"## {h}" for h in HEADINGS]
        assert all(body in text for body in page(code).sections().values())
