"""Emitted files as the usual tools judge them: ruff's format and rules, mypy, and Python itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import shapecalc
from tests.codegen.corpus import SPECS, reports

if TYPE_CHECKING:
    from pathlib import Path

RULES = "E,F,W,I,B,UP,RUF"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the emitted file of every spec and every sample."""
    folder = tmp_path_factory.mktemp("emitted")
    for name, report in reports().items():
        (folder / f"{name}.py").write_text(shapecalc.emit(report), encoding="utf-8")
    return folder


def told(*command: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_there_is_a_file_for_hundreds_of_samples(folder: Path) -> None:
    names = {p.stem for p in folder.glob("*.py")}
    assert names >= {p.stem for p in SPECS.glob("*.yaml")}
    assert len(names) > 250


def test_python_reads_every_file_and_it_needs_torch_alone(folder: Path) -> None:
    allowed = {"torch", "torch.nn.functional", "math", "collections", "typing"}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {a.name for a in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert node.module in allowed


def test_every_file_is_as_ruff_formats_it(folder: Path) -> None:
    assert told("ruff", "format", "--isolated", "--diff", ".", cwd=folder) == ""


def test_no_file_breaks_a_rule_of_ruffs(folder: Path) -> None:
    assert told("ruff", "check", "--isolated", "--select", RULES, "--output-format", "concise", ".", cwd=folder) == ""


@pytest.mark.battery
def test_mypy_finds_nothing_in_any_file(folder: Path, tmp_path: Path) -> None:
    assert told("mypy", "--cache-dir", str(tmp_path), "--scripts-are-modules", ".", cwd=folder) == ""
