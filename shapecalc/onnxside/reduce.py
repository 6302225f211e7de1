"""Reductions over axes. Knows nothing of files."""

from __future__ import annotations

from functools import partial
from typing import Any

from shapecalc.onnxside.call import Call, Open


def over(op: str, call: Call) -> None:
    axes, keep = _axes(call)
    if not axes:
        return call.pass_on()
    if op == "Mean" and keep and 3 <= call.rank <= 5 and axes == list(range(2, call.rank)):
        return call.end(f"AdaptiveAvgPool{call.rank - 2}d", {"output_size": 1}, call.value())
    return call.end(op, {"dim": _dim(axes), "keepdim": keep}, call.value())


def _axes(call: Call) -> tuple[list[int], bool]:
    """The axes, all where none are named, and whether they stay as ones."""
    given = call.listed("axes", 1)
    if not given and call.get("noop_with_empty_axes", 0):
        return [], True
    axes = sorted(call.axis(int(a)) for a in given) if given else list(range(call.rank))
    return axes, bool(call.get("keepdims", 1))


def _dim(axes: list[int]) -> Any:
    return axes if len(axes) > 1 else axes[0]


def product(call: Call) -> None:
    axes, keep = _axes(call)
    if len(axes) != 1:
        raise Open("it multiplies over several axes")
    call.end("Prod", {"dim": axes[0], "keepdim": keep}, call.value())


def norm(p: int, call: Call) -> None:
    axes, keep = _axes(call)
    call.end("Norm", {"p": p, "dim": axes, "keepdim": keep}, call.value())


def of(first: str, call: Call) -> None:
    """The sum of a function of each number: of squares, or logarithms of sums."""
    axes, keep = _axes(call)
    args = {"dim": _dim(axes), "keepdim": keep}
    if first == "Log":
        return call.end("Log", {}, call.add("Sum", args, call.value(), shape=call.out().shape))
    return call.end("Sum", args, call.add("Square", {}, call.value()))


def place(op: str, call: Call) -> None:
    if call.get("select_last_index", 0):
        raise Open("it gives the last of equal places")
    call.end(op, {"dim": call.axis(call.get("axis", 0)), "keepdim": bool(call.get("keepdims", 1))})


def running(call: Call) -> None:
    axis = call.scalar(1)
    if call.get("exclusive", 0) or call.get("reverse", 0) or axis is None:
        raise Open("it runs backwards, or leaves the last number out")
    call.end("CumSum", {"dim": call.axis(axis)}, call.value())


def top(call: Call) -> None:
    count = call.scalar(1)
    axis = call.axis(call.get("axis", -1))
    args = {"k": count, "dim": axis, "largest": bool(call.get("largest", 1)), "sorted": bool(call.get("sorted", 1))}
    call.end("TopK", args, call.value())


READERS = {
    "ReduceMean": partial(over, "Mean"),
    "ReduceSum": partial(over, "Sum"),
    "ReduceMax": partial(over, "AMax"),
    "ReduceMin": partial(over, "AMin"),
    "ReduceLogSumExp": partial(over, "LogSumExp"),
    "ReduceProd": product,
    "ReduceL1": partial(norm, 1),
    "ReduceL2": partial(norm, 2),
    "ReduceSumSquare": partial(of, "Square"),
    "ReduceLogSum": partial(of, "Log"),
    "ArgMax": partial(place, "ArgMax"),
    "ArgMin": partial(place, "ArgMin"),
    "CumSum": running,
    "TopK": top,
}
