"""A spec's layers as text -> what one rule finds there, and the text after its fixes: for the tests of rules."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

from shapecalc.lint.fix import mend
from shapecalc.pipeline import check_text

if TYPE_CHECKING:
    from shapecalc.source.diagnostic import Diagnostic


def spec(layers: str, input: str = "[3, 32, 32]", more: str = "") -> str:
    """A whole document around some layers."""
    body = indent(dedent(layers).strip("\n"), "  ")
    return f"shapecalc: 1\nname: Net\ninput: {input}\n{dedent(more)}layers:\n{body}\n"


def found(text: str, code: str, **settings: object) -> list[Diagnostic]:
    """The findings of a code in a document that has no errors."""
    report = check_text(text, params=settings)
    assert not [d for d in report.diagnostics if d.severity == "error"]
    return [d for d in report.diagnostics if d.code == code]


def places(text: str, code: str, **settings: object) -> list[tuple[int, str]]:
    """Line and marked text of the findings of a code."""
    report = check_text(text, params=settings)
    return [(report.source.place(d.start)[0], text[d.start : d.end]) for d in found(text, code, **settings)]


def mended(text: str, unsafe: bool = True) -> str:
    """The text after all fixes."""
    return mend(check_text(text), lambda new: check_text(new), unsafe=unsafe).text


def module(text: str) -> Any:
    """The torch module of a document, with weights that are the same in every run."""
    import torch

    from shapecalc.torchside.build import build

    torch.manual_seed(0)
    return build(check_text(text))
