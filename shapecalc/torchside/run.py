"""Runs an emitted module on real tensors and tells what every layer made of them."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.dims.decide import evaluate
from shapecalc.ops.dtypes import FLOATS
from shapecalc.torchside.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from shapecalc.graph.graph import Graph, Wire

LARGEST_INDEX = 2
"""Integer inputs without a bound are drawn below this, or below the least bound of a layer."""


class Refused(ValueError):
    """torch does not run a module: batch norm over a single value, too little memory. The text is why, in one line."""


@contextmanager
def running() -> Iterator[None]:
    """Around a run of torch. Raises Refused for what torch raises."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise Refused((str(error).splitlines() or [type(error).__name__])[0]) from error


def has_cuda() -> bool:
    """Whether torch sees a CUDA device here."""
    return torch.cuda.is_available()


def example_inputs(
    graph: Graph, sizes: Mapping[str, int], device: str, generator: torch.Generator | None = None
) -> list[torch.Tensor]:
    """Random tensors of the inputs' shapes and dtypes, with `sizes` put in for names (N among them)."""
    bounds = [getattr(node.op, node.op.bound) for node in graph.nodes if node.op is not None and node.op.bound]
    least = max(1, min([LARGEST_INDEX, *(evaluate(bound, sizes) for bound in bounds)]))
    return [_example(wire, sizes, device, generator, least) for wire in graph.inputs]


def _example(
    wire: Wire, sizes: Mapping[str, int], device: str, generator: torch.Generator | None, below: int
) -> torch.Tensor:
    assert wire.shape is not None
    shape = [evaluate(size, sizes) for size in wire.shape]
    dtype = getattr(torch, wire.dtype)
    if device == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    if wire.dtype in FLOATS:
        return torch.randn(shape, generator=generator).to(device=device, dtype=dtype)
    below = below if wire.below is None else evaluate(wire.below, sizes)
    return torch.randint(0, below, shape, generator=generator).to(device=device, dtype=dtype)


def run_layers(module: nn.Module, graph: Graph, inputs: Sequence[torch.Tensor]) -> dict[int, Any]:
    """The value of every layer's outputs by `id` of the wire, after one forward pass. Raises Refused."""
    with Watch(module, values=True) as watch, running():
        module(*inputs)
    held, watch.held = watch.held, {}  # what watched the lines refers to itself, and would keep all values for a while
    return held


def kept_bytes(module: nn.Module, graph: Graph, inputs: Sequence[torch.Tensor]) -> tuple[int, dict[int, int]]:
    """Bytes that autograd keeps after a forward pass in training mode: in all, each storage once, and by node.

    Parameters and buffers are left out. Raises Refused.
    """
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    watch = Watch(module, values=False)
    held: list[torch.Tensor] = []  # so that no other takes a place in memory
    kept: dict[int, dict[int, int]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept.setdefault(watch.node(), {})[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    # oneDNN would keep workspaces; switching it off warns of hardware that is not there.
    with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False), watch, hooks, running():
        outputs = module(*inputs)
    del outputs
    whole = {place: size for each in kept.values() for place, size in each.items()}
    return sum(whole.values()), {node: sum(each.values()) for node, each in kept.items()}


def counted_flops(module: nn.Module, graph: Graph, inputs: Sequence[torch.Tensor]) -> dict[int, int]:
    """FLOPs by torch's counter, by node; on the meta device, where it counts fused kernels too. Raises Refused."""
    from torch.utils.flop_counter import FlopCounterMode

    module = module.to("meta").eval().requires_grad_(False)  # torch asks what it tracks for gradients
    watch, found = Watch(module, values=False), dict[int, int]()

    class ByNode(FlopCounterMode):  # type: ignore[misc, unused-ignore]
        def _count_flops(self, packet: Any, out: Any, args: Any, kwargs: Any) -> Any:
            before = self.get_total_flops()
            out = super()._count_flops(packet, out, args, kwargs)  # type: ignore[no-untyped-call]
            node = watch.node()
            found[node] = found.get(node, 0) + self.get_total_flops() - before
            return out

    with warnings.catch_warnings(action="ignore"), watch, ByNode(display=False), torch.no_grad(), running():
        module(*[x.to("meta") for x in inputs])
    return found


def trained_peak(module: nn.Module, graph: Graph, inputs: Sequence[torch.Tensor]) -> int:
    """Bytes that the CUDA allocator held at most in one training step with plain gradient descent, weights included.

    Raises Refused.
    """
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    with running():
        outputs = module.train()(*inputs)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        sum(y.sum() for y in several if y.requires_grad).backward()
        optimizer.step()
        torch.cuda.synchronize()
    return int(torch.cuda.max_memory_allocated())
