"""Sections that earlier files had too give the document that reading the whole text gives."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from shapecalc.source import sections
from shapecalc.source.located import Items, Pairs, Scalar
from shapecalc.source.reader import _read, read
from shapecalc.source.text import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.source.diagnostic import Diagnostic
    from shapecalc.source.located import Node

PLAIN = "shapecalc: 1\nparams: {n: 4}\ninput: [3, 8, 8]\nlayers:\n  - Linear: n\n"
ODD = [
    'a: "x\n# y"\nb: 1\n',
    'a: "x\n# z"\nb: 1\n',
    'a: "x\nb: y"\nc: 1\n',
    "a: [1,\nb]\nc: 1\n",
    "a: |\n  x\n# no more of it\nb: 1\n",
    "a: |+\n  x\n\n\nb: 1\n",
    "a: 1\n...\nb: 2\n",
    "a: 1\r...\rb: 2\n",
    "a: 1\u2028...\u2028b: 2\n",
    "a: 1\n---\nb: 2\n",
    "---\na: 1\nb: 2\n",
    "%YAML 1.1\n---\na: 1\nb: 2\n",
    "{a: 1}\nb: 2\n",
    " a: 1\nb: 2\n",
    "a: 1\nx: 2\n",
    "c: 1\na: 2\n",
    "a: 1\na: 2\n",
    "a: &x 1\nb: *x\n",
    "a: *x\nb: &x 1\n",
    "a: 1\n? b\nc: 2\n",
    "- a\nb: 1\n",
    "a: b\nc\n",
    "a:\nb:\n- 1\n- 2\nc: 0x\n",
    "# first\n\na: 1\n# between\nb: 2\n# last",
    "a: 1\r\nb: [2,\r\n 3]\r\n# end\r\n",
    "a: 010\nb: 2\n",
]
LINES = [
    "",
    "# c",
    " ",
    "...",
    "---",
    '"',
    "a: [",
    "]",
    "  - x",
    "n: 1",
    "k: |",
    "? q",
    ": r",
    "n: &a 1",
    "m: *a",
    "\u2028...",
]


def texts() -> Iterator[str]:
    """Documents of the zoo and odd ones, each with lines put in, so that what was read before is mostly known."""
    random = Random(4)
    for text in [*(path.read_text(encoding="utf-8") for path in sorted(Path("specs").glob("*.yaml"))), PLAIN, *ODD]:
        yield text
        for _ in range(20):
            lines = text.split("\n")
            lines.insert(random.randrange(len(lines)), random.choice(LINES))
            yield "\n".join(lines)


def plain(node: Node | None) -> Any:
    """A node with all that it says, in plain values."""
    if isinstance(node, Scalar):
        return node.start, node.end, node.text, node.quoted, repr(node.value)
    if isinstance(node, Items):
        return node.start, node.end, [plain(item) for item in node.items]
    if isinstance(node, Pairs):
        return node.start, node.end, node.torn, [(plain(key), plain(value)) for key, value in node.pairs]
    return None


def told(problems: list[Diagnostic]) -> list[Any]:
    return [(d.code, d.start, d.end, d.message, d.help) for d in sorted(problems, key=lambda d: d.start)]


def test_sections_known_from_other_files_give_what_the_whole_text_gives() -> None:
    sections._KNOWN.clear()
    for text in texts():
        for _ in range(2):
            node, problems = read(Source("<text>", text))
            whole, also = _read(text)
            assert (plain(node), told(problems)) == (plain(whole), told(also)), text


def test_a_text_of_known_sections_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(text: str) -> Any:
        asked.append(text)
        return _read(text)

    monkeypatch.setattr("shapecalc.source.reader._read", counted)
    sections._KNOWN.clear()
    first, _ = read(Source("a.yaml", PLAIN))
    second, _ = read(Source("b.yaml", f"{PLAIN}# a comment\n"))
    other, _ = read(Source("c.yaml", PLAIN.replace("n: 4", "n: 8")))
    assert asked == [PLAIN, "params: {n: 8}\n"]
    assert isinstance(first, Pairs)
    assert isinstance(second, Pairs)
    assert isinstance(other, Pairs)
    assert first.get("layers") is second.get("layers") is other.get("layers")


def test_few_sections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "MOST_SECTIONS", 10)
    for number in range(50):
        read(Source("<text>", f"a: {number}\nb: {number}\nc: 3\n"))
        assert len(sections._KNOWN) <= 10
