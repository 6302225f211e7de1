"""Padding as ONNX states it, before and behind each axis -> torch's one number for both, or a Pad of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.call import Call, Open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.torchside.importing.step import Value

    Pairs = list[tuple[int, int]]


class Window:
    """The window of a convolution or a pool: its sizes, strides and dilations, and what is put around its input."""

    __slots__ = ("dilation", "kernel", "pads", "stride")

    def __init__(self, call: Call, kernel: Sequence[int]) -> None:
        axes = len(kernel)
        self.kernel = list(kernel)
        self.stride = list(call.get("strides") or [1] * axes)
        self.dilation = list(call.get("dilations") or [1] * axes)
        if not axes == call.rank - 2 == len(self.stride) == len(self.dilation) or axes > 3:
            raise Open("its window has other axes than its input")
        self.pads = _pads(call, self)

    @property
    def axes(self) -> int:
        return len(self.kernel)

    @property
    def even(self) -> bool:
        return all(a == b for a, b in self.pads)

    @property
    def padding(self) -> list[int]:
        return [a for a, _ in self.pads]

    def args(self) -> dict[str, Any]:
        return {"kernel_size": tuple(self.kernel), "stride": tuple(self.stride)}


def _pads(call: Call, window: Window) -> Pairs:
    auto = call.get("auto_pad", "NOTSET")
    if auto == "VALID":
        return [(0, 0)] * window.axes
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max(((i + s - 1) // s - 1) * s + d * (k - 1) + 1 - i, 0)
            for i, k, s, d in zip(_sizes(call.shape[2:]), window.kernel, window.stride, window.dilation, strict=True)
        ]
        return [halves(t, upper=auto == "SAME_UPPER") for t in totals]
    pads = list(call.get("pads") or [0] * 2 * window.axes)
    return list(zip(pads[: window.axes], pads[window.axes :], strict=True))


def _sizes(shape: Sequence[Any]) -> list[int]:
    if not all(isinstance(n, int) for n in shape):
        raise Open("its padding depends on the batch")
    return list(shape)


def halves(total: int, *, upper: bool) -> tuple[int, int]:
    """A padding in two halves, the larger one behind where `upper` says so."""
    return (total // 2, total - total // 2) if upper else (total - total // 2, total // 2)


def around(call: Call, value: Value, pads: Pairs, number: float = 0) -> Value:
    """The value with numbers around its last axes, or without so many where a padding is negative."""
    if not any(a or b for a, b in pads):
        return value
    args = {"pad": torch_order(pads), **({"value": number} if number else {})}
    start = len(value.shape) - len(pads)
    sizes = [n + a + b for n, (a, b) in zip(value.shape[start:], pads, strict=True)]
    return call.add("Pad", args, value, shape=[*value.shape[:start], *sizes])


def torch_order(pads: Pairs) -> list[int]:
    """Paddings of the last axes in torch's order: the last axis first; untouched ones in front left out."""
    kept = list(pads)
    while len(kept) > 1 and tuple(kept[0]) == (0, 0):
        kept.pop(0)
    return [n for pair in reversed(kept) for n in pair]
