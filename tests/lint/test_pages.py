"""Every manual page of a rule is true: its bad spec raises exactly that code, its good one nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapecalc.lint.fix import mend
from shapecalc.lint.registry import PAGES, RULES, page
from shapecalc.lint.rule import HEADINGS, Rule
from shapecalc.lint.selection import Selection
from shapecalc.pipeline import analyse
from shapecalc.source.codes import CATALOGUE
from shapecalc.source.text import Source

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report

RULE_CODES = [code for _, line in RULES for code in line.split()]
PAGE_CODES = [code for _, line in PAGES for code in line.split()]
every_rule = pytest.mark.parametrize("code", RULE_CODES)


def checked(text: str, code: str) -> Report:
    """The report with the default codes and the one that is meant."""
    wanted = Selection({*Selection().codes, code}, budget=page(code).budget)
    return analyse(Source("<example>", text), {}, selection=wanted)


def codes(text: str, code: str) -> list[str]:
    return [d.code for d in checked(text, code).diagnostics if d.severity != "info" or d.code == code]


@every_rule
def test_the_bad_example_raises_exactly_that_code(code: str) -> None:
    found = codes(page(code).sections()["Bad"], code)
    assert found
    assert set(found) == {code}


@every_rule
def test_the_good_example_raises_nothing(code: str) -> None:
    assert codes(page(code).sections()["Good"], code) == []


@every_rule
def test_pages_have_all_headings_and_the_catalogues_line(code: str) -> None:
    sections = page(code).sections()
    assert tuple(sections) == ("", *HEADINGS)
    assert all(sections.values())
    assert sections[""] == next(text for c, _, _, text in CATALOGUE if c == code)


@every_rule
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


@every_rule
def test_fixes_mend_the_bad_example_and_fixing_twice_changes_nothing(code: str) -> None:
    report = checked(page(code).sections()["Bad"], code)
    mended = mend(report, lambda text: checked(text, code), unsafe=True)
    if any(d.fix is not None and d.fix.safety != "display" for d in report.diagnostics if d.code == code):
        assert mended.count
        assert len(mended.report.diagnostics) < len(report.diagnostics)
    again = mend(mended.report, lambda text: checked(text, code), unsafe=True)
    assert (again.text, again.count) == (mended.text, 0)


def test_every_rule_of_the_catalogue_is_in_the_registry_once() -> None:
    listed = [*RULE_CODES, *PAGE_CODES]
    assert len(listed) == len(set(listed))
    assert set(listed) <= {code for code, *_ in CATALOGUE}
    assert all(page(code).code == code for code in listed)
    assert all(issubclass(page(code), Rule) for code in RULE_CODES)
