"""Adaptive pooling: the output's size is given, and the windows follow from the input's."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.dims.hull import Field, Unknown, pulled
from shapecalc.dims.sym import Sym
from shapecalc.ops.arrange import is_none
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, PerAxisOrNone
from shapecalc.ops.layout import as_map, as_row, ordered
from shapecalc.ops.op import KEEPS_INPUT, KEEPS_NOTHING, NO_NEEDS, NO_WEIGHTS, Attribute, Operator, UnknownFact
from shapecalc.ops.pool import keeps_places, sliding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.hull import Seen
    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape


class Parts:
    """Output `o` of `outs` reads the inputs from floor(o*ins/outs) to ceil((o+1)*ins/outs) - 1.

    That is the whole part o of the input where it divides; otherwise neighbours overlap.

    >>> from shapecalc.dims.field import IDENTITY
    >>> Parts(12, 4).pull(IDENTITY)
    Field(1, 3, (0,), (2,))
    """

    __slots__ = ("ins", "outs")

    def __init__(self, ins: Any, outs: Any) -> None:
        self.ins, self.outs = ins, outs

    def pull(self, field: Seen) -> Seen:
        """One phase for each output until the parts repeat, times the phases below."""
        if type(field) is not Field:
            return field
        if not isinstance(self.ins, int) or not isinstance(self.outs, int):
            return Unknown(f"an adaptive pool from {self.ins} to {self.outs} has windows that are not known")
        common = gcd(self.ins, self.outs)
        return pulled(field, self.outs // common, self.ins // common, self._reads)

    def _reads(self, output: int) -> range:
        return range(output * self.ins // self.outs, ((output + 1) * self.ins + self.outs - 1) // self.outs)

    def __repr__(self) -> str:
        return f"Parts({self.ins}, {self.outs})"


class OutputSizes(PerAxisOrNone):
    """A whole number for each axis, or one for all; null in a list keeps the axis, unless it is the only one."""

    def read(self, value: Any) -> Any:
        if value is None or (self.rank == 1 and value in ([None], (None,))):
            raise self.unfit(value)
        sizes = super().read(value)
        return tuple(sizes) if None in sizes else sizes  # torch takes a null in a list, but none alone


class AdaptivePool(Operator):
    """What adaptive pools share: an output of a given size, whatever arrives."""

    roles = frozenset({"adaptive", "passes_shift"})
    lies = as_map

    rank: ClassVar[int]
    takes = FLOATS

    output_size: tuple[Dim | None, ...]
    return_indices: bool = False

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS

    def never_empty(self, x: Shape) -> int:
        """torch looks at every axis but the first, the batch or not."""
        return len(x) - 1

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        sizes = [i if o is None else o for i, o in zip(x[-self.rank :], self.output_size, strict=True)]
        y = (*x[: -self.rank], *sizes)
        return (y, y) if self.return_indices else (y,)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        (x,) = xs
        return sliding(x, [_part(i, o) for i, o in zip(x[-self.rank :], self.output_size, strict=True)])

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return {"ptflops": prod(xs[0])}

    def combined(self, x: Shape, y: Shape) -> Dim | None:
        """Adds, or comparisons, of all parts; None where sizes that are not known decide how far parts overlap."""
        lead = len(x) - self.rank
        read = [_covered(i, o) for i, o in zip(x[lead:], y[lead:], strict=True)]
        known = [size for size in read if size is not None]
        return prod(x[:lead]) * prod(known) - prod(y) if len(known) == len(read) else None


def _covered(i: Dim, o: Dim) -> Dim | None:
    """Positions that all parts of an axis read together: more than there are where parts overlap.

    Part n ends at (n + 1)i/o rounded up and begins at ni/o rounded down. Over all parts that is i, and one more for
    each edge that is not whole, of which there are o - gcd(i, o).
    """
    if is_none(o):
        return 0
    if isinstance(i, int) and isinstance(o, int):
        return i + o - gcd(i, o)
    return i if o == i or (isinstance(o, int) and o == 1) or i % o == 0 else None


def _part(i: Dim, o: Dim | None) -> Any:
    if o is None or o == i:
        return POINT
    if isinstance(o, int) and o <= 1:
        return ALL
    return Parts(i, o)


class AdaptiveAvgPool(AdaptivePool):
    """The mean of each part, the input being cut into `output_size` parts as equal as can be.

    Sizes: output_size; an axis given as null keeps its size.
    Cost: no parameters, no multiply-accumulates; training keeps the input, but nothing where all outputs are 1.
    Pitfalls: parts overlap where the size does not divide; an output larger than the input repeats values.
    Torch: torch.nn.AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d.
    """

    def never_empty(self, x: Shape) -> int:
        """Over one and two axes torch lets channels be none; a mean is taken of anything."""
        if self.output_size == (1,) * self.rank:
            return 0
        return self.rank if self.rank < 3 else super().never_empty(x)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Nothing where torch takes the mean in place of the pool."""
        larger = [size for size in self.output_size if size != 1]
        if larger and all(isinstance(size, Sym) for size in larger):
            raise UnknownFact("the input is kept unless all sizes of the output are 1, which is not known")
        return KEEPS_NOTHING if ys[0][-self.rank :] == (1,) * self.rank else KEEPS_INPUT

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        adds = self.combined(xs[0], ys[0])
        return None if adds is None else {"adds": adds, "divisions": prod(ys[0])}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore counts every value of the input, over two axes."""
        return {**super().elsewhere(xs, ys), "fvcore": prod(xs[0]) * (self.rank == 2)}


class AdaptiveMaxPool(AdaptivePool):
    """The largest value of each part, the input being cut into `output_size` parts as equal as can be.

    Sizes: output_size; an axis given as null keeps its size.
    Cost: no parameters, no multiply-accumulates; training keeps the input and the place of each maximum (8 bytes).
    Pitfalls: parts overlap where the size does not divide; an output larger than the input repeats values.
    Torch: torch.nn.AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d.
    """

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0], "int64") if self.return_indices else None

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return keeps_places(ys, self.return_indices)

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        comparisons = self.combined(xs[0], ys[0])
        return None if comparisons is None else {"comparisons": comparisons}


def _size(rank: int) -> Attribute:
    doc = "size of the output along each axis; null in a list keeps the input's"
    return Attribute("output_size", OutputSizes(rank), doc=doc, main=True, lead=True)


INDICES = Attribute("return_indices", FLAG, False, "whether the places of the maxima are a second output")


class AdaptiveAvgPool1d(AdaptiveAvgPool):
    lies = as_row

    rank = 1
    ranks = (2, 3)
    attributes = (_size(1),)

    @classmethod
    def samples(cls) -> Any:
        return [({"output_size": 5}, ((2, 4, 13),)), ({"output_size": 1}, ((4, 7),))]


class AdaptiveAvgPool2d(AdaptiveAvgPool):
    rank = 2
    ranks = (3, 4)
    attributes = (_size(2),)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"output_size": 6}, ((2, 3, 13, 9),)),
            ({"output_size": [1, 1]}, ((2, 3, 5, 4),)),
            ({"output_size": [None, 3]}, ((3, 7, 5),)),
        ]


class AdaptiveAvgPool3d(AdaptiveAvgPool):
    lies = ordered
    rank = 3
    ranks = (4, 5)
    attributes = (_size(3),)

    @classmethod
    def samples(cls) -> Any:
        return [({"output_size": [2, None, 3]}, ((2, 2, 5, 6, 7),)), ({"output_size": 1}, ((2, 5, 6, 7),))]


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    lies = as_row

    rank = 1
    ranks = (2, 3)
    attributes = (_size(1), INDICES)

    @classmethod
    def samples(cls) -> Any:
        return [({"output_size": 5}, ((2, 4, 13),)), ({"output_size": 1, "return_indices": True}, ((4, 7),))]


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    rank = 2
    ranks = (3, 4)
    attributes = (_size(2), INDICES)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"output_size": [4, None]}, ((2, 3, 13, 9),)),
            ({"output_size": 1, "return_indices": True}, ((3, 7, 5),)),
        ]


class AdaptiveMaxPool3d(AdaptiveMaxPool):
    lies = ordered
    rank = 3
    ranks = (4, 5)
    attributes = (_size(3), INDICES)

    @classmethod
    def samples(cls) -> Any:
        return [({"output_size": 2}, ((2, 2, 5, 6, 7),)), ({"output_size": [1, 2, 3]}, ((2, 5, 6, 7),))]
