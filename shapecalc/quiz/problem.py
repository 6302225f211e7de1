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
from shapecalc.quiz.question import Line, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Name, Tree
    from shapecalc.explain.words import Words
    from shapecalc.quiz.question import Value

RULES = ("SC0", "SC1", "SC2")
"""A question may be about a network of poor style."""


class Unsolvable(ValueError):
    """A problem without an answer, and why."""


class Solved:
    """An answer, one number for each working, and the layer that it is about (None for a whole network's).

    `least` is the smallest number that somebody could take for an answer, None where there is none.
    """

    __slots__ = ("answer", "least", "work", "workings")

    def __init__(self, workings: Sequence[Working], work: LayerWork | None, whole: bool) -> None:
        self.workings = list(workings)
        self.work = work
        self.least: int | None = 1
        for w in workings:
            if not isinstance(w.answer, int):
                raise Unsolvable(w.reason or f"{w.quantity}: {w.answer} is no number")
        numbers: list[Any] = [w.answer for w in workings]
        self.answer: Value = tuple(numbers) if whole else numbers[0]

    @property
    def trees(self) -> list[Tree]:
        """The formulas; raises ValueError where there is none."""
        found = [w.tree for w in self.workings]
        if any(tree is None for tree in found):
            raise ValueError("no formula")
        return found  # type: ignore[return-value]

    def worked(self, rule: Callable[[Tree], Tree]) -> Value | None:
        """The answer where the formulas are others; raises ValueError where there is none."""
        return self.together([rule(tree).value for tree in self.trees])

    def together(self, values: Sequence[Any]) -> Value:
        """Numbers in the form of the answer."""
        return tuple(values) if isinstance(self.answer, tuple) else values[0]

    def lines(self, say: Words) -> list[Line]:
        """Formula, substitution, arithmetic and answer; of several numbers each under its name."""
        if len(self.workings) == 1:
            return written(self.workings[0])
        found = [line for names, working in self._groups(say) for line in labelled(names, written(working))]
        return [*found, Line(shown(self.answer), r" \times ".join(str(w.answer) for w in self.workings))]

    def notes(self, say: Words) -> list[str]:
        """What was rounded, what decided between formulas, and what the letters stand for, each said once."""
        from shapecalc.explain import figures

        if len(self.workings) == 1:
            block = figures.shown(say, "", self.workings[0])
            return [*block.notes, *([block.letters] if block.letters else [])]
        groups = self._groups(say)
        blocks = [note for _, w in groups for note in figures.shown(say, "", w).notes]
        return [*dict.fromkeys(blocks), *letters_of(groups, say)]

    def _groups(self, say: Words) -> list[tuple[str, Working]]:
        """Workings under the names of all axes that are worked out alike; sizes that only pass are left out."""
        from shapecalc.explain.figures import say_axis

        found: dict[tuple[str, str], tuple[list[str], Working]] = {}
        for w in self.workings:
            if not w.bare:
                names, _ = found.setdefault((w.formula, w.substitution), ([], w))
                names.append(say_axis(say, w.quantity))
        return [(", ".join(names), w) for names, w in found.values()]


def letters_of(groups: Sequence[tuple[str, Working]], say: Words) -> list[str]:
    """What the letters of several workings stand for: those of all alike once, others under the working's name."""
    from shapecalc.explain.figures import meaning

    def told(name: Name) -> str:
        word = meaning(say, name.meaning)
        return f"{name.text} = {name.value}" + (f" ({word})" if word != name.text else "")

    texts = {names: [told(letter) for letter in w.letters if letter.meaning] for names, w in groups}
    alike = [text for text in dict.fromkeys(t for each in texts.values() for t in each)
             if all(text in each for each in texts.values())]  # fmt: skip
    own = [f"{names}: {', '.join(t for t in each if t not in alike)}" for names, each in texts.items()
           if any(t not in alike for t in each)]  # fmt: skip
    return [*([", ".join(alike)] if alike else []), *own]


def labelled(label: str, lines: Sequence[Line]) -> list[Line]:
    """The lines with a label before the first."""
    first, *more = lines
    escaped = label.replace("_", r"\_")
    return [Line(f"{label}: {first.text}", rf"\text{{{escaped}: }} {first.latex}"), *more]


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
    optional: ClassVar[tuple[str, ...]] = ()
    """Further keys, which may be left out; None is then their value."""

    def given(self) -> dict[str, Any]:
        """The problem as a mapping that JSON can hold, from which the class makes it again."""
        further = {key: getattr(self, key) for key in self.optional if getattr(self, key) is not None}
        return {key: getattr(self, key) for key in self.keys} | further

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
