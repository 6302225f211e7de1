"""A spec of 100,000 layers, checked in a process of its own: seconds and peak memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result

LAYERS = 100_000
TRIPLE = """\
  - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1, bias: false}
  - BatchNorm2d
  - ReLU
"""


def results() -> Iterator[Result]:
    text = "shapecalc: 1\ninput: [64, 32, 32]\nlayers:\n" + TRIPLE * (LAYERS // 3) + "  - ReLU\n" * (LAYERS % 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.yaml")
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "shapecalc", "check", str(path)]
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            status = subprocess.run(command, capture_output=True).returncode
            seconds.append(time.perf_counter() - begin)
            assert status in (0, 1), "the command failed"
    yield Result(f"large: check of {LAYERS:,} layers", seconds, "s", 4.0)
    mebibytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield Result(f"large: peak memory of {LAYERS:,} layers", [mebibytes], "MiB", 1024)
