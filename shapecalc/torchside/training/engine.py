"""Makes Lightning ready to be imported, and quiet: what it says to programmers means nothing to who trains a spec."""

from __future__ import annotations

import logging
import os
import warnings
from importlib.util import find_spec
from typing import Any

import torch

from shapecalc.torchside.training.fault import Fault

_KEPT: list[Any] = []
"""Declarations last as long as what holds them."""


def ready() -> None:
    """Check that Lightning is there and silence it. Raises Fault with the extra's name."""
    if find_spec("lightning") is None:
        raise Fault("train needs lightning: pip install 'shapecalc-nn[train]'")
    _mend_torchvision()
    os.environ.setdefault("POSSIBLE_USER_WARNINGS", "off")
    warnings.filterwarnings("ignore", module=r"(lightning|torch|torchmetrics|pkg_resources)\b")
    warnings.filterwarnings("ignore", message=r".*(does not have many workers|LeafSpec|sampler).*")
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _mend_torchvision() -> None:
    """Lightning's metrics import torchvision, which fails where it was built for another torch than the one here.

    It misses operators then that nothing in training uses: declared, they let the rest be imported.
    """
    if find_spec("torchvision") is None or hasattr(torch.ops.torchvision, "nms"):
        return
    try:
        import torchvision  # type: ignore[import-untyped, unused-ignore]  # noqa: F401
    except (RuntimeError, OSError):
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
    except ImportError:
        return
