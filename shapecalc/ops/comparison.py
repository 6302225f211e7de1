"""What compares or joins two tensors element by element: order, equality, truth, and the larger or smaller value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.merge import OPERANDS, Elementwise
from shapecalc.ops.op import KEEPS_NOTHING, ZERO, Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Shape


class Paired(Elementwise):
    """What takes two operands, whose sizes of 1 stretch."""

    attributes = (OPERANDS,)
    least_tensors: ClassVar[int] = 1
    """How many of the two must be tensors."""

    def stretches(self) -> bool:
        return True

    def needs(self, *xs: Shape) -> Sequence[Need]:
        fitting = len(self.operands) == 2 and len(xs) >= self.least_tensors
        return super().needs(*xs) if fitting else ((TWO, 1),)


class Compared(Paired):
    """Whether two values are equal (Eq), unequal (Ne), or one is greater (Gt, Ge) or less (Lt, Le) than the other.

    Sizes: sizes of 1 stretch to those of the other, as in torch. One operand may be a number.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: the outputs are truth values, through which no gradient comes back; floats that rounding made are
        seldom equal.
    Torch: torch.eq, ne, gt, ge, lt, le, the signs ==, !=, >, >=, <, <=.
    """

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("bool",)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_NOTHING

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4), (2, 3, 5, 4))),
            ({}, ((3, 1), (4,))),
            ({"operands": ("tensor", 0.5)}, ((3, 4),)),
            ({"operands": (1, "tensor")}, ((5,),)),
        ]


class Eq(Compared):
    sign = "=="


class Ne(Compared):
    sign = "!="


class Gt(Compared):
    sign = ">"


class Ge(Compared):
    sign = ">="


class Lt(Compared):
    sign = "<"


class Le(Compared):
    sign = "<="


class OfTensors(Paired):
    """What torch has a function of two tensors for, and takes no number."""

    least_tensors = 2
    function: ClassVar[str]

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.{self.function}({', '.join(args)})"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4), (2, 3, 5, 4))), ({}, ((3, 1), (4,)))]


class Greatest(OfTensors):
    """The larger (Maximum) or the smaller (Minimum) of two values.

    Sizes: sizes of 1 stretch to those of the other, as in torch.
    Cost: no multiply-accumulates; autograd keeps both operands.
    Pitfalls: Max and Min reduce one tensor; with a number, Clamp does the same. Equal values share the gradient.
    Torch: torch.maximum, torch.minimum.
    """

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1))


class Maximum(Greatest):
    function = "maximum"


class Minimum(Greatest):
    function = "minimum"


class Joined(OfTensors):
    """Whether both (LogicalAnd), any (LogicalOr) or one alone (LogicalXor) of two values is not 0.

    Sizes: sizes of 1 stretch to those of the other, as in torch.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: the outputs are truth values, through which no gradient comes back.
    Torch: torch.logical_and, logical_or, logical_xor.
    """

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("bool",)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_NOTHING


class LogicalAnd(Joined):
    function = "logical_and"


class LogicalOr(Joined):
    function = "logical_or"


class LogicalXor(Joined):
    function = "logical_xor"


def _say_two(op: Any, xs: Sequence[Shape], axis: int) -> str:
    kinds = "tensors" if op.least_tensors == 2 else "operands, one of them a tensor at least"
    numbers = len(op.numbers())
    given = f"{len(xs)} tensor{'s' * (len(xs) != 1)}" + f" and {numbers} number{'s' * (numbers != 1)}" * bool(numbers)
    return f"{type(op).__name__} takes two {kinds}; {given} arrive"


TWO = Claim("SC109", "operands", ZERO, _say_two)
