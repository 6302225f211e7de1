"""Every message that an explanation can say: those in the code, and those that are put together as it runs."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import shapecalc
from shapecalc.explain.letters import PLACES
from shapecalc.explain.words import Words
from shapecalc.source.codes import CATALOGUE

PACKAGE = Path(shapecalc.__file__).parent
SAYING = [*sorted((PACKAGE / "explain").glob("*.py")), PACKAGE / "render/explained.py", PACKAGE / "cli/explain.py"]


@cache
def literal() -> set[str]:
    """First arguments of `say("...")`, and capital constants of the rooms that hold a text to be said."""
    return {
        node.args[0].value
        for path in SAYING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "say"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def put_together() -> set[str]:
    """What is said through a variable: reasons, places, titles, meanings of letters, and of codes on sizes."""
    from shapecalc.explain import field, figures, trace

    reasons = {field.BRANCHES, field.PHASES, field.SAME, field.ALL, trace.UNTRACED, trace.FLOATS}
    places = {place for group in PLACES.values() for place in group} | {"batch", "channels", "input", "output"}
    titles = {title for title, _ in figures.SECTIONS.values()}
    letters = {"receptive field before", "jump before", "first position before", "bytes"}
    dues = {"This must be at least 0:", "This must be 0:", "the sum over all layers", "tied"}
    return reasons | places | titles | letters | dues | claims()


@cache
def claims() -> set[str]:
    """The meanings of the codes that needs of operators have."""
    found = {
        node.args[0].value
        for path in (PACKAGE / "ops").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Claim"
        and isinstance(node.args[0], ast.Constant)
    }
    return {text for code, _, _, text in CATALOGUE if code in found}


ELSEWHERE = ("Unknown", "Lost", "UnknownFact")
"""Who writes sentences on what cannot be known, in other rooms."""


@cache
def told_elsewhere() -> set[str]:
    """Those sentences, a 7 in each gap."""
    return {
        sentence
        for room in ("dims", "ops", "analysis")
        for path in (PACKAGE / room).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ELSEWHERE
        and node.args
        and (sentence := _filled(node.args[0]))
    }


def _filled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return ""


def missing_from(language: str) -> set[str]:
    return (literal() | put_together()) - set(Words(language).catalogue) | _untold(language)


def _untold(language: str) -> set[str]:
    say = Words(language)
    for sentence in told_elsewhere():
        say.told(sentence)
    return say.missing
