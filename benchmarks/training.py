"""`shapecalc train`'s loop on the emitted ResNet-18 against a plain loop on torchvision's, in pairs of one run.

Both learn from the same batches with the same optimizer; on a GPU where one is at hand. Seconds are of whole epochs: on
a GPU those of the clock, on the CPU those of the processor with one thread, so that whatever else the machine
does, and threads that wait for each other meanwhile, are not counted.
It takes minutes, so it runs by its name only: `python -m benchmarks training`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

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
PAIRS = 11
BATCH = 16
STEPS = 8
EPOCHS = 4
"""The first of them warms up and is not counted."""
BOUND = 1.1


def results() -> Iterator[Result]:
    """The ratio of seconds of an epoch; nothing where torch, Lightning or torchvision is missing.

    Each ratio is of two runs one behind the other, the one or the other first by turns, so that a machine that grows
    slower or busier in the course of the benchmark does so for both.
    """
    if any(find_spec(name) is None for name in ("torch", "lightning", "torchvision")):
        return
    import torch

    from shapecalc.torchside.training.engine import ready

    ready()
    task, threads = _task(), torch.get_num_threads()
    torch.set_num_threads(1)
    ratios = []
    for pair in range(PAIRS):
        if pair % 2:
            theirs, ours = _theirs(task), _ours(task)
        else:
            ours, theirs = _ours(task), _theirs(task)
        ratios.append(ours / theirs)
    torch.set_num_threads(threads)
    title = f"training: emitted ResNet-18 / torchvision's by hand, {_device()}"
    yield Result(title, ratios, "times", BOUND)


def _task() -> Any:
    import shapecalc
    from shapecalc.torchside.training.task import make_task

    report = shapecalc.check_text(SPEC, "resnet18.yaml")
    plan = {"dataset": "shapes", "batch_size": BATCH, "epochs": EPOCHS, "optimizer": "SGD", "lr": 0.01}
    return make_task(lambda _: report, plan, {"limit": STEPS})


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _clock() -> Callable[[], float]:
    return time.perf_counter if _device() == "cuda" else time.process_time


def _ours(task: Any) -> float:
    """Seconds of an epoch, held-out samples included, as the run's own record tells them."""
    from shapecalc.torchside.training.run import Options, fresh_network, train

    with tempfile.TemporaryDirectory() as folder, mock.patch("time.perf_counter", _clock()):
        outcome = train(task, fresh_network(task), Path(folder), Options(devices=1), lambda *_: None)
    return median(float(epoch["seconds"]) for epoch in outcome.epochs[1:])


def _theirs(task: Any) -> float:
    """Seconds of an epoch of a loop as tutorials write it, which takes its batches right out of memory."""
    import torch
    from torchvision.models import resnet18

    device = _device()
    torch.manual_seed(0)
    network = resnet18().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    seconds, clock = [], _clock()
    for _ in range(EPOCHS):
        begin = clock()
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
        seconds.append(clock() - begin)
    return median(seconds[1:])


def _batches(samples: Any, device: str) -> Iterator[Any]:
    import torch

    order = torch.randperm(len(samples))[: BATCH * STEPS]
    for indices in order.split(BATCH):
        xs, y = samples.__getitems__(indices.tolist())
        yield xs[0].to(device), y.to(device)


if __name__ == "__main__":
    for result in results():
        print(result)
