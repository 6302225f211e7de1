"""`quiz make` as people run it: formats by suffix, variants with keys apart, one question again, clear faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapecalc.quiz.question import from_json
from shapecalc.quiz.registry import TOPICS
from tests.schema.command import ROOT, run


def test_a_sheet_has_as_many_questions_as_were_wanted_and_the_same_again(tmp_path: Path) -> None:
    one, other = (run("quiz", "make", "--count", "7", "--seed", "s", cwd=tmp_path).out for _ in range(2))
    assert one == other
    assert one.count("## Question") == 7
    assert run("quiz", "make", "--count", "7", "--seed", "t", cwd=tmp_path).out != one


def test_a_question_is_made_again_by_its_id(tmp_path: Path) -> None:
    whole = run("quiz", "make", "--count", "6", "--seed", "s", "--output-format", "json", cwd=tmp_path)
    question = json.loads(whole.out)["questions"][4]
    again = run("quiz", "make", "--id", question["id"], "--seed", "s", "--output-format", "json", cwd=tmp_path)
    assert json.loads(again.out)["questions"] == [question]


def ids(path: Path) -> list[tuple[str, int]]:
    """Topic and level of each question of a master."""
    return [(q["topic"], q["level"]) for q in json.loads(path.read_text(encoding="utf-8"))["questions"]]


def test_a_sheet_without_topics_named_is_drawn_from_all_topics_and_levels(tmp_path: Path) -> None:
    for seed in range(6):
        run("quiz", "make", "--seed", str(seed), "-o", f"s{seed}.json", cwd=tmp_path)
    sheets = [ids(tmp_path / f"s{seed}.json") for seed in range(6)]
    assert all(len({topic for topic, _ in one}) == 10 for one in sheets)
    assert all({level for _, level in one} == {1, 2, 3} for one in sheets)
    assert len({topic for one in sheets for topic, _ in one}) > 15


def test_variants_have_the_same_topics_and_levels_with_other_numbers(tmp_path: Path) -> None:
    run("quiz", "make", "--count", "5", "--variants", "3", "-o", "v.json", cwd=tmp_path)
    first, *others = [tmp_path / f"v-{n}.json" for n in (1, 2, 3)]
    assert all(ids(other) == ids(first) for other in others)
    assert all(other.read_text(encoding="utf-8") != first.read_text(encoding="utf-8") for other in others)


def test_variants_differ_and_keep_their_keys_apart(tmp_path: Path) -> None:
    end = run("quiz", "make", "--count", "4", "--variants", "3", "-o", "sheet.md", cwd=tmp_path)
    assert end.status == 0
    sheets = [(tmp_path / f"sheet-{n}.md").read_text(encoding="utf-8") for n in (1, 2, 3)]
    keys = [(tmp_path / f"sheet-{n}.key.md").read_text(encoding="utf-8") for n in (1, 2, 3)]
    assert len(set(sheets)) == len(set(keys)) == 3
    assert not set(sheets) & set(keys)


def test_questions_are_made_about_a_spec(tmp_path: Path) -> None:
    spec = str(ROOT / "specs/alexnet.yaml")
    end = run("quiz", "make", "--from", spec, "--count", "5", "--output-format", "json", cwd=tmp_path)
    assert end.status == 0, end.err
    assert len(from_json(json.loads(end.out)).questions) == 5


SMALL = "shapecalc: 1\ninput: [1, 8, 8]\nlayers:\n  c: {Conv2d: {out_channels: 2, kernel_size: 3}}\n"


def test_a_small_network_gets_as_many_questions_as_it_has_unless_a_number_was_named(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SMALL, encoding="utf-8")
    end = run("quiz", "make", "--from", "s.yaml", "--title", "My title", cwd=tmp_path)
    assert end.status == 0, end.err
    assert 1 < end.out.count("## Question") < 10
    assert end.out.startswith("# My title\n")
    assert run("quiz", "make", "--from", "s.yaml", "--count", "50", cwd=tmp_path).status == 2


def test_closed_forms_of_sizes_stand_in_brackets(tmp_path: Path) -> None:
    pool = "  p: {AdaptiveAvgPool2d: 1}\n"
    (tmp_path / "s.yaml").write_text(SMALL.replace("8, 8", "H, W") + pool, encoding="utf-8")
    out = run("quiz", "make", "--from", "s.yaml", cwd=tmp_path).out
    assert "<- 2 × (H - 2) × (W - 2)" in out


def test_a_layer_that_shares_weights_is_told_to(tmp_path: Path) -> None:
    conv = "{Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}"
    spec = f"shapecalc: 1\ninput: [4, 8, 8]\nlayers:\n  a: {conv}}}\n  b: {conv}, share: a}}\n"
    (tmp_path / "s.yaml").write_text(spec, encoding="utf-8")
    out = run("quiz", "make", "--from", "s.yaml", "--count", "1", cwd=tmp_path).out
    assert "b: Conv2d(4, 4, kernel_size=3, padding=1) (shares the weights of a) <- 4 × 8 × 8" in out
    assert "a: Conv2d(4, 4, kernel_size=3, padding=1) <- 4 × 8 × 8" in out


def test_the_list_names_every_topic(tmp_path: Path) -> None:
    out = run("quiz", "make", "--list", cwd=tmp_path).out
    assert all(name in out for name in TOPICS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--topic", "output-sizes"], "Did you mean 'output-size'"),
        (["--output-format", "moodel"], "Did you mean 'moodle'"),
        (["--id", "params"], "TOPIC.LEVEL.NUMBER"),
        (["--variants", "2"], "-o FILE"),
        (["--from", "none.yaml"], "No such file"),
        (["--from", "none.yaml", "--topic", "params"], "--topic says nothing"),
        (["--from", "none.yaml", "--level", "1"], "--level says nothing"),
        (["--from", "none.yaml", "--id", "params.1.0"], "--id says nothing"),
        (["-o", "missing/sheet.md"], "No such file"),
        (["-o", "sheet.xyz"], "xyz"),
    ],
)
def test_wrong_usage_is_said_in_a_line_and_exits_2(tmp_path: Path, options: list[str], message: str) -> None:
    end = run("quiz", "make", *options, cwd=tmp_path)
    assert end.status == 2
    assert message in end.err
