"""A text -> numbers that look drawn by chance, the same for ever: on every machine, under every version of Python."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

EDITION = "1"
"""Changes when questions are drawn in another way, so that an old seed is not taken for a new one's."""


class Draw:
    """Draws from the words of a key: a seed, a topic, a level, a number.

    Of Python's generator only `random()` is used, whose sequence for a text is promised not to change.

    >>> Draw("seed", 1).among("abc") == Draw("seed", 1).among("abc")
    True
    """

    __slots__ = ("_chance",)

    def __init__(self, *words: str | int) -> None:
        self._chance = Random("/".join(map(str, (EDITION, *words)))).random

    def among(self, items: Sequence[T]) -> T:
        """One of the items, each as likely as the others."""
        return items[int(self._chance() * len(items))]

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._chance() * (high - low + 1))

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in an order of chance."""
        return [item for _, item in sorted(((self._chance(), item) for item in items), key=lambda pair: pair[0])]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """That many different items, in an order of chance."""
        return self.shuffled(items)[:count]
