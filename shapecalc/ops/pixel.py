"""Pixels traded for channels and back: sub-pixel convolution's last step, and its inverse."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT, Window, Zoom
from shapecalc.ops.arrange import Arrangement, listed
from shapecalc.ops.kinds import POSITIVE
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import (
    ZERO,
    Attribute,
    Claim,
    construct,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Shuffle(Arrangement):
    """What the pixel shuffles share: the last three axes are channels, height and width."""

    still = True
    lies = as_map

    upscale_factor: Dim
    downscale_factor: Dim

    def constructor(self) -> str | None:
        return construct(self, f"nn.{type(self).__name__}")


class PixelShuffle(Shuffle):
    """Makes r x r channels one channel of r times the height and width: the last step of super-resolution.

    Sizes: [..., C r r, H, W] gives [..., C, H r, W r].
    Cost: a copy; no multiply-accumulates.
    Pitfalls: channels must divide by the square of the factor.
    Torch: torch.nn.PixelShuffle.
    """

    attributes = (Attribute("upscale_factor", POSITIVE, doc="the r", main=True, lead=True),)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        return (
            ((SQUARE, x[-3] % (self.upscale_factor * self.upscale_factor), len(x) - 3),)
            if len(x) > 2
            else ((THREE, 1),)
        )

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        *before, c, h, w = xs[0]
        r = self.upscale_factor
        return ((*before, c // (r * r), h * r, w * r),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        c, zoom = len(xs[0]) - 3, Zoom(self.upscale_factor, 1)
        return ((*((a, POINT) for a in range(c)), (None, POINT), (c + 1, zoom), (c + 2, zoom)),)

    @classmethod
    def samples(cls) -> Any:
        return [({"upscale_factor": 2}, ((2, 8, 3, 5),)), ({"upscale_factor": 3}, ((9, 2, 3),))]


class PixelUnshuffle(Shuffle):
    """Makes every r x r pixels of a channel r x r channels of one pixel: the reverse of PixelShuffle.

    Sizes: [..., C, H, W] gives [..., C r r, H / r, W / r].
    Cost: a copy; no multiply-accumulates.
    Pitfalls: height and width must divide by the factor.
    Torch: torch.nn.PixelUnshuffle.
    """

    attributes = (Attribute("downscale_factor", POSITIVE, doc="the r", main=True, lead=True),)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if len(x) < 3:
            return ((THREE, 1),)
        return [(DIVIDES, x[a] % self.downscale_factor, a) for a in (len(x) - 2, len(x) - 1)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        *before, c, h, w = xs[0]
        r = self.downscale_factor
        return ((*before, c * r * r, h // r, w // r),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        c, r = len(xs[0]) - 3, self.downscale_factor
        cells = Window(r, r, 0, 1)
        return ((*((a, POINT) for a in range(c)), (None, POINT), (c + 1, cells), (c + 2, cells)),)

    @classmethod
    def samples(cls) -> Any:
        return [({"downscale_factor": 2}, ((2, 3, 4, 6),)), ({"downscale_factor": 3}, ((2, 6, 9),))]


def _say_three(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{type(op).__name__} takes at least 3 dimensions, and {len(xs[0])} arrive: {listed(xs[0])}"


def _say_square(op: Any, xs: Sequence[Shape], axis: int) -> str:
    r = op.upscale_factor
    return f"{xs[0][axis]} channels do not divide by upscale_factor {r} squared, {prod((r, r))}"


def _say_divides(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the size {xs[0][axis]} of axis {axis} does not divide by downscale_factor {op.downscale_factor}"


THREE = Claim("SC209", "", ZERO, _say_three)

SQUARE = Claim("SC214", "upscale_factor", ZERO, _say_square)

DIVIDES = Claim("SC214", "downscale_factor", ZERO, _say_divides)
