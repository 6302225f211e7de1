"""Families of dtypes, by torch's names, and the bytes of one element."""

from __future__ import annotations

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
