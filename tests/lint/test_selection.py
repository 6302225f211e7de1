"""Which codes are wanted: prefixes, names, layers of settings; and settings files."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecalc.lint.config import ConfigError, Finder, load
from shapecalc.lint.selection import Selection, UnknownCode, codes_of
from shapecalc.source.codes import CATALOGUE, OPTIONAL

CODES = {code for code, *_ in CATALOGUE}


def test_a_selector_is_a_code_a_prefix_a_name_or_all() -> None:
    assert codes_of("SC301") == {"SC301"}
    assert codes_of("bias-before-norm") == {"SC301"}
    assert codes_of("SC3") == {code for code in CODES if code.startswith("SC3")}
    assert codes_of("ALL") == CODES


@pytest.mark.parametrize("wrong", ["SC9999", "bias-before-nrom", "", "sc301", "all"])
def test_a_selector_that_means_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(UnknownCode):
        codes_of(wrong)


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(UnknownCode, match="did you mean 'bias-before-norm'"):
        codes_of("bias-befor-norm")


def test_matters_of_taste_are_found_only_where_selected() -> None:
    assert not Selection().codes & OPTIONAL
    assert Selection().changed(extend=["SC403"]).wants("SC403")
    assert Selection().changed(select=["ALL"]).codes == CODES


@pytest.mark.parametrize(
    ("select", "ignore", "wants", "not_wants"),
    [
        (["SC3"], [], "SC302", "SC401"),
        (["SC3"], ["SC302"], "SC301", "SC302"),
        (["SC301"], ["SC3"], "SC301", "SC302"),  # the longer selector wins
        (["SC301"], ["SC301"], "SC001", "SC301"),  # of equal ones, ignore
        (["SC301"], ["bias-before-norm"], "SC001", "SC301"),  # a name counts as its code
        (["ALL"], ["SC4"], "SC301", "SC401"),
        (None, ["SC301"], "SC302", "SC301"),
        (None, ["ALL"], "SC001", "SC302"),  # what keeps a spec from being read is always told
    ],
)
def test_the_closer_selector_wins(select: list[str] | None, ignore: list[str], wants: str, not_wants: str) -> None:
    chosen = Selection().changed(select=select, ignore=ignore)
    assert chosen.wants(wants)
    assert not chosen.wants(not_wants)


def test_severities_are_changed_by_prefix() -> None:
    assert Selection().changed(severities={"SC30": "error"}).severities["SC301"] == "error"


def test_the_nearest_settings_file_wins_and_a_pyproject_without_us_is_none(tmp_path: Path) -> None:
    (tmp_path / "shapecalc.toml").write_text('select = ["SC2"]\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "shapecalc-user"\n')
    assert Finder().of(str(inner / "net.yaml")).get("select") == ["SC2"]
    (inner / "pyproject.toml").write_text('[tool.shapecalc]\nselect = ["SC3"]\n')
    assert Finder().of(str(inner / "net.yaml")).get("select") == ["SC3"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('selct = ["SC3"]', "did you mean 'select'"),
        ('select = "SC3"', "a list of texts"),
        ('select = ["SC9999"]', "SC9999"),
        ('[per-file-ignores]\n"a.yaml" = ["SCX"]', "SCX"),
        ('[severity]\nSC301 = "fatal"', "error, warning, info"),
        ('fail-on = "often"', "never"),
        ("select = [", "shapecalc.toml"),
    ],
)
def test_a_wrong_settings_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "shapecalc.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"shapecalc\.toml") as caught:
        load(str(path))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.yaml", "net.yaml", True),
        ("*.yaml", "deep/net.yaml", True),
        ("old/*.yaml", "old/net.yaml", True),
        ("old", "old/deep/net.yaml", True),
        ("old/", "old/net.yaml", True),
        ("old", "older/net.yaml", False),
        ("deep/net.yaml", "other/deep/net.yaml", False),
    ],
)
def test_patterns_count_from_the_folder_of_the_settings(tmp_path: Path, pattern: str, path: str, matches: bool) -> None:
    (tmp_path / "shapecalc.toml").write_text(f'exclude = ["{pattern}"]\n[per-file-ignores]\n"{pattern}" = ["SC301"]\n')
    settings = load(str(tmp_path / "shapecalc.toml"))
    assert settings.excludes(str(tmp_path / path)) is matches
    assert settings.ignored_for(str(tmp_path / path)) == ["SC301"] * matches
