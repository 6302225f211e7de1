r"""A sheet -> Moodle XML: multichoice, numerical, cloze for tables and sizes, essay where many values are right.

Every wrong value of a named mistake stands as an answer worth nothing, with its feedback. Mathematics stands between
`\(` and `\)`. The element tree escapes everything, so no text can leave its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.export import markup
from shapecalc.quiz.question import CHOICE, OPEN, shown
from shapecalc.quiz.text import clean, line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from shapecalc.quiz.question import Ask, Question, Sheet, Value

ROUGHLY = 1e-3
"""How far an answer may be from a key that is no integer, as a part of it; integers are to be met."""


def moodle_of(sheet: Sheet) -> bytes:
    """The question bank: one category for the sheet, a question each."""
    from xml.etree.ElementTree import Element, indent, tostring

    say = Words(sheet.lang)
    root = Element("quiz")
    root.append(_category(sheet))
    root.extend(_question(n, q, sheet, say) for n, q in enumerate(sheet.questions, start=1))
    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _category(sheet: Sheet) -> Element:
    found = _element("question", type="category")
    found.append(_told("category", category(sheet)))
    found.append(_told("info", "", "html"))
    return found


def category(sheet: Sheet) -> str:
    """The path of the category, title and variant; a slash in a name is doubled."""
    names = [line(name).replace("/", "//") for name in (sheet.title, sheet.seed)]
    return "/".join(["$course$", "top", *(name for name in names if name)])


def _question(number: int, question: Question, sheet: Sheet, say: Words) -> Element:
    kind = _kind(question)
    found = _element("question", type=kind)
    found.append(_told("name", f"{number:02} {line(question.id)}"))
    found.append(_told("questiontext", _cloze(question, say) if kind == "cloze" else _text(question), "html"))
    found.append(_told("generalfeedback", markup.solution(question, markup.tex_maths, say), "html"))
    marks = len(question.asks) if kind == "cloze" else 1
    facts = {"defaultgrade": str(marks), "penalty": "0.3333333", "hidden": "0"}
    facts["idnumber"] = line(f"{question.id}@{sheet.seed}")[:100]
    for tag, fact in facts.items():
        if (tag, kind) != ("defaultgrade", "cloze"):  # a cloze has the marks of its gaps
            found.append(_element(tag, fact))
    found.extend(_PARTS[kind](question, say))
    tags = _element("tags")
    tags.extend(_told("tag", word) for word in (question.topic, f"level {question.level}"))
    found.append(tags)
    return found


def _kind(question: Question) -> str:
    single = len(question.asks) == 1 and not question.rows
    if question.kind == OPEN:
        return "essay"
    if single and question.kind == CHOICE:
        return "multichoice"
    return "numerical" if single and not isinstance(question.asks[0].answer, tuple) else "cloze"


def _text(question: Question) -> str:
    label = "; ".join(filter(None, map(markup.asked, question.asks)))
    return markup.text(question.text) + (f"<p>{_safe(label)}</p>" if label else "")


def _multichoice(question: Question, say: Words) -> Iterator[Element]:
    ask = question.asks[0]
    settings = {"single": "true", "shuffleanswers": "true", "answernumbering": "ABCD"}
    yield from (_element(tag, setting) for tag, setting in settings.items())
    yield _told("correctfeedback", _safe(say("Right.")), "html")
    yield _told("partiallycorrectfeedback", "", "html")
    yield _told("incorrectfeedback", "", "html")
    for choice in ask.choices:
        right = choice == ask.answer
        yield _answer(_safe(shown(choice)), 100 if right else 0, ask.feedback(choice), "html")


def _numerical(question: Question, say: Words) -> Iterator[Element]:
    ask = question.asks[0]
    for value, fraction, feedback in [
        (ask.answer, 100, say("Right.")),
        *((w.value, 0, w.feedback) for w in ask.wrongs),
    ]:
        found = _answer(str(value), fraction, feedback, "moodle_auto_format")
        found.append(_element("tolerance", f"{tolerance(value) if fraction else 0:g}"))
        yield found
    yield from (_element(tag, text) for tag, text in {"unitgradingtype": "0", "unitpenalty": "0.1", "showunits": "3",
                                                      "unitsleft": "0"}.items())  # fmt: skip


def _essay(question: Question, say: Words) -> Iterator[Element]:
    settings = {"responseformat": "editor", "responserequired": "1", "responsefieldlines": "5", "attachments": "0",
                "attachmentsrequired": "0"}  # fmt: skip
    yield from (_element(tag, setting) for tag, setting in settings.items())
    yield _told("graderinfo", markup.solution(question, markup.tex_maths, say), "html")
    yield _told("responsetemplate", "", "html")


def _nothing(question: Question, say: Words) -> Iterator[Element]:
    """A cloze has all in its text."""
    return iter(())


_PARTS = {"multichoice": _multichoice, "numerical": _numerical, "essay": _essay, "cloze": _nothing}


def tolerance(value: Value) -> float:
    """How far an answer may be from a number."""
    return 0 if not isinstance(value, float) else abs(value) * ROUGHLY


# cloze: gaps that stand in the text


def _cloze(question: Question, say: Words) -> str:
    """Text with gaps; a brace of the text itself is written so that it opens none."""
    parts = [_unbraced(markup.text(question.text))]
    if question.rows:
        parts.append(_unbraced(markup.table(question, lambda ask: f"\1{question.asks.index(ask)}\2")))
    else:
        for number, ask in enumerate(question.asks):
            label = f"{markup.asked(ask)} = " if markup.asked(ask) else ""
            parts.append(f"<p>{_unbraced(_safe(label))}\1{number}\2</p>")
    return re.sub("\1(\\d+)\2", lambda m: _gaps(question.asks[int(m[1])], say), "".join(parts))


def _unbraced(html: str) -> str:
    return html.replace("{", "&#123;").replace("}", "&#125;")


def _gaps(ask: Ask, say: Words) -> str:
    """One gap for a number, for each size of a tensor, or for a choice."""
    if ask.choices:
        others = [f"~%0%{_bare(shown(c))}{_hint(ask.feedback(c))}" for c in ask.choices if c != ask.answer]
        return f"{{1:MULTICHOICE_S:={_bare(shown(ask.answer))}{_hint(say('Right.'))}{''.join(others)}}}"
    if not isinstance(ask.answer, tuple):
        return _gap(ask.answer, [(w.value, w.feedback) for w in ask.wrongs], say)
    gaps = []
    for axis, size in enumerate(ask.answer):
        found = [(w.value[axis], w.feedback) for w in ask.wrongs if _same_rank(w.value, ask.answer)]  # type: ignore[index]
        gaps.append(_gap(size, found, say))
    return " × ".join(gaps)


def _same_rank(value: Value, answer: tuple[int, ...]) -> bool:
    return isinstance(value, tuple) and len(value) == len(answer)


def _gap(answer: Value, wrongs: list[tuple[Value, str]], say: Words) -> str:
    hints: dict[Value, str] = {}
    for value, feedback in wrongs:
        if value != answer:
            hints.setdefault(value, feedback)
    others = "".join(f"~%0%{value}:0{_hint(feedback)}" for value, feedback in hints.items())
    return f"{{1:NUMERICAL:={answer}:{tolerance(answer):g}{_hint(say('Right.'))}{others}}}"


def _hint(feedback: str) -> str:
    return f"#{_bare(feedback)}" if feedback else ""


def _bare(text: str) -> str:
    r"""Text inside a gap, where `} # ~ / \ " ` mean something.

    >>> print(_bare("a~b"))
    a\~b
    """
    return re.sub(r"([}{#~/\\])", r"\\\1", _safe(line(text)))


# elements


def _safe(text: str) -> str:
    from html import escape

    return escape(line(text))


def _element(tag: str, text: str = "", **attributes: str) -> Element:
    from xml.etree.ElementTree import Element

    found = Element(tag, attributes)
    found.text = clean(text) or None
    return found


def _told(tag: str, text: str, form: str = "") -> Element:
    """An element that holds its text in a `text` element, as Moodle has it everywhere."""
    found = _element(tag, "", **({"format": form} if form else {}))
    found.append(_element("text", text))
    return found


def _answer(text: str, fraction: int, feedback: str, form: str) -> Element:
    found = _element("answer", "", fraction=str(fraction), format=form)
    found.append(_element("text", text))
    found.append(_told("feedback", _safe(feedback), "html"))
    return found
