"""Topics on receptive fields: of layers in a row, and of small kernels in place of a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import fieldslips, wording
from shapecalc.quiz.chains import FIELD, JUMP, FieldProblem
from shapecalc.quiz.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved

ROOM = 480
"""An input that is large enough for every chain."""


class ReceptiveField(Topic):
    """1 two or three layers with a stride, 2 up to five with pooling, also the jump, 3 up to six with dilation."""

    name = "receptive-field"
    title = "Receptive field"
    mistakes = (
        fieldslips.OWN_STRIDE,
        fieldslips.STRIDES_IGNORED,
        fieldslips.WHOLE_KERNEL,
        fieldslips.PRODUCT_FORGOTTEN,
        fieldslips.DILATION_IGNORED,
        fieldslips.STRIDES_ADDED,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        count = draw.between(*{1: (2, 3), 2: (3, 5), 3: (3, 6)}[level])
        layers: list[tuple[str, str, Any]] = []
        for number in range(1, count + 1):
            args: dict[str, Any] = {"kernel_size": draw.among([2, 3, 3, 5, 7] if number == 1 else [2, 3, 3, 5])}
            args["stride"] = draw.among([1, 2, 2, 3] if number < 3 else [1, 1, 2])
            pool = level > 1 and number > 1 and draw.between(0, 2) == 0
            if level == 3 and not pool:
                args["dilation"] = draw.among([1, 2, 2, 3])
            if not pool:
                args["out_channels"] = draw.among([8, 16, 32])
            layers.append((f"{'pool' if pool else 'conv'}{number}", "MaxPool2d" if pool else "Conv2d", args))
        spec = wording.spec([3, ROOM, ROOM], layers)
        return FieldProblem(spec, layers[-1][0], JUMP if level > 1 and draw.between(0, 3) == 0 else FIELD)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        given = problem.given()
        told = {
            FIELD: "How many positions of the input, along one axis, does a value behind {layer} see?",
            JUMP: "By how many positions of the input, along one axis, do the receptive fields of two neighbours "
            "behind {layer} differ (the jump)?",
        }[str(given["seen"])]
        _, layers = wording.listed(str(given["spec"]))
        return f"{say(told, layer='`' + str(given['layer']) + '`')}\n\n{layers}"


ALL: Sequence[Topic] = (ReceptiveField(),)
