"""Functions of vectors and of batches of matrices: normalisation, outer products, batched products."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops.arrange import TensorFunction, dimension_claim, listed, outside, twice_claim
from shapecalc.ops.dtypes import FLOATS, INTS, promoted
from shapecalc.ops.kinds import NUMBER, Either, Listed
from shapecalc.ops.layout import as_first
from shapecalc.ops.op import AT_LEAST_ZERO, ZERO, Attribute, Claim, Kept, once_each, source
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

KEEPS_TWO = (Kept("input", 0, when=(1,)), Kept("input", 1, when=(0,)))


class Normalize(TensorFunction):
    """Divides vectors by their norm, so that all have length 1: embeddings before they are compared.

    Sizes: unchanged.
    Cost: no multiply-accumulates by convention; autograd keeps the input, and the norms twice: before and after they
        are held above `eps`.
    Pitfalls: vectors lie along axis 1 unless `dim` says otherwise; it learns nothing and takes off no mean.
    Torch: torch.nn.functional.normalize.
    """

    lies = as_first

    takes = FLOATS
    attributes = (
        Attribute("p", NUMBER, 2.0, "the power of the norm"),
        Attribute("dim", Either(AXIS, Listed(AXIS, strict=True)), 1, "axes that a vector lies along", main=True),
        Attribute("eps", NUMBER, 1e-12, "the least norm that is divided by"),
    )
    p: float
    dim: int | tuple[int, ...]
    eps: float
    axes: tuple[int, ...]

    def settle(self, *xs: Shape) -> None:
        """An empty list means every axis, as in torch."""
        rank = len(xs[0])
        dims = (self.dim,) if isinstance(self.dim, int) else self.dim or range(rank)
        self.axes = tuple(from_front(d, rank or 1) for d in dims)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if outside(self.axes, len(xs[0])):
            return ((DIM, 1),)
        endless = self.p < 0 or self.p == float("inf")
        empty = [(EMPTY, xs[0][a] - 1, a) for a in self.axes if endless and xs[0]]
        return ((DIM_TWICE, len(self.axes) - len(set(self.axes))), *empty)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (tuple((a, ALL if a in self.axes else POINT) for a in range(len(xs[0]))),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        norms = tuple(1 if a in self.axes else size for a, size in enumerate(xs[0]))
        return (Kept("input"), Kept("new", shape=norms), Kept("new", shape=norms))

    def call(self, module: str, args: Sequence[str]) -> str:
        given = [a for a in self.attributes if not a.kind.same(getattr(self, a.name), a.default)]
        written = [f"{a.name}={source(getattr(self, a.name))}" for a in given]
        if isinstance(self.dim, tuple) and len(self.dim) > 1:  # F.normalize takes them, but says that it takes one axis
            norm = f"{args[0]}.norm({source(self.p)}, {source(tuple(self.dim))}, keepdim=True)"
            return f"{args[0]} / {norm}.clamp_min({source(self.eps)})"
        return f"F.normalize({', '.join([args[0], *written])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4),)),
            ({"p": 1, "dim": -1, "eps": 1e-6}, ((2, 7),)),
            ({"dim": [1, 2]}, ((2, 3, 4),)),
        ]


class Outer(TensorFunction):
    """The outer product of two vectors: every value of the first times every value of the second.

    Sizes: [n] and [m] give [n, m].
    Cost: no multiply-accumulates, as nothing is summed; autograd keeps both vectors.
    Pitfalls: it takes vectors only; for batches use Mul of unsqueezed tensors, or Einsum.
    Torch: torch.outer.
    """

    inputs = ("input", "vec2")
    ranks = (1,)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return ((VECTOR, int(len(xs[1]) != 1)),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0], *xs[1]),)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (((0, POINT), (None, POINT)), ((None, POINT), (0, POINT)))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_TWO

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.outer({', '.join(args)})"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((3,), (5,))), ({}, ((4,), (1,)))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"multiplications": prod(ys[0])}


class BMM(TensorFunction):
    """The matrix products of two batches of matrices, which do not broadcast.

    Sizes: [b, n, k] and [b, k, m] give [b, n, m].
    Cost: b x n x k x m multiply-accumulates; autograd keeps both operands.
    Pitfalls: both need 3 dimensions and the same batch; MatMul takes the rest.
    Torch: torch.bmm.
    """

    still = True
    inputs = ("input", "mat2")
    ranks = (3,)
    takes = FLOATS | INTS
    same_dtype = frozenset({"mat2"})

    def needs(self, *xs: Shape) -> Sequence[Need]:
        a, b = xs
        if len(b) != 3:
            return ((MATRICES, 1),)
        return ((BATCH, a[0] - b[0], 0), (INNER, a[2] - b[1], 2))

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0][:2], xs[1][2]),)

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        (b, n, k), m = xs[0], xs[1][2]
        return b * n * k * m

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return once_each(self, xs, ys, wanted)[0], 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return (((0, POINT), (1, POINT), (None, POINT)), ((0, POINT), (None, POINT), (2, POINT)))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_TWO

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.bmm({', '.join(args)})"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3, 4), (2, 4, 5))), ({}, ((1, 7, 2), (1, 2, 3)))]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops sees modules only."""
        return {"ptflops": 0}


def _say_empty(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} is empty, and has no norm with p {op.p}"


def _say_vector(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"Outer takes two vectors, and the second input {listed(xs[1])} has {len(xs[1])} dimensions"


def _say_matrices(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"BMM takes 3 dimensions, and its second input {listed(xs[1])} has {len(xs[1])}"


def _say_batch(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"batches of {xs[0][0]} and {xs[1][0]} matrices: {listed(xs[0])} and {listed(xs[1])}"


def _say_inner(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{listed(xs[0])} ends in {xs[0][2]} columns, but {listed(xs[1])} has {xs[1][1]} rows"


DIM, DIM_TWICE = dimension_claim("dim"), twice_claim("dim")
EMPTY = Claim("SC211", "dim", AT_LEAST_ZERO, _say_empty)
VECTOR = Claim("SC209", "", ZERO, _say_vector)
MATRICES = Claim("SC209", "", ZERO, _say_matrices)
BATCH = Claim("SC211", "", ZERO, _say_batch)
INNER = Claim("SC211", "", ZERO, _say_inner)
