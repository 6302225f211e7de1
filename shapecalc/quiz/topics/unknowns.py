"""Topics that ask for arguments: padding or output_padding for a wanted size, and layers of which many are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import mistake, wording
from shapecalc.quiz.mistake import Mistake
from shapecalc.quiz.problem import LayerProblem, Unsolvable
from shapecalc.quiz.question import OPEN
from shapecalc.quiz.topic import Topic
from shapecalc.quiz.unknown import Example, ReverseProblem, Sought, UnknownProblem, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.quiz.question import Value


def _of_kernel(by: Callable[[int], int]) -> Callable[[Solved], Value | None]:
    """A guess that looks at nothing but the kernel."""

    def rule(solved: Solved) -> Value | None:
        if not isinstance(solved, Sought) or solved.unknown != "padding":
            return None
        return by(solved.op.kernel_size[0])  # type: ignore[attr-defined]

    return rule


HALF_THE_KERNEL = Mistake(
    "half-the-kernel",
    "Half of the kernel is right only for an odd kernel without dilation, at stride 1, where the size is to stay.",
    _of_kernel(lambda k: k // 2),
)
HALF_UP = Mistake(
    "half-up",
    "The kernel's middle cell needs no padding: half of the kernel is rounded down.",
    _of_kernel(lambda k: (k + 1) // 2),
)
ALL_BUT_ONE = Mistake(
    "kernel-less-one",
    "That much padding is needed at both ends together, without dilation.",
    _of_kernel(lambda k: k - 1),
)
KERNEL_FOR_PADDING = Mistake("kernel-for-padding", "That is the kernel's size.", _of_kernel(lambda k: k))


class Padding(Topic):
    """The padding for a size: level 1 keeps it, 2 with dilation, or another size, 3 with a stride."""

    name = "padding"
    title = "Padding for a wanted size"
    mistakes = (
        mistake.PADDING_ONCE,
        mistake.DILATION_FORGOTTEN,
        mistake.NO_PLUS_ONE,
        mistake.KERNEL_WHOLE,
        mistake.DILATION_TIMES_KERNEL,
        HALF_THE_KERNEL,
        HALF_UP,
        ALL_BUT_ONE,
        KERNEL_FOR_PADDING,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        rank = draw.among([1, 2])
        size = draw.between(12, 40) if level == 1 else draw.between(24, 128)
        kernel = draw.among([3, 5, 7, 9, 11] if level == 1 else [2, 3, 4, 5, 7])
        args: dict[str, Any] = {"out_channels": draw.among([4, 8, 16, 32]), "kernel_size": kernel}
        hidden = kernel // 2
        if level > 1:
            args |= {"dilation": draw.among([1, 2, 3])} if level == 2 else {"dilation": draw.among([1, 1, 2])}
            keep = args["dilation"] * (kernel - 1)
            hidden = keep // 2 if keep % 2 == 0 and draw.between(1, 2) == 1 else draw.between(1, keep)
        if level == 3:
            args["stride"] = draw.among([2, 2, 3])
        args = {name: value for name, value in args.items() if not (name == "dilation" and value == 1)}
        return sought(draw, rank, size, f"Conv{rank}d", args, "padding", hidden)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return sought_text(problem, solved[""], say)


class OutputPadding(Topic):
    """The output_padding for a size: level 1 with a stride of 2 or 3, 2 with larger ones, 3 with dilation."""

    name = "output-padding"
    title = "output_padding for a wanted size"
    mistakes = (
        mistake.PLUS_ONE_FORGOTTEN,
        mistake.PADDING_ONCE,
        mistake.PADDING_FORGOTTEN,
        mistake.PADDING_ADDED,
        mistake.KERNEL_WHOLE,
        mistake.DILATION_FORGOTTEN,
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        rank = draw.among([1, 2])
        kernel, stride = draw.between(2, 5), draw.between(2, 3 if level == 1 else 5)
        args: dict[str, Any] = {"out_channels": draw.among([4, 8, 16, 32]), "kernel_size": kernel, "stride": stride}
        padding = draw.between(0, kernel // 2)
        args |= {"padding": padding} if padding else {}
        if level == 3:
            args["dilation"] = draw.among([2, 3])
        size = draw.between(3, 12 * level)
        return sought(draw, rank, size, f"ConvTranspose{rank}d", args, "output_padding", draw.between(0, stride - 1))

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return sought_text(problem, solved[""], say)


def sought(
    draw: Draw, rank: int, size: int, operator: str, args: Mapping[str, Any], unknown: str, hidden: int
) -> UnknownProblem:
    """The problem whose wanted size a hidden value of the unknown gives."""
    name, what = "conv", "length" if rank == 1 else "height"
    layers = [(name, operator, {**args, unknown: f'"?{unknown}"'})]
    spec = wording.spec([draw.among([1, 3, 16]), *[size] * rank], layers)
    return UnknownProblem(spec, name, unknown, what, _given_by(spec, name, what, {unknown: hidden}))


def _given_by(spec: str, layer: str, what: str, values: Mapping[str, Any]) -> Any:
    answer = LayerProblem(filled(spec, values), layer, what).solve()[""].answer
    return list(answer) if isinstance(answer, tuple) else answer


KEEP = {
    "height": "An input of {sizes} goes through {layer}. Which `{unknown}` keeps the height?",
    "length": "An input of {sizes} goes through {layer}. Which `{unknown}` keeps the length?",
}
REACH = {
    "height": "An input of {sizes} goes through {layer}. Which `{unknown}` gives an output of height {wanted}?",
    "length": "An input of {sizes} goes through {layer}. Which `{unknown}` gives an output of length {wanted}?",
}


def sought_text(problem: Problem, solved: Solved, say: Words) -> str:
    """Which argument keeps a size, or reaches another."""
    assert isinstance(problem, UnknownProblem)
    assert isinstance(solved, Sought)
    sizes = solved.arriving
    told = (KEEP if sizes[-1] == problem.wanted else REACH)[problem.what]
    layer = wording.code(solved.op, [problem.unknown])
    return say(told, sizes=wording.sizes(sizes), layer=layer, unknown=problem.unknown, wanted=problem.wanted)


class Reverse(Topic):
    """Layers for a wanted size: level 1 kernel and padding, 2 the stride too, 3 pools, dilation and transposed ones."""

    name = "reverse"
    title = "Layers for a wanted size"
    kinds = (OPEN,)

    def draw(self, draw: Draw, level: int) -> Problem:
        operator, args, hidden = (_simple, _strided, _constrained)[level - 1](draw)
        size = draw.between(12, 32) if level == 1 else draw.between(16, 96)
        named = {name: f'"?{name}"' for name in hidden}
        spec = wording.spec([draw.among([1, 3, 16]), size, size], [("layer", operator, {**args, **named})])
        wanted = _given_by(spec, "layer", "height", hidden)
        if wanted < 2:
            raise Unsolvable("nothing of it is left")
        return ReverseProblem(spec, "layer", list(hidden), "height", wanted)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        assert isinstance(problem, ReverseProblem)
        one = solved[problem.unknowns[0]]
        assert isinstance(one, Example)
        assert one.work is not None
        op, arriving = one.work.trace.plain_op, one.work.trace.plain_xs[0]
        return say(
            "Name values for which {layer} turns {before} into {after}; many are right.",
            layer=wording.code(op, problem.unknowns),
            before=wording.sizes(arriving[2:]),
            after=wording.sizes([problem.wanted] * 2),
        )


def _simple(draw: Draw) -> tuple[str, dict[str, Any], dict[str, int]]:
    kernel = draw.between(2, 7)
    return "Conv2d", {"out_channels": 8}, {"kernel_size": kernel, "padding": draw.between(0, kernel // 2)}


def _strided(draw: Draw) -> tuple[str, dict[str, Any], dict[str, int]]:
    operator, args, hidden = _simple(draw)
    kernel, padding = hidden["kernel_size"], hidden["padding"]
    stride = draw.between(1, 4)
    if draw.between(1, 4) == 1:
        operator, args = draw.among(["MaxPool2d", "AvgPool2d"]), {}
    return operator, args, {"kernel_size": kernel, "stride": stride, "padding": padding}


def _constrained(draw: Draw) -> tuple[str, dict[str, Any], dict[str, int]]:
    """Some arguments are given, the others are asked for."""
    kernel, dilation = draw.between(2, 5), draw.among([2, 3])
    padding = draw.among([dilation * (kernel - 1) // 2, draw.between(0, kernel // 2)])
    channels = {"out_channels": draw.among([8, 16])}
    form = draw.among(["kernel", "stride", "transposed"])
    if form == "kernel":
        hidden = {"stride": draw.between(1, 3), "padding": padding}
        return "Conv2d", channels | {"kernel_size": kernel, "dilation": dilation}, hidden
    if form == "stride":
        args = channels | {"stride": draw.between(1, 3), "dilation": dilation}
        return "Conv2d", args, {"kernel_size": kernel, "padding": padding}
    stride = draw.between(2, 4)
    hidden = {"kernel_size": kernel, "padding": draw.between(0, 1), "output_padding": draw.between(0, stride - 1)}
    return "ConvTranspose2d", channels | {"stride": stride}, hidden


ALL: tuple[Topic, ...] = (Padding(), OutputPadding(), Reverse())
