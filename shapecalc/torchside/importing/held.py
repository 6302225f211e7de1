"""What a module holds -> answers to the stages behind the pass: first values, keys, and what the pass left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.constant import begins
from shapecalc.torchside.importing.origin import Origin
from shapecalc.torchside.importing.step import among

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn

    from shapecalc.torchside.importing.step import Value
    from shapecalc.torchside.importing.tree import Piece


class OfModule(Origin):
    """The parameters and buffers of a module."""

    __slots__ = ("keys", "module", "parameters")

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.parameters = dict(module.named_parameters())
        self.keys = module.state_dict().keys()

    def begins(self, value: Value) -> Any:
        return begins(value.constant)

    def keeps(self, path: str) -> bool:
        return path in self.keys

    def init(self, value: Value) -> dict[str, Any]:
        """What the learned tensor begins with, as far as its values tell: zeros, another constant, or a deviation."""
        tensor = self.parameters.get(value.weight)
        if tensor is None or not tensor.is_floating_point() or tensor.is_meta or tensor.numel() == 0:
            return {}
        first, spread = tensor.flatten()[0].item(), tensor.detach().float().std(correction=0).item()
        if bool((tensor == first).all()):
            return {} if first == 0 else {"init": "ones"} if first == 1 else {"init": float(f"{first:.6g}")}
        return {"init": {"normal": float(f"{spread:.1g}")}}

    def any_below(self, path: str) -> bool:
        module = self.module.get_submodule(path)
        return any(True for _ in module.parameters()) or any(True for _ in module.buffers())

    def told(self, keys: Collection[str]) -> list[str]:
        """One note where the spec has tensors of its own: made by hooks, parametrizations or a turn of two lists."""
        known = {*self.keys, *(name for name, _ in self.module.named_buffers())}
        own = [key for key in keys if key not in known]
        return [f"the module's state_dict has no {among(own, 'keys')}"] if own else []

    def params(self, tree: Piece) -> tuple[int, list[str]]:
        """How many parameters the layers hold, and notes on modules whose weights the pass did not use."""
        leaves = {p.path for p in tree.walk() if p.path and not p.group}
        count, missing = 0, dict[str, None]()
        for path, parameter in self.parameters.items():
            if path.endswith("_g") and f"{path[:-2]}_v" in self.parameters:
                continue  # the lengths of an older weight_norm, which makes one weight of the two
            if any(path.startswith(f"{leaf}.") or path == leaf for leaf in leaves & set(_above(path))):
                count += parameter.numel()
            else:
                missing[path.rpartition(".")[0]] = None
        heads = [m for m in missing if not any(m.startswith(f"{other}.") for other in missing)]
        notes = [f"{head or 'a parameter'} takes no part in evaluation, so the spec leaves it out" for head in heads]
        return count, notes


def _above(path: str) -> list[str]:
    """A path and all that it lies in."""
    names = path.split(".")
    return [".".join(names[:n]) for n in range(1, len(names) + 1)]
