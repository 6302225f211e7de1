"""Messages in English and Chinese: gettext's catalogues, read as text, so that nothing has to be compiled.

English is what stands in the code. A message that a catalogue lacks is given in English and noted in `missing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGES = ("en", "zh")


class Words:
    """Says messages in one language: `say("{n} values", n=3)`."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self.catalogue = {} if language == "en" else catalogue(language)
        self.missing: set[str] = set()

    def __call__(self, message: str, **values: Any) -> str:
        if not message:
            return ""
        if self.language != "en" and message not in self.catalogue:
            self.missing.add(message)
        return (self.catalogue.get(message) or message).format(**values)

    def told(self, text: str) -> str:
        """A finished sentence that another room wrote: translated by the message whose gaps it fills."""
        if self.language == "en" or not text:
            return text
        for message, translation in self.catalogue.items():
            found = filled(message, text)
            if found is not None:
                return translation.format(**found)
        self.missing.add(text)
        return text


def filled(message: str, text: str) -> dict[str, str] | None:
    """What stands in a text for the gaps of a message; None where it is another message's text.

    >>> filled("a pool from {i} to {o}", "a pool from 7 to 3")
    {'i': '7', 'o': '3'}
    """
    import re

    parts = re.split(r"{(\w+)}", message)
    if not parts[0] and len(parts) > 1 and len("".join(parts[2::2])) < 12:
        return None  # a message of gaps alone would fit every text
    pattern = "".join(f"(?P<{part}>.+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
    found = re.fullmatch(pattern, text)
    return None if found is None else found.groupdict()


def catalogue(language: str) -> dict[str, str]:
    """The messages of a language by their English text, from all of its files."""
    from importlib.resources import files

    room = files("shapecalc") / "locale" / language / "LC_MESSAGES"
    places = sorted((place for place in room.iterdir() if place.name.endswith(".po")), key=lambda place: place.name)
    return dict(pair for place in places for pair in entries(place.read_text(encoding="utf-8").splitlines()))


def entries(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Message and translation of each entry of a .po file; the header, whose message is empty, is left out.

    >>> list(entries(['msgid "stride"', 'msgstr "步"', '"幅"']))
    [('stride', '步幅')]
    """
    found: dict[str, str] = {}
    keyword = ""
    for line in [*lines, ""]:
        word, _, rest = line.partition(" ")
        if word != "msgstr" and not line.startswith('"') and found.get("msgid") and "msgstr" in found:
            yield found["msgid"], found["msgstr"]
        if word in ("msgid", "msgstr"):
            keyword, found = word, {} if word == "msgid" else found
            found[keyword] = _unquoted(rest)
        elif line.startswith('"') and keyword:
            found[keyword] += _unquoted(line)
        else:
            found, keyword = {}, ""


def _unquoted(text: str) -> str:
    """A string in double quotes, escaped as in C, which JSON's are too."""
    import json

    value: str = json.loads(text.strip())
    return value
