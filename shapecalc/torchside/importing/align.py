"""Children of several uses of one class -> columns: which child of one use is which child of another.

Two children match where they are the same operator under the same name; of numbered ones, those are paired that differ
least. A column that some uses lack becomes a `when`. Knows nothing of expressions and references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.torchside.importing.argument import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.torchside.importing.tree import Piece

GAP, OTHER_OP, OTHER_ARGUMENT, NEVER = 1.0, 0.7, 0.15, 1e9


class Vary:
    """A value that differs from use to use: one for each, None where the use has no such place."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = tuple(values)


class Column:
    """One child of a block: the piece that it is in each use, by the use's number."""

    __slots__ = ("args", "children", "count", "label", "op", "operands", "refs", "scope", "uses", "when", "wiring")

    def __init__(self, uses: Mapping[int, Piece], count: int) -> None:
        self.uses = dict(uses)
        self.count = count
        self.children: list[Column] = []
        self.op: Any = None
        self.args: dict[str, Any] = {}
        self.operands: list[Any] | None = None
        self.refs: list[str | None] = []
        self.wiring: dict[str, Any] = {}
        self.when: Any = None
        self.label = ""
        self.scope: Any = None

    @property
    def any(self) -> Piece:
        return next(iter(self.uses.values()))

    @property
    def name(self) -> str:
        return self.any.name

    @property
    def group(self) -> bool:
        return self.any.group


def columns(groups: Mapping[int, Piece], count: int) -> list[Column]:
    """The columns of the children of some groups, settled."""
    by_form: dict[Any, list[int]] = {}
    for n, piece in groups.items():
        by_form.setdefault(form(piece), []).append(n)
    merged: list[Column] | None = None
    for numbers in by_form.values():
        length = len(groups[numbers[0]].children)
        row = [Column({n: groups[n].children[at] for n in numbers}, count) for at in range(length)]
        merged = row if merged is None else _aligned(merged, row, count)
    for column in merged or []:
        _settle(column)
    return merged or []


def form(piece: Piece) -> Any:
    """What two groups have in common whose children can be paired in order."""
    name = "" if piece.name.isdigit() else piece.name
    return (name, piece.op, tuple(sorted(piece.args)) if piece.use else (), tuple(form(c) for c in piece.children))


def _settle(column: Column) -> None:
    """Bring the arguments of all uses together."""
    column.op = _joined(column, {n: p.op for n, p in column.uses.items()})
    if column.group:
        column.children = columns(column.uses, column.count)
        return
    for name in _argument_names(column):
        column.args[name] = _joined(column, {n: p.args.get(name, _default(p, name)) for n, p in column.uses.items()})
    if column.any.operands is not None:
        column.operands = _joined(column, {n: p.operands for n, p in column.uses.items()})


def _argument_names(column: Column) -> list[str]:
    """The arguments that any use gives, in the operator's order."""
    names = dict.fromkeys(name for piece in column.uses.values() for name in piece.args)
    piece = column.any
    order = [] if piece.use or not piece.op else list(attributes(piece.op))
    return sorted(names, key=lambda n: order.index(n) if n in order else -1)


def _default(piece: Piece, name: str) -> Any:
    assert piece.op is not None
    return None if piece.use else attributes(piece.op)[name].default


def _joined(column: Column, values: Mapping[int, Any]) -> Any:
    """The one value of all uses, or what varies; lists of one length are compared item by item."""
    first, *others = values.values()
    if all(type(v) is type(first) and v == first for v in others):
        return first
    lists = [v for v in values.values() if isinstance(v, list)]
    if len(lists) == len(values) and len({len(v) for v in lists}) == 1:
        return [_joined(column, {n: v[at] for n, v in values.items()}) for at in range(len(first))]
    return Vary([values.get(n) for n in range(column.count)])


def _aligned(a: list[Column], b: list[Column], count: int) -> list[Column]:
    """The cheapest pairing of two rows that keeps the order of both (Needleman and Wunsch 1970)."""
    costs = [[_cost(x, y) for y in b] for x in a]
    best = _table(costs, len(a), len(b))
    found: list[Column] = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and best[i][j] == best[i - 1][j - 1] + costs[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found.append(Column(_substantial(a[i].uses | b[j].uses), count))
        elif i and best[i][j] == best[i - 1][j] + GAP:
            i -= 1
            found.append(a[i])
        else:
            j -= 1
            found.append(b[j])
    return found[::-1]


def _substantial(uses: Mapping[int, Piece]) -> Mapping[int, Piece]:
    """The uses in which a layer does anything: an Identity in place of another layer is that layer left out."""
    found = {n: piece for n, piece in uses.items() if piece.op != "Identity"}
    return found if found and not any(p.name.isdigit() for p in uses.values()) else uses


def _table(costs: Sequence[Sequence[float]], rows: int, width: int) -> list[list[float]]:
    best = [[float(i + j) * GAP for j in range(width + 1)] for i in range(rows + 1)]
    for i in range(1, rows + 1):
        for j in range(1, width + 1):
            pair = best[i - 1][j - 1] + costs[i - 1][j - 1]
            best[i][j] = min(pair, best[i - 1][j] + GAP, best[i][j - 1] + GAP)
    return best


def _cost(x: Column, y: Column) -> float:
    a, b = x.any, y.any
    fixed = bool(a.path and b.path) and not (a.name.isdigit() and b.name.isdigit())
    if fixed and a.name == b.name and "Identity" in (a.op, b.op) and a.op != b.op:
        return NEVER if len(a.inputs) != 1 or len(b.inputs) != 1 or a.name.isdigit() else GAP / 2
    if a.group != b.group or (fixed and a.name != b.name):
        return NEVER
    if a.group:
        return _groups(a, b)
    if len(a.inputs) != len(b.inputs) or bool(a.share) != bool(b.share):
        return NEVER
    if a.op != b.op:
        return NEVER if a.args or b.args or a.use or b.use or len(a.inputs) != 1 else OTHER_OP
    return sum(OTHER_ARGUMENT for name in {*a.args, *b.args} if a.args.get(name) != b.args.get(name))


def _groups(a: Piece, b: Piece) -> float:
    if form(a) == form(b):
        return 0.0
    rows = [[Column({0: c}, 1) for c in piece.children] for piece in (a, b)]
    costs = [[_cost(x, y) for y in rows[1]] for x in rows[0]]
    gaps = _table(costs, len(rows[0]), len(rows[1]))[-1][-1]
    return NEVER if gaps >= min(len(rows[0]), len(rows[1])) + 1 else gaps * 0.5
