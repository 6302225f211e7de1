"""The text of a plain scalar into its value, by the core schema of YAML 1.2. Knows no places.

A number that this schema and YAML 1.1 read differently, or that is too large to be meant, is a `Problem`.
"""

from __future__ import annotations

MAX_INTEGER = 10**18 - 1  # 18 digits: products of a few still print, and none is a size of a tensor

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_DIGITS = frozenset("0123456789")
_NUMERIC = frozenset("0123456789.eE+-")
_BASES = {"0x": (16, frozenset("0123456789abcdefABCDEF")), "0o": (8, frozenset("01234567"))}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}

Value = int | float | bool | str | None


class Problem:
    """Why a scalar has no value: a code, a message and advice."""

    __slots__ = ("code", "help", "message")

    def __init__(self, code: str, message: str, help: str) -> None:
        self.code = code
        self.message = message
        self.help = help


def resolve(text: str) -> Value | Problem:
    """The value of a plain scalar: an int, float, bool, None or the text itself.

    >>> [resolve(text) for text in ("1e-5", "0x1F", "no", "1:30", "~", "TRUE", "1_000")]
    [1e-05, 31, 'no', '1:30', None, True, '1_000']
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[:2] in _BASES:
        return _based(text)
    if not _NUMERIC.issuperset(text):
        return text
    if _DIGITS.issuperset(text[1:] if text[0] in "+-" else text):
        return _decimal(text)
    return _float(text)


def is_tagged_as(tag: str, text: str) -> tuple[bool, Value]:
    """Whether the core tag `tag` agrees with a scalar's text, and the value that it then has."""
    name = tag.removeprefix("tag:yaml.org,2002:")
    if name == "str":
        return True, text
    value = resolve(text)
    if name not in _TYPES or type(value) not in _TYPES[name] or isinstance(value, Problem):
        return False, text
    return True, float(value) if name == "float" and value is not None else value


def _based(text: str) -> Value | Problem:
    base, digits = _BASES[text[:2]]
    if len(text) == 2 or not digits.issuperset(text[2:]):
        return text
    # Decided before conversion: a hexadecimal number of a million digits would convert, and never print.
    return _bounded(int(text, base), text) if len(text) < 40 else _too_large(text)


def _decimal(text: str) -> Value | Problem:
    digits = text.lstrip("+-")
    if not digits:
        return text
    if len(digits) > 1 and digits[0] == "0":
        return _ambiguous(text, digits)
    return _bounded(int(text), text) if len(digits) < 40 else _too_large(text)


def _float(text: str) -> Value | Problem:
    try:
        value = float(text)
    except ValueError:
        return text
    return value if abs(value) != float("inf") else _too_large(text)


def _bounded(value: int, text: str) -> Value | Problem:
    return value if abs(value) <= MAX_INTEGER else _too_large(text)


def _too_large(text: str) -> Problem:
    shown = text if len(text) <= 30 else f"{text[:12]}... ({len(text)} characters)"
    return Problem("SC008", f"the number {shown} is too large", "integers have at most 18 digits here")


def _ambiguous(text: str, digits: str) -> Problem:
    sign = "-" if text[0] == "-" else ""
    ten = sign + (digits.lstrip("0") or "0")
    message = f"{text} has a leading zero: is it octal or decimal?"
    if len(digits) > 39 or not digits.lstrip("0") or not _BASES["0o"][1].issuperset(digits):
        return Problem("SC004", message, f"write {ten[:40]} without the zero, or quote it if it is text")
    eight = f"{sign}{int(digits, 8)}"
    advice = f"write {ten} if it is decimal, {eight} (or 0o{digits.lstrip('0')}) if it is octal"
    return Problem("SC004", message, advice)
