"""`shapecalc emit`: the equivalent module as source text."""

from __future__ import annotations

from typing import TextIO

import click

from shapecalc.cli.reading import broken, report_at
from shapecalc.cli.settings import settings_of


@click.command("emit")
@click.argument("path")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File to write.")
def command(path: str, assignments: tuple[str, ...], output: TextIO) -> int:
    """Print the torch.nn.Module that a spec, or - for standard input, stands for."""
    from shapecalc.codegen.module import emit

    report = report_at(path, settings_of(assignments))
    if broken(report):
        return 1
    try:
        text = emit(report)
    except ValueError as error:
        click.echo(str(error), err=True)
        return 1
    output.write(text)
    return 0
