"""Sliding windows cut out of an image and laid beside one another as columns, and such columns added up again."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import Arrangement, Lost, listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import PerAxis
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, Uniform
from shapecalc.ops.pool import pooled_size, travel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

KERNEL = Attribute("kernel_size", PerAxis(2, 1), doc="cells of a window along each axis", main=True, lead=True)
SLIDE = (
    Attribute("dilation", PerAxis(2, 1), 1, "cells between two cells of a window"),
    Attribute("padding", PerAxis(2), 0, "cells of zero added at both ends of an axis"),
    Attribute("stride", PerAxis(2, 1), 1, "cells between two windows"),
)
COLUMNS = Lost("windows laid out as columns")


class Columns(Arrangement):
    """Windows of an image as columns: [N, C, H, W] and [N, C x kernel cells, windows] hold the same values.

    Sizes: kernel cells are the product of the kernel, windows the product of
        floor((i + 2p - d(k-1) - 1) / s) + 1 over both axes.
    Cost: no parameters, no multiply-accumulates; values are copied, and nothing is kept for backward.
    Pitfalls: each value is copied once for every window that holds it, 9 times for a kernel of 3 with stride 1;
        the stride is 1 unless given, other than that of pools; Fold adds up what Unfold has doubled, so that it
        is no inverse where windows overlap.
    Torch: torch.nn.Unfold, Fold.
    """

    least: ClassVar[int]
    kernel_size: tuple[Dim, ...]
    dilation: Any
    padding: Any
    stride: Any
    axes: list[tuple[Any, Any, Any, Any]]
    """Kernel, stride, padding and dilation of each spatial axis."""

    def settle(self, *xs: Shape) -> None:
        both = [v if isinstance(v, tuple) else Uniform((v, v)) for v in (self.dilation, self.padding, self.stride)]
        self.dilation, self.padding, self.stride = both
        self.axes = list(zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True))

    def windows(self, sizes: Sequence[Dim]) -> list[Dim]:
        """How many windows fit along each axis of the image."""
        return [pooled_size(i, k, s, p, d, False) for i, (k, s, p, d) in zip(sizes, self.axes, strict=True)]

    def fits(self, sizes: Sequence[Dim], first: int) -> list[Need]:
        """That one window fits along each axis; axes are numbered from `first`, or not where they are no input's."""
        return [
            (WINDOW_FITS, travel(i, k, s, p, d, False), *((first + n,) if first else ()))
            for n, (i, (k, s, p, d)) in enumerate(zip(sizes, self.axes, strict=True))
        ]

    def filled(self, x: Shape) -> list[Need]:
        """That no axis but the batch is empty."""
        first = len(x) - self.least
        return [(EMPTY, size - 1, a) for a, size in enumerate(x[first:], first)]


class Unfold(Columns):
    still = True
    ranks = (3, 4)
    least = 3
    takes = FLOATS | {"bool"}
    attributes = (KERNEL, *SLIDE)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return (*self.filled(xs[0]), *self.fits(xs[0][-2:], len(xs[0]) - 2))

    def image(self, xs: Sequence[Shape]) -> Sequence[Dim]:
        return xs[0][-2:]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (*batch, c, h, w) = xs[0]
        return ((*batch, c * prod(self.kernel_size), prod(self.windows((h, w)))),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        c = len(xs[0]) - 3
        return ((*((a, POINT) for a in range(c)), (c, COLUMNS), ((c + 1, c + 2), COLUMNS)),)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3}, ((2, 3, 5, 4),)),
            ({"kernel_size": [2, 3], "stride": [2, 1], "padding": [0, 1], "dilation": 2}, ((1, 2, 9, 7),)),
            ({"kernel_size": 4, "stride": 4}, ((3, 8, 12),)),
        ]


class Fold(Columns):
    ranks = (2, 3)
    least = 2
    takes = FLOATS | {"bool"}
    attributes = (
        Attribute("output_size", PerAxis(2, 1), doc="height and width of the image", lead=True),
        Attribute("kernel_size", PerAxis(2, 1), doc="cells of a window along each axis", lead=True),
        *SLIDE,
    )
    output_size: tuple[Dim, ...]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        rank, cells = len(x), prod(self.kernel_size)
        return (
            *self.filled(x),
            *self.fits(self.output_size, 0),
            (CELLS, x[-2] % cells, rank - 2),
            (COUNT, x[-1] - prod(self.windows(self.output_size)), rank - 1),
        )

    def image(self, xs: Sequence[Shape]) -> Sequence[Dim]:
        return self.output_size

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (*batch, cells, _) = xs[0]
        return ((*batch, cells // prod(self.kernel_size), *self.output_size),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        c = len(xs[0]) - 2
        return ((*((a, POINT) for a in range(c)), (c, COLUMNS), (c + 1, COLUMNS), (c + 1, COLUMNS)),)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"output_size": [5, 4], "kernel_size": 2}, ((2, 12, 12),)),
            ({"output_size": 8, "kernel_size": [2, 4], "stride": [2, 4]}, ((24, 8),)),
            (
                {"output_size": [7, 6], "kernel_size": 3, "padding": [1, 2], "dilation": [2, 1], "stride": 2},
                ((1, 9, 12),),
            ),
        ]


def _say_fits(op: Any, xs: Sequence[Shape], axis: int) -> str:
    image = op.image(xs)
    over = [d * (k - 1) + 1 - i - 2 * p for i, (k, s, p, d) in zip(image, op.axes, strict=True)]
    tight = [n for n, gap in enumerate(over) if type(gap) is int and gap > 0]
    n = axis - len(xs[0]) + 2 if axis >= 0 else next(iter(tight), 0)
    k, _, p, d = op.axes[n]
    extent = f"kernel {k}" if d == 1 else f"kernel {k} with dilation {d} spans {d * (k - 1) + 1} and"
    padded = f" padded to {image[n] + 2 * p}" if p else ""
    return f"{extent} is larger than the {('height', 'width')[n]} {image[n]}{padded}"


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, and only the batch may be"


def _say_cells(op: Any, xs: Sequence[Shape], axis: int) -> str:
    kernel = " x ".join(map(str, op.kernel_size))
    return f"{xs[0][axis]} rows arrive, which do not divide by the {prod(op.kernel_size)} cells of kernel {kernel}"


def _say_count(op: Any, xs: Sequence[Shape], axis: int) -> str:
    high, wide = op.windows(op.output_size)
    return f"{xs[0][axis]} columns arrive, but output_size {listed(op.output_size)} has {high} x {wide} windows"


WINDOW_FITS = Claim("SC201", "kernel_size", AT_LEAST_ZERO, _say_fits)
EMPTY = Claim("SC211", "", AT_LEAST_ZERO, _say_empty)
CELLS = Claim("SC214", "kernel_size", ZERO, _say_cells)
COUNT = Claim("SC211", "output_size", ZERO, _say_count)
