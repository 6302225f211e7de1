"""Pools that take a power mean of each window."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.ops.dtypes import FLOATS, INTS
from shapecalc.ops.kinds import FLAG, Number, PerAxis, Unfit, or_null
from shapecalc.ops.layout import as_row, ordered
from shapecalc.ops.op import (
    Attribute,
    Kept,
)
from shapecalc.ops.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape


class Exponent(Number):
    """A number other than 0."""

    wants = "a number other than 0"

    def read(self, value: Any) -> Any:
        if super().read(value) == 0:
            raise Unfit(f"it is {value} where {self.wants} is due")
        return value


class LPPool(Pool):
    """The norm of each window: the root of the sum of powers.

    Sizes: as MaxPool's without padding and dilation.
    Cost: no parameters, no multiply-accumulates; training keeps the input, its powers and 4 tensors of the output's
    size.
    Pitfalls: the gradient is not defined where a window sums to zero; an odd power of negative values can be negative.
    Torch: torch.nn.LPPool1d, LPPool2d, LPPool3d.
    """

    hooked = False
    takes = FLOATS | INTS | {"bool"}
    norm_type: float

    @property
    def is_maximum(self) -> bool:
        """The infinite norm is torch's max pool of absolute values."""
        return self.norm_type in (float("inf"), float("-inf"))

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return None if self.is_maximum or dtypes[0] in FLOATS else ("float32",)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        powers = Kept("new", shape=xs[0])
        if self.is_maximum:
            return (Kept("input"), powers, Kept("new", shape=ys[0], width=8))
        return (Kept("input"), powers, *(Kept("new", shape=ys[0]) for _ in range(4)))

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Powers of all values, their sums, a factor for each, and the root; a maximum where the norm is infinite."""
        if self.is_maximum:
            return {"comparisons": self.combined(ys[0])}
        n, y = prod(xs[0]), prod(ys[0])
        return {"adds": self.combined(ys[0]), "exponentials": n + y}


def _norm(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("norm_type", Exponent(), doc="the power: 1 sums, 2 is the Euclidean norm", lead=True),
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the window along each axis", main=True, lead=True),
        Attribute("stride", or_null(PerAxis(rank, 1)), None, "cells between two windows; the kernel unless given"),
        Attribute("ceil_mode", FLAG, False, "whether a window that hangs over the end counts"),
    )


class LPPool1d(LPPool):
    lies = as_row

    rank = 1
    ranks = (2, 3)
    attributes = _norm(1)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"norm_type": 2, "kernel_size": 3}, ((2, 4, 17),)),
            ({"norm_type": 1.5, "kernel_size": 3, "stride": 2, "ceil_mode": True}, ((4, 16),)),
        ]


class LPPool2d(LPPool):
    rank = 2
    ranks = (3, 4)
    attributes = _norm(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"norm_type": 2, "kernel_size": 3, "stride": 2}, ((2, 3, 13, 9),)),
            ({"norm_type": 1, "kernel_size": [2, 3], "ceil_mode": True}, ((4, 8, 10),)),
        ]


class LPPool3d(LPPool):
    lies = ordered
    rank = 3
    within = True
    ranks = (4, 5)
    attributes = _norm(3)

    @classmethod
    def samples(cls) -> Any:
        return [({"norm_type": 3, "kernel_size": [1, 2, 3], "stride": 2}, ((2, 2, 5, 6, 7),))]
