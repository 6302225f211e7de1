"""Bilinear maps of two inputs."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG, POSITIVE
from shapecalc.ops.op import INFERRED, ZERO, Attribute, Claim, Kept, Operator, flattened, once_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Need, Reads, Shape


class Bilinear(Operator):
    """Each output feature is a weighted sum of the products of every feature of one input with every one of another.

    Sizes: the last axes become out_features; every other axis stays, and must be equal in both.
    Cost: in1_features x in2_features multiply-accumulates for each output value.
    Pitfalls: the weight has three axes and grows fast; torch's own counter counts 0 for it.
    Torch: torch.nn.Bilinear.
    """

    takes = FLOATS
    same_dtype = frozenset({"input2"})
    inputs = ("input1", "input2")
    attributes = (
        Attribute("in1_features", POSITIVE, INFERRED, "size of the last axis of the first input", lead=True),
        Attribute("in2_features", POSITIVE, INFERRED, "size of the last axis of the second input", lead=True),
        Attribute("out_features", COUNT, doc="size of the last axis of the output", main=True, lead=True),
        Attribute("bias", FLAG, True, "whether a learned number is added to each output feature"),
    )
    in1_features: Dim
    in2_features: Dim
    out_features: Dim
    bias: bool

    def settle(self, *xs: Shape) -> None:
        a, b = xs
        if self.in1_features is INFERRED and a:
            self.in1_features = a[-1]
        if self.in2_features is INFERRED and b:
            self.in2_features = b[-1]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        a, b = xs
        if len(a) != len(b) or not a:
            return ((RANKS, 1),)
        last = len(a) - 1
        batch: list[Need] = [(UNEQUAL, t - s, n) for n, (s, t) in enumerate(zip(a[:-1], b[:-1], strict=True))]
        features: list[Need] = [(FIRST, a[-1] - self.in1_features, last), (SECOND, b[-1] - self.in2_features)]
        return [*batch, *features]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0][:-1], self.out_features),)

    def weights(self) -> Mapping[str, Shape]:
        weight = (self.out_features, self.in1_features, self.in2_features)
        return {"weight": weight, "bias": (self.out_features,)} if self.bias else {"weight": weight}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0]) * self.in1_features * self.in2_features

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return once_each(self, xs, ys, wanted)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        read = (*((a, POINT) for a in range(len(xs[0]) - 1)), (None, POINT))
        return (read, read)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), Kept("input", 1))

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """The inputs, or the copies that make matrices of them."""
        return [flattened(n, arrival) for n in (0, 1)]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"out_features": 4}, ((2, 3), (2, 5))),
            ({"out_features": 2, "bias": False}, ((2, 7, 3), (2, 7, 5))),
            ({"in1_features": 3, "in2_features": 4, "out_features": 1}, ((3,), (4,))),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": prod(ys[0])} if self.bias else {}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """Neither tool knows it."""
        return {"fvcore": 0, "ptflops": 0}


def _say_ranks(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return (
        f"Bilinear takes two inputs of equally many dimensions, at least 1; {listed(xs[0])} and {listed(xs[1])} arrive"
    )


def _say_unequal(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{listed(xs[0])} and {listed(xs[1])} differ on axis {axis}: {xs[0][axis]} and {xs[1][axis]}"


def _say_first(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in1_features is {op.in1_features}, but {xs[0][-1]} features arrive"


def _say_second(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in2_features is {op.in2_features}, but {xs[1][-1]} features arrive"


RANKS = Claim("SC209", "", ZERO, _say_ranks)
UNEQUAL = Claim("SC211", "", ZERO, _say_unequal)
FIRST = Claim("SC203", "in1_features", ZERO, _say_first)
SECOND = Claim("SC203", "in2_features", ZERO, _say_second)
