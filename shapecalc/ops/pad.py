"""Padding: cells added around the spatial axes, or cut off where the padding is negative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import Window
from shapecalc.dims.sym import least
from shapecalc.ops.dtypes import FLOATS, INTS, overflows
from shapecalc.ops.kinds import INT, NUMBER, PerAxis, Unfit
from shapecalc.ops.layout import as_map, ordered
from shapecalc.ops.op import (
    AT_LEAST_ZERO,
    KEEPS_INPUT,
    KEEPS_NOTHING,
    NO_WEIGHTS,
    Attribute,
    Claim,
    Operator,
    Uniform,
)
from shapecalc.ops.pool import sliding
from shapecalc.ops.ranks import rank_needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape

SIDES = ("left", "right", "top", "bottom", "front", "back")


class Sides(PerAxis):
    """One integer for both sides of every axis, or a list of two for each axis, the last axis first."""

    def __init__(self, rank: int) -> None:
        super().__init__(2 * rank)
        self.item = INT
        self.sides = ", ".join(SIDES[: 2 * rank])
        self.wants = f"an integer, or a list of {2 * rank}: {self.sides}"

    def read(self, value: Any) -> Uniform:
        if isinstance(value, list | tuple) and len(value) != self.rank:
            raise Unfit(f"it has {len(value)} numbers where {self.rank} are due: {self.sides}")
        return super().read(value)


SAMPLES: dict[int, Any] = {
    1: [({"padding": 2}, ((2, 3, 7),)), ({"padding": [4, -1]}, ((3, 5),))],
    2: [({"padding": 1}, ((2, 3, 7, 5),)), ({"padding": [0, 1, 2, 3]}, ((3, 7, 5),))],
    3: [({"padding": [1, 2, 3, 0, 1, 1]}, ((2, 2, 5, 6, 7),))],
}
"""Arguments and input shapes by the number of axes that are padded."""


class Padding(Operator):
    """What all paddings share: sizes grow by what is added at both ends of an axis."""

    still = True
    lies = as_map

    rank: ClassVar[int]
    kept: ClassVar[Sequence[Kept]] = KEEPS_NOTHING

    padding: tuple[int, ...]

    def ends(self) -> list[tuple[int, int]]:
        """What is added before and after each spatial axis, first axis first."""
        return [(self.padding[j], self.padding[j + 1]) for j in range(2 * self.rank - 2, -1, -2)]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        first = len(x) - self.rank
        return [
            need
            for a, (i, (before, after)) in enumerate(zip(x[first:], self.ends(), strict=True), first)
            for need in self.axis_needs(i, before, after, a)
        ]

    def axis_needs(self, i: Dim, before: int, after: int, a: int) -> list[Need]:
        """That a cell is left on one axis. torch lets some paddings make an empty output, which nothing can use."""
        return [(SOMETHING_LEFT, i + before + after - 1, a)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        sizes = [i + before + after for i, (before, after) in zip(x[-self.rank :], self.ends(), strict=True)]
        return ((*x[: -self.rank], *sizes),)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return sliding(xs[0], [Window(1, 1, before, 1) for before, _ in self.ends()])

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return self.kept

    def mirrors(self) -> bool:
        return True

    @classmethod
    def samples(cls) -> Any:
        return SAMPLES[cls.rank]


class ConstantPad(Padding):
    """Cells of one value around the input; negative padding cuts cells off.

    Sizes: i + before + after on each axis; a list gives two numbers for each axis, the last axis first.
    Cost: no parameters, no multiply-accumulates; nothing is kept for training.
    Pitfalls: the order is left, right, top, bottom, front, back; a batch axis is padded where too few axes arrive.
    Torch: torch.nn.ConstantPad1d, ConstantPad2d, ConstantPad3d, ZeroPad1d, ZeroPad2d, ZeroPad3d.
    """

    value: float = 0

    def unfit_dtypes(self, *dtypes: str) -> str:
        """torch does not look at a value that is written nowhere."""
        beyond = any(type(p) is not int or p > 0 for p in self.padding) and overflows(self.value, dtypes[0])
        return f"cannot pad {dtypes[0]} with {self.value}" if beyond else ""

    def mirrors(self) -> bool:
        return False

    @property
    def least_rank(self) -> int:
        """torch pads the last axes of a tensor of any rank."""
        return self.rank

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return rank_needs(self.rank, xs[0]) or super().needs(*xs)

    def axis_needs(self, i: Dim, before: int, after: int, a: int) -> list[Need]:
        """torch cuts before it adds."""
        cut: Need = (SOMETHING_LEFT, i + least(before, 0) + least(after, 0), a)
        return [cut, *super().axis_needs(i, before, after, a)]


class ReflectionPad(Padding):
    """The input mirrored at its borders, without repeating the border cell.

    Sizes: i + before + after on each axis; a list gives two numbers for each axis, the last axis first.
    Cost: no parameters, no multiply-accumulates; training keeps the input.
    Pitfalls: each padding must be smaller than the axis.
    Torch: torch.nn.ReflectionPad1d, ReflectionPad2d, ReflectionPad3d.
    """

    takes = FLOATS | INTS
    kept = KEEPS_INPUT

    def never_empty(self, x: Shape) -> int:
        return self.rank + 1

    def axis_needs(self, i: Dim, before: int, after: int, a: int) -> list[Need]:
        sizes: list[Need] = [(BELOW_SIZE, i - 1 - before, a), (BELOW_SIZE, i - 1 - after, a)]
        return [*sizes, *super().axis_needs(i, before, after, a)]


class ReplicationPad(Padding):
    """The border cells repeated outwards.

    Sizes: i + before + after on each axis; a list gives two numbers for each axis, the last axis first.
    Cost: no parameters, no multiply-accumulates; training keeps the input.
    Pitfalls: the order is left, right, top, bottom, front, back.
    Torch: torch.nn.ReplicationPad1d, ReplicationPad2d, ReplicationPad3d.
    """

    takes = FLOATS | INTS
    kept = KEEPS_INPUT

    def never_empty(self, x: Shape) -> int:
        return self.rank + 1


class CircularPad(Padding):
    """The input continued from its other end, as on a ring.

    Sizes: i + before + after on each axis; a list gives two numbers for each axis, the last axis first.
    Cost: no parameters, no multiply-accumulates; nothing is kept for training.
    Pitfalls: each padding is at most the axis; outputs at one border see the other, which no receptive field tells.
    Torch: torch.nn.CircularPad1d, CircularPad2d, CircularPad3d.
    """

    lies = ordered

    def axis_needs(self, i: Dim, before: int, after: int, a: int) -> list[Need]:
        """At most the axis, of which a negative padding at the other end takes some."""
        wraps: list[Need] = [
            (AT_MOST_SIZE, i + least(after, 0) - before, a),
            (AT_MOST_SIZE, i + least(before, 0) - after, a),
        ]
        return [*super().axis_needs(i, before, after, a), *wraps]


def _padding(rank: int) -> Attribute:
    doc = f"cells added at {', '.join(SIDES[: 2 * rank])}; one number for all; negative cuts"
    return Attribute("padding", Sides(rank), doc=doc, main=True, lead=True)


VALUE = Attribute("value", NUMBER, doc="the value of added cells", lead=True)


class ZeroPad1d(ConstantPad):
    rank = 1
    attributes = (_padding(1),)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": 2}, ((2, 3, 7),)), ({"padding": [3, -1]}, ((5,),))]


class ZeroPad2d(ConstantPad):
    rank = 2
    attributes = (_padding(2),)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": 1}, ((2, 3, 7, 5),)), ({"padding": [0, 1, -2, 3]}, ((3, 7, 5),))]


class ZeroPad3d(ConstantPad):
    rank = 3
    attributes = (_padding(3),)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": [1, 2, 3, 0, 1, 1]}, ((2, 2, 5, 6, 7),))]


class ConstantPad1d(ConstantPad):
    rank = 1
    attributes = (_padding(1), VALUE)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": [2, 1], "value": 3.5}, ((2, 3, 7),))]


class ConstantPad2d(ConstantPad):
    rank = 2
    attributes = (_padding(2), VALUE)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": 1, "value": 1}, ((2, 3, 7, 5),)), ({"padding": [1, 2, 0, -1], "value": -0.5}, ((7, 5),))]


class ConstantPad3d(ConstantPad):
    rank = 3
    attributes = (_padding(3), VALUE)

    @classmethod
    def samples(cls) -> Any:
        return [({"padding": 2, "value": 1}, ((2, 5, 6, 7),))]


class ReflectionPad1d(ReflectionPad):
    rank = 1
    ranks = (2, 3)
    attributes = (_padding(1),)


class ReflectionPad2d(ReflectionPad):
    rank = 2
    ranks = (3, 4)
    attributes = (_padding(2),)


class ReflectionPad3d(ReflectionPad):
    rank = 3
    ranks = (4, 5)
    attributes = (_padding(3),)


class ReplicationPad1d(ReplicationPad):
    rank = 1
    ranks = (2, 3)
    attributes = (_padding(1),)


class ReplicationPad2d(ReplicationPad):
    rank = 2
    ranks = (3, 4)
    attributes = (_padding(2),)


class ReplicationPad3d(ReplicationPad):
    rank = 3
    ranks = (4, 5)
    attributes = (_padding(3),)


class CircularPad1d(CircularPad):
    rank = 1
    ranks = (2, 3)
    attributes = (_padding(1),)


class CircularPad2d(CircularPad):
    rank = 2
    ranks = (3, 4)
    attributes = (_padding(2),)


class CircularPad3d(CircularPad):
    rank = 3
    ranks = (4, 5)
    attributes = (_padding(3),)


def _ends(op: Any, xs: Sequence[Shape], axis: int) -> tuple[int, int]:
    ends: tuple[int, int] = op.ends()[axis - len(xs[0]) + op.rank]
    return ends


def _say_left(op: Any, xs: Sequence[Shape], axis: int) -> str:
    before, after = _ends(op, xs, axis)
    return f"padding {before} and {after} leave nothing of the input {xs[0][axis]} on axis {axis}"


def _say_below(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"padding {_larger(op, xs, axis)} is not smaller than the input {xs[0][axis]} on axis {axis}"


def _say_at_most(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"padding {_larger(op, xs, axis)} is more than the input {xs[0][axis]} on axis {axis}"


def _larger(op: Any, xs: Sequence[Shape], axis: int) -> Any:
    before, after = _ends(op, xs, axis)
    return before + after - least(before, after)


SOMETHING_LEFT = Claim("SC216", "padding", AT_LEAST_ZERO, _say_left)
BELOW_SIZE = Claim("SC216", "padding", AT_LEAST_ZERO, _say_below)
AT_MOST_SIZE = Claim("SC216", "padding", AT_LEAST_ZERO, _say_at_most)
