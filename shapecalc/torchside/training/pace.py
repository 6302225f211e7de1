"""Time of one step, measured on a copy before training: neither weights nor random numbers are touched."""

from __future__ import annotations

import copy
import time
from statistics import median
from typing import TYPE_CHECKING

import torch

from shapecalc.torchside.training import names
from shapecalc.torchside.training.learner import Learner, Sums
from shapecalc.torchside.training.plan import AUTO

if TYPE_CHECKING:
    from torch import nn

    from shapecalc.torchside.training.task import Task

STEPS = 3
LONG = 1.0
"""Seconds after which no other step is measured."""
HOPELESS = 20.0
"""Seconds of the first step, which warms up, after which it is taken for the others too."""


def seconds_per_step(task: Task, network: nn.Module, device: str) -> float:
    """Seconds of one step with a batch of the task's size, of forward, backward and optimizer."""
    assert task.plan["batch_size"] != AUTO or task.batch
    devices = range(torch.cuda.device_count()) if device != "cpu" else []
    with torch.random.fork_rng(devices=list(devices)):
        learner = Learner(copy.deepcopy(network).to(device).train(), task, task.steps, 1)
        optimizer = names.optimizer(task.plan, learner.network.parameters())
        samples = task.data.learn.__getitems__(list(range(min(task.batch, len(task.data.learn)))))
        batch = ([x.to(device) for x in samples[0]], samples[1].to(device))
        found: list[float] = []
        while not found or (len(found) <= STEPS and found[0] < HOPELESS and sum(found[1:]) < LONG):
            found.append(_timed(learner, optimizer, batch, device))
    return median(found[1:] or found)


def _timed(learner: Learner, optimizer: torch.optim.Optimizer, batch: object, device: str) -> float:
    begin = time.perf_counter()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = learner.measured(batch, Sums(torch.device(device)))
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - begin
