"""`shapecalc verify`: torch itself confirms every figure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.extras import need
from shapecalc.cli.reading import STDIN, broken, report_at
from shapecalc.cli.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.analysis.report import Report
    from shapecalc.torchside.verify import Verification


@click.command("verify")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option(
    "--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda", "meta"]), help="Where to run."
)
@click.option("--batch-size", default=2, show_default=True, type=click.IntRange(1), help="Samples of the forward pass.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights, inputs and places that are probed.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--stdin-filename", metavar="PATH", help="Name that messages give to standard input.")
@click.option("-v", "--verbose", is_flag=True, help="Print a table of all layers, too.")
def command(paths: tuple[str, ...], assignments: tuple[str, ...], **options: Any) -> int:
    """Build the emitted module, run it, and compare shapes, tensors by name, FLOPs, kept bytes and receptive fields.

    Files, directories, or - for standard input (default: the directory here). Needs torch
    (pip install 'shapecalc-nn[torch]'). A spec with symbols is verified at several sizes, legal ones and the nearest
    illegal ones, which torch must refuse. On the meta device, which is taken for what is too large to run, shapes,
    tensors and FLOPs are compared; on cuda the peak of a training step, too.
    """
    need("verify", "torch", "torch")
    _check_device(options["device"])
    run = _Run(settings_of(assignments), options)
    found = [done for path in _files(paths or (".",)) for done in run.of(path)]
    _print(found, options)
    return run.status(found)


def _check_device(device: str) -> None:
    from shapecalc.torchside.run import has_cuda

    if device == "cuda" and not has_cuda():
        raise click.UsageError("--device cuda: torch sees no CUDA device here")


def _files(named: tuple[str, ...]) -> Iterator[str]:
    for path in dict.fromkeys(named):
        if os.path.isdir(path):
            from shapecalc.cli.files import spec_files

            yield from spec_files(path)
        else:
            yield path


class _Run:
    """What one run of the command met with beside findings: files that are missing or have errors."""

    def __init__(self, settings: Mapping[str, Any], options: dict[str, Any]) -> None:
        self.settings = settings
        self.options = options
        self.missing = False
        self.broken = False

    def of(self, path: str) -> list[Verification]:
        """The verifications of a file, one for each choice of sizes; what is wrong with the file is told."""
        try:
            report = report_at(path, self.settings, name=self.options["stdin_filename"] or STDIN)
        except click.ClickException as missing:
            click.echo(f"shapecalc: {missing.message}", err=True)
            self.missing = True
            return []
        if broken(report):
            self.broken = True
            return []
        return _verified(report, self.options)

    def status(self, found: list[Verification]) -> int:
        return 2 if self.missing else int(self.broken or not all(v.ok for v in found))


def _verified(report: Report, options: dict[str, Any]) -> list[Verification]:
    from shapecalc.codegen.module import made_with
    from shapecalc.torchside.sizes import legal_choices, refused, settled
    from shapecalc.torchside.verify import META, verify

    symbolic = not made_with(report)  # else there is a module for each choice of sizes
    chosen = [(report if symbolic else settled(report, sizes), sizes) for sizes in legal_choices(report)]
    done = [
        verify(numbers, sizes, device=options["device"], batch=options["batch_size"], seed=options["seed"])
        for numbers, sizes in chosen
        if not numbers.has_errors
    ]
    if symbolic and done[0].findings and done[0].device != META:  # the meta device lets faults through
        done[0].findings += refused(report)
    return done


def _print(found: list[Verification], options: dict[str, Any]) -> None:
    if options["output_format"] == "json":
        import json

        document = {"schema_version": 1, "networks": [_object(v) for v in found], "ok": all(v.ok for v in found)}
        click.echo(json.dumps(document, indent=2))
        return
    from shapecalc.render.verified import render_nodes, render_verified

    for verification in found:
        click.echo("\n".join(render_verified(verification)))
        if options["verbose"]:
            click.echo("\n".join(render_nodes(verification)))


def _object(verification: Verification) -> dict[str, Any]:
    return {
        "path": verification.report.path,
        "sizes": dict(verification.sizes),
        "device": verification.device,
        "batch": verification.batch,
        "ok": verification.ok,
        "notes": verification.notes,
        "findings": [
            {
                "layer": f.layer,
                "what": f.what,
                "ours": f.ours,
                "torch": f.theirs,
                "verdict": f.verdict,
                "reason": f.reason,
            }
            for f in verification.findings
        ],
    }
