"""A rewritten spec whose `expect` states the figures of the old network -> the text with those of the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.analysis.record import plain
from shapecalc.graph.document import with_batch
from shapecalc.graph.values import param_value
from shapecalc.lint.fix import edited
from shapecalc.rewrite.change import flow
from shapecalc.source.located import Items, Pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.source.edit import Edit
    from shapecalc.source.located import Node

    Measure = Callable[[Mapping[str, Any]], Report | None]

BROKEN = "SC501"


def updated(report: Report, measure: Measure) -> str:
    """The text in which each broken expectation that can be stated anew is.

    `measure` gives the report under further settings; None where the rewrite is not right for those.
    """
    broken = [(d.start, d.end) for d in report.diagnostics if d.code == BROKEN]
    if not broken or report.graph is None:
        return report.source.text
    wanted = [*_of_layers(report), *_of_cases(report, measure, broken)]
    edits = [edit for node, edit in wanted if edit is not None and _hit(node, broken)]
    return edited(report.source.text, {edit[:2]: edit for edit in edits}.values())


def _hit(node: Node, broken: Sequence[tuple[int, int]]) -> bool:
    return any(node.start <= start and end <= node.end for start, end in broken)


def _of_layers(report: Report) -> Iterator[tuple[Node, Edit | None]]:
    assert report.graph is not None
    for expectation in report.graph.expectations:
        value, maker = expectation.value, expectation.wire.node
        for key, node in value.pairs if isinstance(value, Pairs) else ():
            layers = report.layers[expectation.first : expectation.last]
            if key.text == "shape":
                yield node, _shape(report, node, expectation.wire.shape)
            elif key.text == "receptive_field":
                yield node, _field(node, None if maker is None else report.layers[maker.index].receptive_field)
            else:
                figures = [getattr(layer, key.text, None) for layer in layers]
                yield node, None if None in figures else _number(node, sum(figures))


def _of_cases(
    report: Report, measure: Measure, broken: Sequence[tuple[int, int]]
) -> Iterator[tuple[Node, Edit | None]]:
    assert report.graph is not None
    expect = report.graph.spec.expect
    for case in expect.items if isinstance(expect, Items) else [expect]:
        if not isinstance(case, Pairs) or not _hit(case, broken):
            continue
        chosen = case.get("set")
        pairs = chosen.pairs if isinstance(chosen, Pairs) else []
        ours = measure({key.text: param_value(value, report.graph.env) for key, value in pairs}) if pairs else report
        if ours is not None:
            yield from ((node, _total(ours, key.text, node)) for key, node in case.pairs)


def _total(report: Report, key: str, node: Node) -> Edit | None:
    if key in ("set", "sizes") or report.graph is None:
        return None
    if key == "receptive_field":
        return _field(node, report.totals.receptive_field)
    if key != "output":
        return _number(node, getattr(report.totals, key, None))
    shapes = [wire.shape for wire in report.graph.outputs]
    return _shape(report, node, shapes[0]) if len(shapes) == 1 else None


def _number(node: Node, value: Any) -> Edit | None:
    return (node.start, node.end, str(value)) if type(value) is int else None


def _field(node: Node, field: Any) -> Edit | None:
    sizes = [] if field is None else [plain(size) for size in field.size]
    if not sizes or any(not isinstance(size, int) and size != "all" for size in sizes):
        return None
    text = str(sizes[0]) if len(set(sizes)) == 1 else f"[{', '.join(map(str, sizes))}]"
    return node.start, node.end, text


def _shape(report: Report, node: Node, shape: Any) -> Edit | None:
    """The sizes that were written as they were, those that come anew as numbers, those that go left out."""
    if shape is None or not isinstance(node, Items):
        return None
    implied = shape[:1] == with_batch(())
    sizes = [plain(size) for size in (shape[1:] if implied else shape)]
    old = [flow(report.source, item) for item in node.items]
    kept = old[: len(sizes)] if len(old) != len(sizes) else []
    texts = [*kept, *map(str, sizes[len(kept) :])]
    return node.start, node.end, f"[{', '.join(texts)}]"
