"""Several layers and a figure -> its total, or the difference of two networks, with a working that adds up the layers.

The formulas are those of the layers; here they are only put side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.explain.layer import Explained
from shapecalc.explain.steps import Working
from shapecalc.explain.traced import Journal, traced
from shapecalc.explain.tree import SUM, Number, Work
from shapecalc.quiz.problem import Problem, Solved, Unsolvable, labelled, report_of
from shapecalc.quiz.quantity import workings
from shapecalc.quiz.question import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.words import Words

TOTALS = ("params", "macs", "flops", "buffers")
"""Figures of a layer that add up over a network."""


class Part:
    """What one layer adds to a total, or, where `sign` is -1, takes from it."""

    __slots__ = ("sign", "work", "working")

    def __init__(self, sign: int, work: LayerWork, working: Working) -> None:
        self.sign = sign
        self.work = work
        self.working = working

    @property
    def value(self) -> int:
        value = self.working.answer
        assert isinstance(value, int)
        return value


class Total(Solved):
    """A sum over layers; a layer that adds nothing is left out."""

    __slots__ = ("parts",)

    def __init__(self, quantity: str, parts: Sequence[Part]) -> None:
        self.parts = [p for p in parts if p.working.answer != 0]
        if not self.parts:
            raise Unsolvable(f"no layer has {quantity}")
        super().__init__([_together(quantity, self.parts)], None, whole=False)

    def lines(self, say: Words) -> list[Line]:
        """Each layer on a line, and the sum."""
        found = [_line(p) for p in self.parts]
        if len(found) > 1:
            signs = ["-" if p.sign < 0 else "+" for p in self.parts]
            values = [str(p.value) for p in self.parts]
            total = values[0] + "".join(f" {s} {v}" for s, v in zip(signs[1:], values[1:], strict=True))
            found += [Line(total, total), Line(f"= {self.answer}", f"= {self.answer}")]
        return found

    def notes(self, say: Words) -> list[str]:
        """What decided between formulas; the letters stand for something else in each layer."""
        return [say("because {case}", case=c) for c in dict.fromkeys(c for p in self.parts for c in p.working.cases)]


def _together(quantity: str, parts: Sequence[Part]) -> Working:
    for part in parts:
        if not isinstance(part.working.answer, int):
            why = part.working.reason or f"{part.working.answer} is no number"
            raise Unsolvable(f"{part.work.node.path}: {why}")
    trees = [p.working.tree or Number(p.value) for p in parts]
    return Working(quantity, traced(Work(SUM, trees, [p.sign for p in parts]), Journal()))


def _line(part: Part) -> Line:
    """ "conv: C_out*C_in + C_out = 8*4 + 8 = 40" """
    working, path = part.working, part.work.node.path
    text, latex = [str(working.answer)], [str(working.answer)]
    if working.tree is not None and not working.constant:
        text = [working.formula, working.substitution, *text]
        latex = [working.formula_latex, working.substitution_latex, *latex]
    line = Line(" = ".join(dict.fromkeys(text)), " = ".join(dict.fromkeys(latex)))
    return labelled(path, [line])[0]


def parts_of_network(spec: str, quantity: str, sign: int = 1) -> Iterator[Part]:
    """What every layer of a spec adds. Raises Unsolvable for a figure that does not add up."""
    if quantity not in TOTALS:
        raise Unsolvable(f"no total {quantity!r}; a network has {', '.join(TOTALS)}")
    report = report_of(spec)
    explained = Explained(report)
    for layer in report.layers:
        work = explained.layer(layer.node)
        (working,) = workings(work, quantity)
        yield Part(sign, work, working)


class TotalProblem(Problem):
    """A figure of a whole network: its `params`, `macs`, `flops` or `buffers`."""

    keys = ("spec", "total")

    def __init__(self, spec: str, total: str) -> None:
        self.spec = spec
        self.total = total

    def solve(self) -> dict[str, Solved]:
        return {"": Total(self.total, list(parts_of_network(self.spec, self.total)))}


class DifferenceProblem(Problem):
    """How much more of a figure a network has than another."""

    keys = ("spec", "other", "total")

    def __init__(self, spec: str, other: str, total: str) -> None:
        self.spec = spec
        self.other = other
        self.total = total

    def solve(self) -> dict[str, Solved]:
        own, others = parts_of_network(self.spec, self.total), parts_of_network(self.other, self.total, -1)
        return {"": Total(self.total, [*own, *others])}
