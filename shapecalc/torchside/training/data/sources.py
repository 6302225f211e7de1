"""The name of a data set -> its samples. Sets of their own size are loaded as they are, the others made to measure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shapecalc.source.nearest import nearest
from shapecalc.torchside.training.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.torchside.training.data.samples import Data

DEFAULT = "digits"
GIVEN = ("digits", "mnist", "fashion-mnist", "mnist1d")
MADE = ("shapes", "masks", "edges", "copy")
FROM_PATH = ("folder", "npz", "text")
KNOWN = (*GIVEN, *MADE, *(f"{kind}:PATH" for kind in FROM_PATH))


class Wish:
    """Which data set is asked for, where it lies, how many classes it has where that cannot be seen, and in what
    characters a text is to be read, where those are known already.
    """

    __slots__ = ("classes", "directory", "kind", "name", "path", "vocabulary")

    def __init__(
        self, name: str, directory: str | None = None, classes: int | None = None, vocabulary: str | None = None
    ) -> None:
        kind, colon, path = name.partition(":")
        plain = kind.lower().replace("_", "-")
        plain = {"fashionmnist": "fashion-mnist", "mnist-1d": "mnist1d"}.get(plain, plain)
        known = plain in FROM_PATH if colon else plain in (*GIVEN, *MADE)
        if not known or (colon and not path):
            raise Fault(_unknown(name, plain))
        self.name = name if colon else plain
        self.kind = plain
        self.path = path
        self.directory = directory
        self.classes = classes
        self.vocabulary = vocabulary


def _unknown(name: str, plain: str) -> str:
    if plain in FROM_PATH:
        return f"--data {plain}: a path is due: {plain}:PATH"
    near = nearest(plain, KNOWN)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(KNOWN)}"
    if os.path.exists(name):
        hint = f"a path wants its kind before it: {', '.join(f'{kind}:{name}' for kind in FROM_PATH)}"
    return f"{name!r} is no data set: {hint}"


def given(wish: Wish, inputs: Sequence[str]) -> Data | None:
    """The samples of a set that has a size of its own, None for one that is made to measure."""
    if wish.kind == "digits":
        from shapecalc.torchside.training.data.digits import digits

        return digits()
    if wish.kind in ("mnist", "fashion-mnist"):
        from shapecalc.torchside.training.data import idx

        return (idx.mnist if wish.kind == "mnist" else idx.fashion_mnist)(wish.directory)
    if wish.kind == "mnist1d":
        from shapecalc.torchside.training.data.signals import mnist1d

        return mnist1d()
    if wish.kind == "npz":
        from shapecalc.torchside.training.data.archive import archive

        return archive(wish.path, inputs, wish.classes)
    return None


def made(wish: Wish, shape: Sequence[int], output: Sequence[int], below: int) -> Data:
    """The samples of a set that is made, cut or read for the shapes of one sample's input and output."""
    if wish.kind == "folder":
        from shapecalc.torchside.training.data.folder import folder

        if len(shape) != 3:
            raise Fault(f"images are channels x height x width; the network takes {' x '.join(map(str, shape))}")
        return folder(wish.path, shape[0], (shape[1], shape[2]))
    if wish.kind == "text":
        from shapecalc.torchside.training.data.text import text

        return text(wish.path, shape[-1], wish.vocabulary)
    from shapecalc.torchside.training.data import made as sets

    if wish.kind == "copy":
        return sets.copy(shape[-1], below)
    if wish.kind == "shapes":
        return sets.shapes(shape, max(2, output[0] if output else 2))
    return (sets.masks if wish.kind == "masks" else sets.edges)(shape, output)
