"""Indices as a tensor: rows that they pick, and vectors that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import OneAxis, TensorFunction
from shapecalc.ops.dtypes import INDICES
from shapecalc.ops.kinds import POSITIVE
from shapecalc.ops.op import NO_NEEDS, Attribute, Kept
from shapecalc.ops.ranks import DIM as AXIS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


class Index(OneAxis):
    """Picks positions of an axis by a tensor of indices of any shape: a table of biases by relative position.

    Sizes: all axes of the index stand where the axis was.
    Cost: no multiply-accumulates; autograd keeps the index (8 bytes each).
    Pitfalls: that indices are within the axis is only seen at run time; a mask of truth values gives a size that only
        the values tell, so it is refused: Where or MaskedFill keep the shape.
    Torch: x[index], with a colon for each axis before.
    """

    view = False
    inputs = ("input", "index")
    further: ClassVar[Mapping[str, frozenset[str]]] = {"index": INDICES}
    attributes = (Attribute("dim", AXIS, 0, "the axis that indices count along", main=True),)

    single: bool

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        self.single = not xs[1]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x, index), a = xs, self.axis
        return ((*x[:a], *index, *x[a + 1 :]),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The axis is seen whole, as any of it may be picked."""
        (x, index), a = xs, self.axis
        before: Reads = tuple((n, POINT) for n in range(a))
        picked: Reads = ((None, POINT),) * len(index)
        behind: Reads = tuple((n, POINT) for n in range(a + 1, len(x)))
        places: Reads = tuple((n, POINT) for n in range(len(index)))
        unseen = ((None, POINT),)
        return ((*before, *picked, *behind), (*unseen * len(before), *places, *unseen * len(behind)))

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return (Kept("input", 1),)

    def call(self, module: str, args: Sequence[str]) -> str:
        """A single index in brackets would be read by Python, and make a view."""
        if self.single:
            return f"{args[0]}.index_select({self.axis}, {args[1]}).squeeze({self.axis})"
        return f"{args[0]}[{':, ' * self.axis}{args[1]}]"

    @classmethod
    def samples(cls) -> Any:
        return [({}, ((4, 3), (2, 5))), ({"dim": 1}, ((3, 4, 2), (5,))), ({"dim": -1}, ((3, 4), ()))]


class OneHot(TensorFunction):
    """A vector for each index: 1 at its place, 0 elsewhere.

    Sizes: a last axis of num_classes is added.
    Cost: no multiply-accumulates; nothing is kept.
    Pitfalls: the output is int64, which a Linear does not take before a Cast; num_classes must be given, as torch would
        read it off the values.
    Torch: torch.nn.functional.one_hot.
    """

    takes = frozenset({"int64"})
    bound = "num_classes"
    attributes = (Attribute("num_classes", POSITIVE, doc="length of a vector: indices are below it", main=True),)
    num_classes: Dim

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0], self.num_classes),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return ((*((a, POINT) for a in range(len(xs[0]))), (None, POINT)),)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"F.one_hot({args[0]}, {self.num_classes})"

    @classmethod
    def samples(cls) -> Any:
        return [({"num_classes": 5}, ((2, 7),)), ({"num_classes": 2}, ((),))]
