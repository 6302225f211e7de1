"""Frames and errors -> the line of the user's code that they are about."""

from __future__ import annotations

import linecache
import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep

BY_VALUE = ("DataDependentOutputException", "DynamicOutputShapeException")
"""What torch raises where numbers are asked of a tensor that holds none."""


def line_of(frame: FrameType | None) -> str:
    """`file.py:12` of the user's code that is running."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((OURS, TORCH, "<")):
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def reason(error: BaseException) -> str:
    """What went wrong at which line of the user's code."""
    place = ""
    for file, line in _places(error.__traceback__):
        if not file.startswith((OURS, TORCH, "<")):
            place = f"{file}:{line}: `{linecache.getline(file, line).strip()}`: "
    if type(error).__name__ in BY_VALUE:
        return f"{place}this depends on the values of a tensor; only sizes are known here"
    first = str(error).strip().split("\n")[0]
    return f"{place}{type(error).__name__}: {first}"


def _places(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
