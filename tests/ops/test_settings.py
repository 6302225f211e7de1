"""Arguments that are a mapping of settings, against the class of torch's that holds them."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import shapecalc
from shapecalc.codegen.module import emit
from tests import plain

TEXT = """\
shapecalc: 1
input: {{x: {{shape: [8, 5], batch: false}}, target: {{shape: [8], dtype: int64, batch: false}}}}
layers:
  - LinearCrossEntropyLoss: {{num_classes: 4, options: {options}}}
    from: [x, target]
"""
SETTINGS: list[dict[str, Any]] = [
    {},
    {"batch_chunk_size": 2, "allow_retain_graph": True},
    {"batch_chunk_size": 0},
    {"batch_chunk_size": -1},
    {"chunking_method": "aspect_ratio"},
    {"chunking_method": "aspect_ratio:4", "acc_policy": "compact"},
    {"chunking_method": "aspect_ratio:0"},
    {"chunking_method": "aspect_ratio:"},
    {"chunking_method": "aspect_ratio:x"},
    {"chunking_method": "halves"},
    {"acc_policy": "careless"},
    {"rows": 3},
]


def report_of(options: str) -> shapecalc.Report:
    return plain.check_text(TEXT.format(options=options), path="net.yaml")


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_settings_are_taken_as_by_torch(settings: dict[str, Any]) -> None:
    try:
        nn.LinearCrossEntropyOptions(**settings)
        taken = True
    except (ValueError, TypeError):
        taken = False
    written = ", ".join(f"{name}: {str(value).lower()}" for name, value in settings.items())
    assert report_of(f"{{{written}}}").ok == taken


def test_settings_that_torch_finds_at_odds_when_it_runs_are_refused() -> None:
    (found,) = report_of("{batch_chunk_size: 3, chunking_method: aspect_ratio}").diagnostics
    assert found.message == "options has both batch_chunk_size and chunking_method, and one says it"


def test_a_setting_may_be_an_expression_and_is_emitted_as_torch_wants_it() -> None:
    report = report_of("{batch_chunk_size: 2 * 2}")
    assert "options=nn.LinearCrossEntropyOptions(batch_chunk_size=4)" in emit(report)


def test_what_is_kept_of_the_pieces_of_a_batch_is_not_stated() -> None:
    assert report_of("~").totals.saved_bytes is not None
    report = report_of("{}")
    assert report.layers[0].saved_bytes is None
    assert "pieces" in report.layers[0].reasons["saved_bytes"]


def test_a_setting_that_torch_does_not_have_is_named() -> None:
    (found,) = report_of("{rows: 3}").diagnostics
    assert "'rows'" in found.message
    assert "batch_chunk_size" in found.message


@pytest.mark.parametrize("options", ["3", "[2]", "text"])
def test_what_is_no_mapping_is_refused(options: str) -> None:
    assert not report_of(options).ok
