"""The reader against second opinions: PyYAML's own reading, its pure parser, and random texts."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shapecalc.source import reader
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import Items, Node, Pairs, Scalar
from shapecalc.source.text import Source, decode

ROWS = list(csv.reader((Path(__file__).parents[1] / "truth" / "pyyaml_behaviour.csv").open()))[1:]

# What YAML 1.2's core schema and the language make of the documents that PyYAML reads otherwise.
LANGUAGE = {
    "octal 010": {"SC004"},
    "norway": {"a": "no"},
    "on": {"a": "on"},
    "yes key": {"yes": 1},
    "sexagesimal": {"a": "1:30"},
    "sexagesimal3": {"a": "190:20:30"},
    "underscore int": {"a": "1_000"},
    "bin": {"a": "0b101"},
    "0o10 (YAML 1.2 octal)": {"a": 8},
    "1e3": {"a": 1000.0},
    "date": {"a": "2020-01-01"},
    "bad date": {"a": "2020-13-45"},
    "time-like": {"a": "2001-99-99 99:99:99"},
    "dup keys": {"SC003"},
    "tab indent": {"SC002"},
    "merge key": {"SC005"},
    "merge scalar": {"SC005"},
    "merge list": {"SC005"},
    "merge dup": {"SC005"},
    "two merges": {"SC005"},
    "undefined alias": {"SC010"},
    "anchor redefined": {"a": 1, "b": 2, "c": 2},
    "self alias": {"SC010"},
    "self map": {"SC010"},
    "recursive key": {"SC010"},
    "complex key": {"SC011"},
    "mapping key": {"SC011"},
    "unknown tag": {"SC006"},
    "tag int bad": {"SC006"},
    "tag int empty": {"SC006"},
    "tag float bad": {"SC006"},
    "tag bool bad": {"SC006"},
    "tag timestamp bad": {"SC006"},
    "tag binary bad": {"SC006"},
    "tag set": {"SC006"},
    "tag omap": {"SC006"},
    "value tag": "=",
    "0b_": {"a": "0b_"},
    "0x_": {"a": "0x_"},
    "nul": {"SC002"},
    "control": {"SC002"},
    "empty": {"SC009"},
    "comment only": {"SC009"},
    "doc only": {"SC009"},
    "two docs": {"SC007"},
    "key null": {"~": 1},
    "key float": {"1.5": "x"},
    "key bool": {"true": 1},
    "key int & str": {"SC003"},
    "utf16le bom": {"SC001"},
    "utf16be bom": {"SC001"},
    "utf16 no bom": {"SC002"},
    "latin1": {"SC001"},
    "png": {"SC001"},
}


def plain(node: Node | None) -> object:
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Pairs):
        return {key.text: plain(value) for key, value in node.pairs}
    return None if node is None else node.value


def document(written: str) -> bytes | None:
    """The document of a row; None where the table shows its head only."""
    try:
        value = ast.literal_eval(written)
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


DOCUMENTS = [(row[0], data, row[2]) for row in ROWS if (data := document(row[1])) is not None]


def test_most_of_the_table_is_used() -> None:
    assert len(DOCUMENTS) > 85
    assert {name for name, _, _ in DOCUMENTS} >= LANGUAGE.keys()


@pytest.mark.parametrize(("name", "data", "pyyaml"), DOCUMENTS, ids=[name for name, _, _ in DOCUMENTS])
def test_odd_documents_are_read_as_the_language_says_and_else_as_pyyaml_does(
    name: str, data: bytes, pyyaml: str
) -> None:
    source, problem = decode(data, "a.yaml")
    node, problems = (None, [problem]) if source is None else reader.read(source)
    codes = {p.code for p in problems if p is not None}
    if name in LANGUAGE:
        due = LANGUAGE[name]
        assert codes == due if isinstance(due, set) else (plain(node), codes) == (due, set())
    elif pyyaml.startswith("ok") and not codes:
        assert pyyaml in (f"ok {plain(node)!r}", f"ok {type(plain(node)).__name__}")
    else:
        assert codes


# Random texts

NASTY = st.text(
    st.sampled_from(list("ab01 .:,-?[]{}&*!|>'\"%@`#\n\r\t\\\x85\u2028\ufeffé\U0001f600\x00~<")), max_size=60
)


@settings(max_examples=400)
@given(NASTY | st.text(max_size=60))
def test_no_text_makes_the_reader_raise_and_every_place_lies_in_it(text: str) -> None:
    source = Source("a", text)
    node, problems = reader.read(source)
    assert node is not None or problems
    for problem in problems:
        assert 0 <= problem.start <= problem.end <= max(len(source.text), 1)
        assert problem.message
        assert "\n" not in problem.message
    if node is not None:
        check_places(node, source.text, set())


def check_places(node: Node, text: str, seen: set[int]) -> None:
    assert 0 <= node.start <= node.end <= len(text)
    if isinstance(node, Scalar) and not node.quoted and len(node.text) == node.end - node.start:
        assert text[node.start : node.end].split() == node.text.split()  # a fold makes blanks of line breaks
    if id(node) in seen or isinstance(node, Scalar):
        return
    seen.add(id(node))
    parts = node.items if isinstance(node, Items) else [part for pair in node.pairs for part in pair]
    for part in parts:
        check_places(part, text, seen)


WORDS = st.text(st.sampled_from("abcé\U0001f600"), min_size=1, max_size=5).map("w".__add__)
VALUES = st.recursive(
    WORDS | st.integers(-(10**17), 10**17),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def located(node: Node) -> list[Node]:
    if isinstance(node, Scalar):
        return [node]
    parts = node.items if isinstance(node, Items) else [part for pair in node.pairs for part in pair]
    return [node, *(found for part in parts for found in located(part))]


@settings(max_examples=200)
@given(VALUES, st.sampled_from([None, True, False]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_dumped_values_are_read_back_and_every_piece_of_text_is_its_value(
    value: object, flow: bool | None, line_break: str
) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True).replace("\n", line_break)
    node, problems = reader.read(Source("a", text))
    assert problems == []
    assert node is not None
    assert plain(node) == yaml.safe_load(text) == value
    for part in located(node):
        piece = text[part.start : part.end]
        assert piece == piece.strip()
        if isinstance(part, Scalar):
            assert piece == part.text if not part.quoted else yaml.safe_load(piece) == part.text
        elif piece[0] in "[{":
            assert yaml.safe_load(piece) == plain(part)
        elif len(located(part)) > 1:
            assert part.end == max(inner.end for inner in located(part)[1:])


def everything(node: Node | None) -> object:
    if isinstance(node, Items):
        return ("items", node.start, node.end, [everything(item) for item in node.items])
    if isinstance(node, Pairs):
        pairs = [(everything(key), everything(value)) for key, value in node.pairs]
        return ("pairs", node.start, node.end, pairs)
    return None if node is None else (node.text, repr(node.value), node.start, node.end, node.quoted)


def outline(problems: list[Diagnostic]) -> list[tuple[str, int]]:
    return [(problem.code, problem.start) for problem in problems]


PLAIN_DOCUMENTS = [
    "a: &x {b: 1, c: [2, 'x']}\nd: *x\ne: !t 5\nf: 010\n",
    'é: \U0001f600\r\nb:\r\n  - x\r\n  - |\r\n    text\r\n\r\nc: "q\\n"\r\n',
    "# note\na:\n- 1\n-\n- ? k\n  : v\n",
    "a: 1\na: 2\n<<: 3\n? [x]\n: 1\n---\nb: 1",
    "[" * 200,
    "a:\n\tb: 1",
    "",
]


@pytest.mark.parametrize("text", PLAIN_DOCUMENTS)
def test_the_pure_parser_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node, problems = reader.read(Source("a", text))
    monkeypatch.setattr(reader, "_parser", yaml.Loader)
    other, other_problems = reader.read(Source("a", text))
    assert everything(other) == everything(node)
    assert outline(other_problems) == outline(problems)


@settings(max_examples=200)
@given(NASTY)
def test_no_text_makes_the_reader_raise_with_the_pure_parser(text: str) -> None:
    original, reader._parser = reader._parser, yaml.Loader  # type: ignore[assignment]
    try:
        node, problems = reader.read(Source("a", text))
    finally:
        reader._parser = original
    assert node is not None or problems
