"""Columns -> what each takes, as a spec says it: nothing for the flow, else a name that is in sight.

A source is written down as the values that it holds in each use. Where a column is absent it stands for its input, so a
name serves if it holds the right value in every use that asks. Knows nothing of arguments and text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.ops.registry import find
from shapecalc.torchside.importing.tree import free_name, snake, stands_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.torchside.importing.align import Column
    from shapecalc.torchside.importing.step import Value

    Holds = tuple["Value | None", ...]


class Unfit(Exception):
    """Uses that cannot be one block, or a group that cannot stand where it does; the text says why."""


class Known:
    """What a name stands for: what each output holds, and the names inside where it is a sequence."""

    __slots__ = ("column", "equals", "members", "outputs")

    def __init__(self, outputs: list[Holds], column: Column | None, members: Scope | None, equals: bool) -> None:
        self.outputs = outputs
        self.column = column
        self.members = members
        self.equals = equals


class Scope:
    """The names of one sequence while it is walked; `given` is what it was given, `inputs` the names of a block's."""

    __slots__ = ("asked", "given", "inputs", "listed", "names", "outer")

    def __init__(self, given: Holds, outer: Scope | None, listed: bool) -> None:
        self.given = given
        self.outer = outer
        self.listed = listed
        self.names: dict[str, Known] = {}
        self.inputs: dict[str, Holds] = {}
        self.asked = False
        """Whether an input is called by its name, so that it must be declared."""


def wire(columns: Sequence[Column], scope: Scope, outputs: Sequence[Holds], flow: Holds | None) -> list[str]:
    """Write into each column what it takes; the names of what the block gives, none where that is the last value.

    Raises Unfit where something is out of sight.
    """
    flow = _walk(columns, scope, flow)
    if len(outputs) == 1 and flow is not None and _serves(outputs[0], flow) and not _gives_more(columns):
        return []
    return [_name(wanted, scope)[0] for wanted in outputs]


def _gives_more(columns: Sequence[Column]) -> bool:
    """Whether the last layer of all has further results, which would be outputs too if nothing were said."""
    last = next((c for c in reversed(columns) if not stands_by(c.op)), None)
    if last is None or last.group:
        return last is not None and _gives_more(last.children)
    return len(last.any.outputs) > 1


def _walk(columns: Sequence[Column], scope: Scope, flow: Holds | None) -> Holds | None:
    """What the flow holds behind the columns; None behind equal outputs, of which none is the flow."""
    for column in columns:
        flow = _column(column, scope, flow)
    return flow


def _column(column: Column, scope: Scope, flow: Holds | None) -> Holds | None:
    if stands_by(column.op):
        scope.names[column.name] = Known([_outputs(column, 0)], column, None, False)
        return flow
    sources = _sources(column, scope, flow)
    members = _inside(column, scope, sources[0]) if column.group else None
    if column.group and not column.any.outputs:  # learned tensors alone, which leave the flow as it was
        scope.names[_key(column, scope)] = Known([], column, members, False)
        return flow
    stand = _stand_in(column, sources, flow)
    count = len(column.any.outputs)
    outputs = [_where_present(column, _outputs(column, n), None if n else stand) for n in range(count)]
    op = column.op
    equals = isinstance(op, str) and bool(op) and not column.any.use and find(op).equals and count > 1
    scope.names[_key(column, scope)] = Known(outputs, column, members, equals)
    return None if equals else outputs[0]


def _key(column: Column, scope: Scope) -> str:
    return f"#{id(column)}" if scope.listed and column.name.isdigit() else column.name


def _outputs(column: Column, n: int) -> Holds:
    if any(n >= len(p.outputs) for p in column.uses.values()):
        raise Unfit("uses have other numbers of outputs")
    return tuple(column.uses[i].outputs[n] if i in column.uses else None for i in range(column.count))


def _where_present(column: Column, own: Holds, stand: Holds | None) -> Holds:
    return tuple(own[i] if i in column.uses else None if stand is None else stand[i] for i in range(column.count))


def _sources(column: Column, scope: Scope, flow: Holds | None) -> list[Holds]:
    """What each input holds in each use; the names are written into the column."""
    lengths = {1 if column.group else len(p.inputs) for p in column.uses.values()}
    if len(lengths) > 1:
        raise Unfit("uses have other numbers of inputs")
    wanted = [tuple(_input(column, i, n) for i in range(column.count)) for n in range(lengths.pop())]
    if len(wanted) == 1 and flow is not None and _serves(wanted[0], flow):
        column.refs = [None]
        return [flow]
    found = [_name(w, scope) for w in wanted]
    column.refs = [name for name, _ in found]
    if flow is not None and len(wanted) > 1:
        column.wiring["first_is_flow"] = _serves(wanted[0], flow)
    return [holds for _, holds in found]


def _input(column: Column, use: int, n: int) -> Value | None:
    """Input n in a use; None where it is absent, or a group that takes nothing from outside."""
    piece = column.uses.get(use)
    return None if piece is None or (piece.group and not piece.inputs) else piece.inputs[n]


def _inside(column: Column, scope: Scope, given: Holds) -> Scope:
    inner = Scope(given, scope, column.any.listed)
    column.scope = inner
    flow = _walk(column.children, inner, given)
    if not column.any.outputs:
        return inner
    wanted = _outputs(column, 0)
    if flow is None or not _serves(wanted, flow):
        raise Unfit(f"{column.any.path or column.name} gives another value than its last one")
    return inner


def _stand_in(column: Column, sources: Sequence[Holds], flow: Holds | None) -> Holds | None:
    """What stands for a column in the uses that lack it."""
    if len(column.uses) == column.count:
        return None
    if len(sources) == 1:
        return sources[0]
    absent = [i for i in range(column.count) if i not in column.uses]
    if flow is None or any(all(s[i] is not flow[i] for s in sources) for i in absent):
        raise Unfit(f"{column.name} has several inputs, none of which is the flow where it is left out")
    return flow


def _serves(wanted: Holds, held: Holds) -> bool:
    return all(w is None or w is h for w, h in zip(wanted, held, strict=True))


def _name(wanted: Holds, scope: Scope) -> tuple[str, Holds]:
    """A name in sight that holds what is wanted, and all that it holds. Raises Unfit."""
    for name, held in _seen(wanted, scope):
        return name, held
    value = next(v for v in wanted if v is not None)
    if value.weight:
        raise Unfit(f"{value.weight} is used outside of the layer that it belongs to")
    raise Unfit(f"a value of shape {list(value.shape)} is out of sight")


def _seen(wanted: Holds, scope: Scope) -> Iterator[tuple[str, Holds]]:
    hidden: set[str] = set()
    around: Scope | None = scope
    while around is not None:
        yield from _here(wanted, around, hidden)
        if around is scope and _serves(wanted, around.given) and not (around.outer is None and len(around.inputs) > 1):
            yield "input", around.given
        for name, held in around.inputs.items():
            if name not in hidden and _serves(wanted, held):
                around.asked = True
                yield name, held
        hidden |= set(around.names) | {k.column.label for k in around.names.values() if k.column}
        around = around.outer


def _here(wanted: Holds, scope: Scope, hidden: set[str]) -> Iterator[tuple[str, Holds]]:
    """Names of one sequence, the latest first; then what lies inside of them."""
    for deep in (False, True):
        for key, known in reversed(scope.names.items()):
            if not key.startswith("#") and key in hidden:
                continue
            if not deep:
                yield from _of(wanted, key, known, scope)
            elif known.members is not None:
                for name, held in _here(wanted, known.members, set()):
                    yield f"{_called(key, known, scope)}.{name}", held


def _of(wanted: Holds, key: str, known: Known, scope: Scope) -> Iterator[tuple[str, Holds]]:
    for n, held in enumerate(known.outputs):
        if _serves(wanted, held):
            name = _called(key, known, scope)
            yield (f"{name}[{n}]" if n or known.equals else name), held


def _called(key: str, known: Known, scope: Scope) -> str:
    """The name of a child; one that has only a number gets a label."""
    if not key.startswith("#"):
        return key
    column = known.column
    assert column is not None
    if not column.label:
        taken = set(scope.names) | {k.column.label for k in scope.names.values() if k.column}
        stem = snake(column.op) if isinstance(column.op, str) and column.op else "part"
        column.label = free_name(stem, taken | {"input"})
    return column.label
