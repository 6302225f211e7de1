"""A module and the shapes of its inputs -> the text of its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.importing.document import Imported, spec_of
from shapecalc.torchside.importing.held import OfModule
from shapecalc.torchside.importing.trace import trace

if TYPE_CHECKING:
    from torch import nn

    from shapecalc.torchside.importing.trace import Inputs


def from_module(module: nn.Module, inputs: Any) -> str:
    """The spec of a module as YAML text.

    `inputs` is the shape of one sample, a list of them, a mapping from names to shapes, or tensors, whose first axis is
    the batch. Raises Untraceable (a ValueError) with the line of the module's code where it cannot be followed.
    """
    return import_module(module, described(module, inputs)).text


def import_module(module: nn.Module, inputs: Inputs) -> Imported:
    """The spec of a module with notes; sizes of None in `inputs` are the batch. Raises Untraceable."""
    root = trace(module, inputs)
    shapes = {name: (shape, str(dtype).removeprefix("torch.")) for name, (shape, dtype) in inputs.items()}
    return spec_of(root, OfModule(module), type(module).__name__, shapes)


def described(module: nn.Module, inputs: Any) -> Inputs:
    """Shapes and dtypes of inputs by name: the batch, which shapes leave out, as None."""
    if isinstance(inputs, dict):
        return {name: _one(value) for name, value in inputs.items()}
    if isinstance(inputs, torch.Tensor) or (inputs and all(isinstance(n, int) for n in inputs)):
        inputs = [inputs]
    names = argument_names(module, len(inputs))
    return {name: _one(value) for name, value in zip(names, inputs, strict=True)}


def _one(value: Any) -> tuple[tuple[int | None, ...], torch.dtype]:
    if isinstance(value, torch.Tensor):
        return (None, *value.shape[1:]), value.dtype
    return (None, *value), torch.float32


def argument_names(module: nn.Module, count: int) -> list[str]:
    import inspect

    names = list(inspect.signature(module.forward).parameters)
    return [names[n] if n < len(names) else f"x{n}" for n in range(count)]
