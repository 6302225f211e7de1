"""What `expect` may state of a number: exactly so much, so much when rounded, or within bounds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake
from shapecalc.graph.values import value_of
from shapecalc.source.located import Items, Scalar, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.source.located import Node

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_ROUNDED = re.compile(r"(\d+)(?:\.(\d+))?\s*(k|M|G|T|KiB|MiB|GiB)")
_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(.*)", re.DOTALL)
RELATIONS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


def rounded(text: str) -> tuple[Decimal, Decimal] | None:
    """Lowest and highest number that is written so at that precision.

    >>> rounded("61.1M")
    (Decimal('61050000.0'), Decimal('61150000.0'))
    """
    match = _ROUNDED.fullmatch(text.strip())
    if match is None:
        return None
    whole, fraction, unit = match[1], match[2] or "", UNITS[match[3]]
    value = Decimal(f"{whole}.{fraction or 0}") * unit
    slack = Decimal(unit) / (2 * 10 ** len(fraction))
    return value - slack, value + slack


def unmet(actual: Dim, node: Node, env: Mapping[str, Any]) -> str | None:
    """How a number misses what is stated, "" where that cannot be decided, None where it is met. Raises Mistake."""
    if isinstance(node, Items):
        found = [unmet(actual, item, env) for item in node.items]
        return next((text for text in found if text is not None), None)
    if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
        raise Mistake("SC105", f"a number or a bound is due, not {kind_of(node)}", node)
    bound = _BOUND.fullmatch(node.text) if isinstance(node.value, str) else None
    if bound is not None:
        return _beyond(actual, bound[1], _limit(bound[2], node, env))
    span = rounded(node.text) if isinstance(node.value, str) else None
    if span is not None:
        return _outside(actual, span, node.text)
    return _unequal(actual, value_of(node, env))


def _limit(text: str, node: Scalar, env: Mapping[str, Any]) -> Any:
    """The number of a bound: with a unit, or an expression."""
    match = _ROUNDED.fullmatch(text.strip())
    if match is not None:
        number = Decimal(f"{match[1]}.{match[2] or 0}") * UNITS[match[3]]
        return int(number) if number == int(number) else number
    start = node.text.rfind(text)
    return value_of(Scalar(text, text, *node.span(start, start + len(text))), env)


def _outside(actual: Dim, span: tuple[Decimal, Decimal], text: str) -> str | None:
    if not isinstance(actual, int):
        return ""
    if span[0] <= actual <= span[1]:
        return None
    return f"it is {actual:,}, and {text} is expected"


def _unequal(actual: Dim, wanted: Any) -> str | None:
    if isinstance(actual, int) and isinstance(wanted, int | float):
        if actual == wanted:
            return None
        gap = actual - wanted
        return f"it is {actual:,}, and {wanted:,} is expected: {abs(gap):,} too {'many' if gap > 0 else 'few'}"
    from shapecalc.dims.decide import equal

    verdict = equal(actual, wanted)
    return None if verdict else "" if verdict is None else f"it is {actual}, and {wanted} is expected"


def _beyond(actual: Dim, relation: str, limit: Any) -> str | None:
    gap = {"<=": limit - actual, "<": limit - actual - 1, ">=": actual - limit, ">": actual - limit - 1}[relation]
    if isinstance(gap, int | float | Decimal):
        if gap >= 0:
            return None
        text = f"it is {_shown(actual)}, and {RELATIONS[relation]} {_shown(limit)} is expected"
        return f"{text}: {_shown(abs(gap))} too {'many' if relation in ('<=', '<') else 'few'}"
    from shapecalc.dims.decide import at_least_zero

    verdict = at_least_zero(gap)
    return (
        None if verdict else "" if verdict is None else f"it is {actual}, and {RELATIONS[relation]} {limit} is expected"
    )


def _shown(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)
