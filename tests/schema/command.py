"""The command line run in a process of its own, as scripts do, and specs to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import shapecalc

ROOT = Path(shapecalc.__file__).parents[1]

CLEAN = "shapecalc: 1\nname: Clean\nparams: {w: 3}\ninput: [4]\nlayers: [{Linear: w}, Tanh]\n"
WRONG = "shapecalc: 1\nname: Wrong\ninput: [4]\nlayers:\n  - Linaer: 3\n"


class Run:
    """The end of one run."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTIONS")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **changes}


COMMAND = [sys.executable, "-m", "shapecalc"]


def run(*args: str, cwd: Path, text: str | None = None, **env: str) -> Run:
    done = subprocess.run(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(**env),
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return Run(done)
