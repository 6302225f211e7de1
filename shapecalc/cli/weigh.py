"""A spec and a checkpoint -> whether the one loads the other, in the format that is asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.analysis.checkpoint import Checkpoint
    from shapecalc.analysis.report import Report


def against(report: Report, path: str, options: dict[str, Any]) -> int:
    """Print how a checkpoint fits a spec: 0 where every key and shape does, 1 where not."""
    from shapecalc.analysis.checkpoint import Checkpoint
    from shapecalc.torchside.weights import shapes_of

    found = Checkpoint(report, path, reading(shapes_of, path))
    said(found, options)
    return int(not found.fits)


def reading(read: Callable[[str], Any], path: str) -> Any:
    """What `read` gives of a checkpoint; what keeps it from that ends the run with one line."""
    from shapecalc.cli.extras import need
    from shapecalc.render.paint import printable
    from shapecalc.torchside.weights import SUFFIXES, Unreadable

    if not path.endswith(SUFFIXES):
        raise click.ClickException(f"{path}: a checkpoint ends with {', '.join(SUFFIXES)}")
    if not path.endswith(".safetensors"):
        need(f"{path}: reading it", "torch", "torch")
    try:
        return read(path)
    except Unreadable as reason:
        raise click.ClickException(printable(str(reason))) from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None


def said(found: Checkpoint, options: dict[str, Any], *, err: bool = False) -> None:
    """Print a comparison."""
    from shapecalc.render.checkpoint import checkpoint_object, render_markdown, render_text
    from shapecalc.render.paint import Paint, wants_colour

    if options["output_format"] == "json":
        from shapecalc.render.json import laid_out

        click.echo(laid_out(checkpoint_object(found), ""))
    elif options["output_format"] == "markdown":
        click.echo(render_markdown(found), nl=False)
    else:
        stream = sys.stderr if err else sys.stdout
        click.echo(render_text(found, Paint(wants_colour(options["color"], os.environ, stream.isatty()))), err=err)
