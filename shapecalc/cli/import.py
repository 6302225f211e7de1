"""`shapecalc import`: the spec of an nn.Module of the user's own, or of a package's."""
# ruff: noqa: N999 - commands lie in the module of their name, keyword or not

from __future__ import annotations

import ast
from importlib.util import find_spec
from typing import Any, TextIO

import click


@click.command("import")
@click.argument("target", metavar="MODULE:NAME")
@click.option(
    "--input",
    "shapes",
    multiple=True,
    required=True,
    metavar="[NAME=]SIZES[:DTYPE]",
    help="The shape of one sample, as 3,224,224; once for each argument of forward, as tokens=128:int64.",
)
@click.option("--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="Call MODULE:NAME with this argument.")
@click.option("-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File to write.")
def command(target: str, shapes: tuple[str, ...], arguments: tuple[str, ...], output: TextIO) -> int:
    """Write the spec of a torch.nn.Module: shapecalc import torchvision.models:resnet50 --input 3,224,224.

    This imports MODULE and calls NAME, a class, a function that makes a module, or a module itself, so it RUNS that
    code: import only what you would run. Specs never run any. The module's forward runs on tensors without data; what
    evaluation does not use (auxiliary heads, say) is left out, and said on standard error. MODULE may be a file, as
    nets/mine.py. Needs torch (pip install 'shapecalc-nn[torch]').
    """
    if find_spec("torch") is None:
        raise click.ClickException("import needs torch: pip install 'shapecalc-nn[torch]'")
    from shapecalc.torchside.importing.spec import import_module
    from shapecalc.torchside.importing.step import Untraceable
    from shapecalc.torchside.importing.target import WrongTarget, inputs_of, module_of

    try:
        module = module_of(target, dict(_argument(a) for a in arguments))
        made = import_module(module, inputs_of(module, shapes))
    except WrongTarget as error:
        raise click.UsageError(str(error)) from None
    except Untraceable as error:
        click.echo(f"shapecalc: {target}: {error}", err=True)
        return 1
    for note in made.notes:
        click.echo(f"shapecalc: {target}: {note}", err=True)
    output.write(made.text)
    return 0


def _argument(text: str) -> tuple[str, Any]:
    """`width=0.5` as a name and a Python literal; what is no literal is text."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise click.UsageError(f"--arg {text}: write NAME=VALUE")
    try:
        return name, ast.literal_eval({"true": "True", "false": "False", "null": "None"}.get(value, value))
    except (ValueError, SyntaxError):
        return name, value
