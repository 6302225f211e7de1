"""Channels dealt out anew among groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import Arrangement, Lost, listed
from shapecalc.ops.kinds import POSITIVE
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import ZERO, Attribute, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class ChannelShuffle(Arrangement):
    """Deals the channels out among groups, so that a grouped convolution behind it sees all groups (ShuffleNet).

    Sizes: unchanged.
    Cost: no parameters, no multiply-accumulates; a copy, of which nothing is kept for backward.
    Pitfalls: channels must divide by the groups; axis 1 counts as the channels, so that without a batch the height
        would be shuffled.
    Torch: torch.nn.ChannelShuffle.
    """

    still = True
    lies = as_map

    attributes = (Attribute("groups", POSITIVE, doc="groups that the channels divide into", main=True, lead=True),)
    groups: Dim

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if len(x) < 3:
            return ((RANK, 1),)
        return ((GROUPS, x[1] % self.groups, 1),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, DEALT if a == 1 else POINT) for a in range(len(xs[0]))),)

    @classmethod
    def samples(cls) -> Any:
        return [({"groups": 3}, ((2, 6, 5, 4),)), ({"groups": 2}, ((1, 4, 7),)), ({"groups": 4}, ((2, 4, 1, 3, 2),))]


def _say_rank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"ChannelShuffle takes at least 3 dimensions, and {len(xs[0])} arrive: {listed(xs[0])}"


def _say_groups(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{xs[0][1]} channels do not divide by {op.groups} groups"


DEALT = Lost("shuffled channels")
RANK = Claim("SC209", "", ZERO, _say_rank)
GROUPS = Claim("SC204", "groups", ZERO, _say_groups)
