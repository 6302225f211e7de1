"""Spec, data and plan -> the task: all that is settled before the first step, checked and counted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from shapecalc.torchside.training import names
from shapecalc.torchside.training.data.sources import Wish, given, made
from shapecalc.torchside.training.fault import Fault
from shapecalc.torchside.training.fit import Fit, chosen_sizes, dtypes_of, fit, sample_shapes
from shapecalc.torchside.training.plan import AUTO, Plan, planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import nn

    from shapecalc.analysis.report import Report
    from shapecalc.torchside.training.data.samples import Data

    Again = Callable[[Mapping[str, Any]], Report]

BINDING = ("dataset", "loss", "optimizer", "batch_size", "seed", "precision")
"""What a run that goes on must share with the one that it goes on from, to end as that would have."""


class Task:
    """A network, samples that fit it, and what to train with; `batch` is the whole batch over all devices."""

    __slots__ = ("batch", "data", "dtypes", "fit", "limit", "plan", "report", "settings", "sizes", "workers")

    def __init__(
        self,
        report: Report,
        data: Data,
        fitted: Fit,
        plan: Plan,
        *,
        settings: Mapping[str, Any],
        sizes: Mapping[str, int],
        limit: int | None = None,
        workers: int = 0,
    ) -> None:
        self.report = report
        self.data = data
        self.fit = fitted
        self.plan = plan
        self.settings = dict(settings)
        self.sizes = dict(sizes)
        self.limit = limit
        self.workers = workers
        self.dtypes: Sequence[torch.dtype] = dtypes_of(report)
        self.batch = 0 if plan["batch_size"] == AUTO else int(plan["batch_size"])

    @property
    def last(self) -> frozenset[str]:
        """The roles of the operator that makes the output."""
        return last_roles(self.report)

    @property
    def batch_sensitive(self) -> list[str]:
        """What in the network sees each process's share of a batch apart: batch norms and dropout."""
        found = {role for node in self.report.nodes if node.op is not None for role in node.op.roles}
        return [name for role, name in (("batch_norm", "batch norm"), ("dropout", "dropout")) if role in found]

    def loss(self) -> nn.Module:
        """A new loss."""
        return names.loss(self.plan, self.fit.kind, self.data.count, self.last)

    @property
    def threshold(self) -> float:
        """Above which a single score says yes: a probability, or what a sigmoid would be taken of."""
        return 0.5 if "sigmoid" in self.last or type(self.loss()).__name__ == "MSELoss" else 0.0

    def identity(self) -> dict[str, Any]:
        """What a checkpoint says of where it comes from, of plain values."""
        bound = {k: self.plan[k] for k in BINDING} | {"batch_size": self.batch}
        return {"spec": spec_hash(self.report), "name": self.report.name, "plan": bound}

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        from shapecalc.torchside.training.data.samples import Order

        return len(Order(len(self.data.learn), self.batch, 0, limit=self.limit))


def last_roles(report: Report) -> frozenset[str]:
    """The roles of the operator that makes the first output; none where an input is handed on."""
    node = report.graph.outputs[0].node if report.graph else None
    return frozenset(node.op.roles) if node is not None and node.op is not None else frozenset()


def spec_hash(report: Report) -> str:
    """SHA-256 of the spec's text."""
    return hashlib.sha256(report.source.text.encode()).hexdigest()


def make_task(again: Again, given_plan: Mapping[str, Any], options: Mapping[str, Any]) -> Task:
    """The task of a spec. `again` gives the report with sizes put in; raises Fault for whatever does not fit."""
    report = again({})
    plan = planned(report, given_plan)
    wish = Wish(str(plan["dataset"]), options.get("data_dir"), plan["classes"], options.get("vocabulary"))
    report, sizes, data = loaded(again, report, wish, plan["resize"])
    return Task(
        report,
        data,
        fit(report, data),
        plan,
        settings=options.get("settings") or {},
        sizes=sizes,
        limit=options.get("limit"),
        workers=options.get("workers") or 0,
    )


def loaded(again: Again, report: Report, wish: Wish, resize: int | None) -> tuple[Report, dict[str, int], Data]:
    """The data set, and the report with the sizes that were chosen for it."""
    graph = report.graph
    assert graph is not None
    data = given(wish, [wire.name for wire in graph.inputs])
    sizes = chosen_sizes(report, None if data is None else data.learn.inputs[0].shape[1:], resize)
    if sizes:
        report = again(sizes)
    if data is None:
        data = _made(report, wish)
    return report, sizes, data


def _made(report: Report, wish: Wish) -> Data:
    inputs, output = sample_shapes(report)
    assert report.graph is not None
    if len(inputs) > 1:
        raise Fault(f"the network has {len(inputs)} inputs, {wish.name} is for one")
    below = report.graph.inputs[0].below
    return made(wish, inputs[0], output, below if isinstance(below, int) else 0)
