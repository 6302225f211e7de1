"""`shapecalc predict`: what a trained network takes images for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.settings import settings_of
from shapecalc.cli.train import faultless, need, reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.analysis.report import Report


@click.command("predict")
@click.argument("path")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--weights", required=True, metavar="FILE", help="Weights: .safetensors, .pt, or a checkpoint.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(path: str, images: tuple[str, ...], assignments: tuple[str, ...], **given: Any) -> int:
    """Print the likeliest classes of each image.

    Images are made ready as those were that the network learned from, which the record beside the weights tells.
    """
    need("predict", "torch", "PIL")
    again = reader(path, settings_of(assignments))
    return 1 if again is None else faultless(lambda: _predict(again, images, given))


def _predict(again: Callable[..., Report], images: tuple[str, ...], given: dict[str, Any]) -> int:
    from shapecalc.torchside.training.predict import classified, trained_network
    from shapecalc.torchside.training.record import read_record

    weights = Path(given["weights"])
    record = read_record(weights)
    report = again((record.get("spec") or {}).get("sizes") or {})
    found = classified(report, trained_network(report, weights), images, record)
    if given["output_format"] == "json":
        import json

        rows = [{"path": p, "classes": [{"name": n, "probability": x} for n, x in told]} for p, told in found]
        click.echo(json.dumps({"schema_version": 1, "images": rows}, indent=2))
        return 0
    for path, told in found:
        click.echo(f"{path}: {', '.join(f'{name} {probability:.1%}' for name, probability in told)}")
    return 0
