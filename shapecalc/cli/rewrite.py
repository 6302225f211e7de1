"""`shapecalc rewrite`: another network that computes the same, as a spec and with its weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.reading import broken, report_at
from shapecalc.cli.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.analysis.report import Report
    from shapecalc.rewrite.refusal import Refused
    from shapecalc.rewrite.rewrite import Rewriting


def _kind(name: str, what: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", "kinds", multiple=True, flag_value=name, help=what)


@click.command("rewrite")
@click.argument("path", metavar="SPEC")
@_kind("fc-to-conv", "A fully connected head as convolutions: maps on larger inputs.")
@_kind("conv-to-fc", "Convolutions that cover their whole map as a fully connected head.")
@_kind("fold-bn", "Batch norms folded into the layer before them: equal outputs in evaluation.")
@_kind("factor", "Kernels larger than 3 as rows of 3 x 3 ones: same shapes, new weights.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("-o", "--output", metavar="FILE", help="File to write the spec to.  [default: standard output]")
@click.option("--weights", metavar="FILE", help="Checkpoint of the spec: .pt, .pth or .safetensors.")
@click.option("--weights-out", metavar="FILE", help="File to write the rewritten network's state_dict to.")
def command(path: str, kinds: tuple[str, ...], assignments: tuple[str, ...], **options: Any) -> int:
    """Rewrite a spec, and a checkpoint of it, into a network that computes the same.

    The text is edited where it must be; the result is analysed again, and what cannot be done is refused with the
    reason and place. SPEC may be - for standard input.
    """
    kind = _one(kinds)
    if bool(options["weights"]) != bool(options["weights_out"]):
        raise click.UsageError("--weights and --weights-out go together")
    if kind == "factor" and options["weights"]:
        raise click.UsageError("--factor makes layers with weights of their own: there are none to carry over")
    return _run(path, kind, settings_of(assignments), options)


def _one(kinds: tuple[str, ...]) -> str:
    if len(set(kinds)) != 1:
        raise click.UsageError("name one of --fc-to-conv, --conv-to-fc, --fold-bn and --factor")
    return kinds[0]


def _run(path: str, kind: str, settings: dict[str, Any], options: dict[str, Any]) -> int:
    from shapecalc.rewrite.refusal import Refused
    from shapecalc.rewrite.rewrite import rewrite

    report = report_at(path, settings)
    if broken(report):
        return 1
    try:
        done = rewrite(report, kind, settings)
    except Refused as reason:
        click.echo(_refusal(report, reason, kind), err=True)
        return 1
    for note in _notes(done):
        click.echo(note, err=True)
    if options["weights"] and not _carry(report, done, options):
        return 1
    _write(done.text, options["output"])
    return 0


def _refusal(report: Report, reason: Refused, kind: str) -> str:
    from shapecalc.render.paint import printable

    place = "" if reason.start is None else ":{}:{}".format(*report.source.place(reason.start))
    layer = f" [{reason.layer}]" if reason.layer else ""
    return printable(f"{report.path}{place}: --{kind} cannot be done: {reason.message}{layer}")


def _notes(done: Rewriting) -> list[str]:
    from shapecalc.render.paint import printable

    fresh = ["the factored layers have weights of their own, which have to be trained"] if done.fresh else []
    return [printable(f"shapecalc: {note}") for note in (*fresh, *done.notes)]


def _carry(report: Report, done: Rewriting, options: dict[str, Any]) -> bool:
    """Write the weights of the rewritten network; whether the checkpoint is one of the spec."""
    from shapecalc.analysis.checkpoint import Checkpoint
    from shapecalc.cli.weigh import reading, said
    from shapecalc.torchside.transfer import transferred
    from shapecalc.torchside.weights import tensors_of, write

    entries = reading(tensors_of, options["weights"])
    shapes = {name: {key: tuple(t.shape) for key, t in tensors.items()} for name, tensors in entries.items()}
    found = Checkpoint(report, options["weights"], shapes)
    if not found.fits:
        said(found, {"output_format": "text", "color": "auto"}, err=True)
        return False
    tensors = {key: entries[found.entry][name] for key, name in found.names.items()}
    try:
        write(options["weights_out"], transferred(tensors, done))
    except OSError as error:
        raise click.ClickException(f"{options['weights_out']}: {error.strerror or error}") from None
    return True


def _write(text: str, output: str | None) -> None:
    if output is None or output == "-":
        sys.stdout.write(text)
        return
    from shapecalc.cli.mend import write_whole

    try:
        write_whole(output, text.encode("utf-8"))
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror or error}") from None
