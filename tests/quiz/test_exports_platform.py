"""Moodle XML, GIFT, QTI and Anki files, read again by other libraries or by the platforms' own rules, and marked."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import subprocess
import zipfile
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from shapecalc.quiz.export import export
from shapecalc.quiz.question import Question, Sheet, shown
from shapecalc.quiz.text import line, plain
from tests.quiz.sheets import HOSTILE, all_kinds, hostile

SHEETS = [all_kinds(), all_kinds("zh"), hostile()]
IDS = ["en", "zh", "hostile"]


def squeezed(html: str) -> str:
    """The text of some HTML, without blanks."""
    html5lib = pytest.importorskip("html5lib")
    root = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert not {e.tag for e in root.iter()} & {"script", "img"}
    return "".join("".join(root.itertext()).split())


def told(question: Question) -> str:
    return "".join(plain(question.text).split())


# Moodle

GAP = re.compile(r"\{(\d+):(NUMERICAL|MULTICHOICE_S):((?:[^}\\]|\\.)*)\}")
"""A gap as Moodle's cloze finds it: a brace, marks, a kind, and all up to a brace that is not escaped."""
ANSWER = re.compile(r"(?:^|~)(=|%\d+%)?((?:[^~#\\]|\\.)*)(?:#((?:[^~\\]|\\.)*))?")


def moodle(made: Sheet) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(export(made, "moodle", key=True)))


def text_of(element: ElementTree.Element, path: str) -> str:
    return element.findtext(f"{path}/text") or ""


def gaps_of(question: ElementTree.Element) -> list[list[tuple[str, str, str]]]:
    """Every gap's answers as (worth, value, feedback)."""
    found = GAP.findall(text_of(question, "questiontext"))
    plain_of = lambda text: unescape(re.sub(r"\\(.)", r"\1", text))  # noqa: E731
    return [[(w, plain_of(v), plain_of(f)) for w, v, f in ANSWER.findall(body) if v] for _, _, body in found]


@pytest.mark.parametrize("made", SHEETS, ids=IDS)
def test_moodle_reads_every_question_with_its_text(made: Sheet) -> None:
    category, *found = moodle(made)
    assert category.get("type") == "category"
    parts = re.split("(?<!/)/(?!/)", text_of(category, "category").replace("//", "\0"))
    assert [part.replace("\0", "/") for part in parts] == [
        "$course$",
        "top",
        line(made.title),
        made.seed,
    ] or made is SHEETS[2]
    assert len(found) == len(made.questions)
    for element, question in zip(found, made.questions, strict=True):
        assert told(question) in squeezed(text_of(element, "questiontext"))
        assert question.id in text_of(element, "name")
        assert all(tag.findtext("text") for tag in element.iterfind("tags/tag"))
        feedback = squeezed(text_of(element, "generalfeedback"))
        assert all(one.latex.replace(" ", "") in feedback for ask in question.asks for one in ask.lines)


def test_moodle_has_the_kind_that_marks_each_question() -> None:
    kinds = [element.get("type") for element in moodle(all_kinds())]
    assert kinds == ["category", "multichoice", "numerical", "numerical", "cloze", "cloze", "essay"]


def test_every_wrong_answer_of_moodle_is_worth_nothing_and_told_why() -> None:
    made = all_kinds()
    for element, question in zip(moodle(made)[1:4], made.questions, strict=False):
        ask = question.asks[0]
        answers = {a.findtext("text") or "": a for a in element.iterfind("answer")}
        right = [value for value, a in answers.items() if a.get("fraction") == "100"]
        assert right == [str(ask.answer)]
        assert {a.get("fraction") for a in answers.values()} == {"0", "100"}
        wrongs = {shown(w.value): w.feedback for w in ask.wrongs}
        assert {v: text_of(answers[v], "feedback") for v in wrongs} == wrongs
        if ask.choices:
            assert list(answers) == [shown(c) for c in ask.choices]
        else:
            due = 0 if isinstance(ask.answer, int) else 0.0278
            assert float(answers[right[0]].findtext("tolerance") or "") == pytest.approx(due)


def test_the_gaps_of_moodle_are_the_values_of_the_table() -> None:
    _, *found = moodle(all_kinds())
    right = "Right."
    assert gaps_of(found[3])[1] == [("=", "55:0", right), ("%0%", "54:0", "Add 1 after the division.")]
    assert [gap[0][1] for gap in gaps_of(found[4])] == ["8:0", "28:0", "28:0", "208:0"]
    assert gaps_of(found[4])[3][1] == ("%0%", "200:0", "Each of the 8 filters has a bias.")


def test_no_text_opens_a_gap_of_its_own() -> None:
    _, *found = moodle(hostile())
    table = found[2]
    assert [gap[0][1] for gap in gaps_of(table)] == ["6:0", "5:0"]
    assert gaps_of(table)[1][1:] == [("%0%", "4:0", line(HOSTILE))]
    assert not re.search(r"\{\d", GAP.sub("", text_of(table, "questiontext")))


# GIFT: a reader by the rules of Moodle's own importer, and the grammar gift-pegjs where node has it


def gift(made: Sheet) -> list[str]:
    text = export(made, "gift", key=True).decode()
    blocks = [b for b in text.strip().split("\n\n") if not b.startswith("//")]
    assert re.search(r"^\$CATEGORY: \$course\$/top/", text, re.MULTILINE)
    return blocks


def cut(text: str, sign: str) -> list[str]:
    """Pieces between signs that are not escaped."""
    return re.split(rf"(?<!\\)(?:\\\\)*{sign}", text)


def raw(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def read_gift(block: str) -> dict[str, Any]:
    _, name, rest = re.split(r"(?<!\\)::", block, maxsplit=2)
    body, opened = cut(rest, "{")[0], cut(rest, "{")[1]
    inner, end = cut(opened, "}")
    assert not end.strip()
    inner, _, general = inner.partition("####")
    numeric = inner.startswith("#")
    found = []
    for sign, answer in re.findall(r"^([=~])(.*)$", inner.removeprefix("#"), re.MULTILINE):
        value, *feedback = cut(answer, "#")
        worth, value = re.match(r"(?:%(\d+)%)?(.*)", value).groups()  # type: ignore[union-attr]
        right = sign == "=" and worth != "0"
        found.append((right, raw(value).strip(), raw(feedback[0]) if feedback else ""))
    return {"name": raw(name), "text": raw(body), "numeric": numeric, "answers": found, "general": raw(general)}


@pytest.mark.parametrize("made", SHEETS, ids=IDS)
def test_gift_reads_every_value_with_its_text(made: Sheet) -> None:
    asks = [(q, ask) for q in made.questions for ask in q.asks]
    found = [read_gift(block) for block in gift(made)]
    assert len(found) == len(asks)
    for block, (question, ask) in zip(found, asks, strict=True):
        assert block["text"].startswith("[html]")
        assert told(question) in squeezed(block["text"][6:])
        right = [value for good, value, _ in block["answers"] if good]
        if question.kind == "open":
            assert not block["answers"]
        else:
            assert right[0].split(":")[0] == (str(ask.answer) if block["numeric"] else shown(ask.answer))
        for wrong in ask.wrongs if question.kind == "choice" else []:
            assert (False, shown(wrong.value), line(wrong.feedback)) in block["answers"]
        assert all(one.latex.replace(" ", "") in squeezed(block["general"]) for one in ask.lines)


def test_another_grammar_reads_the_gift_file(tmp_path: Path) -> None:
    """gift-pegjs, where node finds it (NODE_PATH)."""
    node = shutil.which("node")
    code = (
        "const g = require('gift-pegjs'); const t = require('fs').readFileSync(0, 'utf8');"
        "console.log(JSON.stringify(g.parse(t)))"
    )
    probe = [node or "", "-e", "require('gift-pegjs')"]
    if not node or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no node with gift-pegjs")
    for made in SHEETS:
        done = subprocess.run([node, "-e", code], input=export(made, "gift", key=True), capture_output=True, check=True)
        category, *found = json.loads(done.stdout)
        assert category["type"] == "Category"
        wanted = [read_gift(block) for block in gift(made)]
        assert [q["stem"]["text"] for q in found] == [w["text"].removeprefix("[html]") for w in wanted]
        assert [q["title"] for q in found] == [w["name"] for w in wanted]
        assert [len(q.get("choices") or []) for q in found] == [len(w["answers"]) for w in wanted]


# QTI

Q = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
P = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"


def package(made: Sheet) -> tuple[zipfile.ZipFile, list[ElementTree.Element]]:
    archive = zipfile.ZipFile(io.BytesIO(export(made, "qti", key=True)))
    assert archive.testzip() is None
    manifest = ElementTree.fromstring(archive.read("imsmanifest.xml"))
    resources = {r.get("identifier"): r for r in manifest.iter(f"{P}resource")}
    files = [f.get("href") or "" for f in manifest.iter(f"{P}file")]
    assert set(files) == set(archive.namelist()) - {"imsmanifest.xml"}
    assert all(d.get("identifierref") in resources for d in manifest.iter(f"{P}dependency"))
    main = next(f for f in files if not f.endswith("assessment_meta.xml"))
    return archive, list(ElementTree.fromstring(archive.read(main)).iter(f"{Q}item"))


def holds(condition: ElementTree.Element, given: dict[str, str]) -> bool:
    """Whether a condition of QTI 1.2 holds for what was given, several of them together."""
    tag = condition.tag.removeprefix(Q)
    if tag in ("conditionvar", "and"):
        return all(holds(c, given) for c in condition)
    if tag == "or":
        return any(holds(c, given) for c in condition)
    if tag == "other":
        return True
    value, wanted = given.get(condition.get("respident") or "", ""), condition.text or ""
    if tag == "varequal":
        return value == wanted
    low = {"vargte": float.__ge__, "varlte": float.__le__}[tag]
    return bool(low(float(value), float(wanted)))


def marked(item: ElementTree.Element, **given: str) -> tuple[float, list[str]]:
    """Points and texts of feedback, as an engine works through the conditions."""
    texts = {f.get("ident"): "".join(f.itertext()).strip() for f in item.iter(f"{Q}itemfeedback")}
    points, seen = 0.0, []
    for condition in item.iter(f"{Q}respcondition"):
        inner = condition.find(f"{Q}conditionvar")
        assert inner is not None
        if not holds(inner, given):
            continue
        for setting in condition.iter(f"{Q}setvar"):
            points = float(setting.text or 0) + (points if setting.get("action") == "Add" else 0)
        seen += [texts[d.get("linkrefid")] for d in condition.iter(f"{Q}displayfeedback")]
        if condition.get("continue") == "No":
            break
    return points, seen[1:]


@pytest.mark.parametrize("made", SHEETS, ids=IDS)
def test_qti_has_every_question_with_its_text(made: Sheet) -> None:
    _, items = package(made)
    assert len(items) == len(made.questions)
    assert len({item.get("ident") for item in items}) == len(items)
    for item, question in zip(items, made.questions, strict=True):
        html = item.findtext(f"{Q}presentation/{Q}material/{Q}mattext") or ""
        assert told(question) in squeezed(html).replace("\u200b", "")
        idents = [e.get("ident") for e in item.iter(f"{Q}itemfeedback")]
        assert len(idents) == len(set(idents))
        assert {d.get("linkrefid") for d in item.iter(f"{Q}displayfeedback")} <= set(idents)


def test_qti_marks_choices_numbers_and_sizes() -> None:
    _, (choice, integer, decimal, sizes, *_) = package(all_kinds())
    by_text = {"".join(e.itertext()).strip(): e.get("ident") or "" for e in choice.iter(f"{Q}response_label")}
    assert list(by_text) == ["7", "6", "5", "16"]
    assert marked(choice, response1=by_text["6"]) == (100, ["Right."])
    assert marked(choice, response1=by_text["5"])[1] == ["The first window counts too: add 1 after the division."]
    assert marked(choice, response1=by_text["16"]) == (0, [])
    assert marked(integer, response1="6") == (100, ["Right."])
    assert marked(integer, response1="7") == (0, ["The division was rounded up; torch rounds it down."])
    assert marked(integer, response1="6.1") == (0, [])
    assert marked(decimal, response1="27.81")[0] == 100
    assert marked(decimal, response1="27.9")[0] == 0
    assert marked(sizes, response1="64, 55, 55")[0] == 100
    assert marked(sizes, response1="64 x 54 x 54") == (0, ["Add 1 after the division."])


@pytest.mark.parametrize("made", [all_kinds(), hostile()], ids=["en", "hostile"])
def test_the_gaps_of_qti_are_those_of_its_text(made: Sheet) -> None:
    items = [i for i in package(made)[1] if i.findtext(f".//{Q}fieldentry") == "fill_in_multiple_blanks_question"]
    assert items
    for item in items:
        gaps = re.findall(r"\[(value\d+)\]", item.findtext(f"{Q}presentation/{Q}material/{Q}mattext") or "")
        responses = [r.get("ident") for r in item.iter(f"{Q}response_lid")]
        assert responses == [f"response_{gap}" for gap in gaps]
        right = {f"response_{gap}": f"{gap}-0" for gap in gaps}
        assert marked(item, **right)[0] == pytest.approx(100)
        assert marked(item, **{responses[0] or "": f"{gaps[0]}-0"})[0] == pytest.approx(100 / len(gaps))


TEXT2QTI = """Quiz title: t

1. choose
... worked
+ well done
a) 7
... why not
*b) 6

2. number
... worked
+ well done
= 6 +- 0.5

3. words
... worked
+ well done
* six

4. essay
... worked
____
"""


def skeleton(root: ElementTree.Element) -> set[tuple[str, ...]]:
    """Every element with those around it, and the names of its attributes."""
    found = set()

    def walk(element: ElementTree.Element, above: tuple[str, ...]) -> None:
        path = (*above, element.tag)
        found.add((*path, *sorted(f"@{name}" for name in element.attrib if not name.startswith("{"))))
        for child in element:
            walk(child, path)

    walk(root, ())
    return found


def test_qti_is_built_as_text2qti_builds_it() -> None:
    """The library that Canvas's teachers use writes the same elements in the same places."""
    quiz = pytest.importorskip("text2qti.quiz")
    config, qti = pytest.importorskip("text2qti.config"), pytest.importorskip("text2qti.qti")
    theirs = ElementTree.fromstring(qti.QTI(quiz.Quiz(TEXT2QTI, config=config.Config())).assessment)
    made = all_kinds()
    made.questions = [q for q in made.questions if q.kind != "table"]
    archive, _ = package(made)
    name = next(n for n in archive.namelist() if n.count("quiz-") == 2)
    ours = ElementTree.fromstring(archive.read(name))
    assert skeleton(ours) <= skeleton(theirs)


# Anki


def cards(made: Sheet, room: Path) -> tuple[dict[str, Any], list[tuple[str, list[str], str]]]:
    archive = zipfile.ZipFile(io.BytesIO(export(made, "anki", key=True)))
    assert json.loads(archive.read("media")) == {}
    path = room / "collection.anki2"
    path.write_bytes(archive.read("collection.anki2"))
    with sqlite3.connect(path) as base:
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
        models, decks = map(json.loads, base.execute("select models, decks from col").fetchone())
        notes = [(g, f.split("\x1f"), m) for g, f, m in base.execute("select guid, flds, mid from notes order by id")]
        assert base.execute("select count(*) from cards").fetchone() == (len(notes),)
    return {"models": models, "decks": decks}, notes


@pytest.mark.parametrize("made", SHEETS, ids=IDS)
def test_anki_has_a_note_a_question(made: Sheet, tmp_path: Path) -> None:
    pytest.importorskip("genanki")
    facts, notes = cards(made, tmp_path)
    assert list(facts["models"]) == ["1731905264"] == list({str(model): 0 for _, _, model in notes})
    assert line(made.title) in {deck["name"].split("::" + line(made.seed))[0] for deck in facts["decks"].values()}
    assert len(notes) == len(made.questions)
    for (_, fields, _), question in zip(notes, made.questions, strict=True):
        assert [f["name"] for f in facts["models"]["1731905264"]["flds"]] == ["Id", "Front", "Back"]
        assert told(question) in squeezed(fields[1])
        assert all(shown(ask.answer).replace(" ", "") in squeezed(fields[2]) for ask in question.asks)
        assert all(one.latex.replace(" ", "") in squeezed(fields[2]) for ask in question.asks for one in ask.lines)


def test_a_note_keeps_its_id_whatever_stands_around_it(tmp_path: Path) -> None:
    pytest.importorskip("genanki")
    whole, other = all_kinds(), all_kinds()
    other.questions = other.questions[::-1]
    guids = [guid for guid, _, _ in cards(whole, tmp_path)[1]]
    assert len(set(guids)) == len(guids)
    assert [guid for guid, _, _ in cards(other, tmp_path)[1]] == guids[::-1]
    other.seed = "8"
    assert not {guid for guid, _, _ in cards(other, tmp_path)[1]} & set(guids)


def test_hostile_text_is_there_to_be_hostile() -> None:
    assert all(
        mark in HOSTILE for mark in ("<script>", "]]>", "\\input", "$", "%", '"', "'", "{1:NUMERICAL", "[value1]")
    )
