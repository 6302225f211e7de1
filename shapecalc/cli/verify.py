"""`shapecalc verify`: torch itself confirms every figure."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.settings import settings_of
from shapecalc.pipeline import check

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report
    from shapecalc.torchside.verify import Verification


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]), help="Where to run.")
@click.option("--batch-size", default=2, show_default=True, type=click.IntRange(1), help="Samples of the forward pass.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights and inputs.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Print what agrees, too.")
def command(paths: tuple[str, ...], assignments: tuple[str, ...], **options: Any) -> int:
    """Build the emitted module, run it, and compare shapes, tensors by name, FLOPs, kept bytes and receptive fields.

    Needs torch (pip install 'shapecalc-nn[torch]'). A spec with symbols is verified at several sizes, legal ones and
    the nearest illegal ones, which torch must refuse.
    """
    if find_spec("torch") is None:
        raise click.ClickException("verify needs torch: pip install 'shapecalc-nn[torch]'")
    settings = settings_of(assignments)
    found: list[Verification] = []
    broken = False
    for path in paths:
        try:
            report = check(path, settings)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or error}") from None
        if any(d.severity == "error" for d in report.diagnostics):
            broken = True
            _complain(report)
            continue
        found += _verified(report, options)
    _print(found, options)
    return int(broken or not all(v.ok for v in found))


def _verified(report: Report, options: dict[str, Any]) -> list[Verification]:
    from shapecalc.torchside.sizes import legal_choices, refused
    from shapecalc.torchside.verify import verify

    done = [
        verify(report, sizes, device=options["device"], batch=options["batch_size"], seed=options["seed"])
        for sizes in legal_choices(report)
    ]
    done[0].findings += refused(report)
    return done


def _complain(report: Report) -> None:
    from shapecalc.render.text import render_full

    for text in render_full(report):
        click.echo(text, err=True)


def _print(found: list[Verification], options: dict[str, Any]) -> None:
    if options["output_format"] == "json":
        import json

        click.echo(json.dumps([_object(v) for v in found], indent=2))
        return
    for verification in found:
        _text(verification, options["verbose"])


def _object(verification: Verification) -> dict[str, Any]:
    return {
        "path": verification.report.path,
        "sizes": dict(verification.sizes),
        "device": verification.device,
        "ok": verification.ok,
        "findings": [
            {"layer": f.layer, "what": f.what, "ours": f.ours, "torch": f.theirs, "verdict": f.verdict}
            for f in verification.findings
        ],
    }


def _text(verification: Verification, verbose: bool) -> None:
    verdicts = [f.verdict for f in verification.findings]
    sizes = " ".join(f"{k}={v}" for k, v in verification.sizes.items())
    title = " ".join(filter(None, [verification.report.path, sizes]))
    agree, differ = verdicts.count("agrees"), verdicts.count("differs")
    click.echo(f"{title}: {agree} figures agree with torch, {differ} differ, {len(verdicts) - agree - differ} not told")
    for f in verification.findings:
        if f.verdict == "agrees" and not verbose:
            continue
        where = f"{f.layer}: " if f.layer else ""
        click.echo(
            f"  {where}{f.what}: {f.verdict}: ours {f.ours}, torch {f.theirs}"
            if f.verdict != "agrees"
            else f"  {where}{f.what}: {f.ours}"
        )
