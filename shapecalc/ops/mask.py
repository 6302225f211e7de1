"""What blots out values: by a mask that comes at run time, or above or below a diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.arrange import TensorFunction
from shapecalc.ops.dtypes import overflows
from shapecalc.ops.kinds import INT, NUMBER
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
from shapecalc.ops.op import NO_NEEDS, Attribute, Kept, source
from shapecalc.ops.ranks import rank_needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class MaskedFill(TensorFunction):
    """A number where the mask holds, the input elsewhere: attention masks, with `value: -.inf` before a Softmax.

    Sizes: those of both inputs, which broadcast.
    Cost: no multiply-accumulates; autograd keeps the mask (1 byte each).
    Pitfalls: true means blotted out; a Softmax of a row that is -inf throughout is nan.
    Torch: torch.masked_fill.
    """

    inputs = ("input", "mask")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"mask": frozenset({"bool"})}
    attributes = (Attribute("value", NUMBER, doc="what stands where the mask holds", main=True),)
    value: Any

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return broadcast_needs(xs)

    def unfit_dtypes(self, *dtypes: str) -> str:
        return "" if fits(self.value, dtypes[0]) else f"cannot put {self.value} among values of dtype {dtypes[0]}"

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (broadcast(xs),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return [stretched(x, ys[0]) for x in xs]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 1),)

    def blanks(self) -> bool:
        return True

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.masked_fill({args[1]}, {source(self.value)})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"value": 0}, ((3, 4), (3, 4))),
            ({"value": float("-inf")}, ((2, 3, 5, 5), (5, 5))),
            ({"value": 0.5}, ((1, 4), (3, 1))),
        ]


def fits(value: Any, dtype: str) -> bool:
    """Whether torch fills the number into the dtype: uint8 takes negative ones too, as it does not elsewhere.

    >>> fits(-1, "uint8"), fits(200, "int8"), fits(float("inf"), "float16")
    (True, False, True)
    """
    if not isinstance(value, int | float):
        return True
    return not overflows(abs(value) if dtype == "uint8" else value, dtype)


class Triangle(TensorFunction):
    """The upper (Triu) or the lower triangle (Tril) of the last two axes, 0 elsewhere.

    Sizes: unchanged.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: it is a copy, not a mask: of scores before a Softmax, 0 is no reason not to look.
    Torch: torch.triu, torch.tril.
    """

    attributes = (
        Attribute("diagonal", INT, 0, "the diagonal where it begins: above the main one if positive", main=True),
    )
    least_rank = 2
    function: ClassVar[str]
    diagonal: Dim

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return rank_needs(self.least_rank, xs[0]) or NO_NEEDS

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return None

    def blanks(self) -> bool:
        return True

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.{self.function}({'' if self.diagonal == 0 else self.diagonal})"

    @classmethod
    def samples(cls) -> Any:
        return [({"diagonal": -9}, ((4, 5),)), ({"diagonal": -9}, ((2, 3, 5, 4),))]


class Triu(Triangle):
    function = "triu"


class Tril(Triangle):
    function = "tril"

    @classmethod
    def samples(cls) -> Any:
        return [({"diagonal": 9}, ((4, 5),)), ({"diagonal": 9}, ((2, 3, 5, 4),))]
