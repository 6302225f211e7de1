"""What a network says of every pixel -> a picture of the classes, written beside the image or into a folder.

A pixel's number is its class, as programs that read masks want it; a palette makes the classes seen by people.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.fault import Fault, why
from shapecalc.torchside.training.fit import sample_shapes
from shapecalc.torchside.training.predict import outputs, probable
from shapecalc.torchside.training.record import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from shapecalc.analysis.report import Report

MOST = 256
"""Classes that a picture with a palette tells apart."""
SUFFIX = ".mask.png"


def painted(
    report: Report, network: nn.Module, images: Sequence[str], record: Mapping[str, Any], folder: Path | None
) -> Iterator[tuple[str, Path, dict[int, float]]]:
    """Each image with the mask written for it, and the share of its pixels that each class has, of those that occur."""
    (taken,), given = sample_shapes(report)
    if given[0] > MOST:
        raise Fault(f"a mask tells {MOST} classes apart, the network gives {given[0]}")
    places = _places(images, folder)
    for (path, scores), place in zip(outputs(report, network, images, record), places, strict=True):
        classes = probable(report, scores, record).argmax(0)
        _write(classes, _size(path) if taken[1:] == given[1:] else None, place)
        yield path, place, _shares(classes)


def _places(images: Sequence[str], folder: Path | None) -> list[Path]:
    """Raises Fault where two masks would lie at one place, or the folder cannot be made."""
    found = [(folder or Path(i).parent) / f"{Path(i).stem}{SUFFIX}" for i in images]
    if len(set(found)) < len(found):
        twice = next(p for p in found if found.count(p) > 1)
        raise Fault(f"two of the images would have their masks in {twice}")
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"{folder} cannot be written: {why(error)}") from None
    return found


def _size(path: str) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def _write(classes: torch.Tensor, size: tuple[int, int] | None, place: Path) -> None:
    """A mask of the whole image is made as large as that; one of its middle stays as it is."""
    from PIL import Image

    picture: Any = Image.fromarray(classes.to(torch.uint8).numpy()).convert("P")
    if size is not None:
        picture = picture.resize(size, Image.Resampling.NEAREST)
    picture.putpalette([part for i in range(MOST) for part in colour(i)])
    write_whole(place, lambda unfinished: picture.save(unfinished, format="PNG"))


def colour(number: int) -> tuple[int, int, int]:
    """The colour of a class: bits of its number dealt to red, green and blue, as PASCAL VOC has it. 0 is black.

    >>> colour(1), colour(2), colour(3)
    ((128, 0, 0), (0, 128, 0), (128, 128, 0))
    """
    parts = [sum((number >> 3 * i + axis & 1) << 7 - i for i in range(8)) for axis in range(3)]
    return parts[0], parts[1], parts[2]


def _shares(classes: torch.Tensor) -> dict[int, float]:
    counts = torch.bincount(classes.flatten())
    return {i: n / classes.numel() for i, n in enumerate(counts.tolist()) if n}
