"""Softmax and its kin: values along one axis turned into shares that sum to one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import or_null
from shapecalc.ops.layout import ordered
from shapecalc.ops.op import KEEPS_OUTPUT, Attribute, Pointwise
from shapecalc.ops.ranks import DIM, dim_needs, from_front
from shapecalc.ops.tally import softmaxed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class AlongAxis(Pointwise):
    """What the softmax family shares: each position of the axis sees all of it."""

    roles = frozenset({"softmax"})
    lies = ordered

    takes = FLOATS
    kept = KEEPS_OUTPUT

    axis: int

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, ALL if a == self.axis else POINT) for a in range(len(xs[0]))),)

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return softmaxed(ys[0], self.axis)


class ChosenAxis(AlongAxis):
    """exp(x) over the sum of exp(x) along one axis (Softmax), its logarithm (LogSoftmax), or that of -x (Softmin).

    Sizes: the input's.
    Cost: no parameters, no multiply-accumulates; training keeps the output.
    Pitfalls: without `dim` torch warns and takes axis 0 of 0, 1 and 3 dimensions and axis 1 of others, which on
    [N, T, C] mixes the samples of a batch: say `dim: -1`. A loss on logits (CrossEntropyLoss) brings its own.
    Torch: torch.nn.Softmax, LogSoftmax, Softmin.
    """

    attributes = (Attribute("dim", or_null(DIM), None, "the dimension whose values sum to one", main=True),)

    dim: int | None

    def settle(self, *xs: Shape) -> None:
        rank = len(xs[0])
        if self.dim is None:
            self.axis = 0 if rank in (0, 1, 3) else 1
        else:
            self.axis = from_front(self.dim, rank)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        # A number (no dimensions) counts as one of one dimension here.
        return dim_needs(self.axis, len(xs[0]) or 1)

    def constructor(self) -> str | None:
        """With `dim` said, as torch's choice of one is deprecated."""
        return f"nn.{type(self).__name__}(dim={self.axis if self.dim is None else self.dim})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 3, 5),)), ({"dim": -1}, ((2, 3, 5, 4),)), ({}, ((2, 3, 5),)), ({}, ((4, 7),))]


class Softmax(ChosenAxis):
    """exp(x) / sum(exp(x))"""


class LogSoftmax(ChosenAxis):
    """x - log(sum(exp(x)))"""

    roles = frozenset({"log_softmax", "idempotent"})

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """A subtraction of the logarithm in place of the division."""
        counts, n = softmaxed(ys[0], self.axis), prod(ys[0])
        rows = n - counts["comparisons"]
        return {**counts, "adds": counts["adds"] + n, "exponentials": n + rows, "divisions": 0}


class Softmin(ChosenAxis):
    """exp(-x) / sum(exp(-x))"""


class Softmax2d(AlongAxis):
    """Softmax over the channels of an image, at each position.

    Sizes: the input's.
    Cost: no parameters, no multiply-accumulates; training keeps the output.
    Pitfalls: it is over channels, not over positions.
    Torch: torch.nn.Softmax2d.
    """

    ranks = (3, 4)

    def settle(self, *xs: Shape) -> None:
        self.axis = len(xs[0]) - 3

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4),)), ({}, ((3, 5, 4),))]
