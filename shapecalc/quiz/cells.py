"""A network and a few of its figures -> a table to be filled in; a layer and conditions -> bytes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.analysis.costs import Conditions
from shapecalc.pipeline import check_text
from shapecalc.quiz.problem import RULES, Problem, Solved, Unsolvable, layer_of, report_of
from shapecalc.quiz.quantity import workings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.explain.layer import LayerWork
    from shapecalc.explain.steps import Working

FIGURES = ("shape", "params", "macs")


class TableProblem(Problem):
    """Figures of layers; a value goes by `layer.figure`. Zeros need not be asked for and are left out."""

    keys = ("spec", "layers", "figures")

    def __init__(self, spec: str, layers: Sequence[str], figures: Sequence[str] = FIGURES) -> None:
        self.spec = spec
        self.layers = list(layers)
        self.figures = list(figures)

    def solve(self) -> dict[str, Solved]:
        report = report_of(self.spec)
        return self.filled([layer_of(report, path) for path in self.layers])

    def filled(self, works: Sequence[LayerWork]) -> dict[str, Solved]:
        """The values of these layers. Raises Unsolvable."""
        found: dict[str, Solved] = {}
        for work in works:
            for figure in self.figures:
                solved = _solved(work, figure)
                if solved.answer != 0:
                    found[f"{work.node.path}.{figure}"] = solved
        if not found:
            raise Unsolvable("nothing but zeros in the table")
        return found


def _solved(work: LayerWork, figure: str) -> Solved:
    try:
        return Solved(workings(work, figure), work, figure == "shape")
    except ValueError as error:
        raise Unsolvable(f"{work.node.path}: {error}") from None


OUTPUT, WEIGHTS = "bytes", "param bytes"


class BytesProblem(Problem):
    """Bytes of a layer's output (`bytes`) or of its parameters (`param bytes`), for a batch and a dtype."""

    keys = ("spec", "layer", "what", "batch", "dtype")

    def __init__(self, spec: str, layer: str, what: str, batch: int, dtype: str) -> None:
        self.spec = spec
        self.layer = layer
        self.what = what
        self.batch = batch
        self.dtype = dtype

    def solve(self) -> dict[str, Solved]:
        try:
            conditions = Conditions(self.batch, self.dtype)
        except ValueError as error:
            raise Unsolvable(str(error)) from None
        report_of(self.spec)
        report = check_text(self.spec, select=RULES, batch_size=self.batch, dtype=self.dtype)
        work = layer_of(report, self.layer)
        if self.what not in (OUTPUT, WEIGHTS):
            raise Unsolvable(f"no figure {self.what!r}; a layer has {OUTPUT} and {WEIGHTS}")
        working = work.output_bytes() if self.what == OUTPUT else _weights(work, conditions.width("float32"))
        return {"": Solved([working], work, whole=False)}


def _weights(work: LayerWork, width: Any) -> Working:
    """Parameters times the bytes of each."""
    trace = work.trace
    count = sum(prod(shape) for shape in trace.plain_op.weights().values())

    def rule() -> Any:
        each = trace.letters.named(["b"], width, "bytes")
        return sum(prod(shape) for shape in trace.op.weights().values()) * each

    return trace.working("bytes", rule, count * width)
