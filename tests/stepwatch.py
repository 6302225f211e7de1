"""Runs one training step of a module in torch and tells how many bytes its tensors took at each phase.

Every storage that a kernel returns is followed until it is freed, so this is what eager torch holds but for workspaces
inside of kernels. The module is run by torch.fx, which drops each value after its last use.
"""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3),
    "momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3),
}


class Watch(TorchDispatchMode):
    """Counts the bytes of all live storages after every kernel; `peak` is the most since it was last set to 0."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.live: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0
        self.add(tensors)

    def add(self, tensors: Iterable[torch.Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self.live.setdefault(storage._cdata, (StorageWeakRef(storage), storage.nbytes()))

    def bytes(self) -> int:
        self.live = {key: entry for key, entry in self.live.items() if not entry[0].expired()}
        return sum(size for _, size in self.live.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.add(t for t in tree_leaves(result) if isinstance(t, torch.Tensor))
        self.peak = max(self.peak, self.bytes())
        return result


class Loss(torch.autograd.Function):
    """A loss that keeps nothing and sends a gradient of ones to every output."""

    @staticmethod
    def forward(ctx: Any, *outputs: torch.Tensor) -> torch.Tensor:
        ctx.shapes = [(o.shape, o.dtype) for o in outputs]
        return torch.zeros(())

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return tuple(torch.ones(shape, dtype=dtype) for shape, dtype in ctx.shapes)


def watched_step(module: nn.Module, inputs: Sequence[torch.Tensor], optimizer: str) -> dict[str, int]:
    """Bytes at the end of the forward pass, and the peaks of forward, backward and step, of a second training step."""
    step = OPTIMIZERS[optimizer](module.parameters()) if any(True for _ in module.parameters()) else None
    interpreter = fx.Interpreter(fx.symbolic_trace(module))
    with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False):
        for _ in range(2):
            found = _step(interpreter, module, inputs, step)
    return found


def _step(
    run: fx.Interpreter, module: nn.Module, inputs: Sequence[torch.Tensor], step: torch.optim.Optimizer | None
) -> dict[str, int]:
    module.zero_grad()
    states = [] if step is None else [v for s in step.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    gc.collect()
    with Watch([*module.parameters(), *module.buffers(), *inputs, *states]) as watch:
        outputs = run.run(*inputs)
        run.env = {}
        found = {"forward": watch.peak, "end": watch.bytes()}
        loss = Loss.apply(*[o for o in tree_leaves(outputs) if o.requires_grad])
        watch.peak = 0
        loss.backward()
        found["backward"], watch.peak = watch.peak, 0
        if step is not None:
            step.step()
        found["step"] = max(watch.peak, watch.bytes())
    return found
