"""Other arrangements of the same numbers: Reshape, Transpose, Concat, Split, Pad. Knows nothing of files."""

from __future__ import annotations

from typing import Any

from shapecalc.dims.sym import symbol
from shapecalc.onnxside.border import torch_order
from shapecalc.onnxside.call import Call, Open
from shapecalc.torchside.importing.step import Value


def flatten(call: Call) -> None:
    if call.axis(call.get("axis", 1)) == 1 and call.rank > 1:
        return call.end("Flatten") if call.rank > 2 else call.pass_on()
    return call.end("Reshape", {"shape": list(call.out().shape)})


def reshape(call: Call) -> None:
    """The wanted shape; what flattens each sample is a Flatten."""
    shape, x = call.out().shape, call.shape
    value = call.value()
    maker = call.source(value)
    if maker is not None and maker.op == "Reshape" and maker.inputs[0].shape == shape:
        return call.pass_on(maker.inputs[0])
    if shape == x:
        return call.pass_on(value)
    if len(shape) == 2 and len(x) > 2 and x[0] is symbol("N") and shape[0] is symbol("N"):
        return call.end("Flatten", {}, value)
    return call.end("Reshape", {"shape": list(shape)}, value)


def squeeze(call: Call) -> None:
    """An axis that was just put in goes out again."""
    axes = call.listed("axes", 1)
    dims = sorted(call.axis(a) for a in axes) if axes else [n for n, s in enumerate(call.shape) if s == 1]
    maker = call.source(call.value())
    if maker is not None and maker.op == "Unsqueeze" and [maker.args["dim"]] == dims and maker.path == "":
        return call.pass_on(maker.inputs[0])
    if not dims:
        return call.pass_on()
    return call.end("Squeeze", {"dim": dims if len(dims) > 1 else dims[0]}, call.value())


def unsqueeze(call: Call) -> None:
    axes = call.listed("axes", 1) or []
    value, rank = call.value(), call.out().rank
    dims = sorted(call.axis(a, rank) for a in axes)
    for n, dim in enumerate(dims[:-1]):
        shape = [*value.shape[:dim], 1, *value.shape[dim:]]
        value = call.add("Unsqueeze", {"dim": dims[n]}, value, shape=shape)
    return call.end("Unsqueeze", {"dim": dims[-1]}, value) if dims else call.pass_on()


def transpose(call: Call) -> None:
    order = list(call.get("perm") or reversed(range(call.rank)))
    moved = [n for n, a in enumerate(order) if n != a]
    if not moved:
        return call.pass_on()
    maker = call.source(call.value())
    if len(moved) == 2 and maker is not None and maker.op == "Transpose" and [*maker.args.values()] == moved:
        return call.pass_on(maker.inputs[0])
    if len(moved) == 2:
        return call.end("Transpose", {"dim0": moved[0], "dim1": moved[1]})
    return call.end("Permute", {"dims": order})


def concat(call: Call) -> None:
    """A constant beside tensors of a batch is the same for each sample."""
    axis = call.axis(call.get("axis", 1))
    values = [call.own(t) for t in call.inputs if t is not None and 0 not in t.shape]
    if len(values) == 1:
        return call.pass_on(values[0])
    batch = next((v.shape[0] for v in values if not isinstance(v.shape[0], int)), None)
    if axis and batch is not None:
        values = [_expanded(call, v, batch) for v in values]
    return call.end("Cat", {"dim": axis}, *values)


def _expanded(call: Call, value: Value, batch: Any) -> Value:
    if not value.own or value.shape[0] != 1:
        return value
    shape = [batch, *value.shape[1:]]
    return call.add("Expand", {"size": shape}, value, shape=shape)


def split(call: Call) -> None:
    axis = call.axis(call.get("axis", 0))
    if len(call.gives) == 1:
        return call.pass_on()
    call.gives = [t for t in call.gives if t is not None]
    given = call.listed("split", 1)
    sizes = [int(n) for n in given] if given else []
    if not sizes:
        whole, parts = call.shape[axis], call.get("num_outputs") or len(call.gives)
        if not isinstance(whole, int):
            raise Open("it splits the batch")
        each = -(-whole // parts)
        sizes = [min(each, whole - n * each) for n in range(parts)]
    if len(set(sizes)) == 1 and len(call.gives) == len(sizes):
        return call.end("Chunk", {"chunks": len(sizes), "dim": axis}, call.value())
    if len(call.gives) != len(sizes):
        raise Open("some of its parts are not used")
    return call.end("Split", {"split_size_or_sections": sizes, "dim": axis}, call.value())


def expand(call: Call) -> None:
    value, shape = call.value(), call.out().shape
    if value.shape == shape:
        return call.pass_on(value)
    return call.end("Expand", {"size": list(shape)}, value)


def tile(call: Call) -> None:
    repeats = call.numbers(1) or []
    return call.pass_on() if all(n == 1 for n in repeats) else call.end("Repeat", {"repeats": repeats}, call.value())


def pad(call: Call) -> None:
    pads = call.listed("pads", 1) or []
    axes = [call.axis(a) for a in call.numbers(3) or range(call.rank)]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}.get(
        call.get("mode", "constant"), ""
    )
    if not mode:
        raise Open("its mode is none of torch's")
    pairs = [(0, 0)] * call.rank
    for n, axis in enumerate(axes):
        pairs[axis] = (pads[n], pads[n + len(axes)])
    number = call.get("value", call.scalar(2, 0)) if mode == "constant" else 0
    if not any(a or b for a, b in pairs):
        return call.pass_on()
    more = {"value": number} if number else {}
    order = torch_order(pairs)
    if mode != "constant":
        order = [n for pair in reversed(pairs[2:]) for n in pair]
    return call.end("Pad", {"pad": order, "mode": mode, **more}, call.value())


def to_space(call: Call) -> None:
    """Channels into blocks: torch's order of these is CRD, the other one is spelled out."""
    block = call.get("blocksize")
    if call.get("mode", "DCR") == "CRD":
        return call.end("PixelShuffle", {"upscale_factor": block})
    n, c, h, w = call.shape
    parts = [n, block, block, c // block**2, h, w]
    return _blocks(call, parts, [0, 3, 4, 1, 5, 2])


def to_depth(call: Call) -> None:
    block = call.get("blocksize")
    n, c, h, w = call.shape
    return _blocks(call, [n, c, h // block, block, w // block, block], [0, 3, 5, 1, 2, 4])


def _blocks(call: Call, parts: list[Any], order: list[int]) -> None:
    found = call.add("Reshape", {"shape": parts}, call.value(), shape=parts)
    moved = call.add("Permute", {"dims": order}, found, shape=[parts[n] for n in order])
    call.end("Reshape", {"shape": list(call.out().shape)}, moved)


def triangle(call: Call) -> None:
    diagonal = call.scalar(1, 0)
    call.end("Triu" if call.get("upper", 1) else "Tril", {"diagonal": diagonal}, call.value())


READERS = {
    "Flatten": flatten, "Reshape": reshape, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "Concat": concat, "Split": split, "Expand": expand, "Tile": tile, "Pad": pad, "DepthToSpace": to_space,
    "SpaceToDepth": to_depth, "Trilu": triangle,
}  # fmt: skip
