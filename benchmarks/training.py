"""`shapecalc train`'s loop on the emitted ResNet-18 against a plain loop on torchvision's, in pairs of one run.

Both learn from the same batches with the same optimizer; on a GPU where one is at hand. Seconds are of whole epochs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.result import Result

SPEC = """\
shapecalc: 1
name: ResNet18
input: [3, 64, 64]
blocks:
  Basic:
    params: {width: ~, stride: 1}
    layers:
      conv1: {Conv2d: {out_channels: width, kernel_size: 3, stride: stride, padding: 1, bias: false}}
      bn1: BatchNorm2d
      relu1: ReLU
      conv2: {Conv2d: {out_channels: width, kernel_size: 3, padding: 1, bias: false}}
      bn2: BatchNorm2d
      down: {Conv2d: {out_channels: width, kernel_size: 1, stride: stride, bias: false}, from: input, when: stride != 1}
      down_bn: {BatchNorm2d: , when: stride != 1}
      add: {Add: [bn2, down_bn]}
      relu2: ReLU
layers:
  stem:
    - Conv2d: {out_channels: 64, kernel_size: 7, stride: 2, padding: 3, bias: false}
    - BatchNorm2d
    - ReLU
    - MaxPool2d: {kernel_size: 3, stride: 2, padding: 1}
  for i, width in enumerate([64, 128, 256, 512]):
    "stage{i + 1}":
      - Basic: {width: width, stride: 1 if i == 0 else 2}
      - Basic: width
  pool: {AdaptiveAvgPool2d: 1}
  flatten: Flatten
  fc: {Linear: 1000}
expect: {params: 11689512}
"""
PAIRS = 3
BATCH = 32
STEPS = 8


def results() -> Iterator[Result]:
    """The ratio of a whole epoch's seconds; nothing where torch, Lightning or torchvision is missing."""
    if any(find_spec(name) is None for name in ("torch", "lightning", "torchvision")):
        return
    from shapecalc.torchside.training.engine import ready

    ready()
    task = _task()
    ratios = []
    _ours(task), _theirs(task)
    for _ in range(PAIRS):
        theirs = _theirs(task)
        ratios.append(_ours(task) / theirs)
    yield Result("training: emitted ResNet-18 by train / torchvision's by hand", ratios, "times", 1.1)


def _task() -> Any:
    import shapecalc
    from shapecalc.torchside.training.task import make_task

    report = shapecalc.check_text(SPEC, "resnet18.yaml")
    plan = {"dataset": "shapes", "batch_size": BATCH, "epochs": 2, "optimizer": "SGD", "lr": 0.01}
    return make_task(lambda _: report, plan, {"limit": STEPS})


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _ours(task: Any) -> float:
    """Seconds of the second epoch, held-out samples included, as the run's own record tells them."""
    from shapecalc.torchside.training.run import Options, fresh_network, train

    with tempfile.TemporaryDirectory() as folder:
        outcome = train(task, fresh_network(task), Path(folder), Options(devices=1), lambda *_: None)
    return float(outcome.epochs[-1]["seconds"])


def _theirs(task: Any) -> float:
    """Seconds of the second epoch of a loop as tutorials write it."""
    import torch
    from torchvision.models import resnet18

    device = _device()
    torch.manual_seed(0)
    network = resnet18().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    seconds = 0.0
    for _ in range(2):
        begin = time.perf_counter()
        for x, y in _batches(task.data.learn, device):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network.train()(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            total = sum(
                torch.nn.functional.cross_entropy(network.eval()(x), y).item()
                for x, y in _batches(task.data.held, device)
            )
        assert total == total
        seconds = time.perf_counter() - begin
    return seconds


def _batches(samples: Any, device: str) -> Iterator[Any]:
    import torch

    order = torch.randperm(len(samples))[: BATCH * STEPS]
    for indices in order.split(BATCH):
        xs, y = samples.__getitems__(indices.tolist())
        yield xs[0].to(device), y.to(device)


if __name__ == "__main__":
    for result in results():
        print(result)
