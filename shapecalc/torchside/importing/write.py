"""Columns and blocks -> the document that says them, as nested values. Knows nothing of how they were found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import symbol
from shapecalc.ops.registry import find
from shapecalc.torchside.importing.argument import attributes
from shapecalc.torchside.importing.blocks import REQUIRED
from shapecalc.torchside.importing.runs import shortened
from shapecalc.torchside.importing.step import Expression
from shapecalc.torchside.importing.text import Body
from shapecalc.torchside.importing.tree import stands_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.torchside.importing.align import Column
    from shapecalc.torchside.importing.blocks import Block

    Blocks = Mapping[str, Block]


def body(columns: Sequence[Column], listed: bool, blocks: Blocks) -> Body:
    """The children of a sequence, runs of equal ones shortened."""
    items = [(None if listed and c.name.isdigit() else c.name, child(c, listed, blocks)) for c in columns]
    loose = [all(r is None for r in c.refs) and not c.label and not stands_by(c.op) for c in columns]
    return Body(shortened(items, loose, listed), listed=listed)


def child(column: Column, listed: bool, blocks: Blocks) -> Any:
    """What stands behind a child's name, or as an item of a list."""
    beside = _beside(column, listed)
    if column.group:
        inner = body(column.children, column.any.listed, blocks)
        return {"Sequential": inner, **beside} if beside else inner
    head, argument, source = _call(column, blocks)
    if source is not None:
        beside = {"from": source, **beside}
    if argument is None and not beside:
        return head
    return {str(head): Expression("") if argument is None else argument, **beside}


def _beside(column: Column, listed: bool) -> dict[str, Any]:
    """The wiring keys of a child, `from` of an operator excepted."""
    found: dict[str, Any] = {}
    if column.group and column.refs[0] is not None:
        found["from"] = Expression(column.refs[0])
    if column.label:
        found["as"] = Expression(column.label)
    if listed and not column.name.isdigit():
        found["name"] = Expression(column.name)
    if column.when is not None:
        found["when"] = column.when
    if column.any.share:
        found["share"] = Expression(column.any.share)
    return found


def _call(column: Column, blocks: Blocks) -> tuple[str, Any, Any]:
    """The head of a layer, its argument, and its `from`; None where they go without saying."""
    if column.any.use and isinstance(column.op, str) and column.op in blocks:
        return column.op, _use(column, blocks[column.op]), _source(column)
    if isinstance(column.op, Expression):
        return column.op, None, _source(column)
    operator = find(column.op)
    args = {name: _value(value) for name, value in column.args.items()}
    if operator.merging:
        return _merge(column, args)
    main = next((n for n, a in attributes(column.op).items() if a.main), None)
    return column.op, _argument(args, main), _source(column)


def _value(value: Any) -> Any:
    return [_value(v) for v in value] if isinstance(value, list | tuple) else value


def _argument(args: dict[str, Any], main: str | None) -> Any:
    """The arguments of a layer: the main one bare where it is the only one and no mapping."""
    if not args:
        return None
    if main is not None and list(args) == [main] and not isinstance(args[main], dict) and args[main] is not None:
        return args[main]
    return args


def _use(column: Column, block: Block) -> Any:
    given = {n: _value(v) for n, v in column.args.items() if not _same(v, block.params[n])}
    return _argument(given, next(iter(block.params), None))


def _same(value: Any, default: Any) -> bool:
    return default is not REQUIRED and type(value) is type(default) and bool(value == default)


def _source(column: Column) -> Any:
    """`from`: a name, a list of names, or a mapping where torch's arguments are given by name."""
    refs = [Expression(r) if r else Expression("previous") for r in column.refs]
    if not refs or column.refs == [None]:
        return None
    if len(refs) == 1:
        return refs[0]
    piece = column.any
    if not piece.use:
        known = [n.rstrip("?*") for n in find(column.op).inputs]
        if piece.names and piece.names != known[: len(piece.names)]:
            return dict(zip(piece.names, refs, strict=True))
    return list(refs)


def _merge(column: Column, args: dict[str, Any]) -> tuple[str, Any, Any]:
    """Operands in a bare list, one name where the other is the flow; in full where there are arguments."""
    names = iter([Expression(r) if r else Expression("previous") for r in column.refs])
    plain = column.operands if column.operands is not None else [None] * len(column.refs)
    operands = [next(names) if o is None else o for o in plain]
    if column.op == "Cat" and args.get("dim") == (1 if _batched(column) else 0):
        args = {n: v for n, v in args.items() if n != "dim"}
    elif column.op == "Cat" and "dim" not in args and _batched(column):
        args = {"dim": 0}
    if args:
        return column.op, args, operands if len(operands) > 1 else operands[0]
    if len(operands) == 2 and column.refs == [None] and plain[0] is None:
        return column.op, operands[1], None
    if len(operands) == 2 and column.wiring.get("first_is_flow") and column.op != "Cat":
        return column.op, operands[1], None
    return column.op, operands, None


def _batched(column: Column) -> bool:
    shape = column.any.inputs[0].shape
    return bool(shape) and shape[0] is symbol("N")


def block_body(block: Block, blocks: Blocks) -> dict[str, Any]:
    """A block as the document's `blocks` says it."""
    found: dict[str, Any] = {}
    if block.inputs:
        found["inputs"] = [Expression(n) for n in block.inputs]
    if block.params:
        found["params"] = {n: None if v is REQUIRED else _value(v) for n, v in block.params.items()}
    if block.shape is not None:
        return found | {"shape": _value(block.shape), "weights": {}}
    if _is_split(block):
        *branches, last = block.columns
        for column in branches:
            column.refs = [None]
        head, argument, _ = _call(last, blocks)
        merge = {head: argument} if isinstance(argument, dict) else head
        return found | {"branches": body(branches, False, blocks), "merge": merge}
    found["layers"] = body(block.columns, block.listed, blocks)
    if block.outputs:
        names = [Expression(n) for n in block.outputs]
        found["output"] = names if len(names) > 1 else names[0]
    return found


def _is_split(block: Block) -> bool:
    """Whether a block is nothing but branches of its input that are put together in order."""
    *branches, last = block.columns
    names = [c.name for c in branches]
    if block.inputs or block.outputs or block.listed or last.op != "Cat" or last.operands is None:
        return False
    if len(branches) < 2 or last.refs != names or last.when is not None or any(o is not None for o in last.operands):
        return False
    plain = all(c.refs in ([None], ["input"]) and c.when is None and not c.label for c in branches)
    return plain and branches[0].refs == [None] and not any(_names(c, set(names)) for b in branches for c in b.children)


def _names(column: Column, names: set[str]) -> bool:
    """Whether anything inside takes what one of these names stands for."""
    here = any(ref is not None and ref.split(".")[0].split("[")[0] in names for ref in column.refs)
    return here or any(_names(c, names) for c in column.children)
