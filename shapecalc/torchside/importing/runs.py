"""Children in a row that say the same -> `repeat` and `for`. Knows nothing of what they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.rising import raised
from shapecalc.torchside.importing.step import Expression
from shapecalc.torchside.importing.text import Body

if TYPE_CHECKING:
    from collections.abc import Sequence

    Item = tuple[str | None, Any]


def shortened(items: list[Item], loose: Sequence[bool], listed: bool) -> list[Item]:
    """The children with runs of equal ones written once; `loose` marks those that take and give the flow alone."""
    if listed:
        items, loose = raised(items, loose)
    found: list[Item] = []
    at = 0
    while at < len(items):
        period, turns = _run(items, loose, at, listed)
        later = period > 1 and at + 1 < len(items) and _turns(items, loose, at + 1, period, listed) >= turns
        if turns > 1 and not later:
            found.append(_loop(items[at : at + period], period, turns, listed))
            at += period * turns
        else:
            found.append(items[at])
            at += 1
    return found


def _run(items: list[Item], loose: Sequence[bool], at: int, listed: bool) -> tuple[int, int]:
    """The shortest period that repeats here, and how often: (1, 1) where nothing does."""
    for period in range(1, (len(items) - at) // 2 + 1):
        turns = _turns(items, loose, at, period, listed)
        if turns > 1 and (listed or turns > 2 or period > 1):
            return period, turns
    return 1, 1


def _turns(items: list[Item], loose: Sequence[bool], at: int, period: int, listed: bool) -> int:
    turns = 0
    while (end := at + (turns + 1) * period) <= len(items):
        here = items[end - period : end]
        if not all(loose[end - period : end]):
            break
        if turns and not all(_again(a, b, turns, listed) for a, b in zip(items[at : at + period], here, strict=True)):
            break
        turns += 1
    return turns


def _again(first: Item, other: Item, turn: int, listed: bool) -> bool:
    """Whether a child is the first one over again, under a name that is as many further."""
    if not alike(first[1], other[1]):
        return False
    if listed:
        return first[0] is None and other[0] is None
    a, b = _number(first[0] or ""), _number(other[0] or "")
    return a is not None and b is not None and a[0] == b[0] and a[2] == b[2] and b[1] == a[1] + turn


def _number(name: str) -> tuple[str, int, str] | None:
    """A name as what stands before and behind the last number in it."""
    match = re.fullmatch(r"(.*?)(0|[1-9]\d*)(\D*)", name)
    return (match[1], int(match[2]), match[3]) if match and not match[1][-1:].isdigit() else None


def alike(a: Any, b: Any) -> bool:
    """Whether two values are written the same."""
    if isinstance(a, Body) and isinstance(b, Body):
        pairs = zip(a.items, b.items, strict=False)
        same = len(a.items) == len(b.items) and a.listed == b.listed
        return same and all(x == y and alike(v, w) for (x, v), (y, w) in pairs)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(alike(v, b[k]) for k, v in a.items())
    return type(a) is type(b) and bool(a == b)


def _loop(turn: list[Item], period: int, turns: int, listed: bool) -> Item:
    if listed and period == 1 and isinstance(value := turn[0][1], str | dict) and "repeat" not in value:
        return None, {**(value if isinstance(value, dict) else {value: Expression("")}), "repeat": turns}
    if listed:
        return None, {f"for _ in range({turns})": Body(turn, listed=True)}
    first = _number(turn[0][0] or "")
    assert first is not None
    start = first[1]
    header = f"for i in range({turns})" if start == 0 else f"for i in range({start}, {start + turns})"
    return header, Body([(_templated(name or "", start), value) for name, value in turn], listed=False)


def _templated(name: str, start: int) -> str:
    found = _number(name)
    assert found is not None
    before, number, behind = found
    shift = number - start
    variable = f"{{i + {shift}}}" if shift > 0 else f"{{i - {-shift}}}" if shift else "{i}"
    return f'"{before}{variable}{behind}"'
