"""Normalisation of each channel with statistics that may be tracked: over the batch, or for each sample."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, NUMBER, POSITIVE, Kind, Number, or_null
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, NO_WEIGHTS, ZERO, Attribute, Claim, Kept, Operator, copying
from shapecalc.ops.tally import normalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Norm(Operator):
    """What normalisations share: the input's shape, no multiply-accumulates, learned numbers for each channel."""

    roles = frozenset({"norm"})
    takes = FLOATS

    bias: bool = True

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def scale(self, shape: Shape, learned: bool) -> Mapping[str, Shape]:
        """The learned factor, and the summand unless `bias` is false."""
        if not learned:
            return NO_WEIGHTS
        return {"weight": shape, "bias": shape} if self.bias else {"weight": shape}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def measured(self, x: Shape) -> Dim | None:
        """Of how many values one mean and variance is taken; None for a norm that takes none."""
        return None

    def centres(self, x: Shape, axis: int) -> bool:
        """Whether each position along an axis has a mean of its own taken away; not so where a mean is of several."""
        return False

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        counts: Mapping[str, Dim] = normalised(xs[0], self.groups(xs[0]), **self.learned())
        return counts

    def groups(self, x: Shape) -> Dim:
        """The number of means and variances."""
        raise NotImplementedError

    def learned(self) -> Mapping[str, bool]:
        """Whether values are scaled, and whether they are shifted, by learned numbers."""
        weights = self.weights()
        return {"scaled": "weight" in weights, "shifted": "bias" in weights}

    def counted(self, x: Shape) -> Mapping[str, Dim]:
        """fvcore: 5 a value, 4 without learned numbers; ptflops: 2, or 1."""
        affine = "weight" in self.weights()
        return {"fvcore": prod(x) * (4 + affine), "ptflops": prod(x) * (1 + affine)}


class ChannelNorm(Norm):
    """What batch and instance normalisation share: statistics of each channel, which may be tracked."""

    rank: ClassVar[int]

    num_features: Dim
    eps: float
    affine: bool
    track_running_stats: bool

    def settle(self, *xs: Shape) -> None:
        if self.num_features is INFERRED:
            self.num_features = xs[0][self.channel_axis(xs[0])]

    def channel_axis(self, x: Shape) -> int:
        """The axis that holds the channels."""
        raise NotImplementedError

    def centres(self, x: Shape, axis: int) -> bool:
        return axis == self.channel_axis(x)

    def weights(self) -> Mapping[str, Shape]:
        return self.scale((self.num_features,), self.affine)

    counters = frozenset({"num_batches_tracked"})

    def buffers(self) -> Mapping[str, Shape]:
        if not self.track_running_stats:
            return NO_WEIGHTS
        each = (self.num_features,)
        return {"running_mean": each, "running_var": each, "num_batches_tracked": ()}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return self.counted(xs[0])


class BatchNorm(ChannelNorm):
    """Each channel normalised over the batch and all positions; in evaluation with the statistics of training.

    Sizes: the input's.
    Cost: 2 parameters and 2 tracked statistics for each channel; training keeps the input and 2 floats a channel.
    Pitfalls: training needs more than one value in each channel; small batches give noisy statistics; a bias in the
    convolution before it is lost; channels are axis 1, also of a sequence.
    Torch: torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d.
    """

    roles = frozenset({"norm", "batch_norm"})
    lies = as_map

    def channel_axis(self, x: Shape) -> int:
        return 1

    def measured(self, x: Shape) -> Dim:
        return x[0] * prod(x[2:])

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        values = self.measured(x)
        tracked = self.track_running_stats
        needs: list[Need] = [
            (CHANNELS, x[1] - self.num_features, 1),
            (VALUES_IN_TRAINING if tracked else VALUES, values - 2),
        ]
        if self.eps == 0:
            needs.append((EPS_IN_TRAINING if tracked else EPS, 1))
        return needs

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """As in evaluation: one point, unless there are no tracked statistics to take."""
        if self.track_running_stats:
            return None
        return (tuple((a, POINT if a == 1 else ALL) for a in range(len(xs[0]))),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        each = (self.num_features,)
        return (Kept("input"), Kept("new", shape=each), Kept("new", shape=each))

    def groups(self, x: Shape) -> Dim:
        return self.num_features

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """With tracked statistics a factor and a summand for each channel are made, and used on each value."""
        if not self.track_running_stats:
            return super().operations(xs, ys)
        n, c = prod(xs[0]), self.num_features
        return {"adds": n + 2 * c, "multiplications": n + 2 * c, "divisions": c, "exponentials": c}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore takes tracked statistics for a factor alone, 2 a value with learned numbers and 1 without."""
        counts = self.counted(xs[0])
        return {**counts, "fvcore": counts["ptflops"]} if self.track_running_stats else counts


def _channel_attributes(eps: Kind, momentum: Kind, affine: bool, tracked: bool) -> tuple[Attribute, ...]:
    return (
        Attribute("num_features", POSITIVE, INFERRED, "channels of the input", lead=True),
        Attribute("eps", eps, 1e-05, "added to the variance, against division by zero"),
        Attribute("momentum", momentum, 0.1, "share of a new batch in the tracked statistics; null: the plain mean"),
        Attribute("affine", FLAG, affine, "whether a factor and a summand are learned for each channel"),
        Attribute("track_running_stats", FLAG, tracked, "whether statistics are tracked for evaluation"),
        Attribute("bias", FLAG, True, "whether the summand is learned, where affine is true"),
    )


class BatchNorm1d(BatchNorm):
    rank = 1
    ranks = (2, 3)
    attributes = _channel_attributes(Number(0), or_null(NUMBER), True, True)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((4, 5),)), ({"affine": False, "momentum": None}, ((2, 5, 7),))]


class BatchNorm2d(BatchNorm):
    rank = 2
    ranks = (4,)
    attributes = _channel_attributes(Number(0), or_null(NUMBER), True, True)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4),)),
            ({"num_features": 3, "eps": 0.001, "track_running_stats": False, "bias": False}, ((1, 3, 5, 4),)),
        ]


class BatchNorm3d(BatchNorm):
    rank = 3
    ranks = (5,)
    attributes = _channel_attributes(Number(0), or_null(NUMBER), True, True)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4, 3),))]


class InstanceNorm(ChannelNorm):
    """Each channel of each sample normalised over its positions.

    Sizes: the input's.
    Cost: no parameters unless `affine`; training keeps the input and 2 floats for each sample and channel, a third
    with `affine` and 2 more with tracked statistics.
    Pitfalls: unlike BatchNorm it learns and tracks nothing unless told to; a channel needs more than one position.
    Torch: torch.nn.InstanceNorm1d, InstanceNorm2d, InstanceNorm3d.
    """

    kept_of = copying

    def channel_axis(self, x: Shape) -> int:
        return len(x) - 1 - self.rank

    def measured(self, x: Shape) -> Dim:
        return prod(x[-self.rank :])

    def never_empty(self, x: Shape) -> int:
        """torch repeats parameters for each sample."""
        return len(x) if self.affine else 0

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        positions = PLACES_IN_TRAINING if self.track_running_stats else PLACES
        channels = self.channel_axis(x)
        return [(CHANNELS, x[channels] - self.num_features, channels), (positions, self.measured(x) - 2)]

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return whole_from(xs[0], len(xs[0]) - self.rank)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Parameters and statistics are repeated for each sample, as torch runs it as a batch normalisation."""
        new = Kept("new", shape=xs[0][: -self.rank])
        return (Kept("input"), *(new for _ in range(2 + self.affine + 2 * self.track_running_stats)))

    def groups(self, x: Shape) -> Dim:
        return prod(x[: -self.rank])


def whole_from(x: Shape, first: int) -> tuple[Reads]:
    """Reads of an operator that mixes all positions of the axes from `first` on."""
    return (tuple((a, ALL if a >= first else POINT) for a in range(len(x))),)


class InstanceNorm1d(InstanceNorm):
    rank = 1
    ranks = (2, 3)
    attributes = _channel_attributes(NUMBER, or_null(NUMBER), False, False)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5),)), ({"affine": True, "track_running_stats": True}, ((3, 7),))]


class InstanceNorm2d(InstanceNorm):
    rank = 2
    ranks = (3, 4)
    attributes = _channel_attributes(NUMBER, or_null(NUMBER), False, False)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4),)),
            ({"affine": True, "bias": False}, ((2, 3, 1, 4),)),
            ({"track_running_stats": True, "num_features": 3}, ((3, 5, 4),)),
        ]


class InstanceNorm3d(InstanceNorm):
    rank = 3
    ranks = (4, 5)
    attributes = _channel_attributes(NUMBER, or_null(NUMBER), False, False)

    @classmethod
    def samples(cls) -> Any:
        return [({"affine": True}, ((2, 3, 5, 4, 3),))]


def _say_channels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"num_features is {op.num_features}, but {xs[0][axis]} channels arrive"


def _say_values(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "a single value for each channel arrives, whose variance is 0"


def _say_places(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "a single position for each channel arrives, whose variance is 0"


def _say_eps(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "eps 0 does not guard against division by zero"


def _advise_batch(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "use a batch of at least 2"


CHANNELS = Claim("SC202", "num_features", ZERO, _say_channels)
VALUES = Claim("SC218", "", AT_LEAST_ZERO, _say_values, _advise_batch)
VALUES_IN_TRAINING = Claim("SC218", "", AT_LEAST_ZERO, _say_values, _advise_batch, training=True)
PLACES = Claim("SC218", "", AT_LEAST_ZERO, _say_places)
PLACES_IN_TRAINING = Claim("SC218", "", AT_LEAST_ZERO, _say_places, training=True)
EPS = Claim("SC109", "eps", ZERO, _say_eps)
EPS_IN_TRAINING = Claim("SC109", "eps", ZERO, _say_eps, training=True)
