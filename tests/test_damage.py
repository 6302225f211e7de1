"""Specs from the zoo and the manual pages, damaged at random or given huge numbers: told of, mended, never a traceback.

What is told of a text must not depend on the files read before it, though those leave much behind to be shared.
"""

from __future__ import annotations

import json
import os
import re
import time
from itertools import chain
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from shapecalc.lint.fix import mend
from shapecalc.lint.registry import PAGES, RULES, page
from shapecalc.pipeline import check_text

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report

SPECS = Path(__file__).resolve().parent.parent / "specs"
LARGE = {"densenet121", "googlenet"}
EXPECTED = re.compile(r"^expect:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
ZOO = [p.read_text(encoding="utf-8") for p in sorted(SPECS.glob("*.yaml")) if p.stem not in LARGE]
CODES = [code for _, line in (*RULES, *PAGES) for code in line.split()]
EXAMPLES = [page(code).sections()[part] for code in CODES for part in ("Bad", "Good")]
WHOLE = [EXPECTED.sub("", text) for text in (*ZOO, *EXAMPLES)]
LAYERS = [
    *(
        "- ReLU",
        "- GELU",
        "- Sigmoid",
        "- BatchNorm2d",
        "- Dropout: 0.5",
        "- Dropout2d: 0.1",
        "- Softmax: 1",
        "- Flatten",
    ),
    *("- LogSoftmax: 1", "- Identity", "- Linear: 10", "- GroupNorm: 2", "- LayerNorm: 8", "- AdaptiveAvgPool2d: 1"),
    *("- MaxPool2d: [3, 2]", "- {Conv2d: {out_channels: 8, kernel_size: 4, padding: 2}}", "- Conv2d: [8, 3, 2]"),
    *("- {Conv2d: {out_channels: 8, kernel_size: 1, stride: 2}}", "- {ConvTranspose2d: [8, 3, 2]}"),
    *("- {Residual: {body: [ReLU, BatchNorm2d]}}", "- {Cat: {branches: [[ReLU], [Tanh]]}}"),
]
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 100, -1, 10**9]
SIGNS = ":-{}[],'\"#&*!|> \té"
SECONDS = 10


def damaged(random: Random) -> str:
    """A text with one to three changes: of its lines, layers, numbers, words or signs."""
    lines = random.choice(WHOLE).split("\n")
    for _ in range(random.choice([1, 1, 2, 3])):
        _change(random, lines)
    return "\n".join(lines)


def _change(random: Random, lines: list[str]) -> None:
    at = random.randrange(len(lines))
    kind = random.choice(["without", "twice", "swapped", "layer", "layer", "number", "number", "word", "sign"])
    if kind == "without":
        lines[at : at + 1] = [] if len(lines) > 1 else [""]
    elif kind == "twice":
        lines.insert(at, lines[at])
    elif kind == "swapped":
        other = random.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "layer":
        items = [n for n, line in enumerate(lines) if line.lstrip().startswith("- ")]
        if items:
            at = random.choice(items)
            lines.insert(at, " " * (len(lines[at]) - len(lines[at].lstrip())) + random.choice(LAYERS))
    elif kind == "number":
        _put(random, lines, r"\d+", [str(n) for n in NUMBERS])
    elif kind == "word":
        _put(random, lines, r"[A-Za-z_]\w*", re.findall(r"[A-Za-z_]\w*", "\n".join(lines)))
    elif lines[at]:
        place = random.randrange(len(lines[at]))
        lines[at] = lines[at][:place] + random.choice(SIGNS) + lines[at][place + random.choice([0, 1]) :]


def _put(random: Random, lines: list[str], pattern: str, others: list[str]) -> None:
    found = [(n, match.span()) for n, line in enumerate(lines) for match in re.finditer(pattern, line)]
    if found:
        n, (start, end) = random.choice(found)
        lines[n] = lines[n][:start] + random.choice(others) + lines[n][end:]


def varied(random: Random, text: str) -> str:
    """The text with other digits in one or two places, so that all that stands around them stays where it was."""
    for _ in range(random.choice([1, 2])):
        at = random.choice([m.start() for m in re.finditer(r"\d", text)] or [0])
        text = text[:at] + random.choice("0123456789") + text[at + 1 :]
    return text


def said(text: str) -> str:
    """All that a report says, under usual and other conditions."""
    reports = check_text(text), check_text(text, batch_size=4, dtype="bfloat16", optimizer="adam", convention="fvcore")
    return json.dumps([report.to_dict() for report in reports], sort_keys=True)


def said_alone(text: str) -> str:
    """What a copy of this process says, which has read nothing else since."""
    reader, writer = os.pipe()
    copy = os.fork()
    if copy == 0:
        try:
            with os.fdopen(writer, "w") as file:
                file.write(said(text))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        told = file.read()
    os.waitpid(copy, 0)
    return told


def errors(report: Report) -> int:
    return sum(d.severity == "error" for d in report.diagnostics) + (report.graph is None)


def check_mending(text: str) -> None:
    """Fixes end, make no new error, and leave nothing to mend; none makes a text much longer."""
    report = check_text(text)
    for unsafe in (False, True):
        done = mend(report, check_text, unsafe=unsafe)
        after = check_text(done.text)
        assert errors(after) <= errors(report), text
        assert mend(after, check_text, unsafe=unsafe).text == done.text, text
        assert len(done.text) < 2 * len(text) + 100, text


def check_alone(seed: int) -> None:
    """Texts that share much, told of one after the other as by copies of a process that has read none of the others."""
    random = Random(seed)
    text = damaged(random)
    texts = [text, *[varied(random, text) for _ in range(8)], damaged(random)]
    alone = [said_alone(text) for text in texts]
    for text, told in zip(texts, alone, strict=True):
        assert said(text) == told, text


@pytest.mark.parametrize("seed", range(10))
def test_damaged_specs_are_mended_once_and_for_all(seed: int) -> None:
    random = Random(seed)
    for _ in range(8):
        check_mending(damaged(random))


@pytest.mark.parametrize("seed", range(10))
def test_what_is_told_does_not_depend_on_the_files_before(seed: int) -> None:
    check_alone(seed)


@pytest.mark.battery
@pytest.mark.parametrize("seed", range(100, 500))
def test_many_damaged_specs(seed: int) -> None:
    random = Random(seed)
    for _ in range(8):
        check_mending(damaged(random))
    check_alone(seed)


def huge(text: str, number: int) -> list[str]:
    """The text with a huge number in place of each of its numbers in turn."""
    found = re.finditer(r"(?<![\w.])\d+(?![\w.])", text)
    return [text[: m.start()] + str(number) + text[m.end() :] for m in found]


def check_soon(text: str) -> None:
    start = time.perf_counter()
    said(text)
    check_mending(text)
    assert time.perf_counter() - start < SECONDS, text


@pytest.mark.parametrize("text", [t for t in WHOLE if "kernel_size" in t][::6])
def test_huge_numbers_take_no_longer_than_small_ones(text: str) -> None:
    for changed in huge(text, 10**9):
        check_soon(changed)


@pytest.mark.battery
@pytest.mark.parametrize("number", [10**6 + 3, 10**9, 10**18])
@pytest.mark.parametrize("text", WHOLE)
def test_many_huge_numbers(text: str, number: int) -> None:
    for changed in huge(text, number)[:40]:
        check_soon(changed)


def test_a_spec_that_was_too_large_leaves_nothing_behind() -> None:
    text = "shapecalc: 1\nparams: {n: %7s}\ninput: [4]\nlayers:\n  - Linear: 4\n  - {ReLU: , repeat: n}\n"
    for n in chain(["3", "-1", "10 ** 9", "5"], ["-1", "10 ** 9", "2"]):
        assert said(text % n) == said_alone(text % n)
