"""Located layers -> edits of the text by character offset that give a layer an argument. Knows no operator.

Every other byte stays as it was. None is given where the text has a form that cannot be edited with certainty; whoever
applies an edit analyses the result again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.source.located import Items, Pairs, Scalar

if TYPE_CHECKING:
    from shapecalc.source import located
    from shapecalc.source.spec import Child
    from shapecalc.source.text import Source

    Edit = tuple[int, int, str]

FLOW = re.compile(r"[,\[\]{}]")
"""What a plain scalar may hold in a block, and not inside of braces."""


def set_argument(source: Source, child: Child, name: str, value: str, main: str) -> Edit | None:
    """The edit that gives a layer the argument `name: value`, whatever form its arguments are written in.

    `main` is the argument that a bare value stands for; empty where there is none.

    `{Conv2d: {out_channels: 8}}` becomes `{Conv2d: {out_channels: 8, bias: false}}`, `{Linear: 10}` becomes
    `{Linear: {out_features: 10, bias: false}}`, and `ReLU` becomes `{ReLU: {inplace: true}}`.
    """
    argument = child.argument
    pair = f"{name}: {value}"
    if argument is None:
        return _give_arguments(source, child, pair)
    if not isinstance(argument, Pairs):
        return _name_main(source, argument, pair, main)
    written = argument.get(name)
    if written is not None:
        return written.start, written.end, value
    if argument.pairs and argument.pairs[-1][1].start < argument.pairs[-1][0].start:
        return None  # an alias: its value ends elsewhere
    if source.text[argument.start : argument.start + 1] == "{":
        return _into_flow(argument, pair)
    first, last = argument.pairs[0][0], argument.pairs[-1][1]
    margin = " " * (source.place(first.start)[1] - 1)
    end = line_end(source, last.end)
    return end, end, f"{_line_break(source)}{margin}{pair}"


def _line_break(source: Source) -> str:
    """How the file ends its lines."""
    found = re.compile(r"\r\n|\r|\n").search(source.text)
    return found[0] if found else "\n"


def _give_arguments(source: Source, child: Child, pair: str) -> Edit | None:
    head = child.head
    follows = re.compile(r"[ \t]*:").match(source.text, head.end)
    if follows is not None:  # `Conv2d:` with nothing behind it
        return follows.end(), follows.end(), f" {{{pair}}}"
    return head.start, head.end, f"{{{source.text[head.start : head.end]}: {{{pair}}}}}"


def _name_main(source: Source, argument: located.Node, pair: str, main: str) -> Edit | None:
    """`{Linear: 10}`: the bare value gets the name of the argument that it stands for."""
    text = source.text[argument.start : argument.end]
    flow = isinstance(argument, Items) and text.startswith("[")
    if not main or "\n" in text or not (flow or isinstance(argument, Scalar)):
        return None
    if isinstance(argument, Scalar) and not argument.quoted and FLOW.search(text):
        text = f'"{text}"'
    return argument.start, argument.end, f"{{{main}: {text}, {pair}}}"


def _into_flow(argument: Pairs, pair: str) -> Edit:
    """Behind the last pair of `{...}`, before a trailing comma or the brace."""
    if not argument.pairs:
        return argument.start, argument.end, f"{{{pair}}}"
    end = argument.pairs[-1][1].end
    return end, end, f", {pair}"


def line_end(source: Source, offset: int) -> int:
    """Where the line of an offset ends, its line break left out."""
    found = re.compile(r"[\r\n]|$").search(source.text, offset)
    return found.start() if found else len(source.text)
