"""Findings as text: one finding is one line, whatever names the file and its layers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from shapecalc.render.github import render_github
from shapecalc.render.text import render_concise, render_full, render_summary

from .wild import EMPTY, found, texts, verdict

if TYPE_CHECKING:
    from shapecalc.analysis.verdict import Verdict


def listed(path: str, layer: str = "") -> Verdict:
    return verdict(path, [found(layer=layer)])


def test_a_line_feed_in_a_name_is_written_as_one() -> None:
    assert render_concise(listed("a\nb.yaml", "x\ny")) == [r"a\nb.yaml:4:3: SC301 a message [x\ny]"]
    assert render_summary(verdict("a\nb.yaml", [])).startswith(rf"a\nb.yaml: {EMPTY.name}, ")
    assert render_full(listed("a\nb.yaml"))[0].startswith(r"a\nb.yaml:4:3: warning SC301 a message")


@given(texts, texts, texts)
def test_each_finding_is_one_line(path: str, layer: str, message: str) -> None:
    shown = verdict(path, [found(layer=layer, message=message), found(layer=layer)])
    shown.name = message
    lines = [*render_concise(shown), render_summary(shown)]
    assert len("\n".join(lines).splitlines()) == 3


def test_an_annotation_names_the_file_as_it_is_and_shows_it_on_one_line() -> None:
    (line, *_) = render_github([listed("a\nb.yaml")]).splitlines()
    assert line.startswith("::warning file=a%0Ab.yaml,")
    assert line.endswith(r"::a\nb.yaml:4:3: a message")
