"""Convolutions in one, two and three dimensions, and what transposed ones share with them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from shapecalc.dims.field import POINT, Window
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, POSITIVE, Either, PerAxis, Word
from shapecalc.ops.layout import as_map, ordered
from shapecalc.ops.op import (
    AT_LEAST_ZERO,
    INFERRED,
    KEEPS_INPUT,
    ZERO,
    Attribute,
    Claim,
    Kept,
    Operator,
    Uniform,
    known,
    once_each,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape


UNMIXED: Reads = ((0, POINT), (None, POINT))
"""The axes before the spatial ones: the batch is seen at one point; no output channel is one input channel."""


def window_size(i: Dim, k: int, s: int, p: int, d: int) -> Dim:
    """Size after a window of k slides over i with stride s, dilation d and p padded cells in all.

    >>> window_size(224, k=11, s=4, p=4, d=1)
    55
    """
    return (i + p - d * (k - 1) - 1) // s + 1


class Convolution(Operator):
    """What convolutions and transposed convolutions share: channels, groups, kernel and bias."""

    rank: ClassVar[int]
    takes = FLOATS
    inputs = ("input",)

    in_channels: Dim
    out_channels: Dim
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    bias: bool

    def settle(self, *xs: Shape) -> None:
        if self.in_channels is INFERRED:
            self.in_channels = xs[0][-1 - self.rank]
        for name in ("stride", "padding", "dilation", "output_padding"):
            value = getattr(self, name, None)
            if isinstance(value, int):
                setattr(self, name, Uniform((value,) * self.rank))

    def never_empty(self, x: Shape) -> int:
        return self.rank

    def channel_needs(self, x: Shape) -> list[Need]:
        needs: list[Need] = [(CHANNELS, x[-1 - self.rank] - self.in_channels)]
        if self.groups != 1:
            needs.append((GROUPS_IN, self.in_channels % self.groups))
            needs.append((GROUPS_OUT, self.out_channels % self.groups))
        return needs

    def buffers(self) -> Mapping[str, Shape]:
        return {}

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return once_each(self, xs, ys, wanted)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return KEEPS_INPUT

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return {"adds": prod(ys[0])} if self.bias else {}

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops counts the bias; fvcore does not know the kernel that torch runs for padding by a word."""
        counted = known(self.macs(xs, ys))
        found: dict[str, Dim] = {"ptflops": counted + prod(ys[0]) * self.bias}
        return found | {"fvcore": 0} if isinstance(self.padding, str) else found


class Conv(Convolution):
    """Cross-correlation of the input with learned kernels.

    Sizes: floor((i + 2p - d(k-1) - 1) / s) + 1 on each axis; `padding: same` keeps the size and needs stride 1.
    Cost: a multiply-accumulate for each output value, kernel cell and input channel of its group.
    Pitfalls: floor drops the last columns where the stride does not divide; in_channels is read off the input.
    Torch: torch.nn.Conv1d, Conv2d, Conv3d.
    """

    roles = frozenset({"affine", "conv"})
    total_padding: tuple[int, ...]
    padding_mode: str
    axes: list[tuple[int, int, int, int]]
    """Kernel, stride, padding at both ends together, and dilation of each spatial axis."""
    windows: list[Window]

    def settle(self, *xs: Shape) -> None:
        super().settle(*xs)
        if not isinstance(self.padding, str):
            self.total_padding = tuple([2 * p for p in self.padding])
        elif self.padding == "same":
            self.total_padding = tuple([d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)])
        else:
            self.total_padding = (0,) * self.rank
        each = zip(self.kernel_size, self.stride, self.total_padding, self.dilation, strict=True)
        self.axes = [(k, s, p, d) for k, s, p, d in each]
        self.windows = [Window(k, s, p // 2, d) for k, s, p, d in self.axes]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        needs = self.channel_needs(x)
        first = len(x) - self.rank
        for a, (k, _, p, d) in enumerate(self.axes, first):
            needs.append((KERNEL_FITS, x[a] + p - d * (k - 1) - 1, a))
        if self.padding == "same":
            needs.append((SAME_WITHOUT_STRIDE, sum(self.stride) - self.rank))
        elif self.padding_mode != "zeros":
            needs += self.wrapping_needs(x[first:], first)
        return needs

    def wrapping_needs(self, sizes: Sequence[Dim], first: int) -> list[Need]:
        """Reflection wants the padding below the size, circular padding at most the size; replication any."""
        slack = {"reflect": -1, "circular": 0}.get(self.padding_mode)
        if slack is None:
            return []
        pads = [t - t // 2 for t in self.total_padding]
        return [(MODE_PADDING, i + slack - p, a) for a, (i, p) in enumerate(zip(sizes, pads, strict=True), first)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        first = len(x) - self.rank
        sizes = [window_size(x[a], k, s, p, d) for a, (k, s, p, d) in enumerate(self.axes, first)]
        return ((*x[: first - 1], self.out_channels, *sizes),)

    def weights(self) -> Mapping[str, Shape]:
        weight = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return {"weight": weight, "bias": (self.out_channels,)} if self.bias else {"weight": weight}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0]) * prod(self.kernel_size) * (self.in_channels // self.groups)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        first = len(xs[0]) - self.rank
        return ((*UNMIXED[2 - first :], *enumerate(self.windows, first)),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The input; what torch pads with other than zeros is a tensor of its own, kept instead.

        The gradient of the padding, where one is due, needs the input beside it, unless that is circular.
        """
        if self.padding_mode == "zeros":
            return KEEPS_INPUT
        x = xs[0]
        first = len(x) - self.rank
        padded = [i + t for i, t in zip(x[first:], self.total_padding, strict=True)]
        kept = Kept("new", shape=(*x[:first], *padded))
        return (kept,) if self.padding_mode == "circular" else (Kept("input", when=(0,)), kept)

    def mirrors(self) -> bool:
        return self.padding_mode != "zeros"


def _attributes(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("in_channels", POSITIVE, INFERRED, "channels of the input", lead=True),
        Attribute(
            "out_channels",
            POSITIVE,
            doc="channels of the output: the number of kernels",
            main=True,
            lead=True,
        ),
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the kernel along each axis"),
        Attribute("stride", PerAxis(rank, 1), 1, "cells between two windows"),
        Attribute("padding", Either(PerAxis(rank), Word("same", "valid")), 0, "cells added at both ends of an axis"),
        Attribute("dilation", PerAxis(rank, 1), 1, "cells between two cells of the kernel"),
        Attribute("groups", POSITIVE, 1, "parts that the channels are cut into, each convolved on its own"),
        Attribute("bias", FLAG, True, "whether a learned number is added to each output channel"),
        Attribute("padding_mode", Word("zeros", "reflect", "replicate", "circular"), "zeros", "what is padded with"),
    )


class Conv1d(Conv):
    rank = 1
    ranks = (2, 3)
    attributes = _attributes(1)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"out_channels": 6, "kernel_size": 3}, ((2, 4, 16),)),
            (
                {"out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1, "dilation": 2, "groups": 2},
                ((4, 17),),
            ),
        ]


class Conv2d(Conv):
    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """As the input; circular padding puts it in order first."""
        return ordered(self, arrival) if self.padding_mode == "circular" else as_map(self, arrival)

    rank = 2
    ranks = (3, 4)
    attributes = _attributes(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"out_channels": 2, "kernel_size": 3, "padding": 1, "padding_mode": "circular"}, ((1, 2, 5, 6),)),
            ({"out_channels": 8, "kernel_size": 3, "padding": 1}, ((2, 3, 9, 7),)),
            (
                {"out_channels": 8, "kernel_size": [3, 5], "stride": [2, 1], "groups": 2, "bias": False},
                ((1, 4, 9, 9),),
            ),
            ({"out_channels": 4, "kernel_size": 4, "padding": "same", "dilation": 2}, ((1, 2, 8, 11),)),
            ({"out_channels": 4, "kernel_size": 3, "padding": 1, "padding_mode": "reflect"}, ((2, 5, 6),)),
        ]


class Conv3d(Conv):
    rank = 3
    ranks = (4, 5)
    attributes = _attributes(3)

    @classmethod
    def samples(cls) -> Any:
        return [
            (
                {"out_channels": 4, "kernel_size": [1, 3, 3], "padding": [0, 1, 1], "stride": 2},
                ((2, 2, 5, 6, 7),),
            )
        ]


def _say_channels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"in_channels is {op.in_channels}, but {xs[0][-1 - op.rank]} channels arrive"


def _say_groups_in(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{op.in_channels} input channels do not divide by {op.groups} groups"


def _say_groups_out(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{op.out_channels} output channels do not divide by {op.groups} groups"


def _say_kernel(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    k, p, d, i = op.kernel_size[a], op.total_padding[a], op.dilation[a], xs[0][axis]
    extent = f"kernel {k}" if d == 1 else f"kernel {k} with dilation {d} spans {d * (k - 1) + 1} and"
    arrives = f"input {i}" if p == 0 else f"input {i} padded to {i + p}"
    return f"{extent} is larger than the {arrives} on axis {axis}"


def _say_same(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"padding: same keeps the size, so it needs stride 1, not {list(op.stride)}"


def _advise_same(op: Any, xs: Sequence[Shape], axis: int) -> str:
    x = xs[0][-op.rank :]
    half = [d * (k - 1) // 2 for k, d in zip(op.kernel_size, op.dilation, strict=True)]
    strided = [
        window_size(i, k, s, 2 * p, d)
        for i, k, s, p, d in zip(x, op.kernel_size, op.stride, half, op.dilation, strict=True)
    ]
    return (
        f"padding: {_short(half)} with stride {_short(op.stride)} gives {_sizes(strided)}; "
        f"stride: 1 with padding: same gives {_sizes(x)}"
    )


def _short(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else str(list(numbers))


def _sizes(sizes: Sequence[Dim]) -> str:
    return " x ".join(map(str, sizes))


def _say_mode(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    pad = op.total_padding[a] - op.total_padding[a] // 2
    bound = "smaller than" if op.padding_mode == "reflect" else "at most"
    return f"{op.padding_mode} padding {pad} must be {bound} the input {xs[0][axis]} on axis {axis}"


CHANNELS = Claim("SC202", "in_channels", ZERO, _say_channels)
GROUPS_IN = Claim("SC204", "groups", ZERO, _say_groups_in)
GROUPS_OUT = Claim("SC204", "groups", ZERO, _say_groups_out)
KERNEL_FITS = Claim("SC201", "kernel_size", AT_LEAST_ZERO, _say_kernel)
SAME_WITHOUT_STRIDE = Claim("SC207", "stride", ZERO, _say_same, _advise_same)
MODE_PADDING = Claim("SC216", "padding", AT_LEAST_ZERO, _say_mode)
