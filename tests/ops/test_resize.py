"""Upsample, Interpolate and the pixel shuffles against torch."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation does
from torch import nn

from shapecalc.dims.field import IDENTITY, Zoom
from shapecalc.dims.hull import Field
from shapecalc.dims.sym import symbol
from shapecalc.ops.resize import Share

from .agree import Tally, emitted_shapes, shapes, symbols_agree
from .oracle import made

N, C, H, W = (symbol(name) for name in "NCHW")
MODES = ["nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact"]
FACTORS = [0.3, 0.5, 0.7, 1, 1.5, 2, 2.3, 3]


def _some(random: Random, one: Any, axes: int) -> Any:
    """One value, or a list that mostly has one for each axis."""
    if random.random() < 0.6:
        return one()
    return [one() for _ in range(axes if random.random() < 0.8 else axes + 1)]


def _arguments(random: Random, axes: int) -> dict[str, Any]:
    fitting = {1: "linear", 2: "bilinear", 3: "trilinear"}
    mode = random.choice([*MODES, "nearest", fitting.get(axes, "area")])
    arguments: dict[str, Any] = {"mode": mode}
    if random.random() < 0.6:
        arguments["scale_factor"] = _some(random, lambda: random.choice(FACTORS), axes)
    if "scale_factor" not in arguments or random.random() < 0.1:
        arguments["size"] = _some(random, lambda: random.randint(0 if random.random() < 0.1 else 1, 6), axes)
    if random.random() < 0.3:
        arguments["align_corners"] = random.choice([True, False])
    if random.random() < 0.3:
        arguments["recompute_scale_factor"] = random.choice([True, False])
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}


@pytest.mark.parametrize("name", ["Upsample", "Interpolate"])
def test_resizing_accepts_what_torch_accepts(name: str) -> None:
    random, tally = Random(1), Tally(name)
    for _ in range(700):
        x = shapes(random, random.randint(2, 5), 1, 6)
        arguments = _arguments(random, len(x) - 2)
        if name == "Interpolate" and random.random() < 0.3:
            arguments["antialias"] = True
            tally.compare(arguments, [x], lambda t, a=arguments: F.interpolate(t, **a))
        elif name == "Interpolate":
            tally.compare(arguments, [x], lambda t, a=arguments: F.interpolate(t, **a))
        else:
            tally.compare(arguments, [x], lambda t, a=arguments: nn.Upsample(**a)(t))
    tally.done(100)


@pytest.mark.parametrize("name", ["UpsamplingNearest2d", "UpsamplingBilinear2d"])
def test_old_upsampling_classes_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(2), Tally(name)
    for _ in range(200):
        x = shapes(random, random.randint(2, 5), 1, 6)
        arguments = {k: v for k, v in _arguments(random, len(x) - 2).items() if k in ("size", "scale_factor")}
        tally.compare(arguments, [x], lambda t, a=arguments: getattr(nn, name)(**a)(t))
    tally.done()


def test_float_factors_round_as_torch_rounds() -> None:
    """`p*x//q` is wrong somewhere for one factor in nine: 0.7 at 90."""
    for factor in (0.1, 0.3, 0.7, 1.1, 1.3, 2.7, 1 / 3):
        for n in range(10, 140, 7):
            op = made("Upsample", {"scale_factor": factor}, (1, 1, n))
            assert op.shape((1, 1, n)) == (tuple(nn.Upsample(scale_factor=factor)(torch.empty(1, 1, n)).shape),)


@pytest.mark.parametrize("factor", [2, 1.5, 0.7, [0.25, 1.1]])
def test_resizing_symbols_agrees_with_numbers(factor: Any) -> None:
    random = Random(3)
    for _ in range(20):
        assert symbols_agree("Upsample", {"scale_factor": factor}, [shapes(random, 4, 8, 99)])


@pytest.mark.parametrize(
    ("name", "argument"), [("PixelShuffle", "upscale_factor"), ("PixelUnshuffle", "downscale_factor")]
)
def test_shuffles_accept_what_torch_accepts(name: str, argument: str) -> None:
    random, tally = Random(4), Tally(name)
    for _ in range(300):
        x = tuple(random.choice([1, 2, 3, 4, 8, 9]) for _ in range(random.randint(1, 5)))
        arguments = {argument: random.randint(0, 3)}
        if tally.compare(arguments, [x], lambda t, a=arguments: getattr(nn, name)(**a)(t)) and 1 not in x:
            assert symbols_agree(name, arguments, [x])
    tally.done()


def test_shuffles_undo_each_other_over_symbols() -> None:
    (y,) = made("PixelShuffle", {"upscale_factor": 3}, (N, 9 * C, H, W)).shape((N, 9 * C, H, W))
    assert y == (N, C, 3 * H, 3 * W)
    assert made("PixelUnshuffle", {"downscale_factor": 3}, y).shape(y) == ((N, 9 * C, H, W),)


def test_interpolation_to_another_size_is_read_off_the_tensor() -> None:
    theirs, ours = emitted_shapes("Interpolate", {"size": [2 * H, W // 2]}, [(N, 3, H, W)], {"N": 2, "H": 5, "W": 7})
    assert theirs == ours == ((2, 3, 10, 3),)


@pytest.mark.parametrize(("inp", "out"), [(10, 4), (6, 4), (3, 7), (5, 5), (12, 3), (2, 6)])
def test_area_reads_what_torchs_adaptive_pool_reads(inp: int, out: int) -> None:
    field = Share(inp, out).pull(IDENTITY)
    assert isinstance(field, Field)
    for o in range(out):
        x = torch.zeros(1, 1, inp, requires_grad=True)
        (gradient,) = torch.autograd.grad(F.interpolate(x, size=out, mode="area")[0, 0, o], x)
        seen = gradient[0, 0].nonzero().flatten().tolist()
        turns, phase = divmod(o, field.period)
        edges = (field.lo[phase] + turns * field.advance, field.hi[phase] + turns * field.advance)
        assert edges == (min(seen), max(seen))


def test_factors_that_are_no_exact_fractions_read_by_the_fraction_that_was_meant() -> None:
    reads: Any
    (reads,) = made("Upsample", {"scale_factor": 0.7}, (1, 1, 90)).window([(1, 1, 90)], [(1, 1, 62)])  # type: ignore[misc]
    window = reads[2][1]
    assert isinstance(window, Zoom)
    assert (window.num, window.den) == (7, 10)


def test_refusals_name_the_users_numbers() -> None:
    op = made("PixelShuffle", {"upscale_factor": 2}, (1, 6, 4, 4))
    claim, _, axis = op.needs((1, 6, 4, 4))[0]  # type: ignore[misc]
    assert claim.say(op, [(1, 6, 4, 4)], axis) == "6 channels do not divide by upscale_factor 2 squared, 4"
