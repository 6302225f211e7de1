"""Modules that each put together all that came before -> modules that hand on what they took with what they made.

DenseNet's layers take a list that grows. As `cat(a, b, c)` is `cat(cat(a, b), c)`, each may as well take one tensor,
and put its own result behind it: then all of them are alike. Names of modules stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.torchside.importing.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.torchside.importing.step import Value

MERGE = "Cat"


def grow(step: Step) -> None:
    """Rewrite each row of such modules that a list is handed through, where its last result is put together too."""
    for inner in step.steps:
        grow(inner)
    for row in _rows(step):
        last = _closing(step, row)
        if last is not None and _private(step, row, last):
            _rewrite(step, row, last)


def _rows(step: Step) -> list[list[Step]]:
    """Modules in order, of which each begins with putting together what the one before did, and what that gave."""
    rows: list[list[Step]] = []
    for inner in filter(_gathers, step.steps):
        before = rows[-1][-1] if rows else None
        if before is not None and before.cls is inner.cls and _same(_list(inner), [*_list(before), before.outputs[0]]):
            rows[-1].append(inner)
        else:
            rows.append([inner])
    return [row for row in rows if len(row) > 1]


def _gathers(step: Step) -> bool:
    """Whether a module takes tensors for nothing but to put them together first."""
    if step.op is not None or not step.steps or len(step.outputs) != 1:
        return False
    first = step.steps[0]
    taken = {id(v) for v in step.inputs}
    plain = first.op == MERGE and not first.path and _same(first.inputs, step.inputs) and not first.steps
    return plain and not any(id(v) in taken for v in _taken(step.steps[1:]))


def _list(step: Step) -> list[Value]:
    return step.steps[0].inputs


def _same(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _taken(steps: Sequence[Step]) -> Iterator[Value]:
    for step in steps:
        yield from step.inputs
        yield from _taken(step.steps)


def _closing(step: Step, row: Sequence[Step]) -> Step | None:
    """The call that puts all results of a row together, as the next module would."""
    whole, args = [*_list(row[-1]), row[-1].outputs[0]], row[-1].steps[0].args
    found = (s for s in step.steps if s.op == MERGE and not s.path and _same(s.inputs, whole) and s.args == args)
    return next(found, None)


def _private(step: Step, row: Sequence[Step], last: Step) -> bool:
    """Whether the results of a row go nowhere else."""
    results = {id(inner.outputs[0]) for inner in row}
    others = [s for s in step.steps if s not in row and s is not last]
    return not any(id(v) in results for v in [*_taken(others), *step.outputs])


def _rewrite(step: Step, row: Sequence[Step], last: Step) -> None:
    first = row[0].steps[0]
    flow = first.inputs[0]
    if len(first.inputs) > 1:
        flow = first.outputs[0]
        step.steps.insert(step.steps.index(row[0]), first)
    _replace(row[0].steps[1:], first.outputs[0], flow)
    following = [inner.steps[0].outputs[0] for inner in row[1:]] + last.outputs
    for inner, after in zip(row, following, strict=True):
        merge = Step("", MERGE, None, inner.steps[0].line)
        merge.args, merge.operands = inner.steps[0].args, [None, None]
        merge.inputs, merge.outputs = [flow, inner.outputs[0]], [after]
        inner.steps = [*inner.steps[1:], merge]
        inner.inputs, inner.names, inner.outputs = [flow], inner.names[:1], [after]
        flow = after
    step.steps.remove(last)


def _replace(steps: Sequence[Step], old: Value, new: Value) -> None:
    for step in steps:
        step.inputs = [new if v is old else v for v in step.inputs]
        _replace(step.steps, old, new)
