"""Weights and images, or weights and held-out samples -> what a trained network says of them. Masks: `mask.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.ops.dtypes import FLOATS
from shapecalc.torchside.build import build
from shapecalc.torchside.training.data.folder import read_image
from shapecalc.torchside.training.data.samples import CLASSES, MASKS, VALUES, Data, Samples
from shapecalc.torchside.training.engine import ready
from shapecalc.torchside.training.fault import Fault, why
from shapecalc.torchside.training.fit import Fit, dtypes_of, sample_shapes
from shapecalc.torchside.training.resume import PREFIX
from shapecalc.torchside.training.task import last_roles
from shapecalc.torchside.weights import Unreadable, tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from shapecalc.analysis.report import Report
    from shapecalc.torchside.training.task import Task

MOST = 3
"""Classes that are told of an image, where nobody asks for another number."""
TEXT = "text"


def trained_network(report: Report, weights: Path) -> nn.Module:
    """The network with weights out of a file, or a checkpoint of training. Raises Fault where they do not fit."""
    network = build(report)
    try:
        entries = tensors_of(str(weights))
    except OSError as error:
        raise Fault(f"{weights}: {why(error)}") from None
    except Unreadable as error:
        raise Fault(str(error)) from None
    own = {key: tuple(t.shape) for key, t in network.state_dict().items()}
    candidates = [{k.removeprefix(PREFIX): t for k, t in tensors.items()} for tensors in entries.values()]
    found = max(candidates, key=lambda tensors: len(own.keys() & tensors.keys()), default={})
    theirs = {key: tuple(t.shape) for key, t in found.items()}
    differing = sorted(k for k in own.keys() | theirs.keys() if own.get(k) != theirs.get(k))
    if differing:
        key = differing[0]
        told = f"{key} is {theirs.get(key, 'missing')} there, {own.get(key, 'missing')} in the network"
        raise Fault(f"{weights} does not fit {report.path}: {told}; {len(differing)} tensors differ")
    network.load_state_dict(found)
    return network.eval()


def evaluate_held(task: Task, network: nn.Module, accelerator: str) -> dict[str, float]:
    """Mean loss, and accuracy where there is one, of the held-out samples."""
    ready()
    from lightning.pytorch import Trainer

    from shapecalc.torchside.training.learner import Learner

    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    learner = Learner(network, task, task.steps, 1)
    trainer.validate(learner, verbose=False)
    return learner.held_figures


def asked(report: Report, record: Mapping[str, Any]) -> str:
    """What can be asked: CLASSES, MASKS, VALUES, or TEXT to go on with. Raises Fault for a network of another kind."""
    shapes, output = sample_shapes(report)
    assert report.graph is not None
    if len(shapes) == 1 and report.graph.inputs[0].dtype not in FLOATS and len(shapes[0]) == 1 and len(output) == 2:
        return TEXT
    known = record.get("data") or {}
    numbers = known.get("kind") == VALUES and known.get("count") is None
    if len(shapes) == 1 and len(shapes[0]) == 3 and len(output) == 1:
        return VALUES if numbers else CLASSES
    if len(shapes) == 1 and len(shapes[0]) == 3 and len(output) == 3 and not numbers:
        return MASKS
    told = " and ".join(" x ".join(map(str, s)) for s in shapes), " x ".join(map(str, output))
    raise Fault(
        "predict is for networks that take an image and give scores of classes, of each pixel's class, or numbers, "
        f"and for those that go on with a text; this one takes {told[0]} and gives {told[1]}"
    )


def outputs(
    report: Report, network: nn.Module, images: Sequence[str], record: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    """The network's first output for each image by its path, without the batch."""
    shapes, output = sample_shapes(report)
    fitted, dtypes = _fit(report, shapes, output, record), dtypes_of(report)
    for path in images:
        image = read_image(Path(path), shapes[0][0], None).unsqueeze(0)
        with torch.no_grad():
            result = network(*fitted.inputs([image], dtypes))
        yield path, (result[0] if isinstance(result, tuple) else result)[0]


def classified(
    report: Report, network: nn.Module, images: Sequence[str], record: Mapping[str, Any], most: int = MOST
) -> list[tuple[str, list[tuple[str, float]]]]:
    """The likeliest classes of each image with their probabilities."""
    told = []
    for path, scores in outputs(report, network, images, record):
        probabilities = probable(report, scores, record)
        told.append((path, _likeliest(probabilities, _classes(record, len(probabilities)), most)))
    return told


def _fit(report: Report, shapes: Sequence[Sequence[int]], output: Sequence[int], record: Mapping[str, Any]) -> Fit:
    """Images made ready as those were that the network learned from; bytes have a scale of their own."""
    known = record.get("data") or {}
    nothing = Samples([], torch.zeros(0))
    mean, std = known.get("mean", []), known.get("std", [])
    if len(mean) not in (0, 1, shapes[0][0]):
        mean, std = [sum(mean) / len(mean)], [sum(std) / len(std)]
    data = Data("images", CLASSES, nothing, nothing, scale=1 / 255, mean=mean, std=std)
    return Fit(CLASSES, (), shapes, output, data)


def _classes(record: Mapping[str, Any], count: int) -> list[str]:
    names = list((record.get("data") or {}).get("classes") or [])[:count]
    return names + [str(i) for i in range(len(names), count)]


def probable(report: Report, scores: torch.Tensor, record: Mapping[str, Any]) -> torch.Tensor:
    """Probabilities of the classes in the first axis; a single score is that of the second of two classes."""
    last = last_roles(report)
    if len(scores) == 1:
        plain = "sigmoid" in last or (record.get("plan") or {}).get("loss") == "MSELoss"
        yes = scores.clamp(0, 1) if plain else scores.sigmoid()
        return torch.cat([1 - yes, yes])
    if "softmax" in last:
        return scores
    return scores.exp() if "log_softmax" in last else scores.softmax(0)


def _likeliest(probabilities: torch.Tensor, names: Sequence[str], most: int) -> list[tuple[str, float]]:
    best = probabilities.topk(min(most, len(names)))
    return [(names[i], p) for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
