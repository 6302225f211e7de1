"""Which sizes a symbolic spec is verified at: the smallest legal ones, larger ones, and the nearest illegal ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shapecalc.dims.sym import Sym, names
from shapecalc.pipeline import analyse
from shapecalc.torchside.build import build
from shapecalc.torchside.run import example_inputs
from shapecalc.torchside.verify import BATCH, SILENT, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.analysis.report import Report
    from shapecalc.dims.sizes import SizeSet

LARGER = 40
"""How far above the smallest legal size the second choice lies."""
REACH = 1000
"""How far away an illegal size is looked for."""


def symbols(report: Report) -> list[str]:
    """The named sizes of the inputs, N apart, in their order."""
    assert report.graph is not None
    found = [n for w in report.graph.inputs for size in w.shape or () for n in sorted(names(size))]
    return [n for n in dict.fromkeys(found) if n != "N"]


def legal_choices(report: Report) -> list[dict[str, int]]:
    """One choice of sizes for a spec without symbols (none); otherwise the smallest legal ones and larger ones."""
    free = symbols(report)
    if not free:
        return [{}]
    choices = [
        {n: _legal(report, n, 0) for n in free},
        {n: _legal(report, n, 1) for n in free},
        {n: _legal(report, n, LARGER * i) for i, n in enumerate(free, 1)},
    ]
    fitting = [c for i, c in enumerate(choices) if c not in choices[:i] and fits(report, c)]
    return fitting or [dict.fromkeys(free, _legal(report, free[0], LARGER))]


def fits(report: Report, sizes: Mapping[str, int]) -> bool:
    """Whether these sizes of the symbols are legal, in a batch as it is verified."""
    return report.legal is None or report.legal.holds({**sizes, "N": BATCH})


def _sizes(report: Report, name: str) -> SizeSet | None:
    return None if report.legal is None else report.legal.sizes.get(name)


def _legal(report: Report, name: str, above: int) -> int:
    sizes = _sizes(report, name)
    smallest = 1 if sizes is None else sizes.smallest() or 1
    return smallest + above if sizes is None else sizes.following(smallest + above - 1) or smallest


def settled(report: Report, sizes: Mapping[str, int]) -> Report:
    """The report of the same spec with numbers for its symbols."""
    assert report.graph is not None
    given = {name: value for name, value in report.graph.env.items() if not isinstance(value, Sym)}
    return analyse(report.source, {**given, **sizes}, report.conditions)


def refused(report: Report) -> Iterator[Finding]:
    """For each symbol the nearest illegal sizes below and above the smallest legal one: torch must refuse them.

    But where we take the number: a size of 1 is squeezed or stretched, which no symbol is, as it stands for all sizes.
    """
    assert report.graph is not None
    free = symbols(report)
    chosen = legal_choices(report)[0]
    for name in free:
        for illegal in _illegal(_sizes(report, name), chosen[name]):
            sizes = {**chosen, name: illegal}
            if settled(report, sizes).has_errors:
                inputs = example_inputs(report.graph, {**sizes, "N": BATCH}, "cpu")
                yield Finding("", f"refuses {name} = {illegal}", True, _refuses(report, inputs))
            else:
                reason = "this number is legal, but figures for all sizes do not hold for it"
                yield Finding("", f"refuses {name} = {illegal}", None, None, SILENT, reason)


def _illegal(sizes: SizeSet | None, legal: int) -> list[int]:
    """The nearest illegal size on either side, where there is one within reach."""
    if sizes is None:
        return []
    below = next((n for n in range(legal - 1, max(0, legal - REACH), -1) if n not in sizes), None)
    above = next((n for n in range(legal + 1, legal + REACH) if n not in sizes), None)
    return [n for n in (below, above) if n is not None]


def _refuses(report: Report, inputs: list[torch.Tensor]) -> bool:
    try:
        with torch.no_grad():
            build(report).eval()(*inputs)
    except (RuntimeError, ValueError):
        return True
    return False
