"""Further functions of each value on its own: other logarithms and exponentials, angles, reciprocals, rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.ops.dtypes import FLOATS, INTS
from shapecalc.ops.elementwise import Smooth, ValueByValue
from shapecalc.ops.op import KEEPS_NOTHING, KEEPS_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence


class Curve(Smooth):
    """A smooth function of one value at a time.

    Sizes: unchanged.
    Cost: no multiply-accumulates by convention; autograd keeps the input, or of Expm1, Exp2, Tan and Reciprocal the
        output.
    Pitfalls: integers and booleans become float32; logarithms of what is not positive, Asin and Acos beyond 1 and
        the Reciprocal of 0 give infinities or nan.
    Torch: torch.expm1, log1p, exp2, log2, log10, tan, asin, acos, atan, sinh, cosh, reciprocal.
    """


class Expm1(Curve):
    kept = KEEPS_OUTPUT


class Log1p(Curve):
    pass


class Exp2(Curve):
    kept = KEEPS_OUTPUT


class Log2(Curve):
    pass


class Log10(Curve):
    pass


class Tan(Curve):
    kept = KEEPS_OUTPUT


class Asin(Curve):
    pass


class Acos(Curve):
    pass


class Atan(Curve):
    pass


class Sinh(Curve):
    pass


class Cosh(Curve):
    pass


class Reciprocal(Curve):
    kept = KEEPS_OUTPUT


class Square(ValueByValue):
    """The square of each value.

    Sizes: unchanged.
    Cost: no multiply-accumulates by convention; autograd keeps the input.
    Pitfalls: small integer dtypes overflow in silence; booleans become int64.
    Torch: torch.square.
    """

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("int64" if dtypes[0] == "bool" else dtypes[0],)


class Step(ValueByValue):
    """A function that is constant but for jumps.

    Sizes: unchanged.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: the gradient is 0 everywhere, so nothing before it learns; Round goes to the even neighbour of a half.
    Torch: torch.floor, ceil, round, trunc, sign.
    """

    takes = FLOATS | INTS
    kept = KEEPS_NOTHING


class Floor(Step):
    pass


class Ceil(Step):
    pass


class Round(Step):
    pass


class Trunc(Step):
    pass


class Sign(Step):
    takes = FLOATS | INTS | {"bool"}


class LogicalNot(ValueByValue):
    """True where the value is 0, false elsewhere.

    Sizes: unchanged.
    Cost: no multiply-accumulates; autograd keeps nothing.
    Pitfalls: no gradient comes back through truth values.
    Torch: torch.logical_not.
    """

    kept = KEEPS_NOTHING

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("bool",)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.logical_not()"
