"""Functions of each value on its own: exponentials, roots, powers, limits, and the change of dtype."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.sym import Sym
from shapecalc.ops.dtypes import FLOATS, INTS, WIDTHS, promoted
from shapecalc.ops.kinds import AMOUNT, Kind, or_null
from shapecalc.ops.op import (
    KEEPS_NOTHING,
    KEEPS_OUTPUT,
    ZERO,
    Attribute,
    Claim,
    Kept,
    Pointwise,
    source,
)
from shapecalc.ops.tally import per

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Shape


class ValueByValue(Pointwise):
    """A tensor function of one value at a time.

    Sizes: unchanged.
    Cost: no multiply-accumulates by convention; autograd keeps the input (Log, Abs, Sin, Cos, Erf, Clamp, Pow), the
        output (Exp, Sqrt, Rsqrt) or nothing (Neg, Cast).
    Pitfalls: integers and booleans become float32, but for Abs, Neg and Clamp; Log and Rsqrt of 0 are infinite, and
        the gradient of Sqrt at 0 is.
    Torch: torch.exp, log, sqrt, rsqrt, abs, neg, sin, cos, erf, clamp, pow, and torch.Tensor.to.
    """

    module = False

    def constructor(self) -> str | None:
        return None

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.{type(self).__name__.lower()}({', '.join(self.arguments())})"

    def arguments(self) -> list[str]:
        """Source text of what stands between the parentheses."""
        return []


class Smooth(ValueByValue):
    """What is a float for every input."""

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0] if dtypes[0] in FLOATS else "float32",)


class Exp(Smooth):
    each = per(exponentials=1)
    kept = KEEPS_OUTPUT


class Log(Smooth):
    each = per(exponentials=1)


class Sqrt(Smooth):
    each = per(exponentials=1)
    kept = KEEPS_OUTPUT


class Rsqrt(Smooth):
    each = per(exponentials=1, divisions=1)
    kept = KEEPS_OUTPUT


class Sin(Smooth):
    each = per(exponentials=1)


class Cos(Smooth):
    each = per(exponentials=1)


class Erf(Smooth):
    each = per(exponentials=1)


class Abs(ValueByValue):
    still = True
    takes = FLOATS | INTS


class Neg(ValueByValue):
    still = True
    takes = FLOATS | INTS
    kept = KEEPS_NOTHING


class Clamp(ValueByValue):
    attributes = (
        Attribute("min", or_null(AMOUNT), None, "the least value; null: no limit"),
        Attribute("max", or_null(AMOUNT), None, "the largest value; null: no limit"),
    )
    min: float | None
    max: float | None

    def limits(self) -> list[Any]:
        return [limit for limit in (self.min, self.max) if limit is not None]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((LIMITS, int(not self.limits())),)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes, self.limits()),)

    def arguments(self) -> list[str]:
        return [f"{n}={source(v)}" for n, v in (("min", self.min), ("max", self.max)) if v is not None]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"min": 0, "max": 6}, ((2, 3, 5, 4),)),
            ({"min": -0.5}, ((2, 7),)),
            ({"max": 0.75}, ((3,),)),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"comparisons": len(self.limits()) * prod(ys[0])}


class Pow(ValueByValue):
    attributes = (Attribute("exponent", AMOUNT, doc="the power; 0.5 is the square root", main=True),)
    exponent: Any

    def unfit_dtypes(self, *dtypes: str) -> str:
        negative = isinstance(self.exponent, int) and self.exponent < 0
        return (
            f"raises no {dtypes[0]} to the negative power {self.exponent}"
            if negative and dtypes[0] not in FLOATS
            else ""
        )

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes, [self.exponent]),)

    def arguments(self) -> list[str]:
        return [source(self.exponent)]

    def blanks(self) -> bool:
        return self.exponent == 0 or isinstance(self.exponent, Sym)

    @classmethod
    def samples(cls) -> Any:
        return [({"exponent": 2}, ((2, 3, 5, 4),)), ({"exponent": 0.5}, ((2, 7),)), ({"exponent": -1}, ((3,),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"multiplications" if self.exponent == 2 else "exponentials": prod(ys[0])}


class DType(Kind):
    """The name of a dtype as torch has it; names are never read as expressions."""

    text = True
    types = (str,)
    wants = "a dtype: " + ", ".join(WIDTHS)

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in WIDTHS:
            raise self.unfit(value)
        return value


class Cast(ValueByValue):
    """Turns the values into another dtype.

    Sizes: unchanged.
    Cost: a copy of other width; nothing is kept for backward.
    Pitfalls: no gradient comes back through integers; floats lose what follows the point, or precision. To the
        dtype that it has the input comes back itself, which is counted as a copy.
    Torch: torch.Tensor.to.
    """

    still = True
    attributes = (Attribute("dtype", DType(), doc="the dtype of the output", main=True),)
    kept: ClassVar[tuple[Kept, ...]] = KEEPS_NOTHING
    dtype: str

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (self.dtype,)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.to(torch.{self.dtype})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dtype": "float64"}, ((2, 3, 5, 4),)), ({"dtype": "int64"}, ((2, 7),))]


def _say_limits(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "Clamp has neither min nor max"


LIMITS = Claim("SC108", "", ZERO, _say_limits)
