"""`shapecalc rule`: the manual page of a code, or of all."""

from __future__ import annotations

import click

from shapecalc.source.codes import CATALOGUE, OPTIONAL


@click.command("rule")
@click.argument("code", required=False, metavar="[CODE]")
@click.option("--all", "everything", is_flag=True, help="The pages of all codes, in their order.")
def command(code: str | None, everything: bool) -> int:
    """Print the manual page of a code (SC301) or name (bias-before-norm): why, bad, good, limits.

    Without a code, list all codes with their severities.
    """
    if everything:
        click.echo("\n\n".join(page_text(c) for c, *_ in CATALOGUE))
    elif code is None:
        width = max(len(name) for _, name, _, _ in CATALOGUE)
        for number, name, severity, text in CATALOGUE:
            optional = " (where selected)" if number in OPTIONAL else ""
            click.echo(f"{number}  {name:{width}}  {severity:7}  {text}{optional}")
    else:
        click.echo(page_text(_known(code)))
    return 0


def _known(wanted: str) -> str:
    from shapecalc.lint.selection import UnknownCode, codes_of

    try:
        found = codes_of(wanted if wanted in _names() else wanted.upper())
    except UnknownCode as unknown:
        raise click.UsageError(str(unknown)) from None
    if len(found) > 1:
        raise click.UsageError(f"{wanted} means {len(found)} codes: {', '.join(sorted(found))}")
    return next(iter(found))


def _names() -> set[str]:
    return {name for _, name, _, _ in CATALOGUE}


def page_text(code: str, level: int = 1) -> str:
    """The manual page as Markdown, its title a heading of that level."""
    from shapecalc.lint.registry import page

    name, severity, text = next(row[1:] for row in CATALOGUE if row[0] == code)
    mark = "#" * level
    head = f"{mark} {code} {name}\n\n{severity}: {text}."
    if code in OPTIONAL:
        head += f" Looked for only where it is selected: `--extend-select {code}`."
    sections = page(code).sections()
    parts = [
        f"{mark}# {heading}\n\n" + (f"```yaml\n{body}\n```" if heading in ("Bad", "Good") else body)
        for heading, body in sections.items()
        if heading
    ]
    return "\n\n".join([head, *parts])
