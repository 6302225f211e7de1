"""One spec that a command is about: a path, or - for standard input, -> its report; what is wrong with it, said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from shapecalc.pipeline import check, check_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shapecalc.analysis.report import Report

STDIN = "<stdin>"


def report_at(path: str, settings: Mapping[str, Any], *, name: str = STDIN, batch_size: int = 1) -> Report:
    """The report of a spec; `name` is what standard input goes by. Raises ClickException for what cannot be read."""
    from shapecalc.source.text import decode

    if path != "-":
        try:
            return check(path, settings, batch_size=batch_size)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or error}") from None
    source, problem = decode(sys.stdin.buffer.read(), name)
    if source is None:
        raise click.ClickException(f"{name}: {problem.message if problem else 'cannot be read'}")
    return check_text(source.text, name, settings, batch_size=batch_size)


def broken(report: Report, passing: Collection[str] = ()) -> bool:
    """Whether the spec has errors of other codes than `passing`, which are then said on stderr, each with its line."""
    from shapecalc.analysis.verdict import Verdict

    verdict = Verdict(report)
    verdict.found = [f for f in verdict.found if f.severity == "error" and f.code not in passing]
    if not verdict.found:
        return False
    from shapecalc.render.text import render_full

    for text in render_full(verdict):
        click.echo(text, err=True)
    return True
