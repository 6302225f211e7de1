"""`shapecalc eval`: figures of a trained network on held-out samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shapecalc.cli.extras import need
from shapecalc.cli.settings import settings_of
from shapecalc.cli.train import faultless, reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@click.command("eval")
@click.argument("path")
@click.option("--weights", required=True, metavar="FILE", help="Weights: .safetensors, .pt, or a checkpoint.")
@click.option("--data", "dataset", metavar="NAME", help="As for train.  [default: what the network learned from]")
@click.option("--data-dir", metavar="DIR", help="Folder of the IDX files of mnist or fashion-mnist.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option("--loss", help="By its name in torch.nn.")
@click.option("--classes", type=click.IntRange(1), help="Classes, where the data does not show them all.")
@click.option("--resize", type=click.IntRange(1), help="Size for the symbols of the input.")
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True)
@click.option("--no-cuda", is_flag=True, help="Stay on the CPU.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(path: str, assignments: tuple[str, ...], **given: Any) -> int:
    """Print loss and accuracy of trained weights on held-out samples."""
    need("eval", "train", "torch", "lightning")
    return faultless(lambda: _evaluate(path, settings_of(assignments), given))


def _evaluate(path: str, said: Mapping[str, Any], given: dict[str, Any]) -> int:
    from shapecalc.render import trained
    from shapecalc.torchside.training.predict import evaluate_held, trained_network
    from shapecalc.torchside.training.record import read_record, settled
    from shapecalc.torchside.training.task import make_task

    weights = Path(given["weights"])
    record = read_record(weights)
    settings = {**settled(record), **said}
    again = reader(path, settings)
    if again is None:
        return 1
    known = record.get("data") or {}
    plan = {key: given[key] for key in ("loss", "classes", "resize", "batch_size")}
    plan["dataset"] = given["dataset"] or (record.get("plan") or {}).get("dataset")
    plan["loss"] = given["loss"] or (record.get("plan") or {}).get("loss")
    options = {"data_dir": given["data_dir"], "settings": settings, "vocabulary": known.get("vocabulary")}
    task = make_task(again, plan, options)
    _check_classes(task.data.name, task.data.classes, known.get("classes") or [])
    if len(known.get("mean", [])) == len(task.fit.mean) and known.get("scale") == task.fit.scale:
        task.fit.mean, task.fit.std = known["mean"], known["std"]
    found = evaluate_held(task, trained_network(task.report, weights), "cpu" if given["no_cuda"] else "auto")
    if given["output_format"] == "json":
        import json

        click.echo(json.dumps({"schema_version": 1, "data": task.data.name, "samples": len(task.data.held), **found}))
    else:
        click.echo(trained.evaluated(task, found))
    return 0


def _check_classes(name: str, here: Sequence[str], known: Sequence[str]) -> None:
    """Raises Fault for data with other classes than the network learned, whose numbers would mean something else."""
    from shapecalc.torchside.training.fault import Fault

    both = zip(here, known, strict=False)
    for number, (one, other) in enumerate(both):
        if one != other:
            raise Fault(f"class {number} is {one} in {name}, {other} in what the network learned from")
