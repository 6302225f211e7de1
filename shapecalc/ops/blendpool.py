"""Pools that torch does not have: mixed and stochastic pooling, with the source of their modules.

`support` is that source: emitted code carries it along, with `torch`, `nn` and `F` in scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.kinds import FLAG, FRACTION, PerAxis, or_null
from shapecalc.ops.layout import ordered
from shapecalc.ops.op import NO_WEIGHTS, Attribute, Kept, construct
from shapecalc.ops.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.ops.op import Shape


class BlendPool(Pool):
    """What the pools share that emitted code brings along."""

    hooked = False
    rank = 2
    ranks = (3, 4)
    support: ClassVar[str]

    def constructor(self) -> str | None:
        return construct(self, type(self).__name__)


SLIDING = (
    Attribute("kernel_size", PerAxis(2, 1), doc="cells of the window along each axis", main=True, lead=True),
    Attribute("stride", or_null(PerAxis(2, 1)), None, "cells between two windows; the kernel unless given"),
    Attribute("padding", PerAxis(2), 0, "cells added at both ends of an axis"),
    Attribute("ceil_mode", FLAG, False, "whether a window that hangs over the end counts"),
)


class MixedPool2d(BlendPool):
    """alpha times the maximum of each window plus 1 - alpha times its mean (Lee, Gallagher, Tu 2016).

    Sizes: as MaxPool2d's.
    Cost: one parameter where `learned`, no multiply-accumulates; training keeps the input and the place of each
    maximum (8 bytes), and where `learned` also both pools.
    Pitfalls: a learned alpha is not held between 0 and 1.
    Torch: none; emitted code carries a module of this name, made of max_pool2d and avg_pool2d.
    """

    attributes = (
        *SLIDING,
        Attribute("alpha", FRACTION, 0.5, "share of the maximum, to begin with where learned"),
        Attribute("learned", FLAG, False, "whether alpha is a parameter"),
    )

    learned: bool

    support = '''class MixedPool2d(nn.Module):
    """alpha times the maximum of each window plus 1 - alpha times its mean."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        ceil_mode: bool = False,
        alpha: float = 0.5,
        learned: bool = False,
    ) -> None:
        super().__init__()
        self.window = (kernel_size, kernel_size if stride is None else stride, padding)
        self.ceil_mode = ceil_mode
        self.alpha = nn.Parameter(torch.tensor(float(alpha))) if learned else alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = F.max_pool2d(x, *self.window, ceil_mode=self.ceil_mode)
        mean = F.avg_pool2d(x, *self.window, ceil_mode=self.ceil_mode)
        return self.alpha * largest + (1 - self.alpha) * mean
'''

    def weights(self) -> Mapping[str, Shape]:
        return {"alpha": ()} if self.learned else NO_WEIGHTS

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        kept = (Kept("input", when=(0,)), Kept("new", shape=ys[0], width=8, when=(0,)))
        if not self.learned:
            return kept
        return (*kept, Kept("new", shape=ys[0]), Kept("new", shape=ys[0]), Kept("new", when=(0,)))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3, "stride": 2}, ((2, 3, 13, 9),)),
            ({"kernel_size": [3, 5], "padding": [1, 2], "ceil_mode": True, "alpha": 0.2}, ((4, 8, 9),)),
            ({"kernel_size": 2, "learned": True}, ((2, 4, 8, 9),)),
        ]


class StochasticPool2d(BlendPool):
    """One value of each window, drawn in training in proportion to the values; in evaluation their mean weighted
    by themselves (Zeiler, Fergus 2013).

    Sizes: as MaxPool2d's.
    Cost: no parameters, no multiply-accumulates; training keeps the windows as cut out, kernel cells for each
    output, and the place of each draw (8 bytes).
    Pitfalls: values must not be negative, so it stands behind a ReLU; padded cells are zeros and are never drawn.
    Torch: none; emitted code carries a module of this name, made of unfold and gather.
    """

    lies = ordered

    attributes = SLIDING

    support = '''class StochasticPool2d(nn.Module):
    """One value of each window, drawn in proportion to the values.

    In evaluation it is their mean weighted by themselves. Values must not be negative;
    a window of zeros gives 0.
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        stride = kernel_size if stride is None else stride
        both = [
            v if isinstance(v, tuple) else (v, v)
            for v in (kernel_size, stride, padding)
        ]
        self.kernel_size, self.stride, self.padding = both
        self.ceil_mode = ceil_mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = self.windows(x)
        if not self.training:
            total = windows.sum(-1).clamp_min(torch.finfo(x.dtype).tiny)
            return (windows * windows).sum(-1) / total
        with torch.no_grad():
            upto = windows.cumsum(-1)
            mark = torch.rand_like(upto[..., -1:]) * upto[..., -1:]
            passed = (upto <= mark).sum(-1, keepdim=True)
            drawn = passed.clamp_max(windows.shape[-1] - 1)
        return windows.gather(-1, drawn).squeeze(-1)

    def windows(self, x: torch.Tensor) -> torch.Tensor:
        """The windows as (..., height, width, cells), zeros beyond the input."""
        for axis in (-2, -1):
            k, s, p = self.kernel_size[axis], self.stride[axis], self.padding[axis]
            hang = self.overhang(x.shape[axis], k, s, p) if self.ceil_mode else 0
            x = F.pad(x, (p, p + hang) if axis == -1 else (0, 0, p, p + hang))
        (kh, kw), (sh, sw) = self.kernel_size, self.stride
        return x.unfold(-2, kh, sh).unfold(-2, kw, sw).flatten(-2)

    @staticmethod
    def overhang(size: int, k: int, s: int, p: int) -> int:
        """Cells by which the last window reaches beyond the padding."""
        last = min(-(-(size + 2 * p - k) // s), (size + p - 1) // s)
        return max(0, last * s + k - size - 2 * p)
'''

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        kh, kw = self.kernel_size
        return (Kept("new", shape=(*ys[0], kh * kw)), Kept("new", shape=ys[0], width=8))

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"kernel_size": 3, "stride": 2}, ((2, 3, 13, 9),)),
            ({"kernel_size": [3, 5], "stride": 2, "padding": [1, 2], "ceil_mode": True}, ((4, 8, 9),)),
        ]
