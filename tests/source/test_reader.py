"""YAML into located values: what is read, what is refused, and where."""

from __future__ import annotations

import gc
import time

import pytest

from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import UNREADABLE, Items, Node, Pairs, Scalar, kind_of
from shapecalc.source.reader import read
from shapecalc.source.text import Source


def plain(node: Node | None) -> object:
    """A node as plain Python values."""
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Pairs):
        return {key.text: plain(value) for key, value in node.pairs}
    return None if node is None else node.value


def read_text(text: str) -> tuple[object, list[Diagnostic]]:
    node, problems = read(Source("a.yaml", text))
    return plain(node), problems


def only_problem(text: str) -> tuple[Diagnostic, str]:
    """The one diagnostic of a text, and the piece of text that it points at."""
    _, problems = read_text(text)
    assert len(problems) == 1, problems
    return problems[0], text[problems[0].start : problems[0].end]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no\non: yes\noff: 1:30", {"a": "no", "on": "yes", "off": "1:30"}),
        ("a: 1e-5\nb: .5\nc: 1.\nd: 0x1F\ne: 0o17", {"a": 1e-5, "b": 0.5, "c": 1.0, "d": 31, "e": 15}),
        ("a: ~\nb: null\nc:\nd: TRUE\ne: False", {"a": None, "b": None, "c": None, "d": True, "e": False}),
        ("a: -.inf\nb: 1_000\nc: 2020-13-45", {"a": float("-inf"), "b": "1_000", "c": "2020-13-45"}),
        ("a: '1'\nb: \"no\\n\"\nc: |\n  x\n  y\n", {"a": "1", "b": "no\n", "c": "x\ny\n"}),
        ("1: a\nno: b\n1.5: c\n010: d\n~: e", {"1": "a", "no": "b", "1.5": "c", "010": "d", "~": "e"}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("&k key: 1\nother: *k", {"key": 1, "other": "key"}),
        ("a: !!str 5\nb: !!int 0x10\nc: !!float 3\nd: !!null ~", {"a": "5", "b": 16, "c": 3.0, "d": None}),
        ("e: !!seq [1]\nf: !!map {g: !!bool true}\nh: ! 7", {"e": [1], "f": {"g": True}, "h": 7}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("{a: , b: 1}", {"a": None, "b": 1}),
        ("- - 1\n  - 2\n-\n- {}\n- []", [[1, 2], None, {}, []]),
        ("hello", "hello"),
        ("a: first\n  second", {"a": "first second"}),
        ("? a\n: 1", {"a": 1}),
    ],
)  # fmt: skip
def test_values_follow_the_core_schema(text: str, value: object) -> None:
    assert read_text(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "help"),
    [
        ("a: 010", "SC004", "010", "010 has a leading zero", "8 (or 0o10)"),
        ("a: -007", "SC004", "-007", "-007", "-7"),
        ("a: {b: 1, c: 2, b: 3}", "SC003", "b", "`b` is given twice", ""),
        ("y:\n  <<: {a: 1}\n  k: 5", "SC005", "<<", "merge key", "blocks"),
        ("a: !foo 1", "SC006", "!foo", "`!foo`", "quoted"),
        ("a: !!int x", "SC006", "!!int", "`!!int`", ""),
        ("a: !!map [1]", "SC006", "!!map", "`!!map`", ""),
        ("a: !!binary x", "SC006", "!!binary", "`!!binary`", ""),
        ("a: !!set {x, y}", "SC006", "!!set", "`!!set`", ""),
        ("a: !<tag:example.org,2000:x> 1", "SC006", "!<tag:example.org,2000:x>", "tag", ""),
        ("a: 1\n---\nb: 2", "SC007", "---", "second YAML document", "`---`"),
        ("a: " + "9" * 19, "SC008", "9" * 19, "too large", "18 digits"),
        ("a: *nope", "SC010", "*nope", "`&nope`", "quoted"),
        ("a: &x [1, *x]", "SC010", "*x", "inside", ""),
        ("a: &x {b: [*x]}", "SC010", "*x", "inside", ""),
        ("a: &x 1\nb: &x [*x]", "SC010", "*x", "inside", ""),
        ("? [a]\n: 1", "SC011", "[a]", "key", ""),
        ("{a: 1}: 2", "SC011", "{a: 1}", "key", ""),
        ("", "SC009", "", "empty", "shapecalc: 1"),
        (" \n\n", "SC009", "", "empty", "shapecalc: 1"),
        ("# a comment\n", "SC009", "", "comments", "shapecalc: 1"),
        ("---\n", "SC009", "", "", "shapecalc: 1"),
    ],
)
def test_each_mistake_has_its_code_and_place(text: str, code: str, place: str, message: str, help: str) -> None:
    problem, at = only_problem(text)
    assert (problem.code, at) == (code, place)
    assert message in problem.message
    assert help in problem.help


@pytest.mark.parametrize(
    ("text", "place", "message", "help"),
    [
        ("a:\n\tb: 1", "\t", "tab", "spaces"),
        ("a:\n  b: 1\n\tc: 2", None, "tab", "spaces"),
        ("a: b: c", ":", "second `: `", '"b: c"'),
        ("layers:\n  - Conv2d: {out: [1, 2}", "}", "`,` or `]`", ""),
        ("a: [1, 2\nb: 3", "[", "`[` is not closed", "`]`"),
        ("- Conv2d: {out: 64\n- ReLU\n", "{", "`{` is not closed", "`}`"),
        ("a: {b: c[0], d: 1}", "[", "`c[0]` must be quoted", '"c[0]"'),
        ('a: "x', '"', "never closed", ""),
        ("a: %b + 1  # why", "%", "`%` cannot begin", '"%b + 1"'),
        ("- @b", "@", "`@` cannot begin", '"@b"'),
        ("a: > 5", ">", "block of text", '"> 5"'),
        ("a: | x", "|", "block of text", '"| x"'),
        ("a: * 2", "*", "alias", '"* 2"'),
        ("a: & b", "&", "anchor", '"& b"'),
        ("a: ? b", "?", "key", '"? b"'),
        ("a: [1, 2][0]", "[", "left over", '"[1, 2][0]"'),
        ('a: "x" if b else c', "i", "left over", "'\"x\" if b else c'"),
        ("a: *x + 1", "+", "left over", '"*x + 1"'),
        ("a:\n  b: 1\n c: 2", "c", "indented", ""),
        ("- a\nb: 1", "b", "no item", "`- `"),
        ("a: 1\nword", "w", "`word`", "`word: ...`"),
        ('a: "\\q"', "\\", "`\\q`", "single quotes"),
        ("a: - b", "-", "beside its key", ""),
        ("a: 1\n  b: 2", ":", "the line above", "indent"),
        ("a: 'x\x00'", "\x00", "U+0000", ""),
        ("é: \U0001f600\x07", "\x07", "U+0007", ""),
        ("a: \ud800", "\ud800", "U+D800", ""),
        ("%YAML 2.0\n---\na: 1", "%", "version", ""),
        ("a: 1\n...\nb: 2", None, "after the end", ""),
        ("a: !x!y 1", "!", "tag", '"!x!y 1"'),
    ],
)
def test_broken_syntax_gives_one_message_that_says_what_to_do(
    text: str, place: str | None, message: str, help: str
) -> None:
    problem, at = only_problem(text)
    assert problem.code == "SC002"
    assert place in (at, None)
    assert message in problem.message
    assert help in problem.help


def test_a_repeated_key_points_to_the_first_and_the_first_stays() -> None:
    text = "a: 1\nb: 2\na: 3\n'a': 4"
    value, problems = read_text(text)
    assert value == {"a": 1, "b": 2}
    assert [(p.code, p.start) for p in problems] == [
        ("SC003", text.index("a: 3")),
        ("SC003", text.index("'a'")),
    ]
    assert all(p.related == ((0, 1, "first given here"),) for p in problems)


def test_headers_of_loops_may_repeat() -> None:
    node, problems = read(Source("a", "for i in x: 1\nfor i in x: 2\nforward: 1\n"))
    assert isinstance(node, Pairs)
    assert problems == []
    assert [key.text for key, _ in node.pairs] == ["for i in x", "for i in x", "forward"]


def test_reading_goes_on_after_mistakes_that_leave_the_structure_whole() -> None:
    text = "a: 010\nb: !t 1\nc: [*no, 2]\n<<: 3\nd: 4\n? [x]\n: 5\nd: 6\n"
    value, problems = read_text(text)
    assert value == {"a": UNREADABLE, "b": UNREADABLE, "c": [UNREADABLE, 2], "d": 4}
    assert [p.code for p in problems] == ["SC004", "SC006", "SC010", "SC005", "SC011", "SC003"]
    assert [p.start for p in problems] == sorted(p.start for p in problems)


def test_the_same_mistake_is_reported_at_each_of_its_places() -> None:
    assert [(p.code, p.start) for p in read_text("a: 010\nb: 010")[1]] == [("SC004", 3), ("SC004", 10)]


def test_problems_before_a_syntax_error_are_kept() -> None:
    assert [p.code for p in read_text("a: 010\nb: [")[1]] == ["SC004", "SC002"]


def test_the_first_of_several_documents_is_read() -> None:
    assert read_text("a: 1\n---\nb: [")[0] == {"a": 1}


def test_an_alias_is_the_node_of_its_anchor() -> None:
    node, _ = read(Source("a", "a: &x {b: 1}\nc: *x"))
    assert isinstance(node, Pairs)
    assert node.get("a") is node.get("c")
    assert node.get("nothing") is None


# Places


@pytest.mark.parametrize(
    ("text", "key", "written"),
    [
        ("a:\n  b: 1\n\n# note\n\nc: 2\n", "a", "b: 1"),
        ("a:\n- x\n- y  # note\n\nc: 2", "a", "- x\n- y"),
        ("a: &n\n  # note\n  b: 1\nc: 2", "a", "b: 1"),
        ("a: &n [1,\n 2] # note\nc: 2", "a", "[1,\n 2]"),
        ("a: !!map {b: 1}\nc: 2", "a", "{b: 1}"),
        ("a: &n 1\nc: 2", "a", "1"),
        ("a: !!str &n word\nc: 2", "a", "word"),
        ("a: |\n  x\n  y\n\n\nc: 2", "a", "|\n  x\n  y"),
        ("a: first\n  second\n\nc: 2", "a", "first\n  second"),
        ("a: 'it''s' # note\nc: 2", "a", "'it''s'"),
        ("a:\n  b:\n    c:\n\nd: 2", "a", "b:\n    c:"),
        ("x: &n {z: 1}\na:\n  b: *n\n\nc: 2", "a", "b: *n"),
        ("a:   \nc: 2", "a", ""),
    ],
)
def test_places_are_tight(text: str, key: str, written: str) -> None:
    node, problems = read(Source("a", text))
    assert isinstance(node, Pairs)
    value = node.get(key)
    assert value is not None
    assert problems == []
    assert text[value.start : value.end] == written


def test_a_byte_order_mark_moves_no_offset() -> None:
    node, _ = read(Source("a", "\ufeffa: 1\nb: 2"))
    assert isinstance(node, Pairs)
    assert [key.start for key, _ in node.pairs] == [0, 5]


def test_a_second_byte_order_mark_is_refused() -> None:
    problem, _ = only_problem("\ufeff\ufeffa: 1")
    assert (problem.code, problem.start, problem.end) == ("SC002", 0, 1)


def test_spans_within_a_scalar_allow_for_its_quotes() -> None:
    assert Scalar("c + 1", "c + 1", 10, 15).span(4, 5) == (14, 15)
    assert Scalar("c + 1", "c + 1", 10, 17, quoted=True).span(4, 5) == (15, 16)
    assert Scalar("c\n", "c\n", 10, 15, quoted=True).span(0, 1) == (10, 15)


@pytest.mark.parametrize(
    ("text", "words"),
    [("1", "a number"), ("1.5", "a number"), ("true", "true or false"), ("x", "text"), ("'1'", "text"),
     ("~", "nothing"), ("[1]", "a list"), ("{a: 1}", "a mapping")],
)  # fmt: skip
def test_kinds_are_named_in_words(text: str, words: str) -> None:
    node, _ = read(Source("a", text))
    assert node is not None
    assert kind_of(node) == words


# Limits


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * 9) + "]"]
    return "\n".join(lines + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "{a: " * 100_000,
        "- " * 100_000,
        "\n".join(" " * i + "-" for i in range(1_100)),
        bomb(9),
        bomb(30),
        "a: &a [" + "1, " * 2_000 + "]\nb: [" + "*a, " * 2_000 + "]",
        "a: 0x" + "f" * 99_999,
    ],
    ids=["brackets", "braces", "dashes", "steps", "laughs", "many laughs", "square", "number"],
)
def test_bombs_are_refused_within_a_second(text: str) -> None:
    began = time.perf_counter()
    _, problems = read_text_only(text)
    assert [p.code for p in problems] == ["SC008"]
    assert time.perf_counter() - began < 1


def read_text_only(text: str) -> tuple[Node | None, list[Diagnostic]]:
    return read(Source("a", text))


def test_what_is_written_out_is_not_counted_as_expansion() -> None:
    node, problems = read_text_only("x: &x {a: 1}\nb:\n" + "- *x\n" * 100_000)
    assert problems == []
    assert isinstance(node, Pairs)


@pytest.mark.parametrize("depth", [99, 100])
def test_a_hundred_levels_are_read(depth: int) -> None:
    node, problems = read_text_only("[" * depth + "]" * depth)
    assert problems == []
    assert node is not None


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    read_text("a: [1")
    assert gc.isenabled()
    gc.disable()
    try:
        read_text("a: 1")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_hundred_thousand_layers_are_read_in_seconds() -> None:
    line = "    - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}\n"
    source = Source("a", "layers:\n" + line * 100_000)
    began = time.process_time()
    node, problems = read(source)
    assert time.process_time() - began < 6  # about 1.3 on an idle machine
    assert problems == []
    assert isinstance(node, Pairs)
    layers = node.get("layers")
    assert isinstance(layers, Items)
    assert len(layers.items) == 100_000
    last = layers.items[-1]
    assert source.text[last.start : last.end] == line.strip().removeprefix("- ")
