"""Names with `{expr}` in them into names, and loops' headers into what they bind. Knows no YAML."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword

from shapecalc.source.operation import ExpressionError, called, is_size, unknown_size
from shapecalc.source.text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shapecalc.source.operation import Value

    Targets = tuple["str | Targets", ...]


def substitute(text: str, scope: Mapping[str, Value]) -> str:
    """`text` with each `{expr}` replaced by its value, an integer or text; raises `ExpressionError`.

    >>> substitute("layer{i + 1}.conv", {"i": 2})
    'layer3.conv'
    """
    if "{" not in text:
        return text
    return "".join(
        _written(text, start, end, scope) if is_expression else text[start:end]
        for is_expression, start, end in _parts(text)
    )


def names_in_template(text: str) -> set[str]:
    """The names that the expressions of a template look up."""
    from shapecalc.source.expression import names_in

    if "{" not in text:
        return set()
    try:
        parts = _parts(text)
    except ExpressionError:
        return set()
    return {name for inside, start, end in parts if inside for name in names_in(text[start:end])}


def _parts(text: str) -> list[tuple[bool, int, int]]:
    """(is an expression, start, end) of each part of a template, the braces left out."""
    parts, at = [], 0
    while (opening := text.find("{", at)) >= 0:
        closing = text.find("}", opening)
        if closing < 0:
            raise ExpressionError("syntax", f"`{{` is never closed in `{one_line(text)}`", "", opening, len(text))
        parts += [(False, at, opening), (True, opening + 1, closing)]
        at = closing + 1
    return [*parts, (False, at, len(text))]


def _written(text: str, start: int, end: int, scope: Mapping[str, Value]) -> str:
    from shapecalc.source.expression import evaluate

    try:
        value = evaluate(text[start:end], scope)
    except ExpressionError as error:
        error.start, error.end = start + error.start, start + error.end
        raise
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return str(value)
    refusal = unknown_size(value) if is_size(value) else _unnameable(value)
    refusal.start, refusal.end = start, end
    raise refusal


def _unnameable(value: Value) -> ExpressionError:
    return ExpressionError("type", f"a name is made of integers and text, not of {called(value)}")


def loop_header(text: str) -> tuple[Targets, str] | None:
    """The names and the expression of a loop's key, None where the text is none.

    >>> loop_header("for i, (n, width) in enumerate(stages)")
    (('i', ('n', 'width')), 'enumerate(stages)')
    """
    if not text.startswith(("for ", "for\t", "for\n")):
        return None
    words, separator, expression = text[4:].partition(" in ")
    targets = _targets(words)
    if not separator or targets is None or not expression.strip():
        return None
    return targets, expression.strip()


def _targets(words: str) -> Targets | None:
    """`a, (b, c)` as nested tuples; None where it is something else."""
    found: list[str | Targets] = []
    for part in _split_at_commas(words):
        part = part.strip()
        if part.startswith("(") and part.endswith(")"):
            inner = _targets(part[1:-1])
            if inner is None:
                return None
            found.append(inner)
        elif part.isidentifier() and not iskeyword(part):
            found.append(part)
        else:
            return None
    return tuple(found)


def flat(targets: Targets) -> Iterator[str]:
    """The names of a loop's header, in order."""
    for target in targets:
        if isinstance(target, str):
            yield target
        else:
            yield from flat(target)


def _split_at_commas(words: str) -> list[str]:
    parts, depth = [""], 0
    for character in words:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def bind_targets(targets: Targets, value: Value) -> dict[str, Value]:
    """The names of a loop's header with the values of one turn; raises `ExpressionError` where counts differ.

    >>> bind_targets(("i", ("n", "width")), [0, [2, 64]])
    {'i': 0, 'n': 2, 'width': 64}
    """
    if len(targets) == 1:
        return _bind(targets[0], value)
    if not isinstance(value, (list, tuple)):
        message = f"a turn of the loop gives {called(value)}, and the header has {len(targets)} names"
        raise ExpressionError("type", message)
    if len(value) != len(targets):
        given = f"{len(value)} values in {called(value)}"
        message = f"a turn of the loop gives {given}, and the header has {len(targets)} names"
        raise ExpressionError("value", message)
    bound: dict[str, Value] = {}
    for target, item in zip(targets, value, strict=True):
        bound.update(_bind(target, item))
    return bound


def _bind(target: Any, value: Value) -> dict[str, Value]:
    return {target: value} if isinstance(target, str) else bind_targets(target, value)
