"""Figures by epoch -> an SVG picture of their curves, written out by hand. Knows nothing of what is trained."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Line = tuple[str, Sequence[float | None]]

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 40
COLOURS = ("#1f5fa8", "#c2571a", "#1b7a3d")
TICKS = 5


class Scale:
    """Values from `low` to `high` -> places from `start` to `end`, with round numbers to write beside the axis."""

    __slots__ = ("end", "high", "low", "start", "ticks")

    def __init__(self, values: Sequence[float], start: float, end: float, *, whole: bool = False) -> None:
        step = _step(max(values) - min(values), abs(max(values)), whole)
        self.low, self.high = (math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step)
        if whole:
            self.low, self.high = min(values), max(values)
        if self.low == self.high:
            self.low, self.high = self.low - step, self.high + step
        self.start, self.end = start, end
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        self.ticks = [n * step for n in range(first, last + 1)]

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _step(span: float, size: float, whole: bool) -> float:
    """1, 2 or 5 times a power of ten, so that some five of them are the span."""
    rough = (span or size or 1.0) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    return max(1.0, step) if whole else step


def curve(title: str, epochs: Sequence[int], lines: Sequence[Line]) -> str:
    """An SVG element with a curve for each line, a gap where a value is no number; empty where nothing can be drawn."""
    values = [v for _, line in lines for v in line if _finite(v)]
    if not values or not epochs:
        return ""
    x = Scale(epochs, LEFT, WIDTH - RIGHT, whole=True)
    y = Scale(values, HEIGHT - BOTTOM, TOP)  # type: ignore[arg-type]
    drawn = [_line(label, COLOURS[i % len(COLOURS)], i, epochs, line, x, y) for i, (label, line) in enumerate(lines)]
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} by epoch">'
    return "".join([head, *_axes(title, x, y), *drawn, "</svg>"])


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _axes(title: str, x: Scale, y: Scale) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="18" class="title">{escape(title)}</text>'
    for tick in y.ticks:
        at = y(tick)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:.6g}</text>'
    for tick in x.ticks:
        yield f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:.6g}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">epoch</text>'


def _line(
    label: str, colour: str, number: int, epochs: Sequence[int], line: Sequence[float | None], x: Scale, y: Scale
) -> str:
    points = [(x(e), y(v)) for e, v in zip(epochs, line, strict=True) if v is not None and math.isfinite(v)]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.4" fill="{colour}"/>' for a, b in points)
    legend = f'<text x="{WIDTH - RIGHT - 110 * number}" y="18" text-anchor="end" fill="{colour}">{escape(label)}</text>'
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>{dots}{legend}'
