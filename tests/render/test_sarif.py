"""SARIF against the published schema (SchemaStore's copy of 2.1.0), against the source text, and over wild texts."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import jsonschema
import pytest
from hypothesis import given, settings

from shapecalc.analysis.verdict import Verdict
from shapecalc.lint.fix import edited
from shapecalc.lint.registry import PAGES, RULES
from shapecalc.pipeline import check
from shapecalc.render.listing import well_formed, whole_message
from shapecalc.render.sarif import MOST, render_sarif
from shapecalc.source.codes import CATALOGUE, OPTIONAL

from .wild import BROKEN, REAL, found, report_of, texts, verdict, verdict_of, verdicts

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/schema/sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def run_of(listed: Any, root: str = "/repo") -> Any:
    """The one run of the log, which follows the schema."""
    text = render_sarif(listed, root)
    assert text.isascii()
    log = json.loads(text)
    VALIDATOR.validate(log)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def test_the_schema_refuses_what_is_no_sarif() -> None:
    log = json.loads(render_sarif([verdict_of(REAL)], "/repo"))
    for spoil in (
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0].update(level="bad"),
        lambda run: run["tool"]["driver"]["rules"][0].pop("id"),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda run: run.update(unknown=1),
    ):
        wrong = copy.deepcopy(log)
        spoil(wrong["runs"][0])
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(wrong)


def test_a_clean_run_is_a_whole_document() -> None:
    assert run_of([])["results"] == []
    assert run_of([verdict("a.yaml", [])])["results"] == []


def test_the_run_says_how_to_read_it() -> None:
    run = run_of([])
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["automationDetails"] == {"id": "shapecalc/"}
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///repo/"}}
    driver = run["tool"]["driver"]
    assert driver["name"] == "shapecalc"
    assert driver["semanticVersion"]
    assert driver["informationUri"].startswith("https://")


def test_all_rules_stand_in_the_driver_with_what_code_scanning_shows() -> None:
    rules = run_of([])["tool"]["driver"]["rules"]
    assert [(r["id"], r["name"]) for r in rules] == [(code, name) for code, name, *_ in CATALOGUE]
    for rule in rules:
        for key in ("shortDescription", "fullDescription"):
            assert 0 < len(rule[key]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["enabled"] == (rule["id"] not in OPTIONAL)
        assert set(rule["properties"]) == {"tags", "precision", "problem.severity"}
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert rule["properties"]["precision"] in ("very-high", "high", "medium", "low")
        assert all(rule["properties"]["tags"])


def test_rules_with_a_manual_page_bring_it() -> None:
    helps = {r["id"]: r["help"] for r in run_of([])["tool"]["driver"]["rules"]}
    for _, line in RULES:
        for code in line.split():
            assert "## Bad\n\n```yaml\nshapecalc: 1\n" in helps[code]["markdown"], code
            assert "Bad:\n\n    shapecalc: 1\n" in helps[code]["text"], code
    for _, line in PAGES:
        for code in line.split():
            assert "## Bad\n\n```yaml\n" in helps[code]["markdown"], code


def test_a_region_is_the_text_that_is_meant() -> None:
    marked = []
    for text in (REAL, BROKEN):
        for result in run_of([verdict_of(text)])["results"]:
            region = result["locations"][0]["physicalLocation"]["region"]
            assert region["startLine"] == region["endLine"]
            line = text.splitlines()[region["startLine"] - 1]
            marked.append((result["ruleId"], line[region["startColumn"] - 1 : region["endColumn"] - 1]))
    assert ("SC301", "Conv2d") in marked
    assert ("SC106", "Linaer") in marked


def test_results_point_to_their_rules_and_state_level_message_and_help() -> None:
    given = [found(severity=s, help="do that") for s in ("error", "warning", "info")]
    run = run_of([verdict("a.yaml", given)])
    assert [r["level"] for r in run["results"]] == ["error", "warning", "note"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"] == "a message\nhelp: do that"


def test_related_places_and_the_layer_are_told() -> None:
    result = next(r for r in run_of([verdict_of(REAL)])["results"] if r["ruleId"] == "SC301")
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["region"] == {"startLine": 6, "startColumn": 5}
    assert related["message"]["text"]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "0"


def offset(text: str, line: int, column: int) -> int:
    return sum(len(part) for part in text.splitlines(keepends=True)[: line - 1]) + column - 1


def test_replacements_make_the_text_that_the_fix_makes() -> None:
    report = report_of(REAL)
    results = [r for r in run_of([Verdict(report)])["results"] if "fixes" in r]
    wanted = [d.fix for d in report.diagnostics if d.fix is not None]
    assert len(results) == len(wanted) >= 2
    for result, fix in zip(results, wanted, strict=True):
        (change,) = result["fixes"][0]["artifactChanges"]
        text = REAL
        for r in reversed(change["replacements"]):
            region = r["deletedRegion"]
            start = offset(REAL, region["startLine"], region["startColumn"])
            end = offset(REAL, region["endLine"], region["endColumn"])
            text = text[:start] + r["insertedContent"]["text"] + text[end:]
        assert text == edited(REAL, fix.edits) != REAL
        assert change["artifactLocation"] == result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert result["fixes"][0]["properties"] == {"safety": fix.safety}


def hashes(text: str) -> list[str]:
    run = run_of([verdict_of(text)])
    return [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]]


def test_fingerprints_differ_and_stay_when_lines_move() -> None:
    found = hashes(REAL)
    assert len(set(found)) == len(found) > 1
    assert hashes(REAL.replace("input:", "# a comment\n\n# more\ninput:")) == found


def test_equal_findings_of_one_layer_are_told_apart() -> None:
    same = [found(layer="a", line=n) for n in (1, 2, 3)]
    marks = [r["partialFingerprints"]["primaryLocationLineHash"] for r in run_of([verdict("a.yaml", same)])["results"]]
    assert len(set(marks)) == 3


@pytest.mark.parametrize(
    "name",
    ["net.yaml", "deep/er/net.yaml", "with space.yaml", "100%.yaml", "a:b.yaml", "步幅.yaml", "#?.yaml", "./x.yaml"],
)
def test_uris_lead_back_to_the_file(tmp_path: Path, name: str) -> None:
    run = run_of([verdict(str(tmp_path / name), [found()])], str(tmp_path))
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    base = run["originalUriBaseIds"][place["uriBaseId"]]["uri"]
    assert place["uriBaseId"] == "%SRCROOT%"
    assert not place["uri"].startswith((".", "/"))
    whole = urljoin(base, place["uri"])
    assert whole.startswith("file:///")
    assert unquote(whole.removeprefix("file://")) == os.path.normpath(tmp_path / name)


def test_a_relative_path_counts_from_the_root_and_not_from_here(monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    run = run_of([verdict("net.yaml", [found()])], str(tmp_path))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/net.yaml"


def test_a_file_outside_of_the_root_has_an_absolute_uri(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for path, uri in (("/else/a b.yaml", "/else/a%20b.yaml"), ("net.yaml", f"{tmp_path}/net.yaml")):
        run = run_of([verdict(path, [found()])], str(tmp_path / "root"))
        place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place == {"uri": f"file://{uri}"}


def test_beyond_the_limit_the_worst_are_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 25_000
    monkeypatch.setattr("shapecalc.render.sarif.MOST", 20)
    many = [found(severity="info", layer=str(i)) for i in range(22)]
    run = run_of([verdict("a.yaml", [*many, found(severity="error", message="the worst")])])
    assert [r["message"]["text"] for r in run["results"]] == [*[f"a message [{i}]" for i in range(19)], "the worst"]
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"].startswith("3 of the findings are left out")


def run_of_unchecked(listed: Any) -> Any:
    """A run whose rules need not be held against the schema once more."""
    return json.loads(render_sarif(listed, "/repo"))["runs"][0]


def test_every_spec_of_the_repository_gives_valid_sarif() -> None:
    run_of([Verdict(check(str(path))) for path in sorted((ROOT / "specs").glob("*.yaml"))], str(ROOT))


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_any_text_is_read_back(listed: list[Verdict]) -> None:
    results = run_of_unchecked(listed)["results"]
    VALIDATOR.evolve(schema=SCHEMA).validate({"version": "2.1.0", "runs": [run_without_rules(results)]})
    everything = [f for v in listed for f in v.found]
    for result, f in zip(results, everything, strict=True):
        assert result["message"]["text"] == well_formed(whole_message(f))
        assert result["message"]["text"].encode("utf-8")


@given(texts)
def test_halves_of_surrogate_pairs_are_replaced_and_nothing_else(text: str) -> None:
    joined = json.loads(json.dumps(text))  # a reader of JSON joins two halves that stand side by side
    assert well_formed(text) == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in joined)


def run_without_rules(results: Any) -> Any:
    return {"tool": {"driver": {"name": "shapecalc"}}, "results": results}
