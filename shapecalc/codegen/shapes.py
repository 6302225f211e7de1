"""Shapes as comments say them: `N x 64 x 55 x 55`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.graph.graph import Wire
    from shapecalc.ops.op import Shape


def shapes(outputs: Sequence[Wire]) -> str:
    """The shapes of a layer's outputs, separated by commas."""
    return ", ".join(shape_text(w.shape) for w in outputs)


def shape_text(shape: Shape | None) -> str:
    """One shape, closed forms of several words in brackets."""
    return " x ".join(map(_size, shape or ())) or "scalar"


def _size(size: object) -> str:
    text = str(size)
    return text if text.isalnum() else f"({text})"
