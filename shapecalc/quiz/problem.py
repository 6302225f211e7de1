"""A problem, which is a spec and what is asked of it -> its answer with the formulas that it comes from.

Problems are what topics draw and what people write for `quiz answer`; `given()` is the form in which a master keeps
them, and `shapecalc.quiz.registry.problem_of` reads it. Every answer comes from the pipeline and the explanations; no
formula stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.explain.layer import Explained
from shapecalc.pipeline import check_text
from shapecalc.quiz.quantity import workings
from shapecalc.quiz.question import Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Tree
    from shapecalc.explain.words import Words
    from shapecalc.quiz.question import Value

RULES = ("SC0", "SC1", "SC2")
"""A question may be about a network of poor style."""


class Unsolvable(ValueError):
    """A problem without an answer, and why."""


class Solved:
    """An answer, one number for each working, and the layer that it is about (None for a whole network's)."""

    __slots__ = ("answer", "work", "workings")

    def __init__(self, workings: Sequence[Working], work: LayerWork | None, whole: bool) -> None:
        self.workings = list(workings)
        self.work = work
        if any(not isinstance(w.answer, int) for w in workings):
            raise Unsolvable(next((w.reason for w in workings if w.reason), "no number"))
        numbers: list[Any] = [w.answer for w in workings]
        self.answer: Value = tuple(numbers) if whole else numbers[0]

    @property
    def trees(self) -> list[Tree]:
        """The formulas; raises ValueError where there is none."""
        found = [w.tree for w in self.workings]
        if any(tree is None for tree in found):
            raise ValueError("no formula")
        return found  # type: ignore[return-value]

    def together(self, values: Sequence[Any]) -> Value:
        """Numbers in the form of the answer."""
        return tuple(values) if isinstance(self.answer, tuple) else values[0]

    def lines(self) -> list[Line]:
        """Formula, substitution, arithmetic and answer; sizes that only pass are left out."""
        found: dict[str, Line] = {}
        for working in self.workings:
            if len(self.workings) == 1 or not working.bare:
                found |= {line.text: line for line in written(working)}
        return list(found.values())

    def notes(self, say: Words) -> list[str]:
        """What was rounded, what decided between formulas, and what the letters stand for."""
        from shapecalc.explain.figures import shown

        found: dict[str, None] = {}
        for working in self.workings:
            block = shown(say, "", working)
            found |= dict.fromkeys([*block.notes, *([block.letters] if block.letters else [])])
        return list(found)


def written(working: Working) -> list[Line]:
    """The lines of one working, each equal to the one before."""
    if working.tree is None:
        return [Line(str(working.answer), str(working.answer))]
    lines = [Line(working.formula, working.formula_latex)]
    if not working.constant:
        lines.append(Line(f"= {working.substitution}", f"= {working.substitution_latex}"))
    if not working.bare:
        lines += [Line(f"= {step.text}", f"= {step.latex}") for step in working.steps]
    return lines


class Problem:
    """What is asked. Subclasses name the keys of their mapping in `keys`, by which the registry tells them apart."""

    keys: ClassVar[tuple[str, ...]]

    def given(self) -> dict[str, Any]:
        """The problem as a mapping that JSON can hold, from which the class makes it again."""
        return {key: getattr(self, key) for key in self.keys}

    def solve(self) -> dict[str, Solved]:
        """The values asked for, by name ("" for a single one). Raises Unsolvable with the reason."""
        raise NotImplementedError

    def right(self, values: Mapping[str, Value]) -> bool:
        """Whether values, by name, are an answer; where many are, whoever knows computes."""
        return all(values.get(name) == solved.answer for name, solved in self.solve().items())


class LayerProblem(Problem):
    """A figure of one layer: `what` is an axis, "shape", or any figure of `quantity`."""

    keys = ("spec", "layer", "what")

    def __init__(self, spec: str, layer: str, what: str) -> None:
        self.spec = spec
        self.layer = layer
        self.what = what

    def solve(self) -> dict[str, Solved]:
        work = layer_of(report_of(self.spec), self.layer)
        try:
            found = workings(work, self.what)
        except ValueError as error:
            raise Unsolvable(str(error)) from None
        return {"": Solved(found, work, self.what == "shape")}


def report_of(spec: str) -> Report:
    """The report of a spec; raises Unsolvable, with the place, where it has mistakes."""
    report = check_text(spec, select=RULES)
    if report.graph is None or not report.ok:
        first = next(d for d in report.diagnostics if d.severity == "error")
        line, _ = report.source.place(first.start)
        raise Unsolvable(f"line {line}: {first.code} {first.message}")
    return report


def layer_of(report: Report, path: str) -> LayerWork:
    """The layer at a path; raises Unsolvable with the nearest name where there is none."""
    from shapecalc.source.nearest import nearest

    try:
        return Explained(report).layer(report.layer(path).node)
    except KeyError:
        near = nearest(path, [layer.path for layer in report.layers])
        hint = f"; did you mean {near!r}?" if near else ""
        raise Unsolvable(f"no layer {path!r}{hint}") from None
