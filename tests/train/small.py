"""Small networks and short runs for the tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import shapecalc
from shapecalc.torchside.training.run import Options, Outcome, fresh_network, train
from shapecalc.torchside.training.task import Task, make_task

LINEAR = """\
shapecalc: 1
name: Small
input: [1, 8, 8]
layers:
  flatten: Flatten
  hidden: {Linear: 16}
  act: ReLU
  drop: {Dropout: 0.25}
  out: {Linear: 10}
"""
PLAIN = LINEAR.replace("  drop: {Dropout: 0.25}\n", "")


def task_of(text: str, plan: dict[str, Any] | None = None, **options: Any) -> Task:
    def again(sizes: Any) -> shapecalc.Report:
        return shapecalc.check_text(text, "small.yaml", dict(sizes))

    return make_task(again, plan or {}, options)


def run(task: Task, folder: Path, **options: Any) -> Outcome:
    return train(
        task, fresh_network(task), folder, Options(accelerator="cpu", **options), options.pop("told", lambda *_: None)
    )


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
