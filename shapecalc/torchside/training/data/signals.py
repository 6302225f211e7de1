"""MNIST-1D: ten template signals, deformed and put in noise; 40 values each, made here by the published recipe.

Greydanus and Kobak, "Scaling down deep learning with MNIST-1D" (2020): pad, stretch, scale, shift round, add noise,
shear, subsample. The numbers are theirs; the random ones are drawn by numpy's generator, so single signals differ
from the published file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.data.samples import CLASSES, Data, Samples, moments

if TYPE_CHECKING:
    import numpy as np

SAMPLES = 5000
LEARN = 4000
LENGTH = 40
PADDING = (36, 60)
SHIFT = 48
SCALE = 0.4
SHEAR = 0.75
CORRELATED_NOISE = 0.25
NOISE = 0.02
BLUR = 2.0
SEED = 42
TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""The pen's distance from the axis down each digit."""


def mnist1d() -> Data:
    """4,000 signals to learn from and 1,000 held out, always the same ones."""
    import numpy as np

    random = np.random.default_rng(SEED)
    digits = random.permutation(np.arange(SAMPLES) % len(TEMPLATES))
    templates = whitened()
    x = torch.tensor(np.stack([_signal(templates[d], random) for d in digits]), dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits, dtype=torch.int64)
    learn, held = Samples([x[:LEARN]], y[:LEARN]), Samples([x[LEARN:]], y[LEARN:])
    mean, std = moments(learn.inputs[0], 1.0)
    return Data("mnist1d", CLASSES, learn, held, count=10, classes=[str(i) for i in range(10)], mean=mean, std=std)


def whitened() -> np.ndarray[Any, Any]:
    """The templates with unit variance, which start at 0, by a sixth."""
    import numpy as np

    x = np.array(TEMPLATES)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    found: np.ndarray[Any, Any] = (x - x[:, :1]) / 6
    return found


def _signal(template: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    import numpy as np

    # The tiny offset tells the digit from the padding, which alone takes the correlated noise.
    padded = np.concatenate([template + 1e-8, np.zeros(random.integers(PADDING[0], PADDING[1] + 1))])
    x = _stretched(padded, len(template) + PADDING[1]) * (1 + SCALE * (random.random() - 0.5))
    x = np.roll(x, random.integers(SHIFT))
    x = np.where(x != 0, x, blurred(CORRELATED_NOISE * random.standard_normal(len(x))))
    x = x + NOISE * random.standard_normal(len(x))
    x = x - SHEAR * (random.random() - 0.5) * np.linspace(-0.5, 0.5, len(x))
    return _stretched(x, LENGTH)


def _stretched(x: np.ndarray[Any, Any], length: int) -> np.ndarray[Any, Any]:
    import numpy as np

    found: np.ndarray[Any, Any] = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(x)), x)
    return found


def blurred(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A Gaussian blur, mirrored at the ends and cut off at four standard deviations, as scipy's `gaussian_filter`."""
    import numpy as np

    reach = int(4 * BLUR + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / BLUR) ** 2)
    found: np.ndarray[Any, Any] = np.convolve(np.pad(x, reach, mode="symmetric"), kernel / kernel.sum(), mode="valid")
    return found
