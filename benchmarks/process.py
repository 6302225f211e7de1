"""The whole process of `shapecalc check specs/alexnet.yaml` against `python -c "import click, yaml"`, in pairs.

The package is compiled first, as an installed one is.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.result import Result

PAIRS = 30
CHECK = [sys.executable, "-m", "shapecalc", "check", "specs/alexnet.yaml"]
BARE = [sys.executable, "-c", "import click, yaml"]


def results() -> Iterator[Result]:
    compileall.compile_dir("shapecalc", quiet=2)
    ratios, seconds = [], []
    _seconds(CHECK), _seconds(BARE)
    for _ in range(PAIRS):
        bare, check = _seconds(BARE), _seconds(CHECK)
        ratios.append(check / bare)
        seconds.append(check * 1e3)
    yield Result("process: check specs/alexnet.yaml / import click, yaml", ratios, "times", 1.3)
    yield Result("process: check specs/alexnet.yaml", seconds, "ms")


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin
