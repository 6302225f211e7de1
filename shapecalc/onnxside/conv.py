"""Conv and ConvTranspose -> Conv2d, ConvTranspose2d and their kin. Knows nothing of files."""

from __future__ import annotations

from shapecalc.onnxside.border import Window, around, halves
from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part


def conv(call: Call) -> None:
    """A padding that is not the same on both sides becomes a Pad before it."""
    weight = call.weight(1)
    window = Window(call, weight.shape[2:])
    x = call.value()
    if not window.even:
        x = around(call, x, window.pads)
    args = {
        "out_channels": weight.shape[0],
        **window.args(),
        "padding": tuple(window.padding) if window.even else 0,
        "dilation": tuple(window.dilation),
        "groups": call.get("group", 1),
        "bias": _biased(call),
    }
    _with_weights(call)
    call.end(f"Conv{window.axes}d", args, x, path=call.path)


def _with_weights(call: Call) -> None:
    call.parts = {"weight": Part(call.weight(1))}
    if _biased(call):
        call.parts["bias"] = Part(call.weight(2))


def _biased(call: Call) -> bool:
    """Whether there is a bias: zeros that were made up for one are none."""
    return call.has(2) and (call.weight(2).learned or call.weight(2).only() != 0)


def transposed(call: Call) -> None:
    """A padding that is not the same on both sides, or a wanted size, is cut off behind it."""
    weight = call.weight(1)
    window = Window(call, weight.shape[2:])
    more = list(call.get("output_padding") or [0] * window.axes)
    pads = _cut(call, window, more)
    even = all(a == b >= 0 for a, b in pads)
    args = {
        "out_channels": weight.shape[1] * call.get("group", 1),
        **window.args(),
        "padding": tuple(a for a, _ in pads) if even else 0,
        "output_padding": tuple(more),
        "groups": call.get("group", 1),
        "bias": _biased(call),
        "dilation": tuple(window.dilation),
    }
    _with_weights(call)
    op = f"ConvTranspose{window.axes}d"
    if even:
        return call.end(op, args, call.value(), path=call.path)
    sizes = [n + a + b for n, (a, b) in zip(call.out().shape[2:], pads, strict=True)]
    whole = call.add(op, args, call.value(), shape=[call.shape[0], args["out_channels"], *sizes])
    call.steps[-1].path = call.path
    call.held = whole
    flat = [n for a, b in reversed(pads) for n in (-a, -b)]
    return call.end("Pad", {"pad": flat}, whole)


def _cut(call: Call, window: Window, more: list[int]) -> list[tuple[int, int]]:
    """What is cut off before and behind each axis."""
    wanted = call.get("output_shape")
    auto = call.get("auto_pad", "NOTSET")
    if not wanted and auto in ("NOTSET", "VALID"):
        return window.pads
    sizes = call.shape[2:]
    if not all(isinstance(n, int) for n in sizes):
        raise Open("its size depends on the batch")
    goal = list(wanted or [n * s for n, s in zip(sizes, window.stride, strict=True)])[-window.axes :]
    whole = [
        s * (n - 1) + o + d * (k - 1) + 1
        for n, k, s, d, o in zip(sizes, window.kernel, window.stride, window.dilation, more, strict=True)
    ]
    return [halves(w - g, upper=auto != "SAME_LOWER") for w, g in zip(whole, goal, strict=True)]


READERS = {"Conv": conv, "ConvTranspose": transposed}
