"""Report -> torch module, by running the emitted source: there is no second way that could drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shapecalc.codegen.module import emission

if TYPE_CHECKING:
    from torch import nn

    from shapecalc.analysis.report import Report
    from shapecalc.codegen.emission import Emission

EMITTED: WeakKeyDictionary[nn.Module, Emission] = WeakKeyDictionary()
"""What each module was made from, for whoever watches it run."""


def build(report: Report) -> nn.Module:
    """The network as a torch module with fresh weights. Raises ValueError for a report with errors."""
    emitted = emission(report)
    namespace: dict[str, Any] = {"__name__": "shapecalc_emitted"}
    code = compile(emitted.text, f"<emitted from {report.path}>", "exec")
    exec(code, namespace)  # noqa: S102 - the emitted source is ours: names are checked, literals written by repr
    module: nn.Module = namespace[emitted.name]()
    EMITTED[module] = emitted
    return module
