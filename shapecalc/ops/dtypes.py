"""Families of dtypes, by torch's names, and the bytes of one element."""

from __future__ import annotations

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
INDICES = frozenset({"int32", "int64"})

WIDTHS = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
