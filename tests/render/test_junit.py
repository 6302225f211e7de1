"""JUnit read back by two readers: xml.etree, which is strict on XML, and junitparser, which knows the format."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from junitparser import Failure, JUnitXml

from shapecalc.analysis.verdict import Verdict
from shapecalc.render.junit import render_junit
from shapecalc.render.listing import whole_message

from .wild import BROKEN, REAL, found, verdict, verdict_of, verdicts

FAILING = ("error", "warning")


def legal(text: str) -> str:
    """A text as XML 1.0 can hold it, by the specification's own list of ranges (section 2.2, Char)."""
    ranges = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return "".join(c if c in "\t\n\r" or any(a <= ord(c) <= b for a, b in ranges) else "\ufffd" for c in text)


def read(listed: list[Verdict], root: str = "") -> Any:
    text = render_junit(listed, root)
    assert text.isascii()
    return ElementTree.fromstring(text.encode("ascii"))


def parsed(listed: list[Verdict]) -> JUnitXml:
    return JUnitXml.fromstring(render_junit(listed).encode("ascii"))


def test_a_clean_run_has_one_passing_case() -> None:
    for listed in ([], [verdict("a.yaml", [])]):
        (suite,) = parsed(listed)
        (case,) = suite
        assert case.is_passed
        assert (suite.tests, suite.failures) == (1, 0)


def test_every_file_has_a_suite_and_every_error_and_warning_a_failing_case() -> None:
    listed = [verdict("clean.yaml", []), verdict_of(REAL, "real.yaml"), verdict_of(BROKEN, "broken.yaml")]
    suites = {suite.name: list(suite) for suite in parsed(listed)}
    assert list(suites) == ["clean.yaml", "real.yaml", "broken.yaml"]
    assert [case.is_passed for case in suites["clean.yaml"]] == [True]
    for v in listed[1:]:
        failing = [f for f in v.found if f.severity in FAILING]
        assert len(failing) == len(suites[v.path]) > 0
        for case, f in zip(suites[v.path], failing, strict=True):
            (result,) = case.result
            assert isinstance(result, Failure)
            assert (result.message, result.type) == (f.message, f.severity)
            assert result.text.startswith(f"{v.path}:{f.line}:{f.column}: {f.code} ")
            assert case.classname == v.path


def test_notes_pass_and_are_told() -> None:
    (suite,) = parsed([verdict("a.yaml", [found(severity="info", code="SC402", message="a note")])])
    (case,) = suite
    assert case.is_passed
    assert case.system_out == "a.yaml:4:3: SC402 a note"


def test_paths_count_from_the_root() -> None:
    suite = read([verdict("/repo/specs/a.yaml", [])], "/repo").find("testsuite")
    assert suite.get("name") == suite.find("testcase").get("file") == "specs/a.yaml"


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_any_text_is_read_back(listed: list[Verdict]) -> None:
    root = read(listed)
    failing = [f for v in listed for f in v.found if f.severity in FAILING]
    failures = list(root.iter("failure"))
    assert [x.get("message") for x in failures] == [legal(f.message) for f in failing]
    for x, f in zip(failures, failing, strict=True):
        assert (x.text or "").endswith(legal(whole_message(f)))
    if listed:
        assert [s.get("name") for s in root] == [legal(v.path) for v in listed]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", render_junit(listed))


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_counts_are_those_of_what_is_there(listed: list[Verdict]) -> None:
    root = read(listed)
    for node in (root, *root):
        assert int(node.get("tests")) == len(list(node.iter("testcase"))) >= 1
        assert int(node.get("failures")) == len(list(node.iter("failure")))
