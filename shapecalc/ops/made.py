"""What a module must know when it is made, before any input arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.ops.op import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator


def symbolic_arguments(op: Operator) -> Iterator[tuple[str, frozenset[str]]]:
    """The arguments of a module's constructor that are no numbers yet, with the named sizes they depend on.

    A tensor function has none: it reads sizes off the tensors that it is given.
    """
    found = [(a.name, sizes) for a in op.attributes if (sizes := sizes_in(getattr(op, a.name)))]
    if found and op.constructor() is not None:
        yield from found


def of_numbers(op: Operator) -> bool:
    """Whether an operator holds no size that is not known yet, nor another operator that might."""
    return not any(
        type(value) is Sym
        or (isinstance(value, (tuple, list)) and any(type(each) is Sym for each in value))
        or isinstance(value, Operator)
        for value in vars(op).values()
    )


def sizes_in(value: Any) -> frozenset[str]:
    """The names in an argument as read, in a list or alone."""
    if isinstance(value, (list, tuple)):
        return frozenset().union(*map(sizes_in, value))
    return value.names if isinstance(value, Sym) else frozenset()
