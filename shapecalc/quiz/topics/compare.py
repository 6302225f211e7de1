"""Topics that set one way of building a network against another: bottlenecks, small kernels, Linear as convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import costly as slip
from shapecalc.quiz import fieldslips, mistake, wording
from shapecalc.quiz.chains import FIELD, FieldProblem
from shapecalc.quiz.problem import LayerProblem
from shapecalc.quiz.topic import Topic
from shapecalc.quiz.topics.costs import PARAMS, WORK
from shapecalc.quiz.totals import DifferenceProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved

DIFFERENCE = (slip.DIFFERENCE_FORGOTTEN, slip.OTHER_ALONE, slip.ONE_TAKEN, slip.KERNEL_ONCE, slip.BIAS_FORGOTTEN,
              slip.BIAS_PER_WEIGHT, slip.FLOPS_FOR_MACS, slip.POSITIONS_FORGOTTEN)  # fmt: skip

Layers = list[tuple[str, str, Any]]


def difference_text(problem: Problem, say: Words) -> str:
    """What the second row of layers saves."""
    given = problem.given()
    told = {
        "params": "How many parameters are saved, for an input of {sizes}, "
        "by taking the second group of layers in place of the first?",
        "macs": "How many MACs are saved for one sample, an input of {sizes}, "
        "by taking the second group of layers in place of the first?",
    }[str(given["total"])]
    sizes, first = wording.listed(str(given["spec"]))
    _, second = wording.listed(str(given["other"]))
    return f"{say(told, sizes=sizes)}\n\n{first}\n\n{second}"


def _conv(name: str, out: int, kernel: int, **more: Any) -> tuple[str, str, Any]:
    args = {"out_channels": out, "kernel_size": kernel} | ({"padding": kernel // 2} if kernel > 1 else {}) | more
    return name, "Conv2d", args


class Bottleneck(Topic):
    """What a 1x1-3x3-1x1 bottleneck saves: 1 weights, 2 parameters with biases, 3 MACs."""

    name = "bottleneck"
    title = "Bottlenecks"
    mistakes = DIFFERENCE

    def draw(self, draw: Draw, level: int) -> Problem:
        inner = draw.between(2, 16) * 2 if level == 1 else draw.between(4, 32) * 4
        wide, kernel = inner * draw.among([2, 4] if level == 1 else [2, 4, 8]), draw.among([3, 3, 5])
        size = draw.among([7, 14, 28, 56])
        bias: dict[str, Any] = {} if level == 2 else {"bias": False}
        plain = [_conv("conv", wide, kernel, **bias)]
        neck = [_conv("down", inner, 1, **bias), _conv("middle", inner, kernel, **bias), _conv("up", wide, 1, **bias)]
        specs = [wording.spec([wide, size, size], layers) for layers in (plain, neck)]
        return DifferenceProblem(specs[0], specs[1], "macs" if level == 3 else "params")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return difference_text(problem, say)


class SmallKernels(Topic):
    """Several small kernels for a large one: 1 what they see, 2 parameters saved, 3 MACs saved."""

    name = "small-kernels"
    title = "Small kernels in a row"
    mistakes = (*DIFFERENCE, fieldslips.WHOLE_KERNEL, fieldslips.STRIDES_IGNORED, fieldslips.DILATION_IGNORED)

    def draw(self, draw: Draw, level: int) -> Problem:
        count, channels, size = draw.between(2, 4), draw.between(1, 32) * 8, draw.among([14, 28, 32, 56])
        bias = draw.among([{}, {"bias": False}])
        kernel = draw.among([3, 5]) if level == 1 else 3
        small: Layers = [_conv(f"conv{n}", channels, kernel, **bias) for n in range(1, count + 1)]
        if level == 1:
            return FieldProblem(wording.spec([channels, 96, 96], small), small[-1][0], FIELD)
        large: Layers = [_conv("conv", channels, 2 * count + 1, **bias)]
        specs = [wording.spec([channels, size, size], layers) for layers in (large, small)]
        return DifferenceProblem(specs[0], specs[1], "macs" if level == 3 else "params")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        if isinstance(problem, DifferenceProblem):
            return difference_text(problem, say)
        _, layers = wording.listed(str(problem.given()["spec"]))
        told = say(
            "Which kernel size does a single convolution of stride 1 need to see as much as these layers together?"
        )
        return f"{told}\n\n{layers}"


class FcAsConv(Topic):
    """Flatten and Linear as a convolution: 1 its parameters, 2 its map of a larger input, 3 the work on it."""

    name = "fc-as-conv"
    title = "A fully connected layer as a convolution"
    mistakes = (*PARAMS, *WORK, mistake.NO_PLUS_ONE, slip.KERNEL_STEPS, slip.SIZE_KEPT)  # fmt: skip

    def draw(self, draw: Draw, level: int) -> Problem:
        few, more = [8, 16, 24, 32, 48, 64, 96, 128], [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
        size, channels = draw.between(4, 9), draw.among(few if level == 1 else more)
        round_ones, others = [10, 20, 50, 100, 1000], [10, 20, 50, 100, 256, 512, 1000, 1024, 2048, 4096]
        args = {"out_channels": draw.among(round_ones if level == 1 else others), "kernel_size": size}
        larger = size if level == 1 else size + draw.between(1, 40)
        spec = wording.spec([channels, larger, larger], [("fc", "Conv2d", args)])
        return LayerProblem(spec, "fc", {1: "params", 2: "height", 3: "macs"}[level])

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        work = solved[""].work
        assert work is not None
        op: Any = work.trace.plain_op
        small = wording.sizes((op.in_channels, *op.kernel_size))
        row = f"`Flatten()`, `Linear({op.in_channels * op.kernel_size[0] * op.kernel_size[1]}, {op.out_channels})`"
        told = {
            "params": "An input of {small} goes through {row}. "
            "How many parameters does the one convolution have that computes the same?",
            "height": "{row} for an input of {small} are turned into one convolution with the same weights. "
            "What is the height of its output for an input of {sizes}?",
            "macs": "{row} for an input of {small} are turned into one convolution with the same weights. "
            "How many MACs does it take for an input of {sizes}?",
        }[str(problem.given()["what"])]
        return say(told, small=small, row=row, sizes=wording.sizes(work.trace.plain_xs[0][1:]))


ALL: Sequence[Topic] = (Bottleneck(), SmallKernels(), FcAsConv())
