"""The topic of small matrices: correlations, pools and transposed convolutions, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import handslips, wording
from shapecalc.quiz.hand import HandProblem
from shapecalc.quiz.question import CHOICE, NUMBER, TABLE
from shapecalc.quiz.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.quiz.question import Ask

MOST_CELLS = 16
"""More are not asked for in a table."""


class ByHand(Topic):
    """Level 1 one channel without padding, 2 strides and padding or channels, 3 both, dilation, transposed ones."""

    name = "by-hand"
    title = "Small matrices by hand"
    kinds = (CHOICE, NUMBER, TABLE)
    mistakes = handslips.ALL

    def draw(self, draw: Draw, level: int) -> Problem:
        whole = draw.among(DRAWN[level])(draw)
        cells = list(whole.solve())
        if len(cells) <= (6 if level == 1 else MOST_CELLS) and draw.between(1, 3) == 1:
            return whole
        row_column = draw.among(cells).replace("r", " ").replace("c", " ").split()
        return whole.but(cell=[int(n) for n in row_column])

    def offers(self, problem: Problem) -> Sequence[str]:
        """A single cell is chosen or worked out; all of them stand in a table."""
        assert isinstance(problem, HandProblem)
        return (TABLE,) if problem.cell is None else (CHOICE, NUMBER)

    def sensible(self, problem: Problem, solved: Mapping[str, Solved]) -> bool:
        """No endless decimals, and not zeros alone."""
        answers = [one.answer for one in solved.values()]
        short = all(isinstance(a, int) or (isinstance(a, float) and (a * 4).is_integer()) for a in answers)
        return short and any(answers)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        assert isinstance(problem, HandProblem)
        told = [say("{layer} gets this input:", layer=wording.code(problem.operator()))]
        told += _blocks(problem.image, problem.rank, say)
        if problem.kernel is not None:
            told += [say("This is its kernel:"), *_blocks(problem.kernel, problem.rank, say)]
        return "\n\n".join([*told, _asked(problem, say)])

    def label(self, name: str, say: Words) -> tuple[str, str]:
        row, _, column = name.removeprefix("r").rpartition("c")
        if not name:
            return "", ""
        if not row:
            return say("place {n}", n=column), ""
        return say("row {row}, column {column}", row=row, column=column), ""

    def table(self, problem: Problem, asks: Mapping[str, Ask], say: Words) -> tuple[list[str], list[list[str | Ask]]]:
        """The output with an empty place for each of its cells."""
        if "" in asks:
            return [], []
        rows: dict[str, list[str | Ask]] = {}
        for name, ask in asks.items():
            row, _, _ = name.removeprefix("r").rpartition("c")
            rows.setdefault(row, [say("row {n}", n=row) if row else say("output")]).append(ask)
        width = max(map(len, rows.values())) - 1
        return ["", *(say("column {n}", n=n + 1) for n in range(width))], list(rows.values())


def _blocks(values: Any, rank: int, say: Words) -> list[str]:
    """The numbers in fenced blocks, channel by channel."""
    planes = values if _depth(values) > rank else [values]
    found: list[str] = []
    for n, plane in enumerate(planes, start=1):
        if len(planes) > 1:
            found.append(say("channel {n}:", n=n))
        found.append(wording.matrix(plane if rank == 2 else [plane]))
    return found


def _depth(values: Any) -> int:
    return 1 + _depth(values[0]) if isinstance(values, list) else 0


def _asked(problem: HandProblem, say: Words) -> str:
    if problem.cell is None:
        return say("What is the output?")
    if problem.rank == 1:
        return say("What stands in place {n} of the output, counted from 1?", n=problem.cell[0])
    row, column = problem.cell
    return say("What stands in row {row}, column {column} of the output, counted from 1?", row=row, column=column)


def _matrix(draw: Draw, rows: int, columns: int, low: int, high: int) -> list[Any]:
    return [_row(draw, columns, low, high) for _ in range(rows)]


def _row(draw: Draw, count: int, low: int, high: int) -> list[Any]:
    return [draw.between(low, high) for _ in range(count)]


def _conv2d(draw: Draw) -> HandProblem:
    """One channel, neither stride nor padding."""
    size = draw.among([3, 4])
    return HandProblem("Conv2d", _matrix(draw, size, size, 0, 9), _matrix(draw, 2, 2, -2, 3))


def _conv1d(draw: Draw) -> HandProblem:
    return HandProblem("Conv1d", _row(draw, draw.between(5, 8), 0, 9), _row(draw, draw.among([2, 3]), -2, 3))


def _pool(draw: Draw) -> HandProblem:
    """Windows of two by two side by side, where a last column may be left unread."""
    image = _matrix(draw, draw.among([4, 5]), draw.among([4, 5]), 0, 20)
    return HandProblem(draw.among(["MaxPool2d", "AvgPool2d"]), image, args={"kernel_size": 2})


def _pool1d(draw: Draw) -> HandProblem:
    operator = draw.among(["MaxPool1d", "AvgPool1d"])
    return HandProblem(operator, _row(draw, draw.between(6, 9), 0, 20), args={"kernel_size": 2})


def _strided(draw: Draw) -> HandProblem:
    """A convolution with a stride, with padding, or with both."""
    args = draw.among([{"padding": 1}, {"stride": 2}, {"stride": 2, "padding": 1}])
    kernel = _matrix(draw, 3, 3, -1, 2) if args != {"stride": 2} else _matrix(draw, 2, 2, -2, 3)
    return HandProblem("Conv2d", _matrix(draw, 4, 4, 0, 9), kernel, args)


def _channels1d(draw: Draw) -> HandProblem:
    return HandProblem("Conv1d", _matrix(draw, 2, draw.between(6, 8), 0, 9), _matrix(draw, 2, 3, -2, 3))


def _pool_strided(draw: Draw) -> HandProblem:
    image = _matrix(draw, 5, 5, 0, 20)
    if draw.between(1, 2) == 1:
        return HandProblem("MaxPool2d", image, args={"kernel_size": 3, "stride": draw.among([1, 2])})
    return HandProblem("AvgPool2d", image, args={"kernel_size": 2, "stride": draw.among([1, 3])})


def _channels2d(draw: Draw) -> HandProblem:
    """Two channels, as the course's 56, 72, 104, 120."""
    image = [_matrix(draw, 3, 3, 0, 9) for _ in range(2)]
    return HandProblem("Conv2d", image, [_matrix(draw, 2, 2, -2, 3) for _ in range(2)])


def _dilated(draw: Draw) -> HandProblem:
    args: dict[str, Any] = {"dilation": 2} | draw.among([{}, {"padding": 1}])
    return HandProblem("Conv2d", _matrix(draw, 5, 5, 0, 9), _matrix(draw, 2, 2, -2, 3), args)


def _pool_padded(draw: Draw) -> HandProblem:
    args: dict[str, Any] = {"kernel_size": 2, "stride": 2, "padding": 1}
    if draw.between(1, 3) == 1:
        args["count_include_pad"] = False
        return HandProblem("AvgPool2d", _matrix(draw, 4, 4, 0, 20), args=args)
    return HandProblem(draw.among(["MaxPool2d", "AvgPool2d"]), _matrix(draw, 4, 4, -9, 20), args=args)


def _transposed(draw: Draw) -> HandProblem:
    """An image of two by two: with stride 1 or a larger kernel the kernels overlap."""
    size, stride = draw.among([(2, 1), (2, 2), (3, 1), (3, 2)])
    args = {"stride": stride} | draw.among([{}, {"padding": 1} if size == 3 else {}])
    args = {name: value for name, value in args.items() if (name, value) != ("stride", 1)}
    return HandProblem("ConvTranspose2d", _matrix(draw, 2, 2, 0, 9), _matrix(draw, size, size, -2, 3), args)


DRAWN: Mapping[int, Sequence[Callable[[Draw], HandProblem]]] = {
    1: (_conv2d, _conv2d, _conv1d, _pool, _pool1d),
    2: (_strided, _strided, _channels1d, _pool_strided),
    3: (_channels2d, _dilated, _pool_padded, _transposed, _transposed),
}
"""What is drawn at each level; what stands twice comes twice as often."""

ALL: tuple[Topic, ...] = (ByHand(),)
