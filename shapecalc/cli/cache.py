"""Verdicts kept between runs, by content of the file, settings and version of the program.

One SQLite database in the user's cache folder: safe under runs at the same time. Whatever goes wrong with it (a full
disk, a folder that cannot be written, a damaged file) makes the run slower and nothing else.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from shapecalc import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Verdict
    from shapecalc.cli.examine import Task

FORMAT = 1
KEPT_DAYS = 30
MOST_SECONDS = 5.0
"""How long a run waits for another one that writes."""
TABLE = "CREATE TABLE IF NOT EXISTS verdicts (key BLOB PRIMARY KEY, day INTEGER, verdict TEXT) WITHOUT ROWID"


def folder() -> str:
    """Where the cache lies: SHAPECALC_CACHE_DIR, or `shapecalc` in the user's cache folder."""
    named = os.environ.get("SHAPECALC_CACHE_DIR")
    if named:
        return named
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/shapecalc")
    if os.name == "nt":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "shapecalc", "cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "shapecalc")


class Cache:
    """The verdicts of earlier runs; `taken` counts those that this run could use. `get` and `put` never raise."""

    def __init__(self, path: str | None = None) -> None:
        self.path = path or os.path.join(folder(), "verdicts.sqlite")
        self.program = program()
        self.known: dict[bytes, Any] = {}
        self.keys: dict[int, bytes] = {}
        self.taken = 0
        self._connection: Any = None

    def load(self, tasks: Sequence[Task]) -> None:
        """Look all tasks up at once."""
        from hashlib import sha256

        begun = sha256(self.program.encode("utf-8", "surrogatepass"))
        for task in tasks:
            key = begun.copy()
            key.update(f"\0{task.signature()}\0".encode("utf-8", "surrogatepass"))
            key.update(task.data)
            self.keys[id(task)] = key.digest()
        wanted = list(self.keys.values())
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            signs = ",".join("?" * len(part))
            self._take(self._run(f"SELECT key, verdict FROM verdicts WHERE key IN ({signs})", part))

    def _take(self, rows: Sequence[tuple[bytes, str]]) -> None:
        """Read the texts of rows, all of them as one; where one is damaged, none of them is known."""
        import json

        try:
            states = json.loads(f"[{','.join([text for _, text in rows])}]")
        except (TypeError, ValueError):
            return
        if len(states) == len(rows):
            self.known.update(zip([key for key, _ in rows], states, strict=True))

    def get(self, task: Task) -> Verdict | None:
        """The verdict of an earlier run on the same content, settings and program."""
        from shapecalc.analysis.verdict import unpacked

        state = self.known.get(self.keys.get(id(task), b""))
        if state is None:
            return None
        try:
            verdict = unpacked(state)
        except (KeyError, TypeError, ValueError):  # text that no run of ours has written
            return None
        self.taken += 1
        return verdict

    def put(self, tasks: Sequence[Task], verdicts: Sequence[Verdict]) -> None:
        """Keep verdicts; forget what no run has written for a month."""
        import time

        from shapecalc.analysis.verdict import packed

        if not tasks:
            return
        day = int(time.time() // 86400)
        rows = [(self.keys[id(task)], day, packed(v)) for task, v in zip(tasks, verdicts, strict=True)]
        self._run("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows, many=True)
        self._run("DELETE FROM verdicts WHERE day < ?", [day - KEPT_DAYS])

    def _run(self, statement: str, values: Sequence[Any], *, many: bool = False) -> list[Any]:
        import sqlite3

        try:
            connection = self._connected()
            with connection:
                done = connection.executemany(statement, values) if many else connection.execute(statement, values)
                rows: list[Any] = done.fetchall()
            return rows
        except (OSError, sqlite3.Error):
            return []

    def _connected(self) -> Any:
        if self._connection is None:
            import sqlite3

            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=MOST_SECONDS)
            self._connection.execute(TABLE)
        return self._connection


def program() -> str:
    """What made a verdict: version, and the state of the source files, which change while somebody works on them."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    states = _states(package)
    for room in os.scandir(package):
        if room.is_dir() and not room.name.startswith("__"):
            states += _states(room.path)
    return repr((FORMAT, __version__, sys.version_info[:2], sorted(states)))


def _states(folder: str) -> list[tuple[str, int, int]]:
    return [(e.name, e.stat().st_mtime_ns, e.stat().st_size) for e in os.scandir(folder) if e.is_file()]
