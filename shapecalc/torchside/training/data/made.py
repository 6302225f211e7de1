"""Made data for any input shape: `shapes` to tell apart, `masks` to paint, `edges` to find, a sequence to `copy`.

Drawn by one generator of a fixed seed, so that a set is the same in every run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from shapecalc.torchside.training.data.samples import CLASSES, IGNORED, MASKS, TOKENS, VALUES, Data, Samples, moments
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEED = 1234
NOISE = 0.1
MOST_VALUES = 2**25
"""Values of all inputs of a made set together, 128 MiB in float32: fewer samples where they are large."""
SAMPLES = 2500
HELD = 5
"""Every so-manieth sample is held out."""
SHAPES: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("ball", lambda u: (u.norm(dim=0) < 1).float()),
    ("ring", lambda u: ((u.norm(dim=0) < 1) & (u.norm(dim=0) > 0.6)).float()),
    ("cone", lambda u: (1 - u.norm(dim=0)).clamp(min=0)),
    ("half", lambda u: ((u.norm(dim=0) < 1) & (u[0] > 0)).float()),
    ("wave", lambda u: (u.norm(dim=0) < 1) * (0.5 + 0.5 * (3 * math.pi * u[0]).sin())),
    ("cube", lambda u: (u.abs().amax(dim=0) < 0.8).float()),
    ("diamond", lambda u: (u.abs().sum(dim=0) < 1.1).float()),
    ("bar across", lambda u: ((u[0].abs() < 0.3) & (u.abs().amax(dim=0) < 1)).float()),
    ("bar along", lambda u: ((u[-1].abs() < 0.3) & (u.abs().amax(dim=0) < 1)).float()),
    ("cross", lambda u: ((u.abs().amin(dim=0) < 0.25) & (u.abs().amax(dim=0) < 1)).float()),
)
"""Shapes as functions of coordinates (axis, ...) relative to centre and size. On a line only the first five differ."""
ON_A_LINE = 5


def shapes(shape: Sequence[int], classes: int) -> Data:
    """One shape to an input of the given size (channels first; a bare vector is a line), as many kinds as there are."""
    line = len(shape) < 3
    kinds = SHAPES[: min(classes, ON_A_LINE if line else len(SHAPES))]
    sizes = tuple(shape[1:]) or tuple(shape)
    random = torch.Generator().manual_seed(SEED)
    count = _affordable(math.prod(shape))
    y = torch.randint(len(kinds), (count,), generator=random)
    x = torch.stack([kinds[int(k)][1](_placed(sizes, random)) for k in y])
    x = x.unsqueeze(1).expand(-1, shape[0], *sizes) if len(shape) > 1 else x
    x = x + NOISE * torch.randn(x.shape, generator=random)
    return _normal("shapes", CLASSES, x, y, len(kinds), [name for name, _ in kinds])


def masks(shape: Sequence[int], output: Sequence[int]) -> Data:
    """Shapes on a dark ground with the class of every pixel: the ground is 0, kind k is k + 1, the latest on top.

    One output channel tells shape from ground by 0 and 1. A smaller output is the middle of the input.
    """
    if len(shape) < 3 or len(output) != len(shape):
        raise Fault(f"masks are for maps: the network takes {_by(shape)} and gives {_by(output)}")
    sizes, inner = tuple(shape[1:]), tuple(output[1:])
    if any(i > s or (s - i) % 2 for s, i in zip(sizes, inner, strict=True)):
        raise Fault(f"masks: an output of {_by(inner)} is not the middle of an input of {_by(sizes)}")
    random = torch.Generator().manual_seed(SEED)
    kinds = [draw for _, draw in SHAPES[: max(1, min(output[0] - 1, len(SHAPES)))]]
    xs, ys = zip(*(_scene(sizes, kinds, random) for _ in range(_affordable(math.prod(shape)))), strict=True)
    x = torch.stack(xs).unsqueeze(1).expand(-1, *shape)
    x = x + NOISE * torch.randn(x.shape, generator=random)
    middle = (slice(None), *(slice((s - i) // 2, (s + i) // 2) for s, i in zip(sizes, inner, strict=True)))
    y = torch.stack(ys)[middle]
    if output[0] == 1:
        return _normal("masks", VALUES, x, y.unsqueeze(1).float(), 2, [])
    return _normal("masks", MASKS, x, y, len(kinds) + 1, [])


def edges(shape: Sequence[int], output: Sequence[int]) -> Data:
    """The course's edge detector: a white image with black columns in the middle, its correlation with [1, -1]."""
    wanted = (1, shape[-2], shape[-1] - 1) if len(shape) == 3 else ()
    if len(shape) != 3 or shape[0] != 1 or tuple(output) != wanted:
        told = f"the network takes {_by(shape)} and gives {_by(output)}"
        raise Fault(f"edges: an image of 1 x h x w has edges of 1 x h x (w - 1); {told}")
    image = torch.ones(1, *shape)
    width = shape[-1]
    image[..., width // 4 : width - width // 4] = 0
    samples = Samples([image], image[..., :-1] - image[..., 1:])
    return Data("edges", VALUES, samples, samples)


def copy(length: int, below: int) -> Data:
    """Random tokens, a divider (the last token), and the same again, which alone the loss counts."""
    if length < 3 or below < 3:
        raise Fault(f"copy wants at least 3 tokens of at least 3 kinds; the network takes {length} of {below}")
    random = torch.Generator().manual_seed(SEED)
    half = (length + 1) // 2
    said = torch.randint(below - 1, (SAMPLES, half), generator=random)
    whole = torch.cat([said, torch.full((SAMPLES, 1), below - 1), said], dim=1)[:, : length + 1]
    y = whole[:, 1:].clone()
    y[:, :half] = IGNORED
    return Data("copy", TOKENS, *_parted(whole[:, :-1], y), count=below)


def _placed(sizes: Sequence[int], random: torch.Generator) -> torch.Tensor:
    """Coordinates of every place relative to a random centre, in units of a random size."""
    size = 0.4 + 0.5 * torch.rand(1, generator=random).item()
    centre = (torch.rand(len(sizes), generator=random) - 0.5) * (1.6 * (1 - size))
    axes = [(torch.linspace(-1, 1, n) - c) / size for n, c in zip(sizes, centre.tolist(), strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def _scene(
    sizes: Sequence[int], kinds: Sequence[Callable[[torch.Tensor], torch.Tensor]], random: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    image, mask = torch.zeros(*sizes), torch.zeros(*sizes, dtype=torch.int64)
    for _ in range(int(torch.randint(1, 4, (1,), generator=random))):
        kind = int(torch.randint(len(kinds), (1,), generator=random))
        drawn = kinds[kind](_placed(sizes, random) * 1.5)
        image = torch.where(drawn > 0, 0.3 + 0.7 * drawn * torch.rand(1, generator=random), image)
        mask[drawn > 0] = kind + 1
    return image, mask


def _affordable(values: int) -> int:
    return max(10, min(SAMPLES, MOST_VALUES // values))


def _normal(name: str, kind: str, x: torch.Tensor, y: torch.Tensor, count: int | None, classes: list[str]) -> Data:
    learn, held = _parted(x, y)
    mean, std = moments(learn.inputs[0], 1.0)
    return Data(name, kind, learn, held, count=count, classes=classes, mean=mean, std=std)


def _parted(x: torch.Tensor, y: torch.Tensor) -> tuple[Samples, Samples]:
    out = torch.arange(len(y)) % HELD == 0
    return Samples([x[~out]], y[~out]), Samples([x[out]], y[out])


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
