"""Layers in a row -> what one position behind them sees of the input, layer by layer.

The recurrence is that of the explanations: each layer's own step on the field and the jump of the layer before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.explain.layer import Explained
from shapecalc.explain.tree import evaluated
from shapecalc.quiz.problem import Problem, Solved, Unsolvable, labelled, layer_of, report_of
from shapecalc.quiz.question import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapecalc.analysis.report import Report
    from shapecalc.explain.field import AxisField
    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Tree
    from shapecalc.explain.words import Words
    from shapecalc.graph.graph import Node

FIELD, JUMP = "field", "jump"


class Link:
    """One layer that widens the field: its path and the workings of field and jump, from those before (R and J)."""

    __slots__ = ("jump", "path", "size")

    def __init__(self, path: str, size: Working, jump: Working) -> None:
        self.path = path
        self.size = size
        self.jump = jump

    @property
    def trees(self) -> tuple[Tree, Tree]:
        """The formulas of field and jump; raises ValueError where there is none."""
        if self.size.tree is None or self.jump.tree is None:
            raise ValueError("no formula")
        return self.size.tree, self.jump.tree


class Seen(Solved):
    """A field or a jump with all the layers that it comes from."""

    __slots__ = ("links", "sought")

    def __init__(self, links: list[Link], sought: str, work: LayerWork) -> None:
        self.links = links
        self.sought = sought
        super().__init__([links[-1].size if sought == FIELD else links[-1].jump], work, whole=False)

    def lines(self, say: Words) -> list[Line]:
        return [line for link in self.links for line in _lines(link, self.sought, last=link is self.links[-1])]

    def notes(self, say: Words) -> list[str]:
        return [
            say("R is what a value sees, J how far apart two neighbours see; before the first layer both are 1."),
            say("k, s and d are kernel_size, stride and dilation of the layer."),
        ]

    def again(self, step: Callable[[Tree, Tree, int, int], tuple[int, int]]) -> int:
        """The answer where every layer's step is another one: from trees, R and J to the next R and J."""
        field = jump = 1
        for link in self.links:
            field, jump = step(*link.trees, field, jump)
        return field if self.sought == FIELD else jump


def stepped(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    """The step as it should be."""
    values = {"R": field, "J": before}
    return evaluated(size, values), evaluated(jump, values)  # type: ignore[return-value]


def _lines(link: Link, sought: str, *, last: bool) -> Iterator[Line]:
    """Field and jump behind a layer, as far as they are wanted there: behind the last one only what is sought."""
    wanted = [("R", link.size)] if sought == FIELD else []
    jump = [] if last and sought == FIELD else [("J", link.jump)]
    for letter, working in [*wanted, *jump]:
        text = [working.formula, working.substitution, str(working.answer)]
        latex = [working.formula_latex, working.substitution_latex, str(working.answer)]
        line = Line(" = ".join(dict.fromkeys(text)), " = ".join(dict.fromkeys(latex)))
        yield labelled(link.path, [Line(f"{letter} <- {line.text}", rf"{letter} \leftarrow {line.latex}")])[0]


class FieldProblem(Problem):
    """What a layer sees of the input, its `field`, or the distance of two neighbours' fields, its `jump`."""

    keys = ("spec", "layer", "seen")

    def __init__(self, spec: str, layer: str, seen: str) -> None:
        self.spec = spec
        self.layer = layer
        self.seen = seen

    def solve(self) -> dict[str, Solved]:
        if self.seen not in (FIELD, JUMP):
            raise Unsolvable(f"no figure {self.seen!r}; a layer has {FIELD} and {JUMP}")
        report = report_of(self.spec)
        work = layer_of(report, self.layer)
        return {"": Seen(_links(report, work.node), self.seen, work)}


def _links(report: Report, last: Node) -> list[Link]:
    """The layers from the input to the last that read more than one position or jump."""
    explained, found = Explained(report), []
    node: Node | None = last
    while node is not None:
        axis = next(iter(explained.layer(node).fields()), None)
        link = None if axis is None else _link(node.path, axis)
        if link is not None:
            found.append(link)
        wires = [w for w in node.inputs if w is not None]
        if len(wires) != 1:
            raise Unsolvable(f"{node.path} has {len(wires)} inputs: a chain of layers is due")
        node = wires[0].node
    if not found:
        raise Unsolvable(f"{last.path} and the layers before it see one position")
    return found[::-1]


def _link(path: str, axis: AxisField) -> Link | None:
    """None for a layer that sees what the one before does."""
    if axis.jump is None or axis.size.answer is None:
        raise Unsolvable(f"{path}: {axis.size.reason or 'its field has no jump'}")
    if axis.size.tree is None and axis.before is None:
        return None
    return Link(path, axis.size, axis.jump)
