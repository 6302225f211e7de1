"""Runs an emitted module on real tensors and tells what every layer made of them."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.codegen.module import variables
from shapecalc.dims.decide import evaluate
from shapecalc.ops.dtypes import FLOATS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from shapecalc.graph.graph import Graph, Wire

LARGEST_INDEX = 2
"""Integer inputs without a bound are drawn below this."""


def example_inputs(
    graph: Graph, sizes: Mapping[str, int], device: str, generator: torch.Generator | None = None
) -> list[torch.Tensor]:
    """Random tensors of the inputs' shapes and dtypes, with `sizes` put in for names (N among them)."""
    return [_example(wire, sizes, device, generator) for wire in graph.inputs]


def _example(wire: Wire, sizes: Mapping[str, int], device: str, generator: torch.Generator | None) -> torch.Tensor:
    assert wire.shape is not None
    shape = [evaluate(size, sizes) for size in wire.shape]
    dtype = getattr(torch, wire.dtype)
    if wire.dtype in FLOATS:
        return torch.randn(shape, generator=generator).to(device=device, dtype=dtype)
    below = LARGEST_INDEX if wire.below is None else evaluate(wire.below, sizes)
    return torch.randint(0, below, shape, generator=generator).to(device=device, dtype=dtype)


def run_layers(module: nn.Module, graph: Graph, inputs: Sequence[torch.Tensor]) -> dict[int, Any]:
    """The value of every layer's outputs by `id` of the wire, after one forward pass. Raises what torch raises."""
    held: dict[int, Any] = {}
    by_name = variables(graph)

    def keep(local: Mapping[str, Any]) -> None:
        held.update({id(wire): local.get(name) for name, wire in by_name.items()})

    with _Returning(type(module).forward, keep):
        module(*inputs)
    return held


class _Returning:
    """Calls back with the local variables of a function when it returns.

    The emitted forward gives every layer a variable of its own, so this reads all values without changing the source.
    """

    def __init__(self, function: Callable[..., Any], told: Callable[[Mapping[str, Any]], None]) -> None:
        self.code = function.__code__
        self.told = told

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        sys.setprofile(self._event)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)

    def _event(self, frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is self.code:
            self.told(dict(frame.f_locals))


def kept_bytes(module: nn.Module, inputs: Sequence[torch.Tensor]) -> int:
    """Bytes that autograd keeps after a forward pass in training mode, each storage once, parameters left out."""
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no other takes its place
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    # oneDNN would keep workspaces; switching it off warns of hardware that is not there.
    with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False), hooks:
        outputs = module(*inputs)
    del outputs
    return sum(size for size, _ in kept.values())


def counted_flops(module: nn.Module, inputs: Sequence[torch.Tensor]) -> tuple[int, dict[str, int]]:
    """FLOPs by torch's counter, in all and by module; on the meta device, where it counts fused kernels too."""
    from torch.utils.flop_counter import FlopCounterMode

    module = module.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*[x.to("meta") for x in inputs])
    counts = {name.partition(".")[2]: sum(by_op.values()) for name, by_op in counter.get_flop_counts().items()}
    return counter.get_total_flops(), counts
