"""Assumptions -> the input sizes for which a network works, and the diagnostic where none does."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from shapecalc.source.diagnostic import Diagnostic

if TYPE_CHECKING:
    from shapecalc.dims.legal import Legal
    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Assumption, Graph


def legal_sizes(graph: Graph) -> tuple[Legal | None, list[Diagnostic]]:
    """The legal sizes of the symbols, or None where the network assumes nothing of them."""
    if not graph.assumptions:
        return None, []
    legal = _solved(tuple(dict.fromkeys((a.gap, a.claim.relation) for a in graph.assumptions)))
    return legal, [] if legal.possible else [_impossible(graph)]


@lru_cache(maxsize=100)
def _solved(conditions: tuple[tuple[Dim, str], ...]) -> Legal:
    """What the conditions make of the sizes, which many files have in common."""
    from shapecalc.dims.legal import solve

    return solve(conditions)


def _impossible(graph: Graph) -> Diagnostic:
    """The first assumption that leaves no size, given those before it."""
    from shapecalc.dims.legal import solve

    met: list[Assumption] = []
    for assumption in graph.assumptions:
        met.append(assumption)
        if not solve([(a.gap, a.claim.relation) for a in met]).possible:
            break
    last = met[-1]
    node, claim = last.node, last.claim
    xs = tuple(w.shape for w in node.inputs if w is not None and w.shape is not None)
    written = node.written.get(claim.attribute)
    start, end = (written.start, written.end) if written is not None else node.place
    assert node.op is not None
    message = f"no input size works: {claim.say(node.op, xs, last.axis)}"
    return Diagnostic(claim.code, message, start, end, layer=node.path)
