"""Means and sums over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import TensorFunction, counted, dimension_claim, outside, twice_claim
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, Either, Listed, or_null
from shapecalc.ops.op import Attribute, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Reads, Shape


class Reduction(TensorFunction):
    """What means and sums share: the axes that go, all of them where none is named."""

    function: ClassVar[str]
    attributes = (
        Attribute("dim", or_null(Either(AXIS, Listed(AXIS, strict=True))), None, "axes that go", main=True),
        Attribute("keepdim", FLAG, False, "whether they stay with size 1"),
    )
    dim: int | tuple[int, ...] | None
    keepdim: bool
    axes: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        """An empty list means every axis, as in torch."""
        rank = len(xs[0])
        dims = (self.dim,) if isinstance(self.dim, int) else self.dim or range(rank)
        self.axes = tuple(from_front(d, counted(rank)) for d in dims)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside(self.axes, len(xs[0])):
            return ((DIM, 1),)
        return ((DIM_TWICE, len(self.axes) - len(set(self.axes))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        kept = [1 if a in self.axes else size for a, size in enumerate(xs[0]) if self.keepdim or a not in self.axes]
        return (tuple(kept),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axes that go are named by no output axis: they are seen whole."""
        rank = range(len(xs[0]))
        left = [a for a in rank if self.keepdim or a not in self.axes]
        return (tuple((None if a in self.axes else a, POINT) for a in left),)

    def call(self, module: str, args: Sequence[str]) -> str:
        dims = [] if self.dim is None and not self.keepdim else [source(self.dim)]
        return f"{args[0]}.{self.function}({', '.join([*dims, *['keepdim=True'] * self.keepdim])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": [2, 3]}, ((2, 3, 5, 4),)),
            ({"dim": -1, "keepdim": True}, ((2, 3, 7),)),
            ({}, ((3, 4),)),
            ({"keepdim": True}, ((2, 3, 4),)),
        ]


class Mean(Reduction):
    """The mean over axes: `Mean: [2, 3]` is global average pooling without the axes of size 1.

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: without `dim` it takes the mean over the batch too; it takes floats only.
    Torch: torch.mean.
    """

    takes = FLOATS
    function = "mean"


class Sum(Reduction):
    """The sum over axes.

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: without `dim` it sums over the batch too; integers and booleans become int64.
    Torch: torch.sum.
    """

    function = "sum"

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0] if "float" in dtypes[0] else "int64",)


DIM, DIM_TWICE = dimension_claim("dim"), twice_claim("dim")
