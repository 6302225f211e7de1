"""Whether any or all of the values along axes are not 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.ops.reduce import Reduction

if TYPE_CHECKING:
    from shapecalc.ops.op import Shape


class Truth(Reduction):
    """Whether any value (Any) or every one (All) along axes is not 0.

    Sizes: the named axes go, or stay with size 1; without `dim` all go, and with an empty list none.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: the outputs are truth values (of uint8 again uint8), through which no gradient comes back.
    Torch: torch.any, torch.all.
    """

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        if self.dim == ():
            self.axes = ()

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("uint8" if dtypes[0] == "uint8" else "bool",)


class Any(Truth):
    function = "any"


class All(Truth):
    function = "all"
