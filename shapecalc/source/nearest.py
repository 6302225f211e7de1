"""A misspelt word into the candidate that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `word`, the first of equals; None where all are too far to be meant.

    A pure difference of case always wins. Otherwise the distance counts insertions, deletions,
    substitutions and swaps of neighbours, without regard to case, and short words tolerate fewer.

    >>> nearest("BatchNorm2D", ["BatchNorm1d", "BatchNorm2d"])
    'BatchNorm2d'
    >>> nearest("kernal_size", ["stride", "kernel_size"])
    'kernel_size'
    >>> nearest("n", ["c"])
    """
    lowered = word.lower()
    best, least = None, _tolerance(len(word)) + 1
    for candidate in candidates:
        other = candidate.lower()
        if other == lowered:
            return candidate
        if abs(len(other) - len(lowered)) < least:
            gap = _distance(lowered, other, least)
            if gap < least:
                best, least = candidate, gap
    return best


def _tolerance(length: int) -> int:
    return 0 if length < 3 else 1 if length < 6 else 2 if length < 9 else 3


def _distance(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance; `limit` or more where it is not below `limit`."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            gap = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                gap = min(gap, before[j - 2] + 1)
            row.append(gap)
        if min(row) >= limit and min(last) >= limit:  # two rows, because a swap reaches back over one
            return limit
        before, last = last, row
    return last[-1]
