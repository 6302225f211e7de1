"""`shapecalc predict`: what a trained network takes images for, the masks it paints, the text it goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.extras import need
from shapecalc.cli.settings import settings_of
from shapecalc.cli.train import faultless, reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.analysis.report import Report

TOPK = "Likeliest classes that are told of an image [default: 3], or tokens that are drawn among [default: all]."
FOLDER = "Folder of the masks.  [default: each beside its image]"


@click.command("predict")
@click.argument("path")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--weights", required=True, metavar="FILE", help="Weights: .safetensors, .pt, or a checkpoint.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--topk", type=click.IntRange(1), help=TOPK)
@click.option("-o", "--output", metavar="DIR", help=FOLDER)
@click.option("--length", type=click.IntRange(1), default=200, show_default=True, help="Tokens that a text goes on.")
@click.option("--temperature", type=click.FloatRange(0), default=1.0, show_default=True, help="0: the likeliest token.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the tokens that are drawn.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(path: str, inputs: tuple[str, ...], assignments: tuple[str, ...], **given: Any) -> int:
    """Print the likeliest classes of images, write the mask of each, or go on with a text.

    INPUT is an image, or the beginning of a text for a network of tokens. Sizes and how images are made ready are taken
    from the record beside the weights, so that they are those of training.
    """
    need("predict", "train", "torch", "PIL")
    return faultless(lambda: _predict(path, inputs, settings_of(assignments), given))


def _predict(path: str, inputs: tuple[str, ...], settings: Mapping[str, Any], given: dict[str, Any]) -> int:
    from shapecalc.torchside.training.predict import asked, trained_network
    from shapecalc.torchside.training.record import read_record, settled

    weights = Path(given["weights"])
    record = read_record(weights)
    again = reader(path, {**settled(record), **settings})
    if again is None:
        return 1
    report = again({})
    kind = asked(report, record)
    told = TOLD[kind](report, trained_network(report, weights), inputs, record, given)
    if given["output_format"] == "json":
        import json

        what = "texts" if kind == "text" else "images"
        click.echo(json.dumps({"schema_version": 1, what: [row for row, _ in told]}, indent=2, ensure_ascii=False))
        return 0
    for _, line in told:
        click.echo(line)
    return 0


Told = list[tuple[dict[str, Any], str]]
"""For each input what a program reads, and the line for people."""


def _classes(
    report: Report, network: Any, images: tuple[str, ...], record: Mapping[str, Any], given: dict[str, Any]
) -> Told:
    from shapecalc.torchside.training.predict import MOST, classified

    found = classified(report, network, images, record, given["topk"] or MOST)
    return [
        (
            {"path": path, "classes": [{"name": n, "probability": p} for n, p in told]},
            f"{path}: {', '.join(f'{name} {probability:.1%}' for name, probability in told)}",
        )
        for path, told in found
    ]


def _values(
    report: Report, network: Any, images: tuple[str, ...], record: Mapping[str, Any], given: dict[str, Any]
) -> Told:
    from shapecalc.torchside.training.predict import outputs

    found = [(path, y.tolist()) for path, y in outputs(report, network, images, record)]
    return [({"path": p, "values": values}, f"{p}: {', '.join(f'{v:.6g}' for v in values)}") for p, values in found]


def _masks(
    report: Report, network: Any, images: tuple[str, ...], record: Mapping[str, Any], given: dict[str, Any]
) -> Told:
    from shapecalc.torchside.training.mask import painted

    folder = Path(given["output"]) if given["output"] else None
    return [
        (
            {"path": path, "mask": str(mask), "shares": {str(i): s for i, s in shares.items()}},
            f"{path}: {mask} ({', '.join(f'class {i} {share:.1%}' for i, share in shares.items())})",
        )
        for path, mask, shares in painted(report, network, images, record, folder)
    ]


def _texts(
    report: Report, network: Any, beginnings: tuple[str, ...], record: Mapping[str, Any], given: dict[str, Any]
) -> Told:
    from shapecalc.torchside.training.speak import Wording, spoken

    wording = Wording(given["length"], given["temperature"], given["topk"], given["seed"])
    found = [spoken(report, network, beginning, record, wording) for beginning in beginnings]
    blank = "" if (record.get("data") or {}).get("vocabulary") else " "
    return [({"beginning": said, "goes_on": more}, f"{said}{blank}{more}") for said, more in found]


TOLD = {"classes": _classes, "values": _values, "masks": _masks, "text": _texts}
