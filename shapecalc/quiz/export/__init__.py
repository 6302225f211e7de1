"""A sheet -> a file of one of ten formats. The registry names each with its suffixes and the libraries that it needs.

Formats that a platform or a program marks by, the JSON master first, hold the key always; the others are written with
it or without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.quiz.export.anki import anki_of
from shapecalc.quiz.export.gift import gift_of
from shapecalc.quiz.export.html import html_of
from shapecalc.quiz.export.jupyter import jupyter_of
from shapecalc.quiz.export.latex import latex_of
from shapecalc.quiz.export.moodle import moodle_of
from shapecalc.quiz.export.plain import csv_of, json_of, markdown_of
from shapecalc.quiz.export.qti import qti_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.quiz.question import Sheet

EXTRA = "pip install 'shapecalc-nn[quiz]'"


class Unknown(ValueError):
    """A format, or a suffix, that there is none of."""


class Missing(ValueError):
    """A library that a format needs is not there."""


class Format:
    """A format: `write(sheet, key=...)` gives its bytes, with the packages in `needs`.

    `keyless` says whether it can be written without the key; where it cannot, whoever gets the file gets the key.
    """

    __slots__ = ("keyless", "name", "needs", "suffixes", "write")

    def __init__(
        self,
        name: str,
        suffixes: tuple[str, ...],
        write: Callable[..., bytes],
        *,
        needs: str = "",
        keyless: bool = True,
    ) -> None:
        self.name = name
        self.suffixes = suffixes
        self.write = write
        self.needs = needs
        self.keyless = keyless


EXPORTS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format("json", (".json",), json_of, keyless=False),
        Format("markdown", (".md", ".markdown"), markdown_of),
        Format("html", (".html", ".htm"), html_of),
        Format("latex", (".tex",), latex_of),
        Format("moodle", (".xml",), moodle_of, keyless=False),
        Format("gift", (".gift", ".gift.txt"), gift_of, keyless=False),
        Format("anki", (".apkg",), anki_of, needs="genanki", keyless=False),
        Format("qti", (".zip",), qti_of, keyless=False),
        Format("jupyter", (".ipynb",), jupyter_of, needs="nbformat"),
        Format("csv", (".csv",), csv_of),
    )
}


def export(sheet: Sheet, form: str, *, key: bool) -> bytes:
    """The file's bytes; text is UTF-8. Formats that are not `keyless` hold the key whatever `key` says.

    Raises Unknown for a format that there is none of, Missing where a library is not there.
    """
    if form not in EXPORTS:
        raise Unknown(f"no format {form!r}; there are {', '.join(EXPORTS)}")
    chosen = EXPORTS[form]
    _require(chosen)
    return chosen.write(sheet, key=key) if chosen.keyless else chosen.write(sheet)


def _require(form: Format) -> None:
    from importlib.util import find_spec

    if form.needs and find_spec(form.needs) is None:
        raise Missing(f"{form.name} needs {form.needs}: {EXTRA}")


def form_of(path: str) -> str:
    """The format that a file's suffix says. Raises Unknown.

    >>> form_of("sheets/A.apkg"), form_of("a.GIFT.txt")
    ('anki', 'gift')
    """
    for form in EXPORTS.values():
        if path.lower().endswith(form.suffixes):
            return form.name
    known = ", ".join(suffix for form in EXPORTS.values() for suffix in form.suffixes)
    raise Unknown(f"no format has the suffix of {path!r}; known are {known}")
