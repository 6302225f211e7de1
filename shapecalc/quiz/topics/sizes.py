"""Topics on the size of an output: convolution, dilation, pooling, transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import mistake, wording
from shapecalc.quiz.problem import LayerProblem
from shapecalc.quiz.topic import Topic, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved

MAPS = (28, 32, 56, 64, 96, 112, 128, 224, 227)
CHANNELS = (1, 3, 16, 32, 64)


class SizeTopic(Topic):
    """What one layer makes of its input: level 1 along one axis, level 3 the whole shape."""

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return layer_text(str(problem.given()["what"]), solved[""], say)

    def sensible(self, problem: Problem, solved: Mapping[str, Solved]) -> bool:
        """An output of one cell tells nothing of the rule."""
        sizes = numbers(solved[""].answer)
        return super().sensible(problem, solved) and all(s > 1 for s in sizes[len(sizes) // 2 :])


class OutputSize(SizeTopic):
    """The size of what a convolution gives: level 1 along one axis, 2 with strides, 3 the whole shape."""

    name = "output-size"
    title = "Output size"
    mistakes = (
        mistake.NO_PLUS_ONE,
        mistake.ROUNDED_UP,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_FORGOTTEN,
        mistake.KERNEL_WHOLE,
        mistake.KERNEL_TURNED,
        mistake.CHANNELS_KEPT,
        mistake.TRANSPOSED_FOR_CONV,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        rank = 1 if level < 3 and draw.between(1, 4) == 1 else 2
        if level == 1:
            kernel = draw.among([2, 3, 4, 5])
            args = _conv(draw, kernel, draw.between(0, kernel // 2 + 1), draw.among([1, 1, 2, 3]))
            return layer(draw, rank, [draw.between(7, 20)] * rank, "Conv", args)
        if level == 2:
            kernel = draw.among([3, 5, 7, 11])
            args = _conv(draw, kernel, draw.between(0, kernel // 2 + 1), draw.among([2, 3, 4]))
            return layer(draw, rank, [draw.among(MAPS)] * rank, "Conv", args)
        kernels = draw.some([1, 3, 5, 7], 2)
        padding = [draw.between(0, k // 2 + 1) for k in kernels]
        args = _conv(draw, kernels, padding, draw.among([1, 2, 3, [2, 3], [1, 2]]))
        return layer(draw, 2, [draw.between(20, 240), draw.between(20, 240)], "Conv", args, "shape")


def _conv(draw: Draw, kernel: Any, padding: Any, stride: Any) -> dict[str, Any]:
    """Arguments of a convolution; what torch has by default is left out."""
    args = {"out_channels": draw.among([4, 8, 16, 32, 64]), "kernel_size": kernel}
    return args | ({"stride": stride} if stride != 1 else {}) | ({"padding": padding} if padding else {})


class Dilation(SizeTopic):
    """Convolutions with holes: level 1 without strides, 2 with them and padding, 3 the whole shape of a map."""

    name = "dilation"
    title = "Dilation"
    mistakes = (
        mistake.DILATION_FORGOTTEN,
        mistake.DILATION_TIMES_KERNEL,
        mistake.DILATION_AS_GAP,
        mistake.NO_PLUS_ONE,
        mistake.ROUNDED_UP,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        kernel: Any = draw.among([2, 3, 4, 5] if level == 1 else [3, 5, 7])
        dilation: Any = draw.among([2, 3, 4])
        rank = 2 if level == 3 else draw.among([1, 2])
        size = draw.between(14, 40) if level == 1 else draw.between(28, 240)
        sizes = [size, draw.between(28, 240)] if level == 3 else [size] * rank
        if level == 3:
            kernel, dilation = draw.among([kernel, [3, 5]]), draw.among([dilation, [1, 2], [2, 1], [4, 2]])
        args = _conv(draw, kernel, draw.between(0, 4), draw.among([1, 1, 2] if level == 1 else [1, 2, 3]))
        return layer(draw, rank, sizes, "Conv", args | {"dilation": dilation}, "shape" if level == 3 else "")


class Pooling(SizeTopic):
    """Windows of pools: level 1 with the stride that they have of themselves or another, 3 rectangular."""

    name = "pooling"
    title = "Pooling"
    mistakes = (
        mistake.NO_PLUS_ONE,
        mistake.ROUNDED_UP,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_TAKEN_FOR_ONE,
        mistake.STRIDE_IS_KERNEL,
        mistake.STRIDE_FORGOTTEN,
        mistake.KERNEL_TURNED,
        mistake.DILATION_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        operator = draw.among(["MaxPool", "AvgPool"])
        rank = 2 if level == 3 else draw.among([1, 2, 2])
        args = _pool(draw, level, operator)
        size = draw.between(8, 31) if level == 1 else draw.between(27, 240)
        sizes = [size, draw.between(27, 240)] if level == 3 else [size] * rank
        return layer(draw, rank, sizes, operator, args, "shape" if level == 3 else "")


def _pool(draw: Draw, level: int, operator: str) -> dict[str, Any]:
    kernel: Any = draw.among([2, 3, 4, 5])
    padding = 0 if level == 1 else draw.between(0, kernel // 2)
    stride = draw.among([None, None, 1, 2, 3] if level == 1 else [None, 1, 2, 3, 4])
    args: dict[str, Any] = {"kernel_size": kernel}
    if level == 3:
        args["kernel_size"] = draw.among([kernel, [kernel, kernel + 1], [kernel + 2, kernel]])
        if operator == "MaxPool" and draw.between(1, 2) == 1:
            args["dilation"] = 2
    return args | ({"stride": stride} if stride else {}) | ({"padding": padding} if padding else {})


class CeilMode(SizeTopic):
    """Pools that count a last, incomplete window: level 1 without padding, 2 with it, 3 along both axes."""

    name = "ceil-mode"
    title = "Pooling with ceil_mode"
    remarks = (
        "Rounding a/s up is (a + s - 1)//s; the minimum drops a last window that would begin in the right padding.",
    )
    mistakes = (
        mistake.FLOOR_FOR_CEIL,
        mistake.CEIL_WITHOUT_RULE,
        mistake.NO_PLUS_ONE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_IS_KERNEL,
        mistake.STRIDE_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        operator = draw.among(["MaxPool", "AvgPool"])
        kernel = draw.between(2, 5)
        stride = draw.between(2, 5)
        args: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "ceil_mode": True}
        padding = 0 if level == 1 else draw.between(1, kernel // 2)
        args |= {"padding": padding} if padding else {}
        rank = 2 if level == 3 else draw.among([1, 2])
        size = draw.between(8, 40) if level == 1 else draw.between(13, 120)
        sizes = [size, draw.between(13, 120)] if level == 3 else [size] * rank
        return layer(draw, rank, sizes, operator, args, "shape" if level == 3 else "")

    def sensible(self, problem: Problem, solved: Mapping[str, Solved]) -> bool:
        """Where rounding up changes nothing, there is nothing to learn of it."""
        changes = any(m.value(solved[""]) is not None for m in (mistake.FLOOR_FOR_CEIL, mistake.CEIL_WITHOUT_RULE))
        return changes and super().sensible(problem, solved)


class TransposedConv(SizeTopic):
    """Transposed convolutions: level 1 without padding at the far end, 2 with it, 3 with dilation, the whole shape."""

    name = "transposed-conv"
    title = "Transposed convolution"
    mistakes = (
        mistake.CONV_FOR_TRANSPOSED,
        mistake.PADDING_ADDED,
        mistake.NO_MINUS_ONE,
        mistake.PLUS_ONE_FORGOTTEN,
        mistake.OUTPUT_PADDING_FORGOTTEN,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_FORGOTTEN,
        mistake.DILATION_FORGOTTEN,
        mistake.CHANNELS_KEPT,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        kernel = draw.among([2, 3, 4, 5])
        stride = draw.among([1, 2, 3] if level == 1 else [2, 3, 4])
        args = _conv(draw, kernel, draw.between(0, kernel // 2), stride)
        if level > 1:
            args["output_padding"] = draw.between(level - 2, stride - 1)
        if level == 3:
            args["dilation"] = draw.among([1, 2, 3])
        args = {name: value for name, value in args.items() if not (name == "output_padding" and value == 0)}
        rank = 2 if level == 3 else draw.among([1, 2, 2])
        sizes = [draw.between(4, 32), draw.between(4, 32)] if level == 3 else [draw.between(3, 16 * level)] * rank
        return layer(draw, rank, sizes, "ConvTranspose", args, "shape" if level == 3 else "")


def layer(
    draw: Draw, rank: int, sizes: Sequence[int], operator: str, args: Mapping[str, Any], what: str = ""
) -> LayerProblem:
    """A layer of one or two axes under an input of some channels; asked is its first axis unless `what` says more."""
    name = operator.removesuffix("Transpose").lower()
    spec = wording.spec([draw.among(CHANNELS), *sizes], [(name, f"{operator}{rank}d", args)])
    return LayerProblem(spec, name, what or ("length" if rank == 1 else "height"))


WHAT = {
    "shape": "An input of {sizes} goes through {layer}. What are the sizes of the output, channels first?",
    "height": "An input of {sizes} goes through {layer}. What is the height of the output?",
    "length": "An input of {sizes} goes through {layer}. What is the length of the output?",
}


def layer_text(what: str, solved: Solved, say: Words) -> str:
    """What a single layer makes of its input."""
    assert solved.work is not None
    arriving = wording.sizes(solved.work.node.inputs[0].shape or ())  # type: ignore[union-attr]
    return say(WHAT[what], sizes=arriving, layer=wording.code(solved.work.trace.plain_op))


ALL: tuple[Topic, ...] = (OutputSize(), Dilation(), Pooling(), CeilMode(), TransposedConv())
