"""Pools over windows and over everything -> MaxPool2d, AdaptiveAvgPool2d and their kin. Knows nothing of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.border import Window, around
from shapecalc.onnxside.call import Call, Open

if TYPE_CHECKING:
    from shapecalc.torchside.importing.step import Value


def maximum(call: Call) -> None:
    call.only_output()
    window = Window(call, call.get("kernel_shape", ()))
    x, padding = _padded(call, window, float("-inf"))
    args = _args(window) | {"padding": padding, "dilation": tuple(window.dilation)}
    call.end(f"MaxPool{window.axes}d", args | {"ceil_mode": bool(call.get("ceil_mode", 0))}, x)


def average(call: Call) -> None:
    window = Window(call, call.get("kernel_shape", ()))
    counted = bool(call.get("count_include_pad", 0))
    padded = any(a or b for a, b in window.pads)
    if any(d != 1 for d in window.dilation):
        raise Open("it is dilated")
    if padded and not counted and not _fits(window):
        raise Open("its padding differs from side to side")
    x, padding = _padded(call, window, 0)
    args = _args(window) | {"padding": padding, "ceil_mode": bool(call.get("ceil_mode", 0))}
    call.end(f"AvgPool{window.axes}d", args | {"count_include_pad": counted or not padded}, x)


def _args(window: Window) -> dict[str, Any]:
    """Torch takes the window's size for the stride where it is told none."""
    args = window.args()
    return args | ({"stride": None} if window.stride == window.kernel else {})


def _fits(window: Window) -> bool:
    """Whether torch takes the padding: the same on both sides, and at most half of the window."""
    return window.even and all(2 * p <= k for p, k in zip(window.padding, window.kernel, strict=True))


def _padded(call: Call, window: Window, number: float) -> tuple[Value, Any]:
    if _fits(window):
        return call.value(), tuple(window.padding)
    if call.get("ceil_mode", 0):
        raise Open("its padding differs from side to side, and its size is rounded up")
    return around(call, call.value(), window.pads, number), 0


def power(call: Call) -> None:
    """The norm of each window; torch takes no absolute values, so that an odd power needs them."""
    window = Window(call, call.get("kernel_shape", ()))
    p = call.get("p", 2)
    if any(d != 1 for d in window.dilation):
        raise Open("it is dilated")
    x = call.value() if p % 2 == 0 else call.add("Abs", {}, call.value())
    x = around(call, x, window.pads)
    args = _args(window) | {"norm_type": p, "ceil_mode": bool(call.get("ceil_mode", 0))}
    call.end(f"LPPool{window.axes}d", args, x)


def whole_average(call: Call) -> None:
    _adaptive(call, "Avg")


def whole_maximum(call: Call) -> None:
    _adaptive(call, "Max")


def _adaptive(call: Call, kind: str) -> None:
    axes = call.rank - 2
    if not 1 <= axes <= 3:
        raise Open("it pools over more axes than torch does")
    call.end(f"Adaptive{kind}Pool{axes}d", {"output_size": 1})


def whole_power(call: Call) -> None:
    call.end("Norm", {"p": call.get("p", 2), "dim": list(range(2, call.rank)), "keepdim": True})


READERS = {
    "MaxPool": maximum,
    "AveragePool": average,
    "LpPool": power,
    "GlobalAveragePool": whole_average,
    "GlobalMaxPool": whole_maximum,
    "GlobalLpPool": whole_power,
}
