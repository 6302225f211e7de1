"""`quiz answer`: keys with their working, of masters and of questions in YAML; claims marked, mistakes placed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapecalc.quiz.make import sheet
from shapecalc.quiz.question import CHOICE, from_json, shown, to_json
from tests.schema.command import run

SPEC = "{input: [3, 224, 224], layers: {conv: {Conv2d: {out_channels: 64, kernel_size: 11, stride: 4, padding: 2}}}}"
QUESTION = f"title: T\nquestions:\n  - spec: {SPEC}\n    layer: conv\n    what: shape\n    topic: output-size\n"


def answered(tmp_path: Path, text: str, *options: str) -> tuple[int, str, str]:
    (tmp_path / "q.yaml").write_text(text, encoding="utf-8")
    end = run("quiz", "answer", "q.yaml", *options, cwd=tmp_path)
    return end.status, end.out, end.err


def test_a_question_in_yaml_gets_key_and_working(tmp_path: Path) -> None:
    status, out, _ = answered(tmp_path, QUESTION)
    assert status == 0
    assert "64 × 55 × 55" in out
    assert "(i + 2*p - d*(k - 1) - 1)//s + 1" in out
    assert "217/4 = 54.25, rounded down" in out


def test_a_claim_is_marked_with_the_mistake_behind_it_and_a_wrong_one_exits_1(tmp_path: Path) -> None:
    assert answered(tmp_path, f"{QUESTION}    expect: [64, 55, 55]\n")[0] == 0
    status, out, _ = answered(tmp_path, f"{QUESTION}    expect: [64, 54, 54]\n")
    assert status == 1
    assert "no-plus-one" in out


@pytest.mark.parametrize("form", ["markdown", "latex", "json"])
def test_every_form_holds_the_answer(tmp_path: Path, form: str) -> None:
    status, out, _ = answered(tmp_path, QUESTION, "--output-format", form)
    assert status == 0
    assert "55" in out
    if form == "json":
        assert from_json(json.loads(out)).questions[0].asks[0].answer == (64, 55, 55)


def test_a_master_is_answered_question_by_question(tmp_path: Path) -> None:
    made = sheet(["params", "macs", "pooling"], [1, 2], 6, "4")
    (tmp_path / "m.json").write_text(json.dumps(to_json(made)), encoding="utf-8")
    end = run("quiz", "answer", "m.json", cwd=tmp_path)
    assert end.status == 0
    for question in made.questions:
        assert shown(question.asks[0].answer) in end.out


def test_the_chinese_key_holds_no_english_sentence(tmp_path: Path) -> None:
    _, out, _ = answered(tmp_path, QUESTION, "--lang", "zh")
    assert "答案" in out
    assert "answer" not in out
    assert "rounded" not in out


WRONG = {
    "nothing": ("", "q.yaml"),
    "a list": ("- 1\n", "q.yaml:1:1"),
    "no questions": ("title: T\n", "`questions` is missing"),
    "an unknown key": (QUESTION.replace("topic:", "topik:"), "did you mean `topic`"),
    "an unknown topic": (QUESTION.replace("output-size", "output-sizes"), "did you mean 'output-size'"),
    "an unknown layer": (QUESTION.replace("layer: conv", "layer: comv"), "did you mean 'conv'"),
    "an unknown figure": (QUESTION.replace("what: shape", "what: shade"), "the layer has"),
    "a broken spec": (QUESTION.replace("kernel_size: 11", "kernel_size: 1100"), "SC201"),
    "a missing file": ("questions:\n  - {path: none.yaml, total: params}\n", "No such file"),
    "an absolute path": ("questions:\n  - {path: /etc/passwd, total: params}\n", "relative"),
    "names for one value": (f"{QUESTION}    expect: {{shape: [64, 55, 55]}}\n", "a value is due, not a mapping"),
    "a claim of nothing": (f"{QUESTION}    expect:\n", "a value is due, not nothing"),
    "params to set where there are none": (QUESTION + "    set: {x: 1}\n", "`set` has no key `x`; it has none"),
    "a size that is not known": (QUESTION.replace("224, 224", "H, H"), "is no number"),
    "no yaml": ("questions: [\n", "q.yaml:"),
    "an id twice": (QUESTION + QUESTION.partition("questions:\n")[2].replace("- spec", "- id: '1'\n    spec"), "twice"),
}


@pytest.mark.parametrize("what", WRONG)
def test_bad_questions_are_one_line_with_a_place_and_exit_2(tmp_path: Path, what: str) -> None:
    text, message = WRONG[what]
    status, _, err = answered(tmp_path, text)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_choices_stand_with_the_letter_of_the_right_one(tmp_path: Path) -> None:
    made = sheet(["params"], [1], 1, "4", kinds=[CHOICE])
    (tmp_path / "m.json").write_text(json.dumps(to_json(made)), encoding="utf-8")
    ask = made.questions[0].asks[0]
    letter = "ABCD"[ask.choices.index(ask.answer)]
    for form in ("text", "markdown", "latex"):
        out = run("quiz", "answer", "m.json", "--output-format", form, cwd=tmp_path).out
        assert all(f"{n}) {shown(value)}" in out for n, value in zip("ABCD", ask.choices, strict=True))
        assert f"answer: {letter}) {shown(ask.answer)}" in out


def test_questions_may_come_from_standard_input(tmp_path: Path) -> None:
    end = run("quiz", "answer", "-", cwd=tmp_path, text=QUESTION)
    assert end.status == 0, end.err
    assert "64 × 55 × 55" in end.out


def test_a_question_without_words_is_told_by_its_keys_as_yaml_writes_them(tmp_path: Path) -> None:
    given = "by_hand: Conv2d, image: [[1, 2], [3, 4]], kernel: [[1]], args: {padding: 1, bias: false}"
    _, out, _ = answered(tmp_path, f"questions:\n  - {{{given}}}\n")
    assert f"1. {given}" in out
