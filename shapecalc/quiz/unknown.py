"""A spec with unknown arguments and a figure that a layer is to have -> the arguments; every value is tried.

An unknown stands in the spec as `"?padding"`, a text. Whether a value is right is what the pipeline says of the spec
that has it; the working shows the layer's own formula put equal to what is wanted.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from shapecalc.explain.letters import axis_title
from shapecalc.explain.trace import batch_axis
from shapecalc.explain.tree import Number, evaluated, names, replaced
from shapecalc.explain.writing import latex, text
from shapecalc.quiz.problem import Problem, Solved, Unsolvable, layer_of, report_of
from shapecalc.quiz.quantity import workings
from shapecalc.quiz.question import Line, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Name, Tree
    from shapecalc.explain.words import Words
    from shapecalc.quiz.question import Value

FROM_ZERO = ("padding", "output_padding")
LARGEST = 24
"""Values beyond are not tried."""
EXAMPLES: Mapping[str, Sequence[int]] = {
    "kernel_size": (3, 2, 5, 4, 7, 1, 6, 8, 9, 11),
    "stride": (2, 1, 4, 3, 5),
    "padding": (1, 0, 2, 3, 4, 5),
    "output_padding": (0, 1, 2, 3),
    "dilation": (1, 2, 3, 4),
}
"""In which order values are tried where many are right and one is to be shown: the usual ones first."""


def filled(spec: str, values: Mapping[str, Any]) -> str:
    """The spec with values put in."""
    for name, value in values.items():
        spec = spec.replace(f'"?{name}"', str(value).replace("(", "[").replace(")", "]"))
    return spec


class _Trial:
    """A layer with its unknown arguments put in, and the figure that is looked at."""

    def __init__(self, spec: str, layer: str, what: str) -> None:
        self.work = layer_of(report_of(spec), layer)
        self.what = what
        sizes = _sizes(self.work)
        self.value: Value = sizes[what] if what in sizes else self._answer()

    @cached_property
    def workings(self) -> list[Working]:
        """How the figure comes about; a size is known without, and most trials are of no further interest."""
        try:
            return list(workings(self.work, self.what))
        except ValueError as error:
            raise Unsolvable(str(error)) from None

    def _answer(self) -> Value:
        answer = self.workings[0].answer
        if not isinstance(answer, int):
            raise Unsolvable(self.workings[0].reason)
        return answer


def _sizes(work: LayerWork) -> dict[str, Any]:
    """The sizes of the output by the names of its axes, and together as "shape"."""
    shape: Any = work.node.outputs[0].shape
    batch, rank = batch_axis(shape), getattr(work.node.op, "rank", 0)
    named = {axis_title(a, len(shape), rank, batch): size for a, size in enumerate(shape) if a != batch}
    return named | {"shape": tuple(named.values())}


class Sought(Solved):
    """The one value of an argument that gives a figure; `op` is the layer with it."""

    __slots__ = ("arriving", "op", "tried", "unknown", "wanted")

    def __init__(self, trial: _Trial, unknown: str, answer: int, wanted: Value, tried: Sequence[int]) -> None:
        super().__init__(trial.workings, None, isinstance(wanted, tuple))
        self.op = trial.work.trace.plain_op
        wire = trial.work.node.inputs[0]
        self.arriving: Any = None if wire is None else wire.shape
        self.answer = answer
        self.wanted = wanted
        self.unknown = unknown
        self.tried = [v for v in tried if abs(v - answer) <= 1]
        self.least = _first(unknown)

    def worked(self, rule: Callable[[Tree], Tree]) -> Value | None:
        """The first value that a changed formula gives the wanted figure for; None where it asks for none."""
        trees = [rule(tree) for tree in self.trees]
        letters = [{t for t, n in names(tree).items() if n.meaning == self.unknown} for tree in trees]
        if not any(letters):
            return None
        for value in range(self.least or 0, 4 * LARGEST):
            pairs = zip(trees, letters, strict=True)
            if all(evaluated(tree, dict.fromkeys(own, value)) == size for (tree, own), size in self._due(pairs)):
                return value
        return None

    def _due(self, items: Any) -> Iterator[tuple[Any, int]]:
        wanted = self.wanted if isinstance(self.wanted, tuple) else (self.wanted,)
        return zip(items, wanted, strict=True)  # type: ignore[arg-type]

    def lines(self, say: Words) -> list[Line]:
        """The formula put equal to what is wanted, the numbers put in, what neighbours give, and the value."""
        found = [line for working, size in self._due(self.workings) for line in self._equation(working, size)]
        letter = self._letter()
        return [*found, Line(f"{text(letter)} = {self.answer}", f"{latex(letter)} = {self.answer}")]

    def _letter(self) -> Name:
        letters = [n for w in self.workings for n in w.letters if n.meaning == self.unknown]
        if not letters:
            raise Unsolvable(f"the formula does not know {self.unknown}")
        return letters[0]

    def _equation(self, working: Working, size: int) -> Iterator[Line]:
        tree = working.tree
        own = next((n for n in working.letters if n.meaning == self.unknown), None)
        if tree is None or own is None:
            return
        partly = replaced(tree, lambda n: n if n.meaning == self.unknown else Number(n.value))
        for step in (tree, partly):
            yield Line(f"{text(step)} = {size}", f"{latex(step)} = {size}")
        for value in self.tried:
            put = replaced(partly, lambda n, v=value: Number(v))  # type: ignore[misc]
            yield Line(
                f"{text(own)} = {value}: {text(put)} = {put.value}",
                rf"{latex(own)} = {value}: \quad {latex(put)} = {put.value}",
            )

    def notes(self, say: Words) -> list[str]:
        """What the letters stand for, without the value that is asked for."""
        from shapecalc.explain.figures import meaning

        letters = {n.text: n for w in self.workings for n in w.letters if n.meaning and n.meaning != self.unknown}
        own = self._letter()
        told = [f"{own.text}: {meaning(say, own.meaning)}"]
        return [", ".join([*(f"{n.text} = {n.value} ({meaning(say, n.meaning)})" for n in letters.values()), *told])]


def _first(unknown: str) -> int:
    return 0 if unknown in FROM_ZERO else 1


class UnknownProblem(Problem):
    """The one value of an argument, `"?padding"` in the spec, that gives a layer the wanted figure."""

    keys = ("spec", "layer", "unknown", "what", "wanted")

    def __init__(self, spec: str, layer: str, unknown: str, what: str, wanted: Any) -> None:
        self.spec = spec
        self.layer = layer
        self.unknown = unknown
        self.what = what
        self.wanted = wanted

    def solve(self) -> dict[str, Solved]:
        values = range(_first(self.unknown), LARGEST + 1)
        trials = {values[n]: trial for n, trial in _trials(self, [{self.unknown: v} for v in values])}
        wanted = _value(self.wanted)
        right = [n for n, trial in trials.items() if trial.value == wanted]
        if len(right) != 1:
            raise Unsolvable(f"{len(right) or 'no'} values of {self.unknown} give {shown(wanted)}")
        found = Sought(trials[right[0]], self.unknown, right[0], wanted, list(trials))
        found._letter()
        return {"": found}


class ReverseProblem(Problem):
    """Values of several arguments, `"?kernel_size"` and so on in the spec, that give a layer the wanted figure."""

    keys = ("spec", "layer", "unknowns", "what", "wanted")

    def __init__(self, spec: str, layer: str, unknowns: Sequence[str], what: str, wanted: Any) -> None:
        self.spec = spec
        self.layer = layer
        self.unknowns = list(unknowns)
        self.what = what
        self.wanted = wanted

    def solve(self) -> dict[str, Solved]:
        """One example, found by trying the usual values."""
        usual = [EXAMPLES.get(name, range(1, 9)) for name in self.unknowns]
        choices = [dict(zip(self.unknowns, values, strict=True)) for values in product(*usual)]
        wanted = _value(self.wanted)
        for n, trial in _trials(self, choices):
            if trial.value == wanted:
                return {name: Example(trial, choices[n], name, name == self.unknowns[0]) for name in self.unknowns}
        raise Unsolvable(f"none of the usual values of {', '.join(self.unknowns)} gives {shown(wanted)}")

    def right(self, values: Mapping[str, Value]) -> bool:
        """Whether the layer with these values has the wanted figure."""
        given = {name: values.get(name) for name in self.unknowns}
        if not all(_whole(value) for value in given.values()):
            return False
        try:
            return _Trial(filled(self.spec, given), self.layer, self.what).value == _value(self.wanted)
        except Unsolvable:
            return False


class Example(Solved):
    """One value of several that together are an answer; the first of them shows that they are."""

    __slots__ = ("name", "reached", "telling", "values")

    def __init__(self, trial: _Trial, values: Mapping[str, int], name: str, telling: bool) -> None:
        super().__init__(trial.workings, None, len(trial.workings) > 1)
        self.reached = Solved(trial.workings, None, len(trial.workings) > 1)
        self.answer = values[name]
        self.work = trial.work
        self.name = name
        self.values = values
        self.telling = telling
        self.least = _first(name)

    @property
    def trees(self) -> list[Tree]:
        """None: where many values are right, none is a mistake."""
        raise ValueError("many values are right")

    def lines(self, say: Words) -> list[Line]:
        if not self.telling:
            return [_named({self.name: self.values[self.name]})]
        return [_named(self.values), *self.reached.lines(say)]

    def notes(self, say: Words) -> list[str]:
        return self.reached.notes(say) if self.telling else []


def _named(values: Mapping[str, int]) -> Line:
    told = ", ".join(f"{name} = {value}" for name, value in values.items())
    escaped = told.replace("_", r"\_")
    return Line(told, rf"\text{{{escaped}}}")


def _trials(
    problem: UnknownProblem | ReverseProblem, choices: Sequence[Mapping[str, int]]
) -> Iterator[tuple[int, _Trial]]:
    """What the layer is with each choice that can be; raises Unsolvable with the reason where none can."""
    reason = None
    any_one = False
    for n, values in enumerate(choices):
        try:
            trial = _Trial(filled(problem.spec, values), problem.layer, problem.what)
        except Unsolvable as error:
            reason = error
            continue
        any_one = True
        yield n, trial
    if not any_one and reason is not None:
        raise reason


def _value(wanted: Any) -> Value:
    return tuple(wanted) if isinstance(wanted, list | tuple) else wanted


def _whole(value: Any) -> bool:
    """Whether a value is a whole number, or one for each axis; 10**6 is more than any layer has."""
    if isinstance(value, tuple):
        return bool(value) and all(map(_whole, value))
    return type(value) is int and 0 <= value <= 10**6
