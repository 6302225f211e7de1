"""What `expect` may state of a number: exactly so much, so much when rounded, or within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake
from shapecalc.graph.values import value_of
from shapecalc.source.located import Items, Scalar, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim
    from shapecalc.source.located import Node

UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RELATIONS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


def rounded(text: str) -> tuple[int, int, int] | None:
    """(low, high, scale): the numbers n with low <= n * scale <= high are written so at that precision.

    >>> rounded("61.1M")
    (1221000000, 1223000000, 20)
    """
    found = _written(text)
    if found is None:
        return None
    digits, places, unit = found
    return (2 * digits - 1) * unit, (2 * digits + 1) * unit, 2 * 10**places


def _written(text: str) -> tuple[int, int, int] | None:
    """(digits, places behind the point, unit) of a number with a unit: 61.1M is (611, 1, 10**6)."""
    number = text.strip().rstrip("kMGTKiB")
    unit = text.strip()[len(number) :]
    whole, point, fraction = number.strip().partition(".")
    if unit not in UNITS or not unit or not whole.isdigit() or (point and not fraction.isdigit()):
        return None
    return int(whole + fraction), len(fraction), UNITS[unit]


def unmet(actual: Dim, node: Node, env: Mapping[str, Any], legal: Legal | None) -> str | None:
    """How a number misses what is stated, "" where that cannot be decided, None where it is met. Raises Mistake.

    What holds for every legal size is met, what fails for one of them is not.
    """
    if isinstance(node, Items):
        found = [unmet(actual, item, env, legal) for item in node.items]
        return next((text for text in found if text is not None), None)
    if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
        raise Mistake("SC105", f"a number or a bound is due, not {kind_of(node)}", node)
    bound = _bound(node.text) if isinstance(node.value, str) else None
    if bound is not None:
        return _beyond(actual, bound[0], _limit(bound[1], node, env), legal)
    span = rounded(node.text) if isinstance(node.value, str) else None
    if span is not None:
        return _outside(actual, span, node.text)
    return _unequal(actual, value_of(node, env), legal)


def _bound(text: str) -> tuple[str, str] | None:
    """The relation and the rest of a bound, or None for what is no bound."""
    text = text.strip()
    relation = next((sign for sign in RELATIONS if text.startswith(sign)), None)
    return None if relation is None else (relation, text[len(relation) :].strip())


def _limit(text: str, node: Scalar, env: Mapping[str, Any]) -> Any:
    """The number of a bound: with a unit, or an expression."""
    found = _written(text)
    if found is not None:
        digits, places, unit = found
        whole, rest = divmod(digits * unit, 10**places)
        return whole if rest == 0 else digits * unit / 10**places
    start = node.text.rfind(text)
    return value_of(Scalar(text, text, *node.span(start, start + len(text))), env)


def _outside(actual: Dim, span: tuple[int, int, int], text: str) -> str | None:
    if not isinstance(actual, int):
        return ""
    low, high, scale = span
    return None if low <= actual * scale <= high else f"it is {actual:,}, and {text} is expected"


def _unequal(actual: Dim, wanted: Any, legal: Legal | None) -> str | None:
    if actual == wanted:
        return None
    if isinstance(actual, int) and isinstance(wanted, int | float):
        gap = actual - wanted
        return f"it is {actual:,}, and {wanted:,} is expected: {abs(gap):,} too {'many' if gap > 0 else 'few'}"
    from shapecalc.analysis.agree import agree

    return _verdict(agree(actual, wanted, legal), f"it is {actual}, and {wanted} is expected")


def _verdict(found: bool | str | None, text: str) -> str | None:
    if isinstance(found, str):
        return text + found
    return None if found else "" if found is None else text


def _beyond(actual: Dim, relation: str, limit: Any, legal: Legal | None) -> str | None:
    gap = {"<=": limit - actual, "<": limit - actual - 1, ">=": actual - limit, ">": actual - limit - 1}[relation]
    if isinstance(gap, int | float):
        if gap >= 0:
            return None
        text = f"it is {_shown(actual)}, and {RELATIONS[relation]} {_shown(limit)} is expected"
        return f"{text}: {_shown(abs(gap))} too {'many' if relation in ('<=', '<') else 'few'}"
    from shapecalc.analysis.agree import nonnegative

    return _verdict(nonnegative(gap, legal), f"it is {actual}, and {RELATIONS[relation]} {limit} is expected")


def _shown(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)
