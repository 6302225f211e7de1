"""A sheet -> a QTI 1.2 package in the dialect of Canvas, which other platforms read too: a zip of three XML files.

Written here, as no library that writes the format keeps all of it: text2qti has no gaps in tables and no feedback to
single numbers, takes image files that a text names into the package, and stamps the day; others allow no feedback.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.export import markup
from shapecalc.quiz.export.gift import spellings
from shapecalc.quiz.export.moodle import tolerance
from shapecalc.quiz.question import CHOICE, OPEN, shown
from shapecalc.quiz.text import clean, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

    from shapecalc.quiz.question import Ask, Question, Sheet, Value

QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
CANVAS = "http://canvas.instructure.com/xsd/cccv1p0"
MULTIPLE_CHOICE, NUMERICAL, SHORT, GAPS, ESSAY = (
    "multiple_choice_question", "numerical_question", "short_answer_question",
    "fill_in_multiple_blanks_question", "essay_question",
)  # fmt: skip


def qti_of(sheet: Sheet) -> bytes:
    """The package; the same sheet gives the same bytes."""
    from shapecalc.quiz.export.package import zipped

    name = f"quiz-{stamp(sheet)}"
    return zipped(
        {
            "imsmanifest.xml": _xml(_manifest(name)),
            f"{name}/assessment_meta.xml": _xml(_meta(sheet, name)),
            f"{name}/{name}.xml": _xml(_assessment(sheet, name)),
        }
    )


def stamp(sheet: Sheet) -> str:
    """What tells this sheet from all others."""
    from hashlib import sha256

    parts = [sheet.title, sheet.lang, sheet.seed, *(question.id for question in sheet.questions)]
    return sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _xml(root: Element) -> bytes:
    from xml.etree.ElementTree import indent, tostring

    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _manifest(name: str) -> Element:
    meta = f"{name}/assessment_meta.xml"
    return _element(
        "manifest",
        [
            _element("metadata", [_element("schema", "IMS Content"), _element("schemaversion", "1.1.3")]),
            _element("organizations"),
            _element(
                "resources",
                [
                    _element(
                        "resource",
                        [
                            _element("file", href=f"{name}/{name}.xml"),
                            _element("dependency", identifierref=f"{name}-meta"),
                        ],
                        identifier=name,
                        type="imsqti_xmlv1p2",
                    ),
                    _element(
                        "resource",
                        [_element("file", href=meta)],
                        identifier=f"{name}-meta",
                        type="associatedcontent/imscc_xmlv1p1/learning-application-resource",
                        href=meta,
                    ),
                ],
            ),
        ],
        identifier=f"{name}-manifest",
        xmlns=PACKAGE,
    )


def _meta(sheet: Sheet, name: str) -> Element:
    facts = {"title": line(sheet.title), "shuffle_answers": "false", "quiz_type": "assignment",
             "points_possible": f"{len(sheet.questions)}.0", "allowed_attempts": "1"}  # fmt: skip
    return _element("quiz", [_element(tag, fact) for tag, fact in facts.items()], identifier=name, xmlns=CANVAS)


def _assessment(sheet: Sheet, name: str) -> Element:
    say = Words(sheet.lang)
    items = [_item(n, q, name, say) for n, q in enumerate(sheet.questions, start=1)]
    attempts = _element("qtimetadata", [_field("cc_maxattempts", "1")])
    section = _element("section", items, ident="root_section")
    assessment = _element("assessment", [attempts, section], ident=name, title=line(sheet.title))
    return _element("questestinterop", [assessment], xmlns=QTI)


def _field(label: str, entry: str) -> Element:
    return _element("qtimetadatafield", [_element("fieldlabel", label), _element("fieldentry", entry)])


def _item(number: int, question: Question, name: str, say: Words) -> Element:
    kind = kind_of(question)
    ident = f"{name}-{number}"
    fields = [("question_type", kind), ("points_possible", "1.0"), ("assessment_question_identifierref", f"{ident}-q")]
    if kind == MULTIPLE_CHOICE:
        fields.append(("original_answer_ids", ",".join(str(n) for n in range(len(question.asks[0].choices)))))
    metadata = _element("qtimetadata", [_field(label, entry) for label, entry in fields])
    feedback = dict(_feedback(question, kind, say))
    return _element(
        "item",
        [
            _element("itemmetadata", [metadata]),
            _element("presentation", [_material(_text(question, kind)), *_responses(question, kind)]),
            _element("resprocessing", [_outcomes(), *_conditions(question, kind, feedback)]),
            *(_element("itemfeedback", [_element("flow_mat", [_material(t)])], ident=i) for i, t in feedback.items()),
        ],
        ident=ident,
        title=f"{number:02} {line(question.id)}",
    )


def kind_of(question: Question) -> str:
    """Canvas's name for the kind of a question."""
    if question.kind == OPEN:
        return ESSAY
    if question.rows or len(question.asks) != 1:
        return GAPS
    if question.kind == CHOICE:
        return MULTIPLE_CHOICE
    return SHORT if isinstance(question.asks[0].answer, tuple) else NUMERICAL


def _text(question: Question, kind: str) -> str:
    r"""The text with its gaps, which are names in square brackets; those of the text itself are written apart."""
    if kind != GAPS:
        labels = [f"<p>{escape(markup.asked(ask))}</p>" for ask in question.asks if markup.asked(ask)]
        return markup.text(question.text) + "".join(labels)
    text = markup.text(question.text)
    if question.rows:
        text += markup.table(question, lambda ask: _mark(question, ask))
    else:
        text += "".join(f"<p>{escape(markup.asked(a))} {_mark(question, a)}</p>" for a in question.asks)
    text = re.sub(r"\[(?=\w+\])", "[\u200b", clean(text))
    return re.sub("\ue000(\\w+)\ue001", r"[\1]", text)


def _mark(question: Question, ask: Ask) -> str:
    """A gap until all brackets of the text are written apart."""
    return f"\ue000{_gap(question, ask)}\ue001"


def _gap(question: Question, ask: Ask) -> str:
    return f"value{question.asks.index(ask) + 1}"


def _responses(question: Question, kind: str) -> Iterator[Element]:
    """Where the answers go."""
    if kind == MULTIPLE_CHOICE:
        labels = [_label(n, escape(shown(c))) for n, c in enumerate(question.asks[0].choices)]
        yield _element("response_lid", [_element("render_choice", labels)], ident="response1", rcardinality="Single")
        return
    if kind == GAPS:
        for ask in question.asks:
            gap = _gap(question, ask)
            labels = [_label(f"{gap}-{n}", escape(word)) for n, word in enumerate(_words(ask))]
            inner = [_material(gap), _element("render_choice", labels)]
            yield _element("response_lid", inner, ident=f"response_{gap}")
        return
    form = {"fibtype": "Decimal"} if kind == NUMERICAL else {}
    fib = _element("render_fib", [_element("response_label", ident="answer1", rshuffle="No")], **form)
    yield _element("response_str", [fib], ident="response1", rcardinality="Single")


def _label(ident: object, html: str) -> Element:
    return _element("response_label", [_material(html)], ident=str(ident))


def _words(ask: Ask) -> list[str]:
    """What may be written for a value where words are compared."""
    return spellings(ask.answer) if isinstance(ask.answer, tuple) else list({str(ask.answer): 0, shown(ask.answer): 0})


def _feedback(question: Question, kind: str, say: Words) -> Iterator[tuple[str, str]]:
    """Feedback by the name that conditions call it by."""
    yield "general_fb", markup.solution(question, markup.tex_maths, say)
    if kind in (MULTIPLE_CHOICE, NUMERICAL, SHORT):
        yield "correct_fb", escape(say("Right."))
        for number, wrong in enumerate(question.asks[0].wrongs):
            if wrong.feedback and (kind != MULTIPLE_CHOICE or wrong.value in question.asks[0].choices):
                yield f"wrong{number}_fb", escape(line(wrong.feedback))


def _outcomes() -> Element:
    limits = {"maxvalue": "100", "minvalue": "0", "varname": "SCORE", "vartype": "Decimal"}
    return _element("outcomes", [_element("decvar", **limits)])


def _conditions(question: Question, kind: str, feedback: dict[str, str]) -> Iterator[Element]:
    """When which feedback is shown, and when the points are given; the first that holds for good ends them."""
    yield _condition([_element("other")], "Yes", "general_fb")
    if kind == ESSAY:
        yield _condition([_element("other")], "No")
        return
    if kind == GAPS:
        for ask in question.asks:
            gap = _gap(question, ask)
            right = [_equal(f"response_{gap}", f"{gap}-{n}") for n in range(len(_words(ask)))]
            yield _condition(_any(right), "Yes", points=100 / len(question.asks), action="Add")
        return
    ask = question.asks[0]
    for number, wrong in enumerate(ask.wrongs):
        if f"wrong{number}_fb" in feedback:
            yield _condition(_matches(ask, wrong.value, kind), "Yes", f"wrong{number}_fb")
    yield _condition(_matches(ask, ask.answer, kind), "No", "correct_fb", points=100)


def _matches(ask: Ask, value: Value, kind: str) -> list[Element]:
    """The condition that a value was given."""
    if kind == MULTIPLE_CHOICE:
        return [_equal("response1", str(ask.choices.index(value)))]
    if kind == SHORT:
        return _any([_equal("response1", word) for word in spellings(value)])
    assert not isinstance(value, tuple)
    near = tolerance(value) if value == ask.answer else 0
    low, high = (value, value) if not near else (value - near, value + near)
    bounds = [_element(tag, str(v), respident="response1") for tag, v in (("vargte", low), ("varlte", high))]
    return [_element("or", [_equal("response1", str(value)), _element("and", bounds)])]


def _any(conditions: list[Element]) -> list[Element]:
    return conditions if len(conditions) == 1 else [_element("or", conditions)]


def _equal(ident: str, value: str) -> Element:
    return _element("varequal", value, respident=ident)


def _condition(
    when: Iterable[Element], go_on: str, feedback: str = "", *, points: float = 0, action: str = "Set"
) -> Element:
    parts = [_element("conditionvar", list(when))]
    if points:
        parts.append(_element("setvar", f"{points:.6g}", action=action, varname="SCORE"))
    if feedback:
        parts.append(_element("displayfeedback", feedbacktype="Response", linkrefid=feedback))
    return _element("respcondition", parts, **{"continue": go_on})


def _material(html: str) -> Element:
    return _element("material", [_element("mattext", html, texttype="text/html")])


def _element(tag: str, content: str | list[Element] = "", **attributes: str) -> Element:
    from xml.etree.ElementTree import Element

    found = Element(tag, attributes)
    if isinstance(content, str):
        found.text = clean(content) or None
    else:
        found.extend(content)
    return found
