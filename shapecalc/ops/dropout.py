"""Dropout: values, or whole channels, set to zero at random in training; the identity in evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.kinds import FLAG, FRACTION
from shapecalc.ops.op import KEEPS_NOTHING, NO_NEEDS, ZERO, Attribute, Claim, Kept, Pointwise
from shapecalc.ops.ranks import say_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Shape


class Randomly(Pointwise):
    """What dropouts share: a probability, and a mask that training keeps."""

    still = True
    roles = frozenset({"dropout"})
    attributes = (
        Attribute("p", FRACTION, 0.5, "probability that a value is dropped", main=True),
        Attribute("inplace", FLAG, False, "whether the result overwrites the input"),
    )
    least_rank: ClassVar[int] = 0
    overwrites: ClassVar[bool] = True
    """Whether `inplace` is kept; torch's alpha dropouts spoil the input and return a new tensor all the same."""

    p: float
    inplace: bool

    def settle(self, *xs: Shape) -> None:
        if self.p == 0 or (self.inplace and self.overwrites):
            self.view = True  # type: ignore[misc]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if 0 < self.p < 1 and len(xs[0]) < self.least_rank:
            return [(ENOUGH_IN_TRAINING, 1)]
        return NO_NEEDS

    def mask(self, x: Shape) -> Shape:
        """Shape of what is drawn at random."""
        raise NotImplementedError

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """torch draws nothing where nothing or everything is dropped."""
        if self.p == 0:
            return KEEPS_NOTHING
        return (Kept("new", shape=() if self.p == 1 else self.mask(xs[0])),)


class ValueDropout(Randomly):
    """Values dropped one by one in training, the rest scaled up so that the mean stays; AlphaDropout keeps the
    variance too, for SELU.

    Sizes: the input's.
    Cost: no parameters, no multiply-accumulates; training keeps a mask of the input's size, in floats on the CPU.
    Pitfalls: behind a convolution neighbours tell what was dropped: use Dropout2d there.
    Torch: torch.nn.Dropout, AlphaDropout.
    """

    def mask(self, x: Shape) -> Shape:
        return x

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4),)),
            ({"p": 0.2, "inplace": True}, ((2, 7),)),
            ({"p": 0}, ((5,),)),
            ({"p": 1.0}, ((2, 7),)),
        ]


class Dropout(ValueDropout):
    """Values dropped with probability p, the rest divided by 1 - p"""


class AlphaDropout(ValueDropout):
    """Values set to SELU's limit with probability p, the rest scaled so that mean and variance stay"""

    roles = frozenset({"dropout", "keeps_variance"})
    overwrites = False


class ChannelDropout(Randomly):
    """Whole channels dropped in training, the rest scaled up; FeatureAlphaDropout keeps the variance, for SELU.

    Sizes: the input's.
    Cost: no parameters, no multiply-accumulates; training keeps a float for each sample and channel.
    Pitfalls: Dropout2d takes 3 dimensions as a batch of one-dimensional samples, not as one image.
    Torch: torch.nn.Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout.
    """

    least_rank = 2

    def mask(self, x: Shape) -> Shape:
        return x[:2]


class Dropout1d(ChannelDropout):
    ranks = (2, 3)

    def mask(self, x: Shape) -> Shape:
        return x[:-1]

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5),)), ({"p": 0.2}, ((3, 5),)), ({"inplace": True}, ((2, 3, 5),))]


class Dropout2d(ChannelDropout):
    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4),)), ({"p": 0.2, "inplace": True}, ((2, 3, 5),))]


class Dropout3d(ChannelDropout):
    least_rank = 1

    def mask(self, x: Shape) -> Shape:
        """torch takes whatever has not five dimensions as one sample without a batch."""
        return x[:2] if len(x) == 5 else x[:1]

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4, 3),)), ({"p": 0.2}, ((3, 5, 4, 3),))]


class FeatureAlphaDropout(ChannelDropout):
    roles = frozenset({"dropout", "keeps_variance"})
    overwrites = False

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 5, 4),)), ({"p": 0.2, "inplace": True}, ((2, 3),))]


ENOUGH_IN_TRAINING = Claim("SC209", "", ZERO, say_rank, training=True)
