"""Answers of students, CSV or JSON -> what each of them wrote for each question; nothing is judged here.

CSV is wide (`student,q1,q2,3:height`) or long (`student,question,answer`). A question goes by its number, with or
without a q, or by its id, and a value of it by `3:name`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shapecalc.quiz.question import Sheet

STUDENT = ("student", "name", "id", "student_id", "学生", "姓名", "学号")
QUESTION, ANSWER = ("question", "题目", "题号"), ("answer", "答案", "回答")
_SAID = re.compile(r"""["']?sep=.["']?""")
"""What Excel may write above the head: `sep=;`."""
SEPARATORS = ",;\t，；|"

Cells = dict[tuple[int, str], str]
"""What a student wrote, by the question's place in the sheet and the value's name ("" for the whole of it)."""


class Unreadable(ValueError):
    """A file that holds no answers, or one that could be misread, with the place."""


class Answers:
    """The answers by student, and `remarks` on what was passed over or said twice."""

    def __init__(self, sheet: Sheet) -> None:
        self.questions = sheet.questions
        self.of: dict[str, Cells] = {}
        self.remarks: list[str] = []
        self._places = {name: n for n, q in enumerate(sheet.questions) for name in (str(n + 1), f"q{n + 1}")}
        self._places |= {q.id.casefold(): n for n, q in enumerate(sheet.questions)}

    def add(self, path: str, data: bytes) -> None:
        """Take in the answers of one file. Raises Unreadable."""
        text = _text(path, data)
        taken = self._of_json if text.lstrip()[:1] in ("{", "[") else self._of_csv
        taken(path, text)

    def place(self, name: str) -> tuple[int, str] | None:
        """The place of a question, and the name of one of its values, that a column names; None for no question."""
        number, _, cell = name.strip().replace("：", ":").partition(":")
        found = self._places.get(number.strip().casefold())
        if found is None:
            return None
        given = cell.strip()
        called = {name: a.name for a in self.questions[found].asks for name in (a.label, a.name)}
        return (found, called.get(given, given)) if not given or given in called else None

    def _named(self, where: str, name: str) -> tuple[int, str]:
        found = self.place(name)
        if found is None:
            raise Unreadable(f"{where}: no question {name!r}{self._hint(name)}")
        return found

    def _hint(self, name: str) -> str:
        return self._near(name) or f"; they go from 1 to {len(self.questions)}, or by their ids"

    def _near(self, name: str) -> str:
        """What may have been meant: the values of the question that is named, or a name that is like it."""
        asks = self.questions[found[0]].asks if (found := self.place(name.partition(":")[0])) else []
        if [a for a in asks if a.name]:
            return f"; question {name.partition(':')[0].strip()} has {', '.join(a.name for a in asks)}"
        near = nearest(name, self._names())
        return f"; did you mean {near!r}?" if near else ""

    def _names(self) -> Iterator[str]:
        for n, q in enumerate(self.questions, start=1):
            yield q.id
            yield from (f"{n}:{a.name}" for a in q.asks if a.name)

    def _put(self, where: str, student: str, place: tuple[int, str], answer: str) -> None:
        cells = self.of.setdefault(student, {})
        before = cells.get(place, "")
        if before and answer and before != answer:
            self.remarks.append(f"{where}: {student} answers question {place[0] + 1} again; the last answer counts")
        if answer or place not in cells:
            cells[place] = answer

    # CSV

    def _of_csv(self, path: str, text: str) -> None:
        rows = list(_rows(path, text))
        if not rows:
            raise Unreadable(f"{path}: the file is empty")
        (_, head), *body = rows
        names = [cell.strip() for cell in head]
        question, answer = _column(names, QUESTION), _column(names, ANSWER)
        student = _column(names, STUDENT)
        if student is None:
            raise Unreadable(f"{path}:1: no column {STUDENT[0]!r}; the head is {', '.join(names)}")
        if question is not None and answer is not None:
            self._long(path, body, (student, question, answer))
        else:
            self._wide(path, names, body, student)

    def _long(self, path: str, rows: Iterable[tuple[int, list[str]]], columns: tuple[int, int, int]) -> None:
        for line, row in rows:
            student, question, answer = (row[c].strip() for c in columns)
            self._put(f"{path}:{line}", student or f"(line {line})", self._named(f"{path}:{line}", question), answer)

    def _wide(self, path: str, names: Sequence[str], rows: Iterable[tuple[int, list[str]]], student: int) -> None:
        places = [None if n == student else self.place(name) for n, name in enumerate(names)]
        if not any(places):
            raise Unreadable(f"{path}:1: no column is a question; the head is {', '.join(names)}")
        for name, place in zip(names, places, strict=True):
            if place is None and name != names[student]:
                self.remarks.append(f"{path}:1: the column {name!r} is no question, and passed over{self._near(name)}")
        for line, row in rows:
            who = row[student].strip() or f"(line {line})"
            for place, cell in zip(places, row, strict=True):
                if place is not None:
                    self._put(f"{path}:{line}", who, place, cell.strip())

    # JSON

    def _of_json(self, path: str, text: str) -> None:
        import json

        try:
            data = json.loads(text)
        except ValueError as error:
            raise Unreadable(f"{path}: no JSON: {error}") from None
        except RecursionError:
            raise Unreadable(f"{path}: no JSON: nested too deep") from None
        if isinstance(data, dict):
            for student, answers in data.items():
                self._student(path, student, answers)
            return
        for n, row in enumerate(data, start=1):
            self._row(f"{path}: item {n}", row)

    def _row(self, where: str, row: Any) -> None:
        """`{student, question, answer}`, or `{student, answers: {...}}`."""
        if not isinstance(row, dict) or "student" not in row:
            raise Unreadable(f"{where}: a mapping with `student` is due, and `question` and `answer`, or `answers`")
        if "answers" in row:
            self._student(where, str(row["student"]), row["answers"])
        elif "question" in row:
            self._answer(where, str(row["student"]), str(row["question"]), row.get("answer"))
        else:
            raise Unreadable(f"{where}: neither `question` and `answer` nor `answers`")

    def _student(self, where: str, student: str, answers: Any) -> None:
        if isinstance(answers, list):
            answers = dict(enumerate(answers, start=1))
        if not isinstance(answers, dict):
            raise Unreadable(f"{where}: {student}: answers are a mapping from questions, or a list in their order")
        for question, answer in answers.items():
            self._answer(where, student, str(question), answer)

    def _answer(self, where: str, student: str, question: str, answer: Any) -> None:
        if isinstance(answer, dict):
            for name, value in answer.items():
                self._answer(where, student, f"{question}:{name}", value)
            return
        self._put(where, student, self._named(f"{where}: {student}", question), _written(answer))


def _written(answer: Any) -> str:
    """A value of JSON as somebody would have written it."""
    if answer is None:
        return ""
    if isinstance(answer, list):
        return ", ".join(map(_written, answer))
    return str(answer).strip()


def _column(names: Sequence[str], words: Sequence[str]) -> int | None:
    low = [name.casefold() for name in names]
    return next((low.index(word) for word in words if word in low), None)


def _text(path: str, data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 as spreadsheets write it, with its mark."""
    if data.startswith(b"PK\x03\x04"):
        raise Unreadable(f"{path}: this is a workbook, not text: save it as CSV in UTF-8")
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: byte {error.start} is not UTF-8: save it as CSV in UTF-8") from None


def _rows(path: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with their lines, as long as the head; empty ones are left out."""
    import csv

    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if line.strip() and not _SAID.fullmatch(line.strip())), 0)
    separator = max(SEPARATORS, key="".join(lines[first : first + 1]).count)
    reader = csv.reader(lines[first:], delimiter=separator)
    columns = 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            columns = columns or len(row)
            line = first + reader.line_num
            yield line, _fitted(f"{path}:{line}", row, columns)
    except csv.Error as error:
        raise Unreadable(f"{path}:{first + reader.line_num}: {error}") from None


def _fitted(where: str, row: list[str], columns: int) -> list[str]:
    if len(row) > columns and any(cell.strip() for cell in row[columns:]):
        advice = 'put a cell with commas into quotes: "1,000,000"'
        raise Unreadable(f"{where}: {len(row)} cells under a head of {columns}; {advice}")
    return (row + [""] * (columns - len(row)))[:columns]
