"""A run -> its JSON record, its weights and its curves, each written whole or not at all."""

from __future__ import annotations

import json
import os
import platform
from typing import TYPE_CHECKING, Any

import torch

from shapecalc import __version__
from shapecalc.torchside.training.fault import Fault, why
from shapecalc.torchside.training.task import spec_hash
from shapecalc.torchside.weights import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from shapecalc.analysis.report import Report
    from shapecalc.torchside.training.task import Task

RECORD = "record.json"
CURVES = "curves.png"
PAGE = "report.html"


def write_whole(path: Path, written: Callable[[str], None]) -> None:
    """Let a file be written beside its place and move it there. Raises Fault."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        written(str(unfinished))
        os.replace(unfinished, path)
    except (OSError, RuntimeError) as error:
        unfinished.unlink(missing_ok=True)
        raise Fault(f"{path} cannot be written: {why(error)}") from None


def record(task: Task, epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What there is to know of a run, of plain values."""
    import lightning

    report, data = task.report, task.data
    return {
        "schema_version": 1,
        "spec": {
            "path": report.path,
            "name": report.name,
            "sha256": spec_hash(report),
            "set": task.settings,
            "sizes": task.sizes,
        },
        "versions": {
            "shapecalc": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        },
        "device": device,
        "params": report.totals.params if isinstance(report.totals.params, int) else None,
        "seed": task.plan["seed"],
        "plan": {**task.plan.values, "batch_size": task.batch, "loss": type(task.loss()).__name__},
        "data": {
            "name": data.name,
            "learn": len(data.learn),
            "held": len(data.held),
            "kind": data.kind,
            "count": data.count,
            "classes": data.classes,
            "vocabulary": data.vocabulary,
            "scale": data.scale,
            "mean": data.mean,
            "std": data.std,
        },
        "best": dict(best),
        "epochs": [dict(e) for e in epochs],
    }


def write_record(folder: Path, found: Mapping[str, Any]) -> None:
    """The record beside the checkpoints."""
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / RECORD, lambda path: _write_text(path, text))


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_page(folder: Path, report: Report, found: Mapping[str, Any], interrupted: bool) -> None:
    """The run as one page for people: what was reached, curves, settings and layers."""
    from shapecalc.render.runpage import run_page

    text = run_page(report, found, interrupted)
    write_whole(folder / PAGE, lambda path: _write_text(path, text))


def read_record(weights: Path) -> dict[str, Any]:
    """The record beside a file of weights; empty where there is none that can be read."""
    try:
        found = json.loads((weights.parent / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def settled(found: Mapping[str, Any]) -> dict[str, Any]:
    """Params and sizes that a run was given, or chose for its data: whoever uses its weights wants the same ones."""
    spec = found.get("spec") or {}
    return {**(spec.get("set") or {}), **(spec.get("sizes") or {})}


def write_weights(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Weights by the keys of the emitted module. The unfinished file has the same suffix, which says the format."""
    own = {key: tensor.detach().cpu() for key, tensor in tensors.items()}
    write_whole(path, lambda unfinished: write(unfinished, own))


def write_curves(folder: Path, epochs: Sequence[Mapping[str, Any]], title: str) -> bool:
    """Loss and accuracy by epoch as a picture; False where matplotlib is not there to draw it."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    answers = "held_accuracy" in epochs[-1]
    figure = Figure(figsize=(9 if answers else 5, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(1, 2 if answers else 1, squeeze=False)[0]
    for axis, what in zip(axes, ("loss", "accuracy"), strict=False):
        _draw(axis, what, epochs)
    write_whole(folder / CURVES, lambda path: figure.savefig(path, dpi=120, format="png"))
    return True


def _draw(axis: Any, what: str, epochs: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.ticker import MaxNLocator

    numbers = [e["epoch"] for e in epochs]
    for part, label in (("train", "learned from"), ("held", "held out")):
        axis.plot(numbers, [e.get(f"{part}_{what}") for e in epochs], marker=".", label=label)
    axis.set_xlabel("epoch")
    axis.set_ylabel(what)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(visible=True, alpha=0.3)
    axis.legend()
