"""Sizes as arrays of numbers: a rule over an array of several sizes says what it says of them one by one (sweeps)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shapecalc.ops.kinds import Unfit
from shapecalc.ops.op import AT_LEAST_ZERO
from shapecalc.ops.registry import MODULES, find

from .oracle import broken, made

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.ops.op import Operator

numpy = pytest.importorskip("numpy")

NOTHING_TO_SWEEP = {
    "Parameter": "it takes no input",
    "Buffer": "it takes no input",
    "AffineGrid": "`size` states all the sizes, and the input must fit them",
}
"""Operators whose samples hold no size that may vary, with the reason. All others take arrays."""


def sweeps(op: Operator, xs: Sequence[Any]) -> Iterator[tuple[int, list[Any]]]:
    """Each size of the inputs and what it is swept over, wherever it stands; a size of 1 stretches and stays, and the
    axis that says how many outputs there are.
    """
    fixed = {xs[0][op.axis]} if op.equals else {1}  # type: ignore[attr-defined]
    for size in sorted({s for x in xs for s in x or ()} - fixed - {0, 1}):
        yield size, [size, 2 * size, 3 * size, size + 1, size + 2]


def put(xs: Sequence[Any], size: int, new: Any) -> tuple[Any, ...]:
    return tuple(x if x is None else tuple(new if s == size else s for s in x) for x in xs)


def one(name: str, arguments: Any, xs: Sequence[Any]) -> Operator | None:
    """The operator for known sizes, or None where it refuses them."""
    try:
        op = made(name, arguments, *xs)
    except Unfit:
        return None
    return None if broken(op, xs) else op


def facts(op: Operator, xs: Sequence[Any]) -> dict[str, Any]:
    ys = op.shape(*xs)
    return {
        "shape": ys,
        "gaps": [need[1] for need in op.needs(*xs) if need[0].relation is AT_LEAST_ZERO],
        "weights": dict(op.weights()),
        "macs": op.macs(xs, ys),
    }


def element(value: Any, i: int) -> Any:
    """The facts at one place of the sweep."""
    if isinstance(value, dict):
        return {k: element(v, i) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(element(v, i) for v in value)
    return int(value[i]) if isinstance(value, numpy.ndarray) and value.ndim else value


def compare(name: str, arguments: Any, xs: Sequence[Any]) -> int:
    """How many sizes, beside the sample's own, gave the same facts in an array and one by one."""
    compared = 0
    for size, swept in sweeps(made(name, arguments, *xs), xs):
        fitting = [s for s in swept if one(name, arguments, put(xs, size, s)) is not None]
        together = put(xs, size, numpy.array(fitting, dtype=numpy.int64))
        op = made(name, arguments, *together)
        found = facts(op, together)
        assert all(need[0].relation is AT_LEAST_ZERO or numpy.all(need[1] == 0) for need in op.needs(*together))
        for i, s in enumerate(fitting):
            alone = put(xs, size, s)
            assert element(found, i) == facts(made(name, arguments, *alone), alone), (arguments, alone)
        compared += len(fitting) - 1
    return compared


@pytest.mark.parametrize("name", list(MODULES))
def test_arrays_of_sizes_give_what_single_sizes_give(name: str) -> None:
    compared = sum(compare(name, arguments, xs) for arguments, xs in find(name).samples())
    assert (compared == 0) == (name in NOTHING_TO_SWEEP)
