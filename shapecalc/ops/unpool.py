"""The way back from a max pool: values to the places where they came from, zeros elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import Arrangement, Lost, listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, Listed, PerAxis, or_null
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, Kept, construct, source
from shapecalc.ops.pool import per_axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

OUTPUT_SIZE = Attribute(
    "output_size", or_null(Listed(COUNT, strict=True)), None, "sizes of the output, where the pool rounded down"
)


class MaxUnpool(Arrangement):
    """Puts each value where `indices`, the second output of the max pool, say that it came from; zeros elsewhere.

    Sizes: (i - 1) x s - 2p + k on each axis, or `output_size`, which may be less than a stride away from that.
    Cost: no parameters, no multiply-accumulates; autograd keeps the indices (8 bytes each).
    Pitfalls: it takes two inputs, `from: [x, pool[1]]`, and the pool needs `return_indices: true`; kernel, stride and
        padding are those of the pool; a size that the pool rounded down is only found again with `output_size`.
    Torch: torch.nn.MaxUnpool1d, MaxUnpool2d, MaxUnpool3d.
    """

    still = True
    rank: ClassVar[int]
    inputs = ("input", "indices")
    takes = FLOATS
    further: ClassVar[Mapping[str, frozenset[str]]] = {"indices": frozenset({"int64"})}
    kernel_size: tuple[Dim, ...]
    stride: tuple[Dim, ...] | None
    padding: Any
    output_size: tuple[Dim, ...] | None
    axes: list[tuple[Any, Any, Any]]
    """Kernel, stride and padding of each spatial axis."""

    def settle(self, *xs: Shape) -> None:
        self.padding = per_axis(self.padding, self.rank)
        steps = self.kernel_size if self.stride is None else self.stride
        self.axes = list(zip(self.kernel_size, steps, self.padding, strict=True))

    def usual(self, x: Shape) -> list[Dim]:
        """The spatial sizes that a pool without remainders came from."""
        return [(i - 1) * s - 2 * p + k for i, (k, s, p) in zip(x[-self.rank :], self.axes, strict=True)]

    def sizes(self, x: Shape) -> Sequence[Dim]:
        return self.usual(x) if self.output_size is None else self.output_size[-self.rank :]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, indices = xs
        first = len(x) - self.rank
        if len(indices) != len(x):
            return ((INDICES, 1),)
        if self.output_size is not None and len(self.output_size) not in (self.rank, self.rank + 2):
            return ((LENGTH, 1),)
        needs: list[Need] = [(INDICES, n - i, a) for a, (n, i) in enumerate(zip(indices, x, strict=True)) if n is not i]
        needs += [(EMPTY, x[a] - 1, a) for a in range(max(first - 1, 1), len(x))]
        for a, (size, usual, (_, s, _)) in enumerate(zip(self.sizes(x), self.usual(x), self.axes, strict=True), first):
            needs.append((NEGATIVE, size, a))
            if self.output_size is not None:
                needs += [(NEAR, size - usual + s - 1, a), (NEAR, usual - size + s - 1, a)]
        return needs

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x, _) = xs
        return ((*x[: len(x) - self.rank], *self.sizes(x)),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """Batch and channels at one point; where values go is told by numbers that come at run time."""
        first = len(xs[0]) - self.rank
        reads = tuple((a, POINT if a < first else PLACED) for a in range(len(xs[0])))
        return (reads, reads)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 1),)

    def constructor(self) -> str | None:
        """`output_size` is an argument of the call."""
        size, self.output_size = self.output_size, None
        try:
            return construct(self, f"nn.{type(self).__name__}")
        finally:
            self.output_size = size

    def call(self, module: str, args: Sequence[str]) -> str:
        size = [] if self.output_size is None else [f"output_size={source(list(self.output_size))}"]
        return f"{module}({', '.join([*args, *size])})"


def _arguments(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("kernel_size", PerAxis(rank, 1), doc="the pool's kernel", main=True, lead=True),
        Attribute("stride", or_null(PerAxis(rank, 1)), None, "the pool's stride; the kernel unless given"),
        Attribute("padding", PerAxis(rank), 0, "the pool's padding"),
        OUTPUT_SIZE,
    )


class MaxUnpool1d(MaxUnpool):
    rank = 1
    ranks = (2, 3)
    attributes = _arguments(1)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 2}, ((2, 3, 5), (2, 3, 5))),
            ({"kernel_size": 3, "stride": 2, "padding": 1, "output_size": [10]}, ((2, 5), (2, 5))),
        ]


class MaxUnpool2d(MaxUnpool):
    lies = as_map

    rank = 2
    ranks = (3, 4)
    attributes = _arguments(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 2}, ((2, 3, 5, 4), (2, 3, 5, 4))),
            (
                {"kernel_size": [3, 2], "stride": 2, "padding": [1, 0], "output_size": [2, 3, 10, 7]},
                ((2, 3, 5, 3), (2, 3, 5, 3)),
            ),
        ]


class MaxUnpool3d(MaxUnpool):
    rank = 3
    ranks = (4, 5)
    attributes = _arguments(3)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 2}, ((2, 3, 2, 3, 4), (2, 3, 2, 3, 4))),
            ({"kernel_size": 3, "stride": [1, 2, 2]}, ((2, 2, 3, 4), (2, 2, 3, 4))),
        ]


def _say_indices(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the indices {listed(xs[1])} are not of the input's shape {listed(xs[0])}"


def _say_length(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"output_size {listed(op.output_size)} holds neither {op.rank} nor {op.rank + 2} sizes"


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, and only the batch may be"


def _say_negative(op: Any, xs: Sequence[Shape], axis: int) -> str:
    size = op.sizes(xs[0])[axis - len(xs[0]) + op.rank]
    return f"{listed(xs[0])} unpools to size {size} on axis {axis}"


def _say_near(op: Any, xs: Sequence[Shape], axis: int) -> str:
    n = axis - len(xs[0]) + op.rank
    usual, stride = op.usual(xs[0])[n], op.axes[n][1]
    bounds = f"{usual - stride + 1} to {usual + stride - 1}"
    return f"output_size {op.sizes(xs[0])[n]} on axis {axis} is not among {bounds}, which pool to {xs[0][axis]}"


PLACED = Lost("places that come at run time")
INDICES = Claim("SC211", "", ZERO, _say_indices)
LENGTH = Claim("SC109", "output_size", ZERO, _say_length)
EMPTY = Claim("SC211", "", AT_LEAST_ZERO, _say_empty)
NEGATIVE = Claim("SC216", "padding", AT_LEAST_ZERO, _say_negative)
NEAR = Claim("SC109", "output_size", AT_LEAST_ZERO, _say_near)
