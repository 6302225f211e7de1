"""The numbers of a kept tensor -> the short text that gives them again. Knows nothing of torch."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.step import Expression

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW = 64
"""So many numbers may be written one by one."""
FEW_RUNS = 12


def short(numbers: Sequence[Any]) -> Any:
    """The `init` of a Buffer that holds these numbers, None where no short text gives them."""
    if not numbers:
        return "zeros"
    if numbers.count(numbers[0]) == len(numbers):
        return {0: "zeros", 1: "ones"}.get(numbers[0], numbers[0])
    return _range(numbers) or _runs(numbers) or (list(numbers) if len(numbers) <= FEW else None)


def plain_number(number: float, digits: int) -> float:
    """The number in as few digits as tell it from others; a whole one as an integer, unless it is minus zero."""
    whole = number.is_integer() and abs(number) < 2**53 and not str(number).startswith("-0")
    return int(number) if whole else float(f"{number:.{digits}g}")


def _range(numbers: Sequence[Any]) -> Expression | None:
    first, step = numbers[0], numbers[1] - numbers[0]
    if len(numbers) < 3 or not all(float(v).is_integer() for v in (first, step)) or step == 0:
        return None
    covered = range(int(first), int(first + step * len(numbers)), int(step))
    if list(covered) != numbers:
        return None
    ends = [covered.start, covered.stop, covered.step] if step != 1 else [covered.start, covered.stop]
    return Expression(f"range({', '.join(map(str, ends[ends[0] == 0 and step == 1 :]))})")


def _runs(numbers: Sequence[Any]) -> Expression | None:
    runs = [(number, len(list(same))) for number, same in groupby(numbers)]
    if len(runs) > FEW_RUNS or len(runs) * 3 > len(numbers):
        return None
    return Expression(" + ".join(f"[{number}] * {count}" for number, count in runs))
