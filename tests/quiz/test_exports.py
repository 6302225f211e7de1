"""What all exports have in common: names, suffixes, the key kept out where it is not wanted, hostile texts, Chinese."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shapecalc.quiz.export as room
from shapecalc.explain.words import Words, catalogue
from shapecalc.quiz.export import EXPORTS, Missing, Unknown, export, form_of
from shapecalc.quiz.question import Sheet, from_json, to_json
from shapecalc.quiz.text import Fence, Paragraph, blocks, plain
from tests.quiz.sheets import HOSTILE_LINES, all_kinds, generated, hostile

FORMS = list(EXPORTS)
KEYLESS = [name for name, form in EXPORTS.items() if form.keyless]
SHEETS = {"en": all_kinds(), "zh": all_kinds("zh"), "hostile": hostile(), "none": Sheet("Empty", "en", "1", [])}


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("form", FORMS)
def test_the_same_sheet_gives_the_same_bytes(form: str, name: str, key: bool) -> None:
    found = export(SHEETS[name], form, key=key)
    assert found
    assert export(SHEETS[name], form, key=key) == found


@pytest.mark.parametrize("form", FORMS)
def test_every_topic_is_written_in_every_format(form: str) -> None:
    for lang in ("en", "zh"):
        assert export(generated(lang), form, key=True)


@pytest.mark.parametrize("form", KEYLESS)
def test_no_sheet_without_the_key_tells_anything_of_it(form: str) -> None:
    told = export(all_kinds(), form, key=False).decode("utf-8-sig")
    for piece in ("The first window", "3 - 5", "axis 2", "55", "208", "27.8", "for example", "no-plus-one", "CorrectC"):
        assert piece not in told, piece
    with_key = export(all_kinds(), form, key=True).decode("utf-8-sig")
    for piece in ("axis 2", "208", "27.8", "55"):
        assert piece in with_key, piece


@pytest.mark.parametrize("form", ["markdown", "html", "latex", "csv", "jupyter"])
def test_a_choice_stands_in_its_order(form: str) -> None:
    told = export(all_kinds(), form, key=False).decode("utf-8-sig")
    told = re.sub(r"<style>.*</style>", "", told, flags=re.DOTALL)
    places = [re.search(rf"(choice|\)|[A-D]</b>|\|) ?{n}\b|^7|\b7 \|", told) for n in ("7", "6", "5", "16")]
    assert all(places)
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts) or form == "csv"


def test_suffixes_tell_the_formats_apart() -> None:
    suffixes = [suffix for form in EXPORTS.values() for suffix in form.suffixes]
    assert len(suffixes) == len(set(suffixes))
    for name, form in EXPORTS.items():
        assert {form_of(f"a b/sheet{suffix}") for suffix in form.suffixes} == {name}
    with pytest.raises(Unknown, match=r"\.docx"):
        form_of("a.docx")
    with pytest.raises(Unknown, match="moodle"):
        export(all_kinds(), "word", key=True)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for form, library in (("anki", "genanki"), ("jupyter", "nbformat")):
        with pytest.raises(Missing, match=rf"{form} needs {library}: pip install 'shapecalc-nn\[quiz\]'"):
            export(all_kinds(), form, key=True)
    assert export(all_kinds(), "moodle", key=True)


def test_the_room_loads_no_library_before_it_writes() -> None:
    heavy = ("genanki", "nbformat", "xml.etree.ElementTree", "zipfile", "csv", "json", "sqlite3")
    code = f"import sys, shapecalc.quiz.export; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    bare = f"import sys, shapecalc.quiz.question; print([m for m in {heavy!r} if m in sys.modules])"
    without = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=True)
    assert done.stdout == without.stdout


def said() -> set[str]:
    return {
        node.args[0].value
        for path in Path(room.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
        if isinstance(node.args[0], ast.Constant)
    }


def test_every_message_is_said_in_chinese_with_its_gaps() -> None:
    translations = catalogue("zh")
    assert len(said()) >= 10
    for message in said():
        assert set(re.findall("{.*?}", message)) == set(re.findall("{.*?}", translations[message]))
        assert re.search("[\u4e00-\u9fff：]", translations[message])


@pytest.mark.parametrize("form", [f for f in FORMS if f not in ("json", "csv", "qti", "anki")])
def test_a_chinese_sheet_has_its_headings_in_chinese(form: str) -> None:
    told = export(all_kinds("zh"), form, key=True).decode()
    say = Words("zh")
    assert say("Answer: {value}", value="") in told
    assert "Answer:" not in told


# the master


def test_the_master_is_read_again() -> None:
    for made in SHEETS.values():
        data = json.loads(export(made, "json", key=True))
        assert data == json.loads(json.dumps(to_json(made)))
        assert to_json(from_json(data)) == to_json(made)


@pytest.mark.parametrize("form", [name for name in FORMS if name not in KEYLESS])
def test_what_is_marked_by_a_program_holds_the_key_always(form: str) -> None:
    assert export(all_kinds(), form, key=False) == export(all_kinds(), form, key=True)


# the text of questions


def test_blocks_keep_all_words_of_a_text() -> None:
    found = blocks("Of `a b`,\nthen `c\n\n```py\n 1  2\n\n3\n```\nend\n\n```\nopen\n")
    assert [type(b) for b in found] == [Paragraph, Fence, Paragraph, Fence]
    assert [(s.text, s.code) for s in found[0].spans] == [("Of ", False), ("a b", True), (", then `c", False)]  # type: ignore[union-attr]
    assert found[1].lines == [" 1  2", "", "3"]  # type: ignore[union-attr]
    assert found[3].lines[0] == "open"  # type: ignore[union-attr]


def test_control_signs_do_not_reach_a_file() -> None:
    assert "\x1b" not in plain(HOSTILE_LINES)
    assert "\x00" not in plain(HOSTILE_LINES)
    for form in ("markdown", "html", "latex", "moodle", "gift", "csv"):
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", export(hostile(), form, key=True)), form
