"""A thousand different specs, made from the zoo by params: `shapecalc check` without a cache against parsing them with
`yaml.CSafeLoader` in one process, and with everything in the cache against without, in pairs.

Specs that differ in a param share most of their text, which is read and worked out once. In a second thousand nothing
stands at the same place as in another file: what files cost that have nothing in common. The cache is held to a tenth
of both. Beside it stands what starting the command takes alone, and a run in which one file of the thousand changed.
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
BOUND = 2.0
EXPECTED = re.compile(r"^expect:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
CLASSES = re.compile(r"num_classes: \d+")


def results() -> Iterator[Result]:
    compileall.compile_dir("shapecalc", quiet=2)
    alike, apart, cached, cached_apart, changed, started, seconds = [], [], [], [], [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        first, second = Path(scratch, "alike"), Path(scratch, "apart")
        texts = list(write(first))
        list(write(second, shifted=True))
        cache = {**os.environ, "SHAPECALC_CACHE_DIR": str(Path(scratch, "cache"))}
        _check(first, cache), _check(second, cache)
        for turn in range(PAIRS):
            parsed, cold, warm = _parse(texts), _check(first, cache, "--no-cache"), _check(first, cache)
            cold_apart, warm_apart = _check(second, cache, "--no-cache"), _check(second, cache)
            alike.append(cold / parsed)
            apart.append(cold_apart / parsed)
            cached.append(warm / cold)
            cached_apart.append(warm_apart / cold_apart)
            started.append(_seconds("--version") / cold)
            _write_one_anew(first, turn)
            changed.append(_check(first, cache) / cold)
            seconds.append(cold)
    yield Result(f"many: check of {COUNT:,} specs / yaml.CSafeLoader", alike, "times", BOUND)
    yield Result("many: the same with nothing in common", apart, "times")
    yield Result(f"many: check of {COUNT:,} specs, all cached / none", cached, "times", 0.1)
    yield Result("many: the same with nothing in common", cached_apart, "times", 0.1)
    yield Result("many: the same with one of them changed", changed, "times")
    yield Result(f"many: shapecalc --version / check of {COUNT:,} specs, none cached", started, "times")
    yield Result(f"many: check of {COUNT:,} specs", seconds, "s")


def write(folder: Path, *, shifted: bool = False) -> Iterator[bytes]:
    """Write the specs and give their texts: each of the zoo with so many numbers of classes, and nothing expected.

    With `shifted`, each begins with a comment of another length.
    """
    folder.mkdir()
    zoo = sorted(Path("specs").glob("*.yaml"))
    for number in range(COUNT):
        turn, which = divmod(number, len(zoo))
        text = EXPECTED.sub("", zoo[which].read_text(encoding="utf-8"))
        text = CLASSES.sub(f"num_classes: {2 + len(zoo) * turn}", text) + f"# variant {turn}\n"
        text = f"#{'.' * number}\n{text}" if shifted else text
        Path(folder, f"{zoo[which].stem}_{turn}.yaml").write_text(text, encoding="utf-8")
        yield text.encode()


def _write_one_anew(folder: Path, turn: int) -> None:
    path = min(folder.iterdir())
    path.write_text(path.read_text(encoding="utf-8") + f"# changed {turn}\n", encoding="utf-8")


def _parse(texts: list[bytes]) -> float:
    begin = time.perf_counter()
    for text in texts:
        yaml.load(text, yaml.CSafeLoader)
    return time.perf_counter() - begin


def _check(folder: Path, environment: dict[str, str], *options: str) -> float:
    return _seconds("check", "-q", *options, str(folder), environment=environment)


def _seconds(*arguments: str, environment: dict[str, str] | None = None) -> float:
    command = [sys.executable, "-m", "shapecalc", *arguments]
    begin = time.perf_counter()
    status = subprocess.run(command, env=environment, capture_output=True).returncode
    assert status in (0, 1), "the command failed"
    return time.perf_counter() - begin
