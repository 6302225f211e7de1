"""Tensors that no input and no parameter goes into -> their values, and the short text that gives them again.

While the pass runs on tensors without data, what is made of sizes and numbers alone is made a second time with data.
Knows nothing of modules and steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, unset_fake_temporarily

from shapecalc.torchside.importing.content import plain_number, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Origin = tuple[Callable[..., Any], Any, Any, str]

OF_SIZES = frozenset(
    {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"}
    | {"zeros_like", "ones_like", "full_like", "empty_like"}
)
"""Functions that take no more than the size of a tensor: what they make is a constant."""

RANDOM = frozenset(
    {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial"}
    | {"normal", "dropout", "uniform_", "normal_"}
)

WRITES = frozenset(
    {"zero_", "fill_", "copy_", "__setitem__", "index_put_", "masked_fill_", "index_fill_", "scatter_", "normal_"}
)
"""Methods that write into a tensor, or into the one that it is a view of."""

TELLS = frozenset({"__bool__", "__int__", "__float__", "__index__", "item", "tolist"})
"""Methods that make numbers of a tensor, which are known where its values are."""


class Constants:
    """The constants of one pass: each with its values, and the call that it came of while that says all of it."""

    def __init__(self) -> None:
        self.values: dict[int, Tensor] = {}
        self.origins: dict[int, Origin] = {}
        self.alive: list[Any] = []

    def of(self, tensor: Tensor) -> Tensor | None:
        """The values of a tensor; None where it is none of these."""
        if isinstance(tensor, FakeTensor):
            return self.values.get(id(tensor))
        return tensor

    def zeros(self, tensors: Sequence[Tensor]) -> bool:
        """Whether all of these are constants of nothing but zeros."""
        known = [self.of(t) for t in tensors]
        return bool(known) and all(v is not None and holds(v, v, 0) for v in known)

    def follow(self, function: Any, args: Any, kwargs: Any, made: Sequence[Tensor], line: str) -> None:
        """Run a call again with data, where all that goes into it is known."""
        name = getattr(function, "__name__", "")
        if name in RANDOM:
            return
        try:
            with unset_fake_temporarily(), torch.no_grad():
                given = self._with_data((args, kwargs), sizes=name in OF_SIZES)
                found = tensors_in(function(*given[0], **given[1]))
        except Exception:  # a call that cannot be run again is one that nothing is known of
            return
        if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")):
            self.forget(*tensors_in(args[:1]))
            if name == "__setitem__":
                return
        for tensor, value in zip(made, found, strict=False):
            if id(tensor) not in self.values:
                self.origins[id(tensor)] = (function, args, kwargs, line)
            self.values[id(tensor)] = value
            self.alive.append(tensor)

    def forget(self, *tensors: Tensor) -> None:
        """Calls say no longer what a tensor holds that is written into, nor what it is a view of."""
        for tensor in tensors:
            for one in (tensor, tensor._base):
                self.origins.pop(id(one), None)

    def _with_data(self, value: Any, *, sizes: bool) -> Any:
        if isinstance(value, Tensor):
            known = self.of(value)
            if known is None and not sizes:
                raise KeyError
            return torch.empty(tuple(value.shape), dtype=value.dtype) if known is None else known
        if isinstance(value, list | tuple):
            return type(value)([self._with_data(v, sizes=sizes) for v in value])
        if isinstance(value, dict):
            return {k: self._with_data(v, sizes=sizes) for k, v in value.items()}
        return value


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and mappings, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v)]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, list | tuple | set) else []


@unset_fake_temporarily()
def told(function: Callable[[Tensor], Any], values: Tensor) -> Any:
    """The numbers that a method makes of these values."""
    return function(values)


@unset_fake_temporarily()
def unit(values: Tensor) -> bool:
    """Whether the values are those of an identity matrix."""
    return values.dim() == 2 and values.shape[0] == values.shape[1] and torch.equal(values, torch.eye(*values.shape))


@unset_fake_temporarily()
def ones_like(values: Tensor) -> Tensor:
    return torch.ones_like(values)


@unset_fake_temporarily()
def core_of(values: Tensor) -> Tensor:
    """The values with one place on each axis along which nothing changes: the batch among them."""
    for axis in range(values.dim()):
        first = values.narrow(axis, 0, 1) if values.shape[axis] > 1 else values
        if bool((values == first).all()):
            values = first
    return values


@unset_fake_temporarily()
def holds(weight: Tensor, target: Tensor, number: float) -> bool:
    """Whether all numbers of a weight, where `target` is a view of a tensor like it, are that number."""
    part = weight.detach().as_strided(target.size(), target.stride(), target.storage_offset())
    return bool((part == number).all())


@unset_fake_temporarily()
def begins(values: Tensor) -> Any:
    """The `init` of a Buffer that holds these values, None where no short text gives them."""
    return short(_numbers(values))


def _numbers(values: Tensor) -> list[Any]:
    if values.dtype.is_floating_point:
        return [plain_number(v, 9 if values.dtype == torch.float32 else 17) for v in values.flatten().tolist()]
    return [int(v) for v in values.flatten().tolist()]


@unset_fake_temporarily()
def summands(values: Tensor) -> list[Tensor] | None:
    """Vectors, one along each of some axes, that add up to the values: a table that is a sum of rows and columns."""
    if values.dim() < 2 or values.dtype == torch.bool or values.numel() == 0:
        return None
    corner = values[(0,) * values.dim()]
    found = []
    for axis in range(values.dim()):
        line = values[tuple(slice(None) if a == axis else slice(0, 1) for a in range(values.dim()))]
        found.append(line - corner)
    kept = [v for v in found if bool((v != 0).any())]
    if len(kept) < 2:
        return None
    kept[0] = kept[0] + corner
    total = kept[0]
    for vector in kept[1:]:
        total = total + vector
    same = total.shape == values.shape and bool((total == values).all())
    return kept if same and all(begins(v) is not None for v in kept) else None
