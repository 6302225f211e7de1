"""The registry and the words of the language hold together."""

from __future__ import annotations

import pytest

from shapecalc.ops.kinds import Listed
from shapecalc.ops.registry import FAMILIES, MODULES, find
from shapecalc.source.names import STRUCTURAL, TORCH_WORDS

from .generate import operators
from .scope import classes, left_out


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


def test_every_layer_class_of_torch_is_an_operator_or_left_out_for_a_reason() -> None:
    """A class that torch adds shows up here as missing."""
    without = left_out()
    assert [name for name in classes() if name not in MODULES and name not in without] == []
    assert [name for name in without if name not in classes()] == []
    assert [name for name in without if name in MODULES] == []


def test_operators_with_a_module_are_classes_of_torch_or_bring_their_own() -> None:
    theirs = set(classes())
    ours = [name for name in MODULES if find(name).module and name not in theirs]
    assert all(getattr(find(name), "support", None) for name in ours)


def test_the_page_of_operators_lists_every_class_of_torch() -> None:
    page = operators()
    assert all(f"\n### {name}\n" in page for name in MODULES)
    assert all(f"`{name}`" in page for name in left_out())
