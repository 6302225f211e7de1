"""IDX files, plain or gzipped, as MNIST and Fashion-MNIST come in them.

The format: two zero bytes, a byte for the type (8: unsigned bytes), a byte for the number of axes, their sizes as
big-endian integers of four bytes, and the values (yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch

from shapecalc.torchside.training.data.samples import CLASSES, Data, Samples, moments
from shapecalc.torchside.training.fault import Fault, why

DEBIAN = "/usr/share/datasets/fashion-mnist"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
UNSIGNED = 8


def mnist(folder: str | None) -> Data:
    """MNIST out of a folder with its four IDX files."""
    if folder is None:
        raise Fault("mnist is read from IDX files: --data-dir names the folder that holds them")
    return _read("mnist", Path(folder), [str(i) for i in range(10)])


def fashion_mnist(folder: str | None) -> Data:
    """Fashion-MNIST out of Debian's package, or of a folder with its four IDX files."""
    if folder is None and not Path(DEBIAN).is_dir():
        raise Fault(
            f"fashion-mnist is not here: apt install {DEBIAN_PACKAGE}, or name a folder of IDX files by --data-dir"
        )
    return _read("fashion-mnist", Path(folder or DEBIAN), GARMENTS)


def _read(name: str, folder: Path, classes: tuple[str, ...] | list[str]) -> Data:
    learn, held = (_part(folder, part) for part in ("train", "t10k"))
    mean, std = moments(learn.inputs[0], 1 / 255)
    return Data(name, CLASSES, learn, held, count=10, classes=classes, scale=1 / 255, mean=mean, std=std)


def _part(folder: Path, part: str) -> Samples:
    images, labels = (read_idx(_file(folder, f"{part}-{what}")) for what in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels):
        raise Fault(f"{folder}: {part} has images {list(images.shape)} and labels {list(labels.shape)}")
    return Samples([images.unsqueeze(1)], labels.long())


def _file(folder: Path, stem: str) -> Path:
    if not folder.is_dir():
        raise Fault(f"{folder}: no such folder")
    dotted = stem.replace("-idx", ".idx")
    for name in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        if (folder / name).is_file():
            return folder / name
    raise Fault(f"{folder} holds no {stem}.gz")


def read_idx(path: Path) -> torch.Tensor:
    """The tensor of unsigned bytes in an IDX file. Raises Fault for a file that is none."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise Fault(f"{path}: {why(error)}") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED or len(data) < 4 + 4 * data[3]:
        raise Fault(f"{path} is no IDX file of bytes")
    sizes = struct.unpack_from(f">{data[3]}I", data, 4)
    start = 4 + 4 * data[3]
    if len(data) - start != math.prod(sizes):
        raise Fault(f"{path} holds {len(data) - start:,} values, {' x '.join(map(str, sizes))} are announced")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=start).reshape(sizes)
