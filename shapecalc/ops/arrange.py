"""What operators that only move values about share: no weights, no multiply-accumulates, torch's dimension numbers.

Knows no operator in particular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import WHOLE, Unknown
from shapecalc.dims.sym import Sym, names
from shapecalc.ops.op import KEEPS_NOTHING, NO_NEEDS, NO_WEIGHTS, ZERO, Claim, Operator
from shapecalc.ops.ranks import from_front
from shapecalc.ops.strides import settled, strides_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shapecalc.dims.field import Seen
    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Kept, Lie, Need, Shape


class Arrangement(Operator):
    """Moves, copies or adds up values without weights and without multiply-accumulates; keeps nothing for backward."""

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_NOTHING


class TensorFunction(Arrangement):
    """An arrangement that is no nn.Module: `call` alone writes it."""

    module = False

    def constructor(self) -> str | None:
        return None


class OneAxis(TensorFunction):
    """A tensor function on one axis, whose output is a view."""

    still = True
    view = True
    dim: int
    axis: int

    def settle(self, *xs: Shape) -> None:
        self.axis = from_front(self.dim, counted(len(xs[0])))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if not xs[0]:
            return ((SCALAR, 1),)
        if outside((self.axis,), len(xs[0])):
            return ((DIM, 1),)
        return self.size_needs(xs[0][self.axis])

    def size_needs(self, n: Dim) -> Sequence[Need]:
        """What must hold of the size of the axis, if anything."""
        return NO_NEEDS


def cut_lies(arrival: Arrival, axis: int, pace: Dim = 1) -> Sequence[Lie]:
    """How views lie that are parts of an axis, or positions of it, which then goes."""
    if not arrival.ys:  # nothing taken apart
        return ()
    strides = strides_of(arrival.xs[0], arrival.lies[0])
    if len(arrival.ys[0]) < len(strides):
        cut = (*strides[:axis], *strides[axis + 1 :])
    else:
        cut = (*strides[:axis], strides[axis] * pace, *strides[axis + 1 :])
    return [settled(y, cut) for y in arrival.ys]


class Lost:
    """A window for an axis whose positions cannot be traced to those of the input; `reason` says why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def pull(self, field: Seen) -> Seen:
        """Unknown, except that who sees everything still does."""
        return WHOLE if field is WHOLE else Unknown(self.reason)

    def __repr__(self) -> str:
        return f"Lost({self.reason!r})"


def outside(dims: Iterable[int], rank: int) -> bool:
    """Whether a dimension number, wrapped, is out of range; torch takes 0 and -1 of a scalar."""
    return any(not (0 <= from_front(d, counted(rank)) < counted(rank)) for d in dims)


def counted(rank: int) -> int:
    """The number of dimensions that torch counts: a scalar counts as having one."""
    return rank or 1


def numbered(rank: int) -> str:
    """`dimensions 0 to 3`, the range that a message names."""
    return "no dimensions" if rank == 0 else "dimension 0 only" if rank == 1 else f"dimensions 0 to {rank - 1}"


def dimension_claim(attribute: str, extra: int = 0) -> Claim:
    """Refuses dimension numbers out of range; `extra` counts the dimensions that the operator adds."""

    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        value = getattr(op, attribute)
        value = list(value) if isinstance(value, tuple) else value
        return f"{attribute} is {value}, but {listed(xs[0])} has {numbered(len(xs[0]) + extra)}"

    return Claim("SC213", attribute, ZERO, say)


def twice_claim(attribute: str) -> Claim:
    """Refuses a dimension that is named twice."""

    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        return f"{attribute} {list(getattr(op, attribute))} names a dimension of {listed(xs[0])} twice"

    return Claim("SC213", attribute, ZERO, say)


def scalar_claim(attribute: str) -> Claim:
    """Refuses an input without dimensions."""

    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        return f"{type(op).__name__} takes at least 1 dimension, and a scalar arrives"

    return Claim("SC209", attribute, ZERO, say)


def listed(x: Sequence[Dim]) -> str:
    """A shape as it is written: `[N, 3, 224, 224]`."""
    return f"[{', '.join(map(str, x))}]"


def is_one(size: Dim) -> bool:
    """Whether a size is the known number 1, the only one that broadcasts."""
    return type(size) is int and size == 1


def is_none(size: Dim) -> bool:
    """Whether a size is the known number 0, which divides nothing."""
    return type(size) is int and size == 0


def source_size(size: Dim, x: Shape, tensor: str) -> str:
    """Source text of a size: a number, or read off the tensor's own shape, so that it holds for every input.

    A name that is no axis of the tensor stays a name in the text.

    >>> from shapecalc.dims.sym import symbol
    >>> N = symbol("N")
    >>> source_size(2 * N, (N, 3), "x")
    '2*x.shape[0]'
    """
    if not isinstance(size, Sym):
        return str(size)
    if size in x:
        return f"{tensor}.shape[{x.index(size)}]"
    text = str(size)
    for name in sorted(names(size), key=len, reverse=True):
        axis = next((a for a, s in enumerate(x) if str(s) == name), None)
        if axis is not None:
            text = _replaced(text, name, f"{tensor}.shape[{axis}]")
    return text


def _replaced(text: str, name: str, with_: str) -> str:
    """`text` with a whole word replaced, such as the `H` of `min(H, 7)`."""
    import re  # only when code is written

    return re.sub(rf"(?<![\w.]){name}(?!\w)", lambda _: with_, text)


def source_sizes(sizes: Sequence[Dim], x: Shape, tensor: str) -> str:
    """Source text of several sizes, separated by commas."""
    return ", ".join(source_size(s, x, tensor) for s in sizes)


SCALAR, DIM = scalar_claim("dim"), dimension_claim("dim")
