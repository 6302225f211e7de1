"""Steps of a pass -> those that matter: functions whose results nothing takes go, modules stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.torchside.importing.step import Step


def prune(root: Step) -> None:
    """Take out the tensor functions that lead nowhere, which would bring tensors along that they alone need."""
    _kept(root, {id(value) for value in root.outputs})


def _kept(step: Step, used: set[int]) -> None:
    """Walk the steps backwards; what one takes is used."""
    kept = []
    for inner in reversed(step.steps):
        if inner.op is not None and not inner.path and not any(id(value) in used for value in inner.outputs):
            continue
        used.update(id(value) for value in inner.inputs)
        _kept(inner, used)
        kept.append(inner)
    step.steps = kept[::-1]
