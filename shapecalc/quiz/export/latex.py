"""A sheet -> LaTeX of the class `exam`, with or without the key; escapes everything but the workings.

English builds with any TeX; a sheet with Chinese signs loads ctex, for which XeLaTeX or LuaLaTeX is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.export.markup import asked, blank, value
from shapecalc.quiz.question import CHOICE, OPEN, shown
from shapecalc.quiz.text import Fence, blocks, line, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.quiz.question import Ask, Question, Sheet
    from shapecalc.quiz.text import Block, Span

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "-": "-{}", "\N{MINUS SIGN}": "$-$", "×": r"$\times$", "·": r"$\cdot$", "→": r"$\to$",
    "≤": r"$\le$", "≥": r"$\ge$", "≈": r"$\approx$", "≠": r"$\ne$", "²": "$^2$", "³": "$^3$", "…": r"\dots{}",
    "←": r"$\leftarrow$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "⌈": r"$\lceil$", "⌉": r"$\rceil$", "∈": r"$\in$",
}  # fmt: skip
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_STRANGE = re.compile("[^\x00-\u024f\u2010-\u2027\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")
"""Signs that the fonts of a TeX need not have: they would stop pdfLaTeX, and vanish silently elsewhere."""


def latex_of(sheet: Sheet, *, key: bool) -> bytes:
    r"""The document. That with the key has `\printanswers`; taking it away gives the sheet without."""
    say = Words(sheet.lang)
    body = [*_title(sheet, say), r"\begin{questions}"]
    for question in sheet.questions:
        body += _question(question, say, key)
    body += [r"\end{questions}", r"\end{document}", ""]
    chinese = bool(_WIDE.search("\n".join(body)))
    return "\n".join([*_preamble(chinese, key, say), *body]).encode()


def _preamble(chinese: bool, key: bool, say: Words) -> list[str]:
    fonts = [r"\usepackage{ctex}"] if chinese else [r"\usepackage{iftex}", r"\iftutex\else\usepackage[T1]{fontenc}\fi"]
    return [
        *(["% !TEX program = xelatex"] if chinese else []),
        r"\documentclass[11pt,a4paper]{exam}",
        *fonts,
        r"\usepackage{amsmath,array,textcomp}",
        r"\renewcommand{\solutiontitle}{\noindent\textbf{" + escaped(say("Solution:")) + r"}\enspace}",
        r"\setlength{\fillinlinelength}{6em}",
        r"\setlength{\parindent}{0pt}",
        r"\setlength{\emergencystretch}{4em}",
        *([r"\printanswers"] if key else []),
        r"\begin{document}",
    ]


def _title(sheet: Sheet, say: Words) -> list[str]:
    blank = r"\hrulefill"
    return [
        r"\begin{center}",
        rf"{{\Large\bfseries {escaped(line(sheet.title))}\par}}",
        rf"\medskip {escaped(say('Sheet {seed}', seed=line(sheet.seed)))}",
        r"\end{center}",
        rf"\ifprintanswers\else {escaped(say('Name:'))} {blank}\quad {escaped(say('Date:'))} {blank}\par\bigskip\fi",
    ]


def _question(question: Question, say: Words, key: bool) -> Iterator[str]:
    yield r"\question"
    yield "\n\n".join(map(_block, blocks(question.text)))
    if question.rows:
        yield _table(question, key)
    for ask in question.asks if not question.rows else []:
        yield from _place(question, ask, say, key)
    if key and any(ask.lines or ask.notes or ask.wrongs for ask in question.asks):
        yield from _solution(question)


def _place(question: Question, ask: Ask, say: Words, key: bool) -> Iterator[str]:
    """Where the answer is marked or written."""
    yield ""
    if question.kind == CHOICE and ask.choices:
        yield from ([escaped(line(ask.label)) + r"\par"] if ask.label else [])
        marks = [r"\CorrectChoice" if key and c == ask.answer else r"\choice" for c in ask.choices]
        choices = [f"{mark} {escaped(shown(c))}" for mark, c in zip(marks, ask.choices, strict=True)]
        yield from (r"\begin{choices}", *choices, r"\end{choices}")
    else:
        told = shown(ask.answer) if key else ""
        example = say("for example {value}", value=told) if key and question.kind == OPEN else told
        yield escaped(blank(ask, "\0", say)).replace("\0", rf"\fillin[{escaped(example)}]") + r"\par"
        if question.kind == OPEN and not key and ask is question.asks[-1]:
            yield r"\makeemptybox{3cm}"


def _table(question: Question, key: bool) -> str:
    columns = len(question.head)
    width = rf"\dimexpr {0.92 / columns:.4f}\linewidth-2\tabcolsep\relax"
    head = " & ".join(rf"\textbf{{{_inline(title)}}}" for title in question.head)
    rows = [" & ".join(_cell(c, key) for c in row) for row in question.rows]
    body = "\n".join(rf"{row} \\ \hline" for row in [head, *rows])
    columns_of = rf"*{{{columns}}}{{>{{\raggedright\arraybackslash}}p{{{width}}}|}}"
    return f"\n\\begin{{tabular}}{{|{columns_of}}}\n\\hline\n{body}\n\\end{{tabular}}"


def _cell(content: str | Ask, key: bool) -> str:
    if isinstance(content, str):
        return _inline(content)
    return rf"\fillin[{escaped(value(content)) if key else ''}][4em]"


def _inline(content: str) -> str:
    return "".join(map(_span, spans(line(content))))


def _solution(question: Question) -> Iterator[str]:
    yield r"\begin{solution}"
    for ask in (ask for ask in question.asks if ask.lines or ask.notes or ask.wrongs):
        label = rf"\textbf{{{escaped(asked(ask))}}}\par" if asked(ask) else ""
        yield from ([label] if label else [])
        if ask.lines:
            yield from _working(ask)
        yield from (rf"{escaped(line(note))}\par" for note in ask.notes)
        yield from (rf"{escaped(shown(w.value))}: {escaped(line(w.feedback))}\par" for w in ask.wrongs)
    yield r"\end{solution}"


def _working(ask: Ask) -> Iterator[str]:
    """The lines under one another, on the left; a display that may break over pages."""
    yield r"{\allowdisplaybreaks\begin{flalign*}"
    yield " &\\\\\n".join(f"& {one.latex} &" for one in ask.lines) + " &"
    yield r"\end{flalign*}}%"


def _block(block: Block) -> str:
    if isinstance(block, Fence):
        rows = "\\\\\n".join(code(one) or r"\strut" for one in block.lines)
        return f"\\begin{{quote}}\\ttfamily\n{rows}\n\\end{{quote}}"
    return "".join(map(_span, block.spans))


def _span(span: Span) -> str:
    return rf"\texttt{{{code(span.text, wrap=True)}}}" if span.code else escaped(span.text)


def code(text: str, *, wrap: bool = False) -> str:
    """Text whose blanks count; `wrap` lets it break at them."""
    return escaped(text).replace(" ", " " if wrap else r"\ ")


def escaped(text: str) -> str:
    r"""Text in which TeX sees no commands. Signs that its fonts may lack become a question mark in a box.

    >>> print(escaped("50% of a_b"))
    50\% of a\_b
    """
    found = "".join(_ESCAPES.get(sign, sign) for sign in text.replace("\0", "\ue000"))
    found = found.replace(r" $\times$ ", r"~$\times$~")
    return _STRANGE.sub(lambda m: m[0] if m[0] == "\ue000" else r"\fbox{?}", found).replace("\ue000", "\0")
