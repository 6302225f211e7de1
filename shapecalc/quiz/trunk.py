"""A trunk of layers before a Linear -> how many features arrive there, worked out layer by layer from the input."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.explain.chain import chain
from shapecalc.explain.figures import say_axis
from shapecalc.explain.layer import Explained
from shapecalc.explain.steps import Working
from shapecalc.explain.trace import Trace, batch_axis
from shapecalc.ops.op import Pointwise
from shapecalc.quiz.problem import Problem, Solved, Unsolvable, layer_of, report_of
from shapecalc.quiz.question import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapecalc.explain.chain import Link
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.tree import Tree
    from shapecalc.explain.words import Words
    from shapecalc.ops.op import Operator
    from shapecalc.quiz.question import Value


class Features(Solved):
    """The features that arrive, with the layers that changed the shape on the way, the first of them first.

    `shapes` are the sizes before each of them and behind the last, without the batch; `ops` are all layers that could
    change a shape, those too that do not here.
    """

    __slots__ = ("batch", "links", "ops", "shapes", "start")

    def __init__(self, links: Sequence[Link], work: LayerWork) -> None:
        last = links[-1].workings[-1] if links[-1].workings else Working("in_features", links[-1].after[-1])
        super().__init__([last], None, whole=False)
        self.work = work
        self.links = list(links)
        self.ops = [op for op in _row(work) if not isinstance(op, Pointwise)]
        self.batch = batch_axis(links[0].before)
        sized = work.explained.report.conditions.sized
        self.start: Any = sized(links[0].before)
        self.shapes = [self._plain(link.before) for link in links] + [self._plain(links[-1].after)]

    def _plain(self, shape: Any) -> tuple[int, ...]:
        return tuple(size for axis, size in enumerate(shape) if axis != self.batch)

    @property
    def trees(self) -> list[Tree]:
        """None for all together: a changed rule is put through every layer (see `worked`)."""
        raise ValueError("a formula for each layer")

    def worked(self, rule: Callable[[Tree], Tree]) -> Value | None:
        """The features where the rule changes the formulas of every layer, each from the sizes that then arrive."""
        shape: Any = self.start
        for op in self.ops:
            sizes = Trace(type(op)(op.given, shape), [shape], self.batch).sizes()
            shape = tuple(_changed(w, rule, axis == self.batch) for axis, w in enumerate(sizes))
            if any(size <= 0 for size in shape):
                return None
        features: int = shape[-1]
        return features

    def lines(self, say: Words) -> list[Line]:
        """Each layer's new sizes on a line, and the features."""
        found = [_line(f"{link.node.path}: {names}", w) for link in self.links for names, w in _together(link, say)]
        return [*found, Line(f"in_features = {self.answer}", rf"\mathrm{{in\_features}} = {self.answer}")]

    def notes(self, say: Words) -> list[str]:
        """What was rounded; the letters stand for something else in each layer."""
        told = [
            say("{top}/{bottom} = {quotient}, rounded down", top=top, bottom=bottom, quotient=f"{top / bottom:.6g}")
            for link in self.links
            for w in link.workings
            for top, bottom in w.roundings
        ]
        return list(dict.fromkeys(told))


def _row(work: LayerWork) -> list[Operator]:
    """The layers before this one, the first of them first. Raises Unsolvable where they are no row."""
    found = []
    wires = work.node.inputs
    while wires and wires[0] is not None and wires[0].node is not None:
        node = wires[0].node
        if len(node.inputs) != 1 or node.op is None:
            raise Unsolvable(f"{node.path} has {len(node.inputs)} inputs: a row of layers is due")
        found.append(node.op)
        wires = node.inputs
    return found[::-1]


def _changed(working: Working, rule: Callable[[Tree], Tree], batch: bool) -> Any:
    if batch or working.tree is None or working.bare:
        return working.answer
    return rule(working.tree).value


def _together(link: Link, say: Words) -> Iterator[tuple[str, Working]]:
    """The new sizes under the names of the axes; a size that an argument gives is a number for all to see."""
    sizes = [w for w in link.workings if not w.bare]
    yield from ((say_axis(say, w.quantity), w) for w in sizes)


def _line(label: str, working: Working) -> Line:
    """ "pool: height: (i - k)//s + 1 = (13 - 3)//2 + 1 = 6" """
    text = dict.fromkeys([working.formula, working.substitution, str(working.answer)])
    latex = dict.fromkeys([working.formula_latex, working.substitution_latex, str(working.answer)])
    escaped = label.replace("_", r"\_")
    return Line(f"{label}: {' = '.join(text)}", rf"\text{{{escaped}: }} {' = '.join(latex)}")


class FeaturesProblem(Problem):
    """What a fully connected layer must have for `in_features`; its trunk is a row of layers."""

    keys = ("spec", "in_features_of")

    def __init__(self, spec: str, in_features_of: str) -> None:
        self.spec = spec
        self.in_features_of = in_features_of

    def solve(self) -> dict[str, Solved]:
        report = report_of(self.spec)
        work = layer_of(report, self.in_features_of)
        node = work.node
        links = list(chain(Explained(report), node.inputs[0] if node.inputs else None))[::-1]
        answer = getattr(node.op, "in_features", None)
        if not isinstance(answer, int) or not links:
            raise Unsolvable(f"{self.in_features_of} is no Linear behind layers that change the shape")
        if not all(link.workings for link in links):
            raise Unsolvable("a layer's sizes have no formula")
        found = Features(links, work)
        if found.answer != answer:
            raise Unsolvable(f"{self.in_features_of} gets more than the last axis")
        return {"": found}


def cells(shape: Sequence[int]) -> int:
    """The positions of a map: its sizes without the channels."""
    return prod(shape[1:])
