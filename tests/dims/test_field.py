"""Receptive fields against sets of read positions, and the published ones of known networks."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapecalc.dims.field import (
    ALL,
    IDENTITY,
    POINT,
    WHOLE,
    Field,
    Seen,
    Spread,
    Unknown,
    Window,
    Zoom,
    merge,
)
from shapecalc.dims.sym import symbol

TRUTH = Path(__file__).parents[1] / "truth"
Reads = Callable[[int], set[int]]


def window_reads(k: int, s: int, p: int, d: int) -> Reads:
    return lambda o: {o * s - p + t * d for t in range(k)}


def spread_reads(k: int, s: int, p: int, d: int) -> Reads:
    near = range(-60, 61)
    return lambda o: {i for i in (o // s + j for j in near) if any(o == i * s - p + t * d for t in range(k))}


def zoom_reads(num: int, den: int, taps: int) -> Reads:
    def reads(o: int) -> set[int]:
        if taps == 1:
            return {floor(Fraction(o * den, num))}
        at = (o + Fraction(1, 2)) * den / num - Fraction(1, 2)
        return {floor(at) - 1, floor(at), ceil(at), ceil(at) + 1} if taps == 4 and at % 1 else {floor(at), ceil(at)}

    return reads


def aligned_reads(inp: int, out: int) -> Reads:
    return lambda o: {floor(Fraction(o * (inp - 1), out - 1)), ceil(Fraction(o * (inp - 1), out - 1))}


small = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(-2, 3), st.integers(1, 3))
ratio = st.tuples(st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 2, 4]))
corners = st.tuples(st.integers(1, 5), st.integers(2, 6))
layers = st.one_of(
    small.map(lambda a: (Window(*a), window_reads(*a))),
    small.map(lambda a: (Spread(*a), spread_reads(*a))),
    ratio.map(lambda a: (Zoom(*a), zoom_reads(*a))),
    corners.map(lambda a: (Zoom.aligned(*a), aligned_reads(*a))),
)
chains = st.lists(layers, max_size=4)


def pull(chain: list[Any]) -> Seen:
    field: Seen = IDENTITY
    for window, _ in chain:
        field = window.pull(field)
    return field


def seen(chain: list[Any], output: int) -> set[int]:
    positions = {output}
    for _, reads in reversed(chain):
        positions = set().union(*(reads(i) for i in positions))
    return positions


def hull(field: Field, output: int) -> tuple[Any, Any]:
    q, r = divmod(output, field.period)
    return field.lo[r] + q * field.advance, field.hi[r] + q * field.advance


@settings(max_examples=300, deadline=None)
@given(chains)
def test_fields_are_the_hulls_of_what_is_read(chain: list[Any]) -> None:
    field = pull(chain)
    assert isinstance(field, Field)
    for output in range(-3, min(2 * field.period, 40) + 3):
        positions = seen(chain, output)
        assert hull(field, output) == (min(positions, default=inf), max(positions, default=-inf))


@settings(max_examples=200, deadline=None)
@given(chains, chains)
def test_merged_fields_are_the_hull_of_both_and_aligned_if_all_centres_agree(one: list[Any], two: list[Any]) -> None:
    fields = [pull(one), pull(two)]
    assert isinstance(fields[0], Field)
    assert isinstance(fields[1], Field)
    field, aligned = merge(fields)
    if fields[0].stride != fields[1].stride:
        assert isinstance(field, Unknown)
        assert str(fields[0].stride) in field.reason
        assert str(fields[1].stride) in field.reason
        assert aligned is False
        return
    assert isinstance(field, Field)
    centres = []
    for output in range(max(f.period for f in (*fields, field)) * min(f.period for f in fields)):
        parts = [seen(one, output), seen(two, output)]
        both = parts[0] | parts[1]
        assert hull(field, output) == (min(both, default=inf), max(both, default=-inf))
        centres.append({min(p) + max(p) for p in parts if p})
    assert aligned == all(len(found) < 2 for found in centres)


@pytest.mark.parametrize("wide", [(Window, (40, 2, 1, 3)), (Window, (41, 5, 0, 1)), (Spread, (30, 4, 1, 6))])
@pytest.mark.parametrize("below", [(3, 2, 2), (4, 3, 1), (1, 1, 1)])
def test_wide_windows_over_phases_are_hulls_too(wide: Any, below: Any) -> None:
    kind, numbers = wide
    reads = window_reads if kind is Window else spread_reads
    chain = [(Zoom(*below), zoom_reads(*below)), (kind(*numbers), reads(*numbers))]
    field = pull(chain)
    assert isinstance(field, Field)
    for output in range(2 * field.period):
        positions = seen(chain, output)
        assert hull(field, output) == (min(positions, default=inf), max(positions, default=-inf))


def test_windows_as_wide_as_numbers_go_are_followed_at_once() -> None:
    k = 10**12
    doubled = Zoom(2, 1).pull(IDENTITY)
    assert Window(k, 1, 0, 1).pull(doubled) == Field(2, 1, (0, 0), ((k - 1) // 2, k // 2))
    field = Spread(k, 2, 1, 1).pull(IDENTITY)
    assert field == Field(2, 1, (1 - k // 2, 2 - k // 2), (0, 1))


def test_the_shortest_period_is_stated() -> None:
    assert Window(2, 2, 0, 1).pull(Spread(2, 2, 0, 1).pull(IDENTITY)) == Field(1, 1, (0,), (0,))
    assert Zoom(4, 2).outs == 2


def test_wholes_and_unknowns_pass_through() -> None:
    reason = Unknown("because")
    conv = Window(3, 1, 1, 1)
    assert conv.pull(WHOLE) is WHOLE
    assert Spread(2, 2, 0, 1).pull(reason) is Zoom(2, 1).pull(reason) is POINT.pull(reason) is reason
    assert ALL.pull(reason) is WHOLE
    assert merge([WHOLE, conv.pull(IDENTITY), reason]) == (WHOLE, None)
    assert merge([WHOLE, conv.pull(IDENTITY)]) == (WHOLE, True)
    assert merge([conv.pull(IDENTITY), reason]) == (reason, None)


def test_sizes_of_windows_may_be_symbols_where_no_phase_depends_on_them() -> None:
    k = symbol("K")
    field = Window(k, 2, 1, 1).pull(IDENTITY)
    assert isinstance(field, Field)
    assert (field.size, field.stride, field.start) == (k, 2, -1)
    assert isinstance(Window(k, 2, 1, 1).pull(Zoom(2, 1).pull(IDENTITY)), Unknown)
    assert isinstance(Zoom(k, 1).pull(IDENTITY), Unknown)
    assert isinstance(Zoom.aligned(k, 7).pull(IDENTITY), Unknown)
    assert isinstance(Spread(k, 2, 1, 1).pull(IDENTITY), Unknown)


def test_a_transposed_convolution_with_gaps_sees_nothing_there() -> None:
    field = Spread(1, 2, 0, 1).pull(IDENTITY)
    assert isinstance(field, Field)
    assert field.sizes == (0, 1)
    assert field.stride == Fraction(1, 2)


def test_endless_periods_are_not_followed() -> None:
    assert isinstance(Zoom(5003, 5001).pull(IDENTITY), Unknown)


def straight(*windows: tuple[int, int, int] | tuple[int, int]) -> Seen:
    field: Seen = IDENTITY
    for k, s, *p in windows:
        field = Window(k, s, p[0] if p else k // 2, 1).pull(field)
    return field


def published(network: str) -> dict[str, tuple[int, int, int | None]]:
    """End point to size, stride and padding, in Google's table (Araujo et al. 2019)."""
    rows = csv.DictReader((TRUTH / "rf_google.csv").open())
    mine = [row for row in rows if row["network"] == network and not row["resolution"]]
    return {
        row["end_point"].rsplit("/", 1)[-1]: (
            int(row["rf"]),
            int(row["effective_stride"]),
            int(row["effective_padding"]) if row["effective_padding"] else None,
        )
        for row in mine
    }


VGG16 = {
    **{f"conv1_{i}": (3, 1, 1) for i in (1, 2)}, "pool1": (2, 2, 0),
    **{f"conv2_{i}": (3, 1, 1) for i in (1, 2)}, "pool2": (2, 2, 0),
    **{f"conv3_{i}": (3, 1, 1) for i in (1, 2, 3)}, "pool3": (2, 2, 0),
    **{f"conv4_{i}": (3, 1, 1) for i in (1, 2, 3)}, "pool4": (2, 2, 0),
    **{f"conv5_{i}": (3, 1, 1) for i in (1, 2, 3)}, "pool5": (2, 2, 0),
}  # fmt: skip
ALEXNET2 = {
    "conv1": (11, 4, 0), "pool1": (3, 2, 0), "conv2": (5, 1, 2), "pool2": (3, 2, 0),
    "conv3": (3, 1, 1), "conv4": (3, 1, 1), "conv5": (3, 1, 1), "pool5": (3, 2, 0),
}  # fmt: skip


@pytest.mark.parametrize(("network", "layers"), [("vgg_16", VGG16), ("alexnet_v2", ALEXNET2)])
def test_chains_have_the_published_size_stride_and_padding(
    network: str, layers: dict[str, tuple[int, int, int]]
) -> None:
    table, field, met = published(network), IDENTITY, 0
    for name, (k, s, p) in layers.items():
        pulled = Window(k, s, p, 1).pull(field)
        assert isinstance(pulled, Field)
        field = pulled
        if name in table:
            assert (field.size, field.stride, -field.start) == table[name]
            met += 1
    assert met == len(table)


def resnet(blocks: list[int], first: int, middle: list[int], last_strides: bool) -> list[Field]:
    """A ResNet's fields after each stage: units of the given kernels, the stride in one of them."""
    field = straight((7, 2), (3, 2))
    found = []
    for stage, units in enumerate(blocks):
        for unit in range(units):
            shrinks = (unit == units - 1 and stage < 3) if last_strides else (unit == 0 and stage > 0)
            s = 2 if shrinks else 1
            branch = field
            for k, own in zip(middle, (first == i for i in range(len(middle))), strict=True):
                branch = Window(k, s if own else 1, k // 2, 1).pull(branch)
            field, aligned = merge([branch, Window(1, s, 0, 1).pull(field)])
            assert aligned
        assert isinstance(field, Field)
        found.append(field)
    return found


@pytest.mark.parametrize(
    ("network", "blocks"),
    [("resnet_v1_50", [3, 4, 6, 3]), ("resnet_v1_101", [3, 4, 23, 3]), ("resnet_v1_152", [3, 8, 36, 3])],
)
def test_slims_resnets_have_the_published_fields(network: str, blocks: list[int]) -> None:
    table = published(network)
    for stage, field in enumerate(resnet(blocks, 1, [1, 3, 1], True), 1):
        assert (field.size, field.stride) == table[f"block{stage}"][:2]


@pytest.mark.parametrize(
    ("blocks", "kernels", "first", "size"),
    [
        ([2, 2, 2, 2], [3, 3], 0, 435),
        ([3, 4, 6, 3], [3, 3], 0, 899),
        ([3, 4, 6, 3], [1, 3, 1], 1, 427),
        ([3, 4, 23, 3], [1, 3, 1], 1, 971),
        ([3, 8, 36, 3], [1, 3, 1], 1, 1451),
    ],
)
def test_torchvisions_resnets_have_the_known_fields(
    blocks: list[int], kernels: list[int], first: int, size: int
) -> None:
    assert resnet(blocks, first, kernels, False)[-1].size == size


@pytest.mark.parametrize("padding", [0, 1])
def test_unets_field_is_188_to_204_with_period_16(padding: int) -> None:
    conv = Window(3, 1, padding, 1)
    crops = iter([4, 16, 40, 88])
    field = conv.pull(conv.pull(IDENTITY))
    skips = []
    for _ in range(4):
        skips.append(field)
        field = conv.pull(conv.pull(Window(2, 2, 0, 1).pull(field)))
    for skip in reversed(skips):
        cropped = skip if padding else Window(1, 1, -next(crops), 1).pull(skip)
        field, _ = merge([cropped, Spread(2, 2, 0, 1).pull(field)])
        field = conv.pull(conv.pull(field))
    assert isinstance(field, Field)
    assert (field.period, field.stride, field.sizes, field.size) == (16, 1, (188, 204), 204)


def araujo(field: Seen, pads: tuple[int, int] | None = (1, 0)) -> tuple[Seen, bool | None]:
    """The two branches of Araujo's example: 1x1/4, and a pad before 3x3/2 and 1x1/2."""
    short = Window(1, 4, 0, 1).pull(field)
    shift = Window(1, 1, pads[0], 1) if pads else POINT
    long = Window(1, 2, 0, 1).pull(Window(3, 2, 0, 1).pull(shift.pull(field)))
    return merge([short, long])


def unit_test(case: str) -> tuple[int, int, int, int]:
    """Size along x and y, stride and padding of a unit test of Google's library."""
    rows = csv.DictReader((TRUTH / "rf_google_tests.csv").open())
    [row] = [row for row in rows if row["case"] == case]
    return int(row["rf_x"]), int(row["rf_y"]), int(row["stride"]), int(row["padding"])


def test_araujos_aligned_branches_are_aligned() -> None:
    field, aligned = araujo(IDENTITY)
    assert isinstance(field, Field)
    assert aligned is True
    for case in ("1", "2", "6", "7", "4b"):
        assert (field.size, field.size, field.stride, -field.start) == unit_test(case)


def test_araujos_branches_of_different_strides_have_no_field() -> None:
    left = Window(5, 2, 0, 1).pull(Window(1, 1, 2, 1).pull(IDENTITY))
    field, aligned = merge([left, straight((3, 1, 0), (3, 1, 0))])
    assert isinstance(field, Unknown)
    assert field.reason == "paths of stride 2 and 1 meet"
    assert aligned is False


def test_araujos_branch_without_its_pad_is_misaligned() -> None:
    field, aligned = araujo(IDENTITY, None)
    assert isinstance(field, Field)
    assert aligned is False


def test_araujos_oblong_kernels_have_a_field_an_axis() -> None:
    x, y = straight((5, 2, 0), (1, 2, 0)), straight((3, 2, 0), (3, 2, 0))
    assert isinstance(x, Field)
    assert isinstance(y, Field)
    assert (x.size, y.size, x.stride, -x.start) == unit_test("5")


@pytest.mark.parametrize("case", ["8", "8k", "9"])
def test_araujos_doubled_branches_keep_the_widest_path(case: str) -> None:
    once, first = araujo(IDENTITY)
    one = Window(1, 2, 0, 1).pull(once)
    two = Window(3, 2, 1, 1).pull(once)
    field, second = merge([one, two])
    assert isinstance(field, Field)
    assert first is second is True
    assert (field.size, field.size, field.stride, -field.start) == unit_test(case)
