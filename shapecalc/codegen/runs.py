"""Children of a sequence that follow a rule -> one comprehension: equal ones, or ones whose numbers go up evenly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.codegen.layout import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shapecalc.codegen.layout import Item

    Child = tuple[str, str | Tree, str]  # name, source, comment

LEAST = 3
"""How many equal children are written as a comprehension."""
INTEGER = re.compile(r"(?:(?<=[(\[=])|(?<=, ))\d+(?=[,)\]])")
"""A number that is a whole argument or element: a part of an expression cannot be replaced by a sum."""
TAIL = re.compile(r"\d+$")


def folded(children: Sequence[Child], named: bool, used: Collection[str]) -> list[Item]:
    """The items of a sequence's list: pairs where the children are named."""
    items: list[Item] = []
    index = next(c for c in "ijkmnpqrst" if c not in used)
    place = 0
    while place < len(children):
        count = _run(children, place, named)
        if count >= LEAST:
            text = _said(children[place : place + count], index, named)
            items.append((text, children[place + count - 1][2]))
        else:
            count = 1
            name, made, comment = children[place]
            pair = Tree("(", [(f'"{name}"', ""), (made, "")], ")") if isinstance(made, Tree) else f'("{name}", {made})'
            items.append((pair if named else made, comment))
        place += count
    return items


def _run(children: Sequence[Child], start: int, named: bool) -> int:
    """How many children from `start` on follow one rule: those of the first two."""
    first = _numbers(children[start], named)
    if first is None or start + 1 >= len(children):
        return 1
    second = _numbers(children[start + 1], named)
    if second is None or second[0] != first[0]:
        return 1
    steps = [b - a for a, b in zip(first[1], second[1], strict=True)]
    if sum(s != 0 for s in steps) > 1 + named:
        return 1
    count = 2
    while start + count < len(children):
        found = _numbers(children[start + count], named)
        if found is None or found[0] != first[0]:
            break
        if found[1] != [a + s * count for a, s in zip(first[1], steps, strict=True)]:
            break
        count += 1
    return count


def _numbers(child: Child, named: bool) -> tuple[str, list[int]] | None:
    """A child as a text without its numbers, and those; that in its name comes first."""
    name, made, _ = child
    if not isinstance(made, str) or '"' in made or "'" in made or " for " in made:
        return None
    tail = TAIL.search(name) if named else None
    if named and (tail is None or (tail[0] != "0" and tail[0][0] == "0")):
        return None
    stem = name[: tail.start()] if tail else ""
    numbers = [int(n) for n in INTEGER.findall(made)]
    return f"{stem} {INTEGER.sub('#', made)}", [int(tail[0]), *numbers] if tail else numbers


def _said(run: Sequence[Child], index: str, named: bool) -> str:
    first, second = _numbers(run[0], named), _numbers(run[1], named)
    assert first is not None
    assert second is not None
    terms = [_term(a, b - a, index) for a, b in zip(first[1], second[1], strict=True)]
    numbers = iter(terms[named:])
    text = INTEGER.sub(lambda _: next(numbers), str(run[0][1]))
    if named:
        text = f'(f"{TAIL.sub("", run[0][0])}{{{terms[0]}}}", {text})'
    varies = any(a != b for a, b in zip(first[1], second[1], strict=True))
    return f"*[{text} for {index if varies else '_'} in range({len(run)})]"


def _term(start: int, step: int, index: str) -> str:
    """`start + step * i`, as short as it can be."""
    if step == 0:
        return str(start)
    scaled = index if abs(step) == 1 else f"{abs(step)} * {index}"
    if step < 0:
        return f"{start} - {scaled}"
    if start == 0:
        return scaled
    return f"{scaled} + {start}" if step == 1 else f"{start} + {scaled}"
