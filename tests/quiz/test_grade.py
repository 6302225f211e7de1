"""Marks: a full mark, a named mistake, a blank, nonsense, and the report on a class."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from shapecalc.explain.words import Words
from shapecalc.quiz import report
from shapecalc.quiz.answers import Answers, Unreadable
from shapecalc.quiz.grade import Student, graded
from shapecalc.quiz.make import sheet
from shapecalc.quiz.question import CHOICE, Sheet, shown, to_json
from shapecalc.quiz.registry import problem_of
from shapecalc.render.explained import render_text
from shapecalc.render.paint import width
from tests.schema.command import run

from .sheets import choice, decimal, integer, open_question, sizes, table

SHEET = Sheet("A sheet", "en", "7", [choice(), integer(), sizes(), table(), decimal()])
WIDE = """student,1,q2,size.3.0,4:conv.out,4:conv.params,5
Ada,B,6,64x55x55,8x28x28,208,27.8
Ben,5,5,64x54x54,8x28x28,200,27.80
Cy,,   ,,,,
Di,Z,many,six,8 28,none,1e999
"""


def marked(text: str, of: Sheet = SHEET) -> dict[str, Student]:
    answers = Answers(of)
    answers.add("answers.csv", text.encode())
    return {student.name: student for student in graded(of, answers.of)}


def states(student: Student) -> list[str]:
    return [mark.state for question in student.marked for mark in question.marks]


def test_a_full_mark_by_letter_and_by_every_value() -> None:
    assert set(states(marked(WIDE)["Ada"])) == {"right"}
    assert marked(WIDE)["Ada"].points == 5


def test_a_wrong_answer_is_explained_by_the_mistake_that_leads_to_it() -> None:
    ben = [mark for question in marked(WIDE)["Ben"].marked for mark in question.marks]
    assert [(m.state, m.mistake) for m in ben] == [
        ("wrong", "no-plus-one"),
        ("wrong", "no-plus-one"),
        ("wrong", "no-plus-one"),
        ("right", ""),
        ("wrong", "bias-forgotten"),
        ("right", ""),
    ]
    assert ben[0].feedback == "The first window counts too: add 1 after the division."
    assert marked(WIDE)["Ben"].points == 1.5


def test_blank_and_nonsense_are_told_apart_and_break_nothing() -> None:
    assert set(states(marked(WIDE)["Cy"])) == {"blank"}
    assert set(states(marked(WIDE)["Di"])) <= {"unreadable", "wrong"}
    assert "unreadable" in states(marked(WIDE)["Di"])
    assert marked(WIDE)["Di"].points == 0


def test_long_and_wide_files_and_json_give_the_same_marks(tmp_path: Path) -> None:
    answers = ("1,5", "2,5", "3,64x54x54", "4:conv.out,8x28x28", "4:conv.params,200", "5,27.80")
    long = "student,question,answer\n" + "".join(f"Ben,{answer}\n" for answer in answers)
    as_json = json.dumps(
        {"Ben": {"1": 5, "2": 5, "3": [64, 54, 54], "4": {"conv.out": "8x28x28", "conv.params": 200}, "5": 27.8}}
    )
    assert states(marked(long)["Ben"]) == states(marked(as_json)["Ben"]) == states(marked(WIDE)["Ben"])


@pytest.mark.parametrize("text", ["1e6", "1,000,000", "１００００００", "1 000 000", "1.00M"])
def test_a_million_may_be_written_in_many_ways(text: str) -> None:
    question = integer()
    question.asks[0].answer = 1_000_000
    of = Sheet("s", "en", "1", [question])
    found = io.StringIO()
    csv.writer(found).writerows([["student", "1"], ["Ada", text]])
    assert states(marked(found.getvalue(), of)["Ada"]) == ["right"]


@pytest.mark.parametrize("text", ["", "no head\n", "student,9\nAda,1\n", "\x00\x01", "{", '{"Ada": 3}', "[1, 2]"])
def test_a_file_that_holds_no_answers_is_one_line(text: str) -> None:
    with pytest.raises(Unreadable) as told:
        marked(text)
    assert "\n" not in str(told.value)


def test_open_questions_are_judged_by_computing() -> None:
    of = sheet(["reverse"], [1, 2], 6, "5")
    for question in of.questions:
        problem = problem_of(question.given)
        example = {ask.name: ask.answer for ask in question.asks}
        assert problem.right(example)
        assert not problem.right(dict.fromkeys(example, 23))


def test_the_class_report_counts_mistakes_and_shares() -> None:
    students = list(marked(WIDE).values())
    found = {tally.mistake: tally.times for tally in report.tallies(students, Words())}
    assert found == {"no-plus-one": 3, "bias-forgotten": 1}
    assert report.share_right(students, 0) * 4 == 1
    document = report.to_json(SHEET, students, Words())
    assert json.loads(json.dumps(document))


def test_tables_of_the_report_are_straight_in_chinese() -> None:
    students = list(marked(WIDE.replace("Ada", "王小明")).values())
    lines = render_text(list(report.page(SHEET, students, Words("zh")))).splitlines()
    start = next(n for n, line in enumerate(lines) if line.split()[:2] == ["学生", "得分"])
    rows = lines[start : start + 5]
    assert "王小明" in rows[1]
    assert len({width(row) for row in rows}) == 1


def test_the_command_grades_files_and_draws_the_class(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(to_json(SHEET)), encoding="utf-8")
    (tmp_path / "a.csv").write_text(WIDE, encoding="utf-8")
    end = run("quiz", "grade", "m.json", "a.csv", "--picture", "class.png", cwd=tmp_path)
    assert end.status == 0, end.err
    assert "no-plus-one" in end.out
    assert (tmp_path / "class.png").read_bytes()[:4] == b"\x89PNG"
    rows = list(
        csv.reader(io.StringIO(run("quiz", "grade", "m.json", "a.csv", "--output-format", "csv", cwd=tmp_path).out))
    )
    assert {row[0] for row in rows[1:] if row} == {"Ada", "Ben", "Cy", "Di"}


@pytest.mark.parametrize(
    ("master", "answers"),
    [("none.json", "a.csv"), ("m.json", "none.csv"), ("bad.json", "a.csv"), ("m.json", "bad.json")],
)
def test_files_that_cannot_be_read_are_one_line_and_exit_2(tmp_path: Path, master: str, answers: str) -> None:
    (tmp_path / "m.json").write_text(json.dumps(to_json(SHEET)), encoding="utf-8")
    (tmp_path / "a.csv").write_text(WIDE, encoding="utf-8")
    (tmp_path / "bad.json").write_text('{"schema_version": 1, "questions": [', encoding="utf-8")
    end = run("quiz", "grade", master, answers, cwd=tmp_path)
    assert end.status == 2
    assert len(end.err.strip().splitlines()) == 1
    assert "Traceback" not in end.err


def test_a_choice_may_be_given_by_letter_or_value() -> None:
    of = sheet(["output-size", "params"], [1, 2], 8, "9", kinds=[CHOICE])
    letters = [chr(ord("A") + q.asks[0].choices.index(q.asks[0].answer)) for q in of.questions]
    values = [shown(q.asks[0].answer) for q in of.questions]
    found = io.StringIO()
    head = ["student", *(q.id for q in of.questions)]
    csv.writer(found).writerows([head, ["Ada", *letters], ["Ben", *values], ["Cy", *map(str.lower, letters)]])
    assert all(set(states(s)) == {"right"} for s in marked(found.getvalue(), of).values())


def test_an_open_question_made_by_hand_without_a_problem_is_marked_by_its_example() -> None:
    of = Sheet("s", "en", "1", [open_question()])
    assert states(marked("student,1:padding,1:kernel_size\nAda,3,7\n", of)["Ada"]) == ["right", "right"]


OPEN_SHEET = Sheet("s", "en", "1", [open_question(), table()])
"""`padding` 3 and `kernel_size` 7 are the example; of the table 8 x 28 x 28 and 208."""


def written_as(text: str) -> list[tuple[str, str]]:
    """What was read for the values of the open question, and how it was marked."""
    (student,) = marked(json.dumps({"Ada": {"1": text}}), OPEN_SHEET).values()
    return [(mark.state, mark.written) for mark in student.marked[0].marks]


@pytest.mark.parametrize(
    "text",
    [
        "3, 7",
        "3，7",
        "3 7",
        "padding=3, kernel_size=7",
        "k=7, p=3",
        "kernel size: 7; Padding: 3",
        "p＝３，k＝７",
        "3、7",
    ],
)
def test_several_values_in_one_cell_are_told_apart(text: str) -> None:
    assert [state for state, _ in written_as(text)] == ["right", "right"]


@pytest.mark.parametrize("text", ["3", "3, 7, 9", "q=3, k=7", "three and seven", "208"])
def test_one_cell_that_does_not_part_into_the_values_is_not_taken_for_each_of_them(text: str) -> None:
    assert [state for state, _ in written_as(text)] == ["unreadable", "unreadable"]
    (student,) = marked(json.dumps({"Ada": {"2": text}}), OPEN_SHEET).values()
    assert student.points == 0


def test_a_name_without_its_value_is_blank() -> None:
    assert [state for state, _ in written_as("p=3")] != ["unreadable", "unreadable"]


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nstudent;1;2\nAda;B;6\n",
        '"sep=,"\r\nstudent,1,2\r\nAda,B,6\r\n',
        "\n\nstudent\t1\t2\nAda\tB\t6\n",
        "姓名，1，2\nAda，Ｂ，６\n",
        "学号；q1；Q2\nAda；（b）；6\n",
        "student|1|2\nAda|B|6\n",
    ],
)
def test_every_separator_that_spreadsheets_and_people_write_is_found(text: str) -> None:
    assert [mark.state for question in marked(text)["Ada"].marked[:2] for mark in question.marks] == ["right", "right"]


def test_lines_are_counted_with_the_one_that_names_the_separator() -> None:
    with pytest.raises(Unreadable, match=r"answers\.csv:4: no question '9'"):
        marked("sep=,\nstudent,question,answer\nAda,1,B\nAda,9,B\n")


def test_a_value_goes_by_its_label_too_and_a_wrong_name_is_told_the_right_ones() -> None:
    rows = 'student,"4:conv, output",4:conv.params,4:conv.output\nAda,8x28x28,208,1\n'
    answers = Answers(SHEET)
    answers.add("a.csv", rows.encode())
    assert graded(SHEET, answers.of)[0].marked[3].points == 1
    assert answers.remarks == [
        "a.csv:1: the column '4:conv.output' is no question, and passed over; question 4 has conv.out, conv.params"
    ]


def test_a_workbook_is_called_one() -> None:
    with pytest.raises(Unreadable, match="workbook"):
        Answers(SHEET).add("a.xlsx", b"PK\x03\x04\x14\x00")


def test_the_key_of_an_open_question_is_called_an_example_in_the_report() -> None:
    answers = Answers(OPEN_SHEET)
    answers.add("a.csv", b"student,1\nAda,4 9\n")
    students = graded(OPEN_SHEET, answers.of)
    assert "for example 7" in render_text(list(report.page(OPEN_SHEET, students, Words())))


def test_a_master_may_come_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(WIDE, encoding="utf-8")
    end = run("quiz", "grade", "-", "a.csv", cwd=tmp_path, text=json.dumps(to_json(SHEET)))
    assert end.status == 0, end.err
    assert "no-plus-one" in end.out
