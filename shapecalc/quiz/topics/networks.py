"""A small network, and a table of its layers' figures to be filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import costly as slip
from shapecalc.quiz import mistake, wording
from shapecalc.quiz.cells import FIGURES, TableProblem
from shapecalc.quiz.question import TABLE
from shapecalc.quiz.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.quiz.question import Ask

SIZES = (mistake.NO_PLUS_ONE, mistake.ROUNDED_UP, mistake.PADDING_ONCE, mistake.PADDING_FORGOTTEN,
         mistake.STRIDE_FORGOTTEN, mistake.DILATION_FORGOTTEN)  # fmt: skip
OF_LAYERS = (*SIZES, slip.BIAS_FORGOTTEN, slip.BIAS_PER_WEIGHT, slip.BIAS_COUNTED, slip.GROUPS_IGNORED,
             slip.FLAT_FILTERS, slip.STATISTICS_COUNTED, slip.SCALE_ONLY, slip.FLOPS_FOR_MACS,
             slip.POSITIONS_FORGOTTEN, slip.INPUT_SIZE, slip.BIAS_ADDED)  # fmt: skip
"""The mistakes about a layer's size, parameters and work."""


def figure_title(figure: str, say: Words) -> str:
    """The head of a column."""
    told = {"shape": "output", "params": "parameters", "macs": "MACs", "flops": "FLOPs", "field": "receptive field",
            "jump": "jump", "bytes": "bytes", "values": "values", "buffers": "buffers"}  # fmt: skip
    return say(told[figure]) if figure in told else figure


def filled_in(problem: TableProblem, asks: Mapping[str, Ask], say: Words) -> tuple[list[str], list[list[str | Ask]]]:
    """A layer a row, a figure a column; what is not asked for is a zero."""
    head = [say("layer"), *(figure_title(f, say) for f in problem.figures)]
    rows: list[list[str | Ask]] = [
        [f"`{path}`", *(asks.get(f"{path}.{figure}", "0") for figure in problem.figures)] for path in problem.layers
    ]
    return head, rows


def table_label(name: str, say: Words) -> tuple[str, str]:
    """ "conv1.params" -> "conv1, parameters" """
    path, _, figure = name.rpartition(".")
    return f"{path}, {figure_title(figure, say)}", ""


class FillIn(Topic):
    """1 a convolution, a pool and Linear, 2 two of each, 3 three, with batch normalization."""

    name = "fill-in"
    title = "A network's table"
    kinds = (TABLE,)
    mistakes = OF_LAYERS

    def draw(self, draw: Draw, level: int) -> Problem:
        layers: list[tuple[str, str, Any]] = []
        for n in range(1, level + 1):
            kernel = draw.among([3, 5] if n > 1 else [3, 5, 7])
            args: dict[str, Any] = {"out_channels": draw.among([4, 6, 8, 16]) * n, "kernel_size": kernel}
            args |= draw.among([{}, {"padding": kernel // 2}, {"padding": kernel // 2, "stride": 2}])
            norm: list[tuple[str, str, Any]] = [(f"norm{n}", "BatchNorm2d", {})] if level == 3 else []
            args |= {"bias": False} if norm else {}
            pool = draw.among([{"kernel_size": 2}, {"kernel_size": 3, "stride": 2}])
            name = draw.among(["MaxPool2d", "MaxPool2d", "AvgPool2d"])
            layers += [(f"conv{n}", "Conv2d", args), *norm, (f"relu{n}", "ReLU", {}), (f"pool{n}", name, pool)]
        layers += [("flatten", "Flatten", {}), ("fc", "Linear", {"out_features": draw.among([2, 5, 10, 100])})]
        size = draw.among([28, 32, 40] if level == 1 else [48, 64, 96, 112, 128])
        spec = wording.spec([draw.among([1, 3]), size, size], layers)
        return TableProblem(spec, [name for name, operator, _ in layers if operator != "ReLU"], FIGURES)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return table_text(str(problem.given()["spec"]), say)

    def label(self, name: str, say: Words) -> tuple[str, str]:
        return table_label(name, say)

    def table(self, problem: Problem, asks: Mapping[str, Ask], say: Words) -> tuple[list[str], list[list[str | Ask]]]:
        assert isinstance(problem, TableProblem)
        return filled_in(problem, asks, say)


def table_text(spec: str, say: Words) -> str:
    sizes, layers = wording.listed(spec)
    told = say("An input of {sizes} goes through these layers. Fill in the table, for one sample.", sizes=sizes)
    return f"{told}\n\n{layers}"


ALL: Sequence[Topic] = (FillIn(),)
