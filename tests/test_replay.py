"""A check that is asked for again: printed again when nothing changed, made anew when anything did."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shapecalc
from shapecalc.cli import cache, replay
from shapecalc.cli.cache import KEPT_DAYS

from .schema.command import CLEAN, COMMAND, WRONG, environment, run

if TYPE_CHECKING:
    from collections.abc import Callable

BIASED = """\
shapecalc: 1
name: Biased
input: [3, 8, 8]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3}
  - BatchNorm2d
"""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHAPECALC_CACHE_DIR", str(tmp_path / "cache"))
    for name in replay.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "runs"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    (folder / "inner").mkdir(parents=True)
    (folder / "biased.yaml").write_text(BIASED)
    (folder / "inner" / "clean.yaml").write_text(CLEAN)
    monkeypatch.chdir(folder)
    return folder


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | None, str]:
    """What is printed again in this process, whose standard output is asked as a pipe's is."""
    status = replay.replayed(arguments)
    return status, capsys.readouterr().out


@pytest.mark.parametrize("form", ["concise", "full", "sarif", "github", "gitlab", "junit"])
def test_a_run_that_is_asked_again_prints_and_ends_the_same(here: Path, runs: Path, form: str) -> None:
    (here / "wrong.yaml").write_text(WRONG)
    fresh, first, again = (
        run("check", "--output-format", form, *more, ".", cwd=here) for more in (["--no-cache"], [], [])
    )
    assert len(list(runs.iterdir())) == 1
    assert (fresh.status, fresh.out, fresh.err) == (first.status, first.out, first.err)
    assert (first.status, first.out, first.err) == (again.status, again.out, again.err) == (1, first.out, "")


def test_what_is_printed_again_was_not_worked_out_again(here: Path, runs: Path) -> None:
    first = run("check", ".", cwd=here)
    (kept,) = runs.iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"Biased", b"Forged"))
    assert run("check", ".", cwd=here).out == first.out.replace("Biased", "Forged") != first.out


def test_what_is_printed_again_loads_neither_click_nor_yaml(here: Path) -> None:
    run("check", ".", cwd=here)
    code = "import sys\nfrom shapecalc.cli.replay import replayed\nassert replayed(['check', '.']) == 1\n"
    code += "assert not {'click', 'yaml', 'sqlite3', 'shapecalc.pipeline'} & set(sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=here, env=environment(), capture_output=True, encoding="utf-8")
    assert (done.returncode, "SC301" in done.stdout) == (0, True), done.stderr


def _mend(here: Path) -> None:
    (here / "biased.yaml").write_text(BIASED.replace("kernel_size: 3}", "kernel_size: 3, bias: false}"))


def _rename_within(here: Path) -> None:
    before = (here / "biased.yaml").stat()
    (here / "biased.yaml").write_text(BIASED.replace("Biased", "Blamed"))
    os.utime(here / "biased.yaml", ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": _mend,
    "content of the same length and time": _rename_within,
    "a file more": lambda here: (here / "inner" / "wrong.yaml").write_text(WRONG),
    "a file less": lambda here: (here / "inner" / "clean.yaml").unlink(),
    "another name": lambda here: (here / "biased.yaml").rename(here / "renamed.yaml"),
    "settings": lambda here: (here / "shapecalc.toml").write_text('ignore = ["SC301"]\n'),
    "settings of the run": lambda here: (here / "shapecalc.toml").write_text('output-format = "full"\n'),
    "an exclusion": lambda here: (here / "shapecalc.toml").write_text('exclude = ["inner"]\n'),
    "files that git ignores": lambda here: (here / ".gitignore").write_text("biased.yaml\n"),
    "a file that becomes a spec": lambda here: (here / "none.yaml").write_text(CLEAN),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_in_the_files_is_seen(here: Path, name: str) -> None:
    (here / "none.yaml").write_text("services: {}\n")
    first = run("check", ".", cwd=here)
    CHANGES[name](here)
    again, fresh = run("check", ".", cwd=here), run("check", "--no-cache", ".", cwd=here)
    assert again.out != first.out
    assert (again.status, again.out, again.err) == (fresh.status, fresh.out, fresh.err)


def test_settings_below_are_inputs_of_their_files(here: Path) -> None:
    (here / "inner" / "wrong.yaml").write_text(WRONG)
    settings = here / "inner" / "shapecalc.toml"
    settings.write_text("")
    first = run("check", ".", cwd=here)
    settings.write_text('severity = {SC305 = "info"}\nignore = ["SC1"]\n')
    again = run("check", ".", cwd=here)
    assert again.out == run("check", "--no-cache", ".", cwd=here).out
    assert first.out == run("check", "--config", os.devnull, ".", cwd=here).out


def test_a_named_settings_file_is_an_input(here: Path) -> None:
    (here / "own.toml").write_text('ignore = ["SC301"]\n')
    assert run("check", "--config", "own.toml", ".", cwd=here).status == 0
    (here / "own.toml").write_text("")
    assert run("check", "--config", "own.toml", ".", cwd=here).status == 1
    (here / "own.toml").write_text("nonsense = 1\n")
    assert run("check", "--config", "own.toml", ".", cwd=here).status == 2
    (here / "own.toml").unlink()
    assert run("check", "--config", "own.toml", ".", cwd=here).status == 2


def test_a_pipe_is_read_once(here: Path, runs: Path) -> None:
    def piped(text: str) -> tuple[int, bytes]:
        reader, writer = os.pipe()
        os.write(writer, text.encode())
        os.close(writer)
        os.dup2(reader, 99)
        os.close(reader)
        command = [*COMMAND, "check", "--output-format", "concise", "/dev/fd/99"]
        done = subprocess.run(command, cwd=here, env=environment(), pass_fds=[99], stdout=subprocess.PIPE)
        os.close(99)
        return done.returncode, done.stdout

    assert piped(BIASED)[0] == 1
    assert not runs.exists()
    (status, out) = piped(CLEAN)
    assert (status, b"Clean" in out) == (0, True)


def test_what_has_become_a_pipe_is_left_to_the_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from shapecalc.cli.group import run as ended

    asked = ["check", "--output-format", "concise", "biased.yaml"]
    assert ended(asked) == 1
    capsys.readouterr()
    (here / "biased.yaml").unlink()
    os.mkfifo(here / "biased.yaml")
    assert told(asked, capsys) == (None, "")


def test_a_walk_does_not_wait_for_a_pipe(here: Path) -> None:
    os.mkfifo(here / "pipe.yaml")
    end = run("check", ".", cwd=here)
    assert (end.status, end.err) == (1, "")


def test_a_file_that_is_gone_is_told(here: Path) -> None:
    arguments = ["check", "--output-format", "concise", "biased.yaml", os.path.join("inner", "clean.yaml")]
    assert run(*arguments, cwd=here).status == 1
    (here / "inner" / "clean.yaml").unlink()
    end = run(*arguments, cwd=here)
    assert (end.status, "No such file" in end.err) == (2, True)


def test_other_arguments_folders_and_variables_are_other_runs(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shapecalc.cli.group import run as ended

    assert ended(["check", "."]) == 1
    first = capsys.readouterr().out
    assert told(["check", "."], capsys) == (1, first)
    assert told(["check", "-q", "."], capsys) == (None, "")
    for name in replay.ENVIRONMENT:
        with monkeypatch.context() as changed:
            changed.setenv(name, "1")
            assert told(["check", "."], capsys) == (None, ""), name
    with monkeypatch.context() as changed:
        changed.chdir(here / "inner")
        assert told(["check", "."], capsys) == (None, "")
    with monkeypatch.context() as changed:
        changed.setattr(replay, "program", lambda: "another version")
        assert told(["check", "."], capsys) == (None, "")
    assert told(["check", "."], capsys) == (1, first)


def test_two_ways_of_asking_that_meet_in_one_file_are_told_apart(
    here: Path, runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shapecalc.cli.group import run as ended

    monkeypatch.setattr(replay, "crc32", lambda question: 0)
    ended(["check", "."])
    capsys.readouterr()
    assert told(["check", "-q", "."], capsys) == (None, "")
    assert len(list(runs.iterdir())) == 1


def test_every_variable_that_a_check_reads_is_among_those_that_tell_runs_apart() -> None:
    package = Path(shapecalc.__file__).parent
    read = set()
    for name in ("cli/check.py", "cli/show.py", "cli/examine.py", "cli/files.py", "cli/inputs.py", "render/paint.py"):
        read |= variables((package / name).read_text(encoding="utf-8"))
    assert read == set(replay.ENVIRONMENT)


def variables(source: str) -> set[str]:
    """The names of environment variables that a module reads, itself or by click."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "envvar" and isinstance(node.value, ast.Constant):
            found.add(str(node.value.value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("environ.get"):
            found.add(ast.literal_eval(node.args[0]))
    return found


NOT_KEPT = [
    (["--no-cache", "."], {}),
    (["--verbose", "."], {}),
    (["--fix", "."], {}),
    (["--diff", "."], {}),
    (["--baseline", "known.json", "--write-baseline", "."], {}),
    (["-", "biased.yaml"], {}),
    (["missing.yaml", "biased.yaml"], {}),
    (["--output-format", "table", "biased.yaml"], {}),
    (["--output-format", "csv", "biased.yaml"], {}),
    ([".", "--output-format", "github"], {"GITHUB_STEP_SUMMARY": "summary.md"}),
]


@pytest.mark.parametrize(("arguments", "environment"), NOT_KEPT)
def test_runs_that_do_more_than_print_are_not_kept(
    here: Path, runs: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    run("check", *arguments, cwd=here, text=BIASED, **environment)
    assert not runs.exists()


@pytest.mark.parametrize("cut", [0, 1, 3, 40, 200, -1])
def test_a_damaged_run_is_no_trouble(here: Path, runs: Path, cut: int) -> None:
    first = run("check", ".", cwd=here)
    (kept,) = runs.iterdir()
    kept.write_bytes(kept.read_bytes()[:cut])
    end = run("check", ".", cwd=here)
    assert (end.status, end.out, end.err) == (first.status, first.out, "")


def test_a_folder_that_cannot_be_is_no_trouble(here: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    for _ in range(2):
        end = run("check", ".", cwd=here)
        assert (end.status, "SC301" in end.out, end.err) == (1, True, "")


def test_files_of_others_stay_where_they_are(here: Path, runs: Path) -> None:
    runs.mkdir(parents=True)
    (runs / "events.out").write_text("of a training run")
    (runs / "old").mkdir()
    before = time.time() - (KEPT_DAYS + 1) * 86400
    for path in runs.iterdir():
        os.utime(path, (before, before))
    run("check", ".", cwd=here)
    assert sorted(path.suffix for path in runs.iterdir()) == ["", ".out", replay.SUFFIX]


def test_settings_from_a_pipe_are_read_once(here: Path, runs: Path) -> None:
    with open(here / "all.sh", "w") as script:
        command = " ".join([*COMMAND, "check", "--output-format", "concise", "biased.yaml"])
        script.write(f"cat own.toml | {command} --config /dev/stdin\n")
    (here / "own.toml").write_text('ignore = ["SC301"]\n')
    for _ in range(2):
        done = subprocess.run(["sh", "all.sh"], cwd=here, env=environment(), capture_output=True, encoding="utf-8")
        assert (done.returncode, "SC301" in done.stdout) == (0, False), done.stderr
    assert not runs.exists()


def test_a_repository_around_is_an_input_of_the_formats_that_count_from_it(here: Path) -> None:
    asked = ["check", "--output-format", "github", "biased.yaml"]
    assert "file=biased.yaml" in run(*asked, cwd=here).out
    (here.parent / ".git").mkdir()
    assert "file=repository/biased.yaml" in run(*asked, cwd=here).out


def test_every_file_of_the_package_is_part_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shapecalc"
    shutil.copytree(Path(shapecalc.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "__file__", str(package / "cli" / "cache.py"))
    for name in ("pipeline.py", "__init__.py", "ops/conv.py"):
        before = cache.program()
        (package / name).write_text((package / name).read_text() + "# changed\n")
        assert cache.program() != before, name


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_quiet_in_every_run(here: Path, unbuffered: str) -> None:
    command = [*COMMAND, "check", "biased.yaml", "--output-format", "concise"]
    for more in (["--no-cache"], [], []):
        reader, writer = os.pipe()
        os.close(reader)
        changes = environment(PYTHONUNBUFFERED=unbuffered)
        done = subprocess.run([*command, *more], cwd=here, stdout=writer, stderr=subprocess.PIPE, env=changes)
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_device_without_room_is_told_in_every_run(here: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no such device")
    command = [*COMMAND, "check", "biased.yaml", "--output-format", "concise"]
    subprocess.run(command, cwd=here, stdout=subprocess.DEVNULL, env=environment())
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=here, stdout=full, stderr=subprocess.PIPE, env=environment())
    assert (done.returncode, b"No space left" in done.stderr) == (2, True)


def test_no_output_at_all_is_no_trouble(here: Path) -> None:
    command = f"{' '.join(COMMAND)} check biased.yaml >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=here, env=environment()).returncode == 1


def test_runs_are_forgotten_after_a_month(here: Path, runs: Path) -> None:
    run("check", ".", cwd=here)
    (kept,) = runs.iterdir()
    before = time.time() - (KEPT_DAYS + 1) * 86400
    os.utime(kept, (before, before))
    run("check", "-q", ".", cwd=here)
    assert kept not in list(runs.iterdir())
