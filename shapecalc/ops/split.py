"""Cuts of a tensor into several outputs along an axis; all outputs are views and equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.dims.sym import Sym
from shapecalc.ops.arrange import OneAxis, cut_lies, listed
from shapecalc.ops.kinds import COUNT, POSITIVE, Either, Listed
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, source
from shapecalc.ops.ranks import DIM as AXIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape

MOST_PIECES = 10_000
"""Outputs that one layer may have: far more than any network has, far fewer than an axis may have positions."""


class Cut(OneAxis):
    """What Chunk, Split and Unbind share: an axis, and outputs none of which is the main one."""

    equals = True

    def pieces(self, n: Dim) -> Sequence[Dim]:
        """Sizes of the outputs along the axis; may assume the needs."""
        raise NotImplementedError

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        return tuple((*x[: self.axis], size, *x[self.axis + 1 :]) for size in self.pieces(x[self.axis]))

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """One point: of the first output exactly, of the others further along the axis."""
        return None

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return cut_lies(arrival, self.axis)

    def targets(self, names: Sequence[str]) -> str:
        """torch gives a tuple, of a single piece as well."""
        return ", ".join(names) if len(names) > 1 else f"({names[0]},)"


class Chunk(Cut):
    """Cuts an axis into so many pieces of equal size.

    Sizes: ceil(n / chunks); the last piece is smaller where it does not divide.
    Cost: nothing; the outputs are views.
    Pitfalls: torch may give fewer pieces than asked for (5 in 4 pieces are 2, 2, 1); `dim` is 0, the batch,
        unless given; the bare name means none of the outputs, so write `name[0]`.
    Torch: torch.chunk.
    """

    attributes = (
        Attribute("chunks", POSITIVE, doc="pieces", main=True),
        Attribute("dim", AXIS, 0, "axis that is cut"),
    )
    chunks: Dim

    def size_needs(self, n: Dim) -> Sequence[Need]:
        c = self.chunks
        if isinstance(c, Sym):
            return ((UNKNOWN_COUNT, 1),)
        if isinstance(n, Sym):
            return ((TOO_MANY, int(c > MOST_PIECES)), (EVERY_CHUNK, n - 1 - (c - 1) * _ceil(n, c)))
        return ((TOO_MANY, int(_ceil(n, _ceil(n, c)) > MOST_PIECES if n else c > MOST_PIECES)),)

    def pieces(self, n: Dim) -> Sequence[Dim]:
        size = _ceil(n, self.chunks)
        count = self.chunks if isinstance(n, Sym) or not n else _ceil(n, size)
        return _even(n, size, count)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.chunk({source(self.chunks)}, {self.axis})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"chunks": 3, "dim": -1}, ((2, 5, 12),)),
            ({"chunks": 4}, ((5, 3),)),
            ({"chunks": 2, "dim": 1}, ((2, 7, 3),)),
            ({"chunks": 2, "dim": 1}, ((2, 1, 3),)),
        ]


class Split(Cut):
    """Cuts an axis into pieces of a given size, or of given sizes.

    Sizes: as given; of a single size the last piece may be smaller.
    Cost: nothing; the outputs are views.
    Pitfalls: a number is the size of a piece, not the number of pieces; sizes must add up to the axis; `dim` is 0,
        the batch, unless given; the bare name means none of the outputs, so write `name[0]`.
    Torch: torch.split.
    """

    attributes = (
        Attribute(
            "split_size_or_sections",
            Either(POSITIVE, Listed(COUNT, strict=True)),
            doc="size of a piece, or a list of the sizes of all",
            main=True,
        ),
        Attribute("dim", AXIS, 0, "axis that is cut"),
    )
    split_size_or_sections: Dim | tuple[Dim, ...]

    def size_needs(self, n: Dim) -> Sequence[Need]:
        sections = self.split_size_or_sections
        if isinstance(sections, tuple):
            return ((SECTIONS, n - sum(sections)),)
        count = _count(n, sections)
        return ((UNKNOWN_COUNT, 1),) if isinstance(count, Sym) else ((TOO_MANY, int(count > MOST_PIECES)),)

    def pieces(self, n: Dim) -> Sequence[Dim]:
        sections = self.split_size_or_sections
        return sections if isinstance(sections, tuple) else _even(n, sections, _count(n, sections))

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.split({_sections(self.split_size_or_sections)}, {self.axis})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"split_size_or_sections": 2, "dim": 1}, ((2, 5, 3),)),
            ({"split_size_or_sections": [1, 4, 2], "dim": -1}, ((2, 3, 7),)),
            ({"split_size_or_sections": 9}, ((4, 2),)),
        ]


class Unbind(Cut):
    """Takes an axis apart: one output for each of its positions, without that axis.

    Sizes: those of the input without the axis.
    Cost: nothing; the outputs are views.
    Pitfalls: the size of the axis must be known, as it is the number of outputs; `dim` is 0, the batch, unless
        given; the bare name means none of the outputs, so write `name[0]`.
    Torch: torch.unbind.
    """

    attributes = (Attribute("dim", AXIS, 0, "axis that is taken apart", main=True),)

    def size_needs(self, n: Dim) -> Sequence[Need]:
        return ((UNKNOWN_COUNT, 1),) if isinstance(n, Sym) else ((TOO_MANY, int(n > MOST_PIECES)),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        count = x[self.axis]
        assert isinstance(count, int)
        return ((*x[: self.axis], *x[self.axis + 1 :]),) * count

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axis that is taken apart is given as seen whole, though an output sees one position of it."""
        return (tuple((a, POINT) for a in range(len(xs[0])) if a != self.axis),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.unbind({self.axis})"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((3, 2, 5),)), ({"dim": 2}, ((2, 5, 3, 4),)), ({"dim": -1}, ((4,),)), ({"dim": 1}, ((2, 1),))]


def _ceil(n: Dim, size: Dim) -> Dim:
    return (n + size - 1) // size


def _count(n: Dim, size: Dim) -> Dim:
    """How many pieces of a size an axis makes: known for symbols only where the size visibly divides."""
    whole = n // size
    return whole if isinstance(n % size, int) and n % size == 0 else _ceil(n, size)


def _even(n: Dim, size: Dim, count: Dim) -> list[Dim]:
    """So many pieces of a size, the last one what is left; of nothing torch makes one empty piece."""
    assert isinstance(count, int)
    return [n] if count == 0 else [size] * (count - 1) + [n - (count - 1) * size]


def _sections(sections: Dim | tuple[Dim, ...]) -> str:
    return source(list(sections) if isinstance(sections, tuple) else sections)


def _say_every_chunk(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{xs[0][op.axis]} positions do not make {op.chunks} chunks"


def _say_sections(op: Any, xs: Sequence[Shape], axis: int) -> str:
    sections = op.split_size_or_sections
    return f"the sizes {listed(sections)} add up to {sum(sections)}, and axis {op.axis} has {xs[0][op.axis]}"


def _say_unknown_count(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the number of outputs depends on axis {op.axis} of {listed(xs[0])}, which is not known"


def _say_too_many(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{type(op).__name__} makes more than {MOST_PIECES:,} outputs of axis {op.axis} of {listed(xs[0])}"


EVERY_CHUNK = Claim("SC214", "chunks", AT_LEAST_ZERO, _say_every_chunk)
SECTIONS = Claim("SC214", "split_size_or_sections", ZERO, _say_sections)
UNKNOWN_COUNT = Claim("SC113", "dim", ZERO, _say_unknown_count, lambda op, xs, axis: "fix the size with --set")
TOO_MANY = Claim("SC121", "", ZERO, _say_too_many)
