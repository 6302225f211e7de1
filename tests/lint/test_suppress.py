"""Suppression comments: where a comment begins, what it covers, and that a useless one is told."""

from __future__ import annotations

import pytest

import shapecalc
from shapecalc.lint.fix import mend
from tests.lint.test_fix import check

BAD = """\
shapecalc: 1
input: [3, 32, 32]
layers:
  - Conv2d: {out_channels: 8, kernel_size: 3}%s
  - BatchNorm2d
"""


def codes(text: str) -> list[str]:
    return [d.code for d in shapecalc.check_text(text).diagnostics]


@pytest.mark.parametrize(
    "comment",
    [
        "  # shapecalc: ignore[SC301]",
        "  # shapecalc: ignore[bias-before-norm]",
        "  # shapecalc:ignore[SC301]",
        "  # shapecalc: ignore",
        "  # noqa: SC301",
        "  # NOQA:SC301",
        "  # noqa",
        "  # why so  # noqa: SC301",
        "\t# shapecalc: ignore[SC3]",
    ],
)
def test_a_comment_at_the_end_of_the_line_suppresses(comment: str) -> None:
    assert codes(BAD % "") == ["SC301"]
    assert codes(BAD % comment) == []


@pytest.mark.parametrize("comment", ["# shapecalc: ignore-file[SC301]\n", "# shapecalc: ignore-file\n"])
def test_a_comment_in_a_line_of_its_own_suppresses_in_the_file(comment: str) -> None:
    assert codes(comment + BAD % "") == []
    assert codes(BAD % "" + comment) == []


def test_the_spec_itself_can_ignore_codes() -> None:
    assert codes(BAD % "" + "lint: {ignore: [SC301]}\n") == []
    assert codes(BAD % "" + "lint: {ignore: SC301}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        BAD % "" + 'description: "x # shapecalc: ignore-file[SC301]"\n',
        BAD % "" + "description: |\n  text\n  # shapecalc: ignore-file[SC301]\n",
        BAD % "" + "description: see x# noqa\n",
        BAD % "  # shapecalc: ignorant[SC301]",
        BAD % "  # noqa-not",
    ],
)
def test_what_is_no_comment_suppresses_nothing(text: str) -> None:
    assert codes(text) == ["SC301"]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("  # shapecalc: ignore[SC302]", ["SC301", "SC901"]),
        ("  # shapecalc: ignore[SC301, SC302]", ["SC901"]),
        ("  # noqa: SC301,SC302", ["SC901"]),
        ("  # shapecalc: ignore[SC999]", ["SC301", "SC902"]),
        ("  # shapecalc: ignore[]", ["SC301"]),
        ("  # noqa: E501", ["SC301"]),
        ("  # noqa: E501, SC301", []),
    ],
)
def test_a_useless_or_unknown_suppression_is_told(comment: str, left: list[str]) -> None:
    assert sorted(codes(BAD % comment)) == left


@pytest.mark.parametrize(
    ("comment", "after"),
    [
        ("  # shapecalc: ignore[SC301, SC302]", "  # shapecalc: ignore[SC301]"),
        ("  # noqa: SC302,SC301", "  # noqa: SC301"),
        ("  # shapecalc: ignore[SC303,SC301,SC302]", "  # shapecalc: ignore[SC301]"),
        ("  # noqa: E501, SC302, SC301", "  # noqa: E501, SC301"),
    ],
)
def test_the_useless_part_is_taken_out_by_a_safe_fix(comment: str, after: str) -> None:
    assert mend(check(BAD % comment), check).text == BAD % after


def test_a_wholly_useless_comment_is_taken_out_with_its_blanks() -> None:
    good = "shapecalc: 1\ninput: [4]\nlayers:\n  - Linear: 3%s\n"
    assert mend(check(good % "   # noqa: SC301"), check).text == good % ""
    assert mend(check("# shapecalc: ignore-file[SC301]\n" + good % ""), check).text == good % ""


@pytest.mark.parametrize(
    ("comment", "after"),
    [
        ("  # noqa: SC302, E501", "  # noqa: E501"),  # another tool's
        ("  # shapecalc: ignore[SC302]  as in the paper", "  # as in the paper"),
        ("  # shapecalc: ignore[SC302]  # noqa: E501", "  # noqa: E501"),
        ("  # noqa: SC302 - see above", "  # - see above"),
        ("  # why  # noqa: SC302", "  # why"),
    ],
)
def test_what_else_a_comment_says_stays_a_comment(comment: str, after: str) -> None:
    good = "shapecalc: 1\ninput: [4]\nlayers:\n  - Linear: 3%s\n"
    for end in ("\n", "\r\n"):
        assert mend(check((good % comment).replace("\n", end)), check).text == (good % after).replace("\n", end)


def test_a_suppression_of_a_code_that_is_not_looked_for_is_no_matter() -> None:
    assert codes(BAD % "  # shapecalc: ignore[SC301, SC403]") == []


@pytest.mark.parametrize("mistake", ["  - Linaer: 3\n", "  - Linear: {in_features: 7, out_features: 3}\n", "  - [\n"])
def test_suppressions_are_not_judged_beside_an_error_that_keeps_rules_from_running(mistake: str) -> None:
    text = BAD % "  # noqa: SC301" + mistake
    assert codes(text)
    assert "SC901" not in codes(text)
    assert mend(check(text), check).text == text
    assert "SC902" in codes((BAD % "  # shapecalc: ignore[SC777]") + "  - Linaer: 3\n")


def test_what_keeps_a_spec_from_being_read_cannot_be_suppressed() -> None:
    text = "shapecalc: 1\ninput: [4]\nlayers:\n  - Linaer: 3  # shapecalc: ignore\n"
    assert "SC106" in codes(text)


def test_a_size_that_cannot_work_can_be_suppressed() -> None:
    text = "shapecalc: 1\ninput: [3, 4, 4]\nlayers:\n  - Conv2d: {out_channels: 8, kernel_size: 9}%s\n"
    assert codes(text % "") == ["SC201"]
    assert codes(text % "  # shapecalc: ignore[SC201]") == []
