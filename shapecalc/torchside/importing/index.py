"""`x[...]` -> the operators that it is: Select, Slice, Unsqueeze and Index, one after the other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from shapecalc.torchside.importing.function import Told


def indexed(shape: Any, key: Any) -> list[Told] | None:
    """The operators in order, or None where a mask, or two tensors, are among the indices."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if sum(isinstance(k, Tensor) for k in keys) > 1 or any(isinstance(k, bool | list) for k in keys):
        return None
    keys = _spread(keys, len(shape))
    sizes = list(shape)
    found: list[Told] = []
    axis = 0
    for k in keys:
        told, axis, sizes = _one(k, axis, sizes)
        found += told
    return found


def _spread(keys: list[Any], rank: int) -> list[Any]:
    """The keys with `...` as so many colons."""
    if not any(k is Ellipsis for k in keys):
        return keys
    at = next(n for n, k in enumerate(keys) if k is Ellipsis)
    taken = sum(k is not None for k in keys) - 1
    return [*keys[:at], *[slice(None)] * (rank - taken), *keys[at + 1 :]]


def _one(key: Any, axis: int, sizes: list[int]) -> tuple[list[Told], int, list[int]]:
    """What one index does to the axis that it stands for, the next axis, and the sizes behind it."""
    if key is None:
        sizes = [*sizes[:axis], 1, *sizes[axis:]]
        return [Told("Unsqueeze", {"dim": axis}, [], [], list(sizes))], axis + 1, sizes
    if isinstance(key, Tensor):
        sizes = [*sizes[:axis], *key.shape, *sizes[axis + 1 :]]
        return [Told("Index", {"dim": axis} if axis else {}, [key], [], list(sizes))], axis + key.dim(), sizes
    if isinstance(key, slice):
        return _slice(key, axis, sizes)
    sizes = [*sizes[:axis], *sizes[axis + 1 :]]
    return [Told("Select", {"dim": axis, "index": int(key)}, [], [], list(sizes))], axis, sizes


def _slice(key: slice, axis: int, sizes: list[int]) -> tuple[list[Told], int, list[int]]:
    covered = range(sizes[axis])[key]
    if len(covered) == sizes[axis]:
        return [], axis + 1, sizes
    args = {"start": key.start or 0, "end": key.stop, "step": key.step or 1}
    known = {"start": 0, "end": None, "step": 1}
    sizes = [*sizes[:axis], len(covered), *sizes[axis + 1 :]]
    told = {"dim": axis} | {n: v for n, v in args.items() if v != known[n]}
    return [Told("Slice", told, [], [], list(sizes))], axis + 1, sizes
