"""`MODULE:NAME` and texts of shapes -> the module that they name, which RUNS code, and its inputs."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from shapecalc.torchside.importing.spec import argument_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.torchside.importing.trace import Inputs


class WrongTarget(ValueError):
    """A target or an input that names nothing; the text says what is and what to write."""


def module_of(target: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The module that MODULE:NAME names or makes."""
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise WrongTarget(f"{target!r} names nothing: write MODULE:NAME, as torchvision.models:resnet50")
    found: Any = _loaded(place)
    for part in name.split("."):
        if not hasattr(found, part):
            raise WrongTarget(f"{place} has no {name!r}")
        found = getattr(found, part)
    made = found if isinstance(found, nn.Module) else _called(found, target, arguments)
    if not isinstance(made, nn.Module):
        raise WrongTarget(f"{target} is {type(made).__name__}, not a torch.nn.Module")
    return made


def _called(maker: Any, target: str, arguments: Mapping[str, Any]) -> Any:
    try:
        return maker(**arguments)
    except Exception as error:
        raise WrongTarget(f"{target} cannot be called: {type(error).__name__}: {error}") from error


def _loaded(place: str) -> Any:
    """The Python module of a dotted name or a file; the current folder is searched, as `python -m` does."""
    folder, file = os.path.split(place)
    if file.endswith(".py"):
        place = file.removesuffix(".py")
    else:
        folder = ""
    sys.path.insert(0, folder or os.getcwd())
    try:
        return import_module(place)
    except Exception as error:
        raise WrongTarget(f"{place} cannot be imported: {type(error).__name__}: {error}") from error


def inputs_of(module: nn.Module, shapes: Sequence[str]) -> Inputs:
    """The inputs that a command line states, by the names of forward's arguments where it gives none."""
    names = argument_names(module, len(shapes))
    return dict(_input(text, name) for text, name in zip(shapes, names, strict=True))


def _input(text: str, name: str) -> tuple[str, Any]:
    """`tokens=128:int64` as a name, a shape with the batch in front, and a dtype."""
    before, sign, rest = text.rpartition("=")
    sizes, _, dtype = rest.partition(":")
    known = getattr(torch, dtype or "float32", None)
    try:
        shape = tuple(int(n) for n in sizes.strip("[] ").split(",") if n.strip())
    except ValueError:
        raise WrongTarget(f"--input {text}: sizes are integers with commas between, as 3,224,224") from None
    if not isinstance(known, torch.dtype):
        raise WrongTarget(f"--input {text}: {dtype} is no dtype of torch")
    return before if sign else name, ((None, *shape), known)
