"""A size is legal for a symbol exactly where the same spec with the number has no mistake."""

from __future__ import annotations

import pytest

from tests import plain

CHAINS = {
    "a window": "{MaxPool1d: {kernel_size: 5, stride: 3}}",
    "windows": "{Conv1d: {out_channels: 4, kernel_size: 7, stride: 2}}, {AvgPool1d: 3}, {MaxPool1d: {kernel_size: 2}}",
    "a slice that may leave nothing": "{Slice: {dim: 2, start: 1}}, {Upsample: {scale_factor: 2}}",
    "padding that hides it": "{Slice: {dim: 2, start: 3}}, {AvgPool1d: {kernel_size: 2, padding: 1}}",
    "a slice of every second": "{Slice: {dim: 2, start: 4, step: 2}}, {AdaptiveAvgPool1d: 3}",
    "a slice before what takes anything": "{Slice: {dim: 2, start: 3}}, ReLU",
    "branches that must meet": "{Add: {branches: [[{MaxPool1d: 2}, {Upsample: {scale_factor: 2}}], Identity]}}",
    "mirrored borders": "{ReflectionPad1d: 6}, {MaxPool1d: 4}",
    "halves": "{GLU: 2}",
    "parts of a multiple": "{Unflatten: {dim: 2, unflattened_size: [-1, 6]}}",
    "a share of an axis": "{Upsample: {scale_factor: 0.3}}, {AvgPool1d: 2}",
}


@pytest.mark.parametrize("name", CHAINS)
def test_legal_sizes_are_those_that_make_no_mistake_as_numbers(name: str) -> None:
    text = f"shapecalc: 1\ninput: [4, T]\nlayers: [{CHAINS[name]}]\n"
    anyhow = plain.check_text(text)
    assert anyhow.ok, anyhow.diagnostics
    legal = anyhow.legal
    refused = []
    for size in range(1, 60):
        report = plain.check_text(text.replace("T]", f"{size}]"))
        mistaken = any(d.severity == "error" for d in report.diagnostics)
        assert mistaken == (legal is not None and not legal.holds({"T": size, "N": 1})), (size, legal)
        refused += [size] * mistaken
    assert bool(refused) == (name != "a slice before what takes anything")
