"""LSTM, GRU and RNN of one layer -> torch's, with their gates in torch's order. Knows nothing of files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.torchside.importing.step import Value

GATES: dict[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""For each of torch's gates its place in ONNX: iofc there, ifgo here; zrh there, rzn here."""
USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


def recurrent(call: Call) -> None:
    directions, hidden = call.weight(1).shape[0], call.weight(2).shape[2]
    args: dict[str, Any] = {
        "hidden_size": hidden,
        "bias": call.has(3),
        "batch_first": bool(call.get("layout", 0)),
        "bidirectional": directions == 2,
    }
    _refuse(call, directions)
    if call.op == "RNN" and call.get("activations", ["Tanh"])[0] == "Relu":
        args["nonlinearity"] = "relu"
    call.parts = _parts(call, directions, hidden)
    _given(call, args, hidden, directions)


def _refuse(call: Call, directions: int) -> None:
    known = USUAL[call.op] * directions
    told = call.get("activations") or known
    relu = call.op == "RNN" and set(told) == {"Relu"}
    if (told != known and not relu) or call.get("direction", "forward") == "reverse":
        raise Open("its activations, or its direction, are not torch's")
    if call.has(4) or call.has(7) or call.get("clip") is not None or call.get("input_forget", 0):
        raise Open("it takes lengths, peepholes or bounds, which torch's does not")
    if call.op == "GRU" and not call.get("linear_before_reset", 0):
        raise Open("it resets before the product, and torch's behind it")


def _parts(call: Call, directions: int, hidden: int) -> dict[str, Part]:
    order = GATES[call.op]
    names = [("weight_ih", 1, 0), ("weight_hh", 2, 0)]
    names += [("bias_ih", 3, 0), ("bias_hh", 3, len(order))] if call.has(3) else []
    found = {}
    for name, n, first in names:
        for direction in range(directions):
            fixed = call.weight(n)
            places = [first + g for g in order]
            shape = (len(order) * hidden, *fixed.shape[2:])
            how = f"gates in torch's order, direction {direction}"
            part = Part(fixed, how, partial(_gates, direction=direction, places=places, hidden=hidden), shape)
            found[f"{name}_l0{'_reverse' * direction}"] = part
    return found


def _gates(both: Any, direction: int, places: Sequence[int], hidden: int) -> Any:
    import numpy as np

    rows = both[direction]
    return np.concatenate([rows[p * hidden : (p + 1) * hidden] for p in places])


def _given(call: Call, args: dict[str, Any], hidden: int, directions: int) -> None:
    """The layer, and its outputs in ONNX's arrangement: the directions have an axis of their own."""
    time, batch = call.shape[:2]
    if call.get("layout", 0):
        raise Open("its batch comes first")
    states = [call.value(n) for n in (5, 6) if call.has(n) and not _zeros(call, n)]
    if states and len(states) < sum(call.has(n) for n in (5, 6)):
        raise Open("one of its first states is zeros")
    outputs = _outputs(call, args, [call.value(), *states], (time, batch, hidden, directions))
    whole = call.gives[0] if call.gives else None
    for tensor, value in zip(call.gives[1:], outputs[1:], strict=False):
        if tensor is not None:
            tensor.value = value
    call.gives = [whole]
    if whole is None:
        return None
    if directions == 1:
        return call.end("Unsqueeze", {"dim": 1}, outputs[0])
    parted = call.add("Reshape", {"shape": [time, batch, 2, hidden]}, outputs[0], shape=[time, batch, 2, hidden])
    return call.end("Transpose", {"dim0": 1, "dim1": 2}, parted)


def _outputs(call: Call, args: dict[str, Any], taken: list[Value], sizes: tuple[Any, ...]) -> list[Value]:
    from shapecalc.torchside.importing.step import Value

    time, batch, hidden, directions = sizes
    first = call.add(call.op, args, *taken, shape=[time, batch, hidden * directions])
    call.held = first
    step = call.steps[-1]
    step.path = call.path
    more = [Value([directions, batch, hidden], first.dtype) for _ in range(2 if call.op == "LSTM" else 1)]
    step.outputs = [first, *more]
    return step.outputs


def _zeros(call: Call, n: int) -> bool:
    fixed = call.tensor(n).fixed
    return fixed is not None and all(f.only() == 0 for f in fixed)


READERS = {"LSTM": recurrent, "GRU": recurrent, "RNN": recurrent}
