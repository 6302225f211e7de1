"""A sheet -> the formats that are text throughout: the JSON master, CSV, Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.explain.words import Words
from shapecalc.quiz.export.markup import LETTERS, blank, key_line
from shapecalc.quiz.question import shown, to_json
from shapecalc.quiz.text import Fence, blocks, clean, line, plain, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.quiz.question import Ask, Question, Sheet, Wrong
    from shapecalc.quiz.text import Block, Span

COLUMNS = ("number", "id", "topic", "level", "kind", "text", "value", "label", "unit", "choices")
KEY_COLUMNS = ("answer", "working", "notes", "mistakes")


# JSON


def json_of(sheet: Sheet) -> bytes:
    """The master, from which all else can be made again."""
    import json

    return (json.dumps(to_json(sheet), ensure_ascii=False, indent=2) + "\n").encode()


# CSV


def csv_of(sheet: Sheet, *, key: bool) -> bytes:
    """A row for each value that is asked for. A mark at the beginning tells spreadsheets that it is UTF-8."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, *(KEY_COLUMNS if key else ())])
    for number, question in enumerate(sheet.questions, start=1):
        for ask in question.asks:
            row = [*_row(number, question, ask), *(_key_row(ask) if key else ())]
            writer.writerow([cell if isinstance(cell, int) else _tame(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _row(number: int, question: Question, ask: Ask) -> list[Any]:
    told = "\n".join([plain(question.text), *_table_lines(question, ask)])
    choices = " | ".join(shown(c) for c in ask.choices)
    start = [number, question.id, question.topic, question.level, question.kind]
    return [*start, told, ask.name, ask.label, ask.unit, choices]


def _table_lines(question: Question, ask: Ask) -> list[str]:
    """The table as lines, with a question mark for the value of this row and dots for the others."""
    rows = [[c if isinstance(c, str) else "?" if c is ask else "..." for c in row] for row in question.rows]
    return [" | ".join(row) for row in [question.head, *rows]] if rows else []


def _key_row(ask: Ask) -> list[Any]:
    mistakes = "\n".join(f"{shown(w.value)}: {w.feedback} ({w.mistake})" for w in ask.wrongs)
    return [shown(ask.answer), "\n".join(one.text for one in ask.lines), "\n".join(ask.notes), mistakes]


def _tame(cell: str) -> str:
    """What a spreadsheet would take for a formula is marked as text."""
    cell = clean(cell)
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell


# Markdown


def markdown_of(sheet: Sheet, *, key: bool) -> bytes:
    """The questions one after the other, and the key behind them."""
    say = Words(sheet.lang)
    lines = [f"# {escaped(line(sheet.title))}", "", escaped(say("Sheet {seed}", seed=line(sheet.seed))), ""]
    for number, question in enumerate(sheet.questions, start=1):
        lines += [f"## {say('Question {n}', n=number)}", "", body(question, say), ""]
    if key:
        lines += [f"# {say('Key')}", ""]
        for number, question in enumerate(sheet.questions, start=1):
            lines += [f"## {say('Question {n}', n=number)}", "", *_solved(question, say)]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def body(question: Question, say: Words) -> str:
    """Text, table and choices of a question as Markdown."""
    parts = [_block(block) for block in blocks(question.text)]
    if question.rows:
        parts.append(_table(question))
    for ask in question.asks if not question.rows else []:
        if ask.choices:
            label = f"**{escaped(line(ask.label))}**\n\n" if ask.label else ""
            parts.append(label + "\n".join(f"- {LETTERS[n]}) {shown(c)}" for n, c in enumerate(ask.choices)))
        else:
            parts.append(escaped(blank(ask, "_" * 8, say)))
    return "\n\n".join(parts)


def _block(block: Block) -> str:
    if not isinstance(block, Fence):
        return "".join(map(_span, block.spans))
    return fenced(block.lines)


def fenced(lines: list[str]) -> str:
    """A block of code; its fence is longer than any that stands in it."""
    runs = [len(run) for one in lines for run in re.findall("`+", one)]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return "\n".join([fence + "text", *lines, fence])


def _span(span: Span) -> str:
    return f"`{span.text}`" if span.code else escaped(span.text)


def _table(question: Question) -> str:
    rows = [[_cell(c) for c in row] for row in question.rows]
    head = [_inline(title) for title in question.head]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _cell(content: str | Ask) -> str:
    return _inline(content) if isinstance(content, str) else ""


def _inline(content: str) -> str:
    """Text of a cell: the bar that would end it is escaped in code too."""
    found = "".join(_span(span).replace("|", r"\|") if span.code else _span(span) for span in spans(line(content)))
    return found.strip() or " "


def escaped(text: str) -> str:
    r"""Text in which Markdown sees no marks, no HTML and no formula.

    >>> escaped("a*b <i> $x$ 1. x")
    'a\\*b \\<i\\> \\$x\\$ 1. x'
    """
    found = re.sub(r"([\\`*_\[\]<>#$&~|{}!])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])|^([+=-])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", found)


def _solved(question: Question, say: Words) -> Iterator[str]:
    for ask in question.asks:
        yield from (f"**{escaped(key_line(question, ask, say))}**", "")
        if ask.lines:
            yield from (fenced([clean(one.text) for one in ask.lines]), "")
        if ask.notes:
            yield from (*(f"- {escaped(line(note))}" for note in ask.notes), "")
        if ask.wrongs:
            yield from (say("Mistakes:"), "", *(f"- {_mistake(wrong, say)}" for wrong in ask.wrongs), "")


def _mistake(wrong: Wrong, say: Words) -> str:
    return say(
        "{label}: {value}", label=escaped(shown(wrong.value)), value="".join(map(_span, spans(line(wrong.feedback))))
    )
