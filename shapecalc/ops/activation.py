"""Activations: functions of each value by itself, and the gated linear unit, which halves an axis."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.dtypes import FLOATS, INTS, overflows
from shapecalc.ops.kinds import FLAG, NUMBER, Number, Unfit, Word
from shapecalc.ops.layout import ordered
from shapecalc.ops.op import KEEPS_NOTHING, KEEPS_OUTPUT, NO_NEEDS, ZERO, Attribute, Claim, Kept, Pointwise
from shapecalc.ops.ranks import DIM, dim_needs, from_front
from shapecalc.ops.tally import per

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

INPLACE = Attribute("inplace", FLAG, False, "whether the result overwrites the input")


class NotZero(Number):
    """A number other than 0."""

    wants = "a number other than 0"

    def read(self, value: Any) -> Any:
        if super().read(value) == 0:
            raise Unfit(f"it is {value} where {self.wants} is due")
        return value


class Activation(Pointwise):
    """A function of each value by itself.

    Sizes: the input's.
    Cost: no parameters, no multiply-accumulates; training keeps the input, or the output where that tells
    the slope.
    Pitfalls: in place it overwrites what an earlier layer, or another branch, may still need.
    Torch: the class of the same name in torch.nn.
    """

    hooked: ClassVar[bool] = False
    """Whether ptflops counts one for each value."""
    roles = frozenset({"activation"})
    takes = FLOATS
    keeps_more: ClassVar[bool] = False
    """Whether it also keeps a new tensor of the input's size."""
    clones: ClassVar[bool] = False
    """Whether it keeps a copy of the input when it overwrites it."""
    promotes: ClassVar[bool] = False
    """Whether integers become float32."""

    inplace: bool = False

    def settle(self, *xs: Shape) -> None:
        if self.inplace:
            self.view = True  # type: ignore[misc]

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("float32",) if self.promotes and dtypes[0] not in FLOATS else None

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        new = (Kept("new", shape=xs[0]),)
        if self.clones and self.inplace:
            return new
        return (*self.kept, *new) if self.keeps_more else self.kept

    @classmethod
    def samples(cls) -> Any:
        overwriting = [({"inplace": True}, ((2, 3, 5),))] if INPLACE in cls.attributes else []
        return [({}, ((2, 3, 5, 4),)), ({}, ((7,),)), *overwriting]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return {"ptflops": prod(ys[0])} if self.hooked else {}


class ReLU(Activation):
    """max(0, x)"""

    hooked = True
    each = per(comparisons=1)
    roles = frozenset({"activation", "idempotent", "rectifier"})
    takes = FLOATS | INTS
    kept = KEEPS_OUTPUT
    attributes = (INPLACE,)


class ReLU6(Activation):
    """min(max(0, x), 6)"""

    hooked = True
    each = per(comparisons=2)
    roles = frozenset({"activation", "idempotent", "rectifier"})
    takes = FLOATS | INTS
    clones = True
    attributes = (INPLACE,)


class LeakyReLU(Activation):
    """x where positive, negative_slope * x elsewhere"""

    hooked = True
    each = per(comparisons=1, multiplications=1)
    attributes = (Attribute("negative_slope", NUMBER, 0.01, "slope of negative values", main=True), INPLACE)


class ELU(Activation):
    """x where positive, alpha * (exp(x) - 1) elsewhere"""

    hooked = True
    each = per(comparisons=1, exponentials=1, adds=1, multiplications=1)
    attributes = (Attribute("alpha", NUMBER, 1.0, "minus the limit at minus infinity", main=True), INPLACE)


class CELU(Activation):
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere"""

    each = per(comparisons=1, exponentials=1, adds=1, multiplications=1, divisions=1)
    attributes = (Attribute("alpha", NotZero(), 1.0, "minus the limit at minus infinity", main=True), INPLACE)


class SELU(Activation):
    """1.0507 * ELU with alpha 1.6733, the numbers that keep mean 0 and variance 1"""

    each = per(comparisons=1, exponentials=1, adds=1, multiplications=1)
    attributes = (INPLACE,)


class GELU(Activation):
    """x * Phi(x), Phi being the normal distribution, or its approximation by tanh"""

    hooked = True
    each = per(exponentials=1, adds=1, multiplications=3)
    attributes = (Attribute("approximate", Word("none", "tanh"), "none", "how Phi is computed", main=True),)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4),)), ({"approximate": "tanh"}, ((7,),))]


class SiLU(Activation):
    """x * sigmoid(x)"""

    each = per(exponentials=1, adds=1, divisions=1)
    clones = True
    attributes = (INPLACE,)


class Mish(Activation):
    """x * tanh(softplus(x))"""

    each = per(exponentials=3, adds=1, multiplications=1)
    clones = True
    attributes = (INPLACE,)


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta, linear above the threshold"""

    each = per(comparisons=1, exponentials=2, adds=1, multiplications=1, divisions=1)
    attributes = (
        Attribute("beta", NUMBER, 1.0, "how sharp the bend is"),
        Attribute("threshold", NUMBER, 20.0, "beta * x above which it is linear"),
    )


class Softsign(Activation):
    """x / (1 + |x|)"""

    each = per(adds=1, divisions=1)
    takes = FLOATS | INTS
    keeps_more = True
    promotes = True


class Softshrink(Activation):
    """x moved towards 0 by lambd, 0 where it would cross"""

    each = per(comparisons=2, adds=1)
    attributes = (Attribute("lambd", Number(0), 0.5, "half the width of what becomes 0", main=True),)


class Hardshrink(Activation):
    """x where |x| is above lambd, 0 elsewhere"""

    each = per(comparisons=1)
    attributes = (Attribute("lambd", NUMBER, 0.5, "half the width of what becomes 0", main=True),)


class Tanhshrink(Activation):
    """x - tanh(x)"""

    each = per(exponentials=1, adds=1)
    takes = FLOATS | INTS
    kept = KEEPS_NOTHING
    keeps_more = True
    promotes = True


class Hardtanh(Activation):
    """x cut to the range from min_val to max_val"""

    each = per(comparisons=2)
    roles = frozenset({"activation", "idempotent"})
    takes = FLOATS | INTS
    clones = True
    attributes = (
        Attribute("min_val", NUMBER, -1.0, "least value"),
        Attribute("max_val", NUMBER, 1.0, "greatest value"),
        INPLACE,
    )

    min_val: float
    max_val: float

    def unfit_dtypes(self, *dtypes: str) -> str:
        negative = dtypes[0] == "uint8" and min(self.min_val, self.max_val) < 0
        return f"takes no uint8 for a least value of {self.min_val}" if negative else ""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS if self.min_val < self.max_val else [(VALUE_ORDER, 1)]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"min_val": 0, "max_val": 6.0}, ((2, 7),))]


class Hardsigmoid(Activation):
    """0 below -3, 1 above 3, x / 6 + 1 / 2 between"""

    each = per(comparisons=2, adds=1, divisions=1)
    clones = True
    attributes = (INPLACE,)


class Hardswish(Activation):
    """x * hardsigmoid(x)"""

    each = per(comparisons=2, adds=1, divisions=1, multiplications=1)
    clones = True
    attributes = (INPLACE,)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))"""

    each = per(exponentials=1, adds=1, divisions=1)
    roles = frozenset({"activation", "sigmoid"})
    takes = FLOATS | INTS | {"bool"}
    kept = KEEPS_OUTPUT
    promotes = True


class LogSigmoid(Activation):
    """log(1 / (1 + exp(-x)))"""

    each = per(exponentials=2, adds=1)
    lies = ordered

    keeps_more = True


class Tanh(Activation):
    """The hyperbolic tangent"""

    each = per(exponentials=1)
    takes = FLOATS | INTS | {"bool"}
    kept = KEEPS_OUTPUT
    promotes = True


class Threshold(Activation):
    """x where above the threshold, a value elsewhere"""

    each = per(comparisons=1)
    takes = FLOATS | INTS
    clones = True
    attributes = (
        Attribute("threshold", NUMBER, doc="what a value must exceed to stay", lead=True),
        Attribute("value", NUMBER, doc="what takes its place where it does not", lead=True),
        INPLACE,
    )
    threshold: float
    value: float

    def unfit_dtypes(self, *dtypes: str) -> str:
        """Floats are compared in a wider dtype, so that the value alone must fit; whole numbers wrap in uint8."""
        (dtype,) = dtypes
        numbers = (self.value,) if dtype in FLOATS else (self.value, self.threshold)
        for number in numbers:
            if overflows(abs(number) if dtype == "uint8" and isinstance(number, int) else number, dtype):
                return f"cannot hold {number} in {dtype}"
        return ""

    @classmethod
    def samples(cls) -> Any:
        arguments = {"threshold": 0.1, "value": 20}
        return [(arguments, ((2, 3, 5, 4),)), ({**arguments, "inplace": True}, ((7,),))]


class GLU(Activation):
    """The gated linear unit: the first half of an axis times the sigmoid of the second.

    Sizes: i / 2 on the axis `dim`, the others as they are.
    Cost: no parameters, no multiply-accumulates; training keeps the input.
    Pitfalls: the axis must be even; the default is the last one, which is the width of an image.
    Torch: torch.nn.GLU.
    """

    each = per(exponentials=1, adds=1, divisions=1, multiplications=1)
    attributes = (Attribute("dim", DIM, -1, "the dimension that is halved", main=True),)

    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, len(xs[0]))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        return dim_needs(self.axis, len(x)) or [(EVEN, x[self.axis] % 2, self.axis)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        return ((*x[: self.axis], x[self.axis] // 2, *x[self.axis + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The halved axis is seen at two distant places: named by no output axis, it counts as seen whole."""
        return (tuple((None if a == self.axis else a, POINT) for a in range(len(xs[0]))),)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 6),)), ({"dim": 1}, ((2, 6, 5, 3),)), ({"dim": -2}, ((4, 5),))]


def _say_value_order(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"min_val {op.min_val} is not below max_val {op.max_val}"


def _say_even(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{xs[0][axis]} on axis {axis} cannot be halved"


VALUE_ORDER = Claim("SC109", "min_val", ZERO, _say_value_order)
EVEN = Claim("SC214", "dim", ZERO, _say_even)
