"""`shapecalc explain`: the working behind the numbers of a layer, or of a whole network."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from shapecalc.cli.reading import broken, report_at
from shapecalc.cli.settings import settings_of

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report
    from shapecalc.explain.page import Block
    from shapecalc.explain.words import Words

WHAT = ("output", "params", "macs", "field", "memory")


@click.command("explain")
@click.argument("path")
@click.argument("layer", required=False)
@click.option("--what", multiple=True, type=click.Choice(WHAT), help="What to explain, repeatable; all unless given.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="English or Chinese.")
@click.option(
    "--output-format",
    "form",
    type=click.Choice(["text", "markdown", "latex"]),
    default="text",
    help="How the page is written; latex needs amsmath.",
)
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--batch-size", type=click.IntRange(1), default=1, help="Samples in a batch.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Whether to colour.")
def command(
    path: str,
    layer: str | None,
    what: tuple[str, ...],
    lang: str,
    form: str,
    assignments: tuple[str, ...],
    batch_size: int,
    color: str,
) -> int:
    """Show the working behind each number: formula, numbers put in, arithmetic, rounding, answer.

    With a LAYER (its path, such as features.0) that layer in full and the way back to the input; without, every layer
    in short and the totals. A layer that cannot be is explained by the need that fails, and what would mend it.
    """
    from shapecalc.explain.words import Words

    report = report_at(path, settings_of(assignments), batch_size=batch_size)
    errors = broken(report)
    if report.graph is None:
        return 1
    _print(_page(report, layer, what or WHAT, Words(lang)), form, color)
    return int(errors)


def _page(report: Report, layer: str | None, what: tuple[str, ...], say: Words) -> list[Block]:
    from shapecalc.explain.network import layer_page, network_page

    if layer is None:
        return list(network_page(report, what, say))
    try:
        return list(layer_page(report, layer, what, say))
    except KeyError:
        from shapecalc.source.nearest import nearest

        near = nearest(layer, [found.path for found in report.layers])
        hint = f" Did you mean {near!r}?" if near else f" `shapecalc check {report.path}` lists them."
        raise click.UsageError(f"No such layer {layer!r}.{hint}") from None


def _print(blocks: list[Block], form: str, color: str) -> None:
    from shapecalc.render import explained
    from shapecalc.render.paint import Paint, wants_colour

    if form == "text":
        paint = Paint(wants_colour(color, os.environ, sys.stdout.isatty()))
        click.echo(explained.render_text(blocks, paint), color=True)
    else:
        click.echo(explained.render_markdown(blocks) if form == "markdown" else explained.render_latex(blocks))
