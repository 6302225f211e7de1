"""Topics on the size of an output: convolution, pooling, dilation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import mistake, wording
from shapecalc.quiz.problem import LayerProblem
from shapecalc.quiz.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved


class OutputSize(Topic):
    """The size of what a convolution gives: level 1 along one axis, 2 with strides, 3 the whole shape."""

    name = "output-size"
    title = "Output size"
    mistakes = (
        mistake.NO_PLUS_ONE,
        mistake.ROUNDED_UP,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.STRIDE_FORGOTTEN,
        mistake.DILATION_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        kernel = draw.among([2, 3, 5] if level == 1 else [3, 5, 7, 11])
        args: dict[str, Any] = {"out_channels": draw.among([8, 16, 32, 64]), "kernel_size": kernel}
        args["padding"] = draw.between(1, kernel // 2 + 1)
        args["stride"] = draw.among([1, 2, 3]) if level == 1 else draw.among([2, 3, 4])
        if level == 3:
            args["dilation"] = draw.among([1, 2, 3])
        size = draw.between(8, 16) if level == 1 else draw.among([28, 32, 64, 112, 224, 227])
        other = size if level < 3 else draw.between(20, 240)
        spec = wording.spec([draw.among([1, 3]), size, other], [("conv", "Conv2d", args)])
        return LayerProblem(spec, "conv", "shape" if level == 3 else "height")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return layer_text(str(problem.given()["what"]), solved[""], say)


def layer_text(what: str, solved: Solved, say: Words) -> str:
    """What a single layer makes of its input."""
    assert solved.work is not None
    arriving = wording.sizes(solved.work.node.inputs[0].shape or ())  # type: ignore[union-attr]
    told = {
        "shape": "An input of {sizes} goes through {layer}. What are the sizes of the output, channels first?",
        "height": "An input of {sizes} goes through {layer}. What is the height of the output?",
    }[what]
    return say(told, sizes=arriving, layer=wording.code(solved.work.trace.plain_op))
