"""Fixes edit by span: every form of arguments, every other byte as it was, nothing that does not analyse."""

from __future__ import annotations

import pytest

import shapecalc
from shapecalc.lint.edit import remove_layer, remove_pair, set_argument
from shapecalc.lint.fix import edited, mend
from shapecalc.source.diagnostic import DISPLAY, SAFE, UNSAFE, Diagnostic, Fix
from shapecalc.source.located import Pairs, Scalar


def check(text: str) -> shapecalc.Report:
    return shapecalc.check_text(text)


HEAD = "shapecalc: 1\ninput: [3, 32, 32]\nlayers:\n"

FORMS = [
    ("  - ReLU  # x\n", "inplace", "true", "  - {ReLU: {inplace: true}}  # x\n"),
    ("  - ReLU:\n", "inplace", "true", "  - ReLU: {inplace: true}\n"),
    ("  - {ReLU: , as: a}\n", "inplace", "true", "  - {ReLU: {inplace: true} , as: a}\n"),
    ("  - {ReLU: {}, as: a}\n", "inplace", "true", "  - {ReLU: {inplace: true}, as: a}\n"),
    ("  - Linear: 10\n", "bias", "false", "  - Linear: {out_features: 10, bias: false}\n"),
    ("  - {Linear: 2 * 5}\n", "bias", "false", "  - {Linear: {out_features: 2 * 5, bias: false}}\n"),
    ("  - Linear: max(2, 5)\n", "bias", "false", '  - Linear: {out_features: "max(2, 5)", bias: false}\n'),
    ("  - Linear: {out_features: 10}\n", "bias", "false", "  - Linear: {out_features: 10, bias: false}\n"),
    ("  - Linear: {out_features: 10,}\n", "bias", "false", "  - Linear: {out_features: 10, bias: false,}\n"),
    ("  - Linear: {bias: true, out_features: 10}\n", "bias", "false", "  - Linear: {bias: false, out_features: 10}\n"),
    (
        "  - Linear:\n      out_features: 10  # ten\n",
        "bias",
        "false",
        "  - Linear:\n      out_features: 10  # ten\n      bias: false\n",
    ),
    ("  fc: {Linear: 10}\n", "bias", "false", "  fc: {Linear: {out_features: 10, bias: false}}\n"),
    ("  fc: ReLU\n", "inplace", "true", "  fc: {ReLU: {inplace: true}}\n"),
    ("  - MaxPool2d: [3, 2]\n", "stride", "1", "  - MaxPool2d: {kernel_size: [3, 2], stride: 1}\n"),
]


@pytest.mark.parametrize(("before", "name", "value", "after"), FORMS, ids=[f[0].strip() for f in FORMS])
def test_an_argument_is_set_in_every_form(before: str, name: str, value: str, after: str) -> None:
    report = check(HEAD + before)
    assert report.graph is not None
    child = report.graph.nodes[0].child
    assert child is not None
    edit = set_argument(report.source, child, name, value)
    assert edit is not None
    assert edited(report.source.text, [edit]) == HEAD + after
    assert getattr(check(HEAD + after).graph.nodes[0].op, name) in (value == "true", int(value == "1"), (1, 1))


REMOVALS = [
    ("  - ReLU\n  - Tanh\n  - GELU\n", 1, "  - ReLU\n  - GELU\n"),
    ("  - ReLU\n  - Tanh  # x\n", 1, "  - ReLU\n"),
    ("  - Tanh\n  - ReLU", 1, "  - Tanh"),
    ("  - {Tanh: , as: a}\n  - ReLU\n", 0, "  - ReLU\n"),
    ("  - ReLU\n  - LeakyReLU:\n      negative_slope: 0.2\n  - Tanh\n", 1, "  - ReLU\n  - Tanh\n"),
    ("  a: ReLU\n  b: {Tanh: }\n", 1, "  a: ReLU\n"),
    ("  a: ReLU\r\n  b: Tanh\r\n  c: GELU\r\n", 1, "  a: ReLU\r\n  c: GELU\r\n"),
    ("  body: [ReLU, Tanh, GELU]\n", 1, "  body: [ReLU, GELU]\n"),
    ("  body: [ReLU, {Tanh: }]\n", 0, "  body: [{Tanh: }]\n"),
    ("  - ReLU\n", 0, None),
]


@pytest.mark.parametrize(("before", "index", "after"), REMOVALS)
def test_a_layer_is_taken_out_with_its_line_or_comma(before: str, index: int, after: str | None) -> None:
    report = check(HEAD + before)
    assert report.graph is not None
    child = report.graph.nodes[index].child
    assert child is not None
    edit = remove_layer(report.source, report.graph.spec.root, child)
    assert (None if edit is None else edited(report.source.text, [edit])) == (None if after is None else HEAD + after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("params: {a: 1, b: 2}\n", "params: {b: 2}\n"),
        ("params: {b: 2, a: 1}\n", "params: {b: 2}\n"),
        ("params:\n  b: 2\n  a: 1  # one\n", "params:\n  b: 2\n"),
        ("params: {a: 1}\nname: X\n", "name: X\n"),
        ("name: X\nparams:\n  a: 1\n", "name: X\n"),
    ],
)
def test_a_key_is_taken_out_with_its_mapping_where_it_is_alone(before: str, after: str) -> None:
    text = "shapecalc: 1\n%sinput: [4]\nlayers: [ReLU]\n"
    report = check(text % before)
    assert report.graph is not None
    params = report.graph.spec.root.get("params")
    assert isinstance(params, Pairs)
    key = next(k for k, _ in params.pairs if k.text == "a")
    edit = remove_pair(report.source, report.graph.spec.root, key)
    assert edit is not None
    assert edited(report.source.text, [edit]) == text % after


TEXT = HEAD + "  - Flatten\n  - {Linear: 10}\n"


def with_fix(*fixes: Fix) -> shapecalc.Report:
    """A report that says that each fix mends something."""
    report = check(TEXT)
    ten = TEXT.index("10")
    report.diagnostics[:] = [Diagnostic("SC301", str(i), ten, ten + 2, fix=f) for i, f in enumerate(fixes)]
    return report


def set_ten(new: str, safety: str) -> Fix:
    ten = TEXT.index("10")
    return Fix("", ((ten, ten + 2, new),), safety)


def test_safety_decides_what_is_applied() -> None:
    for fix, unsafe, applied in (
        (set_ten("12", UNSAFE), False, False),
        (set_ten("12", UNSAFE), True, True),
        (set_ten("12", DISPLAY), True, False),
        (set_ten("10 ", SAFE), False, True),
    ):
        assert (mend(with_fix(fix), check, unsafe=unsafe).text != TEXT) is applied


def test_a_fix_whose_result_does_not_analyse_is_refused_alone() -> None:
    dense = TEXT.index("Flatten")
    good = Fix("", ((dense, dense + 7, "Flatten "),), SAFE)
    done = mend(with_fix(set_ten("]", UNSAFE), good), check, unsafe=True)
    assert done.text == TEXT.replace("Flatten", "Flatten ")
    assert done.count == 1


def test_a_safe_fix_that_changes_a_tensor_is_refused() -> None:
    assert mend(with_fix(set_ten("12", SAFE)), check).text == TEXT


def test_of_two_fixes_that_overlap_one_is_applied_in_a_round() -> None:
    done = mend(with_fix(set_ten("12", UNSAFE), set_ten("13", UNSAFE)), check, unsafe=True)
    assert done.text == TEXT.replace("10", "12")


COMMENTED = TEXT + "# written after the paper of that year\n"
WORDS = {"input": "# a note\ninput", "10": "]]", "year": "time"}


def offered(text: str) -> shapecalc.Report:
    """A report with safe fixes that put other words in the place of these, where that has not been done."""
    report = check(text)
    due = [(text.find(old), old, new) for old, new in WORDS.items() if old in text and new not in text]
    report.diagnostics[:] = [d for d in report.diagnostics if d.severity == "error"]
    report.diagnostics += [
        Diagnostic("SC301", "", at, at + len(old), fix=Fix("", ((at, at + len(old), new),), SAFE))
        for at, old, new in due
    ]
    return report


def test_fixes_behind_a_refused_one_keep_their_places() -> None:
    """The second breaks the spec and is refused; the first makes the text longer, so that the third moves."""
    done = mend(offered(COMMENTED), offered)
    assert done.text == COMMENTED.replace("input", WORDS["input"]).replace("year", WORDS["year"])
    assert done.count == 2


NORM = "  - BatchNorm2d\n  - ReLU\n"

SHARED = [
    ("  - Conv2d: &c {out_channels: 3, kernel_size: 3}\n", "  - Conv2d: *c\n"),
    ("  - &c {Conv2d: {out_channels: 3, kernel_size: 3}}\n", "  - *c\n"),
    ("  - Conv2d: {out_channels: 3, kernel_size: 3, bias: &b true}\n",
     "  - Conv2d: {out_channels: 3, kernel_size: 3, bias: *b}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SHARED)
def test_a_fix_of_an_aliased_text_is_made_only_where_it_is_right_for_all(first: str, second: str) -> None:
    other = HEAD + first + NORM + second + "  - ReLU\n"
    assert mend(check(other), check, unsafe=True).text == other
    both = HEAD + first + NORM + second + NORM
    done = mend(check(both), check, unsafe=True).text
    assert done == (both if "&b" in first else both.replace("kernel_size: 3}", "kernel_size: 3, bias: false}", 1))


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_that_a_fix_adds_or_takes_end_as_the_others_do(end: str) -> None:
    text = HEAD + "  c:\n    Conv2d:\n      out_channels: 3  # c\n      kernel_size: 3\n  b: BatchNorm2d\n"
    before = (text + "  r: ReLU\n  s: ReLU").replace("\n", end)
    after = (text.replace("size: 3\n", "size: 3\n      bias: false\n") + "  r: ReLU").replace("\n", end)
    assert mend(check(before), check, unsafe=True).text == after


ALIASES = [
    "  - Tanh\n  - &r ReLU\n  - [Tanh, *r, ReLU, Tanh]\n",
    "  - Tanh\n  - &r ReLU\n  - [Tanh, ReLU, *r, Tanh]\n",
    "  - ReLU: &a {inplace: true}\n  - Flatten\n  - {ReLU: *a, as: x}\n",
    "  - ReLU: &a {inplace: true}\n  - Tanh\n  - {as: x, ReLU: *a}\n",
]


@pytest.mark.parametrize("layers", ALIASES)
def test_nothing_is_taken_out_beside_an_alias(layers: str) -> None:
    before = check(HEAD + layers)
    assert before.diagnostics
    done = mend(before, check, unsafe=True)
    assert [x.op for x in done.report.layers] == [x.op for x in before.layers]
    assert "*" in done.text


def test_nothing_is_set_behind_an_alias() -> None:
    report = check(
        HEAD + "  - Conv2d: {out_channels: 3, kernel_size: &k 3}\n  - Conv2d: {out_channels: 3, kernel_size: *k}\n"
    )
    assert report.graph is not None
    child = report.graph.nodes[1].child
    assert child is not None
    assert set_argument(report.source, child, "bias", "false") is None


def test_scalars_keep_their_place_for_edits() -> None:
    report = check(TEXT)
    assert report.graph is not None
    argument = report.graph.nodes[1].child.argument  # type: ignore[union-attr]
    assert isinstance(argument, Scalar)
    assert report.source.text[argument.start : argument.end] == "10"
