"""What a YAML parser says of a broken text into one diagnostic that says what to do. Knows no spec.

The parsers speak of tokens ("did not find expected key"); the text around their mark tells what was meant,
most often an expression that YAML takes for something else, which the advice then shows quoted.
"""

from __future__ import annotations

from shapecalc.source.cut import quoted, quoting
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.source.diagnostic import Fix

    Said = tuple[str, str]

_ALLOWED = "\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
_SPECIAL = "%@`>|*&!?{['\""  # a value that begins so is no plain text in YAML


def syntax_diagnostic(text: str, error: Exception) -> Diagnostic:
    """SC002 for what a parser raised, at the place of the mistake."""
    fault = _Fault(text, error)
    if not fault.problem:
        return _forbidden_character(text)
    if fault.at_tab():
        advice = "indent with spaces; set the editor to write spaces for the tab key"
        return fault.diagnostic("a tab cannot indent in YAML", advice)
    for words, explain in _EXPLANATIONS:
        if words in fault.problem:
            return fault.diagnostic(*explain(fault))
    return fault.diagnostic(f"this is no YAML: {fault.problem}", fault.quoting())


def _forbidden_character(text: str) -> Diagnostic:
    import re  # PyYAML has loaded it

    found = re.search(f"[^{_ALLOWED}]", text)
    if found is None:
        return Diagnostic("SC002", "this is no YAML", 0, 1)
    message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
    return Diagnostic("SC002", message, found.start(), found.end(), help="take it out")


class _Fault:
    """A parser's error with the text around its mark. `opening` is where the construct began that failed.

    `fix` quotes what the advice shows quoted, where that is an expression.
    """

    __slots__ = ("at", "at_end", "fix", "opening", "problem", "text")

    def __init__(self, text: str, error: Exception) -> None:
        mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
        self.text = text
        self.fix: Fix | None = None
        self.problem: str = getattr(error, "problem", None) or ""
        self.at: int = mark.index if mark is not None else 0
        self.opening: int = context.index if context is not None else self.at
        self.at_end = not text[self.at :].strip() and text[self.at : self.at + 1] != "\t"
        if self.at_end:
            self.at = max(len(text.rstrip()) - 1, 0)

    def diagnostic(self, message: str, advice: str) -> Diagnostic:
        message, advice = one_line(message, 200), one_line(advice, 200)
        return Diagnostic("SC002", message, self.at, min(self.at + 1, len(self.text)), help=advice, fix=self.fix)

    def character(self) -> str:
        return self.text[self.at : self.at + 1]

    def line(self, at: int) -> tuple[int, int]:
        """Where the line of an offset starts and ends, a comment and the line break left out."""
        start = max(self.text.rfind(sign, 0, at) for sign in "\n\r") + 1
        ends = [self.text.find(sign, at) for sign in ("\n", "\r", " #")]
        return start, min((end for end in ends if end >= 0), default=len(self.text))

    def at_tab(self) -> bool:
        start, end = self.line(self.at)
        line = self.text[start:end]
        return "tab" in self.problem or "\t" in line[: len(line) - len(line.lstrip())]

    def value(self) -> tuple[int, int]:
        """Where the value in the line of the mark stands: what follows `key: ` or `- `."""
        start, end = self.trimmed(*self.line(self.at))
        while self.text.startswith("- ", start, end):
            start, end = self.trimmed(start + 2, end)
        colon = self.text.find(": ", start, end)
        if colon < 0 or self.text[start] in "{['\"":
            return start, end
        return self.trimmed(colon + 2, end)

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """A span without the white space at its ends."""
        piece = self.text[start:end]
        start += len(piece) - len(piece.lstrip())
        return start, max(start, end - len(piece) + len(piece.rstrip()))

    def quoted(self, start: int, end: int) -> str:
        """A piece of the text in quotes, which the fix then writes."""
        self.fix = quoting(self.text, start, end)
        return quoted(self.text[start:end])

    def quoted_value(self, advice: str) -> str:
        """Advice with the value at the mark in quotes: that of the line, or the single one within its brackets.

        A mark before the value, as in a stray `* - Linear: 4`, is no part of an expression.
        """
        start, end = self.value()
        if self.at < start:
            return "take it out, or quote the text that it belongs to"
        inside = self.text[start : start + 1] in ("{", "[") and start < self.at
        return f"{advice}: {self.quoted(*(self.part() if inside else (start, end)))}"

    def quoting(self) -> str:
        """Advice that shows the line's value quoted, where it begins as no plain text does."""
        start, end = self.value()
        value = self.text[start:end]
        if value[:1] in ("'", '"') and value[-1] == value[0]:
            inner = value[1:-1]
            return f"write {quoted(inner)}" if value[0] in inner else "look for a quote that is not closed above"
        special = value[:1] in tuple(_SPECIAL)
        return f"if this is an expression, quote it: {self.quoted(start, end)}" if special else ""

    def left(self) -> int:
        """Where the values before the mark begin: behind the bracket around them, a colon, or the line break."""
        start, depth = self.at, 0
        while start > 0 and self.text[start - 1] not in "\n\r":
            depth += (self.text[start - 1] in "]}") - (self.text[start - 1] in "[{")
            if depth < 0 or (depth == 0 and self.text[start - 1] == ":"):
                break
            start -= 1
        return start

    def part(self) -> tuple[int, int]:
        """Where the single value around the mark in `{...}` or `[...]` stands, its own brackets and all."""
        start = self.left()
        depth, end = 0, start
        while end < len(self.text) and self.text[end] not in "\n\r":
            depth += (self.text[end] in "([{") - (self.text[end] in ")]}")
            if depth < 0 or (depth == 0 and self.text[end] == "," and end >= self.at):
                break
            end += 1
            if depth == 0 and self.text[end - 1] == ",":  # a value before the one at the mark
                start = end
        return self.trimmed(start, end)


def _cut_flow(fault: _Fault) -> Said:
    bracket = fault.text[fault.opening : fault.opening + 1]
    if fault.character() in ("[", "{"):
        start, end = fault.part()
        message = f"`{fault.text[start:end]}` must be quoted inside of `{bracket}`"
        return message, f"write {fault.quoted(start, end)}"
    closing = {"{": "}", "[": "]"}.get(bracket, "the bracket")
    if fault.at_end or fault.line(fault.at) != fault.line(fault.opening):
        fault.at = fault.opening
        return (
            f"the `{bracket}` is not closed",
            f"close it with `{closing}`, or quote the text if it is an expression",
        )
    return f"a `,` or `{closing}` is missing here", f"`{bracket}` holds values with commas between them"


def _no_token(fault: _Fault) -> Said:
    return f"`{fault.character()}` cannot begin a value", fault.quoted_value("quote it")


def _block_text(fault: _Fault) -> Said:
    fault.at = fault.opening
    sign = fault.character()
    return f"`{sign}` at the start of a value begins a block of text", fault.quoted_value("quote it")


def _no_name(fault: _Fault) -> Said:
    fault.at = fault.opening
    what = {"*": "an alias", "&": "an anchor"}.get(fault.character(), "a name")
    return f"`{fault.character()}` begins {what} in YAML", fault.quoted_value("quote the expression")


def _colon(fault: _Fault) -> Said:
    start, _ = fault.line(fault.at)
    if ": " in fault.text[start : fault.at]:
        return "a second `: ` in one line", fault.quoted_value("quote the value if it is text")
    return (
        "a key cannot stand here, because the line above is not finished by `:` or has a value already",
        "write a blank after each `:`, and indent this line like the keys beside it",
    )


def _no_key(fault: _Fault) -> Said:
    start, _ = fault.line(fault.at)
    if fault.text[start : fault.at].strip():
        advice = fault.quoting() or "quote the value"
        return "the value ended before this; the rest of the line is left over", advice
    return (
        "this line is indented like nothing above it",
        "indent the keys of one mapping alike, and its lists by `- ` alike",
    )


def _no_item(fault: _Fault) -> Said:
    return "this line stands in a list and is no item", "begin it with `- `, or indent it to belong elsewhere"


def _no_colon(fault: _Fault) -> Said:
    fault.at = fault.opening
    start, end = fault.line(fault.at)
    line = fault.text[start:end].strip()
    return f"`{line[:60]}` is neither a key with a `:` nor an item with a `- `", f"write `{line[:60]}: ...`"


def _open_quote(fault: _Fault) -> Said:
    fault.at = fault.opening
    return "this quote is never closed", f"close it with {fault.character()}"


def _escape(fault: _Fault) -> Said:
    written = fault.text[fault.at : fault.at + 2]
    return f"`{written}` is no escape that YAML knows", "in single quotes a backslash is a backslash"


_EXPLANATIONS: tuple[tuple[str, Callable[[_Fault], Said]], ...] = (
    ("',' or '", _cut_flow),
    ("cannot start any token", _no_token),
    ("comment or line break", _block_text),
    ("alphabetic or numeric", _no_name),
    ("mapping values are not allowed", _colon),
    ("did not find expected key", _no_key),
    ("expected '-' indicator", _no_item),
    ("expected <block end>", _no_key),
    ("expected ':'", _no_colon),
    ("unexpected end of stream", _open_quote),
    ("escape", _escape),
    (
        "block sequence entries are not allowed",
        lambda fault: (
            "a list cannot begin beside its key",
            "begin it in the next line, or write it in `[...]`",
        ),
    ),
    (
        "mapping keys are not allowed",
        lambda fault: ("`?` begins a key in YAML", fault.quoted_value("quote the expression")),
    ),
    (
        "expected node content",
        lambda fault: (f"`{fault.character()}` cannot stand here", fault.quoting() or "quote the value"),
    ),
    (
        "<document start>",
        lambda fault: ("something follows after the end of the document", "a file holds one spec"),
    ),
    (
        "incompatible YAML",
        lambda fault: ("this version of YAML is not known", "take the line out"),
    ),
    (
        "tag handle",
        lambda fault: ("a tag that is not declared", fault.quoted_value("quote the expression")),
    ),
    (
        "directive",
        lambda fault: (
            "a line that begins with `%` is a directive, and this one is not known",
            "take it out",
        ),
    ),
)
