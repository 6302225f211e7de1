"""Text, table and working of a question -> HTML, which pages, platforms and cards share; escapes everything."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from shapecalc.quiz.export.mathml import mathml
from shapecalc.quiz.question import OPEN, shown
from shapecalc.quiz.text import Fence, blocks, line, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.explain.words import Words
    from shapecalc.quiz.question import Ask, Line, Question
    from shapecalc.quiz.text import Block, Span

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the values to choose from are called."""


def text(markdown: str) -> str:
    """A question's text.

    >>> text("Is `a<b`?")
    '<p>Is <code>a&lt;b</code>?</p>'
    """
    return "".join(map(_block, blocks(markdown)))


def _block(block: Block) -> str:
    if isinstance(block, Fence):
        return f"<pre>{escape(chr(10).join(block.lines))}</pre>"
    return f"<p>{''.join(map(_span, block.spans))}</p>"


def _span(span: Span) -> str:
    return f"<code>{escape(span.text)}</code>" if span.code else escape(span.text.replace(" × ", "\xa0×\xa0"))


def table(question: Question, cell: Callable[[Ask], str]) -> str:
    """The table of a question, a cell for each value made by the writer; nothing where there is none."""
    if not question.rows:
        return ""
    head = "".join(f"<th>{escape(line(title))}</th>" for title in question.head)
    rows = "".join(f"<tr>{''.join(_cell(c, cell) for c in row)}</tr>" for row in question.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(content: str | Ask, cell: Callable[[Ask], str]) -> str:
    if isinstance(content, str):
        return f"<td>{''.join(_inline(content))}</td>"
    return f"<td>{cell(content)}</td>"


def _inline(content: str) -> list[str]:
    return [_span(span) for span in spans(line(content))]


def browser_maths(working: Line) -> str:
    """A line of a working as MathML; as text where its LaTeX is none that is known."""
    return mathml(working.latex) or f"<code>{escape(working.text)}</code>"


def tex_maths(working: Line) -> str:
    r"""A line of a working between `\(` and `\)`, as platforms and cards typeset it."""
    return rf"\({escape(working.latex, quote=False)}\)"


def working(ask: Ask, maths: Callable[[Line], str]) -> str:
    """The lines from the formula to the answer, and the notes under them."""
    lines = "".join(f"<div>{maths(one)}</div>" for one in ask.lines)
    notes = "".join(f"<li>{escape(line(note))}</li>" for note in ask.notes)
    return (f'<div class="working">{lines}</div>' if lines else "") + (f"<ul>{notes}</ul>" if notes else "")


def solution(question: Question, maths: Callable[[Line], str], say: Words) -> str:
    """Key and working of a whole question, to be read once it is answered.

    Choices have no letters here: who shows them may shuffle them.
    """
    return "".join(
        f"<p><strong>{escape(key_line(question, ask, say, letter=False))}</strong></p>{working(ask, maths)}"
        for ask in question.asks
    )


def key_line(question: Question, ask: Ask, say: Words, *, letter: bool = True) -> str:
    """Which value is right: "Answer: 6", with the letter of the choice, as an example where many are."""
    told = value(ask)
    if letter and ask.answer in ask.choices:
        told = f"{LETTERS[ask.choices.index(ask.answer)]}) {told}"
    if question.kind == OPEN:
        told = say("for example {value}", value=told)
    return (
        say("{label}: {value}", label=line(ask.label), value=told) if ask.label else say("Answer: {value}", value=told)
    )


def value(ask: Ask) -> str:
    """The right value with its unit."""
    return f"{shown(ask.answer)} {line(ask.unit)}".strip()


def asked(ask: Ask) -> str:
    """What stands before the place for a value: its label and unit; nothing for a single one without."""
    return " ".join(part for part in (line(ask.label), f"({line(ask.unit)})" if ask.unit else "") if part)


def blank(ask: Ask, gap: str, say: Words) -> str:
    """A gap with the label before it and the unit behind.

    >>> from shapecalc.explain.words import Words
    >>> from shapecalc.quiz.question import Ask
    >>> blank(Ask(1, label="size", unit="MiB"), "___", Words())
    'size: ___ MiB'
    """
    wide = f"{gap} {line(ask.unit)}".rstrip()
    return (
        say("{label}: {value}", label=line(ask.label), value=wide) if ask.label else say("Answer: {value}", value=wide)
    )
