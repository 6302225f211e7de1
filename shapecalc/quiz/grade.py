"""Questions and what was answered -> marks: right, wrong with the mistake that explains it, blank, unreadable.

Knows no file and no language: what a mark says of a mistake is in the question.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from shapecalc.quiz.question import CHOICE, OPEN
from shapecalc.quiz.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.quiz.answers import Cells
    from shapecalc.quiz.question import Ask, Question, Sheet, Value
    from shapecalc.quiz.reading import Reading

RIGHT, WRONG, BLANK, UNREADABLE = "right", "wrong", "blank", "unreadable"
STATES = (RIGHT, WRONG, BLANK, UNREADABLE)

ROUGH = "too-rough"
ROUGH_FEEDBACK = "Rounded to fewer than three digits."
"""A mistake of writing, not of reckoning: the key rounds to what was given."""


class Mark:
    """What one answer is worth: `written` as it came, `value` as it was read, the mistake that explains it."""

    __slots__ = ("ask", "feedback", "mistake", "state", "value", "written")

    def __init__(
        self, ask: Ask, written: str, state: str, value: Value | None = None, mistake: str = "", feedback: str = ""
    ) -> None:
        self.ask = ask
        self.written = written
        self.state = state
        self.value = value
        self.mistake = mistake
        self.feedback = feedback


class Marked:
    """The marks of one question, and its points: a point in all, in equal parts for the cells of a table."""

    __slots__ = ("marks", "points", "question")

    def __init__(self, question: Question, marks: Sequence[Mark]) -> None:
        self.question = question
        self.marks = list(marks)
        right = sum(mark.state == RIGHT for mark in marks)
        # Values of an open question are an answer together, or none.
        together = question.kind == OPEN
        self.points = Fraction(int(right == len(marks))) if together else Fraction(right, max(len(marks), 1))

    @property
    def state(self) -> str:
        """The one state of all its marks; wrong where they differ."""
        states = {mark.state for mark in self.marks}
        return states.pop() if len(states) == 1 else WRONG


class Student:
    """A student with all questions marked."""

    __slots__ = ("marked", "name")

    def __init__(self, name: str, marked: Sequence[Marked]) -> None:
        self.name = name
        self.marked = list(marked)

    @property
    def points(self) -> Fraction:
        return sum((m.points for m in self.marked), Fraction(0))


def graded(sheet: Sheet, answers: Mapping[str, Cells]) -> list[Student]:
    """The students in the order in which they came."""
    return [Student(name, [_answered(q, n, cells) for n, q in enumerate(sheet.questions)])
            for name, cells in answers.items()]  # fmt: skip


def _answered(question: Question, number: int, cells: Cells) -> Marked:
    """The marks of a question whose values stand in cells of their own, or together in one."""
    whole = cells.get((number, ""), "").strip()
    found = parted([ask.name for ask in question.asks], whole)
    own = {a.name: cells[number, a.name] for a in question.asks if cells.get((number, a.name))}
    return mark(question, (found or {}) | own, "" if found else whole)


def parted(names: Sequence[str], whole: str) -> dict[str, str] | None:
    """One text for several values: `stride=2, padding=1` by names, or `2, 1` in the order in which they are asked.

    Beginnings of names will do (`s=2, p=1`). None for a text that does not part so.

    >>> parted(["kernel_size", "padding"], "p = 1, k = 3")
    {'padding': '1', 'kernel_size': '3'}
    """
    if len(names) == 1:
        return {names[0]: whole}
    parts = [part for part in re.split(r"\s*[;；,，、\n]\s*", whole) if part]
    pairs = [re.split(r"\s*[=＝:：]\s*", part, maxsplit=1) for part in parts]
    if parts and all(len(pair) == 2 for pair in pairs):
        return _by_name(names, pairs)
    if len(parts) == 1:
        parts = whole.split()
    return dict(zip(names, parts, strict=True)) if len(parts) == len(names) else None


def _by_name(names: Sequence[str], pairs: Sequence[Sequence[str]]) -> dict[str, str] | None:
    """The values by the names that theirs begin; None where one begins no name, or several."""
    found: dict[str, str] = {}
    for begun, value in pairs:
        word = begun.casefold().replace(" ", "_")
        meant = [name for name in names if name == word] or [name for name in names if name.startswith(word)]
        if len(meant) != 1:
            return None
        found[meant[0]] = value
    return found


def mark(question: Question, texts: Mapping[str, str], unparted: str = "") -> Marked:
    """The marks for what was written, by the names of the values; a name that is missing was left blank.

    `unparted` is a text that could not be told apart into the values that are missing.
    """
    marks = [
        Mark(ask, unparted, UNREADABLE)
        if unparted and not texts.get(ask.name)
        else mark_value(question, ask, texts.get(ask.name, ""))
        for ask in question.asks
    ]
    if question.kind == OPEN:
        _judge(question, marks)
    return Marked(question, marks)


def mark_value(question: Question, ask: Ask, text: str) -> Mark:
    """The mark of one value, compared with its key."""
    if not text.strip():
        return Mark(ask, "", BLANK)
    if question.kind == CHOICE and ask.choices:
        chosen = letter(text)
        if chosen is not None and chosen < len(ask.choices):
            return _valued(ask, text, ask.choices[chosen])
    reading = read(text, sizes=isinstance(ask.answer, tuple), unit=ask.unit)
    if reading is None:
        return Mark(ask, text, UNREADABLE)
    return _compared(ask, text, reading)


def letter(text: str) -> int | None:
    """The place of a choice given by its letter: `B`, `b)`, `(B)`, a full-width one; None for anything else."""
    from unicodedata import normalize

    found = re.fullmatch(r"\(?([A-Z])[).:]?", normalize("NFKC", text).strip().upper())
    return None if found is None else ord(found[1]) - ord("A")


def _valued(ask: Ask, text: str, value: Value) -> Mark:
    if value == ask.answer:
        return Mark(ask, text, RIGHT, value)
    found = next((w for w in ask.wrongs if w.value == value), None)
    return Mark(ask, text, WRONG, value, *((found.mistake, found.feedback) if found else ()))


def _compared(ask: Ask, text: str, reading: Reading) -> Mark:
    if reading.means(ask.answer):
        return Mark(ask, text, RIGHT, reading.value)
    found = next((w for w in ask.wrongs if reading.means(w.value)), None)
    if found is not None:
        return Mark(ask, text, WRONG, reading.value, found.mistake, found.feedback)
    if reading.rough(ask.answer):
        return Mark(ask, text, WRONG, reading.value, ROUGH, ROUGH_FEEDBACK)
    return Mark(ask, text, WRONG, reading.value)


def _judge(question: Question, marks: Sequence[Mark]) -> None:
    """Of a question with many answers all values are right or wrong together, as the problem itself finds."""
    if any(mark.state not in (RIGHT, WRONG) for mark in marks):
        for mark in marks:
            mark.state = WRONG if mark.state == RIGHT else mark.state
        return
    right = computed(question, {mark.ask.name: mark.value for mark in marks if mark.value is not None})
    if right is None:
        right = all(mark.state == RIGHT for mark in marks)
    for mark in marks:
        mark.state = RIGHT if right else WRONG
        if right:
            mark.mistake = mark.feedback = ""


def computed(question: Question, values: Mapping[str, Value]) -> bool | None:
    """Whether values are an answer, worked out anew from the problem; None where the master does not hold one."""
    from shapecalc.quiz.problem import Unsolvable
    from shapecalc.quiz.registry import problem_of

    try:
        problem = problem_of(question.given)
    except (Unsolvable, ArithmeticError, ValueError, TypeError):
        return None
    try:
        return problem.right(values)
    except (Unsolvable, ArithmeticError, ValueError, TypeError):
        return False
