"""Linear maps of the last axis, and the identity."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG
from shapecalc.ops.op import (
    INFERRED,
    KEEPS_INPUT,
    KEEPS_NOTHING,
    ZERO,
    Attribute,
    Claim,
    Kept,
    Operator,
    Pointwise,
    flattened,
    known,
    once_each,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Need, Reads, Shape


class Linear(Operator):
    """A matrix product with the last axis, plus a bias: each output feature is a weighted sum of all input features.

    Sizes: the last axis becomes out_features; every other axis stays.
    Cost: in_features multiply-accumulates for each output value, so a sequence costs one map for each position.
    Pitfalls: on a feature map it acts on the width alone (flatten first, or use a 1x1 convolution); in_features is
        read off the input; bias right before a batch norm is wasted.
    Torch: torch.nn.Linear.
    """

    roles = frozenset({"affine", "linear"})
    takes = FLOATS
    attributes = (
        Attribute("in_features", COUNT, INFERRED, "size of the last axis of the input", lead=True),
        Attribute("out_features", COUNT, doc="size of the last axis of the output", main=True, lead=True),
        Attribute("bias", FLAG, True, "whether a learned number is added to each output feature"),
    )

    in_features: Dim
    out_features: Dim
    bias: bool

    def settle(self, *xs: Shape) -> None:
        if self.in_features is INFERRED and xs[0]:
            self.in_features = xs[0][-1]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        return ((FEATURES, x[-1] - self.in_features, len(x) - 1),) if x else ((NO_FEATURES, 1),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0][:-1], self.out_features),)

    def weights(self) -> Mapping[str, Shape]:
        weight = (self.out_features, self.in_features)
        return {"weight": weight, "bias": (self.out_features,)} if self.bias else {"weight": weight}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0]) * self.in_features

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return once_each(self, xs, ys, wanted)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return ((*((a, POINT) for a in range(len(xs[0]) - 1)), (None, POINT)),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """The input, or the copy that makes a matrix of it."""
        return (flattened(0, arrival),)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"out_features": 5}, ((2, 7),)),
            ({"out_features": 6, "bias": False}, ((3, 5, 4),)),
            ({"in_features": 9, "out_features": 1}, ((9,),)),
            ({"out_features": 8}, ((2, 3, 5, 7),)),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": prod(ys[0])} if self.bias else {}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops counts the bias."""
        return {"ptflops": known(self.macs(xs, ys)) + prod(ys[0]) * self.bias}


class Identity(Pointwise):
    """The input itself.

    Sizes: unchanged.
    Cost: none.
    Pitfalls: none; it holds a place in a sequence whose numbers must match.
    Torch: torch.nn.Identity.
    """

    still = True
    roles = frozenset({"identity", "passes_shift"})
    view = True
    kept = KEEPS_NOTHING

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        return (True,) * len(xs)


def _say_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in_features is {op.in_features}, but {xs[0][-1]} features arrive"


def _say_no_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "Linear maps the last axis, and a scalar arrives, which has none"


FEATURES = Claim("SC203", "in_features", ZERO, _say_features)
NO_FEATURES = Claim("SC209", "in_features", ZERO, _say_no_features)
