"""A checkpoint to go on from -> its path, once it is known to belong to this network and this task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.fault import Fault, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from shapecalc.torchside.training.task import Task

LAST = "last.ckpt"
BEST = "best.ckpt"
PREFIX = "network."
"""Of the emitted module's keys in a checkpoint."""


def checkpoint(path: Path, task: Task, network: nn.Module) -> Path:
    """The file to go on from. Raises Fault for one that is missing, broken, foreign or of another task."""
    file = path / LAST if path.is_dir() else path
    found = _read(file)
    ours = found.get("shapecalc")
    if not isinstance(ours, dict) or "plan" not in ours:
        raise Fault(f"{file} is no checkpoint of shapecalc train")
    _check_shapes(file, found.get("state_dict", {}), network)
    _check_plan(file, ours["plan"], task)
    return file


def _read(file: Path) -> dict[str, Any]:
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise Fault(f"{file}: {why(error)}") from None
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the archive or the pickle made it stumble over
        raise Fault(f"{file} is no checkpoint, or a broken one ({type(error).__name__})") from None
    return found if isinstance(found, dict) else {}


def _check_shapes(file: Path, state: Mapping[str, Any], network: nn.Module) -> None:
    theirs = {k.removeprefix(PREFIX): tuple(v.shape) for k, v in state.items() if k.startswith(PREFIX)}
    own = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    differing = sorted(k for k in theirs.keys() | own.keys() if theirs.get(k) != own.get(k))
    if differing:
        key = differing[0]
        told = " and ".join(_told(who, found.get(key)) for who, found in (("it", theirs), ("the network", own)))
        raise Fault(f"{file} is of another network: {key} is {told}; {len(differing)} tensors differ")


def _told(who: str, shape: tuple[int, ...] | None) -> str:
    return f"missing in {who}" if shape is None else f"{list(shape)} in {who}"


def _check_plan(file: Path, theirs: Mapping[str, Any], task: Task) -> None:
    ours = task.identity()["plan"]
    for key, value in ours.items():
        if key in theirs and theirs[key] != value:
            raise Fault(f"{file} was trained with {key} {theirs[key]}, not {value}: going on would be another run")
