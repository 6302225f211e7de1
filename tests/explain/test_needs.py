"""Why a layer cannot be, and what would mend it: torch and the check confirm both."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.explain.need import broken
from shapecalc.ops.op import AT_LEAST_ZERO
from tests import plain

from .arithmetic import value

FAILING = [
    ("Conv2d", {"out_channels": 4, "kernel_size": 5}, (3, 3, 4)),
    ("Conv2d", {"out_channels": 4, "kernel_size": 3, "dilation": 3}, (3, 6, 6)),
    ("Conv2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 1}, (3, 3, 3)),
    ("Conv2d", {"out_channels": 4, "kernel_size": 1, "groups": 2}, (3, 3, 3)),
    ("MaxPool2d", {"kernel_size": 3, "padding": 2}, (3, 9, 9)),
    ("MaxPool2d", {"kernel_size": 5}, (3, 3, 3)),
    ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "stride": 2, "output_padding": 2}, (3, 3, 3)),
    ("GroupNorm", {"num_groups": 2}, (3, 3, 3)),
    ("PixelShuffle", {"upscale_factor": 2}, (3, 3, 3)),
    ("Linear", {"in_features": 7, "out_features": 2}, (6,)),
]


def text(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> str:
    given = ", ".join(f"{k}: {v}" for k, v in arguments.items())
    return f"shapecalc: 1\ninput: {list(shape)}\nlayers:\n  - {name}: {{{given}}}\n"


def failure(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> Any:
    return broken(plain.check_text(text(name, arguments, shape)).graph.nodes[0])


def runs(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> bool:
    """Whether torch makes the layer, trains it and runs it."""
    inferred = {"Conv2d": "in_channels", "ConvTranspose2d": "in_channels", "GroupNorm": "num_channels"}
    given = dict(arguments)
    if name in inferred:
        given.setdefault(inferred[name], shape[0])
    try:
        getattr(nn, name)(**given)(torch.zeros(2, *shape))
    except (RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("case", FAILING, ids=lambda c: f"{c[0]}-{c[2]}-{len(c[1])}")
def test_the_gap_of_a_failing_need_is_worked_out_and_fails(case: Any) -> None:
    found = failure(*case)
    assert not runs(*case)
    assert found.gap.formula
    gap = value(found.gap.substitution)
    assert gap == found.gap.answer
    assert gap < 0 if found.claim.relation is AT_LEAST_ZERO else gap != 0


@pytest.mark.parametrize("case", FAILING, ids=lambda c: f"{c[0]}-{c[2]}-{len(c[1])}")
def test_what_would_mend_it_mends_it(case: Any) -> None:
    name, arguments, shape = case
    mends = failure(*case).mends
    assert mends
    for mend in mends:
        _, _, axis = mend.what.rpartition(" ")
        if axis.isdigit():
            a = int(axis) - 1
            single = (*shape[:a], mend.new, *shape[a + 1 :])
            alike = tuple(max(mend.new, s) if n >= a else s for n, s in enumerate(shape))
            assert runs(name, arguments, single) or runs(name, arguments, alike), mend.what
        else:
            changed = {**arguments, mend.what: mend.new}
            assert runs(name, changed, shape), mend.what
            assert plain.check_text(text(name, changed, shape)).ok


def test_a_kernel_that_is_too_large_may_shrink_or_get_padding_or_a_larger_input() -> None:
    mends = {(m.what, m.new) for m in failure(*FAILING[0]).mends}
    assert mends == {("kernel_size", 3), ("padding", 1), ("input 2", 5)}


def test_a_layer_that_works_has_no_failing_need() -> None:
    assert failure("Conv2d", {"out_channels": 4, "kernel_size": 3}, (3, 8, 8)) is None
