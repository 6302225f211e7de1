"""The need of layers that know a batch axis: N arrives where `batch_first` says that the batch is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import listed
from shapecalc.ops.op import ZERO, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Shape


def _say_batch_place(op: Any, xs: Sequence[Shape], axis: int) -> str:
    shape, size = listed(xs[0]), xs[0][axis]
    if op.batch is None:
        return f"{shape} has two dimensions, which means one sample, but axis {axis} is {size}, the batch"
    first = str(op.batch_first).lower()
    return f"batch_first is {first}, so axis {op.batch} of {shape} is the batch, but {size} is axis {axis}"


def _advise_batch_place(op: Any, xs: Sequence[Shape], axis: int) -> str:
    if op.batch is None:
        return "a sequence has an axis of positions between batch and features"
    return f"`batch_first: {'false' if op.batch_first else 'true'}`" if axis == 1 - op.batch else ""


BATCH_PLACE = Claim("SC215", "batch_first", ZERO, _say_batch_place, _advise_batch_place)
