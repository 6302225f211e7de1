"""Advice that needs a second look at the whole network: the smallest input for which a layer would work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.graph.elaborate import elaborate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shapecalc.analysis.report import Report

TOO_SMALL = frozenset({"SC201", "SC216"})
"""Codes of diagnostics that a larger input mends."""


def advise_sizes(report: Report, settings: Mapping[str, Any]) -> None:
    """Append the smallest input sizes that would work to the help of each layer that its input is too small for."""
    graph = report.graph
    small = [d for d in report.diagnostics if d.code in TOO_SMALL and d.layer]
    if graph is None or not small:
        return
    loose = elaborate(graph.spec, settings, loose=True)
    from shapecalc.dims.legal import smallest

    for diagnostic in small:
        last = next((n.index for n in loose.nodes if n.path == diagnostic.layer), -1)
        conditions = [(a.gap, a.claim.relation) for a in loose.assumptions if a.node.index <= last]
        sizes = smallest(conditions) if conditions else None
        if sizes:
            listed = " and ".join(f"{name} = {size}" for name, size in sorted(sizes.items()))
            advice = f"the smallest input that works up to here has {listed}"
            diagnostic.help = f"{advice}; {diagnostic.help}" if diagnostic.help else advice
