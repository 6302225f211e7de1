"""A sheet -> one HTML file to be printed or read, with or without the key; it loads nothing and runs nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.export import markup
from shapecalc.quiz.question import CHOICE, OPEN, shown
from shapecalc.quiz.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.quiz.question import Ask, Question, Sheet

STYLE = """
:root { --ink: #1c2430; --soft: #5b6675; --rule: #d5dbe3; --tint: #f4f6f9; --accent: #1f5fa8; --good: #1b7a3d; }
* { box-sizing: border-box; }
html { color-scheme: light; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 46rem; color: var(--ink); background: #fff;
  font: 16px/1.6 "Segoe UI", "Helvetica Neue", Arial, "Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC",
  "PingFang SC", "Microsoft YaHei", "WenQuanYi Zen Hei", sans-serif; }
header { border-bottom: 2px solid var(--accent); padding-bottom: 1rem; margin-bottom: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .5rem; color: var(--accent); display: flex; justify-content: space-between;
  align-items: baseline; gap: 1rem; }
h2 small { color: var(--soft); font-weight: normal; font-size: .75rem; }
.seed { color: var(--soft); font-size: .85rem; margin: 0; }
.who { display: flex; gap: 2rem; margin-top: 1.4rem; }
.who span { flex: 1; border-bottom: 1px solid var(--ink); padding-bottom: .1rem; }
.who span:last-child { flex: 0 0 12rem; }
section { break-inside: avoid; margin: 0 0 2rem; }
p { margin: 0 0 .7rem; overflow-wrap: anywhere; }
code, pre { font-family: "Cascadia Mono", Consolas, Menlo, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace;
  font-size: .9em; }
code { background: var(--tint); border-radius: 3px; padding: .1em .3em; }
pre { background: var(--tint); border-left: 3px solid var(--rule); padding: .7rem 1rem; overflow-x: auto;
  line-height: 1.4; }
ol.choices { list-style: none; padding: 0; margin: 0; display: grid; gap: .4rem;
  grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
ol.choices li { border: 1px solid var(--rule); border-radius: 6px; padding: .35rem .8rem; }
ol.choices b { color: var(--soft); margin-right: .6rem; }
ol.choices li.right { border-color: var(--good); background: #eaf6ee; }
.blank { display: inline-block; min-width: 9rem; border-bottom: 1px solid var(--ink); height: 1.3em; }
.room { height: 4.5rem; border: 1px dashed var(--rule); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 .8rem; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--rule); padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--tint); font-weight: 600; }
td.due { min-width: 6rem; }
td strong, .answer { color: var(--good); }
.solution { margin-top: .9rem; border-left: 3px solid var(--good); padding: .1rem 0 .1rem 1rem; font-size: .92rem; }
.solution ul { margin: 0 0 .7rem; padding-left: 1.2rem; color: var(--soft); }
.working { margin: 0 0 .7rem; overflow-x: auto; }
.working div { margin: .25rem 0; white-space: nowrap; }
math { font-size: 1.05em; math-style: normal; }
.mistakes { font-size: .88rem; }
@page { margin: 18mm 16mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 11pt; }
  pre, code, th, ol.choices li.right { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
""".strip()

MARK = "\ue000"
"""Stands for a blank until all else is escaped; no text can hold it that people write."""
BLANK = '<span class="blank"></span>'
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What the page may load: nothing but its own style. A question that holds a script could not run it either."""


def html_of(sheet: Sheet, *, key: bool) -> bytes:
    """The page in UTF-8."""
    say = Words(sheet.lang)
    title = escape(line(sheet.title))
    language = "zh-CN" if sheet.lang == "zh" else escape(sheet.lang)
    head = [
        "<!DOCTYPE html>",
        f'<html lang="{language}">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>\n{STYLE}\n</style></head>",
        "<body>",
    ]
    questions = [_question(n, q, say, key) for n, q in enumerate(sheet.questions, start=1)]
    lines = [*head, *_header(sheet, title, say, key), "<main>", *questions, "</main>", "</body></html>"]
    return ("\n".join(lines) + "\n").encode()


def _header(sheet: Sheet, title: str, say: Words, key: bool) -> Iterator[str]:
    seed = say("Sheet {seed}", seed=line(sheet.seed))
    mark = f" · {say('Key')}" if key else ""
    yield f'<header><h1>{title}</h1><p class="seed">{escape(seed + mark)}</p>'
    if not key:
        yield f'<div class="who"><span>{escape(say("Name:"))}</span><span>{escape(say("Date:"))}</span></div>'
    yield "</header>"


def _question(number: int, question: Question, say: Words, key: bool) -> str:
    title = escape(say("Question {n}", n=number))
    parts = [
        f"<section><h2>{title}<small>{escape(line(question.id))}</small></h2>",
        markup.text(question.text),
        markup.table(question, lambda ask: _cell(ask, key)),
        *([] if question.rows else [_place(question, ask, say, key) for ask in question.asks]),
        *([_solution(question, ask, say) for ask in question.asks] if key else []),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _cell(ask: Ask, key: bool) -> str:
    return f"<strong>{escape(markup.value(ask))}</strong>" if key else BLANK


def _place(question: Question, ask: Ask, say: Words, key: bool) -> str:
    """Where the answer is marked or written."""
    if question.kind == CHOICE and ask.choices:
        label = f"<p>{escape(line(ask.label))}</p>" if ask.label else ""
        items = [_choice(n, shown(c), right=key and c == ask.answer) for n, c in enumerate(ask.choices)]
        return f'{label}<ol class="choices">{"".join(items)}</ol>'
    if key:
        return ""
    room = '<div class="room"></div>' if question.kind == OPEN and ask is question.asks[-1] else ""
    return f"<p>{escape(markup.blank(ask, MARK, say)).replace(MARK, BLANK)}</p>{room}"


def _choice(number: int, value: str, *, right: bool) -> str:
    kind = ' class="right"' if right else ""
    return f"<li{kind}><b>{markup.LETTERS[number]}</b>{escape(value)}</li>"


def _solution(question: Question, ask: Ask, say: Words) -> str:
    answer = escape(markup.key_line(question, ask, say))
    parts = [f'<p class="answer"><strong>{answer}</strong></p>', markup.working(ask, markup.browser_maths)]
    if ask.wrongs:
        rows = "".join(f"<tr><td>{shown(w.value)}</td><td>{escape(line(w.feedback))}</td></tr>" for w in ask.wrongs)
        head = f"<tr><th>{escape(say('Wrong answer'))}</th><th>{escape(say('Mistake'))}</th></tr>"
        parts.append(f'<table class="mistakes"><thead>{head}</thead><tbody>{rows}</tbody></table>')
    return f'<div class="solution">{"".join(parts)}</div>'
