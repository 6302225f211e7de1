"""A size is legal for a symbol exactly where the same spec with the number has no mistake."""

from __future__ import annotations

import re

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
    "a stride and a kernel": "{MaxPool1d: {kernel_size: 2, stride: T // 5}}, {AvgPool1d: T // 7}",
    "padding and dilation": "{MaxPool1d: {kernel_size: T - 2, padding: T // 3, dilation: T // 8}}",
    "channels": "{Conv1d: {out_channels: T // 3 - 1, kernel_size: 1}}",
    "groups": "{Conv1d: {out_channels: 4, kernel_size: 1, groups: T // 10}}",
    "a transposed convolution": "{ConvTranspose1d: {out_channels: 2, kernel_size: T // 2, stride: T // 3, padding: 2}}",
    "a divisor that may be 0": "{Conv1d: {out_channels: 64 // (T - 5), kernel_size: 1}}",
    "the size of an output": "{Upsample: {size: T - 3}}, {AdaptiveAvgPool1d: T // 4}",
    "cells that are cut": "{ConstantPad1d: {padding: [T - 5, 3 - T], value: 1}}, {ReflectionPad1d: T - 9}",
    "axes that are cut into": "{Reshape: [N, -1, T // 2]}",
    "parts": "{Flatten: {start_dim: 1, end_dim: 2}}, {Unflatten: {dim: 1, unflattened_size: [T - 2, -1]}}",
    "sizes of pieces": "{Split: {split_size_or_sections: [T - 4, 4], dim: 2}}",
    "a place from the front": "{Narrow: {dim: 2, start: T // 2, length: T // 2 - 1}}",
    "a place from the end": "{Select: {dim: 2, index: -T}}",
    "an end before the start": "{Slice: {dim: 2, start: T // 2, end: T // 3}}",
}
ANY = {"a slice before what takes anything", "a place from the end", "an end before the start"}


@pytest.mark.parametrize("name", CHAINS)
def test_legal_sizes_are_those_that_make_no_mistake_as_numbers(name: str) -> None:
    text = f"shapecalc: 1\nparams: {{t: 1}}\ninput: [4, T]\nlayers: [{CHAINS[name]}]\n"
    anyhow = plain.check_text(text)
    assert anyhow.ok, anyhow.diagnostics
    legal, number = anyhow.legal, re.sub(r"\bT\b", "t", text)
    mistaken = {t: not plain.check_text(number, params={"t": t}).ok for t in range(1, 60)}
    assert mistaken == {t: legal is not None and not legal.holds({"T": t, "N": 1}) for t in mistaken}
    assert any(mistaken.values()) == (name not in ANY)
