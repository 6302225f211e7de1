"""Functions that take a part of a tensor, shift it around, or add to its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT, Window
from shapecalc.dims.sym import least, most
from shapecalc.ops.arrange import (
    OneAxis,
    TensorFunction,
    cut_lies,
    dimension_claim,
    listed,
    source_size,
)
from shapecalc.ops.dtypes import overflows
from shapecalc.ops.kinds import COUNT, INT, NUMBER, POSITIVE, Listed, Word, or_null
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, KEEPS_NOTHING, ZERO, Attribute, Claim, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import POSITION, from_end, from_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Kept, Lie, Need, Reads, Shape


class Part(OneAxis):
    """What Select, Slice and Narrow share: one axis of which a part is taken, as a view."""

    came: Shape

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        self.came = xs[0]

    def around(self, x: Shape, *middle: Dim) -> tuple[Shape, ...]:
        """The shape with other sizes in place of the axis."""
        return ((*x[: self.axis], *middle, *x[self.axis + 1 :]),)

    def reads(self, rank: int, *middle: Any) -> Sequence[Reads | None]:
        """Every axis at one point, the cut one as given."""
        return ((*((a, POINT) for a in range(self.axis)), *middle, *((a, POINT) for a in range(self.axis + 1, rank))),)

    def pace(self) -> Dim:
        """From one position that is taken to the next."""
        return 1

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return cut_lies(arrival, self.axis, self.pace())


class Select(Part):
    """Takes one position of an axis, which goes: a class token, the last step of a sequence.

    Sizes: those of the input without the axis.
    Cost: nothing; a view.
    Pitfalls: `dim` counts the batch as 0; the receptive field along the axis is given as whole, though only one
        position is seen.
    Torch: torch.select.
    """

    attributes = (
        Attribute("dim", AXIS, doc="axis that goes"),
        Attribute("index", POSITION, doc="its position, from the end if negative"),
    )
    index: Dim

    def size_needs(self, n: Dim) -> Sequence[Need]:
        return ((INDEX, n + self.index if from_end(self.index) else n - 1 - self.index, self.axis),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return self.around(xs[0])

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return self.reads(len(xs[0]))

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.select({self.axis}, {source_size(self.index, self.came, args[0])})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1, "index": 0}, ((2, 5, 6),)), ({"dim": -1, "index": -3}, ((3, 4),))]


class Slice(Part):
    """Takes the positions from `start` to `end` (excluded) of an axis, every `step`th.

    Sizes: ceil((end - start) / step), cut to the axis; negative numbers count from the end, as in Python.
    Cost: nothing; a view.
    Pitfalls: ends beyond the axis are cut silently; nothing may be left.
    Torch: x[:, start:end:step], torch.Tensor.__getitem__.
    """

    attributes = (
        Attribute("dim", AXIS, doc="axis that is cut"),
        Attribute("start", POSITION, 0, "first position"),
        Attribute("end", or_null(POSITION), None, "position behind the last one; null: up to the end"),
        Attribute("step", POSITIVE, 1, "from one position to the next"),
    )
    start: Dim
    end: Dim | None
    step: Dim

    def pace(self) -> Dim:
        return self.step

    def begin(self, n: Dim) -> Dim:
        """The first position, counted from 0 and cut to the axis."""
        return _clamped(self.start, n)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        n = xs[0][self.axis]
        end = n if self.end is None else _clamped(self.end, n)
        return self.around(xs[0], most(0, (end - self.begin(n) + self.step - 1) // self.step))

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        begin = self.begin(xs[0][self.axis])
        return self.reads(len(xs[0]), (self.axis, Window(1, self.step, -begin, 1)))

    def call(self, module: str, args: Sequence[str]) -> str:
        (x,) = args
        start = "" if _is(self.start, 0) else source_size(self.start, self.came, x)
        end = "" if self.end is None else source_size(self.end, self.came, x)
        step = "" if _is(self.step, 1) else f":{source_size(self.step, self.came, x)}"
        return f"{x}[{':, ' * self.axis}{start}:{end}{step}]"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": 1, "start": 1}, ((2, 5, 6),)),
            ({"dim": -1, "end": -2}, ((3, 7),)),
            ({"dim": 0, "start": -4, "end": 99, "step": 3}, ((11,),)),
            ({"dim": 2, "start": 1, "end": 6, "step": 2}, ((2, 3, 9, 4),)),
        ]


class Narrow(Part):
    """Takes `length` positions of an axis from `start` on.

    Sizes: the axis becomes `length`.
    Cost: nothing; a view.
    Pitfalls: other than Slice it refuses what lies beyond the axis.
    Torch: torch.narrow.
    """

    attributes = (
        Attribute("dim", AXIS, doc="axis that is cut"),
        Attribute("start", POSITION, doc="first position, from the end if negative"),
        Attribute("length", COUNT, doc="positions"),
    )
    start: Dim
    length: Dim

    def begin(self, n: Dim) -> Dim:
        return n + self.start if from_end(self.start) else self.start

    def size_needs(self, n: Dim) -> Sequence[Need]:
        begin = self.begin(n)
        return (
            (STARTS, begin, self.axis),
            (STARTS, n - begin, self.axis),
            (LENGTH, n - begin - self.length, self.axis),
        )

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return self.around(xs[0], self.length)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return self.reads(len(xs[0]), (self.axis, Window(1, 1, -self.begin(xs[0][self.axis]), 1)))

    def call(self, module: str, args: Sequence[str]) -> str:
        start, length = (source_size(s, self.came, args[0]) for s in (self.start, self.length))
        return f"{args[0]}.narrow({self.axis}, {start}, {length})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": 1, "start": 2, "length": 3}, ((2, 5, 6),)),
            ({"dim": -1, "start": -4, "length": 2}, ((3, 7),)),
        ]


class Roll(TensorFunction):
    """Shifts values along axes; what leaves at one end comes in at the other: shifted windows.

    Sizes: unchanged.
    Cost: a copy; no multiply-accumulates.
    Pitfalls: without `dims` it shifts through all axes as if they were one; that positions wrap around is left out
        of the receptive field, as borders are.
    Torch: torch.roll.
    """

    still = True
    lies = as_map

    attributes = (
        Attribute("shifts", Listed(INT), doc="positions to shift by, for each of `dims`", main=True),
        Attribute("dims", or_null(Listed(AXIS)), None, "axes to shift along"),
    )
    shifts: tuple[Dim, ...]
    dims: tuple[int, ...] | None
    axes: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        self.axes = tuple(from_front(d, len(xs[0])) for d in self.dims or ())

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if len(self.shifts) != (len(self.axes) or 1):
            return ((SHIFTS, 1),)
        return ((DIMS, sum(not 0 <= a < len(xs[0]) for a in self.axes)),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        if not self.axes:
            return ((),)
        shifts = [sum(s for s, b in zip(self.shifts, self.axes, strict=True) if a == b) for a in range(len(xs[0]))]
        return (tuple((a, Window(1, 1, s, 1)) for a, s in enumerate(shifts)),)

    def mirrors(self) -> bool:
        return True

    def call(self, module: str, args: Sequence[str]) -> str:
        given = [source(self.shifts), *([source(self.axes)] if self.axes else [])]
        return f"{args[0]}.roll({', '.join(given)})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"shifts": [-1, 2], "dims": [1, 2]}, ((2, 5, 6, 3),)),
            ({"shifts": 1, "dims": -1}, ((3, 4),)),
            ({"shifts": 2}, ((3, 4),)),
        ]


class Pad(TensorFunction):
    """Adds cells at the ends of axes, or cuts them where the number is negative.

    Sizes: each axis grows by its two numbers; the pairs begin with the last axis.
    Cost: a copy; no multiply-accumulates.
    Pitfalls: the order is [left, right, top, bottom], last axis first; reflection needs padding below the size, and
        modes other than constant take 2 numbers for 2 or 3 dimensions, 4 for 3 or 4, 6 for 4 or 5.
    Torch: torch.nn.functional.pad.
    """

    still = True
    lies = as_map

    attributes = (
        Attribute("pad", Listed(INT, strict=True), doc="cells before and after, last axis first", main=True),
        Attribute("mode", Word("constant", "reflect", "replicate", "circular"), "constant", "what is padded with"),
        Attribute("value", or_null(NUMBER), None, "the constant; 0 where absent"),
    )
    least_left: ClassVar[dict[str, int]] = {"constant": 0, "reflect": 1, "replicate": 1, "circular": 0}
    pad: tuple[Dim, ...]
    mode: str
    value: float | None
    pairs: tuple[tuple[Dim, Dim], ...]

    def settle(self, *xs: Shape) -> None:
        """`pairs` holds the cells before and after each axis, in the order of the axes."""
        given = tuple(zip(self.pad[::2], self.pad[1::2], strict=False))
        self.pairs = ((0, 0),) * (len(xs[0]) - len(given)) + given[::-1]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        if len(self.pad) % 2 or len(self.pad) > 2 * len(x):
            return ((PAIRS, 1),)
        if (self.mode != "constant" and len(x) - len(self.pad) // 2 not in (1, 2)) or self.odd_count():
            return ((SUPPORTED, 1),)
        return [(VALUE, int(self.mode != "constant" and bool(self.value))), *self.size_needs(x)]

    def never_empty(self, x: Shape) -> int:
        return len(self.pad) // 2 + 1 if self.mode in ("reflect", "replicate") else 0

    def unfit_dtypes(self, *dtypes: str) -> str:
        if dtypes[0] == "bool" and self.never_empty(()):
            return f"takes no bool in mode {self.mode}"
        written = any(not isinstance(cells, int) or cells > 0 for cells in self.pad)
        beyond = written and overflows(self.value or 0, dtypes[0])
        return f"cannot pad {dtypes[0]} with {self.value}" if beyond else ""

    def odd_count(self) -> bool:
        return self.mode != "constant" and len(self.pad) not in (2, 4, 6)

    def size_needs(self, x: Shape) -> list[Need]:
        needs: list[Need] = []
        for a, (i, (p, q)) in enumerate(zip(x, self.pairs, strict=True)):
            if _is(p, 0) and _is(q, 0):
                continue
            left = least(p, 0) + least(q, 0) if self.mode == "constant" else p + q
            needs.append((LEFT, i + left - self.least_left[self.mode], a))
            if self.mode == "reflect":
                needs += [(FITS, i - 1 - p, a), (FITS, i - 1 - q, a)]
            elif self.mode == "circular":  # what the other end cuts cannot be wrapped around
                needs += [(FITS, i + least(q, 0) - p, a), (FITS, i + least(p, 0) - q, a)]
        return needs

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (tuple(i + p + q for i, (p, q) in zip(xs[0], self.pairs, strict=True)),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        shifts = enumerate(p for p, _ in self.pairs)
        return (tuple((a, POINT if _is(p, 0) else Window(1, 1, p, 1)) for a, p in shifts),)

    def mirrors(self) -> bool:
        return self.mode != "constant"

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT if self.mode in ("reflect", "replicate") else KEEPS_NOTHING

    def call(self, module: str, args: Sequence[str]) -> str:
        mode = [] if self.mode == "constant" else [f"mode={self.mode!r}"]
        value = [] if self.value is None else [f"value={source(self.value)}"]
        return f"F.pad({', '.join([args[0], source(self.pad), *mode, *value])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"pad": [1, 2]}, ((2, 3, 5),)),
            ({"pad": [1, -1, 0, 2], "value": 0.5}, ((2, 3, 5, 6),)),
            ({"pad": [1, 2, 2, 0], "mode": "reflect"}, ((2, 3, 5, 6),)),
            ({"pad": [2, 1], "mode": "circular"}, ((3, 7),)),
            ({"pad": [1, 1], "mode": "replicate"}, ((2, 3, 4),)),
        ]


def _is(size: Dim | None, number: int) -> bool:
    return type(size) is int and size == number


def _clamped(position: Dim, n: Dim) -> Dim:
    """A position of a slice, counted from 0 and cut to the axis."""
    clamped: Dim = most(0, n + position) if from_end(position) else least(position, n)
    return clamped


def _say_index(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"index {op.index} is out of range for axis {axis} of {listed(xs[0])}, which has {xs[0][axis]} positions"


def _say_starts(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"start {op.start} is out of range for axis {axis} of {listed(xs[0])}, which has {xs[0][axis]} positions"


def _say_length(op: Any, xs: Sequence[Shape], axis: int) -> str:
    n = xs[0][axis]
    return f"start {op.start} and length {op.length} go beyond the {n} positions of axis {axis} of {listed(xs[0])}"


def _say_shifts(op: Any, xs: Sequence[Shape], axis: int) -> str:
    if not op.axes:
        return f"shifts {list(op.shifts)} without dims: only one shift goes through all axes"
    return f"shifts {list(op.shifts)} and dims {list(op.dims)} have different lengths"


def _say_pairs(op: Any, xs: Sequence[Shape], axis: int) -> str:
    if len(op.pad) % 2:
        return f"pad {list(op.pad)} holds {len(op.pad)} numbers, not two for each axis"
    return f"pad {list(op.pad)} is for {len(op.pad) // 2} axes, and {listed(xs[0])} has {len(xs[0])}"


def _say_supported(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"mode {op.mode} does not take {len(op.pad)} numbers for {len(xs[0])} dimensions"


def _advise_supported(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "2 numbers for 2 or 3 dimensions, 4 for 3 or 4, 6 for 4 or 5"


def _say_value(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"value is {op.value}, but mode {op.mode} takes no value"


def _say_fits(op: Any, xs: Sequence[Shape], axis: int) -> str:
    bound = "smaller than" if op.mode == "reflect" else "at most"
    return f"{op.mode} padding {listed(op.pairs[axis])} must be {bound} the input {xs[0][axis]} on axis {axis}"


def _say_left(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"pad {listed(op.pairs[axis])} cuts more than there is of the input {xs[0][axis]} on axis {axis}"


DIMS = dimension_claim("dims")
INDEX = Claim("SC217", "index", AT_LEAST_ZERO, _say_index)
STARTS = Claim("SC217", "start", AT_LEAST_ZERO, _say_starts)
LENGTH = Claim("SC217", "length", AT_LEAST_ZERO, _say_length)
SHIFTS = Claim("SC213", "shifts", ZERO, _say_shifts)
PAIRS = Claim("SC213", "pad", ZERO, _say_pairs)
SUPPORTED = Claim("SC209", "pad", ZERO, _say_supported, _advise_supported)
VALUE = Claim("SC109", "value", ZERO, _say_value)
FITS = Claim("SC216", "pad", AT_LEAST_ZERO, _say_fits)
LEFT = Claim("SC216", "pad", AT_LEAST_ZERO, _say_left)
