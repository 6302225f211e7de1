"""The steps of a pass -> the text of a spec, read back and compared before it is handed out. Knows nothing of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.registry import MODULES
from shapecalc.pipeline import check_text
from shapecalc.source.names import bad_block_name
from shapecalc.torchside.importing.align import columns
from shapecalc.torchside.importing.blocks import input_names, make_blocks
from shapecalc.torchside.importing.step import Expression, Untraceable
from shapecalc.torchside.importing.text import comment_lines, render
from shapecalc.torchside.importing.tree import build_tree
from shapecalc.torchside.importing.wire import Scope, Unfit, wire
from shapecalc.torchside.importing.write import block_body, body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.torchside.importing.origin import Origin
    from shapecalc.torchside.importing.step import Step
    from shapecalc.torchside.importing.tree import Piece

    Inputs = Mapping[str, tuple[tuple[Any, ...], str]]


class Imported:
    """The text of a spec, and notes on what it does not say as the module does."""

    __slots__ = ("notes", "text")

    def __init__(self, text: str, notes: list[str]) -> None:
        self.text = text
        self.notes = notes


def spec_of(root: Step, origin: Origin, name: str, inputs: Inputs) -> Imported:
    """The spec of a pass. Sizes of None in `inputs`, shapes and dtypes by name, are the batch. Raises Untraceable."""
    problem = ""
    for every in (True, False):
        tree, notes = build_tree(root, origin)
        count, left_out = origin.params(tree)
        notes += left_out
        comments = origin.comments(tree)
        try:
            document = _document(tree, name, inputs, notes, count, every=every)
        except Unfit as error:
            problem = str(error)
            continue
        report = check_text(_rendered(document, notes, comments))
        errors = [d for d in report.diagnostics if d.severity == "error"]
        if not errors:
            notes += origin.told(report.state_dict())
            return Imported(_rendered(document, notes, comments), notes)
        problem = f"the spec that came out does not check: {errors[0].message}"
    raise Untraceable(f"{name} cannot be written as a spec: {problem}")


def _rendered(document: Mapping[str, Any], notes: Sequence[str], comments: Sequence[str]) -> str:
    return render(document, [line for note in [*notes, *comments] for line in comment_lines(note)])


def _document(tree: Piece, name: str, inputs: Inputs, notes: list[str], count: int, *, every: bool) -> dict[str, Any]:
    blocks = {block.name: block for block in make_blocks(tree, every=every)}
    notes += [block.note for block in blocks.values() if block.note]
    row = columns({0: tree}, 1)
    given = [(value,) for value in tree.inputs]
    names = input_names(tree)
    scope = Scope(given[0], None, tree.listed)
    scope.inputs = dict(zip(names, given, strict=True))
    outputs = wire(row, scope, [(v,) for v in tree.outputs], given[0] if len(given) == 1 else None)
    document: dict[str, Any] = {"shapecalc": 1, "name": _name(name)}
    document["input"] = _inputs(inputs, names, scope.asked or len(names) > 1)
    if blocks:
        document["blocks"] = {name: block_body(block, blocks) for name, block in blocks.items()}
    document["layers"] = body(row, tree.listed, blocks)
    if outputs:
        document["output"] = [Expression(n) for n in outputs] if len(outputs) > 1 else Expression(outputs[0])
    return document | {"expect": {"params": count, **_expected(tree)}}


def _name(name: str) -> str:
    """The name of a class, unless it is a word of the language."""
    name = name.lstrip("_")
    return "Net" if name in MODULES or not name or bad_block_name(name) else name


def _inputs(inputs: Inputs, names: Sequence[str], named: bool) -> Any:
    shapes = [_input(shape, dtype) for shape, dtype in inputs.values()]
    return dict(zip(names, shapes, strict=True)) if named else shapes[0]


def _input(shape: Sequence[Any], dtype: str) -> Any:
    sizes = list(shape[1:]) if shape[:1] == (None,) else [Expression("N") if n is None else n for n in shape]
    return sizes if dtype == "float32" else {"shape": sizes, "dtype": dtype}


def _expected(tree: Piece) -> dict[str, Any]:
    """The shapes of what the network gives, of one sample."""
    shapes = [list(v.shape[1:]) if v.shape and str(v.shape[0]) == "N" else list(v.shape) for v in tree.outputs]
    return {"output": shapes[0] if len(shapes) == 1 else shapes}
