"""A folder of images per class, which are read from disk when their batch is due, at the size that is taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.data.samples import CLASSES, Data, Samples, moments, split
from shapecalc.torchside.training.fault import Fault, why

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
HELD = ("test", "val", "valid", "validation")
MEASURED = 256
"""Images that mean and standard deviation are measured on."""


class Images:
    """Images by path, as bytes of shape (channels, height, width), read when they are asked for."""

    __slots__ = ("channels", "paths", "size")

    def __init__(self, paths: Sequence[Path], channels: int, size: tuple[int, int]) -> None:
        self.paths = paths
        self.channels = channels
        self.size = size

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.paths), self.channels, *self.size)

    def __getitem__(self, indices: Sequence[int]) -> torch.Tensor:
        return torch.stack([read_image(self.paths[i], self.channels, self.size) for i in indices])


def folder(path: str, channels: int, size: tuple[int, int]) -> Data:
    """`PATH/class/image`, a fifth of each held out; or `PATH/train/class/image` beside `PATH/test/...`."""
    root = Path(path)
    if not root.is_dir():
        raise Fault(f"{path}: no such folder")
    held_root = next((root / name for name in HELD if (root / name).is_dir()), None)
    divided = held_root is not None and (root / "train").is_dir()
    classes = _classes(root / "train" if divided else root)
    if divided and held_root is not None:
        learn, held = _labelled(root / "train", classes), _labelled(held_root, classes)
    else:
        whole = _labelled(root, classes)
        learn, held = ([whole[i] for i in part.tolist()] for part in split(len(whole)))
    if not learn or not held:
        raise Fault(f"{path} holds {len(learn)} images to learn from and {len(held)} to hold out")
    parts = [_samples(pairs, channels, size) for pairs in (learn, held)]
    spread = range(0, len(learn), max(1, len(learn) // MEASURED))
    mean, std = moments(parts[0].inputs[0][list(spread)], 1 / 255)
    return Data(path, CLASSES, *parts, count=len(classes), classes=classes, scale=1 / 255, mean=mean, std=std)


def _classes(root: Path) -> list[str]:
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise Fault(f"{root} holds no folders: one folder of images for each class is due")
    return names


def _labelled(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    return [
        (image, label)
        for label, name in enumerate(classes)
        for image in sorted((root / name).rglob("*"))
        if image.suffix.lower() in SUFFIXES
    ]


def _samples(pairs: Sequence[tuple[Path, int]], channels: int, size: tuple[int, int]) -> Samples:
    return Samples([Images([p for p, _ in pairs], channels, size)], torch.tensor([label for _, label in pairs]))


def read_image(path: Path, channels: int, size: tuple[int, int] | None) -> torch.Tensor:
    """One image as bytes, grey for one channel, RGB for three, resized by bilinear interpolation to (height, width)."""
    try:
        from PIL import Image
    except ImportError:
        raise Fault("images are read by pillow: pip install 'shapecalc-nn[train]'") from None
    import numpy as np

    if channels not in (1, 3, 4):
        raise Fault(f"the network takes {channels} channels; an image has 1, 3 or 4")
    try:
        with Image.open(path) as image:
            found: Any = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Fault(f"{path}: {_reason(error)}") from None
    if size is not None:
        found = found.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(found))
    return values.unsqueeze(0) if channels == 1 else values.permute(2, 0, 1).contiguous()


def _reason(error: BaseException) -> str:
    text = why(error)
    return (
        "it is no image"
        if text.startswith("cannot identify")
        else f"the image is broken: {text}"
        if not getattr(error, "errno", None)
        else text
    )
