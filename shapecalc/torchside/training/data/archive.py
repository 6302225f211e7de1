"""Arrays in an .npz file: `x` and `y`, or `x_train y_train x_test y_test`; inputs may go by their names in the spec."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.data.samples import CLASSES, MASKS, VALUES, Data, Samples, divided, moments
from shapecalc.torchside.training.fault import Fault, why

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGETS = ("y", "target", "targets", "labels")


def archive(path: str, inputs: Sequence[str], classes: int | None) -> Data:
    """The arrays of a file; whole numbers as targets are classes, `classes` says how many where not all occur."""
    found = _arrays(path)
    learn, held = _parts(path, found, inputs)
    y = learn.targets
    kind = VALUES if y.is_floating_point() else CLASSES if y.dim() == 1 else MASKS
    count = None if kind == VALUES else classes or int(max(y.max(), held.targets.max())) + 1
    x = learn.inputs[0]
    scale = 1 / 255 if x.dtype == torch.uint8 else 1.0
    mean, std = moments(x, scale) if len(inputs) == 1 and (x.is_floating_point() or scale != 1) else ([], [])
    return Data(path, kind, learn, held, count=count, scale=scale, mean=mean, std=std)


def _arrays(path: str) -> dict[str, torch.Tensor]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise Fault(f"{path} is one array: npz: takes an archive with x and y")
            return {name: _tensor(file[name]) for name in file.files}
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise Fault(f"{path}: {why(error)}") from None


def _tensor(array: Any) -> torch.Tensor:
    tensor = torch.from_numpy(array)
    if tensor.dtype == torch.float64:
        return tensor.float()
    return tensor.long() if tensor.dtype in (torch.int32, torch.int16, torch.int8) else tensor


def _parts(path: str, found: dict[str, torch.Tensor], inputs: Sequence[str]) -> tuple[Samples, Samples]:
    names = inputs if all(n in found or f"{n}_train" in found for n in inputs) else ["x"][: len(inputs)]
    if "x_train" in found or f"{names[0]}_train" in found:
        return tuple(_samples(path, found, names, f"_{part}") for part in ("train", "test"))  # type: ignore[return-value]
    whole = _samples(path, found, names, "")
    return divided(whole.inputs, whole.targets)


def _samples(path: str, found: dict[str, torch.Tensor], names: Sequence[str], part: str) -> Samples:
    target = next((f"{t}{part}" for t in TARGETS if f"{t}{part}" in found), None)
    missing = [f"{n}{part}" for n in names if f"{n}{part}" not in found] + ([] if target else [f"y{part}"])
    if missing:
        raise Fault(f"{path} has the arrays {', '.join(found) or '(none)'}, but not {', '.join(missing)}")
    xs, y = [found[f"{n}{part}"] for n in names], found[target or ""]
    counts = {len(x) if x.dim() else 0 for x in (*xs, y)}
    if len(counts) > 1 or not max(counts):
        shapes = ", ".join(f"{n}{part} {list(x.shape)}" for n, x in zip(names, xs, strict=True))
        raise Fault(f"{path}: {shapes} and {target} {list(y.shape)} are not as many samples")
    return Samples(xs, y if y.is_floating_point() else y.long())
