"""`shapecalc import`: the spec of an nn.Module of the user's own, or of a package's."""
# ruff: noqa: N999 - commands lie in the module of their name, keyword or not

from __future__ import annotations

import ast
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn


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

    module = _module(target, dict(_argument(a) for a in arguments))
    try:
        made = import_module(module, _inputs(module, shapes))
    except Untraceable as error:
        click.echo(f"shapecalc: {target}: {error}", err=True)
        return 1
    for note in made.notes:
        click.echo(f"shapecalc: {target}: {note}", err=True)
    output.write(made.text)
    return 0


def _module(target: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The module that MODULE:NAME names or makes."""
    from torch import nn

    place, _, name = target.rpartition(":")
    if not place or not name:
        raise click.UsageError(f"{target!r} names nothing: write MODULE:NAME, as torchvision.models:resnet50")
    found: Any = _loaded(place)
    for part in name.split("."):
        if not hasattr(found, part):
            raise click.ClickException(f"{place} has no {name!r}")
        found = getattr(found, part)
    made = found if isinstance(found, nn.Module) else _called(found, target, arguments)
    if not isinstance(made, nn.Module):
        raise click.ClickException(f"{target} is {type(made).__name__}, not a torch.nn.Module")
    return made


def _called(maker: Any, target: str, arguments: Mapping[str, Any]) -> Any:
    try:
        return maker(**arguments)
    except Exception as error:
        raise click.ClickException(f"{target} cannot be called: {type(error).__name__}: {error}") from error


def _loaded(place: str) -> Any:
    """The Python module of a dotted name or a file; the current folder is searched, as `python -m` does."""
    from importlib import import_module

    folder, file = os.path.split(place)
    if file.endswith(".py"):
        place = file.removesuffix(".py")
    else:
        folder = ""
    sys.path.insert(0, folder or os.getcwd())
    try:
        return import_module(place)
    except Exception as error:
        raise click.ClickException(f"{place} cannot be imported: {type(error).__name__}: {error}") from error


def _argument(text: str) -> tuple[str, Any]:
    """`width=0.5` as a name and a Python literal; what is no literal is text."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise click.UsageError(f"--arg {text}: write NAME=VALUE")
    try:
        return name, ast.literal_eval({"true": "True", "false": "False", "null": "None"}.get(value, value))
    except (ValueError, SyntaxError):
        return name, value


def _inputs(module: nn.Module, shapes: tuple[str, ...]) -> Any:
    from shapecalc.torchside.importing.spec import argument_names

    names = argument_names(module, len(shapes))
    return dict(_input(text, name) for text, name in zip(shapes, names, strict=True))


def _input(text: str, name: str) -> tuple[str, Any]:
    """`tokens=128:int64` as a name, a shape with the batch in front, and a dtype."""
    import torch

    before, sign, rest = text.rpartition("=")
    sizes, _, dtype = rest.partition(":")
    known = getattr(torch, dtype or "float32", None)
    try:
        shape = tuple(int(n) for n in sizes.strip("[] ").split(",") if n.strip())
    except ValueError:
        raise click.UsageError(f"--input {text}: sizes are integers with commas between, as 3,224,224") from None
    if not isinstance(known, torch.dtype):
        raise click.UsageError(f"--input {text}: {dtype} is no dtype of torch")
    return before if sign else name, ((None, *shape), known)
