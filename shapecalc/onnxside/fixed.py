"""Tensors whose numbers stand in the file, or follow from it, read when they are asked for. Knows nothing of nodes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.content import plain_number, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LARGE = 2**20
"""Of more numbers no short text is sought."""


class Fixed:
    """A constant: its sizes and dtype, and how its numbers are found.

    `name` is the tensor's in the file, empty for one that was worked out; `learned` says that it is probably a weight.
    `turned` is the matrix that this one is the transposed of, where it is.
    """

    __slots__ = ("_found", "_read", "dtype", "learned", "name", "shape", "turned")

    def __init__(
        self, shape: Sequence[int], dtype: str, read: Callable[[], Any], name: str = "", *, learned: bool = False
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.learned = learned
        self.turned: Fixed | None = None
        self._read = read
        self._found: Any = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    def read(self) -> Any:
        """The numbers as a numpy array. Raises Unreadable."""
        if self._found is None:
            self._found = self._read()
        return self._found

    def numbers(self) -> list[Any]:
        """The numbers in order, as Python's."""
        found: list[Any] = self.read().reshape(-1).tolist()
        return [int(n) for n in found] if "int" in self.dtype or self.dtype == "bool" else found

    def only(self) -> Any:
        """The number that all are, None where they differ or there are too many."""
        if not 0 < self.size <= LARGE:
            return None
        values = self.read().reshape(-1)
        return self.plain(values[0].item()) if bool((values == values[0]).all()) else None

    def plain(self, number: Any) -> Any:
        """A number in as few digits as tell it from others."""
        if isinstance(number, float):
            return plain_number(number if self.dtype == "float64" else shortest(number), 17)
        return int(number)

    def init(self) -> Any:
        """The `init` of a Buffer that holds it; None where no short text gives it."""
        return None if self.size > LARGE else short([self.plain(n) for n in self.numbers()])


def shortest(number: float) -> float:
    """A number of single precision in as few digits as tell it from others: 1e-05, not 9.99999975e-06."""
    import numpy as np

    return float(str(np.float32(number)))


class Part:
    """A tensor of a layer's own: the constant that it is, and what has been done to it, in words and as a function."""

    __slots__ = ("change", "fixed", "how", "shape")

    def __init__(
        self,
        fixed: Fixed,
        how: str = "",
        change: Callable[[Any], Any] | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        self.fixed = fixed
        self.how = how
        self.change = change
        self.shape = fixed.shape if shape is None else tuple(shape)

    def read(self) -> Any:
        """The numbers as the layer has them."""
        found = self.fixed.read()
        found = found if self.change is None else self.change(found)
        return found.reshape(self.shape)

    @property
    def told(self) -> str:
        """The tensor's name in the file, and what has been done to it."""
        name = self.fixed.name or "worked out by the graph"
        return f"{name}, {self.how}" if self.how else name


def transposed(fixed: Fixed) -> Part:
    """A matrix the other way round; the one in the file, where that was turned before."""
    if fixed.turned is not None:
        return Part(fixed.turned)
    return Part(fixed, "transposed", lambda a: a.T, fixed.shape[::-1])
