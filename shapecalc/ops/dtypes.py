"""Families of dtypes, by torch's names, and the bytes of one element."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
NUMBERS = FLOATS | INTS
"""What torch computes differences of: no truth values."""
RANGES = {"uint8": (0, 255)} | {f"int{n}": (-(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32, 64)}
"""Least and largest integer of a dtype."""
HIGHEST = {
    "float16": 65504.0,
    "bfloat16": (2 - 2**-7) * 2.0**127,
    "float32": (2 - 2**-23) * 2.0**127,
    "float64": (2 - 2**-52) * 2.0**1023,
}
"""Largest finite number of a dtype."""
INDICES = frozenset({"int32", "int64"})

WIDTHS = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip


class Dimensionless(str):
    """The dtype of a tensor without dimensions, as an operator's `dtypes` is given it."""

    __slots__ = ()


def overflows(value: float, dtype: str) -> bool:
    """Whether torch will not write the number into a tensor of that dtype. Floats take infinities and nan.

    >>> overflows(-1, "uint8"), overflows(1e5, "float16"), overflows(float("inf"), "float16")
    (True, True, False)
    """
    if dtype in HIGHEST:
        return HIGHEST[dtype] < abs(value) < float("inf")
    if dtype not in RANGES:
        return False
    low, high = RANGES[dtype]
    return not low <= value <= high


def promoted(dtypes: Sequence[str], numbers: Sequence[Any] = ()) -> str:
    """The dtype that torch gives a result of tensors and Python numbers, which count by their kind alone.

    A tensor without dimensions does so, too, beside others that have some.

    >>> promoted(["int64", "float16"]), promoted(["int32"], [0.5])
    ('float16', 'float32')
    >>> promoted(["float16", Dimensionless("float64")]), promoted(["int64", Dimensionless("float64")])
    ('float16', 'float64')
    """
    alone: list[str] = [d for d in dtypes if isinstance(d, Dimensionless)]
    result = reduce(_joined, [d for d in dtypes if not isinstance(d, Dimensionless)] or alone)
    lesser = reduce(_joined, alone or ["bool"])
    if _kind(lesser) > _kind(result):
        result = _joined(result, lesser)
    if any(isinstance(n, float) for n in numbers) and "float" not in result:
        return "float32"
    return "int64" if numbers and result == "bool" else result


def _kind(dtype: str) -> int:
    """Truth values, whole numbers, floats: each counts for more than the one before."""
    return 2 if "float" in dtype else int(dtype != "bool")


def _joined(a: str, b: str) -> str:
    """The smallest dtype that holds both, a float where either is one."""
    if a == b:
        return a
    if "bool" in (a, b):
        return b if a == "bool" else a
    if ("float" in a) != ("float" in b):
        return a if "float" in a else b
    if WIDTHS[a] == WIDTHS[b]:  # float16 and bfloat16; uint8 and int8
        return "float32" if "float" in a else "int16"
    return max(a, b, key=WIDTHS.__getitem__)
