"""Conditions on closed forms, judged for the sizes that are legal: shown, refuted by an example, or left open."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from shapecalc.dims.decide import agreement, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim

EXAMPLES = 40
"""Legal sizes that are tried for each symbol, smallest first."""


def agree(a: Dim, b: Dim, legal: Legal | None) -> bool | str | None:
    """True where a equals b for every legal size, a text ": for H = 3 ..." that refutes it, None where undecided."""
    return _judged(a - b, "==0", legal)


def nonnegative(gap: Dim, legal: Legal | None) -> bool | str | None:
    """The same for gap >= 0."""
    return _judged(gap, ">=0", legal)


def _judged(gap: Dim, kind: str, legal: Legal | None) -> bool | str | None:
    found = agreement(gap, kind)
    if found.verdict is not None:
        return found.verdict
    if found.sizes is not None and legal is not None:
        (name,) = found.names
        allowed = legal.sizes.get(name)
        if allowed is not None and (allowed & found.sizes) == allowed:
            return True
    for values in _examples(sorted(found.names), legal):
        value = evaluate(found.gap, values)
        if value != 0 if kind == "==0" else value < 0:
            return ": not for " + " and ".join(f"{n} = {v}" for n, v in values.items())
    return None


def _examples(names: list[str], legal: Legal | None) -> Iterator[dict[str, int]]:
    """Legal sizes, the smallest of each symbol first."""
    each = EXAMPLES if len(names) == 1 else max(2, int(EXAMPLES ** (1 / len(names))) + 1)
    allowed = [
        list(islice(legal.sizes[n].members(), each)) if legal is not None and n in legal.sizes else range(1, each + 1)
        for n in names
    ]
    for sizes in product(*allowed):
        values = dict(zip(names, sizes, strict=True))
        if legal is None or _holds(legal, values):
            yield values


def _holds(legal: Legal, values: dict[str, int]) -> bool:
    """Whether no joint condition on these symbols forbids the values."""
    return all(joint.holds(values) for joint in legal.joint if set(joint.names) <= values.keys())
