"""The spec's `train` section and the command line -> what to train with. The command line wins; imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.source import names
from shapecalc.source.located import Items, Pairs, Scalar
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.analysis.report import Report
    from shapecalc.source.located import Node

DEFAULTS: dict[str, Any] = {
    "dataset": "digits",
    "optimizer": "Adam",
    "epochs": 10,
    "batch_size": 64,
    "seed": 0,
    "precision": "32",
}
OF_DATA: dict[str, dict[str, Any]] = {
    "edges": {
        "loss": {"MSELoss": {"reduction": "sum"}},
        "optimizer": "SGD",
        "lr": 3e-2,
        "epochs": 10,
        "batch_size": 1,
    }
}
"""Defaults that a data set brings: those of the course's edge detector."""
WHOLE = ("epochs", "batch_size", "resize", "classes")
NUMBERS = ("lr", "weight_decay", "momentum")
AUTO = "auto"


class Plan:
    """What to train with: `values` by the keys of the `train` section, None where nobody says anything."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict.fromkeys(names.TRAIN_KEYS) | dict(values)
        for key in WHOLE:
            self._check(key, int, 1)
        for key in NUMBERS:
            self._check(key, float, 0)
        self._check("seed", int, 0)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def _check(self, key: str, kind: type, least: int) -> None:
        value = self.values[key]
        if value is None or (key == "batch_size" and value == AUTO):
            return
        right = isinstance(value, int) if kind is int else isinstance(value, int | float)
        if not right or isinstance(value, bool) or value < least:
            raise Fault(f"{key}: a {'whole ' if kind is int else ''}number of at least {least} is due, not {value!r}")

    def named(self, key: str) -> tuple[str, dict[str, Any]]:
        """A name and its arguments, of `Adam` or of `{Adam: {eps: 1e-6}}`; an empty name where there is none."""
        value = self.values[key]
        if value is None:
            return "", {}
        if isinstance(value, str):
            return value, {}
        if isinstance(value, dict) and len(value) == 1:
            (name, arguments), *_ = value.items()
            if isinstance(arguments, dict | None):
                return name, arguments or {}
        raise Fault(f"{key}: a name is due, or a name with its arguments as a mapping, not {value!r}")


def planned(report: Report, given: Mapping[str, Any]) -> Plan:
    """What the command line says, else the spec, else the data set's own defaults, else ours."""
    assert report.graph is not None
    section = report.graph.spec.train
    said = plain(section, report.graph.env) if isinstance(section, Pairs) else {}
    said = {k: v for k, v in said.items() if v is not None} | {k: v for k, v in given.items() if v is not None}
    own = OF_DATA.get(str(said.get("dataset", "")), {})
    return Plan({**DEFAULTS, **own, **said})


def plain(node: Node, env: Mapping[str, Any]) -> Any:
    """The value of a node, names of params as their values."""
    if isinstance(node, Pairs):
        return {key.text: plain(value, env) for key, value in node.pairs}
    if isinstance(node, Items):
        return [plain(item, env) for item in node.items]
    assert isinstance(node, Scalar)
    value = node.value
    known = env.get(value) if isinstance(value, str) and not node.quoted else None
    return known if isinstance(known, int | float) else value
