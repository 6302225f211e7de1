"""Turns how an operator reads one axis into what its outputs see of the input; knows no operator.

A window of any kind has `pull`, which takes the field of its input to the field of its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any, Final

from .hull import IDENTITY, WHOLE, Field, Seen, Unknown, Whole, merge, pulled

__all__ = ["ALL", "IDENTITY", "POINT", "WHOLE", "All", "Field", "Point", "Seen", "Spread", "Unknown", "Whole"]
__all__ += ["Window", "Zoom", "merge"]


class Point:
    """Output `o` reads input `o`. `POINT` is its only value."""

    __slots__ = ()

    def pull(self, field: Seen) -> Seen:
        """The field itself."""
        return field

    def __repr__(self) -> str:
        return "POINT"


class All:
    """Every output reads the whole axis. `ALL` is its only value."""

    __slots__ = ()

    def pull(self, field: Seen) -> Seen:
        """`WHOLE`, even where the field below is unknown."""
        return WHOLE

    def __repr__(self) -> str:
        return "ALL"


class Window:
    """Output `o` reads `o*s - p + t*d` for t in 0..k-1: convolution, pooling; `Window(1, 1, pad, 1)` shifts.

    A negative `p` crops. `k`, `s`, `p`, `d` may be symbols as long as the field below has no phases.

    >>> Window(3, 2, 1, 1).pull(Window(7, 2, 3, 1).pull(IDENTITY))
    Field(1, 4, (-5,), (5,))
    """

    __slots__ = ("d", "k", "p", "s")

    def __init__(self, k: Any, s: Any, p: Any, d: Any) -> None:
        self.k, self.s, self.p, self.d = k, s, p, d

    def pull(self, field: Seen) -> Seen:
        """Edges move out by the padding and the extent, in input positions; the stride multiplies."""
        if type(field) is not Field:
            return field
        if field.period != 1:
            return self._phases(field)
        step, p = field.advance, self.p
        low = field.lo[0] - p * step
        high = field.hi[0] + ((self.k - 1) * self.d - p) * step
        return Field(1, step * self.s, (low,), (high,))

    def _phases(self, field: Field) -> Seen:
        k, s, p, d = self.k, self.s, self.p, self.d
        if not _whole(k, s, p, d):
            return Unknown(f"{self!r} over a field with phases, of a size that is not known")
        return pulled(field, 1, s, lambda o: range(o * s - p, o * s - p + k * d, d))

    def __repr__(self) -> str:
        return f"Window({self.k}, {self.s}, {self.p}, {self.d})"


class Spread:
    """Output `o` reads every input `i` with `o = i*s - p + t*d`, t in 0..k-1: transposed convolution.

    >>> Spread(2, 2, 0, 1).pull(IDENTITY)
    Field(2, 1, (0, 0), (0, 0))
    """

    __slots__ = ("d", "k", "p", "s")

    def __init__(self, k: Any, s: Any, p: Any, d: Any) -> None:
        self.k, self.s, self.p, self.d = k, s, p, d

    def pull(self, field: Seen) -> Seen:
        """One phase for each residue of the output by the stride, times the phases below."""
        if type(field) is not Field:
            return field
        if not _whole(self.k, self.s, self.p, self.d):
            return Unknown(f"{self!r} has a size that is not known")
        return pulled(field, self.s, 1, self._reads)

    def _reads(self, output: int) -> Sequence[int]:
        top, common = output + self.p, gcd(self.s, self.d)
        if top % common:
            return ()
        turn, step = self.s // common, self.d // common
        first = top // common * pow(step, -1, turn) % turn  # the least t of which the distance is a multiple of s
        at = (top - first * self.d) // self.s
        return range(at, at - len(range(first, self.k, turn)) * step, -step)

    def __repr__(self) -> str:
        return f"Spread({self.k}, {self.s}, {self.p}, {self.d})"


class Zoom:
    """Upsampling by `num/den`: output `o` reads the `taps` inputs around its source position.

    1 tap is nearest, 2 linear, 4 cubic; without corners aligned, as in torch: nearest reads
    `floor(o*den/num)`, the others around `(o + 0.5)*den/num - 0.5`, and one input where that is whole.
    """

    __slots__ = ("base", "den", "ins", "num", "outs", "scale", "step", "taps")

    def __init__(self, num: Any, den: Any, taps: int = 1, source: tuple[Any, Any, Any] | None = None) -> None:
        centred: tuple[Any, Any, Any] = (2 * den, den - num, 2 * num) if taps > 1 else (den, 0, num)
        common = gcd(num, den) if _whole(num, den) else 1
        self.num, self.den, self.taps = num, den, taps
        self.outs, self.ins = (num // common, den // common) if common > 1 else (num, den)
        self.step, self.base, self.scale = source or centred  # output o comes from (step*o + base) / scale

    @classmethod
    def aligned(cls, inp: Any, out: Any, taps: int = 2) -> Zoom:
        """Corners aligned: output `o` of `out` reads around `o*(inp-1)/(out-1)`; a single output reads 0."""
        if isinstance(out, int) and out == 1:
            return cls(1, 0, taps, (0, 0, 1))
        return cls(out - 1, inp - 1, taps, (inp - 1, 0, out - 1))

    @classmethod
    def exact(cls, num: Any, den: Any) -> Zoom:
        """torch's nearest-exact: output `o` reads `floor((o + 0.5)*den/num)`."""
        return cls(num, den, 1, (2 * den, den, 2 * num))

    def pull(self, field: Seen) -> Seen:
        """One phase for each output until source positions repeat, times the phases below."""
        if type(field) is not Field:
            return field
        if not _whole(self.outs, self.ins):
            return Unknown(f"{self!r} has a size that is not known")
        return pulled(field, self.outs, self.ins, self._reads)

    def _reads(self, output: int) -> Sequence[int]:
        position, left = divmod(self.step * output + self.base, self.scale)
        if self.taps == 1 or not left:
            return (position,)
        return range(position - self.taps // 2 + 1, position + self.taps // 2 + 1)

    def __repr__(self) -> str:
        return f"Zoom({self.num}, {self.den}, {self.taps})"


POINT: Final = Point()
ALL: Final = All()


def _whole(*sizes: Any) -> bool:
    return all(isinstance(size, int) for size in sizes)
