"""Transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import Spread
from shapecalc.dims.sym import most
from shapecalc.ops.conv import UNMIXED, Convolution
from shapecalc.ops.kinds import FLAG, POSITIVE, PerAxis, Word
from shapecalc.ops.layout import as_map
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, Attribute, Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Need, Reads, Shape


def spread_size(i: Dim, k: int, s: int, p: int, d: int, o: int) -> Dim:
    """Size after a transposed convolution: the smallest input of a convolution with that output, plus `o`."""
    return (i - 1) * s - 2 * p + d * (k - 1) + o + 1


class ConvTranspose(Convolution):
    """Transposed convolution: each input cell adds a weighted kernel to the output.

    Sizes: (i-1)s - 2p + d(k-1) + output_padding + 1 on each axis; output_padding below max(s, d).
    Cost: a multiply-accumulate for each input value, kernel cell and output channel of its group.
    Pitfalls: a kernel that does not divide by its stride leaves a checkerboard; weights are (in, out/groups, k).
    Torch: torch.nn.ConvTranspose1d, ConvTranspose2d, ConvTranspose3d.
    """

    roles = frozenset({"affine", "transposed"})
    output_padding: tuple[int, ...]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        (x,) = xs
        needs = self.channel_needs(x)
        y = self.shape(x)[0]
        first = len(x) - self.rank
        for a, (s, d, o) in enumerate(zip(self.stride, self.dilation, self.output_padding, strict=True), first):
            needs.append((OUTPUT_PADDING, most(s, d) - 1 - o, a))
            needs.append((OUTPUT_LEFT, y[a] - 1, a))
        return needs

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        (x,) = xs
        first = len(x) - self.rank
        sizes = [
            spread_size(i, k, s, p, d, o)
            for i, k, s, p, d, o in zip(
                x[first:],
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                self.output_padding,
                strict=True,
            )
        ]
        return ((*x[: first - 1], self.out_channels, *sizes),)

    def weights(self) -> Mapping[str, Shape]:
        weight = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return {"weight": weight, "bias": (self.out_channels,)} if self.bias else {"weight": weight}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(xs[0]) * prod(self.kernel_size) * (self.out_channels // self.groups)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        first = len(xs[0]) - self.rank
        each = zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        return ((*UNMIXED[2 - first :], *enumerate([Spread(k, s, p, d) for k, s, p, d in each], first)),)


def _transposed(rank: int) -> tuple[Attribute, ...]:
    return (
        Attribute("in_channels", POSITIVE, INFERRED, "channels of the input", lead=True),
        Attribute("out_channels", POSITIVE, doc="channels of the output", main=True, lead=True),
        Attribute("kernel_size", PerAxis(rank, 1), doc="cells of the kernel along each axis"),
        Attribute("stride", PerAxis(rank, 1), 1, "cells between the kernels that two inputs add"),
        Attribute("padding", PerAxis(rank), 0, "cells cut from both ends of an axis"),
        Attribute(
            "output_padding",
            PerAxis(rank),
            0,
            "cells added at the far end: which of the possible sizes is meant",
        ),
        Attribute("groups", POSITIVE, 1, "parts that the channels are cut into, each convolved on its own"),
        Attribute("bias", FLAG, True, "whether a learned number is added to each output channel"),
        Attribute("dilation", PerAxis(rank, 1), 1, "cells between two cells of the kernel"),
        Attribute("padding_mode", Word("zeros"), "zeros", "only zeros"),
    )


class ConvTranspose1d(ConvTranspose):
    rank = 1
    ranks = (2, 3)
    attributes = _transposed(1)

    @classmethod
    def samples(cls) -> Any:
        return [({"out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1}, ((2, 4, 9),))]


class ConvTranspose2d(ConvTranspose):
    lies = as_map

    rank = 2
    ranks = (3, 4)
    attributes = _transposed(2)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"out_channels": 6, "kernel_size": 2, "stride": 2}, ((2, 4, 5, 7),)),
            (
                {
                    "out_channels": 6,
                    "kernel_size": 3,
                    "stride": 3,
                    "padding": 1,
                    "output_padding": 2,
                    "groups": 2,
                },
                ((4, 5, 7),),
            ),
        ]


class ConvTranspose3d(ConvTranspose):
    rank = 3
    ranks = (4, 5)
    attributes = _transposed(3)

    @classmethod
    def samples(cls) -> Any:
        return [({"out_channels": 2, "kernel_size": 2, "stride": 2, "bias": False}, ((1, 3, 2, 3, 4),))]


def _say_output_padding(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    return (
        f"output_padding {op.output_padding[a]} must be smaller than stride {op.stride[a]} or dilation {op.dilation[a]}"
    )


def _say_output_left(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a = axis - len(xs[0]) + op.rank
    return f"padding {op.padding[a]} leaves nothing of the output on axis {axis}"


OUTPUT_PADDING = Claim("SC206", "output_padding", AT_LEAST_ZERO, _say_output_padding)
OUTPUT_LEFT = Claim("SC216", "padding", AT_LEAST_ZERO, _say_output_left)
