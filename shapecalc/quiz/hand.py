"""Small matrices and a layer -> the values that it gives, each with the products or the window that it comes from.

Exact fractions throughout, so that 0.1 is a tenth. Sizes and defaults are those of the operator; it knows no words.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.ops.kinds import Unfit
from shapecalc.ops.op import AT_LEAST_ZERO
from shapecalc.ops.registry import MODULES, find
from shapecalc.quiz.problem import Problem, Solved, Unsolvable
from shapecalc.quiz.question import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.ops.op import Operator
    from shapecalc.quiz.question import Value

    Place = tuple[int, ...]

CORRELATION, LARGEST, MEAN, TRANSPOSED = "correlation", "largest", "mean", "transposed"
FORMS = {"Conv": CORRELATION, "MaxPool": LARGEST, "AvgPool": MEAN, "ConvTranspose": TRANSPOSED}
OPERATORS = {f"{name}{rank}d": form for name, form in FORMS.items() for rank in (1, 2)}
ARGUMENTS = ("kernel_size", "stride", "padding", "dilation", "output_padding", "ceil_mode", "count_include_pad")
LARGEST_IMAGE = 10_000


class Grid:
    """Numbers on one or two axes, in channels."""

    __slots__ = ("channels", "sizes", "values")

    def __init__(self, nested: Any, rank: int) -> None:
        depth = _depth(nested)
        if depth not in (rank, rank + 1):
            raise Unsolvable(f"{depth} axes of numbers where {rank}, or {rank + 1} with channels, are due")
        planes = nested if depth == rank + 1 else [nested]
        self.channels = len(planes)
        self.sizes = _sizes(planes[0])
        if prod(self.sizes) * self.channels > LARGEST_IMAGE:
            raise Unsolvable("too many numbers to be worked out by hand")
        self.values: dict[tuple[int, Place], Fraction] = {}
        for channel, plane in enumerate(planes):
            if _sizes(plane) != self.sizes:
                raise Unsolvable("the channels have different sizes")
            self.values |= {(channel, place): value for place, value in _values(plane)}


def _depth(nested: Any) -> int:
    return 1 + _depth(nested[0]) if isinstance(nested, list | tuple) and nested else 0


def _sizes(plane: Any) -> Place:
    """The sizes of nested lists; raises Unsolvable for rows of different lengths."""
    if not isinstance(plane, list | tuple):
        return ()
    inner = {_sizes(item) for item in plane}
    if len(inner) != 1:
        raise Unsolvable("rows of different lengths")
    return (len(plane), *inner.pop())


def _values(plane: Any, place: Place = ()) -> Iterator[tuple[Place, Fraction]]:
    if isinstance(plane, list | tuple):
        for n, item in enumerate(plane):
            yield from _values(item, (*place, n))
        return
    if isinstance(plane, bool) or not isinstance(plane, int | float) or plane - plane != 0:
        raise Unsolvable(f"{plane!r} is no number")
    yield place, Fraction(str(plane))


class Setting:
    """All that a value depends on. Some mistakes are made by another setting: see `but`."""

    __slots__ = ("dilation", "divisor", "edge", "form", "image", "kernel", "kernel_size", "padding", "stride")

    form: str
    image: Grid
    kernel: Grid | None
    kernel_size: Place
    stride: Place
    padding: Place
    dilation: Place
    edge: bool
    """Whether cells beyond the edge repeat it, where zeros are due."""
    divisor: str
    """What a sum is divided by: "all" cells of the window, those "inside" the input, or "none"."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def but(self, **values: Any) -> Setting:
        """The same with other values."""
        return Setting(**{name: getattr(self, name) for name in self.__slots__} | values)

    def at(self, channel: int, place: Place) -> Fraction | None:
        """The number at a place; None beyond the edge."""
        if self.edge:
            place = tuple(min(max(n, 0), size - 1) for n, size in zip(place, self.image.sizes, strict=True))
        return self.image.values.get((channel, place))

    def pairs(self, cell: Place) -> list[tuple[Fraction, Fraction]]:
        """The products that a cell of the output sums up: numbers of the input with those of the kernel."""
        assert self.kernel is not None
        places = list(self._sources(cell) if self.form == TRANSPOSED else self._window(cell))
        return [
            (value, self.kernel.values[channel, inner])
            for channel in range(self.image.channels)
            for inner, place in places
            if (value := self._due(channel, place)) is not None
        ]

    def _due(self, channel: int, place: Place) -> Fraction | None:
        """A number of the input; beyond the edge a zero, which a transposed convolution does not have."""
        value = self.at(channel, place)
        return value if value is not None or self.form == TRANSPOSED else Fraction(0)

    def _window(self, cell: Place) -> Iterator[tuple[Place, Place]]:
        """Each place of the kernel with the place of the input under it."""
        axes = list(zip(cell, self.stride, self.padding, self.dilation, strict=True))
        for inner in product(*map(range, self.kernel_size)):
            yield inner, tuple(o * s - p + d * j for j, (o, s, p, d) in zip(inner, axes, strict=True))

    def _sources(self, cell: Place) -> Iterator[tuple[Place, Place]]:
        """Each place of the kernel with the place of the input that adds it to the cell."""
        axes = list(zip(cell, self.stride, self.padding, self.dilation, strict=True))
        for inner in product(*map(range, self.kernel_size)):
            steps = [(o + p - d * j, s) for j, (o, s, p, d) in zip(inner, axes, strict=True)]
            if all(way % s == 0 for way, s in steps):
                yield inner, tuple(way // s for way, s in steps)

    def window(self, cell: Place) -> list[Fraction | None]:
        """What a pool sees, None beyond the edge."""
        return [self.at(0, place) for _, place in self._window(cell)]

    def value(self, cell: Place) -> Fraction:
        """The number in a cell of the output. Raises ValueError for a window without a number."""
        if self.form in (CORRELATION, TRANSPOSED):
            return sum((x * w for x, w in self.pairs(cell)), Fraction(0))
        seen = [x for x in self.window(cell) if x is not None]
        if self.form == LARGEST:
            return max(seen)
        return sum(seen, Fraction(0)) / self.divides(cell)

    def divides(self, cell: Place) -> int:
        """What the sum of a window is divided by."""
        window = self.window(cell)
        return {"all": len(window), "inside": sum(x is not None for x in window), "none": 1}[self.divisor]


class HandSolved(Solved):
    """One cell of the output, and the problem of this cell alone."""

    __slots__ = ("cell", "problem", "setting")

    def __init__(self, problem: HandProblem, setting: Setting, cell: Place) -> None:
        self.problem = problem.but(cell=[n + 1 for n in cell])
        self.setting = setting
        self.cell = cell
        self.workings = []
        self.work = None
        self.least = None
        self.answer = plain(setting.value(cell))

    def under(self, setting: Setting) -> Value:
        """What another setting would give."""
        return plain(setting.value(self.cell))

    def other(self, **changes: Any) -> Value:
        """What another operator, kernel, image, cell or arguments would give. Raises Unsolvable."""
        return self.problem.but(**changes).solve()[""].answer

    def lines(self, say: Words) -> list[Line]:
        form = {LARGEST: self._largest, MEAN: self._mean}.get(self.setting.form, self._products)
        return [*form(), Line(f"= {self.answer}", f"= {self.answer}")]

    def _products(self) -> list[Line]:
        pairs = self.setting.pairs(self.cell)
        if not pairs:
            return [Line("0", "0")]
        first = [f"{written(x)}*{written(w)}" for x, w in pairs]
        return [
            Line(" + ".join(first), " + ".join(first).replace("*", r" \cdot ")),
            *([Line(_sum([x * w for x, w in pairs]), _sum([x * w for x, w in pairs]))] if len(pairs) > 1 else []),
        ]

    def _largest(self) -> list[Line]:
        seen = ", ".join(str(plain(x)) for x in self.setting.window(self.cell) if x is not None)
        return [Line(f"max({seen})", rf"\max({seen})")]

    def _mean(self) -> list[Line]:
        counted = [x for x in self.setting.window(self.cell) if x is not None or self.setting.divisor == "all"]
        terms = " + ".join(written(x or Fraction(0)) for x in counted)
        total, parts = plain(sum((x for x in counted if x is not None), Fraction(0))), self.setting.divides(self.cell)
        return [
            Line(f"({terms})/{parts}", rf"\frac{{{terms}}}{{{parts}}}"),
            Line(f"= {total}/{parts}", rf"= \frac{{{total}}}{{{parts}}}"),
        ]

    def notes(self, say: Words) -> list[str]:
        return []


def _sum(values: Sequence[Fraction]) -> str:
    return "= " + " + ".join(map(written, values))


def plain(value: Fraction) -> int | float:
    """The number as an answer holds it."""
    return value.numerator if value.denominator == 1 else float(value)


def written(value: Fraction) -> str:
    """The number within arithmetic: a negative one in brackets."""
    return f"({plain(value)})" if value < 0 else str(plain(value))


class HandProblem(Problem):
    """The numbers that a layer makes of small matrices: one `cell` (counted from 1) of the output, or all of them.

    `by_hand` is the operator: Conv, MaxPool, AvgPool or ConvTranspose of one or two axes, with torch's `args`;
    `image` and `kernel` are rows of numbers, or channels of them.
    """

    keys = ("by_hand", "image")
    optional = ("kernel", "args", "cell")

    def __init__(self, by_hand: str, image: Any, kernel: Any = None, args: Any = None, cell: Any = None) -> None:
        self.by_hand = by_hand
        self.image = image
        self.kernel = kernel
        self.args = args
        self.cell = cell

    def but(self, **changes: Any) -> HandProblem:
        """The same with other values of its keys."""
        return HandProblem(**{key: getattr(self, key) for key in (*self.keys, *self.optional)} | changes)

    @property
    def rank(self) -> int:
        return int(self.by_hand[-2])

    def solve(self) -> dict[str, Solved]:
        if self.by_hand not in OPERATORS:
            raise Unsolvable(f"{self.by_hand} is not worked out by hand; {', '.join(OPERATORS)} are")
        image = Grid(self.image, self.rank)
        kernel = None if self.kernel is None else Grid(self.kernel, self.rank)
        op = self._operator(image, kernel)
        setting = _setting(op, OPERATORS[self.by_hand], image, kernel)
        sizes: Any = op.shape((1, image.channels, *image.sizes))[0][-self.rank :]
        if self.cell is not None:
            return {"": HandSolved(self, setting, _cell(self.cell, sizes))}
        if prod(sizes) > LARGEST_IMAGE // 100:
            raise Unsolvable("too many numbers to be worked out by hand: name a `cell`")
        return {name_of(cell): HandSolved(self, setting, cell) for cell in product(*map(range, sizes))}

    def operator(self) -> Operator:
        """The layer that does it."""
        kernel = None if self.kernel is None else Grid(self.kernel, self.rank)
        return self._operator(Grid(self.image, self.rank), kernel)

    def _operator(self, image: Grid, kernel: Grid | None) -> Operator:
        """The layer, settled on the image. Raises Unsolvable where it cannot be."""
        form = find(self.by_hand) if self.by_hand in MODULES else None
        pool = OPERATORS.get(self.by_hand) in (LARGEST, MEAN)
        if form is None or (kernel is None) != pool or (pool and image.channels > 1):
            raise Unsolvable("a convolution has a `kernel`, and a pool, of one channel, `args` with its kernel_size")
        args: dict[str, Any] = dict(self.args or {})
        if kernel is not None:
            if kernel.channels != image.channels:
                raise Unsolvable(f"{kernel.channels} channels of kernels for {image.channels} of the image")
            args |= {"kernel_size": list(kernel.sizes), "out_channels": 1, "bias": False}
        if kernel is not None and self.by_hand.startswith("ConvTranspose") and image.channels > 1:
            raise Unsolvable("a transposed convolution is worked out by hand on one channel")
        return _settled(form, args, (1, image.channels, *image.sizes))


def _settled(form: type[Operator], args: dict[str, Any], x: Any) -> Operator:
    kinds = {a.name: a.kind for a in form.attributes}
    for name in args:
        if name not in kinds or name not in (*ARGUMENTS, "out_channels", "bias"):
            raise Unsolvable(f"no argument {name!r} by hand; there are {', '.join(n for n in ARGUMENTS if n in kinds)}")
    if "kernel_size" not in args:
        raise Unsolvable("`args` has no kernel_size")
    try:
        op = form({name: kinds[name].read(value) for name, value in args.items()}, x)
    except Unfit as error:
        raise Unsolvable(str(error)) from None
    for need in op.needs(x):
        gap: Any = need[1]
        if gap < 0 or (gap and need[0].relation != AT_LEAST_ZERO):
            raise Unsolvable(need[0].say(op, [x], need[2] if len(need) > 2 else 0))
    return op


def _setting(op: Any, form: str, image: Grid, kernel: Grid | None) -> Setting:
    if isinstance(op.padding, str):
        raise Unsolvable("by hand the padding is a number")
    if form == MEAN and op.ceil_mode:
        raise Unsolvable("a mean with ceil_mode is not worked out by hand")
    return Setting(
        form=form,
        image=image,
        kernel=kernel,
        kernel_size=tuple(op.kernel_size),
        stride=tuple(getattr(op, "steps", None) or op.stride),
        padding=tuple(op.padding),
        dilation=tuple(getattr(op, "dilation", None) or (1,) * op.rank),
        edge=False,
        divisor="all" if getattr(op, "count_include_pad", True) else "inside",
    )


def _cell(cell: Any, sizes: Sequence[int]) -> Place:
    places = tuple(cell) if isinstance(cell, list | tuple) else (cell,)
    inside = len(places) == len(sizes) and all(
        type(n) is int and 1 <= n <= size for n, size in zip(places, sizes, strict=True)
    )
    if not inside:
        raise Unsolvable(f"no cell {cell}: the output has {' x '.join(map(str, sizes))}, counted from 1")
    return tuple(n - 1 for n in places)


def name_of(cell: Place) -> str:
    """The name of a value in a table: "r1c2", and "c2" where there is but one row.

    >>> name_of((0, 1)), name_of((1,))
    ('r1c2', 'c2')
    """
    return "".join(f"{letter}{n + 1}" for letter, n in zip("rc"[-len(cell) :], cell, strict=True))
