"""What varies between the uses of a block -> expressions over few params and the block's input.

A value is written as a constant, a param, a size of the input, or a short term of these; else it becomes a param. What
some uses lack gets a condition in the same way. Knows nothing of references and text.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym, symbol
from shapecalc.ops.registry import MODULES, find
from shapecalc.source.names import bad_param_name
from shapecalc.torchside.importing.align import Vary
from shapecalc.torchside.importing.step import Expression
from shapecalc.torchside.importing.tree import snake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.torchside.importing.align import Column

    Row = tuple[Any, ...]

NONE = object()


class Params:
    """The params of a block while they are found: a value for each use, by name, in the order of their appearance."""

    def __init__(self, count: int, outputs: Sequence[Sequence[Any]]) -> None:
        self.count = count
        self.rows: dict[str, Row] = {}
        self.out = outputs
        self.branch = ""
        """The branch that is looked at, where a block has several side by side."""

    def settle(self, columns: Sequence[Column], facts: Mapping[str, Row], whole: Sequence[int]) -> None:
        """Put an expression wherever something varies; arguments come first, as conditions are made of them."""
        side_by_side = sum("input" in c.refs for c in columns) > 1
        for partly in (False, True):
            for column in columns:
                self.branch = column.name if side_by_side and not column.name.isdigit() else ""
                self.arguments(column, facts, partly)
        for column in columns:
            self.condition(column, facts, whole)
            self.generalised(column)

    def generalised(self, column: Column) -> None:
        """Where a layer is left out at times, let its arguments follow the params that they agree with elsewhere."""
        for inner in [column, *column.children]:
            for name, value in inner.args.items():
                row = self.rows.get(name)
                held = {repr(row[i]) for i in column.uses} if row else set()
                if len(column.uses) < self.count and held == {repr(value)}:
                    inner.args[name] = Expression(name)

    def arguments(self, column: Column, facts: Mapping[str, Row], partly: bool) -> None:
        """Put expressions into a layer that all uses have, or into one that some lack, which may follow the others."""
        if (len(column.uses) < self.count) is partly:
            if isinstance(column.op, Vary):
                present = [i in column.uses for i in range(self.count)]
                column.op = Expression(self.param(column.op.values, "act", present))
            for name, value in column.args.items():
                column.args[name] = self.written(value, name, column, facts)
            if column.operands is not None:
                column.operands = [self.written(v, "scale", column, facts) for v in column.operands]
        if column.group:
            inner = facts_of(column.scope.given)
            for child in column.children:
                self.arguments(child, inner, partly)

    def condition(self, column: Column, facts: Mapping[str, Row], whole: Sequence[int]) -> None:
        if any(i not in column.uses for i in whole):
            row = tuple((i in column.uses) if i in whole else None for i in range(self.count))
            column.when = self.when(row, facts) or Expression(self.param(row, f"with_{_plain(column)}"))
        if column.group:
            inner = facts_of(column.scope.given)
            for child in column.children:
                self.condition(child, inner, [i for i in whole if i in column.uses])

    def written(self, value: Any, name: str, column: Column, facts: Mapping[str, Row]) -> Any:
        if isinstance(value, list):
            return [self.written(v, name, column, facts) for v in value]
        if not isinstance(value, Vary):
            return value
        row = value.values
        if any(isinstance(v, Sym) for v in row):
            return self.by_batch(row, name, column, facts)
        present = [i in column.uses for i in range(self.count)]
        found = self.explained(row, present, facts)
        return Expression(found or self.param(row, self.hint(name, row), present))

    def by_batch(self, row: Row, name: str, column: Column, facts: Mapping[str, Row]) -> Any:
        """A size that is a multiple of the batch."""
        batch = symbol("N")
        counts = tuple(None if v is None else next((k for k in _factors(v) if batch * k == v), NONE) for v in row)
        if NONE in counts:
            return Expression(self.param(tuple(None if v is None else str(v) for v in row), name))
        inner = self.written(Vary(counts), name, column, facts)
        return Expression(f"N * ({inner})" if " " in inner else f"N * {inner}")

    # terms

    def explained(self, row: Row, present: Sequence[bool], facts: Mapping[str, Row]) -> str:
        """A short term that gives these values, or nothing."""
        for term, held in self.terms(row, present, facts):
            if all(not p or (type(h) is type(v) and h == v) for v, h, p in zip(row, held, present, strict=True)):
                return term
        return ""

    def terms(self, row: Row, present: Sequence[bool], facts: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        known = {**self.rows, **facts}
        yield from self.rows.items()
        numbers = {n: r for n, r in known.items() if _numeric(r, present)}
        if not _numeric(row, present):
            return
        yield from ((n, r) for n, r in facts.items() if n in numbers)
        first = present.index(True)
        for name, held in numbers.items():
            value, other = row[first], held[first]
            if other and value % other == 0 and value // other > 1:
                yield f"{value // other} * {name}", tuple(None if h is None else h * (value // other) for h in held)
            if value > 0 and other // value > 1:
                for by in {other // value, 2}:
                    yield f"{name} // {by}", tuple(None if h is None else h // by for h in held)
        for (a, x), (b, y) in product(numbers.items(), repeat=2):
            if a < b or (a == b and a in self.rows):
                yield f"{a} * {b}", tuple(None if None in (h, k) else h * k for h, k in zip(x, y, strict=True))

    def when(self, row: Row, facts: Mapping[str, Row]) -> Any:
        """A short condition that is true in these uses and false in the others, or nothing."""
        for text, held in self.conditions(row, facts):
            if all(r is None or r == h for r, h in zip(row, held, strict=True)):
                return Expression(text)
        return None

    def conditions(self, row: Row, facts: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        yield from ((n, r) for n, r in self.rows.items() if all(type(v) is bool for v in r))
        out = self.output(facts)
        here = facts.get("in_channels")
        stride = self.rows.get("stride")
        if out and here and stride:
            name, held = out
            other = tuple(s != 1 or a != b for s, a, b in zip(stride, here, held, strict=True))
            yield f"stride != 1 or in_channels != {name}", other
            yield f"stride == 1 and in_channels == {name}", tuple(not v for v in other)
        known = {**facts, **self.rows}
        for (a, x), (b, y) in product(known.items(), self.rows.items()):
            if a != b:
                yield f"{a} != {b}", tuple(h != k for h, k in zip(x, y, strict=True))
                yield f"{a} == {b}", tuple(h == k for h, k in zip(x, y, strict=True))
        for name, held in self.rows.items():
            for value in dict.fromkeys(v for v in held if type(v) is int and v in (0, 1)):
                yield f"{name} != {value}", tuple(h != value for h in held)
                yield f"{name} == {value}", tuple(h == value for h in held)

    def output(self, facts: Mapping[str, Row]) -> tuple[str, Row] | None:
        """The term that is the number of channels that the block gives."""
        if any(len(o) < 2 for o in self.out):
            return None
        row = tuple(o[1] for o in self.out)
        present = [True] * self.count
        if any(isinstance(v, Sym) for v in row):
            return None
        found = self.explained(row, present, {})
        return (found, row) if found else None

    # params

    def hint(self, name: str, row: Row) -> str:
        """A param's name: that of the argument, shorter for a number of outputs."""
        if name in ("out_channels", "out_features", "out", "hidden"):
            axis = -1 if name == "out_features" else 1
            last = tuple(o[axis] if len(o) > 1 else None for o in self.out)
            return "out" if last == row else self.branch or "hidden"
        return {"num_heads": "heads"}.get(name, name)

    def param(self, row: Row, hint: str, present: Sequence[bool] | None = None) -> str:
        """The name of a param that has these values: a new one unless there is one."""
        for name, held in self.rows.items():
            if all(type(h) is type(v) and h == v for v, h in zip(row, held, strict=True)):
                return name
        name, count = f"{hint}_" if bad_param_name(hint) else hint, 1
        while name in self.rows:
            count += 1
            name = f"{hint}{'_' * hint[-1].isdigit()}{count}"
        if present is not None and not all(present):  # a use that has no such place may say anything
            shown = [v for v, p in zip(row, present, strict=True) if p]
            usual = max(shown, key=shown.count)
            row = tuple(v if p else usual for v, p in zip(row, present, strict=True))
        self.rows[name] = row
        return name


def facts_of(given: Sequence[Any]) -> dict[str, Row]:
    """The `in_` names of a sequence whose input has these values, for each use."""
    shapes = [v.shape if v is not None else None for v in given]
    known = [s for s in shapes if s is not None]
    batch = symbol("N")
    if not known or any(len(s) != len(known[0]) or not s or s[0] is not batch for s in known) or len(known[0]) < 2:
        return {}
    rank = len(known[0])
    names = ["in_channels", *(f"in_shape[{n}]" for n in range(1, rank - 1)), "in_features"][: rank - 1]
    if rank > 2:
        names[-1] = "in_features"
    rows = {name: tuple(None if s is None else s[n + 1] for s in shapes) for n, name in enumerate(names)}
    return {n: r for n, r in rows.items() if not any(isinstance(v, Sym) for v in r)}


def _numeric(row: Row, present: Sequence[bool]) -> bool:
    return all(not p or type(v) is int for v, p in zip(row, present, strict=True))


def _factors(value: Any) -> range:
    digits = "".join(c if c.isdigit() else " " for c in str(value)).split()
    number = int(digits[0]) if digits else 1
    return range(number, number + 1)


def _plain(column: Column) -> str:
    """A column's name as part of a param's."""
    name = column.name
    if name.isdigit():
        op = column.any.op
        known = isinstance(op, str) and op in MODULES
        name = "activation" if known and "activation" in find(op).roles else op or "part"
    return snake(name).strip("_")
