"""Samples as tensors in memory or as images on disk, in the order that a seed and an epoch give them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLASSES = "classes"
"""Targets are one class a sample."""
MASKS = "masks"
"""Targets are one class a pixel."""
TOKENS = "tokens"
"""Targets are one class a token, and the network's last axis holds the classes."""
VALUES = "values"
"""Targets are numbers."""
IGNORED = -100
"""The class that no loss counts; torch.nn.CrossEntropyLoss ignores it by default."""
HELD_OUT = 0.2
"""Share of a data set without a split of its own that is held out."""
_SPLIT_SEED = 20240
"""The split is the same for every seed of training, so that figures of two seeds are of the same samples."""


class Samples:
    """Inputs and targets by sample: `inputs` holds a tensor, or rows fetched one by one, for each network input."""

    __slots__ = ("inputs", "targets")

    def __init__(self, inputs: Sequence[Any], targets: torch.Tensor) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[list[torch.Tensor], torch.Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> tuple[list[torch.Tensor], torch.Tensor]:
        """A whole batch at once: indexing a tensor is far quicker than collating its rows."""
        return [x[indices] for x in self.inputs], self.targets[indices]


class Data:
    """A data set: samples to learn from and held-out ones, and what its targets are.

    `mean` and `std` are those of the inputs by channel, to normalise with; `classes` names the classes, `count` counts
    them, None where there are none.
    """

    __slots__ = ("classes", "count", "held", "kind", "learn", "mean", "name", "scale", "std", "vocabulary")

    def __init__(
        self,
        name: str,
        kind: str,
        learn: Samples,
        held: Samples,
        *,
        count: int | None = None,
        classes: Sequence[str] = (),
        scale: float = 1.0,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        vocabulary: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.learn = learn
        self.held = held
        self.count = count
        self.classes = list(classes)
        self.scale = scale
        self.mean = list(mean)
        self.std = list(std)
        self.vocabulary = vocabulary


class Order:
    """Batches of indices, a function of (seed, epoch) alone; each of `world` processes takes its share of a batch.

    What is left over at the end is a smaller batch. It is left out where some process would get nothing of it, and
    where it is one sample beside other batches, as a batch norm cannot learn from it. Without a seed the
    order is the data's own, and nothing is left out.
    """

    def __init__(
        self, count: int, batch: int, seed: int | None, *, rank: int = 0, world: int = 1, limit: int | None = None
    ) -> None:
        self.count = count
        self.batch = batch
        self.seed = seed
        self.rank = rank
        self.world = world
        self.limit = limit
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.count, self.batch)
        least = 1 if self.seed is None else max(self.world, 2 if whole else 1)
        batches = whole + (rest >= least)
        return batches if self.limit is None else min(batches, self.limit)

    def size(self, index: int) -> int:
        """Samples of that batch, of all processes together."""
        return min(self.batch, self.count - index * self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order()
        for start in range(0, len(self) * self.batch, self.batch):
            yield order[start : start + self.batch][self.rank :: self.world]

    def _order(self) -> list[int]:
        if self.seed is None:
            return list(range(self.count))
        generator = torch.Generator().manual_seed(mixed(self.seed, self.epoch))
        found: list[int] = torch.randperm(self.count, generator=generator).tolist()
        return found


def mixed(*numbers: int) -> int:
    """One seed of several numbers, by the steps of FNV-1a (Fowler, Noll, Vo) over whole numbers.

    >>> mixed(0, 1) != mixed(1, 0)
    True
    """
    state = 14695981039346656037
    for number in numbers:
        state = (state ^ number) * 1099511628211 % 2**63
    return state


def split(count: int, share: float = HELD_OUT) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices to learn from and indices held out, the same ones at every call."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    held = min(count - 1, math.ceil(count * share)) if count > 1 else 0
    return order[held:].sort().values, order[:held].sort().values


def divided(inputs: Sequence[torch.Tensor], targets: torch.Tensor) -> tuple[Samples, Samples]:
    """The samples to learn from and those held out; one sample alone is both."""
    learn, held = split(len(targets))
    if not len(held):
        held = learn
    taken = (Samples([x[i] for x in inputs], targets[i]) for i in (learn, held))
    return next(taken), next(taken)


def moments(x: torch.Tensor, scale: float) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, of at most 10,000 samples; of all values without channels."""
    x = x[:10_000].float() * scale
    axes = [d for d in range(x.dim()) if d != 1] if x.dim() > 2 else list(range(x.dim()))
    std = x.std(axes, correction=0)
    return x.mean(axes).reshape(-1).tolist(), std.where(std > 0, 1).reshape(-1).tolist()
