"""A sheet with its keys and workings -> text for a terminal, Markdown, LaTeX; claims stand beside the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz.grade import RIGHT
from shapecalc.quiz.question import OPEN, shown, to_json
from shapecalc.quiz.report import feedback
from shapecalc.render.explained import plain_latex
from shapecalc.render.paint import PLAIN, aligned, printable, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import Mark
    from shapecalc.quiz.question import Ask, Question, Sheet
    from shapecalc.render.paint import Paint

    Claims = Mapping[int, Mapping[str, Mark]]


def text(sheet: Sheet, claims: Claims, say: Words, paint: Paint = PLAIN) -> str:
    """The pages for a terminal."""
    lines = [paint(printable(sheet.title), "bold"), "=" * width(sheet.title)]
    for number, question in enumerate(sheet.questions, start=1):
        lines += ["", *numbered(number, question_lines(question))]
        lines += [f"   {line}" for ask in question.asks for line in choices(ask)]
        for ask in question.asks:
            claim = claims.get(number, {}).get(ask.name)
            lines += [f"   {line}" for line in ask_lines(question, ask, claim, say, paint)]
    return "\n".join(lines)


def numbered(number: int, lines: Sequence[str]) -> list[str]:
    """The lines of a question behind its number, in line below one another."""
    head = f"{number}. "
    first, *more = lines or [""]
    return [f"{head}{first}", *(f"{' ' * len(head)}{line}".rstrip() for line in more)]


def question_lines(question: Question) -> list[str]:
    """The text of a question for a terminal: code without its backticks, fenced blocks set in."""
    found: list[str] = []
    fenced = False
    for line in question.text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        else:
            found.append(f"  {printable(line)}" if fenced else printable(line.replace("`", "")))
    return found


def table_lines(question: Question, filled: Mapping[str, str]) -> list[str]:
    """The table of a question with what is filled in, columns in line for wide signs too."""
    if not question.rows:
        return []
    rows = [[c if isinstance(c, str) else filled.get(c.name, "____") for c in row] for row in question.rows]
    columns = zip(*([question.head, *rows] if question.head else rows), strict=True)
    straight = (aligned([printable(cell.replace("`", "")) for cell in column], False) for column in columns)
    return ["  ".join(row).rstrip() for row in zip(*straight, strict=True)]


def ask_lines(question: Question, ask: Ask, claim: Mark | None, say: Words, paint: Paint = PLAIN) -> Iterator[str]:
    """Working and answer of one value, and what was claimed of it."""
    label = f"{printable(ask.label)}  " if ask.label else ""
    gap = " " * width(label)
    for n, line in enumerate(ask.lines):
        yield (gap if n else paint(label, "cyan")) + line.text
    yield from (paint(f"{gap}{printable(note)}", "dim") for note in ask.notes)
    yield gap + paint(say("answer: {value}", value=value_text(question, ask, say)), "bold")
    if claim is not None:
        yield gap + paint(claim_text(claim, say), "green" if claim.state == RIGHT else "red")


def choices(ask: Ask) -> list[str]:
    """The values to choose from, behind their letters."""
    return [f"{chr(ord('A') + n)}) {shown(value)}" for n, value in enumerate(ask.choices)]


def value_text(question: Question, ask: Ask, say: Words) -> str:
    """The answer with its unit; where many are right, as one of them."""
    value = f"{shown(ask.answer)} {ask.unit}".rstrip()
    if ask.answer in ask.choices:
        value = f"{chr(ord('A') + ask.choices.index(ask.answer))}) {value}"
    return say("for example {value}", value=value) if question.kind == OPEN else value


def claim_text(claim: Mark, say: Words) -> str:
    """What was claimed, and why it is not so."""
    written = printable(claim.written)
    if claim.state == RIGHT:
        return say("claimed: {written}: right", written=written)
    why = feedback(claim, say)
    return say("claimed: {written}: not right", written=written) + (f" ({claim.mistake}: {why})" if why else "")


def markdown(sheet: Sheet, claims: Claims, say: Words) -> str:
    """The pages as Markdown; workings are blocks of code."""
    parts = [f"# {sheet.title}"]
    for number, question in enumerate(sheet.questions, start=1):
        parts += [f"## {number}", question.text]
        parts += ["\n".join(f"- {line}" for line in choices(ask)) for ask in question.asks if ask.choices]
        for ask in question.asks:
            parts += _markdown(question, ask, claims.get(number, {}).get(ask.name), say)
    return "\n\n".join(parts)


def _markdown(question: Question, ask: Ask, claim: Mark | None, say: Words) -> Iterator[str]:
    if ask.label:
        yield f"**{ask.label}**"
    if ask.lines:
        yield "\n".join(["```", *(line.text for line in ask.lines), "```"])
    yield from (f"`{note}`" if "*" in note else note for note in ask.notes)
    yield f"**{say('answer: {value}', value=value_text(question, ask, say))}**"
    if claim is not None:
        yield claim_text(claim, say)


def latex(sheet: Sheet, claims: Claims, say: Words) -> str:
    """The pages as a piece of a LaTeX document; it needs amsmath, and a CJK font where it is in Chinese."""
    parts = [rf"\section*{{{plain_latex(sheet.title)}}}"]
    for number, question in enumerate(sheet.questions, start=1):
        parts += [rf"\subsection*{{{number}}}", *_latex_question(question)]
        parts += [plain_latex("  ".join(choices(ask))) for ask in question.asks if ask.choices]
        for ask in question.asks:
            parts += _latex(question, ask, claims.get(number, {}).get(ask.name), say)
    return "\n\n".join(parts)


def _latex_question(question: Question) -> Iterator[str]:
    """Paragraphs, and fenced blocks as verbatim ones."""
    for n, part in enumerate(question.text.split("```")):
        if n % 2:
            body = part.partition("\n")[2].rstrip("\n").replace(r"\end{verbatim}", "")
            yield f"\\begin{{verbatim}}\n{body}\n\\end{{verbatim}}"
        elif part.strip():
            yield plain_latex(part.strip().replace("`", ""))


def _latex(question: Question, ask: Ask, claim: Mark | None, say: Words) -> Iterator[str]:
    if ask.label:
        yield plain_latex(ask.label)
    if ask.lines:
        first, *more = (line.latex for line in ask.lines)
        body = " \\\\\n".join([f"& {first}", *(f"&{line}" for line in more)])
        yield f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
    yield from map(plain_latex, ask.notes)
    yield rf"\textbf{{{plain_latex(say('answer: {value}', value=value_text(question, ask, say)))}}}"
    if claim is not None:
        yield plain_latex(claim_text(claim, say))


def master(sheet: Sheet, claims: Claims) -> dict[str, Any]:
    """The JSON master, which can be graded by; beside an ask what was claimed of it."""
    found = to_json(sheet)
    for number, question in enumerate(found["questions"], start=1):
        for ask in question["asks"]:
            claim = claims.get(number, {}).get(ask["name"])
            if claim is not None:
                ask["claim"] = {"written": claim.written, "state": claim.state, "mistake": claim.mistake}
    return found
