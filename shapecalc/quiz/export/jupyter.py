"""A sheet -> a Jupyter notebook: a cell for each question, a cell for its answer, the workings in that with the key.

An answer cell assigns to `answers`, a mapping from the question's number, and the name of the value where it has more
than one; so a notebook can be collected as a program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.explain.words import Words
from shapecalc.quiz.export.markup import asked, key_line
from shapecalc.quiz.export.plain import body, escaped
from shapecalc.quiz.question import OPEN
from shapecalc.quiz.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.quiz.question import Ask, Question, Sheet

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
          "language_info": {"name": "python"}}  # fmt: skip


def jupyter_of(sheet: Sheet, *, key: bool) -> bytes:
    """The notebook, of the form that nbformat holds for valid."""
    import nbformat  # type: ignore[import-not-found,unused-ignore,import-untyped]

    say = Words(sheet.lang)
    cells = [cell for number, q in enumerate(sheet.questions, start=1) for cell in _cells(number, q, say, key)]
    title = f"# {escaped(line(sheet.title))}\n\n{escaped(say('Sheet {seed}', seed=line(sheet.seed)))}"
    all_cells = [_markdown("title", title), _code("start", "answers = {}"), *cells]
    library: Any = nbformat  # its functions have no types
    book = library.from_dict(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": _metadata(sheet, key), "cells": all_cells}
    )
    library.validate(book)
    return (str(library.writes(book)).rstrip("\n") + "\n").encode()


def _metadata(sheet: Sheet, key: bool) -> dict[str, Any]:
    return {**KERNEL, "shapecalc": {"lang": sheet.lang, "seed": sheet.seed, "key": key}}


def _cells(number: int, question: Question, say: Words, key: bool) -> Iterator[dict[str, Any]]:
    title = f"## {say('Question {n}', n=number)}"
    yield _markdown(f"question-{number}", f"{title}\n\n{body(question, say)}", id=question.id)
    lines = [_assignment(number, question, ask, key) for ask in question.asks]
    yield _code(f"answer-{number}", "\n".join(lines), id=question.id)
    if key:
        yield _markdown(f"working-{number}", "\n\n".join(_working(question, say)))


def _assignment(number: int, question: Question, ask: Ask, key: bool) -> str:
    place = repr(number) if len(question.asks) == 1 else f"{number!r}, {ask.name!r}"
    told = f"  # {asked(ask)}" if asked(ask) else ""
    example = "  # one of many" if key and question.kind == OPEN else ""
    return f"answers[{place}] = {ask.answer if key else '...'}{told}{example}"


def _working(question: Question, say: Words) -> Iterator[str]:
    for ask in question.asks:
        yield f"**{escaped(key_line(question, ask, say))}**"
        if ask.lines:
            rows = [one.latex if one.latex.startswith("=") else f"{{}}{one.latex}" for one in ask.lines]
            yield "$$\\begin{aligned}\n" + " \\\\\n".join("& " + row for row in rows) + "\n\\end{aligned}$$"
        if ask.notes:
            yield "\n".join(f"- {escaped(line(note))}" for note in ask.notes)


def _markdown(name: str, source: str, **own: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": _own(own), "source": source}


def _code(name: str, source: str, **own: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": _own(own),
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def _own(facts: dict[str, str]) -> dict[str, Any]:
    return {"shapecalc": facts} if facts else {}
