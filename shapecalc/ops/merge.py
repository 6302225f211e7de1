"""Merges of several values: sums, differences, products, concatenation and stacking."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT, Window
from shapecalc.dims.sym import names
from shapecalc.ops.arrange import TensorFunction, is_one, listed, outside
from shapecalc.ops.dtypes import promoted
from shapecalc.ops.kinds import FLAG, Either, Listed, Number, Word
from shapecalc.ops.layout import elementwise
from shapecalc.ops.op import INFERRED, KEEPS_NOTHING, NO_NEEDS, ZERO, Attribute, Claim, Kept
from shapecalc.ops.ranks import DIM as AXIS
from shapecalc.ops.ranks import from_front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape

OPERANDS = Attribute(
    "operands", Listed(Either(Word("tensor", "free"), Number())), (), "names of values, or numbers", main=True
)
BROADCAST = Attribute("broadcast", FLAG, False, "whether sizes of 1 stretch to those of the others")


class Merge(TensorFunction):
    """What merges share: operands, each a tensor, a learned tensor that broadcasts freely, or a number."""

    inputs = ("operands*",)
    merging = True
    operands: tuple[Any, ...]

    def settle(self, *xs: Shape) -> None:
        self.operands = tuple(self.operands) or ("tensor",) * len(xs)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes, [o for o in self.operands if not isinstance(o, str)]),)

    def numbers(self) -> list[Any]:
        return [o for o in self.operands if not isinstance(o, str)]


class Elementwise(Merge):
    """Element by element; sizes of 1 stretch where broadcasting is allowed."""

    roles = frozenset({"elementwise_merge"})
    lies = elementwise
    sign: ClassVar[str]

    def stretches(self) -> bool:
        """Whether tensors broadcast too, not only learned ones and numbers."""
        raise NotImplementedError

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if all(same(x, xs[0]) for x in xs):
            return NO_NEEDS
        strict = [] if self.stretches() else self.alike(xs)
        return equal_needs(strict) or broadcast_needs(xs)

    def alike(self, xs: Sequence[Shape]) -> list[Shape]:
        """The tensors that must have equal shapes."""
        kinds = [o for o in self.operands if isinstance(o, str)]
        return [x for kind, x in zip(kinds, xs, strict=True) if kind == "tensor"]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (broadcast(xs),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """One point; an axis of size 1 that is stretched is seen whole."""
        return None if all(x == ys[0] for x in xs) else [stretched(x, ys[0]) for x in xs]

    def call(self, module: str, args: Sequence[str]) -> str:
        """`(a + b + 0.5)`: the operands in the order in which they were given."""
        tensors = iter(args)
        parts = [next(tensors) if isinstance(o, str) else repr(o) for o in self.operands]
        joined = f" {self.sign} ".join(parts)
        return f"({joined})" if len(parts) > 1 else joined

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5, 4), (2, 3, 5, 4))),
            ({}, ((2, 7), (2, 7), (2, 7))),
            ({"operands": ("tensor", "free")}, ((2, 5, 6), (1, 5, 6))),
            ({"operands": (1, "tensor", 0.5)}, ((3, 4),)),
        ]


class Additive(Elementwise):
    """What Add and Sub share: equal shapes unless broadcasting is asked for, and nothing kept for backward."""

    attributes = (OPERANDS, BROADCAST)
    broadcast: bool

    def stretches(self) -> bool:
        return self.broadcast

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        return [x == ys[0] for x in xs]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"broadcast": True}, ((2, 3, 5, 4), (3, 1, 1)))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": prod(ys[0]) * (len(self.operands) - 1)}


class Add(Additive):
    """The sum of its operands: a residual connection, a bias, a position embedding.

    Sizes: those of the operands, which must be equal unless `broadcast: true`; a Parameter or a number broadcasts.
    Cost: no multiply-accumulates.
    Pitfalls: torch stretches sizes of 1 silently, so a shortcut of the wrong size may pass there; here it does not.
    Torch: torch.add, the sign +.
    """

    roles = frozenset({"sum", "elementwise_merge"})
    sign = "+"


class Sub(Additive):
    """The first operand less the others.

    Sizes: those of the operands, which must be equal unless `broadcast: true`; a Parameter or a number broadcasts.
    Cost: no multiply-accumulates.
    Pitfalls: the order of the operands counts.
    Torch: torch.sub, the sign -.
    """

    sign = "-"

    def unfit_dtypes(self, *dtypes: str) -> str:
        return "takes no bool" if "bool" in dtypes and len(self.operands) > 1 else ""


class Mul(Elementwise):
    """The product of its operands, element by element: gates, masks, squeeze-and-excitation.

    Sizes: sizes of 1 stretch to those of the others, as in torch.
    Cost: no multiply-accumulates by convention, though every value is multiplied.
    Pitfalls: autograd keeps all operands; it is no matrix product.
    Torch: torch.mul, the sign *.
    """

    attributes = (OPERANDS,)
    sign = "*"

    def stretches(self) -> bool:
        return True

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Both factors of every product of tensors; the products between are new tensors."""
        if len(xs) < 2:
            return KEEPS_NOTHING
        last = len(xs) - 1
        firsts = [tuple(range(n + 1)) for n in range(last + 1)]
        between = [Kept("new", shape=broadcast(xs[: n + 1]), when=(n + 1,)) for n in range(1, last)]
        factors = [Kept("input", n, when=firsts[n - 1] if n else (1,)) for n in range(last + 1)]
        return (*factors, *between)

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({}, ((2, 3, 5, 4), (2, 3, 1, 1))), ({}, ((3, 1), (4,)))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"multiplications": prod(ys[0]) * (len(self.operands) - 1)}


def same(x: Shape, y: Shape) -> bool:
    """Whether two shapes are visibly equal: equal forms are one object, and of two arrays nothing is said."""
    pairs = zip(x, y, strict=False)
    return len(x) == len(y) and all(a is b or (type(a) is type(b) is int and a == b) for a, b in pairs)


def broadcast(xs: Sequence[Shape]) -> Shape:
    """The shape that tensors stretch to: from the right, sizes of 1 give way; may assume that the rest agrees."""
    if all(same(x, xs[0]) for x in xs):
        return xs[0]
    return tuple(next((s for s in sizes if not is_one(s)), 1) for sizes in columns(xs))


def stretched(x: Shape, y: Shape) -> Reads:
    """Entries of an operand that stretches to y: its axes aligned from the right, none where it has size 1."""
    first = len(y) - len(x)
    return tuple(
        (None if a < first or (is_one(x[a - first]) and not is_one(size)) else a - first, POINT)
        for a, size in enumerate(y)
    )


def columns(xs: Sequence[Shape]) -> list[list[Dim]]:
    """The sizes of each output axis, one for each operand, 1 where it has no such axis."""
    rank = max(map(len, xs))
    padded = [(1,) * (rank - len(x)) + x for x in xs]
    return [[x[a] for x in padded] for a in range(rank)]


def broadcast_needs(xs: Sequence[Shape]) -> list[Need]:
    """Sizes that are not 1 must be equal on every axis."""
    needs: list[Need] = []
    for a, sizes in enumerate(columns(xs)):
        first, *others = [s for s in sizes if not is_one(s)] or [1]
        needs += [(BROADCASTS, s - first, a) for s in others if s is not first]
    return needs


def equal_needs(xs: Sequence[Shape]) -> list[Need]:
    """The shapes must be equal; none where they visibly are."""
    if len(xs) < 2 or all(same(x, xs[0]) for x in xs):
        return []
    if any(len(x) != len(xs[0]) for x in xs):
        return [(UNEQUAL, 1)]
    return [(UNEQUAL, x[a] - size, a) for x in xs[1:] for a, size in enumerate(xs[0])]


class Join(Merge):
    """What Cat and Stack share: a list of tensors, and the axis along which they are joined."""

    still = True
    dim: int
    axis: int
    function: ClassVar[str]

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        return (True,) * len(xs)

    def common_needs(self, xs: Sequence[Shape], rank: int) -> list[Need]:
        """Tensors only, of equal rank, and a dimension in range; what else follows may assume them."""
        if self.numbers():
            return [(NO_NUMBERS, 1)]
        if any(len(x) != len(xs[0]) for x in xs):
            return [(RANKS, 1)]
        return [(JOIN_AXIS, 1)] if outside((self.axis,), rank) else []

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.{self.function}(({', '.join(args)}{',' * (len(args) == 1)}), {self.axis})"


class Cat(Join):
    """Puts tensors after one another along an axis: by default the channels.

    Sizes: sizes along the axis add up; all the others must be equal.
    Cost: no multiply-accumulates.
    Pitfalls: `dim` is 1 unless given (0 where there is no batch), torch's own default is 0; skip connections must
        come out at the same height and width, which odd inputs break.
    Torch: torch.cat.
    """

    roles = frozenset({"cat"})
    attributes = (OPERANDS, Attribute("dim", AXIS, INFERRED, "axis along which they are joined"))
    function = "cat"

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        if self.dim is INFERRED:
            self.dim = int(bool(xs[0]) and "N" in names(xs[0][0]))
        self.axis = from_front(self.dim, len(xs[0]))

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if not xs[0]:
            return ((SCALARS, 1),)
        others = [a for a in range(len(xs[0])) if a != self.axis]
        return self.common_needs(xs, len(xs[0])) or [
            (UNEQUAL, x[a] - xs[0][a], a) for a in others for x in xs[1:] if x[a] is not xs[0][a]
        ]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        a = self.axis
        return ((*xs[0][:a], sum(x[a] for x in xs), *xs[0][a + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """One point, shifted along the axis by the operands before; beyond its own part an operand is not seen."""
        begins = [sum(x[self.axis] for x in xs[:n]) for n in range(len(xs))]
        return [
            tuple((a, Window(1, 1, begin, 1) if a == self.axis else POINT) for a in range(len(xs[0])))
            for begin in begins
        ]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"dim": 1}, ((2, 3, 5, 4), (2, 6, 5, 4))),
            ({}, ((3, 5), (2, 5), (1, 5))),
            ({"dim": -1}, ((2, 3, 5), (2, 3, 1))),
        ]


class Stack(Join):
    """Puts tensors of equal shape beside one another along a new axis.

    Sizes: a new axis as long as there are operands; the others stay, and must be equal.
    Cost: no multiply-accumulates.
    Pitfalls: the new axis is 0 unless given, before the batch.
    Torch: torch.stack.
    """

    attributes = (OPERANDS, Attribute("dim", AXIS, 0, "where the new axis goes"))
    function = "stack"

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        self.axis = from_front(self.dim, len(xs[0]) + 1)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return self.common_needs(xs, len(xs[0]) + 1) or equal_needs(xs)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0][: self.axis], len(xs), *xs[0][self.axis :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        axes: list[Any] = [(a, POINT) for a in range(len(xs[0]))]
        axes.insert(self.axis, (None, POINT))
        return (tuple(axes),) * len(xs)

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((2, 3), (2, 3))), ({"dim": -1}, ((2, 3, 5),) * 3), ({"dim": 1}, ((4,), (4,)))]


def _say_unequal(op: Any, xs: Sequence[Shape], axis: int) -> str:
    first = xs[0]
    if axis < 0:
        other = next(x for x in xs if len(x) != len(first))
        return f"{listed(first)} and {listed(other)} have {len(first)} and {len(other)} dimensions"
    other = next((x for x in xs[1:] if len(x) > axis and x[axis] != first[axis]), first)
    return f"{listed(first)} and {listed(other)} differ on axis {axis}: {first[axis]} and {other[axis]}"


def _advise_unequal(op: Any, xs: Sequence[Shape], axis: int) -> str:
    fits = all(gap[1] == 0 for gap in broadcast_needs(xs))
    return "`broadcast: true` lets sizes of 1 stretch" if hasattr(op, "broadcast") and fits else ""


def _say_broadcasts(op: Any, xs: Sequence[Shape], axis: int) -> str:
    sizes = columns(xs)[axis]
    first = next(n for n, s in enumerate(sizes) if not is_one(s))
    other = next((n for n, s in enumerate(sizes) if not is_one(s) and s != sizes[first]), first)
    both = f"{listed(xs[first])} and {listed(xs[other])}"
    return f"{both} do not broadcast: {sizes[first]} and {sizes[other]} on axis {axis} of the result"


def _say_scalars(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "Cat joins along an axis, and a scalar arrives, which has none; Stack makes one"


def _say_numbers(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{type(op).__name__} joins tensors, and {op.numbers()[0]} is a number"


def _say_ranks(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return _say_unequal(op, xs, -1)


def _say_axis(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"dim is {op.dim}, which is out of range for {listed(xs[0])}"


UNEQUAL = Claim("SC211", "operands", ZERO, _say_unequal, _advise_unequal)
BROADCASTS = Claim("SC211", "operands", ZERO, _say_broadcasts)
SCALARS = Claim("SC209", "operands", ZERO, _say_scalars)
NO_NUMBERS = Claim("SC105", "operands", ZERO, _say_numbers)
RANKS = Claim("SC211", "operands", ZERO, _say_ranks)
JOIN_AXIS = Claim("SC213", "dim", ZERO, _say_axis)
