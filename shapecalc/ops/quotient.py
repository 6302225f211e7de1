"""Quotients of tensors and numbers, element by element."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.ops.dtypes import promoted
from shapecalc.ops.merge import OPERANDS, Elementwise, broadcast
from shapecalc.ops.op import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape


class Div(Elementwise):
    """The first operand divided by the others, element by element.

    Sizes: sizes of 1 stretch to those of the others, as in torch.
    Cost: no multiply-accumulates; autograd keeps every tensor that divides or is divided by one, and the quotients
        between; nothing where numbers alone divide.
    Pitfalls: integers become float32; nothing guards against a division by 0.
    Torch: torch.div, the sign /.
    """

    attributes = (OPERANDS,)
    sign = "/"

    def stretches(self) -> bool:
        return True

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes, [1.0] if len(self.operands) > 1 else []),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Both sides of each quotient of tensors, and the reciprocal that torch makes of a number by a tensor."""
        kept: list[Kept] = []
        before: Kept | None = None
        shape: Shape = ()
        count = 0
        for n, operand in enumerate(self.operands):
            if isinstance(operand, str):
                x, count = xs[count], count + 1
                shape = broadcast((shape, x))
                upto = tuple(range(count))
                if before is not None:
                    before.when = (count - 1,)
                    kept += [before, Kept("input", count - 1, when=upto)]
                elif n:
                    kept.append(Kept("new", shape=x, when=(count - 1,)))
                before = Kept("new", shape=shape) if n else Kept("input")
            elif before is not None:
                before = Kept("new", shape=shape)
        return kept

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4), (2, 3, 5, 4))),
            ({}, ((2, 7), (2, 7), (2, 7))),
            ({"operands": (1, "tensor", 0.5, "free")}, ((3, 4), (4,))),
            ({"operands": ("tensor", 2)}, ((3, 4),)),
            ({"operands": ("tensor", 2, "tensor")}, ((2, 3, 1), (3, 4))),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"divisions": prod(ys[0]) * (len(self.operands) - 1)}
