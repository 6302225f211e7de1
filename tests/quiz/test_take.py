"""`quiz take`: one question at a time in the terminal, feedback and working, the score at the end."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from shapecalc.explain.words import Words
from shapecalc.quiz.question import Sheet, to_json
from shapecalc.quiz.take import Talk
from shapecalc.render.paint import width
from tests.schema.command import Run, run

from .sheets import choice, integer, open_question, sizes, table

SHEET = Sheet("A sheet", "en", "7", [choice(), integer(), sizes(), table()])


def taken(tmp_path: Path, text: str, *options: str) -> Run:
    (tmp_path / "m.json").write_text(json.dumps(to_json(SHEET)), encoding="utf-8")
    return run("quiz", "take", "m.json", *options, cwd=tmp_path, text=text)


def test_right_answers_get_the_full_score(tmp_path: Path) -> None:
    end = taken(tmp_path, "B\n6\n64x55x55\n8x28x28\n208\n")
    assert end.status == 0
    assert end.out.strip().splitlines()[-1].startswith("4 of 4 (100%)")


def test_a_mistake_is_named_and_the_working_shown(tmp_path: Path) -> None:
    end = taken(tmp_path, "C\n6\n64x55x55\n8x28x28\n208\n")
    assert "The first window counts too: add 1 after the division." in end.out
    assert "= (14 + 2*3 - 5)//3 + 1" in end.out
    assert "3 of 4 (75%)" in end.out


def test_an_empty_line_skips_and_a_question_mark_shows_the_working(tmp_path: Path) -> None:
    end = taken(tmp_path, "\n?\n\n\n\n\n")
    assert end.status == 0
    assert "skipped" in end.out
    assert "(i + 2*p - k)//s + 1" in end.out


def test_nonsense_is_asked_again(tmp_path: Path) -> None:
    end = taken(tmp_path, "B\nmany\n6\n64x55x55\n8x28x28\n208\n")
    assert "neither a number nor sizes" in end.out
    assert "4 of 4" in end.out


def test_the_end_of_the_input_ends_with_the_score(tmp_path: Path) -> None:
    end = taken(tmp_path, "B\n")
    assert end.status == 0
    assert "questions left: 3" in end.out


def test_an_interrupt_ends_with_the_score_so_far() -> None:
    told: list[str] = []

    def hear(prompt: str) -> str:
        raise KeyboardInterrupt

    talk = Talk(SHEET, Words(), hear, told.append)
    with suppress(KeyboardInterrupt):
        talk.run()
    assert list(talk.score())


def test_questions_are_made_by_the_options_of_make(tmp_path: Path) -> None:
    end = run("quiz", "take", "--topic", "params", "--count", "2", "--seed", "3", cwd=tmp_path, text="\n\n")
    assert end.status == 0
    assert "0 of 2" in end.out


def test_tables_are_straight_in_chinese() -> None:
    from shapecalc.quiz.worked import table_lines

    question = table()
    question.head = ["层", "输出尺寸", "参数量"]
    question.rows = [[*row, "|"] for row in question.rows]
    question.head.append("|")
    lines = table_lines(question, {})
    assert "`" not in "".join(lines)
    assert len({width(line) for line in lines}) == 1


def test_an_end_before_the_first_answer_is_said_and_no_score_given(tmp_path: Path) -> None:
    for text in ("", "abc"):
        end = taken(tmp_path, text)
        assert end.status == 0
        assert end.out.rstrip().endswith("No question was answered.")
        assert "%" not in end.out.splitlines()[-1]


def test_the_answer_of_an_open_question_is_called_an_example(tmp_path: Path) -> None:
    of = Sheet("A sheet", "en", "7", [open_question()])
    (tmp_path / "o.json").write_text(json.dumps(to_json(of)), encoding="utf-8")
    end = run("quiz", "take", "o.json", cwd=tmp_path, text="1\n1\n")
    assert "answer: for example 3" in end.out
    assert "answer: for example 3" in run("quiz", "answer", "o.json", cwd=tmp_path).out


def test_questions_from_standard_input_are_refused_as_the_answers_stand_there(tmp_path: Path) -> None:
    end = run("quiz", "take", "-", cwd=tmp_path, text="{}")
    assert end.status == 2
    assert "standard input" in end.err
