"""Pieces -> blocks: the uses of one Python class become one block with params, where their insides allow it.

Classes are taken from the inside outwards, so that a block may use another. Uses that fit no common block are parted;
what is left alone stays where it is. Knows nothing of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.registry import MODULES
from shapecalc.source.names import bad_block_name, bad_label
from shapecalc.torchside.importing.align import columns, form
from shapecalc.torchside.importing.origin import anonymous
from shapecalc.torchside.importing.params import Params, facts_of
from shapecalc.torchside.importing.tree import free_name, stands_by
from shapecalc.torchside.importing.wire import Scope, Unfit, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.torchside.importing.align import Column
    from shapecalc.torchside.importing.tree import Piece

REQUIRED: Any = object()


class Block:
    """A block: its params with their defaults, the names of its inputs where they are declared, and its columns."""

    __slots__ = ("columns", "inputs", "listed", "name", "note", "outputs", "params", "shape")

    def __init__(self, name: str) -> None:
        self.name = name
        self.params: dict[str, Any] = {}
        self.inputs: list[str] = []
        self.columns: list[Column] = []
        self.outputs: list[str] = []
        self.listed = False
        self.shape: list[Any] | None = None
        self.note = ""


def make_blocks(root: Piece, *, every: bool = True) -> list[Block]:
    """The blocks of a network, whose uses in the tree are marked as such; without `every` only those that must be."""
    found = list(_opaque(root))
    taken = {block.name for block in found}
    children = {piece.name.lower() for piece in root.walk()}
    by_class: dict[type, list[Piece]] = {}
    for piece in root.walk():
        if piece is not root and piece.group and piece.cls is not None and not anonymous(piece.cls):
            by_class.setdefault(piece.cls, []).append(piece)
    for cls, uses in sorted(by_class.items(), key=lambda pair: max(map(_height, pair[1]))):
        if any(inner is not use and inner.cls is cls for use in uses for inner in use.walk()):
            continue
        for part in _parted(uses):
            if (len(part) > 1 and every) or any(map(_must, part)):
                block = _block(part, _block_name(cls, taken, children), commit=True)
                taken.add(block.name)
                found.append(block)
    return found


def _height(piece: Piece) -> int:
    return 1 + max(map(_height, piece.children), default=0)


def _must(piece: Piece) -> bool:
    """Whether what a group gives is not its last value, which only a block can say."""
    last = next((c for c in reversed(piece.children) if not stands_by(c.op)), None)
    return len(piece.outputs) != 1 or last is None or last.outputs[:1] != piece.outputs


def _block_name(cls: type, taken: set[str], children: set[str]) -> str:
    """The class's name, with more behind it where it could be taken for an operator's or a child's."""
    stem = cls.__name__.strip("_")
    stem = stem[:1].upper() + stem[1:]
    if stem in MODULES or bad_block_name(stem) or stem.lower() in children:
        stem = f"{stem}Block"
    return free_name(stem, taken)


def _parted(uses: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The uses in as few parts as can each be one block."""
    forms: dict[Any, list[Piece]] = {}
    for use in uses:
        forms.setdefault((form(use), len(use.inputs)), []).append(use)
    rest = sorted(forms.values(), key=lambda part: -len(part))
    while rest:
        part, *others = rest
        if not _fits(part):
            yield from ([use] for use in part)
            rest = others
            continue
        rest = []
        for other in others:
            if _fits(both := [use for use in uses if use in part or use in other]):
                part = both
            else:
                rest.append(other)
        yield part


def _fits(uses: Sequence[Piece]) -> bool:
    try:
        block = _block(uses, "Any", commit=False)
    except Unfit:
        return False
    sizes = [_leaves(c.any) for c in block.columns]
    gaps = sum(size for size, c in zip(sizes, block.columns, strict=True) if len(c.uses) < len(uses))
    return gaps * 2 <= sum(sizes) and len(block.params) <= 12


def _leaves(piece: Piece) -> int:
    return sum(not inner.group for inner in piece.walk())


def _block(uses: Sequence[Piece], name: str, *, commit: bool) -> Block:
    """The block that all uses are of. Raises Unfit."""
    first, count = uses[0], len(uses)
    if len({len(u.inputs) for u in uses}) > 1 or not first.inputs or len({len(u.outputs) for u in uses}) > 1:
        raise Unfit("uses have other numbers of inputs or outputs")
    block = Block(name)
    block.listed = first.listed
    block.columns = columns(dict(enumerate(uses)), count)
    _named_once(block.columns)
    given = [tuple(u.inputs[n] for u in uses) for n in range(len(first.inputs))]
    scope = Scope(given[0], None, first.listed)
    names = input_names(first)
    scope.inputs = dict(zip(names, given, strict=True))
    wanted = [tuple(u.outputs[n] for u in uses) for n in range(len(first.outputs))]
    block.outputs = wire(block.columns, scope, wanted, scope.given)
    params = Params(count, [u.outputs[0].shape for u in uses])
    params.settle(block.columns, facts_of(given[0]), range(count))
    block.params = _defaults(params)
    block.inputs = names if scope.asked or len(names) > 1 else []
    if commit:
        for n, use in enumerate(uses):
            _become(use, block, {p: row[n] for p, row in params.rows.items()})
    return block


def _named_once(found: Sequence[Column]) -> None:
    """Raise Unfit where two children that could not be paired have one name."""
    names = [c.name for c in found if not c.name.isdigit()]
    if len(set(names)) < len(names):
        raise Unfit("children of one name differ")
    for column in found:
        _named_once(column.children)


def _become(use: Piece, block: Block, args: dict[str, Any]) -> None:
    use.op, use.use, use.cls = block.name, True, None
    use.args = {name: args[name] for name in block.params}
    use.children, use.listed = [], False


def input_names(piece: Piece) -> list[str]:
    """Names for what a module takes: those of its forward where the language takes them."""
    children = {child.name for child in piece.children}
    taken: list[str] = ["input", "previous"]
    for n in range(len(piece.inputs)):
        name = piece.names[n] if n < len(piece.names) else "x"
        name = f"{name}_given" if name in children else name
        name = name if not bad_label(name) and name != "input" else "x"
        taken.append(free_name(name, [*taken, *children]))
    return taken[2:]


def _defaults(params: Params) -> dict[str, Any]:
    """Params with their defaults: the value of at least half of the uses; required ones come first."""
    found: dict[str, Any] = {}
    for name, row in params.rows.items():
        usual = max(row, key=row.count)
        often = row.count(usual) > 1 and row.count(usual) * 2 >= len(row) and name not in ("out", "hidden")
        found[name] = usual if often else REQUIRED
    return dict(sorted(found.items(), key=lambda item: (item[1] is not REQUIRED, item[0] != "out")))


def _opaque(root: Piece) -> Iterator[Block]:
    """A block that states its shape for each kind of call that no operator stands for."""
    made: dict[Any, Block] = {}
    taken: set[str] = set()
    for piece in root.walk():
        if piece.op != "":
            continue
        shape = list(piece.outputs[0].shape)
        batched = bool(shape) and "N" in str(shape[0])
        piece.inputs.sort(key=lambda v: batched != (bool(v.shape) and "N" in str(v.shape[0])))
        shape = shape[1:] if batched and str(shape[0]) == "N" else shape
        stem = "".join(part.capitalize() for part in piece.args["name"].split("_")) or "Call"
        key = (stem, str(shape), len(piece.inputs))
        if key not in made:
            block = Block(free_name(stem if stem not in MODULES and not bad_block_name(stem) else f"{stem}Call", taken))
            block.shape = shape
            block.note = f"{block.name} is open: no operator stands for `{piece.args['name']}` of {piece.line}"
            block.inputs = [f"x{n}" for n in range(len(piece.inputs))] if len(piece.inputs) > 1 else []
            taken.add(block.name)
            made[key] = block
            yield block
        piece.op, piece.use, piece.args = made[key].name, True, {}
