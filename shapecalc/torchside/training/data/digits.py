"""The 1,797 handwritten digits that scikit-learn ships: 8 x 8, values 0 to 16. Nothing is downloaded."""

from __future__ import annotations

import torch

from shapecalc.torchside.training.data.samples import CLASSES, Data, divided, moments
from shapecalc.torchside.training.fault import Fault


def digits() -> Data:
    """Every fifth digit is held out, chosen once and for all."""
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise Fault("the digits come with scikit-learn: pip install 'shapecalc-nn[train]'") from None
    found = load_digits()
    images = torch.tensor(found.images, dtype=torch.float32).unsqueeze(1)
    learn, held = divided([images], torch.tensor(found.target, dtype=torch.int64))
    mean, std = moments(learn.inputs[0], 1 / 16)
    names = [str(i) for i in range(10)]
    return Data("digits", CLASSES, learn, held, count=10, classes=names, scale=1 / 16, mean=mean, std=std)
