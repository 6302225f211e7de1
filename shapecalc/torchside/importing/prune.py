"""Steps of a pass -> those that matter: functions whose results nothing takes go, modules stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapecalc.torchside.importing.step import Step

    Asked = dict[Any, set[int]]


def prune(root: Step) -> None:
    """Take out the tensor functions that lead nowhere, which would bring tensors along that they alone need.

    What a module gives stays if it is asked of any module of its class, as the last of a row gives more than is taken.
    """
    asked: Asked = {}
    _ask(root, {id(value) for value in root.outputs}, asked)
    _kept(root, {id(value) for value in root.outputs}, asked)


def _leads_nowhere(step: Step, used: set[int]) -> bool:
    return step.op is not None and not step.path and not any(id(value) in used for value in step.outputs)


def _ask(step: Step, used: set[int], asked: Asked) -> None:
    """Walk the steps backwards, noting which of their results are taken."""
    for inner in reversed(step.steps):
        if not _leads_nowhere(inner, used):
            if inner.op is None:
                places = {n for n, value in enumerate(inner.outputs) if id(value) in used}
                asked.setdefault(_kind(inner), set()).update(places)
            used.update(id(value) for value in inner.inputs)
            _ask(inner, used, asked)


def _kind(step: Step) -> Any:
    return step.cls, len(step.outputs)


def _kept(step: Step, used: set[int], asked: Asked) -> None:
    """Walk the steps backwards; what one takes is used, and what a module is to give."""
    kept = []
    for inner in reversed(step.steps):
        if _leads_nowhere(inner, used):
            continue
        if inner.op is None and len(inner.outputs) > 1:
            places = asked.get(_kind(inner), set()) | {0}
            inner.outputs = [value for n, value in enumerate(inner.outputs) if n in places]
            used.update(id(value) for value in inner.outputs)
        used.update(id(value) for value in inner.inputs)
        _kept(inner, used, asked)
        kept.append(inner)
    step.steps = kept[::-1]
