"""Numbers and shapes as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN = "?"


def count(value: Any) -> str:
    """An integer with separators, a closed form as it is, `?` for what is not known.

    >>> count(61100840)
    '61,100,840'
    """
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else str(value)


def size_bytes(value: Any) -> str:
    """Bytes in binary units.

    >>> size_bytes(3741184)
    '3.57 MiB'
    """
    if not isinstance(value, int):
        return count(value)
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= step:
            return f"{value / step:.2f} {unit}"
    return f"{value} B"


def shape(sizes: Sequence[Any] | None) -> str:
    """A shape without its leading N, closed forms in brackets.

    >>> shape(("N", 64, 55, 55))
    '64 x 55 x 55'
    """
    if sizes is None:
        return UNKNOWN
    texts = [str(s) for s in sizes]
    if texts and texts[0] == "N":
        texts = texts[1:]
    return " x ".join(f"({t})" if len(texts) > 1 and " " in t else t for t in texts) or "scalar"


def axes(values: Sequence[Any]) -> str:
    """One value per axis, written once where all are equal."""
    texts = [UNKNOWN if v is None else str(v) for v in values]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)
