"""The registry and the words of the language hold together."""

from __future__ import annotations

import pytest

from shapecalc.ops.kinds import Listed
from shapecalc.ops.registry import FAMILIES, MODULES, find
from shapecalc.source.names import STRUCTURAL, TORCH_WORDS


def test_no_operator_stands_twice() -> None:
    listed = [name for _, line in FAMILIES for name in line.split()]
    assert len(listed) == len(set(listed)) == len(MODULES)
    assert not STRUCTURAL & set(listed)


def test_the_words_that_params_may_not_be_named_like_are_those_that_arguments_take() -> None:
    words = {
        w for name in MODULES for a in find(name).attributes if not isinstance(a.kind, Listed) for w in a.kind.words
    }
    assert {w for w in words if w.isidentifier()} == TORCH_WORDS


@pytest.mark.parametrize("name", MODULES)
def test_an_operator_has_at_most_one_main_argument_and_documents_all(name: str) -> None:
    attributes = find(name).attributes
    assert sum(a.main for a in attributes) <= 1
    assert all(a.doc for a in attributes)
