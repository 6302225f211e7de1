"""What a module must know when it is made, before any input arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.ops.kinds import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.ops.op import Operator


def symbolic_arguments(op: Operator) -> Iterator[tuple[str, frozenset[str]]]:
    """The arguments of a module's constructor that are no numbers yet, with the named sizes they depend on.

    A tensor function has none: it reads sizes off the tensors that it is given.
    """
    found = [(a.name, sizes) for a in op.attributes if (sizes := sizes_in(getattr(op, a.name)))]
    if found and op.constructor() is not None:
        yield from found


def sizes_in(value: Any) -> frozenset[str]:
    """The names in an argument as read: alone, in a list, or in the arguments of a layer that is given as one."""
    if isinstance(value, Part):
        return sizes_in(tuple(value.values.values()))
    if isinstance(value, (list, tuple)):
        return frozenset().union(*map(sizes_in, value))
    return value.names if isinstance(value, Sym) else frozenset()
