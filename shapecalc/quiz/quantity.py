"""A layer and the name of a figure -> the workings of that figure, one for each of its numbers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.explain.steps import Working
from shapecalc.explain.trace import batch_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.explain.layer import LayerWork


def workings(work: LayerWork, what: str) -> Sequence[Working]:
    """The figure's workings: of "shape" one for each axis but the batch, of all others a single one.

    Raises ValueError with the names that can be asked for.
    """
    axes = {w.quantity: w for w in (work.sizes() or [[]])[0]}
    if what in axes:
        return [axes[what]]
    if what in FIGURES:
        return FIGURES[what](work)
    tensors = work.tensors() or {}
    if what in tensors:
        return [tensors[what][0]]
    known = [*axes, *FIGURES, *tensors]
    raise ValueError(f"no figure {what!r}; the layer has {', '.join(known)}")


def _shape(work: LayerWork) -> Sequence[Working]:
    sizes = work.sizes()[0]
    batch = batch_axis(work.node.outputs[0].shape)
    return [w for axis, w in enumerate(sizes) if axis != batch]


def _values(work: LayerWork) -> Sequence[Working]:
    """How many numbers the output holds for one sample."""
    trace, batch = work.trace, batch_axis(work.node.outputs[0].shape)
    actual: Any = prod(w.answer for w in _shape(work))
    return [trace.working("values", lambda: prod(s for a, s in enumerate(trace.ys[0]) if a != batch), actual)]


def _flops(work: LayerWork) -> Sequence[Working]:
    """Two operations, a product and a sum, for each multiply-accumulate."""
    trace, macs = work.trace, work.layer.macs
    return [trace.working("flops", lambda: 2 * trace.op.macs(trace.xs, trace.ys), None if macs is None else 2 * macs)]


def _buffers(work: LayerWork) -> Sequence[Working]:
    """Values of running statistics and the like, which a module keeps beside its parameters."""
    trace: Any = work.trace
    actual = sum(prod(shape) for shape in trace.plain_op.buffers().values())
    return [trace.working("buffers", lambda: sum(prod(shape) for shape in trace.op.buffers().values()), actual)]


def _field(part: str) -> Callable[[LayerWork], Sequence[Working]]:
    def found(work: LayerWork) -> Sequence[Working]:
        working = next((getattr(f, part) for f in work.fields()), None)
        return [working or Working(part, None, "it sees no position of the input")]

    return found


FIGURES: Mapping[str, Callable[[LayerWork], Sequence[Working]]] = {
    "shape": _shape,
    "values": _values,
    "params": lambda work: [work.params()],
    "macs": lambda work: [work.macs()],
    "flops": _flops,
    "buffers": _buffers,
    "field": _field("size"),
    "jump": _field("jump"),
    "start": _field("start"),
    "bytes": lambda work: [work.output_bytes()],
}
"""What can be asked of every layer; the field's figures are those of its first axis. Axes and tensors go by name."""
