"""`shapecalc emit`: the equivalent module as source text."""

from __future__ import annotations

from typing import TextIO

import click

from shapecalc.cli.settings import settings_of
from shapecalc.pipeline import check


@click.command("emit")
@click.argument("path")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File to write.")
def command(path: str, assignments: tuple[str, ...], output: TextIO) -> int:
    """Print the torch.nn.Module that a spec stands for."""
    from shapecalc.analysis.verdict import Verdict
    from shapecalc.codegen.module import emit
    from shapecalc.render.text import render_full

    try:
        report = check(path, settings_of(assignments))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    try:
        text = emit(report)
    except ValueError as error:
        for text in (*render_full(Verdict(report)), str(error)):
            click.echo(text, err=True)
        return 1
    output.write(text)
    return 0
