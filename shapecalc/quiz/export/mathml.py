"""LaTeX of a working -> MathML, which browsers show without a script; knows only what `explain.writing` writes.

Whatever else stands there gives None, and the caller shows the arithmetic as text.
"""

from __future__ import annotations

import re
from html import escape

_TOKEN = re.compile(
    r"\\text\{(?:[^{}\\]|\\[_#%&$])*\}|"  # words, blanks and all
    r"\\(?:left|right)(?![A-Za-z])\s*(?:\\[a-z]+|\S)|\\[A-Za-z]+|\\.|\d+(?:,\d{3})*(?:\.\d+)?|[A-Za-z]|[{}_^=+*/()<>,.|%:-]|\s+|."
)
_SIGNS = {r"\cdot": "⋅", r"\times": "×", r"\bmod": "mod", r"\le": "≤", r"\ge": "≥", r"\approx": "≈", r"\to": "→",
          r"\Rightarrow": "⇒", r"\dots": "…", r"\leftarrow": "←", r"\rightarrow": "→", r"\ne": "≠", "-": "−", "*": "∗",
          r"\%": "%"}  # fmt: skip
_SPACES = {r"\quad": "1em", r"\qquad": "2em", r"\;": ".28em", r"\,": ".17em", r"\ ": ".33em"}
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉",
           r"\{": "{", r"\}": "}", "|": "|"}  # fmt: skip
_WORDS = (r"\min", r"\max", r"\log")
_UPRIGHT = {r"\mathrm": "normal", r"\mathtt": "monospace"}


class Strange(Exception):
    """LaTeX that is not known here."""


def mathml(latex: str) -> str | None:
    """A `math` element, or None.

    >>> mathml("k - 1")
    '<math displaystyle="true"><mi>k</mi><mo>−</mo><mn>1</mn></math>'
    """
    reader = _Reader([t for t in _TOKEN.findall(latex) if t.strip()])
    try:
        inner = reader.row()
    except Strange:
        return None
    return None if reader.tokens else f'<math displaystyle="true">{inner}</math>'


class _Reader:
    """Reads tokens from the front of a list."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def take(self) -> str:
        if not self.tokens:
            raise Strange
        return self.tokens.pop()

    def row(self, end: str = "") -> str:
        """Everything up to a token of a pattern: the brace that ends a group, or a right bracket."""
        found = ""
        while self.tokens and not self._ends(end):
            found += self.scripted()
        return found

    def _ends(self, end: str) -> bool:
        return bool(end) and re.match(end, self.tokens[-1]) is not None

    def scripted(self) -> str:
        """One piece with what stands below or above it."""
        piece = self.piece()
        while self.tokens and self.tokens[-1] in ("_", "^"):
            tag = "msub" if self.take() == "_" else "msup"
            piece = f"<{tag}>{piece}{self.piece()}</{tag}>"
        return piece

    def piece(self) -> str:
        token = self.take()
        if token == "{":
            return f"<mrow>{self._until('}')}</mrow>"
        if token == r"\frac":
            return f"<mfrac>{self.piece()}{self.piece()}</mfrac>"
        if token in _UPRIGHT:
            return f'<mi mathvariant="{_UPRIGHT[token]}">{self._word()}</mi>'
        if token.startswith(r"\text{"):
            return f"<mtext>{_text(token[6:-1])}</mtext>"
        if re.match(r"\\left(?![a-z])", token):
            inner = self.row(r"\\right(?![a-z])")
            return f"<mrow>{_fence(token[5:])}{inner}{_fence(self.take()[6:])}</mrow>"
        return _single(token)

    def _until(self, end: str) -> str:
        inner = self.row(end)
        self.take()
        return inner

    def _word(self) -> str:
        """The letters of an upright word."""
        if self.take() != "{":
            raise Strange
        found = ""
        while (token := self.take()) != "}":
            if token.startswith("\\") and token != r"\_":
                raise Strange
            found += token.removeprefix("\\")
        return escape(found)


def _text(words: str) -> str:
    r"""The words of a `\text`; MathML drops blanks at its ends unless they hold."""
    return escape(re.sub(r"\\(.)", r"\1", words)).replace(" ", "&#160;")


def _fence(token: str) -> str:
    sign = _FENCES.get(token.strip())
    if sign is None:
        raise Strange
    return f'<mo fence="true">{sign}</mo>'


def _single(token: str) -> str:
    if token in _SIGNS:
        return f"<mo>{_SIGNS[token]}</mo>"
    if token in _SPACES:
        return f'<mspace width="{_SPACES[token]}"/>'
    if token in _WORDS:
        return f"<mi>{token[1:]}</mi>"
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token.isalpha():
        return f"<mi>{escape(token)}</mi>"
    if token in ("=", "+", "/", "(", ")", "<", ">", ",", ".", ":", "%"):
        return f"<mo>{escape(token)}</mo>"
    raise Strange
