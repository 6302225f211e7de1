"""The `train` section -> what rules ask of it: batch size, loss, data set, where they can be told. Judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.ops.registry import MODULES, find
from shapecalc.source.located import Pairs, Scalar

if TYPE_CHECKING:
    from shapecalc.lint.network import Network
    from shapecalc.ops.op import Operator

ALIASES = {
    "binarycrossentropy": "bceloss",
    "binarycrossentropywithlogits": "bcewithlogitsloss",
    "mae": "l1loss",
}
"""Names of losses in torch.nn.functional, and in print, that are not the class's own in another spelling."""

DATASETS = {
    "cifar10": (50000, 10),
    "cifar100": (50000, 100),
    "digits": (1797, 10),
    "fashionmnist": (60000, 10),
    "kmnist": (60000, 10),
    "mnist": (60000, 10),
}
"""Training samples and classes of data sets whose targets are numbers of classes, as their authors publish them:

LeCun et al. 1998 (MNIST), Xiao et al. 2017 (Fashion-MNIST), Clanuwat et al. 2018 (KMNIST), Krizhevsky 2009 (CIFAR).
`digits` is scikit-learn's copy of the test set of the UCI's optical digits, which has no split of its own.
"""


class Plan:
    """What the `train` section says. What is absent, or no plain value, is None."""

    __slots__ = ("network", "section")

    def __init__(self, network: Network) -> None:
        self.network = network
        section = network.spec.train
        self.section = section if isinstance(section, Pairs) else Pairs([], 0, 0)

    def place(self, key: str) -> Scalar | None:
        """The scalar that a key has as its value."""
        value = self.section.get(key)
        return value if isinstance(value, Scalar) else None

    def number(self, key: str) -> int | None:
        """A whole number, given as such or as the name of a param."""
        scalar = self.place(key)
        value = scalar.value if scalar is not None else None
        if isinstance(value, str):
            value = self.network.graph.env.get(value)
        return value if type(value) is int else None

    @property
    def loss(self) -> type[Operator] | None:
        """The loss by torch's name of its class, of its function, or what is left without `Loss` and underscores."""
        name = _plain(self.place("loss"))
        if not name:
            return None
        name = ALIASES.get(name, name)
        losses = {key.lower(): key for key in MODULES}
        key = losses.get(name) or losses.get(f"{name}loss")
        found = find(key) if key else None
        return found if found is not None and "loss" in found.roles else None

    @property
    def dataset(self) -> tuple[int, int] | None:
        """Training samples and classes of the data set, where it is a known one."""
        return DATASETS.get(_plain(self.place("dataset")))

    @property
    def classes(self) -> int | None:
        """How many classes the targets have: those that are asked for, else those of a known data set."""
        if self.section.get("classes") is not None:
            return self.number("classes")
        return self.dataset[1] if self.dataset else None


def _plain(scalar: Scalar | None) -> str:
    return scalar.text.lower().replace("_", "").replace("-", "").replace(" ", "") if scalar is not None else ""
