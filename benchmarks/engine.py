"""Microseconds a layer: the facts of constructed operators on integers, and elaboration of the same networks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from shapecalc.analysis.costs import Conditions
from shapecalc.graph.elaborate import elaborate
from shapecalc.ops.registry import MODULES
from shapecalc.source.parse import parse
from shapecalc.source.reader import read
from shapecalc.source.spec import Spec
from shapecalc.source.text import Source

RUNS = 200


def results() -> Iterator[Result]:
    for name in ("alexnet", "resnet_bottleneck"):
        source = Source(name, Path("specs", f"{name}.yaml").read_text(encoding="utf-8"))
        spec, _ = parse(source, read(source)[0], MODULES)
        assert spec is not None
        yield from _both(name, spec)


def _both(name: str, spec: Spec) -> Iterator[Result]:
    conditions = Conditions()
    nodes = elaborate(spec, {}).nodes
    layers: list[Any] = [(n.op, [conditions.sized(w.shape) for w in n.inputs if w and w.shape]) for n in nodes]
    facts = _timed(lambda: _facts(layers), len(layers))
    yield Result(f"engine: five facts of {name} on ints, a layer", facts, "us", 2.0)
    yield Result(f"engine: elaboration of {name}, a layer", _timed(lambda: elaborate(spec, {}), len(layers)), "us")


def _facts(layers: list[Any]) -> None:
    for op, xs in layers:
        op.needs(*xs)
        ys = op.shape(*xs)
        op.weights()
        op.macs(xs, ys)
        op.window(xs, ys)


def _timed(step: Any, layers: int) -> list[float]:
    values = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        step()
        values.append((time.perf_counter() - begin) / layers * 1e6)
    return values
