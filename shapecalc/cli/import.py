"""`shapecalc import`: the spec of an nn.Module of the user's own, or of a package's, or of an ONNX file."""
# ruff: noqa: N999 - commands lie in the module of their name, keyword or not

from __future__ import annotations

import ast
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

import click

from shapecalc.cli.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.onnxside.spec import ImportedFile
    from shapecalc.torchside.importing.document import Imported


@click.command("import")
@click.argument("target", metavar="MODULE:NAME|FILE.onnx")
@click.option(
    "--input",
    "shapes",
    multiple=True,
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

    Or write the spec of an ONNX file: shapecalc import resnet18.onnx. That runs nothing of the file. The first axis of
    each input is the batch; --input tells sizes that the file leaves open. Needs onnx (pip install
    'shapecalc-nn[onnx]').
    """
    if target.lower().endswith(".onnx") and (":" not in target or os.path.exists(target)):
        return _of_file(target, shapes, arguments, output)
    if not shapes:
        raise click.UsageError("Missing option '--input'.")
    need("import", "torch", "torch")
    from shapecalc.torchside.importing.spec import import_module
    from shapecalc.torchside.importing.target import WrongTarget, inputs_of, module_of

    def make() -> Imported:
        module = module_of(target, dict(_argument(a) for a in arguments))
        return import_module(module, inputs_of(module, shapes))

    try:
        return _written(target, make, output)
    except WrongTarget as error:
        raise click.UsageError(str(error)) from None


def _of_file(path: str, shapes: tuple[str, ...], arguments: tuple[str, ...], output: TextIO) -> int:
    if arguments:
        raise click.UsageError("--arg is for MODULE:NAME, as an ONNX file is not called")
    if find_spec("onnx") is None:
        raise click.UsageError("import of an ONNX file needs onnx: pip install 'shapecalc-nn[onnx]'")
    from shapecalc.onnxside.file import Unreadable
    from shapecalc.onnxside.spec import import_file

    sizes = dict(_sizes(text) for text in shapes)
    try:
        return _written(path, lambda: import_file(path, sizes), output)
    except Unreadable as error:
        click.echo(f"shapecalc: {path}: {error}", err=True)
        return 2


def _written(target: str, make: Callable[[], Imported | ImportedFile], output: TextIO) -> int:
    """Write the text of what is made, and its notes to standard error; 1 where it cannot be followed."""
    from shapecalc.torchside.importing.step import Untraceable

    try:
        made = make()
    except Untraceable as error:
        click.echo(f"shapecalc: {target}: {error}", err=True)
        return 1
    for note in made.notes:
        click.echo(f"shapecalc: {target}: {note}", err=True)
    output.write(made.text)
    return 0


def _sizes(text: str) -> tuple[str, tuple[int, ...]]:
    """`x=3,224,224` as a name, empty where none is given, and sizes."""
    name, _, sizes = text.rpartition("=")
    try:
        found = tuple(int(n) for n in sizes.strip("[] ").split(",") if n.strip())
    except ValueError:
        raise click.UsageError(f"--input {text}: sizes are integers with commas between, as 3,224,224") from None
    if not found or min(found) < 1:
        raise click.UsageError(f"--input {text}: sizes are integers of at least 1 with commas between, as 3,224,224")
    return name, found


def _argument(text: str) -> tuple[str, Any]:
    """`width=0.5` as a name and a Python literal; what is no literal is text."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise click.UsageError(f"--arg {text}: write NAME=VALUE")
    try:
        return name, ast.literal_eval({"true": "True", "false": "False", "null": "None"}.get(value, value))
    except (ValueError, SyntaxError):
        return name, value
