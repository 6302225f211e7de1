"""Parts of tensors: Slice, and Gather, which is an Embedding where it picks rows of a learned table."""

from __future__ import annotations

from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part

FAR = 2**31 - 1
"""An end that lies behind all ends, as exporters write it."""


def cut(call: Call) -> None:
    """One Slice for each axis that is cut."""
    starts, ends = call.listed("starts", 1) or [], call.listed("ends", 2) or []
    axes = [call.axis(a) for a in call.listed("axes", 3) or range(len(starts))]
    steps = call.numbers(4) or [1] * len(starts)
    value = call.value()
    shape = list(call.shape)
    kept = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size, wanted = shape[axis], call.out().shape[axis]
        if step == 1 and wanted == size:
            continue
        kept.append((_slice(start, end, axis, step, size), axis, wanted))
    if not kept:
        return call.pass_on(value)
    for (op, args), axis, wanted in kept[:-1]:
        shape[axis] = wanted
        value = call.add(op, args, value, shape=shape)
    op, args = kept[-1][0]
    return call.end(op, args, value)


def _slice(start: int, end: int, axis: int, step: int, size: int) -> tuple[str, dict[str, object]]:
    if step == -1 and start in (-1, size - 1) and end < -size:
        return "Flip", {"dims": [axis]}
    if not isinstance(step, int) or step < 1:
        raise Open("it goes backwards")
    far = isinstance(end, int) and (end >= FAR or (isinstance(size, int) and end >= size))
    if isinstance(start, int) and isinstance(size, int):
        start = max(start, -size)
    return "Slice", {"dim": axis, "start": start, "end": None if far else end, "step": step}


def gather(call: Call) -> None:
    """Rows of a learned table, one place, or several."""
    axis, index = call.axis(call.get("axis", 0)), call.tensor(1)
    table = call.tensor().one
    if table is not None and table.learned and axis == 0 and len(table.shape) == 2 and index.fixed is None:
        call.parts = {"weight": Part(table)}
        args = {"num_embeddings": table.shape[0], "embedding_dim": table.shape[1]}
        return call.end("Embedding", args, call.value(1), path=_owner(table.name))
    if index.one is not None and index.rank == 0:
        return call.end("Select", {"dim": axis, "index": index.one.numbers()[0]}, call.value())
    if index.one is not None and (index.rank != 1 or min(index.one.numbers(), default=0) < 0):
        raise Open("its indices count from the end")
    return call.end("Index", {"dim": axis}, call.value(), call.value(1))


def _owner(name: str) -> str:
    from shapecalc.onnxside.scope import is_path

    stem, _, last = name.rpartition(".")
    return stem if last == "weight" and is_path(stem) else ""


def elements(call: Call) -> None:
    call.end("Gather", {"dim": call.axis(call.get("axis", 0))}, call.value(), call.value(1))


READERS = {"Slice": cut, "Gather": gather, "GatherElements": elements}
