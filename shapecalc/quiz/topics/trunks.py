"""The topic on the way from a map to a fully connected layer."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.quiz import mistake, wording
from shapecalc.quiz.mistake import Mistake
from shapecalc.quiz.topic import Topic
from shapecalc.quiz.trunk import Features, FeaturesProblem, cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.quiz.question import Value

Layers = list[tuple[str, str, dict[str, Any]]]


def _of_shapes(by: Callable[[list[tuple[int, ...]]], int]) -> Callable[[Solved], Value | None]:
    """A mistake about which sizes are multiplied: of the input, of each map, and the features."""
    return lambda solved: by(solved.shapes) if isinstance(solved, Features) else None


def _before_last_pool(solved: Solved) -> Value | None:
    if not isinstance(solved, Features):
        return None
    pools = [shape for link, shape in zip(solved.links, solved.shapes, strict=False) if "Pool" in link.node.op_name]
    return prod(pools[-1]) if pools and "Pool" in solved.links[-2].node.op_name else None


CHANNELS_FORGOTTEN = Mistake(
    "channels-forgotten",
    "The positions of every channel are put in a row: multiply by the channels.",
    _of_shapes(lambda shapes: cells(shapes[-2])),
)
ONE_AXIS = Mistake(
    "one-axis",
    "Height and width both count.",
    _of_shapes(lambda shapes: prod(shapes[-2][:2]) if len(shapes[-2]) > 2 else 0),
)
INPUT_CHANNELS = Mistake(
    "input-channels",
    "The last convolution's channels count, not those of the network's input.",
    _of_shapes(lambda shapes: shapes[0][0] * cells(shapes[-2])),
)
CHANNELS_ONLY = Mistake(
    "channels-only",
    "Flatten keeps every position; only a global pool would leave the channels.",
    _of_shapes(lambda shapes: shapes[-2][0]),
)
LAST_POOL_FORGOTTEN = Mistake("last-pool-forgotten", "The last pool was left out.", _before_last_pool)


class FlattenToLinear(Topic):
    """in_features of the first fully connected layer: level 1 behind one pool, 2 behind two, 3 an AlexNet in small."""

    name = "flatten-to-linear"
    title = "From feature maps to a fully connected layer"
    mistakes = (
        CHANNELS_FORGOTTEN,
        LAST_POOL_FORGOTTEN,
        INPUT_CHANNELS,
        ONE_AXIS,
        CHANNELS_ONLY,
        mistake.ROUNDED_UP,
        mistake.PADDING_FORGOTTEN,
        mistake.NO_PLUS_ONE,
        mistake.STRIDE_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        channels = draw.among([1, 3])
        if level == 1:
            layers = [*_block(draw, 1, draw.among([4, 6, 8, 16]), 1), _pool(draw, 1, [2, 2, 3])]
            sizes = [draw.among([12, 16, 20, 24, 28, 32])] * 2
        elif level == 2:
            layers = _stages(draw, 2, [draw.among([4, 6, 8, 16]), draw.among([16, 20, 32])])
            sizes = [draw.among([28, 32, 36, 40, 48, 64])] * 2
        else:
            layers = _stages(draw, 3, [16, draw.among([32, 48]), draw.among([64, 96, 128])])
            sizes = [draw.between(64, 160), draw.between(64, 160)]
        tail: Layers = [("flat", "Flatten", {}), ("fc", "Linear", {"out_features": draw.among([10, 64, 100, 128])})]
        return FeaturesProblem(wording.spec([channels, *sizes], [*layers, *tail]), "fc")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        assert isinstance(problem, FeaturesProblem)
        sizes, block = wording.listed(problem.spec, ["in_features"])
        told = "An input of {sizes} goes through these layers. What is `in_features` of `{layer}`?"
        return say(told, sizes=sizes, layer=problem.in_features_of) + "\n\n" + block

    def sensible(self, problem: Problem, solved: Mapping[str, Solved]) -> bool:
        """A map of one cell has nothing to flatten."""
        found = solved[""]
        assert isinstance(found, Features)
        return super().sensible(problem, solved) and all(s > 1 for s in found.shapes[-2][1:])


def _stages(draw: Draw, count: int, channels: list[int]) -> Layers:
    """Convolutions with a pool behind each; of three stages the first has a stride, as in AlexNet."""
    found: Layers = []
    for n, width in enumerate(channels, start=1):
        stride = 2 if count == 3 and n == 1 else 1
        found += [*_block(draw, n, width, stride), _pool(draw, n, [2, 3] if count == 3 else [2])]
    return found


def _block(draw: Draw, number: int, width: int, stride: int) -> Layers:
    kernel = draw.among([3, 5, 7] if stride > 1 else [3, 5])
    padding = draw.among([0, 1, kernel // 2])
    args = {"out_channels": width, "kernel_size": kernel, "stride": stride, "padding": padding}
    defaults = {"stride": 1, "padding": 0}
    kept = {name: value for name, value in args.items() if defaults.get(name) != value}
    return [(f"conv{number}", "Conv2d", kept), (f"relu{number}", "ReLU", {})]


def _pool(draw: Draw, number: int, kernels: list[int]) -> tuple[str, str, dict[str, Any]]:
    kernel = draw.among(kernels)
    args = {"kernel_size": kernel} | ({"stride": 2} if kernel == 3 else {})
    return f"pool{number}", draw.among(["MaxPool2d", "AvgPool2d"]), args


ALL: tuple[Topic, ...] = (FlattenToLinear(),)
