"""Files and YAML as users meet them: what is read, and what is refused with advice."""

from __future__ import annotations

import pytest

import shapecalc
from tests import plain

from .mistake import Bad
from .twin import spec

HEAD = "shapecalc: 1\ninput: [4]\n"
TAIL = "input: [4]\nlayers: [{Linear: 3}]\n"

FILES = [
    Bad("empty", "", "SC009"),
    Bad("only a comment", "# nothing here\n", "SC009"),
    Bad("only a document mark", "---\n", "SC009"),
    Bad("no spec", "«name»: x\nversion: 2\n", "SC101", ["shapecalc"], ["shapecalc: 1"]),
    Bad("misspelt mark", "«shapecalk»: 1\n" + TAIL, "SC101", ["shapecalc"], ["did you mean"]),
    Bad("newer version", "shapecalc: «2»\n" + TAIL, "SC102", ["2", "newer"]),
    Bad("version that is text", "shapecalc: «one»\n" + TAIL, "SC102", ["integer"], ["shapecalc: 1"]),
    Bad("version with a point", "shapecalc: «1.0»\n" + TAIL, "SC102", ["integer"]),
    Bad("list", "«- shapecalc: 1\n", "SC105", ["mapping"]),
    Bad("text", "«shapecalc 1\n", "SC105", ["mapping"]),
    Bad("document key twice", "shapecalc: 1\n" + TAIL + "«input»: [5]\n", "SC003", ["input"]),
    Bad("several documents", "shapecalc: 1\n" + TAIL + "«---\nshapecalc: 1\n" + TAIL, "SC007"),
    Bad("tab", "shapecalc: 1\ninput: [4]\nlayers:\n«\t- ReLU\n", "SC002", ["tab"], ["spaces"]),
    Bad("open bracket", "shapecalc: 1\ninput: «[4\nlayers: [ReLU]\n", "SC002", ["["], ["]"]),
    Bad("open quote", "shapecalc: 1\nname: «\"Net\n" + TAIL, "SC002", ["quote"]),
    Bad("unlike indentation", "shapecalc: 1\ninput: [4]\nlayers:\n  a: ReLU\n «b: ReLU\n", "SC002"),
    Bad("stray star", HEAD + "layers:\n «* - Linear: 3\n", "SC002", ["alias"], ["take it out"]),
    Bad("stray bar", HEAD + "layers:\n «| - Linear: 3\n", "SC002", ["block of text"], ["take it out"]),
    Bad("leading zero", "shapecalc: 1\ninput: [«010»]\nlayers: [ReLU]\n", "SC004", ["010"], ["10", "8"]),
    Bad("leading zero of an argument", HEAD + "layers: [{Linear: «064»}]\n", "SC004", ["064"], ["64", "52"]),
    Bad("merge key", HEAD + "layers: [{ReLU: &a {inplace: true}}, {ReLU: {«<<»: *a}}]\n", "SC005", ["<<"], ["block"]),
    Bad("unknown tag", "shapecalc: 1\ninput: [4]\nlayers: [{Linear: «!size 3}]\n", "SC006", ["!size"]),
    Bad("tag of Python", "shapecalc: 1\nname: «!!python/object:os.system ls\n" + TAIL, "SC006", ["python"]),
    Bad("unknown alias", "shapecalc: 1\ninput: [4]\nlayers: [{Linear: «*width}]\n", "SC010", ["width"]),
    Bad("alias within its anchor", "shapecalc: 1\ninput: [4]\nlayers: &a [ReLU, «*a]\n", "SC010", ["a"]),
    Bad("key that is a list", "shapecalc: 1\ninput: [4]\nlayers: {? «[a, b] : ReLU}\n", "SC011"),
    Bad("control character", "shapecalc: 1\nname: a«\x07b\n" + TAIL, "SC002", ["U+0007"]),
    Bad("large number", "shapecalc: 1\ninput: [«1000000000000000000000]\nlayers: [ReLU]\n", "SC008", ["large"]),
]  # fmt: skip


@pytest.mark.parametrize("bad", FILES, ids=repr)
def test_a_bad_file_gives_one_diagnostic_at_its_place(bad: Bad) -> None:
    bad.verify(whole=True)


def test_no_is_text_and_no_boolean() -> None:
    problem = Bad("", "input: [4]\nlayers: [{Linear: {out_features: 3, bias: «no»}}]\n", "SC112", ["no"]).verify()
    assert "false" in problem.help


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "y", "n"])
def test_the_words_of_old_yaml_are_text_in_params(word: str) -> None:
    text = f"params: {{mode: {word}}}\ninput: [4]\nlayers: [{{ReLU: , when: mode == '{word}'}}, {{Linear: 3}}]\n"
    assert [layer.path for layer in plain.check_text(spec(text)).layers] == ["0", "1"]


def test_a_number_with_an_exponent_and_no_point_is_a_number() -> None:
    report = plain.check_text(spec("input: [4]\nlayers: [{BatchNorm1d: {eps: 1e-3}}]\n"))
    assert report.ok
    assert shapecalc.build(report).get_submodule("0").eps == 1e-3


def test_anchors_and_aliases_work_and_keep_their_places() -> None:
    text = "input: [3, 9, 9]\nlayers:\n  - Conv2d: &conv {out_channels: 3, kernel_size: 4}\n  - Conv2d: *conv\n"
    assert plain.check_text(spec(text)).state_dict()["1.weight"] == (3, 3, 4, 4)
    source = spec(text.replace("9, 9", "6, 6"))
    (problem,) = plain.check_text(source).diagnostics
    assert (problem.code, problem.layer, source[problem.start : problem.end]) == ("SC201", "1", "4")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    text = spec("input: [4]\nlayers:\n  - Linear: 3\n  - Linaer: 4\n")
    report = plain.check_text("\ufeff" + text.replace("\n", "\r\n"))
    assert [(d.code, report.source.place(d.start)) for d in report.diagnostics] == [("SC106", (6, 5))]


def test_a_left_over_key_is_told_as_an_expression_that_was_cut() -> None:
    text = spec("params: {c: 8}\ninput: [4]\nlayers:\n  - {Linear: min(c, 1)}\n")
    (problem,) = plain.check_text(text).diagnostics
    assert '"min(c, 1)"' in problem.help
