"""Pooling with a sliding window: the maximum, the average or a norm of each window, channel by channel."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT, Window
from shapecalc.dims.sym import least
from shapecalc.ops.dtypes import FLOATS, INTS
from shapecalc.ops.kinds import FLAG, PerAxis, Whole, or_null
from shapecalc.ops.layout import as_map, as_row, ordered
from shapecalc.ops.op import (
    AT_LEAST_ZERO,
    KEEPS_INPUT,
    NO_WEIGHTS,
    Attribute,
    Claim,
    Kept,
    Operator,
    Uniform,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


def travel(i: Dim, k: int, s: int, p: int, d: int, ceil: bool) -> Dim:
    """How far beyond the first window the last one may start: at least 0 where one window fits.

    With `ceil` a last window may hang over, but one that would start in the right padding is dropped, as
    `pooling_output_shape` in torch's aten/src/ATen/native/Pool.h has it.

    >>> travel(2, k=3, s=2, p=0, d=1, ceil=False), travel(2, k=3, s=2, p=0, d=1, ceil=True)
    (-1, 0)
    """
    e = d * (k - 1) + 1
    if not ceil:
        return i + 2 * p - e
    room: Dim = i + p - 1 + least(0, p + s - e)
    return room


def pooled_size(i: Dim, k: int, s: int, p: int, d: int, ceil: bool) -> Dim:
    """Size after a pooling window of k slides over i with stride s, p padded cells at both ends and dilation d.

    >>> pooled_size(112, k=3, s=2, p=1, d=1, ceil=False), pooled_size(6, k=3, s=2, p=0, d=1, ceil=True)
    (56, 3)
    """
    return travel(i, k, s, p, d, ceil) // s + 1


def sliding(x: Shape, windows: Sequence[Any]) -> tuple[Reads]:
    """Reads of an operator that slides `windows` over the last axes of x and leaves those before them alone."""
    first = len(x) - len(windows)
    return ((*((a, POINT) for a in range(first)), *enumerate(windows, first)),)


def per_axis(value: Any, rank: int) -> Any:
    """A value for each axis, where a default is one number."""
    return value if isinstance(value, tuple) else Uniform((value,) * rank)


class Divisor(Whole):
    """An integer other than 0."""

    wants = "an integer other than 0"

    def read(self, value: Any) -> Any:
        if type(value) is int and value == 0:
            raise self.unfit(value)
        return super().read(value)


class Pool(Operator):
    """What all sliding pools share: windows over the last axes, one channel at a time."""

    hooked: ClassVar[bool] = True
    """Whether ptflops counts one for each value of the input."""
    roles = frozenset({"pool"})
    lies = as_map

    rank: ClassVar[int]
    takes = FLOATS
    within: ClassVar[bool] = False
    """Whether the kernel must fit the input without its padding: torch's averages over three axes ask for that."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...] | None
    steps: tuple[int, ...]
    axes: list[tuple[int, int, int, int]]
    """Kernel, stride, padding and dilation of each spatial axis."""
    windows: list[Window]
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool
    return_indices: bool = False

    def settle(self, *xs: Shape) -> None:
        self.steps = self.kernel_size if self.stride is None else self.stride
        self.padding = per_axis(self.padding, self.rank)
        self.dilation = per_axis(self.dilation, self.rank)
        self.axes = list(zip(self.kernel_size, self.steps, self.padding, self.dilation, strict=True))
        self.windows = [Window(k, s, p, d) for k, s, p, d in self.axes]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        needs: list[Need] = []
        for a, (k, s, p, d) in enumerate(self.axes, len(x) - self.rank):
            needs.append((PADDING_HALF, k - 2 * p, a))
            needs.append((WINDOW_FITS, travel(x[a], k, s, p, d, self.ceil_mode), a))
            if self.within:
                needs.append((KERNEL_WITHIN, x[a] - k, a))
        return needs

    def never_empty(self, x: Shape) -> int:
        return self.rank + 1

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        ceil = self.ceil_mode
        sizes = [pooled_size(i, k, s, p, d, ceil) for i, (k, s, p, d) in zip(x[-self.rank :], self.axes, strict=True)]
        y = (*x[: -self.rank], *sizes)
        return (y, y) if self.return_indices else (y,)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return sliding(xs[0], self.windows)

    def combined(self, y: Shape) -> Dim:
        """Adds, or comparisons, of all windows, those that reach into the padding counted as whole."""
        return prod(y) * (prod(self.kernel_size) - 1)

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return {"ptflops": prod(xs[0])} if self.hooked else {}


class MaxPool(Pool):
    """The largest value of each window.

    Sizes: floor((i + 2p - d(k-1) - 1) / s) + 1 on each axis; with ceil_mode the quotient is rounded up, and a last
    window that would start in the right padding is dropped. The stride is the kernel unless given.
    Cost: no parameters, no multiply-accumulates; training keeps the input and the place of each maximum (8 bytes).
    Pitfalls: `MaxPool2d: 3` has stride 3; padding is at most half of the kernel, dilated or not; floor drops columns.
    Torch: torch.nn.MaxPool1d, MaxPool2d, MaxPool3d.
    """

    roles = frozenset({"pool", "passes_shift"})

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0], "int64") if self.return_indices else None

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return keeps_places(ys, self.return_indices)

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"comparisons": self.combined(ys[0])}


def keeps_places(ys: Sequence[Shape], returned: bool) -> Sequence[Kept]:
    """The input, and the index of each maximum: the second output where it is returned, else a new tensor."""
    return (Kept("input"), Kept("output", 1) if returned else Kept("new", shape=ys[0], width=8))


def _maximum(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the window along each axis", main=True, lead=True),
        Attribute("stride", or_null(PerAxis(rank, 1)), None, "cells between two windows; the kernel unless given"),
        Attribute("padding", PerAxis(rank), 0, "cells of minus infinity added at both ends of an axis"),
        Attribute("dilation", PerAxis(rank, 1), 1, "cells between two cells of the window"),
        Attribute("return_indices", FLAG, False, "whether the places of the maxima are a second output"),
        Attribute("ceil_mode", FLAG, False, "whether a window that hangs over the end counts"),
    )


class MaxPool1d(MaxPool):
    lies = as_row

    rank = 1
    ranks = (2, 3)
    attributes = _maximum(1)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3}, ((2, 4, 17),)),
            ({"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "return_indices": True}, ((4, 16),)),
            ({"kernel_size": 3, "stride": 2, "ceil_mode": True}, ((2, 4, 6),)),
        ]


class MaxPool2d(MaxPool):
    rank = 2
    ranks = (3, 4)
    takes = FLOATS | INTS
    attributes = _maximum(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3, "stride": 2}, ((2, 3, 13, 9),)),
            ({"kernel_size": [3, 5], "stride": [2, 1], "padding": [1, 2], "ceil_mode": True}, ((1, 4, 8, 9),)),
            ({"kernel_size": 2, "dilation": 3, "return_indices": True}, ((4, 9, 7),)),
        ]


class MaxPool3d(MaxPool):
    rank = 3
    ranks = (4, 5)
    takes = FLOATS | INTS
    attributes = _maximum(3)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": [1, 3, 3], "stride": [1, 2, 2], "padding": [0, 1, 1]}, ((2, 2, 5, 6, 7),)),
            ({"kernel_size": 2, "stride": 3, "ceil_mode": True, "return_indices": True}, ((2, 5, 6, 7),)),
        ]


class AvgPool(Pool):
    """The mean of each window.

    Sizes: as MaxPool's without dilation.
    Cost: no parameters, no multiply-accumulates; training keeps the input.
    Pitfalls: padded zeros count in the mean unless count_include_pad is false; the stride is the kernel unless given;
    torch's kernel for three axes wants an input as large as the window even where padding or ceil_mode makes it fit.
    Torch: torch.nn.AvgPool1d, AvgPool2d, AvgPool3d.
    """

    takes = FLOATS | {"int64"}

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": self.combined(ys[0]), "divisions": prod(ys[0])}


def _average(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the window along each axis", main=True, lead=True),
        Attribute("stride", or_null(PerAxis(rank, 1)), None, "cells between two windows; the kernel unless given"),
        Attribute("padding", PerAxis(rank), 0, "cells of zero added at both ends of an axis"),
        Attribute("ceil_mode", FLAG, False, "whether a window that hangs over the end counts"),
        Attribute("count_include_pad", FLAG, True, "whether padded cells count in the mean"),
    )


DIVISOR = Attribute("divisor_override", or_null(Divisor()), None, "what sums are divided by in place of the cells")


class AvgPool1d(AvgPool):
    lies = as_row

    rank = 1
    ranks = (2, 3)
    attributes = _average(1)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 4}, ((2, 4, 17),)),
            ({"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, ((4, 16),)),
        ]


class AvgPool2d(AvgPool):
    rank = 2
    ranks = (3, 4)
    attributes = (*_average(2), DIVISOR)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3, "stride": 2, "padding": 1}, ((2, 3, 13, 9),)),
            ({"kernel_size": [3, 2], "ceil_mode": True, "divisor_override": -2}, ((4, 8, 9),)),
        ]


class AvgPool3d(AvgPool):
    lies = ordered
    rank = 3
    within = True
    ranks = (4, 5)
    attributes = (*_average(3), DIVISOR)

    @classmethod
    def samples(cls) -> Any:
        return [({"kernel_size": [1, 2, 3], "stride": 2, "padding": [0, 1, 1]}, ((2, 2, 5, 6, 7),))]


def _say_half(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    return f"padding {op.padding[a]} is more than half of kernel {op.kernel_size[a]}"


def _say_window(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    k, p, d, i = op.kernel_size[a], op.padding[a], op.dilation[a], xs[0][axis]
    extent = f"kernel {k}" if d == 1 else f"kernel {k} with dilation {d} spans {d * (k - 1) + 1} and"
    arrives = f"input {i}" if p == 0 else f"input {i} padded to {i + 2 * p}"
    verdict = "leaves nothing, ceil_mode or not, of the" if op.ceil_mode else "is larger than the"
    return f"{extent} {verdict} {arrives} on axis {axis}"


def _say_within(op: Any, xs: Sequence[Shape], axis: int) -> str:
    k = op.kernel_size[axis - len(xs[0]) + op.rank]
    return f"kernel {k} is larger than the input {xs[0][axis]} on axis {axis}, which torch refuses here, padded or not"


PADDING_HALF = Claim("SC208", "padding", AT_LEAST_ZERO, _say_half)
WINDOW_FITS = Claim("SC201", "kernel_size", AT_LEAST_ZERO, _say_window)
KERNEL_WITHIN = Claim("SC201", "kernel_size", AT_LEAST_ZERO, _say_within)
