"""The names of ONNX's operators -> the functions that read them; loaded when a file is imported."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.onnxside.call import Call

    Reader = Callable[[Call], None]

FAMILIES = (
    "conv",
    "dense",
    "pool",
    "norm",
    "activation",
    "arithmetic",
    "reduce",
    "arrange",
    "pick",
    "resize",
    "recurrent",
)


def reader(name: str) -> Reader | None:
    """The function that reads nodes of an operator, None where there is none."""
    return _readers().get(name)


@cache
def _readers() -> dict[str, Reader]:
    found: dict[str, Reader] = {}
    for family in FAMILIES:
        found |= import_module(f"shapecalc.onnxside.{family}").READERS
    return found
