"""Counts of operations beside multiply-accumulates that several families share; functions of shapes alone.

What `macs` counts is not counted here again; nor are changes of sign, moves, and work on positions and indices.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape

    Counts = Mapping[str, Dim]


def per(**counts: int) -> Mapping[str, int]:
    """Operations for each value, by class."""
    return counts


def times(counts: Mapping[str, int], number: Dim) -> Counts:
    """So many times the counts of one."""
    return {name: number * count for name, count in counts.items()}


def together(*parts: Counts) -> Counts:
    """The counts of several pieces of work."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0) for part in parts) for name in names}


def summed(x: Shape, y: Shape) -> Dim:
    """The adds, or comparisons, that reduce one shape to another."""
    return prod(x) - prod(y)


def normalised(x: Shape, groups: Dim, *, scaled: bool, shifted: bool) -> Counts:
    """Each group of values brought to mean 0 and variance 1, then scaled and shifted by learned numbers.

    Mean, deviations, their squares' mean, eps, root, reciprocal, and the product with it.
    """
    n = prod(x)
    return {
        "adds": 3 * n - groups + n * shifted,
        "multiplications": (2 + scaled) * n,
        "divisions": 3 * groups,
        "exponentials": groups,
    }


def softmaxed(x: Shape, axis: int) -> Counts:
    """The largest value taken off, exponentials, and each divided by their sum."""
    n, rows = prod(x), prod(x[:axis]) * prod(x[axis + 1 :] if axis != -1 else ())
    return {"comparisons": n - rows, "adds": 2 * n - rows, "exponentials": n, "divisions": n}
