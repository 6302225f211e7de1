"""Edits of a spec's text by character offset, for fixes: set an argument, take one out, take a layer or a key out.

Every other byte stays as it was. None is given where the text has a form that cannot be edited with certainty; whoever
applies an edit analyses the result again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.ops.registry import MODULES, find
from shapecalc.source import edit
from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from shapecalc.source import located
    from shapecalc.source.edit import Edit
    from shapecalc.source.spec import Child
    from shapecalc.source.text import Source


def set_argument(source: Source, child: Child, name: str, value: str) -> Edit | None:
    """The edit that gives a layer the argument `name: value`, whatever form its arguments are written in."""
    attributes = find(child.head.text).attributes if child.head.text in MODULES else ()
    return edit.set_argument(source, child, name, value, next((a.name for a in attributes if a.main), ""))


def remove_argument(source: Source, arguments: Pairs, name: str) -> Edit | None:
    """The edit that takes the pair `name` out of a mapping; None where it is the only one, or is not there."""
    places = [i for i, (key, _) in enumerate(arguments.pairs) if key.text == name]
    return remove_item(source, arguments, places[0]) if places else None


def remove_layer(source: Source, root: located.Node, child: Child) -> Edit | None:
    """The edit that takes a layer out of its sequence; None where it is the only one there."""
    path = _path_to(root, child.head)
    if path and _is_key(path[-1], child.head):
        path.pop()
    return remove_item(source, *path[-1]) if path else None


def remove_pair(source: Source, root: located.Node, scalar: Scalar) -> Edit | None:
    """The edit that takes out the pair whose key or value is `scalar`; with its mapping where it is the only pair."""
    path = _path_to(root, scalar)
    while path and isinstance(path[-1][0], Pairs) and len(path[-1][0].pairs) == 1:
        path.pop()
    return remove_item(source, *path[-1]) if path else None


def _path_to(root: located.Node, scalar: Scalar) -> list[tuple[Items | Pairs, int]]:
    """The collections around a scalar, outermost first, each with the number of the part that holds it."""
    path: list[tuple[Items | Pairs, int]] = []
    node: located.Node | None = root
    while isinstance(node, Items | Pairs):
        found = next((i for i, part in enumerate(_spans(node)) if part[0] <= scalar.start < part[1]), None)
        if found is None:
            return []
        path.append((node, found))
        if isinstance(node, Items):
            node = node.items[found]
        else:
            key, value = node.pairs[found]
            node = None if key is scalar else value
    return path


def _is_key(step: tuple[Items | Pairs, int], scalar: Scalar) -> bool:
    container, index = step
    return isinstance(container, Pairs) and container.pairs[index][0] is scalar


def remove_item(source: Source, items: Items | Pairs, index: int) -> Edit | None:
    """The edit that takes an item out of a list, or a pair out of a mapping; None for the only one.

    None, too, beside an alias, whose value stands elsewhere: where the alias itself ends is not known.
    """
    spans = _spans(items)
    return _remove_part(source, spans, index, items) if len(spans) > 1 and _is_own(items, index) else None


def _is_own(items: Items | Pairs, index: int) -> bool:
    """Whether a part and those next to it stand where they are used."""
    near = slice(max(0, index - 1), index + 2)
    if isinstance(items, Items):
        starts = [item.start for item in items.items[near]]
    else:
        starts = [part.start for pair in items.pairs[near] for part in pair]
    return starts == sorted(starts) and items.start <= starts[0] and starts[-1] <= items.end


def _spans(node: Items | Pairs) -> list[tuple[int, int]]:
    """Where the parts of a collection stand: items, or pairs from the key to the end of the value."""
    if isinstance(node, Items):
        return [(item.start, item.end) for item in node.items]
    return [(key.start, max(key.end, value.end)) for key, value in node.pairs]


def _remove_part(source: Source, spans: list[tuple[int, int]], index: int, whole: Items | Pairs) -> Edit | None:
    start, end = spans[index]
    if source.text[whole.start : whole.start + 1] in ("{", "["):
        if index:
            return spans[index - 1][1], end, ""
        return start, spans[index + 1][0], ""
    return _remove_lines(source, start, end, "- " if isinstance(whole, Items) else "")


def _remove_lines(source: Source, start: int, end: int, mark: str) -> Edit | None:
    """Whole lines, where nothing but white space and the item's dash stands before, and at most a comment behind."""
    text = source.text
    begin = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    if text[begin:start].strip() != mark.strip():
        return None
    stop = edit.line_end(source, end)
    if not re.fullmatch(r"[ \t]*(?:#[^\r\n]*)?", text[end:stop]):
        return None
    if stop == len(text):  # without a line break behind it, the one before goes
        return max(0, begin - (2 if text[max(0, begin - 2) : begin] == "\r\n" else 1)), stop, ""
    return begin, stop + (2 if text.startswith("\r\n", stop) else 1), ""
