"""A sheet -> GIFT, Moodle's plain text of questions. It has no tables: each value of one is a question of its own."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.export import markup
from shapecalc.quiz.export.moodle import category, tolerance
from shapecalc.quiz.question import CHOICE, OPEN, shown
from shapecalc.quiz.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.quiz.question import Ask, Question, Sheet, Value


def gift_of(sheet: Sheet) -> bytes:
    """The questions with a category in front, an empty line between them."""
    say = Words(sheet.lang)
    parts = [f"// {line(sheet.title)}, {say('Sheet {seed}', seed=line(sheet.seed))}\n$CATEGORY: {category(sheet)}"]
    for number, question in enumerate(sheet.questions, start=1):
        parts += [_question(number, question, ask, say) for ask in question.asks]
    return ("\n\n".join(parts) + "\n").encode()


def _question(number: int, question: Question, ask: Ask, say: Words) -> str:
    name = f"{number:02} {question.id}" + (f" {ask.name}" if ask.name else "")
    table = markup.table(question, lambda cell: "<b>?</b>" if cell is ask else "…")
    label = f"<p>{escape(markup.asked(ask))}</p>" if markup.asked(ask) else ""
    told = escaped(markup.text(question.text) + table + label)
    return f"::{escaped(line(name))}::[html]{told}{_answers(question, ask, say)}"


def _answers(question: Question, ask: Ask, say: Words) -> str:
    worked = escape(markup.key_line(question, ask, say, letter=False)), markup.working(ask, markup.tex_maths)
    lines = [*_answer_lines(question, ask, say), f"####{escaped(f'<p>{worked[0]}</p>{worked[1]}')}"]
    mark = "#" if question.kind not in (CHOICE, OPEN) and not isinstance(ask.answer, tuple) else ""
    return "{" + mark + "\n" + "\n".join(lines) + "\n}"


def _answer_lines(question: Question, ask: Ask, say: Words) -> Iterator[str]:
    right = escaped(f"#{say('Right.')}", keep="#")
    if question.kind == OPEN:
        return
    if question.kind == CHOICE and ask.choices:
        for choice in ask.choices:
            yield f"={escaped(shown(choice))}{right}" if choice == ask.answer else _wrong("~", choice, ask)
    elif isinstance(ask.answer, tuple):
        yield from (f"={escaped(written)}{right}" for written in spellings(ask.answer))
        for wrong in ask.wrongs:
            yield from (f"=%0%{escaped(written)}{_hint(wrong.feedback)}" for written in spellings(wrong.value))
    else:
        yield f"={ask.answer}:{tolerance(ask.answer):g}{right}"
        yield from (f"=%0%{wrong.value}:0{_hint(wrong.feedback)}" for wrong in ask.wrongs)


def _wrong(sign: str, choice: Value, ask: Ask) -> str:
    return f"{sign}{escaped(shown(choice))}{_hint(ask.feedback(choice))}"


def _hint(feedback: str) -> str:
    return f"#{escaped(line(feedback))}" if feedback else ""


def spellings(value: Value) -> list[str]:
    """How people write sizes; the first is ours.

    >>> spellings((6, 5))
    ['6 × 5', '6×5', '6 x 5', '6x5', '6, 5', '6,5', '(6, 5)', '(6,5)', '[6, 5]', '[6,5]', '6 5']
    """
    if not isinstance(value, tuple):
        return [str(value)]
    numbers = [str(size) for size in value]
    joined = [sign.join(numbers) for sign in (" × ", "×", " x ", "x", ", ", ",")]
    bracketed = [f"{left}{text}{right}" for left, right in ("()", "[]") for text in joined[-2:]]
    return [*joined, *bracketed, " ".join(numbers)]


def escaped(text: str, keep: str = "") -> str:
    r"""Text in which GIFT sees no marks; a line feed is written as such.

    >>> print(escaped("a = {b}: 1~2"))
    a \= \{b\}\: 1\~2
    """
    kept = text[: len(keep)] if keep and text.startswith(keep) else ""
    return kept + re.sub(r"([\\~=#{}:])", r"\\\1", text[len(kept) :]).replace("\n", r"\n")
