"""Factors of losses: the lists of numbers that torch takes as tensors (`weight`, `pos_weight`) and keeps as buffers.

Knows no loss; what such a list must fit is the need of the loss that takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.kinds import Kind, Unfit, shown
from shapecalc.ops.op import Attribute, source

if TYPE_CHECKING:
    from shapecalc.ops.op import Shape


class Factors:
    """Known numbers in a tensor of `shape`; its text is the source of a `torch.tensor`."""

    __slots__ = ("numbers", "shape")

    def __init__(self, numbers: tuple[Any, ...], shape: Shape) -> None:
        self.numbers = numbers
        self.shape = shape

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Factors) and (self.numbers, self.shape) == (other.numbers, other.shape)

    def __hash__(self) -> int:
        return hash((self.numbers, self.shape))

    def __str__(self) -> str:
        return f"torch.tensor({source(_unfrozen(self.numbers))})"

    __repr__ = __str__


class Numbers(Kind):
    """A list of known numbers, or null; with `nested` also one number, or lists of equal lengths, to any depth."""

    types = (list,)

    def __init__(self, *, nested: bool = False) -> None:
        self.nested = nested
        self.wants = "null or a list of numbers" + ", or of such lists, or one number" * nested

    def read(self, value: Any) -> Factors | None:
        if value is None or isinstance(value, Factors):
            return value
        if not (isinstance(value, list | tuple) or self.nested):
            raise self.unfit(value)
        return Factors(*self._read(value))

    def _read(self, value: Any) -> tuple[Any, tuple[int, ...]]:
        """The numbers as floats, and the shape that the lists have."""
        if not isinstance(value, list | tuple):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Unfit(f"it holds {shown(value)} where a number is due")
            return float(value), ()
        if not self.nested and any(isinstance(v, list | tuple) for v in value):
            raise self.unfit(value)
        parts = [self._read(v) for v in value]
        inner = {shape for _, shape in parts} or {()}
        if len(inner) > 1:
            raise Unfit(f"its lists are not of one length: {shown(value)}")
        return tuple(n for n, _ in parts), (len(parts), *inner.pop())


def factors(name: str, doc: str, *, nested: bool = False) -> Attribute:
    """The attribute of a loss that takes such a list, or null."""
    return Attribute(name, Numbers(nested=nested), None, doc)


def _unfrozen(numbers: Any) -> Any:
    return [_unfrozen(n) for n in numbers] if isinstance(numbers, tuple) else numbers
