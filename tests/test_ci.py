"""The pre-commit hook and the GitHub action, run as those tools run them, in a scratch repository without network."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .schema.command import environment
from .test_many import BIASED, MENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
CHECK = ACTION["runs"]["steps"][1]
IGNORED = "  # shapecalc: ignore[SC301]"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with a spec that has a finding, another YAML file, and the command on its path."""
    folder = tmp_path / "repository"
    (folder / "nets").mkdir(parents=True)
    (folder / "nets" / "biased.yaml").write_text(BIASED)
    (folder / "compose.yaml").write_text("services: {}\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    command = tmp_path / "bin" / "shapecalc"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m shapecalc "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return folder


def run(repository: Path, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    changes = {"PATH": path, "SHAPECALC_CACHE_DIR": str(repository.parent / "cache"), **env}
    return subprocess.run(
        command, cwd=repository, env=environment(**changes), capture_output=True, text=True, check=False
    )


def hook(repository: Path, name: str) -> subprocess.CompletedProcess[str]:
    """As pre-commit does: the entry, and the names of all staged files of the type."""
    (found,) = [h for h in HOOKS if h["id"] == name]
    files = sorted(str(p.relative_to(repository)) for p in repository.rglob("*.yaml"))
    return run(repository, [*shlex.split(found["entry"]), *files])


def test_the_hook_fails_on_a_finding_and_passes_over_other_yaml(repository: Path) -> None:
    done = hook(repository, "shapecalc")
    assert done.returncode == 1
    assert "nets/biased.yaml:5:5: SC301" in done.stdout
    assert "compose" not in done.stdout + done.stderr
    (repository / "nets" / "biased.yaml").write_text(BIASED.replace("3}", "3}" + IGNORED))
    assert hook(repository, "shapecalc").returncode == 0


def test_the_fixing_hook_mends_what_is_safe(repository: Path) -> None:
    (repository / "nets" / "biased.yaml").write_text(MENDED.replace("false}", "false}" + IGNORED))
    assert "1 fix applied" in hook(repository, "shapecalc-fix").stderr
    assert (repository / "nets" / "biased.yaml").read_text() == MENDED


def test_hooks_are_as_pre_commit_wants_them() -> None:
    for found in HOOKS:
        assert {"id", "name", "entry", "language"} <= set(found)
        assert found["language"] == "python"
        assert found["types"] == ["yaml"]


def action(repository: Path, inputs: Mapping[str, str], **env: str) -> subprocess.CompletedProcess[str]:
    """The action's step, its inputs put in as GitHub does: by environment, never into the script."""
    values = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()} | dict(inputs)
    given = {key: _filled(text, values) for key, text in CHECK["env"].items()}
    assert "${{" not in CHECK["run"]
    return run(repository, ["bash", "-eo", "pipefail", "-c", CHECK["run"]], GITHUB_ACTIONS="true", **given, **env)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{{ inputs.{name} }}}}", value)
    return text


def test_the_action_annotates_writes_the_summary_and_fails(repository: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    done = action(repository, {}, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1, done.stderr
    assert "::warning file=nets/biased.yaml,line=5" in done.stdout
    assert "SC301" in summary.read_text(encoding="utf-8")


def test_the_action_takes_paths_options_and_a_sarif_file(repository: Path) -> None:
    inputs: dict[str, Any] = {
        "paths": "nets\ncompose.yaml\n",
        "args": "--ignore\nSC301\n--force-exclude",
        "sarif-file": "out.sarif",
    }
    done = action(repository, inputs)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"results"' in (repository / "out.sarif").read_text(encoding="utf-8")


def test_the_action_installs_itself_or_a_version() -> None:
    script = ACTION["runs"]["steps"][0]["run"].replace("python -m pip", "echo pip")
    for version, package in (("", "/action"), ("1.2", "shapecalc-nn==1.2")):
        env = {**os.environ, "VERSION": version, "ACTION_PATH": "/action"}
        done = subprocess.run(["bash", "-e", "-c", script], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == package
