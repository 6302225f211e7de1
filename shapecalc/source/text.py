"""Bytes into text, and character offsets into lines and columns. Knows nothing of YAML.

Lines break at LF, CRLF and CR only, as editors and YAML 1.2 see them; `str.splitlines` breaks at seven more.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from shapecalc.source.diagnostic import Diagnostic

MAX_BYTES = 32 * 1024 * 1024
BOM = "\ufeff"


class Source:
    """The text of one file. A leading byte order mark is taken off and remembered in `bom`: offset 0 is the
    first character that a reader sees, and a writer can put the mark back.
    """

    __slots__ = ("_starts", "bom", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.bom = text.startswith(BOM)
        self.text = text[1:] if self.bom else text
        self._starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        """The offset at which each line starts."""
        if self._starts is None:
            self._starts = _line_starts(self.text)
        return self._starts

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both from 1; columns count Unicode code points.

        >>> Source("a.yaml", "one\\r\\ntwo").place(6)
        (2, 2)
        """
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line_text(self, number: int) -> str:
        """Line `number`, counted from 1, without its line break; empty where there is no such line."""
        starts = self.starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")


def _line_starts(text: str) -> list[int]:
    # Replacements of equal length keep the offsets; splitting in C beats a regular expression by far.
    lines = text.replace("\r\n", " \n").replace("\r", "\n").split("\n")
    lines.pop()
    return [0, *accumulate(len(line) + 1 for line in lines)]


def one_line(text: str, most: int = 60) -> str:
    """A piece of the user's text as it can stand in a message: on one line, printable, cut where it is long.

    >>> one_line("a\\nb")
    'a b'
    """
    clean = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return clean if len(clean) <= most else f"{clean[: most - 3]}..."


def decode(data: bytes, path: str) -> tuple[Source | None, Diagnostic | None]:
    """The source in `data`, or the diagnostic that says why it is none (SC001 not UTF-8, SC008 too large)."""
    if len(data) > MAX_BYTES:
        return None, too_large(len(data))
    try:
        return Source(path, data.decode("utf-8")), None
    except UnicodeDecodeError as error:
        return None, _not_utf8(data, error.start)


def too_large(size: int) -> Diagnostic:
    """SC008 for a file of `size` bytes."""
    message = f"the file has {size:,} bytes; the limit is {MAX_BYTES:,}"
    return Diagnostic("SC008", message, 0, 0, help="state repetition with `repeat`, loops or blocks")


def _not_utf8(data: bytes, position: int) -> Diagnostic:
    line = data.count(b"\n", 0, position) + 1
    message = f"byte 0x{data[position]:02X} at position {position} (line {line}) is not UTF-8"
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    advice = "the file looks like UTF-16; save it as UTF-8" if utf16 else "save the file as UTF-8"
    return Diagnostic("SC001", message, 0, 0, help=advice)
