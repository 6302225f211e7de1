"""Normalisations -> BatchNorm2d, LayerNorm and their kin, with their tensors. Knows nothing of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part

if TYPE_CHECKING:
    from shapecalc.onnxside.fixed import Fixed


def batch(call: Call) -> None:
    """The momentum of ONNX is the share of the old value, that of torch the share of the new one."""
    if call.get("spatial", 1) == 0:
        raise Open("it has statistics for each place")
    axes = {2: 1, 3: 1, 4: 2, 5: 3}.get(call.rank)
    if axes is None:
        raise Open("it has more axes than torch's")
    names = ("weight", "bias", "running_mean", "running_var")
    call.parts = {name: Part(call.weight(n + 1)) for n, name in enumerate(names)}
    call.gives = call.gives[:1]
    args = {"eps": call.get("epsilon", 1e-5), "momentum": float(f"{1 - call.get('momentum', 0.9):.6g}")}
    call.end(f"BatchNorm{axes}d", args, call.value(), path=call.path)


def layer(call: Call) -> None:
    call.only_output()
    axis = call.axis(call.get("axis", -1))
    shape = call.shape[axis:]
    scale = call.weight(1)
    if scale.shape != shape or (call.has(2) and call.weight(2).shape != shape):
        raise Open("its scale is of another shape")
    call.parts = {"weight": Part(scale)} | ({"bias": Part(call.weight(2))} if call.has(2) else {})
    args = {"eps": call.get("epsilon", 1e-5), "bias": call.has(2)}
    if len(shape) > 1:
        args["normalized_shape"] = list(shape)
    call.end("LayerNorm", args, call.value(), path=call.path)


def root_mean_square(call: Call) -> None:
    axis = call.axis(call.get("axis", -1))
    if call.weight(1).shape != call.shape[axis:]:
        raise Open("its scale is of another shape")
    call.parts = {"weight": Part(call.weight(1))}
    shape = {} if axis == call.rank - 1 else {"normalized_shape": list(call.shape[axis:])}
    call.end("RMSNorm", {"eps": call.get("epsilon", 1e-5), **shape}, call.value(), path=call.path)


def group(call: Call) -> None:
    """Before version 21 each group has one scale and shift, which its channels share."""
    groups, channels = call.get("num_groups"), call.shape[1]
    call.parts = {name: _each(call.weight(n), channels, groups) for n, name in ((1, "weight"), (2, "bias"))}
    call.end("GroupNorm", {"num_groups": groups, "eps": call.get("epsilon", 1e-5)}, call.value(), path=call.path)


def _each(fixed: Fixed, channels: int, groups: int) -> Part:
    if fixed.shape == (channels,):
        return Part(fixed)
    return Part(fixed, "repeated", lambda a: a.repeat(channels // groups), (channels,))


def instance(call: Call) -> None:
    axes = call.rank - 2
    if not 1 <= axes <= 3:
        raise Open("it has more axes than torch's")
    call.parts = {"weight": Part(call.weight(1)), "bias": Part(call.weight(2))}
    args = {"eps": call.get("epsilon", 1e-5), "affine": True}
    call.end(f"InstanceNorm{axes}d", args, call.value(), path=call.path)


def across(call: Call) -> None:
    names = {"alpha": 0.0001, "beta": 0.75}
    args = {name: call.get(name, usual) for name, usual in names.items()}
    call.end("LocalResponseNorm", {"size": call.get("size"), **args, "k": call.get("bias", 1.0)})


def length(call: Call) -> None:
    """ONNX divides by the norm as it is, torch by no less than eps."""
    args = {"p": float(call.get("p", 2)), "dim": call.axis(call.get("axis", -1))}
    call.end("Normalize", args)


READERS = {
    "BatchNormalization": batch,
    "LayerNormalization": layer,
    "RMSNormalization": root_mean_square,
    "GroupNormalization": group,
    "InstanceNormalization": instance,
    "LRN": across,
    "LpNormalization": length,
}
