"""Nested values -> YAML as a person would lay it out: a layer on one line with its arguments in braces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.torchside.importing.step import Expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WIDTH = 100
PLAIN = re.compile(r"[A-Za-z_][\w. /+*()<>=!-]*\Z")
"""Scalars that mean the same with and without quotes, in braces too."""
OTHERWISE = frozenset(["true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL"])


class Body:
    """The children of a sequence, each on lines of its own: pairs of a name, or None in a list, and a value."""

    __slots__ = ("items", "listed")

    def __init__(self, items: list[tuple[str | None, Any]], *, listed: bool) -> None:
        self.items = items
        self.listed = listed


def render(document: Mapping[str, Any], comments: list[str]) -> str:
    """The text of a document whose values are plain, or bodies."""
    lines = [f"# {comment}" for comment in comments]
    for key, value in document.items():
        lines += entry(f"{key}:", value, 0)
    return "\n".join(lines) + "\n"


def entry(prefix: str, value: Any, indent: int) -> list[str]:
    """The lines of `key: value`, on one line where it fits."""
    pad = " " * indent
    if _flat(value):
        line = f"{pad}{prefix} {flow(value)}"
        if len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
            return [line]
    if isinstance(value, list):
        return _wrapped(f"{pad}{prefix} [", value, indent)
    if _flat(value) and "when" not in value and len(line := f"{pad}  {flow(value)}") <= WIDTH:
        return [f"{pad}{prefix}", line]
    return [f"{pad}{prefix}", *block(value, indent + 2)]


def _wrapped(start: str, items: list[Any], indent: int) -> list[str]:
    """A list that is too long for a line, filled line by line."""
    lines, pad = [start.rstrip(" ")], " " * (indent + 4)
    for n, item in enumerate(items):
        word = flow(item) + ("," if n < len(items) - 1 else "]")
        if len(lines[-1]) + len(word) + 1 > WIDTH:
            lines.append(f"{pad}{word}")
        else:
            lines[-1] += word if lines[-1].endswith("[") else f" {word}"
    return lines


def block(value: Any, indent: int) -> list[str]:
    """The lines of a mapping or a body below its key."""
    if not isinstance(value, Body):
        return [line for key, v in value.items() for line in entry(f"{key}:", v, indent)]
    each = (_listed(v, indent) if value.listed else entry(f"{name}:", v, indent) for name, v in value.items)
    return [line for lines in each for line in lines]


def _listed(value: Any, indent: int) -> list[str]:
    """The lines of one child of a list."""
    pad = " " * indent
    if isinstance(value, dict) and len(value) == 1:
        inner = block(value, indent + 2)
    elif _flat(value) and len(line := f"{pad}- {flow(value)}") <= WIDTH:
        return [line]
    else:
        inner = block(value, indent + 2) if isinstance(value, dict | Body) else [f"{pad}  {flow(value)}"]
    return [f"{pad}- {inner[0][indent + 2 :]}", *inner[1:]]


def _flat(value: Any) -> bool:
    """Whether a value may stand on one line: no children inside."""
    if isinstance(value, dict):
        return all(map(_flat, value.values()))
    return not isinstance(value, Body)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()).rstrip() + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar; quoted where it would be read as something else."""
    if value is None:
        return "~"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(value), repr(value))
    if isinstance(value, int):
        return str(value)
    text = str(value)
    word = isinstance(value, Expression | Sym) or text not in OTHERWISE
    product = re.match(r"\d[\w +*/]*[A-Za-z]\w*\Z", text)  # `6 * in_channels`
    if not text or product or (PLAIN.match(text) and word and not text.endswith(" ")):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def comment_lines(text: str) -> Iterator[str]:
    """A text as lines of a comment that cannot end it."""
    yield from (re.sub(r"[^\x20-\x7e]", "?", line) for line in text.splitlines())
