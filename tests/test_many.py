"""`check` over many files: settings, fixes, the cache, the pool of processes, the baseline."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from shapecalc.cli.files import specs_below
from shapecalc.cli.mend import write_whole

from .schema.command import CLEAN, COMMAND, WRONG, environment, run

if TYPE_CHECKING:
    from pathlib import Path

BIASED = """\
shapecalc: 1
name: Biased
input: [3, 8, 8]
layers:
  - Conv2d: {out_channels: 4, kernel_size: 3}
  - BatchNorm2d
"""
MENDED = BIASED.replace("kernel_size: 3}", "kernel_size: 3, bias: false}")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHAPECALC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "biased.yaml").write_text(BIASED)
    (folder / "clean.yaml").write_text(CLEAN)
    return folder


# settings


def test_settings_of_the_nearest_file_hold_and_options_come_over_them(here: Path) -> None:
    assert "SC301" in run("check", ".", cwd=here).out
    (here / "shapecalc.toml").write_text('ignore = ["SC301"]\n')
    assert run("check", ".", cwd=here).status == 0
    assert "SC301" in run("check", "--select", "bias-before-norm", ".", cwd=here).out
    (here / "other.toml").write_text("")
    assert run("check", "--config", "other.toml", ".", cwd=here).status == 1


def test_severities_of_the_settings_decide_what_fails(here: Path) -> None:
    (here / "shapecalc.toml").write_text('severity = {SC301 = "info"}\n')
    assert run("check", ".", cwd=here).status == 0
    (here / "shapecalc.toml").write_text('fail-on = "error"\n')
    assert run("check", ".", cwd=here).status == 0
    assert run("check", "--fail-on", "warning", ".", cwd=here).status == 1


def test_excluded_files_are_passed_over_by_a_walk_and_by_force(here: Path) -> None:
    (here / "shapecalc.toml").write_text('exclude = ["biased.yaml"]\n')
    assert "biased" not in run("check", ".", cwd=here).out
    assert run("check", "biased.yaml", cwd=here).status == 1
    end = run("check", "--force-exclude", "biased.yaml", cwd=here)
    assert (end.status, end.out, end.err) == (0, "", "")


def test_by_force_files_that_are_no_specs_are_passed_over(here: Path) -> None:
    (here / "compose.yaml").write_text("services: {}\n")
    end = run("check", "--force-exclude", "compose.yaml", cwd=here)
    assert (end.status, end.out, end.err) == (0, "", "")


def test_wrong_settings_end_with_2(here: Path) -> None:
    (here / "shapecalc.toml").write_text("nonsense = 1\n")
    end = run("check", ".", cwd=here)
    assert (end.status, end.out) == (2, "")
    assert "unknown setting 'nonsense'" in end.err
    assert run("check", "--select", "SC9999", "clean.yaml", cwd=here).status == 2


BROKEN_SETTINGS = [
    ("pyproject.toml", "[tool]\nshapecalc = 1\n", "pyproject.toml:2: `tool.shapecalc` is a table, not 1"),
    ("pyproject.toml", "[tool.shapecalc.budget]\nparms = 1\n",
     "pyproject.toml:1: `budget` has no figure 'parms'; did you mean 'params'?"),
    ("shapecalc.toml", 'ignore = []\nbudget = {params = "lots"}\n', "shapecalc.toml:2: `budget` wants a number"),
    ("shapecalc.toml", "budget = {params = [1]}\n", "shapecalc.toml:1: `budget` wants a number"),
    ("shapecalc.toml", "budget = {params = true}\n", "shapecalc.toml:1: `budget` wants a number"),
    ("shapecalc.toml", '\noutput-format = "xml"\n', "shapecalc.toml:2: `output-format` is one of table, json"),
    ("shapecalc.toml", 'select = ["SC3"]\nignore = [\n "SC301", "SC9999"]\n', "shapecalc.toml:3: no code begins with"),
    ("pyproject.toml", '[tool.shapecalc.severity]\nbias-befor-norm = "info"\n',
     "pyproject.toml:2: no code begins with 'bias-befor-norm'; did you mean 'bias-before-norm'?"),
    ("shapecalc.toml", '# SC998 is none\nselect = ["SC998"]\n', "shapecalc.toml:2: no code begins with 'SC998'"),
    ("pyproject.toml", '[tool.other]\nignore = "x"\n[tool.shapecalc]\nignore = "x"\n', "pyproject.toml:4: `ignore` is"),
    ("shapecalc.toml", "ignore = [\n  'SC301'\nselect\n", "shapecalc.toml:3:1: Unclosed array"),
    ("shapecalc.toml", '# x\n"ingore" = []\n', "shapecalc.toml:2: unknown setting 'ingore'; did you mean 'ignore'?"),
    ("shapecalc.toml", "ignore = 3\n", "shapecalc.toml:1: `ignore` is a list of texts, not 3"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), BROKEN_SETTINGS)
def test_settings_that_cannot_be_used_are_told_with_their_place(here: Path, name: str, text: str, said: str) -> None:
    (here / name).write_text(text)
    end = run("check", ".", cwd=here)
    assert (end.status, end.out, end.err.count("\n")) == (2, "", 1)
    assert end.err.startswith("shapecalc: ")
    assert said in end.err


def test_a_pyproject_without_tools_is_passed_over(here: Path) -> None:
    (here / "pyproject.toml").write_text("tool = 3 # shapecalc\n")
    assert run("check", "clean.yaml", cwd=here).status == 0


def test_bounds_of_every_kind_are_read(here: Path) -> None:
    (here / "shapecalc.toml").write_text('budget = {params = "25M", macs = "<= 3e6 * 2", saved_bytes = 67108864}\n')
    assert run("check", "clean.yaml", cwd=here).status == 0


def test_a_budget_of_the_settings_is_kept_by_every_network(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.shapecalc.budget]\nparams = "100"\n')
    end = run("check", "--select", "SC5", "--output-format", "concise", ".", cwd=here)
    assert "SC504" in end.out
    assert end.out.count("SC504") == 1  # 112 + 8 params; the clean one has 15
    assert end.status == 1


def test_verbosely_a_run_tells_its_settings_and_what_the_cache_had(here: Path, cache: Path) -> None:
    assert run("check", ".", cwd=here).err == ""
    (here / "clean.yaml").write_text(CLEAN + "# changed\n")
    (here / "pyproject.toml").write_text("[tool.shapecalc]\n")
    told = f"shapecalc: settings: pyproject.toml\nshapecalc: 2 specs, 1 from the cache {cache / 'verdicts.sqlite'}\n"
    assert run("check", "-v", ".", cwd=here).err == told
    assert run("check", "-v", "--no-cache", "clean.yaml", cwd=here).err.endswith("shapecalc: 1 spec, no cache used\n")


# fixes


def test_fix_writes_what_is_safe_and_more_only_when_asked(here: Path) -> None:
    run("check", "--fix", ".", cwd=here)
    assert (here / "biased.yaml").read_text() == BIASED
    end = run("check", "--fix", "--unsafe-fixes", ".", cwd=here)
    assert (here / "biased.yaml").read_text() == MENDED
    assert end.status == 0
    assert "1 fix applied" in end.err
    again = run("check", "--fix", "--unsafe-fixes", ".", cwd=here)
    assert "applied" not in again.err
    assert sorted(os.listdir(here)) == ["biased.yaml", "clean.yaml"]


def test_diff_shows_a_patch_that_git_applies_and_writes_nothing(here: Path) -> None:
    end = run("check", "--diff", "--unsafe-fixes", ".", cwd=here)
    assert end.status == 1
    assert (here / "biased.yaml").read_text() == BIASED
    (here / "change.patch").write_text(end.out)
    import subprocess

    subprocess.run(["git", "apply", "-p0", "change.patch"], cwd=here, check=True)
    assert (here / "biased.yaml").read_text() == MENDED
    assert run("check", "--diff", "--unsafe-fixes", ".", cwd=here).status == 0


def test_a_file_without_a_last_newline_and_with_a_mark_keeps_both(here: Path) -> None:
    (here / "biased.yaml").write_bytes(b"\xef\xbb\xbf" + BIASED.rstrip("\n").replace("\n", "\r\n").encode())
    run("check", "--fix", "--unsafe-fixes", "biased.yaml", cwd=here)
    expected = b"\xef\xbb\xbf" + MENDED.rstrip("\n").replace("\n", "\r\n").encode()
    assert (here / "biased.yaml").read_bytes() == expected


def test_standard_input_is_mended_to_standard_output(here: Path) -> None:
    end = run("check", "--fix", "--unsafe-fixes", "-", cwd=here, text=BIASED)
    assert end.out == MENDED
    assert run("check", "--fix", "-", cwd=here, text=WRONG).out == WRONG


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_file_that_cannot_be_replaced_stays_whole(here: Path) -> None:
    here.chmod(0o555)
    end = run("check", "--fix", "--unsafe-fixes", "biased.yaml", cwd=here)
    here.chmod(0o755)
    assert end.status == 2
    assert (here / "biased.yaml").read_text() == BIASED


def test_names_of_files_that_are_no_utf8_are_known_to_a_baseline(here: Path) -> None:
    odd = here / os.fsdecode(b"n\xe9.yaml")
    try:
        odd.write_text(BIASED)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert run("check", "--baseline", "known.json", "--write-baseline", ".", cwd=here).status == 0
    assert run("check", "--baseline", "known.json", ".", cwd=here).status == 0
    (here / "known.json").unlink()
    summary = here / "summary.md"
    end = run("check", ".", cwd=here, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert (end.status, "internal error" in end.err) == (1, False)
    assert "SC301" in summary.read_text()


def test_a_step_summary_that_cannot_be_written_is_told_and_stops_nothing(here: Path) -> None:
    end = run("check", ".", cwd=here, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(here / "no" / "file"))
    assert (end.status, end.err.count("\n")) == (1, 1)
    assert "No such file" in end.err
    assert "::warning file=biased.yaml" in end.out


def test_a_file_that_may_not_be_written_is_not_replaced(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the superuser, whom no mode binds, this asks what the mode would answer to others."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError):
        write_whole(str(here / "biased.yaml"), b"")
    assert [(p.name, p.read_text()) for p in here.glob("b*")] == [("biased.yaml", BIASED)]
    write_whole(str(here / "new.yaml"), b"new")


def test_bytes_that_are_no_text_are_left_as_they_are(here: Path) -> None:
    latin = BIASED.encode() + b"# \xe9\n"
    (here / "latin.yaml").write_bytes(latin)
    for options in (["--fix"], ["--diff"], ["--fix", "--unsafe-fixes"]):
        end = run("check", *options, "latin.yaml", cwd=here)
        assert (end.status, "SC001" in end.out) == ((0, False) if "--diff" in options else (1, True))
        assert "internal error" not in end.err
        assert (here / "latin.yaml").read_bytes() == latin
    command = [*COMMAND, "check", "--fix", "-"]
    assert subprocess.run(command, input=latin, stdout=-1, stderr=-1, cwd=here, env=environment()).stdout == latin


def test_a_link_stays_a_link_and_its_file_keeps_its_mode(here: Path) -> None:
    (here / "real").mkdir()
    (here / "biased.yaml").rename(here / "real" / "net.yaml")
    (here / "real" / "net.yaml").chmod(0o640)
    (here / "biased.yaml").symlink_to("real/net.yaml")
    run("check", "--fix", "--unsafe-fixes", "biased.yaml", cwd=here)
    assert (here / "biased.yaml").is_symlink()
    assert (here / "real" / "net.yaml").read_text() == MENDED
    assert (here / "real" / "net.yaml").stat().st_mode & 0o777 == 0o640


# cache and pool


def many(folder: Path, count: int) -> None:
    for i in range(count):
        (folder / f"n{i:03}.yaml").write_text((BIASED if i % 3 else WRONG).replace("[3, 8, 8]", f"[3, {8 + i}, 8]"))


def verdicts_alone(cache: Path) -> None:
    """Leave of the cache what is kept of single files, by which a run is made whose files are not all the same."""
    shutil.rmtree(cache / "runs")


def test_the_cache_changes_nothing_but_the_time(here: Path, cache: Path) -> None:
    many(here, 20)
    fresh = run("check", "--no-cache", ".", cwd=here)
    assert not cache.exists()
    first, again = (run("check", ".", cwd=here) for _ in range(2))
    verdicts_alone(cache)
    second = run("check", ".", cwd=here)
    assert fresh.out == first.out == again.out == second.out
    assert fresh.status == first.status == again.status == second.status == 1


def test_the_verdict_of_a_file_that_is_the_same_is_taken(here: Path, cache: Path) -> None:
    run("check", ".", cwd=here)
    with sqlite3.connect(cache / "verdicts.sqlite") as connection:
        connection.execute("UPDATE verdicts SET verdict = replace(verdict, 'Clean', 'Forged')")
    (here / "biased.yaml").write_text(MENDED)
    assert "clean.yaml: Forged" in run("check", ".", cwd=here).out


def test_a_verdict_is_not_taken_for_another_content_or_setting(here: Path) -> None:
    assert "SC301" in run("check", ".", cwd=here).out
    assert "SC301" not in run("check", "--ignore", "SC301", ".", cwd=here).out
    (here / "biased.yaml").write_text(MENDED)
    assert "SC301" not in run("check", ".", cwd=here).out


def test_a_damaged_cache_is_no_trouble(here: Path, cache: Path) -> None:
    run("check", ".", cwd=here)
    verdicts_alone(cache)
    (cache / "verdicts.sqlite").write_bytes(b"nonsense" * 1000)
    end = run("check", ".", cwd=here)
    assert (end.status, end.err) == (1, "")
    assert "SC301" in end.out


@pytest.mark.parametrize("text", ["nonsense", "1, 2", "", "{}", "[]", '{"found": [[1]]}'])
def test_a_damaged_row_of_the_cache_is_no_trouble(here: Path, cache: Path, text: str) -> None:
    many(here, 3)
    first = run("check", ".", cwd=here)
    with sqlite3.connect(cache / "verdicts.sqlite") as connection:
        row = "(SELECT key FROM verdicts LIMIT 1)"
        connection.execute(f"UPDATE verdicts SET verdict = ? WHERE key = {row}", [text])
    verdicts_alone(cache)
    end = run("check", ".", cwd=here)
    assert (end.status, end.out, end.err) == (first.status, first.out, "")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_what_a_walk_may_not_read_is_told(here: Path) -> None:
    (here / "locked").mkdir(0o000)
    (here / "clean.yaml").chmod(0o000)
    end = run("check", ".", cwd=here)
    assert (end.status, "SC301" in end.out) == (2, True)
    assert end.err.splitlines() == [f"shapecalc: {name}: Permission denied" for name in ("clean.yaml", "locked")]


def test_a_walk_goes_on_behind_links_that_lead_nowhere(here: Path) -> None:
    (here / "loop.yaml").symlink_to("loop.yaml")
    (here / "through.yaml").symlink_to("biased.yaml/x.yaml")
    (here / "long.yaml").symlink_to("x" * 300)
    end = run("check", ".", cwd=here)
    assert (end.status, "SC301" in end.out, "internal" in end.err) == (2, True, False)
    assert [line.split(": ")[1] for line in end.err.splitlines()] == ["long.yaml", "loop.yaml", "through.yaml"]


def test_names_on_standard_error_stay_on_their_line(here: Path) -> None:
    assert run("check", "no\n\x1b[31mX.yaml", cwd=here).err == (
        "shapecalc: no\\n\N{REPLACEMENT CHARACTER}[31mX.yaml: No such file or directory\n"
    )


def test_verbosely_a_run_that_fails_and_a_patch_tell_the_same(here: Path) -> None:
    assert "settings: none" in run("check", "-v", "missing.yaml", cwd=here).err
    assert "settings: none" in run("check", "-v", "--diff", ".", cwd=here).err


def test_a_walk_gives_what_it_cannot_read(here: Path) -> None:
    """As the superuser, whom no mode binds, this reads what is no file at all."""
    (here / "dangling.yaml").symlink_to("nowhere.yaml")
    found = dict(specs_below(str(here)))
    assert isinstance(found[str(here / "dangling.yaml")], FileNotFoundError)
    assert found[str(here / "clean.yaml")] == CLEAN.encode()
    (here / "excluded").mkdir()
    (here / "excluded" / "dangling.yaml").symlink_to("nowhere.yaml")
    (here / "shapecalc.toml").write_text('exclude = ["excluded"]\n')
    end = run("check", ".", cwd=here)
    assert (end.status, end.err) == (2, "shapecalc: dangling.yaml: No such file or directory\n")


def test_settings_of_a_walked_file_are_those_of_the_same_file_by_name(here: Path) -> None:
    (here / "below").mkdir()
    (here / "below" / "shapecalc.toml").write_text('ignore = ["SC301"]')
    (here / "below" / "biased.yaml").write_text(BIASED)
    named = os.path.join("below", "biased.yaml")
    assert "SC301" not in run("check", named, cwd=here).out
    walked = run("check", "--output-format", "concise", ".", cwd=here).out.splitlines()
    assert "biased.yaml" in {line.split(":")[0] for line in walked if "SC301" in line}
    assert not [line for line in walked if line.startswith(named) and "SC301" in line]


def test_runs_at_the_same_time_share_the_cache(here: Path) -> None:
    many(here, 30)
    with ThreadPoolExecutor(4) as pool:
        outs = list(pool.map(lambda _: run("check", ".", cwd=here).out, range(4)))
    assert len(set(outs)) == 1


def test_a_pool_gives_what_one_process_gives_in_the_same_order(here: Path) -> None:
    many(here, 150)
    end = run("check", "--no-cache", "--output-format", "concise", ".", cwd=here)
    paths = [line.split(":")[0] for line in end.out.splitlines() if "params" in line or "error" in line]
    assert [p for p in dict.fromkeys(paths) if p.startswith("n")] == [f"n{i:03}.yaml" for i in range(150)]
    single = run("check", "--no-cache", "--output-format", "concise", "n001.yaml", cwd=here).out.splitlines()
    assert set(single[:2]) <= set(end.out.splitlines())


# baseline


def test_known_findings_are_not_told_and_new_ones_are(here: Path) -> None:
    assert run("check", "--baseline", "known.json", "--write-baseline", ".", cwd=here).status == 0
    assert json.loads((here / "known.json").read_text())["findings"] == [
        {"path": "biased.yaml", "code": "SC301", "of": "0", "count": 1}
    ]
    assert run("check", "--baseline", "known.json", ".", cwd=here).status == 0
    (here / "biased.yaml").write_text("# moved\n" + BIASED)
    assert run("check", "--baseline", "known.json", ".", cwd=here).status == 0
    (here / "biased.yaml").write_text(BIASED + "  - Conv2d: {out_channels: 4, kernel_size: 3}\n  - BatchNorm2d\n")
    end = run("check", "--baseline", "known.json", ".", cwd=here)
    assert end.status == 1
    assert end.out.count("SC301") == 1
    (here / "shapecalc.toml").write_text('baseline = "known.json"\n')
    assert run("check", "biased.yaml", cwd=here / "..").status == 2  # no such file there
    assert run("check", "repository/biased.yaml", "--output-format", "concise", cwd=here / "..").out.count("SC301") == 1


def test_a_baseline_that_is_none_ends_with_2(here: Path) -> None:
    (here / "known.json").write_text("[1]")
    for args in (["--baseline", "known.json"], ["--baseline", "missing.json"], ["--write-baseline"]):
        assert run("check", *args, ".", cwd=here).status == 2


# formats


def test_rows_of_layers_and_findings_go_apart(here: Path) -> None:
    end = run("check", "--output-format", "csv", "biased.yaml", cwd=here)
    assert end.out.splitlines()[0].startswith("path,layer")
    assert "SC301" not in end.out
    assert "SC301" in end.err
    assert "SC301" in run("check", "--output-format", "markdown", "biased.yaml", cwd=here).out


def test_junit_has_a_case_for_each_expectation_kept_or_broken(here: Path) -> None:
    from xml.etree import ElementTree

    (here / "clean.yaml").write_text(CLEAN + "expect: {params: 15, output: [4]}\n")
    document = ElementTree.fromstring(run("check", "--output-format", "junit", "clean.yaml", cwd=here).out)
    cases = {case.get("name"): case.find("failure") for case in document.iter("testcase")}
    assert cases["expect params: 15"] is None
    (broken,) = (name for name, failure in cases.items() if failure is not None)
    assert "SC501" in str(broken)


def test_a_pattern_that_begins_with_two_stars_means_the_top_folder_too(here: Path) -> None:
    for folder in ("old", "nets/old"):
        (here / folder).mkdir(parents=True)
        (here / folder / "broken.yaml").write_text("shapecalc: 1\n")
    (here / "shapecalc.toml").write_text('exclude = ["**/old", "**/biased.yaml"]\n')
    assert run("check", ".", cwd=here).status == 0


def test_a_folder_that_has_been_deleted_is_told(here: Path) -> None:
    (here / "gone").mkdir()
    command = " ".join([f"cd {here / 'gone'} && rmdir ../gone &&", *COMMAND, "check ."])
    end = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment())
    assert (end.returncode, end.stderr) == (2, "shapecalc: the current folder has been deleted\n")


def test_a_pipe_in_place_of_a_gitignore_keeps_nobody_waiting(here: Path) -> None:
    os.mkfifo(here / ".gitignore")
    assert run("check", ".", cwd=here).status == 1
