"""Children in a row whose numbers go up evenly, as rates of stochastic depth do -> one `for` over them.

Knows nothing of what the numbers mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.step import Expression
from shapecalc.torchside.importing.text import Body

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Item = tuple[str | None, Any]
    Path = tuple[Any, ...]
    Steps = dict[Path, tuple[Any, Any]]

SAVED = 2
"""So many lines a loop must be shorter than what it stands for."""
NEAR = 1e-9


def raised(items: list[Item], loose: Sequence[bool]) -> tuple[list[Item], list[bool]]:
    """The children of a list with such rows written once, and which of them take and give the flow alone."""
    found: list[Item] = []
    flags: list[bool] = []
    at = 0
    while at < len(items):
        period, body = _row(items, loose, at)
        if body is None:
            found.append(items[at])
            flags.append(loose[at])
            at += 1
            continue
        turns, written = body
        found.append((None, {f"for i in range({turns})": Body([(None, v) for v in written], listed=True)}))
        flags.append(False)
        at += period * turns
    return found, flags


def _row(items: list[Item], loose: Sequence[bool], at: int) -> tuple[int, tuple[int, list[Any]] | None]:
    """The shortest period of a row that begins here, its turns, and the children that say all of them."""
    for period in (1, 2):
        turns = _turns(items, loose, at, period)
        if turns < 3 or turns * period - period - 1 < SAVED:
            continue
        written = [_written(items[at + n][1], items[at + n + (turns - 1) * period][1], turns) for n in range(period)]
        if None not in written:
            return period, (turns, written)
    return 0, None


def _turns(items: list[Item], loose: Sequence[bool], at: int, period: int) -> int:
    """How many turns go up evenly from here; 0 where nothing goes up."""
    steps: list[Steps | None] = []
    turns = 1
    while (end := at + (turns + 1) * period) <= len(items) and all(loose[at:end]):
        pairs = zip(items[at : at + period], items[end - period : end], strict=True)
        moved = [_moves(a[1], b[1]) if a[0] is None and b[0] is None else None for a, b in pairs]
        if None in moved or (turns > 1 and not all(map(_evenly, steps, moved, [turns] * period))):
            break
        steps = moved if turns == 1 else steps
        turns += 1
    return turns if any(steps) else 0


def _evenly(first: Steps | None, now: Steps | None, turn: int) -> bool:
    if first is None or now is None or first.keys() != now.keys():
        return False
    ends = ((now[path][1], start + turn * (second - start)) for path, (start, second) in first.items())
    return all(abs(value - wanted) <= NEAR for value, wanted in ends)


def _moves(a: Any, b: Any) -> Steps | None:
    """Numbers that differ between two values, by their place; None where anything else does."""
    pairs = list(_pairs(a, b, ()))
    return None if None in pairs else {path: (x, y) for path, x, y in filter(None, pairs)}


def _pairs(a: Any, b: Any, path: Path) -> Iterator[tuple[Path, Any, Any] | None]:
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            yield from _pairs(a[key], b[key], (*path, key))
    elif type(a) is not type(b) or isinstance(a, Body):
        yield None
    elif type(a) in (int, float):
        if a != b:
            yield path, a, b
    elif a != b:
        yield None


def _written(first: Any, last: Any, turns: int) -> Any:
    """A child with an expression of the turn in place of each number; None where one has no short expression."""
    said = {path: _term(x, y, turns) for path, (x, y) in (_moves(first, last) or {}).items()}
    return None if None in said.values() else _put(first, said, ())


def _put(value: Any, said: dict[Path, Expression | None], path: Path) -> Any:
    if path in said:
        return said[path]
    return {k: _put(v, said, (*path, k)) for k, v in value.items()} if isinstance(value, dict) else value


def _term(first: Any, last: Any, turns: int) -> Expression | None:
    if isinstance(first, int):
        step = (last - first) // (turns - 1)
        return Expression(f"{first} {'+' if step > 0 else '-'} {abs(step)} * i")
    step = (last - first) / (turns - 1)
    shift = round(first / step)
    if abs(first / step - shift) > 1e-6:
        return None
    turn = f"(i {'+' if shift > 0 else '-'} {abs(shift)})" if shift else "i"
    found = next(((round(step * q, 4), q) for q in range(1, 200) if _short(step * q)), None)
    if found is None:
        return None
    return Expression(f"{found[0]} * {turn}" + (f" / {found[1]}" if found[1] > 1 else ""))


def _short(number: float) -> bool:
    """Whether a number has four decimals at most, of which one says something."""
    return abs(number) >= 1e-3 and abs(number - round(number, 4)) < NEAR
