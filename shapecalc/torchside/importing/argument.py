"""An operator's arguments and their values -> how a spec writes them. Knows nothing of torch and of modules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.ops.kinds import Either, PerAxis
from shapecalc.ops.registry import find

if TYPE_CHECKING:
    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Attribute


@cache
def attributes(operator: str) -> dict[str, Attribute]:
    """The operator's attributes by name."""
    return {a.name: a for a in find(operator).attributes}


def is_default(attribute: Attribute, value: Any) -> bool:
    """Whether torch would take this value if nothing were said."""
    default = attribute.default
    if value is None or default is None:
        return value is default
    if type(value) is type(default) and value == default:
        return True
    try:
        return attribute.kind.same(attribute.kind.read(value), default)
    except Exception:  # a kind need not understand what it is asked about
        return False


def plain(attribute: Attribute, value: Any) -> Any:
    """A value as YAML writes it: one number for equal ones along the axes, a list for a tuple, a dtype's own name."""
    if isinstance(value, tuple | list):
        items = [v if isinstance(v, Sym) else plain(attribute, v) for v in value]
        equal = len(items) > 0 and all(_same(v, items[0]) for v in items)
        return items[0] if equal and _by_axis(attribute.kind) else items
    if attribute.name in ("p", "drop_prob") and isinstance(value, float):
        return float(f"{value:.12g}")  # rates that were computed: 0.075 in place of 0.07500000000000001
    if type(value).__name__ == "dtype":
        return str(value).removeprefix("torch.")
    return value


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) is int and a == b


def _by_axis(kind: Kind) -> bool:
    """Whether a single number stands for one along each axis."""
    return isinstance(kind, PerAxis) or (isinstance(kind, Either) and any(map(_by_axis, kind.kinds)))
