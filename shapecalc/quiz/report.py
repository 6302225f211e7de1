"""Marks of a class -> its report: points of each student, share right of each question, which mistake how often.

As blocks of a page (see `shapecalc.explain.page`), as rows for a spreadsheet, and as a mapping for JSON.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from shapecalc.explain.page import Grid, Heading, Line
from shapecalc.quiz.grade import BLANK, RIGHT, ROUGH, STATES, UNREADABLE, WRONG
from shapecalc.quiz.question import OPEN, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shapecalc.explain.page import Block
    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import Mark, Marked, Student
    from shapecalc.quiz.question import Question, Sheet

SCHEMA_VERSION = 1
SIGNS = {RIGHT: "+", WRONG: "-", BLANK: ".", UNREADABLE: "?"}
COLUMNS = ("student", "question", "id", "value", "written", "state", "key", "mistake", "feedback")


class Tally:
    """A mistake over the class: how often it was made, and the numbers of the questions where."""

    __slots__ = ("feedback", "mistake", "questions", "times")

    def __init__(self, mistake: str, feedback: str) -> None:
        self.mistake = mistake
        self.feedback = feedback
        self.times = 0
        self.questions: dict[int, None] = {}


def tallies(students: Iterable[Student], say: Words) -> list[Tally]:
    """The mistakes, the most frequent first."""
    found: dict[str, Tally] = {}
    for student in students:
        for number, mark in _marks(student):
            if mark.mistake:
                tally = found.setdefault(mark.mistake, Tally(mark.mistake, feedback(mark, say)))
                tally.times += 1
                tally.questions[number] = None
    return sorted(found.values(), key=lambda tally: (-tally.times, tally.mistake))


def feedback(mark: Mark, say: Words) -> str:
    """What to say of a mark. The mistakes of a question are told in its own language already."""
    return say(mark.feedback) if mark.mistake == ROUGH else mark.feedback


def share_right(students: Sequence[Student], number: int) -> Fraction:
    """Which part of the points of a question, counted from 0, the class has."""
    return sum((s.marked[number].points for s in students), Fraction(0)) / max(len(students), 1)


def _marks(student: Student) -> Iterator[tuple[int, Mark]]:
    """All marks with the numbers of their questions, from 1."""
    return ((n, mark) for n, marked in enumerate(student.marked, start=1) for mark in marked.marks)


def percent(share: Fraction) -> str:
    return f"{float(100 * share):.0f}%"


def points(number: Fraction) -> str:
    """Points as people read them.

    >>> points(Fraction(3)), points(Fraction(5, 3))
    ('3', '1.67')
    """
    return f"{float(number):.2f}".rstrip("0").rstrip(".")


# a page


def page(sheet: Sheet, students: Sequence[Student], say: Words) -> Iterator[Block]:
    """The report to be read."""
    yield Heading(1, sheet.title)
    yield Line(_summary(sheet, students, say))
    yield Heading(2, say("Students"))
    yield _students(sheet, students, say)
    yield Line(say("+ right, - wrong, . blank, ? unreadable; parts of a point where some values are right"))
    yield Heading(2, say("Questions"))
    yield _questions(sheet, students, say)
    found = tallies(students, say)
    if found:
        yield Heading(2, say("Mistakes"))
        rows = [[t.mistake, str(t.times), ", ".join(map(str, t.questions)), t.feedback] for t in found]
        yield Grid([say("mistake"), say("times"), say("questions"), ""], rows, [False, True, False, False])
    wrong = list(_wrong(students, say))
    if wrong:
        yield Heading(2, say("Answers that are not right"))
        head = [say("student"), say("question"), say("answer"), say("key"), say("mistake")]
        yield Grid(head, wrong, [False, True, False, False, False])


def _summary(sheet: Sheet, students: Sequence[Student], say: Words) -> str:
    total = sum((s.points for s in students), Fraction(0))
    mean = total / max(len(students), 1)
    share = mean / max(len(sheet.questions), 1)
    return say(
        "students: {students}, questions: {questions}, points on average: {points} ({share})",
        students=len(students),
        questions=len(sheet.questions),
        points=points(mean),
        share=percent(share),
    )


def _students(sheet: Sheet, students: Sequence[Student], say: Words) -> Grid:
    numbers = [str(n) for n in range(1, len(sheet.questions) + 1)]
    rows = [
        [s.name, points(s.points), percent(s.points / max(len(numbers), 1)), *map(_sign, s.marked)] for s in students
    ]
    return Grid([say("student"), say("points"), "%", *numbers], rows, [False, True, True, *(True for _ in numbers)])


def _sign(marked: Marked) -> str:
    return points(marked.points) if 0 < marked.points < 1 else SIGNS[marked.state]


def _questions(sheet: Sheet, students: Sequence[Student], say: Words) -> Grid:
    head = ["", say("question"), say("right"), *(say(state) for state in STATES[1:]), say("most frequent mistake")]
    rows = [
        [str(n + 1), q.id, percent(share_right(students, n)), *_counts(students, n), _most(students, n, say)]
        for n, q in enumerate(sheet.questions)
    ]
    return Grid(head, rows, [True, False, True, True, True, True, False])


def _counts(students: Sequence[Student], number: int) -> list[str]:
    """How many values of a question are wrong, blank, unreadable."""
    states = [mark.state for s in students for mark in s.marked[number].marks]
    return [str(states.count(state) or "") for state in STATES[1:]]


def _most(students: Sequence[Student], number: int, say: Words) -> str:
    found: dict[str, int] = {}
    for student in students:
        for mark in student.marked[number].marks:
            if mark.mistake:
                found[mark.mistake] = found.get(mark.mistake, 0) + 1
    return "" if not found else "{} ({})".format(*max(found.items(), key=lambda pair: pair[1]))


def _wrong(students: Sequence[Student], say: Words) -> Iterator[list[str]]:
    for student in students:
        for number, mark in _marks(student):
            if mark.state in (WRONG, UNREADABLE):
                why = say("unreadable") if mark.state == UNREADABLE else mark.mistake
                key = _key(student.marked[number - 1].question, mark, say)
                yield [student.name, _name(number, mark), mark.written, key, why]


def _key(question: Question, mark: Mark, say: Words) -> str:
    value = shown(mark.ask.answer)
    return say("for example {value}", value=value) if question.kind == OPEN else value


def _name(number: int, mark: Mark) -> str:
    return f"{number}:{mark.ask.name}" if mark.ask.name else str(number)


# for programs


def rows(students: Iterable[Student], say: Words) -> Iterator[list[str]]:
    """A row for each answer under `COLUMNS`. What a spreadsheet would take for a formula is marked as text."""
    for student in students:
        for number, mark in _marks(student):
            question = student.marked[number - 1].question
            yield [
                _text(student.name),
                str(number),
                question.id,
                mark.ask.name,
                _text(mark.written),
                mark.state,
                shown(mark.ask.answer),
                mark.mistake,
                feedback(mark, say),
            ]


def csv_text(students: Iterable[Student], say: Words) -> str:
    """The rows below the names of their columns."""
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(students, say))
    return text.getvalue().removesuffix("\n")


def _text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and not cell[1:].replace(".", "").isdecimal() else cell


def to_json(sheet: Sheet, students: Sequence[Student], say: Words) -> dict[str, Any]:
    """The report as a mapping; points and shares are floats."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": sheet.title,
        "students": [_student(s, say) for s in students],
        "questions": [_question(students, n, q) for n, q in enumerate(sheet.questions)],
        "mistakes": [
            {"mistake": t.mistake, "feedback": t.feedback, "times": t.times, "questions": list(t.questions)}
            for t in tallies(students, say)
        ],
    }


def _student(student: Student, say: Words) -> dict[str, Any]:
    return {
        "student": student.name,
        "points": float(student.points),
        "of": len(student.marked),
        "answers": [
            {
                "question": number,
                "value": mark.ask.name,
                "written": mark.written,
                "state": mark.state,
                "mistake": mark.mistake,
                "feedback": feedback(mark, say),
            }
            for number, mark in _marks(student)
        ],
    }


def _question(students: Sequence[Student], number: int, question: Question) -> dict[str, Any]:
    states = [mark.state for s in students for mark in s.marked[number].marks]
    return {
        "question": number + 1,
        "id": question.id,
        "share_right": float(share_right(students, number)),
        **{state: states.count(state) for state in STATES},
    }
