"""What one step is predicted to hold against what the device has, and the largest batch that fits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from shapecalc.analysis.costs import OPTIMIZERS, Conditions
from shapecalc.analysis.report import Report
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from shapecalc.torchside.training.plan import Plan

LIKE = {
    "nadam": "adam",
    "radam": "adam",
    "adamax": "adam",
    "nag": "momentum",
    "rmsprop": "momentum",
    "adagrad": "momentum",
}
"""Optimizers that keep as many copies of the parameters as one that is modelled."""
PART = 0.9
"""Share of the free memory that a step may take: kernels' workspaces are not modelled."""


def modelled(plan: Plan) -> tuple[str, bool]:
    """The optimizer whose state is counted, and whether it is the plan's own or one that keeps less."""
    name = plan.named("optimizer")[0].lower()
    name = "momentum" if name == "sgd" and plan["momentum"] else LIKE.get(name, name)
    return (name, True) if name in OPTIMIZERS else ("sgd", False)


def step_bytes(report: Report, batch: int, plan: Plan) -> tuple[int | None, bool]:
    """Bytes of one step with that batch, and whether they are all of them. None where sizes are not known."""
    name, whole = modelled(plan)
    dtype = "float64" if str(plan["precision"]).startswith("64") else "float32"
    counted = Report(report.source, report.graph, [], Conditions(batch, dtype, name))
    found = counted.totals.train_bytes
    return found, whole and "train_bytes" not in counted.partial


def device_bytes(cuda: bool) -> int | None:
    """Bytes that are free on the device, None where nobody says so."""
    if cuda:
        return int(torch.cuda.mem_get_info()[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return _pages()


def _pages() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def largest_batch(report: Report, plan: Plan, free: int | None, most: int) -> int:
    """The largest power of two, at most `most`, whose step fits into the free memory. Raises Fault where none does."""
    if free is None:
        raise Fault("--batch-size auto: the memory of this device is not known; give a number")
    batch = 1
    if not _fits(report, plan, batch, free):
        raise Fault(f"a step with a single sample takes more than the {free:,} bytes that are free")
    while batch * 2 <= most and _fits(report, plan, batch * 2, free):
        batch *= 2
    return batch


def _fits(report: Report, plan: Plan, batch: int, free: int) -> bool:
    found = step_bytes(report, batch, plan)[0]
    if found is None:
        raise Fault(f"--batch-size auto: {report.reasons.get('train_bytes', 'memory is not known')}; give a number")
    return found <= free * PART
