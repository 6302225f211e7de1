"""`quiz make` as people run it: formats by suffix, variants with keys apart, one question again, clear faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapecalc.quiz.question import from_json
from shapecalc.quiz.registry import TOPICS
from tests.schema.command import ROOT, run


def test_a_sheet_has_as_many_questions_as_were_wanted_and_the_same_again(tmp_path: Path) -> None:
    one, other = (run("quiz", "make", "--count", "7", "--seed", "s", cwd=tmp_path).out for _ in range(2))
    assert one == other
    assert one.count("## Question") == 7
    assert run("quiz", "make", "--count", "7", "--seed", "t", cwd=tmp_path).out != one


def test_a_question_is_made_again_by_its_id(tmp_path: Path) -> None:
    whole = run("quiz", "make", "--count", "6", "--seed", "s", "--output-format", "json", cwd=tmp_path)
    question = json.loads(whole.out)["questions"][4]
    again = run("quiz", "make", "--id", question["id"], "--seed", "s", "--output-format", "json", cwd=tmp_path)
    assert json.loads(again.out)["questions"] == [question]


def test_variants_differ_and_keep_their_keys_apart(tmp_path: Path) -> None:
    end = run("quiz", "make", "--count", "4", "--variants", "3", "-o", "sheet.md", cwd=tmp_path)
    assert end.status == 0
    sheets = [(tmp_path / f"sheet-{n}.md").read_text(encoding="utf-8") for n in (1, 2, 3)]
    keys = [(tmp_path / f"sheet-{n}.key.md").read_text(encoding="utf-8") for n in (1, 2, 3)]
    assert len(set(sheets)) == len(set(keys)) == 3
    assert not set(sheets) & set(keys)


def test_questions_are_made_about_a_spec(tmp_path: Path) -> None:
    spec = str(ROOT / "specs/alexnet.yaml")
    end = run("quiz", "make", "--from", spec, "--count", "5", "--output-format", "json", cwd=tmp_path)
    assert end.status == 0, end.err
    assert len(from_json(json.loads(end.out)).questions) == 5


def test_the_list_names_every_topic(tmp_path: Path) -> None:
    out = run("quiz", "make", "--list", cwd=tmp_path).out
    assert all(name in out for name in TOPICS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--topic", "output-sizes"], "Did you mean 'output-size'"),
        (["--output-format", "moodel"], "Did you mean 'moodle'"),
        (["--id", "params"], "TOPIC.LEVEL.NUMBER"),
        (["--variants", "2"], "-o FILE"),
        (["--from", "none.yaml"], "No such file"),
        (["-o", "missing/sheet.md"], "No such file"),
        (["-o", "sheet.xyz"], "xyz"),
    ],
)
def test_wrong_usage_is_said_in_a_line_and_exits_2(tmp_path: Path, options: list[str], message: str) -> None:
    end = run("quiz", "make", *options, cwd=tmp_path)
    assert end.status == 2
    assert message in end.err
