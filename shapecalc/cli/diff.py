"""`shapecalc diff A B`: what a change of an architecture changes, for review."""

from __future__ import annotations

import os
import sys
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.reading import broken, report_at
from shapecalc.cli.settings import settings_of
from shapecalc.render.paint import Paint, wants_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from shapecalc.analysis.compare import Comparison

BOUNDS = {
    "max_params_growth": "params",
    "max_macs_growth": "macs",
    "max_memory_growth": "peak_activation_bytes",
}


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> Fraction | None:
    """`5%` or `0.05` as 1/20, exactly, so that a growth of just as much is no more than that."""
    from fractions import Fraction

    if value is None:
        return None
    number = value.strip().removesuffix("%")
    try:
        if isfinite(float(number)):
            return Fraction(number) / (100 if number != value.strip() else 1)
    except ValueError:
        pass
    raise click.BadParameter(f"a share such as 5% or 0.05 is due, not {value!r}")


def _bound(name: str, what: str) -> Callable[[Any], Any]:
    return click.option(name, callback=_share, metavar="SHARE", help=f"Exit 1 where {what} grow by more: 5% or 0.05.")


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size of both.")
@click.option("--output-format", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@_bound("--max-params-growth", "parameters")
@_bound("--max-macs-growth", "MACs")
@_bound("--max-memory-growth", "peak activations")
@click.option("--exit-code", is_flag=True, help="Exit 1 where anything differs.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to colour.")
def command(before: str, after: str, assignments: tuple[str, ...], **options: Any) -> int:
    """Compare two specs: layers added, removed and changed, figures, and state_dict keys.

    Either may be - for standard input, so that `git show HEAD:net.yaml | shapecalc diff - net.yaml` shows a change. B
    may be a checkpoint (.pt, .pth, .ckpt, .bin, .safetensors): its keys and shapes are held against those of the spec
    A, exit 1 where it would not load. Pickles are read as weights only, so that nothing in them runs.
    """
    from shapecalc.analysis.compare import Comparison
    from shapecalc.torchside.weights import SUFFIXES

    settings = settings_of(assignments)
    if after.endswith(SUFFIXES):
        return _weighed(before, after, settings, options)
    reports = [report_at(path, settings) for path in (before, after)]
    # Of both, before any is given up. A network that breaks what was expected of the old one is what a review is for.
    faults = [broken(report, ("SC501",)) for report in reports]
    if any(faults):
        return 1
    comparison = Comparison(*reports)
    _print(comparison, options)
    breaches = list(_breaches(comparison, options))
    for text in breaches:
        click.echo(f"shapecalc: {text}", err=True)
    return int(bool(breaches) or (options["exit_code"] and not comparison.same))


def _weighed(path: str, checkpoint: str, settings: dict[str, Any], options: dict[str, Any]) -> int:
    """Hold a checkpoint against a spec."""
    from shapecalc.cli.weigh import against

    bound = next((name for name in BOUNDS if options[name] is not None), None)
    if bound is not None:
        raise click.UsageError(f"--{bound.replace('_', '-')} compares specs, and {checkpoint} is a checkpoint")
    report = report_at(path, settings)
    if broken(report):
        return 1
    return against(report, checkpoint, options)


def _print(comparison: Comparison, options: dict[str, Any]) -> None:
    from shapecalc.render.compare import comparison_object, render_markdown, render_text

    if options["output_format"] == "json":
        from shapecalc.render.json import laid_out

        click.echo(laid_out(comparison_object(comparison), ""))
    elif options["output_format"] == "markdown":
        click.echo(render_markdown(comparison), nl=False)
    else:
        click.echo(render_text(comparison, Paint(wants_colour(options["color"], os.environ, sys.stdout.isatty()))))


def _breaches(comparison: Comparison, options: dict[str, Any]) -> Iterator[str]:
    """What grows by more than is allowed, or cannot be told to keep its bound."""
    figures = {figure.key: figure for figure in comparison.figures}
    for option, key in BOUNDS.items():
        most, figure = options[option], figures[key]
        if most is None or figure.before == figure.after:
            continue
        name = key.replace("_", " ")
        if figure.growth is None:
            hint = "" if figure.before == 0 else "; --set the sizes"
            yield f"{name}: {figure.before} to {figure.after} cannot be held against {_percent(most)}{hint}"
        elif figure.after - figure.before > most * figure.before:
            yield f"{name} grow by {_percent(figure.growth)}, and at most {_percent(most)} is allowed"


def _percent(share: float | Fraction) -> str:
    return f"{float(share) * 100:.4g}%"
