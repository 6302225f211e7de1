"""Data and network -> how samples are made to fit, or a fault with the numbers, before any step is taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from shapecalc.dims.decide import evaluate
from shapecalc.ops.dtypes import FLOATS
from shapecalc.torchside.sizes import fits, symbols
from shapecalc.torchside.training.data.samples import CLASSES, MASKS, TOKENS, VALUES
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.graph.graph import Wire
    from shapecalc.torchside.training.data.samples import Data

WANTED = 64
"""The size that a symbol takes where neither data nor --resize nor --set says one."""
REACH = 1024
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


class Fit:
    """How a batch is made ready on the device: `shape` is one sample's at the network's input."""

    __slots__ = ("kind", "mean", "output", "raw", "scale", "shapes", "std")

    def __init__(
        self, kind: str, raw: Sequence[int], shapes: Sequence[Sequence[int]], output: Sequence[int], data: Data
    ) -> None:
        self.kind = kind
        self.raw = tuple(raw)
        self.shapes = [tuple(s) for s in shapes]
        self.output = tuple(output)
        self.scale = data.scale
        self.mean = data.mean
        self.std = data.std

    @property
    def resized(self) -> bool:
        return self.raw != self.shapes[0]

    def inputs(self, batch: Sequence[torch.Tensor], dtypes: Sequence[torch.dtype]) -> list[torch.Tensor]:
        """Tensors as the network takes them: normalised, with its channels, of its size."""
        pairs = zip(batch, self.shapes, dtypes, strict=True)
        return [
            self._input(x, shape).to(dtype) if dtype.is_floating_point else x.to(dtype) for x, shape, dtype in pairs
        ]

    def _input(self, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        x = x.float() * self.scale if self.scale != 1 else x.float()
        if self.mean:
            places = (-1, *[1] * (x.dim() - 2)) if len(self.mean) > 1 else (1,)
            x = (x - x.new_tensor(self.mean).reshape(places)) / x.new_tensor(self.std).reshape(places)
        if tuple(x.shape[1:]) == shape:
            return x
        if x[0].numel() == math.prod(shape):
            return x.reshape(len(x), *shape)
        return _resized(_channelled(x, shape[0]), shape[1:])

    def targets(self, y: torch.Tensor) -> torch.Tensor:
        """Numbers in the shape of the network's output; classes as they are."""
        return y.float().reshape(len(y), *self.output) if self.kind == VALUES else y

    def scores(self, y: torch.Tensor) -> torch.Tensor:
        """The output with the classes in axis 1, where torch's losses have them."""
        return y.movedim(-1, 1) if self.kind == TOKENS else y


def _channelled(x: torch.Tensor, channels: int) -> torch.Tensor:
    if x.shape[1] == channels:
        return x
    return x.mean(1, keepdim=True) if channels == 1 else x.expand(-1, channels, *x.shape[2:])


def _resized(x: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    if tuple(x.shape[2:]) == tuple(sizes):
        return x
    smaller = any(a > b for a, b in zip(x.shape[2:], sizes, strict=True))
    mode = MODES[len(sizes)]
    return functional.interpolate(
        x, size=tuple(sizes), mode=mode, align_corners=False, antialias=smaller and len(sizes) == 2
    )


# sizes of symbols


def chosen_sizes(report: Report, raw: Sequence[int] | None, resize: int | None) -> dict[str, int]:
    """A size for each symbol of the inputs: what is asked for, else the data's own, else 64; the next legal one."""
    free = symbols(report)
    if not free:
        return {}
    shape = _batched(report.graph.inputs[0]) if report.graph else ()
    own = dict(zip(map(str, shape), raw, strict=True)) if raw is not None and len(raw) == len(shape) else {}
    wanted = {name: resize or own.get(name) or WANTED for name in free}
    for more in (*range(REACH), *(-n for n in range(1, max(wanted.values())))):
        sizes = {name: size + more for name, size in wanted.items()}
        if min(sizes.values()) > 0 and fits(report, sizes):
            return sizes
    legal = f" legal: {report.legal.describe()};" if report.legal is not None else ""
    raise Fault(f"no legal size is near {', '.join(f'{n} = {s}' for n, s in wanted.items())};{legal} set one by --set")


def sample_shapes(report: Report) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Sizes of one sample at every input and at the first output. Raises Fault where a sample has none."""
    assert report.graph is not None
    inputs = [_known(_batched(wire), wire) for wire in report.graph.inputs]
    output = report.graph.outputs[0]
    return inputs, _known(_batched(output), output)


def _batched(wire: Wire) -> tuple[Any, ...]:
    shape = wire.shape or ()
    if not shape or str(shape[0]) != "N":
        told = " x ".join(map(str, shape)) or "nothing"
        raise Fault(f"training wants the batch N first in {wire.origin}, which is {told}")
    return tuple(shape[1:])


def _known(shape: tuple[Any, ...], wire: Wire) -> tuple[int, ...]:
    sizes = tuple(evaluate(s, {}) if not isinstance(s, int) else s for s in shape) if _numbers(shape) else None
    if sizes is None:
        raise Fault(f"the size of {wire.origin} is not known: {_by(shape)}; set its symbols by --set")
    return sizes


def _numbers(shape: Sequence[Any]) -> bool:
    return all(isinstance(s, int) for s in shape)


# does it fit


def fit(report: Report, data: Data) -> Fit:
    """How the data fits the network's first output and its inputs. Raises Fault with the numbers where it does not."""
    assert report.graph is not None
    shapes, output = sample_shapes(report)
    if len(data.learn.inputs) != len(shapes):
        names = ", ".join(w.name for w in report.graph.inputs)
        raise Fault(f"the network has {len(shapes)} inputs ({names}), {data.name} gives {len(data.learn.inputs)}")
    raws = [tuple(x.shape[1:]) for x in data.learn.inputs]
    for wire, raw, shape in zip(report.graph.inputs, raws, shapes, strict=True):
        _check_input(data, wire, raw, shape)
    return Fit(_kind(data, output), raws[0], shapes, output, data)


def _check_input(data: Data, wire: Wire, raw: tuple[int, ...], shape: tuple[int, ...]) -> None:
    told = f"{data.name} gives {_by(raw)}, the network takes {_by(shape)} at {wire.name}"
    if wire.dtype not in FLOATS:
        _check_numbers(data, wire, told)
        if raw != shape:
            raise Fault(told)
        return
    if raw == shape or math.prod(raw) == math.prod(shape):
        return
    if len(raw) != len(shape) or len(shape) - 1 not in MODES:
        raise Fault(f"{told}: {math.prod(raw):,} numbers for {math.prod(shape):,}")
    if raw[0] != shape[0] and raw[0] != 1 and shape[0] != 1:
        raise Fault(f"{told}: {raw[0]} channels for {shape[0]}")


def _check_numbers(data: Data, wire: Wire, told: str) -> None:
    x = data.learn.inputs[0]
    if isinstance(x, torch.Tensor) and x.is_floating_point():
        raise Fault(f"{told}, and whole numbers: numbers with a fraction do not fit")
    below = wire.below if isinstance(wire.below, int) else None
    if below is not None and data.kind == TOKENS and (data.count or 0) > below:
        raise Fault(f"{data.name} has {data.count} different tokens, the network takes {below} at {wire.name}")


def _kind(data: Data, output: tuple[int, ...]) -> str:
    """What the targets are to the network: two classes are one number where the network gives one."""
    target = tuple(data.learn.targets.shape[1:])
    if data.kind == VALUES:
        if math.prod(target) != math.prod(output):
            raise Fault(f"{data.name} wants {_by(target)}, the network gives {_by(output)}")
        return VALUES
    if data.kind == CLASSES and output == (1,) and data.count == 2:
        return VALUES
    *places, classes = output if data.kind == TOKENS else (*output[1:], *output[:1])
    if tuple(places) != target:
        wanted = {CLASSES: "one score a class", MASKS: f"scores for {_by(target)} places", TOKENS: "scores a token"}
        raise Fault(f"{data.name} wants {wanted[data.kind]} ({data.count}), the network gives {_by(output)}")
    if data.count is not None and data.count > classes:
        raise Fault(f"{data.name} has {data.count} classes, the network gives {classes}")
    return data.kind


def _by(sizes: Sequence[Any]) -> str:
    return " x ".join(map(str, sizes)) or "one number"


def dtypes_of(report: Report) -> list[torch.dtype]:
    """The dtype of every input."""
    assert report.graph is not None
    return [getattr(torch, wire.dtype) for wire in report.graph.inputs]


def sizes_told(sizes: Mapping[str, int]) -> str:
    """Symbols with their sizes."""
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())
