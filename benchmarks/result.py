"""One benchmark's outcome: the median of several runs, their spread, and the bound that it must keep."""

from __future__ import annotations

from statistics import median, quantiles


class Result:
    """`values` in `unit`; `bound` is the largest median that is allowed, None where the figure is only reported."""

    def __init__(self, title: str, values: list[float], unit: str, bound: float | None = None) -> None:
        self.title = title
        self.values = values
        self.unit = unit
        self.bound = bound

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def broken(self) -> bool:
        return self.bound is not None and self.median > self.bound

    def __str__(self) -> str:
        low, high = (self.values[0],) * 2 if len(self.values) < 2 else quantiles(self.values, n=4)[::2]
        verdict = "" if self.bound is None else f"  (bound {self.bound:g}: {'BROKEN' if self.broken else 'kept'})"
        return f"{self.title:<66} {self.median:9.3f} {self.unit:<8} quartiles {low:.3f} to {high:.3f}{verdict}"
