"""What people write for a number or for sizes -> the value, and how exactly it was written; knows no question.

`1e6`, `1,000,000`, `61.1M`, `6110万`, `43/4`, `3.57 MiB`, `64 × 55 × 55`, `(64, 55, 55)`, full-width digits, units.
A rounded form stands for every number that rounds to it, if it has three significant digits; digits in full stand for
themselves alone.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from shapecalc.quiz.question import Value

DIGITS = 3
"""Significant digits that a rounded answer needs."""
LONGEST = 200
LARGEST_EXPONENT = 60
"""Beyond it a number is nonsense, and would cost memory to work with."""

SCALES = {
    "million": 6, "billion": 9, "trillion": 12, "thousand": 3, "百万": 6, "千万": 7, "十亿": 9, "万亿": 12,
    "mio": 6, "千": 3, "万": 4, "亿": 8, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12,
}  # fmt: skip
"""Powers of ten by their words; a word stands before those that it begins with."""
BYTES = {
    **{f"{letter}b": 1000**n for n, letter in enumerate("kmgt", start=1)},
    **{f"{letter}ib": 1024**n for n, letter in enumerate("kmgt", start=1)},
}
UNITS = frozenset(
    {
        "param", "params", "parameter", "parameters", "weight", "weights", "value", "values", "number",
        "numbers", "mac", "macs", "flop", "flops", "px", "pixel", "pixels", "byte", "bytes", "position",
        "positions", "channel", "channels", "multiplication", "multiplications", "addition",
        "additions", "个", "个参数", "参数", "次", "像素", "个像素", "字节", "个字节", "值", "个值",
        "次乘加", "次运算", "位置", "个位置", "通道", "个通道", "个权重", "权重",
    }
)  # fmt: skip
"""What may stand behind a number without changing it."""

_SUPERSCRIPTS = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_ABOUT = re.compile(r"^(?:≈|~|∼|about|approximately|approx\.?|ca\.?|circa|roughly|大约|约)\s*", re.IGNORECASE)
_GROUPED = r"\d{1,3}(?P<mark>[,'_ ])\d{3}(?:(?P=mark)\d{3})*(?:\.\d*)?|\d{1,4}(?:,\d{4})+|\d{1,3}(?:\.\d{3}){2,}"
_DECIMAL = r"\d+(?:\.\d*)?|\.\d+|\d+,\d{1,2}(?![\d,])"
_POWER = r"e(?P<e>[+-]?\d+)|\s*[x×*·⋅]\s*10\s*(?:\^|\*\*)\s*(?P<ten>[({]?[+-]?\d+[)}]?)"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<digits>{_GROUPED}|{_DECIMAL})(?:{_POWER})?\s*(?P<tail>[^\d.,].*)?", re.IGNORECASE
)
_QUOTIENT = re.compile(r"([+-]?\d{1,18})\s*[/\N{FRACTION SLASH}]\s*(\d{1,18})", re.ASCII)
_BETWEEN = re.compile(r"\s*[x×*✕✖·⋅,、;]\s*|\s+", re.IGNORECASE)
_WRAPPED = re.compile(r"^(?:torch\.Size|tuple|list)?\s*[(\[{【]+\s*(.*?)\s*,?\s*[)\]}】]+$", re.IGNORECASE)


class Reading:
    """A value as it was written. `step` is what its last digit stands for, None where all digits were meant.

    `digits` counts the significant ones.
    """

    __slots__ = ("digits", "exact", "step", "value")

    def __init__(self, exact: Fraction | tuple[int, ...], step: Fraction | None = None, digits: int = 0) -> None:
        self.exact = exact
        self.step = step
        self.digits = digits
        self.value: Value = exact if isinstance(exact, tuple) else _plain(exact)

    def means(self, key: Value) -> bool:
        """Whether the key is what was written, or rounds to it."""
        return self._equals(key) or (self.digits >= DIGITS and self._near(key))

    def rough(self, key: Value) -> bool:
        """Whether the key rounds to it, but too few digits were given."""
        return not self.means(key) and self._near(key)

    def _equals(self, key: Value) -> bool:
        if isinstance(key, tuple) or isinstance(self.exact, tuple):
            return _sizes(self.value) == _sizes(key)
        # A float is the nearest to what it stands for: 27.8 is no exact number.
        return self.exact == key or (isinstance(key, float) and abs(self.exact - Fraction(key)) <= abs(key) * 1e-9)

    def _near(self, key: Value) -> bool:
        if self.step is None or isinstance(key, tuple) or isinstance(self.exact, tuple):
            return False
        return 2 * abs(self.exact - Fraction(key)) <= self.step


def read(text: str, *, sizes: bool = False, unit: str = "") -> Reading | None:
    """The value that a text stands for; None where it stands for none.

    `sizes` says that those of a tensor are due, as which `64,128,128` is then read; `unit` is a further word that may
    stand behind the number.

    >>> [read(text).value for text in ("1e6", "61.1M", "1,000,000", "64x55x55", "５５")]
    [1000000, 61100000, 1000000, (64, 55, 55), 55]
    """
    if len(text) > LONGEST:
        return None
    clean = _normal(text)
    last = clean.rpartition("=")[2].strip()
    about = _ABOUT.match(last) is not None
    last = _ABOUT.sub("", last)
    if sizes:
        return _tensor(last) or _number(last, unit, about)
    return _number(last, unit, about) or _fraction(last) or _tensor(last)


def _normal(text: str) -> str:
    """Full-width signs as plain ones, powers written out, no blanks and no full stop around."""
    powers = _SUPERSCRIPTS.sub(lambda m: "^" + normalize("NFKC", m[0]), text)
    plain = normalize("NFKC", powers).replace("\N{MINUS SIGN}", "-").replace("’", "'").replace("≈", "=≈")
    return plain.strip().rstrip(".。;!").strip().strip("`$\"'").strip()


def _number(text: str, unit: str, about: bool) -> Reading | None:
    wrapped = _WRAPPED.match(text)
    found = _NUMBER.fullmatch(wrapped[1] if wrapped else text)
    if found is None:
        return None
    scale = _scale(_word(found["tail"]), _word(unit))
    power = int(re.sub(r"[(){}]", "", found["e"] or found["ten"] or "0"))
    if scale is None or abs(power) > LARGEST_EXPONENT:
        return None
    digits, places = _digits(found["digits"], found["mark"])
    size = scale * Fraction(10) ** power
    rounded = places or about or size != 1
    significant = digits.lstrip("0")
    step = Fraction(1, 10**places) * size
    if about and not places and size == 1:  # of "about 61,100,000" the zeros say nothing
        significant = significant.rstrip("0")
        step = Fraction(10) ** (len(digits) - len(digits.rstrip("0")))
    value = Fraction(int(digits), 10**places) * size
    return Reading(-value if found["sign"] == "-" else value, step if rounded else None, len(significant))


def _fraction(text: str) -> Reading | None:
    """A quotient of two integers, which is what it says: 43/4."""
    found = _QUOTIENT.fullmatch(text)
    return Reading(Fraction(int(found[1]), int(found[2]))) if found and int(found[2]) else None


def _word(text: str | None) -> str:
    return (text or "").strip().casefold()


def _digits(written: str, mark: str | None) -> tuple[str, int]:
    """The digits in a row, and how many of them stand behind the point."""
    if mark is not None:
        written = written.replace(mark, "")
    elif written.count(".") > 1 or re.fullmatch(r"\d{1,4}(?:,\d{4})+", written):
        written = re.sub(r"\D", "", written)
    whole, _, behind = written.replace(",", ".").partition(".")
    return (whole + behind) or "0", len(behind)


def _scale(tail: str, unit: str) -> Fraction | None:
    """What a number is multiplied by for the word behind it; None for a word that says nothing of numbers."""
    if not tail or tail in UNITS or tail == unit:
        return Fraction(1)
    if unit in ("b", "byte", "bytes", "字节") and tail == "b":
        return Fraction(1)
    if tail in BYTES:
        return Fraction(BYTES[tail])
    for word, power in SCALES.items():
        rest = tail.removeprefix(word).strip()
        if tail.startswith(word) and (not rest or rest in UNITS or rest == unit):
            return Fraction(10) ** power
    return None


def _tensor(text: str) -> Reading | None:
    """Sizes with signs or blanks between them, in brackets or without; a batch N in front is left out."""
    wrapped = _WRAPPED.match(text)
    parts = _BETWEEN.split((wrapped[1] if wrapped else text).strip())
    if len(parts) > 1 and parts[0] == "N":
        parts = parts[1:]
    if not all(re.fullmatch(r"[+-]?\d{1,18}", part, re.ASCII) for part in parts):
        return None
    return Reading(tuple(map(int, parts)))


def _plain(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)


def _sizes(value: Value) -> tuple[int | float, ...]:
    return value if isinstance(value, tuple) else (value,)
