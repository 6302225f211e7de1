"""Batch normalisation whose statistics run over the batches of all devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import listed
from shapecalc.ops.channelnorm import BatchNorm, BatchNorm1d
from shapecalc.ops.loss import absent
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, Claim
from shapecalc.ops.ranks import rank_needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Need, Shape


class SyncBatchNorm(BatchNorm):
    """BatchNorm of input of any rank, whose statistics in training are those of all devices together.

    Sizes: the input's, [N, C, ...].
    Cost: 2 parameters and 2 tracked statistics for each channel; training keeps the input and 2 floats a channel.
    Pitfalls: without distributed training it does what BatchNorm does, and so it is counted and checked here; with
        it, it runs on GPUs only and waits for every device at every layer. `process_group` takes null only.
    Torch: torch.nn.SyncBatchNorm.
    """

    least_rank = 2
    attributes = (
        *BatchNorm1d.attributes[:-1],
        absent("process_group", "the devices that take part; only null here, for all"),
        *BatchNorm1d.attributes[-1:],
    )

    def settle(self, *xs: Shape) -> None:
        if self.num_features is INFERRED and len(xs[0]) >= self.least_rank:
            super().settle(*xs)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return rank_needs(self.least_rank, xs[0]) or [(NO_CHANNELS, xs[0][1] - 1, 1), *super().needs(*xs)]

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((4, 5),)),
            ({"num_features": 3, "affine": False, "momentum": None}, ((2, 3, 5, 4),)),
            ({"track_running_stats": False, "bias": False}, ((2, 3, 2, 5, 4),)),
        ]


def _say_no_channels(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis} of {listed(xs[0])} holds the channels, and there are none"


NO_CHANNELS = Claim("SC202", "", AT_LEAST_ZERO, _say_no_channels)
