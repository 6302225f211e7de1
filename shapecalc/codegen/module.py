"""Report -> source of a standalone module: the one that an engineer would have written, with the spec's names.

The text is the only way in which a torch module is ever made of a spec. Names in it are identifiers that the parser has
checked, and literals are written by `repr`, so nothing of a spec can become code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.codegen.flat import flat
from shapecalc.codegen.head import network_name
from shapecalc.codegen.plan import Unstructured
from shapecalc.codegen.structured import STUB, structured, support_of
from shapecalc.dims.sym import names
from shapecalc.ops.made import symbolic_arguments

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report
    from shapecalc.codegen.emission import Emission


def emit(report: Report) -> str:
    """Source text of the network's module. Raises ValueError for a report with errors."""
    return emission(report).text


def made_with(report: Report) -> list[str]:
    """The sizes, by name, that must be set before modules can be made: weights or arguments depend on them."""
    assert report.graph is not None
    operators = [node.op for node in report.graph.nodes if node.op is not None]
    shapes = [*report.state_dict().values(), *(shape for op in operators for shape in op.buffers().values())]
    found = {name for shape in shapes for size in shape for name in names(size)}
    return sorted(found.union(*[sizes for op in operators for _, sizes in symbolic_arguments(op)]))


def emission(report: Report) -> Emission:
    """The text with the place of each layer in it. Raises ValueError for a report with errors."""
    graph = report.graph
    if graph is None or not graph.outputs or report.has_errors:
        raise ValueError(f"{report.path} has errors, so no module can be made of it")
    free = made_with(report)
    if free:
        raise ValueError(
            f"{report.path} has modules that depend on {', '.join(free)}: set it, as by --set {free[0]}=..."
        )
    try:
        return structured(report)
    except Unstructured as reason:
        brought, stubs = support_of(graph, network_name(report))
        return flat(report, str(reason), [*brought.values(), *(STUB.format(name=n) for n in stubs.values())], stubs)
