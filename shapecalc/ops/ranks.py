"""Dimension numbers and the number of dimensions: their reader, and the claims about them that families share.

It knows no operator; a claim reads `least_rank` or `dim` off the operator that makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.ops.kinds import Whole
from shapecalc.ops.op import ZERO, Claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Shape


class Dimension(Whole):
    """The number of a dimension: an integer that is known, counted from the end where negative."""

    def read(self, value: Any) -> int:
        if type(value) is not int:
            super().read(value if isinstance(value, float) else str(value))
        return int(value)


class Position(Whole):
    """A place on an axis, counted from the end where negative; a size not known yet is on one side for all sizes."""

    def gaps(self, value: Any) -> Iterator[Dim]:
        if isinstance(value, Sym):
            yield -value - 1 if from_end(value) else value


DIM = Dimension()
POSITION = Position()


def from_end(position: Dim) -> bool:
    """Whether a position counts from the end of its axis: it is negative, or never positive while it is not known."""
    if isinstance(position, int):
        return position < 0
    from shapecalc.dims.decide import at_least_zero

    return at_least_zero(-position) is True


def from_front(dim: int, rank: int) -> int:
    """The dimension counted from the front; as it is where it is out of range, so that a need can say so.

    >>> from_front(-1, 4), from_front(7, 4)
    (3, 7)
    """
    return dim + rank if -rank <= dim < 0 else dim


def dim_needs(dim: int, rank: int) -> list[Need]:
    """That `dim`, counted from the front already, is one of `rank` dimensions; empty where it is."""
    return [] if 0 <= dim < rank else [(DIM_IN_RANGE, 1)]


def rank_needs(least: int, x: Shape) -> list[Need]:
    """That x has at least so many dimensions; empty where it has."""
    return [] if len(x) >= least else [(ENOUGH_DIMENSIONS, 1)]


def _say_dim(op: Any, xs: Sequence[Shape], axis: int) -> str:
    rank = len(xs[0])
    return f"dim {op.dim} is not among the {rank} dimensions that arrive, {-rank} to {rank - 1}"


def say_rank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    arriving = len(xs[0])
    return (
        f"{type(op).__name__} takes at least {op.least_rank} dimension{'s' * (op.least_rank > 1)}, "
        f"and {arriving} arrive{'s' * (arriving == 1)}: [{', '.join(map(str, xs[0]))}]"
    )


DIM_IN_RANGE = Claim("SC213", "dim", ZERO, _say_dim)
ENOUGH_DIMENSIONS = Claim("SC209", "", ZERO, say_rank)
