"""`shapecalc op`: the manual page of an operator with its formulas, or the names of all."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shapecalc.explain.words import Words


@click.command("op")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--all", "everything", is_flag=True, help="The pages of all operators, in their order.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="English or Chinese headings.")
@click.option("--output-format", "form", type=click.Choice(["text", "markdown", "latex"]), default="text")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Whether to colour.")
def command(name: str | None, everything: bool, lang: str, form: str, color: str) -> int:
    """Print an operator's manual page: what it does, its arguments, and the formulas of its sizes and costs.

    Without a name, list all operators by family.
    """
    from shapecalc.explain.manual import families
    from shapecalc.explain.words import Words

    if name is None and not everything:
        for family, names in families():
            click.echo(f"{family:14}{' '.join(names)}")
        return 0
    names = [n for _, found in families() for n in found] if everything else [_known(str(name))]
    click.echo("\n\n".join(_written(each, Words(lang), form, color) for each in names), color=True)
    return 0


def _known(name: str) -> str:
    from shapecalc.ops.registry import MODULES
    from shapecalc.source.nearest import nearest

    if name in MODULES:
        return name
    near = nearest(name, MODULES)
    hint = f" Did you mean {near!r}?" if near else " `shapecalc op` lists them."
    raise click.UsageError(f"No such operator {name!r}.{hint}")


def _written(name: str, say: Words, form: str, color: str) -> str:
    from shapecalc.explain.manual import operator_page
    from shapecalc.render import explained
    from shapecalc.render.paint import Paint, wants_colour

    blocks = operator_page(name, say)
    if form == "text":
        return explained.render_text(blocks, Paint(wants_colour(color, os.environ, sys.stdout.isatty())))
    return explained.render_markdown(blocks) if form == "markdown" else explained.render_latex(blocks)
