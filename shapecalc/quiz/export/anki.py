"""A sheet -> a package of Anki cards: the question on the front, key, working and mistakes on the back.

A note keeps its place in a student's schedule when the sheet is imported again: the ids of the model are fixed, that
of the deck comes from title, language and seed, and a note's from the question.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from shapecalc.explain.words import Words
from shapecalc.quiz.export import markup
from shapecalc.quiz.question import shown
from shapecalc.quiz.text import line

if TYPE_CHECKING:
    from shapecalc.quiz.question import Question, Sheet

MODEL = 1_731_905_264
"""Drawn once; another number would make Anki take the cards for those of another program."""
FIELDS = ("Id", "Front", "Back")
STYLE = """.card { font: 18px/1.5 sans-serif; text-align: left; color: #1c2430; background: #fff; max-width: 42rem;
  margin: 1rem auto; padding: 0 1rem; }
pre, code { font-family: monospace; background: rgba(127, 127, 127, .15); border-radius: 3px; }
code { padding: .1em .3em; } pre { padding: .6rem .8rem; overflow-x: auto; }
table { border-collapse: collapse; } th, td { border: 1px solid #999; padding: .2rem .5rem; }
ol { list-style: upper-alpha; } .id { color: #888; font-size: 12px; }"""
BACK = '{{FrontSide}}<hr id="answer">{{Back}}<div class="id">{{Id}}</div>'


def anki_of(sheet: Sheet) -> bytes:
    """The package; the same sheet gives the same bytes."""
    import genanki  # type: ignore[import-not-found,unused-ignore,import-untyped]

    say = Words(sheet.lang)
    cards = [{"name": "Card 1", "qfmt": "{{Front}}", "afmt": BACK}]
    model = genanki.Model(MODEL, "shapecalc quiz", fields=[{"name": f} for f in FIELDS], templates=cards, css=STYLE)
    deck = genanki.Deck(_number(sheet.title, sheet.lang, sheet.seed), f"{line(sheet.title)}::{line(sheet.seed)}")
    for question in sheet.questions:
        guid = genanki.guid_for("shapecalc", sheet.lang, sheet.seed, question.id)
        fields = [escape(f"{line(question.id)} · {line(sheet.seed)}"), front(question, say), back(question, say)]
        deck.add_note(genanki.Note(model=model, fields=fields, guid=guid, tags=[_tag(question.topic)]))
    return _packed(genanki.Package(deck), _number(sheet.seed, sheet.title) / 8)


def front(question: Question, say: Words) -> str:
    """The question, with what there is to choose from."""
    parts = [markup.text(question.text), markup.table(question, lambda ask: "…")]
    for ask in question.asks if not question.rows else []:
        label = f"<p>{escape(markup.asked(ask))}</p>" if markup.asked(ask) else ""
        parts.append(
            label + (f"<ol>{''.join(f'<li>{shown(c)}</li>' for c in ask.choices)}</ol>" if ask.choices else "")
        )
    return "".join(parts)


def back(question: Question, say: Words) -> str:
    """Key and working, and what each wrong value comes from."""
    wrongs = [f"<li>{shown(w.value)}: {escape(line(w.feedback))}</li>" for ask in question.asks for w in ask.wrongs]
    mistakes = f"<p>{escape(say('Mistake'))}</p><ul>{''.join(wrongs)}</ul>" if wrongs else ""
    return markup.solution(question, markup.tex_maths, say) + mistakes


def _tag(topic: str) -> str:
    """Tags are told apart by blanks."""
    return f"shapecalc::{'-'.join(line(topic).split())}"


def _number(*parts: str) -> int:
    """A number of the range that Anki's ids are from, the same for the same parts."""
    from hashlib import sha256

    digest = sha256("\0".join(parts).encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % (1 << 30) + (1 << 30)


def _packed(package: Any, time: float) -> bytes:
    """The package's bytes; a time is needed for the ids of cards, and one that was drawn lets them not depend on it."""
    import io
    import zipfile

    from shapecalc.quiz.export.package import zipped

    out = io.BytesIO()
    package.write_to_file(out, timestamp=time)
    with zipfile.ZipFile(out) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()})
