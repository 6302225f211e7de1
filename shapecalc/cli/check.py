"""`shapecalc check`: the main job."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from shapecalc.pipeline import analyse, check
from shapecalc.render.paint import Paint, wants_colour
from shapecalc.source.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.analysis.report import Report

FORMATS = ("table", "concise", "full", "json")
LEVELS = {
    "error": ("error",),
    "warning": ("error", "warning"),
    "info": ("error", "warning", "info"),
    "never": (),
}
STDIN = "<stdin>"


def _columns(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    from shapecalc.render.table import BY_KEY, DEFAULT

    keys: list[str] = []
    for key in value.replace(" ", "").split(","):
        keys += DEFAULT if key == "default" else BY_KEY if key == "all" else [key]
    for key in keys:
        if key not in BY_KEY:
            raise click.BadParameter(f"no column {key!r}; there are {', '.join(BY_KEY)}, and default, all")
    return tuple(dict.fromkeys(keys))


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--output-format", type=click.Choice(FORMATS), help="Default: table for one file, concise for several.")
@click.option(
    "--columns",
    callback=_columns,
    help="Columns of the table, by comma; `default` and `all` are sets of them.",
)
@click.option("--sort", metavar="COLUMN", help="Sort the table by a column, largest first.")
@click.option(
    "--fail-on",
    type=click.Choice(list(LEVELS)),
    default="warning",
    show_default=True,
    help="Least severity that fails.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option("--stdin-filename", metavar="PATH", help="Name that messages give to standard input.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to colour.")
@click.option("-q", "--quiet", is_flag=True, help="Print diagnostics only.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check specs: files, directories, or - for standard input (default: the directory here).

    Prints the layer table and totals of one file, or a line for each of several, and every diagnostic.
    """
    _check_sort(options["sort"])
    settings = _settings(options["assignments"])
    named = paths or (".",)
    single = len(named) == 1 and not os.path.isdir(named[0])
    reports, missing = _reports(named, settings, options["stdin_filename"])
    if not reports and not missing:
        click.echo(f"shapecalc: no specs below {', '.join(named)} (YAML files with a line `shapecalc: 1`)", err=True)
    _print(reports, options["output_format"] or ("table" if single else "concise"), options)
    if missing:
        return 2
    failing = LEVELS[options["fail_on"]]
    found = any(d.severity in failing for r in reports for d in r.diagnostics)
    return int(found and not options["exit_zero"])


def _settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    if not assignments:
        return {}
    from shapecalc.cli.settings import settings_of

    return settings_of(assignments)


def _check_sort(sort: str | None) -> None:
    if sort is None:
        return
    from shapecalc.render.table import SORTABLE

    if sort not in SORTABLE:
        raise click.UsageError(f"--sort takes one of {', '.join(SORTABLE)}, not {sort!r}")


def _reports(named: Sequence[str], settings: dict[str, Any], stdin_name: str | None) -> tuple[list[Report], bool]:
    """A report for each file, and whether a file that was named could not be read."""
    reports: list[Report] = []
    missing = False
    for path in _files(named):
        try:
            reports.append(_stdin(settings, stdin_name) if path == "-" else check(path, settings))
        except OSError as error:
            click.echo(f"shapecalc: {path}: {error.strerror or error}", err=True)
            missing = True
    return reports, missing


def _files(named: Sequence[str]) -> Iterator[str]:
    for path in dict.fromkeys(named):
        if os.path.isdir(path):
            from shapecalc.cli.files import spec_files

            yield from spec_files(path)
        else:
            yield path


def _stdin(settings: dict[str, Any], name: str | None) -> Report:
    from shapecalc.analysis.report import Report
    from shapecalc.source.text import Source

    path = name or STDIN
    source, problem = decode(sys.stdin.buffer.read(), path)
    return Report(Source(path, ""), None, [problem]) if source is None and problem else analyse(source, settings)  # type: ignore[arg-type]


def _print(reports: list[Report], form: str, options: dict[str, Any]) -> None:
    paint = Paint(wants_colour(options["color"], os.environ, sys.stdout.isatty()))
    if form == "json":
        from shapecalc.render.json import render_json

        _out(render_json(reports))
    elif form == "concise":
        _concise(reports, options["quiet"], paint)
    else:
        for report in reports:
            _one(report, form, options, paint)
        _found(reports, options["quiet"])


def _concise(reports: list[Report], quiet: bool, paint: Paint) -> None:
    from shapecalc.render.text import render_concise, render_summary

    for report in reports:
        if report.graph is not None and not quiet:
            _out(render_summary(report))
        for line in render_concise(report, paint):
            _out(line)
    _found(reports, quiet)


def _one(report: Report, form: str, options: dict[str, Any], paint: Paint) -> None:
    if form == "table" and (report.layers or (report.graph and report.ok)) and not options["quiet"]:
        from shapecalc.render.table import DEFAULT, render_table

        columns = _terminal_width()
        _out(render_table(report, options["columns"] or DEFAULT, options["sort"], columns, paint))
    if report.diagnostics:
        from shapecalc.render.text import render_full

        for text in render_full(report, paint):
            _out("\n" + text if form == "table" and not options["quiet"] else text)


def _found(reports: list[Report], quiet: bool) -> None:
    if not reports or quiet or not any(r.diagnostics for r in reports):
        return
    from shapecalc.render.text import found_line

    _out(found_line(reports))


def _terminal_width() -> int | None:
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _out(text: str) -> None:
    """Write a line; what the terminal's encoding lacks is replaced rather than refused."""
    try:
        sys.stdout.write(text + "\n")
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
