"""Bytes into text, offsets into lines and columns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecalc.source.text import MAX_BYTES, Source, decode

TEXTS = st.text(alphabet="ab é\U0001f600\n\r\t\x85\u2028\x0b\x0c", max_size=40)


@given(TEXTS, st.integers(0, 45))
def test_places_agree_with_a_count_of_line_breaks(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    breaks = [found.end() for found in re.finditer(r"\r\n|\r|\n", text) if found.end() <= offset]
    start = breaks[-1] if breaks else 0
    assert Source("a", text).place(offset) == (len(breaks) + 1, offset - start + 1)


@given(TEXTS)
def test_line_texts_are_the_text_without_its_breaks(text: str) -> None:
    source = Source("a", text)
    lines = re.split(r"\r\n|\r|\n", text)
    assert [source.line_text(n) for n in range(1, len(lines) + 1)] == lines
    assert source.line_text(0) == source.line_text(len(lines) + 1) == ""


def test_offsets_beyond_the_text_are_its_end() -> None:
    assert Source("a", "ab\ncd").place(99) == (2, 3)


def test_a_byte_order_mark_is_taken_off_and_remembered() -> None:
    source, problem = decode("\ufeffa: 1".encode(), "a.yaml")
    assert problem is None
    assert source is not None
    assert (source.text, source.bom, source.path) == ("a: 1", True, "a.yaml")
    assert not Source("a", "a: 1").bom


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: \xe9", "byte 0xE9 at position 3 (line 1)"),
        (b"a: 1\nb: \xc0\x80", "byte 0xC0 at position 8 (line 2)"),
        (b"a: \xed\xa0\x80", "byte 0xED at position 3"),
        (b"a: \xe2\x82", "byte 0xE2 at position 3"),
        (b"\x89PNG\r\n", "byte 0x89 at position 0"),
    ],
)
def test_text_that_is_not_utf8_is_refused_with_its_byte(data: bytes, said: str) -> None:
    source, problem = decode(data, "a.yaml")
    assert source is None
    assert problem is not None
    assert problem.code == "SC001"
    assert said in problem.message
    assert "UTF-8" in problem.help


def test_utf16_is_named() -> None:
    _, problem = decode("a: 1".encode("utf-16"), "a.yaml")
    assert problem is not None
    assert "UTF-16" in problem.help


def test_a_file_beyond_the_limit_is_refused() -> None:
    source, problem = decode(b" " * (MAX_BYTES + 1), "a.yaml")
    assert source is None
    assert problem is not None
    assert problem.code == "SC008"
    assert f"{MAX_BYTES:,}" in problem.message
