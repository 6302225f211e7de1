"""What the stages behind the pass ask of where a network comes from: a module, or a file. Knows nothing of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from shapecalc.torchside.importing.step import Value
    from shapecalc.torchside.importing.tree import Piece

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes of torch that are written where they stand and never become a block."""


class Origin(ABC):
    """The tensors of the network that is imported, by their paths."""

    __slots__ = ()

    @abstractmethod
    def begins(self, value: Value) -> Any:
        """The `init` of the Buffer that holds what a value does; None where no short text gives it."""

    @abstractmethod
    def keeps(self, path: str) -> bool:
        """Whether a `state_dict` holds the tensor."""

    @abstractmethod
    def init(self, value: Value) -> dict[str, Any]:
        """What a learned tensor begins with, as arguments of Parameter."""

    @abstractmethod
    def any_below(self, path: str) -> bool:
        """Whether a module holds a parameter or a buffer."""

    @abstractmethod
    def params(self, tree: Piece) -> tuple[int, list[str]]:
        """How many parameters the layers of the spec hold, and notes on those that are left out."""

    def told(self, keys: Collection[str]) -> list[str]:
        """Notes on keys of the spec that no state_dict of the original has."""
        return []

    def comments(self, tree: Piece) -> list[str]:
        """Further lines above the spec."""
        return []


def anonymous(cls: type | None) -> bool:
    """Whether it is one of torch's containers itself, not a class made of one."""
    return cls is not None and cls.__name__ in CONTAINERS and cls.__module__.startswith("torch.nn.")


def in_order(cls: type | None) -> bool:
    """Whether a class is a Sequential, or made of one."""
    return cls is not None and any(c.__name__ == "Sequential" and anonymous(c) for c in cls.__mro__)
