"""`check --diff`: git and patch take what it prints, and make of the file what `--fix` makes."""

from __future__ import annotations

import subprocess
import sys
from shutil import which
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "shapecalc: 1\ninput: [3, 32, 32]\nlayers:\n  - Flatten\n  - Linear: 10\n  - ReLU\n  - ReLU\n"
TOOLS = [["git", "apply", "-p0", "-"], ["patch", "-p0", "--fuzz=0"]]
FILES = {
    "LF": SPEC.encode(),
    "CRLF": SPEC.replace("\n", "\r\n").encode(),
    "CR": SPEC.replace("\n", "\r").encode(),
    "CR and LF": SPEC.replace("ReLU\n", "ReLU\r").encode(),
    "no line end": SPEC.rstrip("\n").encode(),
    "no line end, CRLF": SPEC.rstrip("\n").replace("\n", "\r\n").encode(),
    "other breaks": SPEC.replace("layers:", 'description: "a\u2028b\x85c"\nlayers:').encode(),
    "byte order mark": b"\xef\xbb\xbf" + SPEC.replace("1\n", "1\nparams: {w: 3}\n").encode(),
}


def shapecalc(folder: Path, *args: str) -> bytes:
    command = [sys.executable, "-m", "shapecalc", "check", "-q", "--no-cache", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout


CASES = [
    *[pytest.param(data, "net.yaml", id=kind) for kind, data in FILES.items()],
    *[pytest.param(SPEC.encode(), name, id=name) for name in ("a net.yaml", 'a "\n\\ net.yaml')],
]


@pytest.mark.parametrize("tool", TOOLS, ids=["git", "patch"])
@pytest.mark.parametrize(("data", "name"), CASES)
def test_a_patch_is_taken_and_does_what_the_fix_does(data: bytes, name: str, tool: list[str], tmp_path: Path) -> None:
    if which(tool[0]) is None:
        pytest.skip(f"there is no {tool[0]} here")
    net = tmp_path / name
    net.write_bytes(data)
    change = shapecalc(tmp_path, "--diff", name)
    assert change
    done = subprocess.run(tool, cwd=tmp_path, input=change, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    patched = net.read_bytes()
    net.write_bytes(data)
    shapecalc(tmp_path, "--fix", name)
    assert net.read_bytes() == patched != data
