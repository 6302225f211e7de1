"""A module and the shapes of its inputs -> the text of its spec, read back and compared before it is handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.ops.registry import MODULES
from shapecalc.pipeline import check_text
from shapecalc.source.names import bad_block_name
from shapecalc.torchside.importing.align import columns
from shapecalc.torchside.importing.blocks import input_names, make_blocks
from shapecalc.torchside.importing.params import Expression
from shapecalc.torchside.importing.step import Untraceable
from shapecalc.torchside.importing.text import comment_lines, render
from shapecalc.torchside.importing.trace import trace
from shapecalc.torchside.importing.tree import build_tree
from shapecalc.torchside.importing.wire import Scope, Unfit, wire
from shapecalc.torchside.importing.write import block_body, body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from shapecalc.torchside.importing.trace import Inputs
    from shapecalc.torchside.importing.tree import Piece


class Imported:
    """The text of a spec, and notes on what it does not say as the module does."""

    __slots__ = ("notes", "text")

    def __init__(self, text: str, notes: list[str]) -> None:
        self.text = text
        self.notes = notes


def from_module(module: nn.Module, inputs: Any) -> str:
    """The spec of a module as YAML text.

    `inputs` is the shape of one sample, a list of them, a mapping from names to shapes, or tensors, whose first axis is
    the batch. Raises Untraceable (a ValueError) with the line of the module's code where it cannot be followed.
    """
    return import_module(module, described(module, inputs)).text


def import_module(module: nn.Module, inputs: Inputs) -> Imported:
    """The spec of a module with notes; sizes of None in `inputs` are the batch. Raises Untraceable."""
    root = trace(module, inputs)
    problem = ""
    for every in (True, False):
        tree, notes = build_tree(root, module)
        count, left_out = _parts(module, tree)
        notes += left_out
        try:
            text = _written(tree, module, inputs, notes, count, every=every)
        except Unfit as error:
            problem = str(error)
            continue
        report = check_text(text)
        errors = [d for d in report.diagnostics if d.severity == "error"]
        if not errors:
            return Imported(text, notes)
        problem = f"the spec that came out does not check: {errors[0].message}"
    raise Untraceable(f"{type(module).__name__} cannot be written as a spec: {problem}")


def described(module: nn.Module, inputs: Any) -> Inputs:
    """Shapes and dtypes of inputs by name: the batch, which shapes leave out, as None."""
    if isinstance(inputs, dict):
        return {name: _one(value) for name, value in inputs.items()}
    if isinstance(inputs, torch.Tensor) or (inputs and all(isinstance(n, int) for n in inputs)):
        inputs = [inputs]
    names = argument_names(module, len(inputs))
    return {name: _one(value) for name, value in zip(names, inputs, strict=True)}


def _one(value: Any) -> tuple[tuple[int | None, ...], torch.dtype]:
    if isinstance(value, torch.Tensor):
        return (None, *value.shape[1:]), value.dtype
    return (None, *value), torch.float32


def argument_names(module: nn.Module, count: int) -> list[str]:
    import inspect

    names = list(inspect.signature(module.forward).parameters)
    return [names[n] if n < len(names) else f"x{n}" for n in range(count)]


def _parts(module: nn.Module, tree: Piece) -> tuple[int, list[str]]:
    """How many parameters the layers of the spec hold, and notes on modules whose weights the pass did not use."""
    leaves = {p.path for p in tree.walk() if p.path and not p.group}
    count, missing = 0, dict[str, None]()
    for path, parameter in module.named_parameters():
        if any(path.startswith(f"{leaf}.") or path == leaf for leaf in leaves & set(_above(path))):
            count += parameter.numel()
        else:
            missing[path.rpartition(".")[0]] = None
    heads = [m for m in missing if not any(m.startswith(f"{other}.") for other in missing)]
    return count, [f"{head or 'a parameter'} takes no part in evaluation, so the spec leaves it out" for head in heads]


def _above(path: str) -> list[str]:
    """A path and all that it lies in."""
    names = path.split(".")
    return [".".join(names[:n]) for n in range(1, len(names) + 1)]


def _written(tree: Piece, module: nn.Module, inputs: Inputs, notes: list[str], count: int, *, every: bool) -> str:
    blocks = {block.name: block for block in make_blocks(tree, every=every)}
    notes += [block.note for block in blocks.values() if block.note]
    row = columns({0: tree}, 1)
    given = [(value,) for value in tree.inputs]
    names = input_names(tree)
    scope = Scope(given[0], None, tree.listed)
    scope.inputs = dict(zip(names, given, strict=True))
    outputs = wire(row, scope, [(v,) for v in tree.outputs], given[0] if len(given) == 1 else None)
    document: dict[str, Any] = {"shapecalc": 1, "name": _name(module)}
    document["input"] = _inputs(inputs, names, scope.asked or len(names) > 1)
    if blocks:
        document["blocks"] = {name: block_body(block, blocks) for name, block in blocks.items()}
    document["layers"] = body(row, tree.listed, blocks)
    if outputs:
        document["output"] = [Expression(n) for n in outputs] if len(outputs) > 1 else Expression(outputs[0])
    document["expect"] = {"params": count, **_expected(tree)}
    return render(document, [line for note in notes for line in comment_lines(note)])


def _name(module: nn.Module) -> str:
    """The class's name, unless it is a word of the language."""
    name = type(module).__name__.lstrip("_")
    return "Net" if name in MODULES or not name or bad_block_name(name) else name


def _inputs(inputs: Inputs, names: Sequence[str], named: bool) -> Any:
    shapes = [_input(shape, dtype) for shape, dtype in inputs.values()]
    return dict(zip(names, shapes, strict=True)) if named else shapes[0]


def _input(shape: Sequence[int | None], dtype: torch.dtype) -> Any:
    sizes = list(shape[1:]) if shape[:1] == (None,) else [Expression("N") if n is None else n for n in shape]
    if dtype == torch.float32:
        return sizes
    return {"shape": sizes, "dtype": str(dtype).removeprefix("torch.")}


def _expected(tree: Piece) -> dict[str, Any]:
    """The shapes of what the network gives, of one sample."""
    shapes = [list(v.shape[1:]) if v.shape and str(v.shape[0]) == "N" else list(v.shape) for v in tree.outputs]
    return {"output": shapes[0] if len(shapes) == 1 else shapes}
