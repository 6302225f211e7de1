"""Means, sums, products, spreads and norms over axes, and running sums."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.arrange import TensorFunction, counted, dimension_claim, listed, outside, twice_claim
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, NUMBER, Either, Listed, or_null
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, ZERO, Attribute, Claim, Kept, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front
from shapecalc.ops.tally import summed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


DIMS = Attribute("dim", or_null(Either(AXIS, Listed(AXIS, strict=True))), None, "axes that go", main=True)
KEEPDIM = Attribute("keepdim", FLAG, False, "whether they stay with size 1")
KEEPS_BOTH = (Kept("input"), Kept("output"))


class Reduction(TensorFunction):
    """What means and sums share: the axes that go, all of them where none is named."""

    function: ClassVar[str]
    attributes: ClassVar[tuple[Attribute, ...]] = (DIMS, KEEPDIM)
    roles = frozenset({"reduction"})
    dim: int | tuple[int, ...] | None
    keepdim: bool
    axes: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        """An empty list means every axis, as in torch."""
        rank = len(xs[0])
        dims = (self.dim,) if isinstance(self.dim, int) else self.dim or range(rank)
        self.axes = tuple(from_front(d, counted(rank)) for d in dims)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside(self.axes, len(xs[0])):
            return ((DIM, 1),)
        return ((DIM_TWICE, len(self.axes) - len(set(self.axes))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        kept = [1 if a in self.axes else size for a, size in enumerate(xs[0]) if self.keepdim or a not in self.axes]
        return (tuple(kept),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axes that go are named by no output axis: they are seen whole."""
        rank = range(len(xs[0]))
        left = [a for a in rank if self.keepdim or a not in self.axes]
        return (tuple((None if a in self.axes else a, POINT) for a in left),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.{self.function}({', '.join(self.arguments())})"

    def arguments(self) -> list[str]:
        """Source text of what stands between the parentheses."""
        dims = [] if self.dim is None and not self.keepdim else [source(self.dim)]
        return [*dims, *["keepdim=True"] * self.keepdim]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": [2, 3]}, ((2, 3, 5, 4),)),
            ({"dim": -1, "keepdim": True}, ((2, 3, 7),)),
            ({}, ((3, 4),)),
            ({"keepdim": True}, ((2, 3, 4),)),
        ]


class Mean(Reduction):
    """The mean over axes: `Mean: [2, 3]` is global average pooling without the axes of size 1.

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: without `dim` it takes the mean over the batch too; it takes floats only.
    Torch: torch.mean.
    """

    takes = FLOATS
    function = "mean"

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": summed(xs[0], ys[0]), "divisions": prod(ys[0])}


class Sum(Reduction):
    """The sum over axes.

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: without `dim` it sums over the batch too; integers and booleans become int64.
    Torch: torch.sum.
    """

    function = "sum"

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0] if "float" in dtypes[0] else "int64",)

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": summed(xs[0], ys[0])}


def integer_sum(dtype: str) -> str:
    """The dtype that torch sums and multiplies in: int64 for integers and booleans."""
    return dtype if "float" in dtype else "int64"


class Prod(Reduction):
    """The product over an axis, or of all values.

    Sizes: without `dim` a scalar; with it the axis goes, or stays with size 1.
    Cost: no multiply-accumulates by convention; autograd keeps the input and the output.
    Pitfalls: it takes one axis, not several; `keepdim` needs a `dim`; integers and booleans become int64.
    Torch: torch.prod.
    """

    function = "prod"
    attributes = (Attribute("dim", or_null(AXIS), None, "the axis that goes; null: all", main=True), KEEPDIM)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((KEPT_WHICH, 1),) if self.keepdim and self.dim is None else super().needs(*xs)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (integer_sum(dtypes[0]),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 3, 5, 4),)), ({"dim": -1, "keepdim": True}, ((2, 7),)), ({}, ((3, 4),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"multiplications": summed(xs[0], ys[0])}


class Spread(Reduction):
    """How far values lie from their mean: the standard deviation (Std) or its square, the variance (Var).

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates by convention; autograd keeps the input, and of Std the output too.
    Pitfalls: it divides by one less than the number of values unless `correction: 0`, so that a single value gives
        nan; normalisation layers divide by the number itself.
    Torch: torch.std, torch.var.
    """

    takes = FLOATS
    attributes = (
        DIMS,
        Attribute("correction", NUMBER, 1, "what is taken off the number of values that is divided by"),
        KEEPDIM,
    )
    correction: float

    def arguments(self) -> list[str]:
        given = [] if self.dim is None and not self.keepdim else [f"dim={source(self.dim)}"]
        given += [f"correction={source(self.correction)}"] * (self.correction != 1)
        return [*given, *["keepdim=True"] * self.keepdim]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"dim": 1, "correction": 0}, ((2, 3, 4),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """The mean, squares of deviations from it, and their mean."""
        n, rows = prod(xs[0]), prod(ys[0])
        return {"adds": 3 * n - 2 * rows, "multiplications": n, "divisions": 2 * rows}


class Std(Spread):
    function = "std"

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {**(super().operations(xs, ys) or {}), "exponentials": prod(ys[0])}


class Var(Spread):
    function = "var"

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT


class Norm(Reduction):
    """The norm of vectors: the root of the sum of squares, or of other powers.

    Sizes: the named axes go, or stay with size 1; without `dim` all go.
    Cost: no multiply-accumulates by convention; autograd keeps the input and the output.
    Pitfalls: over two axes it is the norm of all their values (Frobenius), not that of a linear map; `p: .inf` is
        the largest magnitude, `p: 0` counts what is not 0; more than 2 named axes need `p: 2` written out.
    Torch: torch.norm.
    """

    takes = FLOATS
    function = "norm"
    attributes = (
        Attribute("p", NUMBER, "fro", "the power; 2 unless given"),
        DIMS,
        KEEPDIM,
    )
    p: Any

    def needs(self, *xs: Shape) -> Sequence[Need]:
        needs = super().needs(*xs)
        if self.p == "fro" and isinstance(self.dim, tuple) and len(self.dim) > 2:
            return ((FROBENIUS, 1),)
        if outside(self.axes, len(xs[0])) or not (self.p != "fro" and (self.p < 0 or self.p == float("inf"))):
            return needs
        return (*needs, *((EMPTY, xs[0][a] - 1, a) for a in self.axes if xs[0]))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH

    def arguments(self) -> list[str]:
        given = [] if self.p == "fro" else [f"p={source(self.p)}"]
        given += [] if self.dim is None else [f"dim={source(self.dim)}"]
        return [*given, *["keepdim=True"] * self.keepdim]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"p": 1, "dim": 1}, ((2, 3, 4),)), ({"p": float("inf"), "dim": 0}, ((3, 4),))]


class LogSumExp(Reduction):
    """The logarithm of the sum of exponentials: a maximum that is smooth, computed without overflow.

    Sizes: the named axes go, or stay with size 1.
    Cost: no multiply-accumulates by convention; autograd keeps the input and the output.
    Pitfalls: `dim` must be given; an empty list means every axis, which torch takes with `keepdim` only; integers
        become float32.
    Torch: torch.logsumexp.
    """

    function = "logsumexp"
    attributes = (
        Attribute("dim", Either(AXIS, Listed(AXIS, strict=True)), doc="axes that go", main=True),
        KEEPDIM,
    )

    def needs(self, *xs: Shape) -> Sequence[Need]:
        unnamed = self.dim == () and not self.keepdim and len(xs[0]) > 0
        return ((UNNAMED, 1),) if unnamed else super().needs(*xs)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (dtypes[0] if dtypes[0] in FLOATS else "float32",)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_BOTH

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 3, 5, 4),)), ({"dim": [0, -1], "keepdim": True}, ((2, 3, 7),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        n, rows = prod(xs[0]), prod(ys[0])
        return {"comparisons": n - rows, "adds": 2 * n, "exponentials": n + rows}


class CumSum(TensorFunction):
    """Running sums along an axis: each value is that of the input plus all before it.

    Sizes: unchanged.
    Cost: no multiply-accumulates; nothing is kept for backward.
    Pitfalls: the receptive field along the axis is given as whole, though nothing behind a position is seen;
        integers and booleans become int64.
    Torch: torch.cumsum.
    """

    attributes = (Attribute("dim", AXIS, doc="the axis along which it sums", main=True),)
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(len(xs[0])))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((DIM, int(outside((self.axis,), len(xs[0])))),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (integer_sum(dtypes[0]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, ALL if a == self.axis else POINT) for a in range(len(xs[0]))),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"{args[0]}.cumsum({self.axis})"

    @classmethod
    def samples(cls) -> Any:
        return [({"dim": 1}, ((2, 3, 5, 4),)), ({"dim": -1}, ((2, 7),))]


def _say_kept_which(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"keepdim is true, but {type(op).__name__} without dim gives a scalar"


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, and has no {op.function} with p {op.p}"


def _say_frobenius(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dim {list(op.dim)} names {len(op.dim)} axes, and Norm without p takes at most 2"


def _advise_frobenius(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "with `p: 2` it takes any number"


def _say_unnamed(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dim is an empty list, which torch takes for all axes of {listed(xs[0])} with keepdim only"


KEPT_WHICH = Claim("SC109", "keepdim", ZERO, _say_kept_which)
EMPTY = Claim("SC211", "dim", AT_LEAST_ZERO, _say_empty)
FROBENIUS = Claim("SC109", "dim", ZERO, _say_frobenius, _advise_frobenius)
UNNAMED = Claim("SC109", "dim", ZERO, _say_unnamed)
DIM, DIM_TWICE = dimension_claim("dim"), twice_claim("dim")
