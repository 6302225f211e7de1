"""Sampling of images at given places, and the places that an affine map gives (spatial transformers)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.arrange import TensorFunction, listed, source_sizes
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, POSITIVE, Listed, Text, or_null
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_NOTHING, ZERO, Attribute, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Choice(Text):
    """One of a closed list of words, never read as an expression, so that params may be named like one."""

    def __init__(self, *words: str) -> None:
        self.choices = words
        self.wants = "one of " + ", ".join(words)

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise self.unfit(value)
        return value


ALIGN_CORNERS = Attribute(
    "align_corners", or_null(FLAG), None, "whether -1 and 1 are the centres of the corner pixels; null: false"
)


class GridSample(TensorFunction):
    """Reads an image at the places of a grid, from -1 to 1 across each axis.

    Sizes: [N, C, H, W] at a grid [N, h, w, 2] gives [N, C, h, w]; [N, C, D, H, W] at [N, d, h, w, 3] likewise.
    Cost: no multiply-accumulates by convention; autograd keeps the image and the grid.
    Pitfalls: the last axis of the grid is x, y (z), other than the axes of the image; any place may be read, so that
        the receptive field is the whole image; bicubic is for images of two axes.
    Torch: torch.nn.functional.grid_sample.
    """

    inputs = ("input", "grid")
    same_dtype = frozenset({"grid"})
    ranks = (4, 5)
    takes = FLOATS
    attributes = (
        Attribute("mode", Choice("bilinear", "nearest", "bicubic"), "bilinear", "how values between pixels are made"),
        Attribute("padding_mode", Choice("zeros", "border", "reflection"), "zeros", "what lies outside of the image"),
        ALIGN_CORNERS,
    )
    mode: str

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, grid = xs
        if len(grid) != len(x):
            return ((GRID_RANK, 1),)
        return (
            (BATCHES, x[0] - grid[0], 0),
            (COORDINATES, grid[-1] - (len(x) - 2)),
            (BICUBIC, int(self.mode == "bicubic" and len(x) != 4)),
            *((EMPTY, size - 1, a) for a, size in enumerate(x[2:], 2)),
        )

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        x, grid = xs
        return ((*x[:2], *grid[1:-1]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        spatial = range(2, len(xs[0]))
        image = ((0, POINT), (1, POINT), *((a, ALL) for a in spatial))
        return (image, ((0, POINT), (None, POINT), *((a - 1, POINT) for a in spatial)))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 0), Kept("input", 1))

    def call(self, module: str, args: Sequence[str]) -> str:
        given = [a for a in self.attributes if not a.kind.same(getattr(self, a.name), a.default)]
        written = [f"{a.name}={getattr(self, a.name)!r}" for a in given]
        return f"F.grid_sample({', '.join([*args, *written])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4), (2, 7, 6, 2))),
            ({"mode": "nearest", "align_corners": True}, ((2, 3, 4, 3, 5), (2, 2, 3, 2, 3))),
            ({"mode": "bicubic", "padding_mode": "border", "align_corners": False}, ((1, 2, 5, 5), (1, 3, 4, 2))),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore takes every mode for bilinear."""
        return {"fvcore": 4 * prod(ys[0])}


class AffineGrid(TensorFunction):
    """The grid of places that an affine map sends an image of `size` to; GridSample reads there.

    Sizes: maps [N, 2, 3] and size [N, C, H, W] give [N, H, W, 2]; [N, 3, 4] and [N, C, D, H, W] give [N, D, H, W, 3].
    Cost: none counted, as torch's counter has it, though each place is a product of matrices; nothing is kept.
    Pitfalls: `size` includes the batch and the channels; GridSample must be given the same align_corners.
    Torch: torch.nn.functional.affine_grid.
    """

    inputs = ("theta",)
    ranks = (3,)
    takes = FLOATS
    attributes = (
        Attribute("size", Listed(POSITIVE, strict=True), doc="sizes of the image, [N, C, H, W]", main=True),
        ALIGN_CORNERS,
    )
    size: tuple[Dim, ...]
    align_corners: bool | None
    came: Shape

    def settle(self, *xs: Shape) -> None:
        self.came = xs[0]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        n, rows, columns = xs[0]
        axes = len(self.size) - 2
        if axes not in (2, 3):
            return ((SIZE, 1),)
        return ((MAPS, n - self.size[0], 0), (ROWS, rows - axes, 1), (ROWS, columns - axes - 1, 2))

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((xs[0][0], *self.size[2:], len(self.size) - 2),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (((0, POINT), *[(None, POINT)] * (len(ys[0]) - 1)),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_NOTHING

    def call(self, module: str, args: Sequence[str]) -> str:
        corners = [] if self.align_corners is None else [f"align_corners={self.align_corners}"]
        return f"F.affine_grid({', '.join([args[0], f'[{source_sizes(self.size, self.came, args[0])}]', *corners])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"size": [2, 3, 5, 4]}, ((2, 2, 3),)),
            ({"size": [1, 1, 4, 3, 5], "align_corners": True}, ((1, 3, 4),)),
        ]


def _say_grid_rank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the image {listed(xs[0])} has {len(xs[0])} dimensions, and the grid {listed(xs[1])} {len(xs[1])}"


def _say_batches(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the image {listed(xs[0])} and the grid {listed(xs[1])} differ in the batch: {xs[0][0]} and {xs[1][0]}"


def _say_coordinates(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the grid {listed(xs[1])} ends in {xs[1][-1]} numbers a place, and the image has {len(xs[0]) - 2} axes"


def _say_bicubic(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"mode bicubic is for 4 dimensions, and {listed(xs[0])} has {len(xs[0])}"


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, so that there is nothing to read"


def _say_size(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"size {listed(op.size)} is neither [N, C, H, W] nor [N, C, D, H, W]"


def _say_maps(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{xs[0][0]} maps arrive, and size {listed(op.size)} is for {op.size[0]}"


def _say_rows(op: Any, xs: Sequence[Shape], axis: int) -> str:
    axes = len(op.size) - 2
    return f"{listed(xs[0])} arrives, and size {listed(op.size)} takes maps [N, {axes}, {axes + 1}]"


GRID_RANK = Claim("SC209", "", ZERO, _say_grid_rank)
BATCHES = Claim("SC211", "", ZERO, _say_batches)
COORDINATES = Claim("SC211", "", ZERO, _say_coordinates)
BICUBIC = Claim("SC209", "mode", ZERO, _say_bicubic)
EMPTY = Claim("SC211", "", AT_LEAST_ZERO, _say_empty)
SIZE = Claim("SC109", "size", ZERO, _say_size)
MAPS = Claim("SC211", "size", ZERO, _say_maps)
ROWS = Claim("SC211", "size", ZERO, _say_rows)
