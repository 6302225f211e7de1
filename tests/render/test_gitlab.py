"""GitLab's code quality report: the keys that its documentation asks for, and fingerprints that outlive edits."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from shapecalc.analysis.verdict import Verdict
from shapecalc.render.gitlab import render_gitlab
from shapecalc.render.listing import well_formed

from .wild import REAL, found, verdict, verdict_of, verdicts

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def objects(listed: list[Verdict], root: str = "") -> Any:
    text = render_gitlab(listed, root)
    assert text.isascii()
    return json.loads(text)


def test_a_clean_run_is_an_empty_array() -> None:
    assert objects([]) == objects([verdict("a.yaml", [])]) == []


def test_an_object_states_all_that_gitlab_asks_for() -> None:
    listed = objects([verdict_of(REAL, "/repo/specs/net.yaml")], "/repo")
    first = next(o for o in listed if o["check_name"] == "SC301")
    assert set(first) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert first["severity"] == "minor"
    assert first["location"] == {"path": "specs/net.yaml", "lines": {"begin": 5, "end": 5}}
    assert "64 parameters" in first["description"]


def test_a_path_is_relative_without_a_dot() -> None:
    (only,) = objects([verdict("./specs/../net.yaml", [found()])], ".")
    assert only["location"]["path"] == "net.yaml"


def test_severities_keep_their_order() -> None:
    listed = [found(severity=s, layer=s) for s in ("error", "warning", "info")]
    assert [o["severity"] for o in objects([verdict("a.yaml", listed)])] == ["major", "minor", "info"]


def test_fingerprints_stay_when_lines_move_and_differ_between_files() -> None:
    def marks(*listed: Verdict) -> list[str]:
        return [o["fingerprint"] for o in objects(list(listed))]

    moved = REAL.replace("input:", "\n# a comment\ninput:")
    assert marks(verdict_of(moved)) == marks(verdict_of(REAL))
    both = marks(verdict_of(REAL, "a.yaml"), verdict_of(REAL, "b.yaml"))
    assert len(set(both)) == len(both) >= 4


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_any_text_is_read_back(listed: list[Verdict]) -> None:
    by_path = {v.path: v for v in listed}  # a run has each file once
    read = objects(list(by_path.values()))
    everything = [f for v in by_path.values() for f in v.found]
    assert len({o["fingerprint"] for o in read}) == len(read) == len(everything)
    for o, f in zip(read, everything, strict=True):
        assert o["description"].startswith(well_formed(f.message) or f.name)
        assert o["description"].encode("utf-8")
        assert o["severity"] in SEVERITIES
