"""Axes that are put elsewhere while the others keep their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import dimension_claim, twice_claim
from shapecalc.ops.axes import Rearranged
from shapecalc.ops.kinds import Listed
from shapecalc.ops.op import ZERO, Attribute, Claim
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Shape


class MoveDim(Rearranged):
    """Moves axes to other places; the rest keep their order.

    Sizes: those of the input, in the new order.
    Cost: nothing; a view.
    Pitfalls: it counts the batch as 0, as torch does.
    Torch: torch.movedim.
    """

    attributes = (
        Attribute("source", Listed(AXIS), doc="the axes that move"),
        Attribute("destination", Listed(AXIS), doc="the place of each in the output"),
    )
    source: tuple[int, ...]
    destination: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        rank = len(xs[0])
        moved = dict(zip(self.wrapped(self.destination, rank), self.wrapped(self.source, rank), strict=False))
        rest = iter([a for a in range(rank) if a not in moved.values()])
        self.order = tuple(moved[a] if a in moved else next(rest, None) for a in range(rank))

    def wrapped(self, dims: tuple[int, ...], rank: int) -> list[int]:
        return [from_front(d, rank) for d in dims]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        rank = len(xs[0])
        if len(self.source) != len(self.destination):
            return ((PAIRS, 1),)
        for dims, range_claim, repeated in ((self.source, SOURCE, SOURCES), (self.destination, PLACE, PLACES)):
            if any(not -max(rank, 1) <= d < max(rank, 1) for d in dims):
                return ((range_claim, 1),)
            if len(set(self.wrapped(dims, max(rank, 1)))) < len(dims):
                return ((repeated, 1),)
        return ()

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(xs[0][a] for a in self.order if a is not None),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.movedim({self.source}, {self.destination})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"source": 1, "destination": -1}, ((2, 3, 5, 4),)),
            ({"source": [0, -1], "destination": [1, 0]}, ((2, 3, 5),)),
        ]


def _say_pairs(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"source names {len(op.source)} axes, and destination {len(op.destination)} places"


PAIRS = Claim("SC213", "destination", ZERO, _say_pairs)
SOURCE, SOURCES = dimension_claim("source"), twice_claim("source")
PLACE, PLACES = dimension_claim("destination"), twice_claim("destination")
