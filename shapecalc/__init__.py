"""Static shape and cost calculator and linter for neural networks.

    import shapecalc
    report = shapecalc.check("specs/alexnet.yaml", params={"num_classes": 10})
    report.ok, report.totals.params

Everything is loaded when it is first used: importing the package loads neither click nor anything heavier.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "check": "shapecalc.pipeline",
    "check_text": "shapecalc.pipeline",
    "Report": "shapecalc.analysis.report",
    "Diagnostic": "shapecalc.source.diagnostic",
    "emit": "shapecalc.codegen.module",
    "build": "shapecalc.torchside.build",
    "from_module": "shapecalc.torchside.importing.spec",
}

__all__ = ["Diagnostic", "Report", "__version__", "build", "check", "check_text", "emit", "from_module"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'shapecalc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
