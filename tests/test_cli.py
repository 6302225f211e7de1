"""The command line as scripts meet it: exit statuses, what goes where, formats, colours and widths."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from shapecalc.render.paint import width

from .schema.command import CLEAN, COMMAND, WRONG, environment, run


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "clean.yaml").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    return tmp_path


# exit statuses


def test_a_clean_spec_ends_with_0_and_prints_its_table_on_stdout(here: Path) -> None:
    end = run("check", "clean.yaml", cwd=here)
    assert (end.status, end.err) == (0, "")
    assert "Linear" in end.out
    assert "15" in end.out  # 4*3 + 3 params


def test_findings_end_with_1_and_stand_on_stdout(here: Path) -> None:
    end = run("check", "wrong.yaml", cwd=here)
    assert (end.status, end.err) == (1, "")
    assert "SC106" in end.out
    assert "wrong.yaml:5:5" in end.out


@pytest.mark.parametrize(
    "args",
    [
        ["check", "--nonsense", "clean.yaml"], ["chekc", "clean.yaml"], ["check", "--set", "w", "clean.yaml"],
        ["check", "--set", "w=", "clean.yaml"], ["check", "--set", "=3", "clean.yaml"],
        ["check", "--sort", "quux", "clean.yaml"],
        ["check", "--columns", "quux", "clean.yaml"], ["check", "--output-format", "quux", "clean.yaml"],
        ["check", "--color", "sometimes", "clean.yaml"], ["check", "--fail-on", "quux", "clean.yaml"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_says_so_on_stderr(here: Path, args: list[str]) -> None:
    end = run(*args, cwd=here)
    assert (end.status, end.out) == (2, "")
    assert end.err.strip()


def test_a_misspelt_command_is_guessed(here: Path) -> None:
    assert "check" in run("chekc", "clean.yaml", cwd=here).err


def test_a_missing_file_ends_with_2_and_the_others_are_checked(here: Path) -> None:
    end = run("check", "clean.yaml", "missing.yaml", "wrong.yaml", cwd=here)
    assert end.status == 2
    (line,) = end.err.splitlines()
    assert "missing.yaml" in line
    assert "clean.yaml" in end.out
    assert "wrong.yaml:5:5: SC106" in end.out


def test_exit_zero_and_fail_on_choose_what_fails(here: Path) -> None:
    assert run("check", "--exit-zero", "wrong.yaml", cwd=here).status == 0
    assert run("check", "--fail-on", "never", "wrong.yaml", cwd=here).status == 0
    assert run("check", "--fail-on", "error", "wrong.yaml", cwd=here).status == 1


def test_a_note_fails_only_where_asked(here: Path) -> None:
    (here / "noted.yaml").write_text(CLEAN + "expect: {params: 15}\n", encoding="utf-8")
    assert run("check", "--set", "w=9", "noted.yaml", cwd=here).status == 0
    assert run("check", "--set", "w=9", "--fail-on", "info", "noted.yaml", cwd=here).status == 1
    assert run("check", "--fail-on", "info", "noted.yaml", cwd=here).status == 0


def opened(path: Path, process: subprocess.Popen[bytes]) -> int:
    """A named pipe opened for writing, once the process has opened it for reading. Raises where it ends before."""
    for _ in range(3000):
        assert process.poll() is None, process.communicate()
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.01)
    raise TimeoutError


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def interrupted(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process leaves that is interrupted while it waits; again where the signal came right before the wait."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=6)
    raise AssertionError("the process does not end")


def test_ctrl_c_ends_with_130_in_silence(tmp_path: Path) -> None:
    """The spec is a named pipe, so that the signal comes when the process is known to be reading."""
    os.mkfifo(tmp_path / "slow.yaml")
    process = subprocess.Popen(
        [*COMMAND, "check", "slow.yaml"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    pipe = opened(tmp_path / "slow.yaml", process)
    out, err = interrupted(process)
    os.close(pipe)
    assert process.returncode == 130
    assert b"Traceback" not in out + err


@pytest.mark.parametrize("turns", [1, 5000], ids=["within one buffer", "beyond the pipe's"])
def test_a_closed_pipe_is_quiet(tmp_path: Path, turns: int) -> None:
    """The reader goes before the spec comes, so that whatever is written meets a closed pipe."""
    process = subprocess.Popen(
        [*COMMAND, "check", "-"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    text = f"shapecalc: 1\ninput: [4]\nlayers: [{{'for i in range({turns})': [{{Linear: 4}}]}}]\n"
    _, err = process.communicate(text.encode(), timeout=60)
    assert err == b""
    assert process.returncode in (0, 1, 141)


# which files


def test_stdin_is_read_for_a_dash(tmp_path: Path) -> None:
    assert run("check", "-", cwd=tmp_path, text=CLEAN).status == 0
    end = run("check", "-", "--stdin-filename", "net.yaml", cwd=tmp_path, text=WRONG)
    assert end.status == 1
    assert "net.yaml:5:5" in end.out


def test_a_directory_is_searched_for_specs(here: Path) -> None:
    files = {
        "deep/er/inner.yml": CLEAN,
        "hidden/.git/x.yaml": WRONG, ".hidden/x.yaml": WRONG, "other.yaml": "name: compose\n",
        "text.txt": WRONG, "build/out.yaml": WRONG, "kept/skip.yaml": WRONG, "kept/take.yaml": CLEAN,
        ".gitignore": "build/\nskip.yaml\n", "broken.yaml": "layers: [\nshapecalc: 1\n",
    }  # fmt: skip
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")
    end = run("check", "--output-format", "json", cwd=here)
    paths = [file["path"] for file in json.loads(end.out)["files"]]
    assert paths == ["broken.yaml", "clean.yaml", "deep/er/inner.yml", "kept/take.yaml", "wrong.yaml"]
    assert end.status == 1


def test_several_files_get_a_line_each(here: Path) -> None:
    end = run("check", "clean.yaml", "wrong.yaml", cwd=here)
    assert [line.split(":")[0] for line in end.out.splitlines()[:2]] == ["clean.yaml", "wrong.yaml"]
    assert "Found 1 error." in end.out


def test_a_file_that_is_named_and_is_no_spec_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {}}\n", encoding="utf-8")
    end = run("check", "compose.yaml", cwd=tmp_path)
    assert end.status == 1
    assert "SC101" in end.out


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_bytes(b"shapecalc: 1\n\xff\xfe\x00")
    end = run("check", "image.yaml", cwd=tmp_path)
    assert end.status == 1
    assert "SC001" in end.out


# settings, columns, order


@pytest.mark.parametrize(("given", "params"), [("w=5", 25), ("w=7", 35), ("w=2 * 2", 20), ("w=[5]", None)])
def test_set_gives_values_to_params(here: Path, given: str, params: int | None) -> None:
    end = run("check", "--set", given, "--output-format", "json", "clean.yaml", cwd=here)
    assert end.status == (0 if params else 1)
    if params:
        assert json.loads(end.out)["files"][0]["totals"]["params"] == params


def test_set_of_an_unknown_param_is_a_finding(here: Path) -> None:
    end = run("check", "--set", "v=5", "clean.yaml", cwd=here)
    assert end.status == 1
    assert "SC119" in end.out


def table(out: str) -> list[list[str]]:
    """The words of the lines between the first two empty ones: the heading and the layers."""
    return [line.split() for line in out.split("\n\n")[1].splitlines()]


def test_columns_are_those_asked_for(here: Path) -> None:
    rows = table(run("check", "--columns", "layer,params", "clean.yaml", cwd=here).out)
    assert rows == [["layer", "params"], ["0", "15"], ["1"]]


def test_sort_puts_the_largest_first(tmp_path: Path) -> None:
    text = "shapecalc: 1\ninput: [4]\nlayers: {a: {Linear: 2}, b: {Linear: 9}, c: {Linear: 5}}\n"
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    rows = table(run("check", "--columns", "layer,params", "--sort", "params", "net.yaml", cwd=tmp_path).out)
    assert rows[1:] == [["c", "50"], ["b", "27"], ["a", "10"]]


# terminals

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    ("args", "env", "coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "0"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "auto"], {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_colour_follows_the_option_then_no_color_then_force_color(
    here: Path, args: list[str], env: dict[str, str], coloured: bool
) -> None:
    assert (ESCAPE in run("check", *args, "wrong.yaml", cwd=here, **env).out) is coloured


LONG = "shapecalc: 1\ninput: [4]\nlayers:\n  " + "a_very_long_name_of_a_layer_" * 5 + ": {Linear: 3}\n"


def test_without_a_terminal_nothing_is_cut(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    out = run("check", "long.yaml", cwd=tmp_path, COLUMNS="40").out
    assert "a_very_long_name_of_a_layer_" * 5 in out
    assert "…" not in out


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals")
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_gets_colour_and_lines_of_its_width(tmp_path: Path, term: str) -> None:
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    ours, theirs = os.openpty()
    done = subprocess.run(
        [*COMMAND, "check", "--columns", "layer,op,params", "long.yaml"],
        cwd=tmp_path, env=environment(COLUMNS="60", TERM=term), stdout=theirs, stderr=subprocess.PIPE, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    out = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert (ESCAPE in out) is (term == "xterm")
    assert "…" in out
    lines = [line.replace(f"{ESCAPE}[1m", "").replace(f"{ESCAPE}[0m", "") for line in out.split("\r\n")]
    assert all(width(line) <= 60 for line in lines)


def test_carets_stand_below_the_place_after_wide_characters(tmp_path: Path) -> None:
    line = "  - {ReLU: , when: word == '步幅填充' or nothing}"
    (tmp_path / "wide.yaml").write_text(
        f"shapecalc: 1\nparams: {{word: a}}\ninput: [4]\nlayers:\n{line}\n", encoding="utf-8"
    )
    out = run("check", "wide.yaml", cwd=tmp_path).out.splitlines()
    source, carets = next((a, b) for a, b in pairwise(out) if "nothing}" in a)
    assert width(carets[: carets.index("^")]) == width(source[: source.index("nothing")])
    assert carets.count("^") == len("nothing")


def test_control_characters_of_a_spec_reach_no_terminal(tmp_path: Path) -> None:
    text = 'shapecalc: 1\ninput: [4]\nlayers:\n  - Linear: "\\e[31m\\a"\n  - "\\e]0;title\\a": 3\n'
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    for form in ("table", "concise", "full"):
        end = run("check", "--output-format", form, "odd.yaml", cwd=tmp_path)
        assert end.status == 1
        assert not any(ord(c) < 32 and c != "\n" for c in end.out + end.err)


def test_what_the_encoding_of_the_output_lacks_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("shapecalc: 1\ninput: [4]\nlayers: [{Linear: 步幅}]\n", encoding="utf-8")
    assert run("check", "net.yaml", cwd=tmp_path, PYTHONIOENCODING="ascii").status == 1


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["check", "--help"]], ids=" ".join)
def test_version_and_help_end_with_0(tmp_path: Path, args: list[str]) -> None:
    end = run(*args, cwd=tmp_path)
    assert (end.status, end.err) == (0, "")
    assert "shapecalc" in end.out.lower()


def test_emit_prints_source_that_python_reads(here: Path) -> None:
    end = run("emit", "clean.yaml", cwd=here)
    assert end.status == 0
    compile(end.out, "emitted", "exec")
    assert "class Clean(nn." in end.out


def test_emit_of_a_wrong_spec_says_why_on_stderr(here: Path) -> None:
    end = run("emit", "wrong.yaml", cwd=here)
    assert end.status == 1
    assert end.out == ""
    assert "SC106" in end.err
