"""Running products along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.ops.reduce import KEEPS_BOTH, CumSum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Kept, Shape


class CumProd(CumSum):
    """Running products along an axis: each value is that of the input times all before it.

    Sizes: unchanged.
    Cost: no multiply-accumulates by convention; autograd keeps the input and the output.
    Pitfalls: the receptive field along the axis is given as whole, though nothing behind a position is seen;
        integers and booleans become int64.
    Torch: torch.cumprod.
    """

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.cumprod({self.axis})"
