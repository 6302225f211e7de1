"""Normalisation of each sample by itself: over its last axes, over groups of channels, over neighbouring channels.

Normalisations with statistics that may be tracked are in channelnorm.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT, Window
from shapecalc.ops.channelnorm import Norm, whole_from
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, NUMBER, POSITIVE, Listed, Unfit, or_null
from shapecalc.ops.layout import as_first, as_map
from shapecalc.ops.op import (
    AT_LEAST_ZERO,
    INFERRED,
    NO_NEEDS,
    NO_WEIGHTS,
    ZERO,
    Attribute,
    Claim,
    Kept,
    Uniform,
    copying,
)
from shapecalc.ops.ranks import rank_needs
from shapecalc.ops.strides import channels_last

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Need, Reads, Shape


class NormalizedShape(Listed):
    """One size, or a list of at least one, for the last axes."""

    def read(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, list | tuple) and not value:
            raise Unfit("it is [] where at least one size is due")
        return super().read(value)


class LastAxesNorm(Norm):
    """What layer and root-mean-square normalisation share: the last axes, whose sizes are declared."""

    normalized_shape: tuple[Dim, ...]
    elementwise_affine: bool

    def settle(self, *xs: Shape) -> None:
        declared = xs[0][-1:] if self.normalized_shape is INFERRED else self.normalized_shape
        self.normalized_shape = Uniform(declared) if len(declared) == 1 else declared

    @property
    def least_rank(self) -> int:
        """As many dimensions as are declared."""
        return len(self.normalized_shape) or 1

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        short = rank_needs(self.least_rank, x)
        if short:
            return short
        first = len(x) - len(self.normalized_shape)
        declared = zip(x[first:], self.normalized_shape, strict=True)
        return [(LAST_SIZES, i - due, a) for a, (i, due) in enumerate(declared, first)]

    def weights(self) -> Mapping[str, Shape]:
        return self.scale(tuple(self.normalized_shape), self.elementwise_affine)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return whole_from(xs[0], len(xs[0]) - len(self.normalized_shape))

    def per_row(self, x: Shape) -> Kept:
        """A new float for each row, a row being what is normalised together."""
        return Kept("new", shape=x[: len(x) - len(self.normalized_shape)])

    def groups(self, x: Shape) -> Dim:
        return prod(x[: len(x) - len(self.normalized_shape)])


SHAPE = Attribute(
    "normalized_shape",
    NormalizedShape(POSITIVE),
    INFERRED,
    "sizes of the last axes; the last one unless given",
    lead=True,
)
ELEMENTWISE = Attribute("elementwise_affine", FLAG, True, "whether a factor is learned for each element")


class LayerNorm(LastAxesNorm):
    """Each sample normalised over its last axes, for each position where only the last axis is named.

    Sizes: the input's.
    Cost: 2 parameters for each element of normalized_shape; training keeps the input and 2 floats a row.
    Pitfalls: the last axis of an image is its width, not its channels.
    Torch: torch.nn.LayerNorm.
    """

    attributes = (
        SHAPE,
        Attribute("eps", NUMBER, 1e-05, "added to the variance, against division by zero"),
        ELEMENTWISE,
        Attribute("bias", FLAG, True, "whether a summand is learned, where elementwise_affine is true"),
    )

    def measured(self, x: Shape) -> Dim:
        return prod(self.normalized_shape)

    def centres(self, x: Shape, axis: int) -> bool:
        return axis < len(x) - len(self.normalized_shape)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input"), self.per_row(xs[0]), self.per_row(xs[0]))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5),)),
            ({"normalized_shape": [3, 5], "bias": False}, ((2, 3, 5),)),
            ({"elementwise_affine": False, "eps": 1e-6}, ((7,),)),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops looks for `affine`, which a layer norm does not have."""
        return {**self.counted(xs[0]), "ptflops": prod(xs[0])}


class RMSNorm(LastAxesNorm):
    """Each sample divided by its root mean square over its last axes.

    Sizes: the input's.
    Cost: 1 parameter for each element of normalized_shape; training keeps the input, a float a row, and the
    normalised input where parameters are learned.
    Pitfalls: the last axis of an image is its width, not its channels; it has no bias; eps null is the smallest step.
    Torch: torch.nn.RMSNorm.
    """

    attributes = (
        SHAPE,
        Attribute("eps", or_null(NUMBER), None, "added to the mean square; null: the dtype's smallest step"),
        ELEMENTWISE,
    )

    bias = False

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        kept = (Kept("input"), self.per_row(xs[0]))
        return (*kept, Kept("new", shape=xs[0])) if self.elementwise_affine else kept

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5),)),
            ({"normalized_shape": [3, 5], "eps": 1e-6}, ((2, 3, 5),)),
            ({"elementwise_affine": False}, ((4, 7),)),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        n, rows = prod(xs[0]), self.groups(xs[0])
        scaled = (2 + self.elementwise_affine) * n
        return {"adds": n, "multiplications": scaled, "divisions": 2 * rows, "exponentials": rows}


class GroupNorm(Norm):
    """Each sample normalised over groups of channels and all positions.

    Sizes: the input's.
    Cost: 2 parameters for each channel; training keeps the input and 2 floats for each sample and group.
    Pitfalls: channels must divide by the groups; they are axis 1, of input without a batch too.
    Torch: torch.nn.GroupNorm.
    """

    lies = as_map

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """Of the input as it lies, unless that is neither in order nor with the channels last."""
        if channels_last(arrival.xs[0], arrival.lies[0]):
            return self.saved(arrival.xs, arrival.ys)
        return copying(self, arrival)

    least_rank = 2
    attributes = (
        Attribute("num_groups", POSITIVE, doc="groups that the channels are cut into", main=True, lead=True),
        Attribute("num_channels", POSITIVE, INFERRED, "channels of the input", lead=True),
        Attribute("eps", NUMBER, 1e-05, "added to the variance, against division by zero"),
        Attribute("affine", FLAG, True, "whether a factor and a summand are learned for each channel"),
        Attribute("bias", FLAG, True, "whether the summand is learned, where affine is true"),
    )

    num_groups: int
    num_channels: Dim
    affine: bool

    def settle(self, *xs: Shape) -> None:
        if self.num_channels is INFERRED:
            self.num_channels = prod(xs[0][1:2])

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        short = rank_needs(self.least_rank, x)
        if short:
            return short
        return [
            (GROUP_CHANNELS, x[1] - self.num_channels, 1),
            (GROUPS, self.num_channels % self.num_groups),
            (GROUP_VALUES, x[0] * self.measured(x) - 2),
        ]

    def measured(self, x: Shape) -> Dim:
        return x[1] // self.num_groups * prod(x[2:])

    def centres(self, x: Shape, axis: int) -> bool:
        """With one channel a group it is an instance norm."""
        return axis == 1 and self.num_groups == self.num_channels

    def weights(self) -> Mapping[str, Shape]:
        return self.scale((self.num_channels,), self.affine)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return whole_from(xs[0], 1)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        each = (xs[0][0], self.num_groups)
        return (Kept("input"), Kept("new", shape=each), Kept("new", shape=each))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"num_groups": 2}, ((2, 6, 5, 4),)),
            ({"num_groups": 3, "num_channels": 6, "affine": False}, ((2, 6),)),
            ({"num_groups": 1, "bias": False}, ((2, 4, 7),)),
        ]

    def groups(self, x: Shape) -> Dim:
        return x[0] * self.num_groups

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return self.counted(xs[0])


class LocalResponseNorm(Norm):
    """Each value divided by a power of the mean square over neighbouring channels.

    Sizes: the input's.
    Cost: no parameters; training keeps the input, its squares padded along the channels, and two tensors of its size.
    Pitfalls: channels are axis 1, of unbatched images too; it serves old networks only.
    Torch: torch.nn.LocalResponseNorm.
    """

    lies = as_first

    takes = FLOATS | {"int64"}
    least_rank = 3
    attributes = (
        Attribute("size", POSITIVE, doc="neighbouring channels that are taken together", main=True, lead=True),
        Attribute("alpha", NUMBER, 0.0001, "factor of the mean square"),
        Attribute("beta", NUMBER, 0.75, "the power"),
        Attribute("k", NUMBER, 1.0, "added to the mean square"),
    )

    size: int

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return None if dtypes[0] in FLOATS else ("float32",)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return rank_needs(self.least_rank, xs[0]) or NO_NEEDS

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        channels = Window(self.size, 1, self.size // 2, 1)
        return (tuple((a, channels if a == 1 else POINT) for a in range(len(xs[0]))),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        (x,) = xs
        padded = (x[0], x[1] + self.size - 1, *x[2:])
        return (Kept("input"), Kept("new", shape=padded), Kept("new", shape=x), Kept("new", shape=x))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"size": 5}, ((2, 7, 5, 4),)),
            ({"size": 2, "k": 2.0}, ((2, 6, 5),)),
            ({"size": 3}, ((1, 4, 3, 4, 2),)),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Squares, sums over neighbours, times a factor, plus k, to a power, by which the value is divided."""
        n = prod(xs[0])
        return {"multiplications": 2 * n, "adds": self.size * n, "exponentials": n, "divisions": n}


def _say_group_channels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"num_channels is {op.num_channels}, but {xs[0][axis]} channels arrive"


def _say_groups(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{op.num_channels} channels do not divide by {op.num_groups} groups"


def _say_last(op: Any, xs: Sequence[Shape], axis: int) -> str:
    due = op.normalized_shape
    shown = due[0] if len(due) == 1 else f"[{', '.join(map(str, due))}]"
    return f"normalized_shape is {shown}, but {xs[0][axis]} features arrive on axis {axis}"


def _say_group_values(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "a single value for each group arrives, whose variance is 0"


GROUP_CHANNELS = Claim("SC202", "num_channels", ZERO, _say_group_channels)
GROUPS = Claim("SC204", "num_groups", ZERO, _say_groups)
LAST_SIZES = Claim("SC203", "normalized_shape", ZERO, _say_last)
GROUP_VALUES = Claim("SC218", "num_groups", AT_LEAST_ZERO, _say_group_values)
