"""Rectifiers whose negative slope is learned or drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.activation import INPLACE, Activation
from shapecalc.ops.kinds import NUMBER, POSITIVE
from shapecalc.ops.layout import IN_ORDER
from shapecalc.ops.op import NO_NEEDS, ZERO, Attribute, Claim
from shapecalc.ops.tally import per

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Shape


class PReLU(Activation):
    """x where positive, weight * x elsewhere, the weight learned for all channels or for each.

    Sizes: the input's.
    Cost: num_parameters parameters, no multiply-accumulates; training keeps the input.
    Pitfalls: weight decay pulls the slope to 0; channels are axis 1, of unbatched input too.
    Torch: torch.nn.PReLU.
    """

    hooked = True
    each = per(comparisons=1, multiplications=1)
    attributes = (
        Attribute("num_parameters", POSITIVE, 1, "learned slopes: 1, or as many as channels", main=True),
        Attribute("init", NUMBER, 0.25, "the slope to begin with"),
    )

    num_parameters: Dim

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if self.num_parameters == 1:
            return NO_NEEDS
        channels = x[1] if len(x) > 1 else 1
        return [(SLOPES, channels - self.num_parameters)]

    def weights(self) -> Mapping[str, Shape]:
        return {"weight": (self.num_parameters,)}

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4),)), ({"num_parameters": 3, "init": 0.1}, ((2, 3, 5),)), ({}, ((7,),))]


class RReLU(Activation):
    """x where positive, a random slope elsewhere in training, the mean slope in evaluation"""

    each = per(comparisons=1, multiplications=1)

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return arrival.lies if self.inplace else IN_ORDER

    keeps_more = True
    attributes = (
        Attribute("lower", NUMBER, 1 / 8, "least slope of negative values"),
        Attribute("upper", NUMBER, 1 / 3, "greatest slope of negative values"),
        INPLACE,
    )

    lower: float
    upper: float

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS if self.lower <= self.upper else [(SLOPE_ORDER, 1)]


def _say_slopes(op: Any, xs: Sequence[Shape], axis: int) -> str:
    arriving = xs[0][1] if len(xs[0]) > 1 else 1
    arrive = "channel arrives" if arriving == 1 else "channels arrive"
    return f"num_parameters is {op.num_parameters}, but {arriving} {arrive}"


def _say_slope_order(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"lower {op.lower} is above upper {op.upper}"


SLOPES = Claim("SC202", "num_parameters", ZERO, _say_slopes)

SLOPE_ORDER = Claim("SC109", "lower", ZERO, _say_slope_order)
