"""What a file holds -> answers to the stages behind the pass: first values, and the tensors behind each key."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.onnxside.fixed import Part
from shapecalc.torchside.importing.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from shapecalc.onnxside.walk import Walk
    from shapecalc.torchside.importing.step import Value
    from shapecalc.torchside.importing.tree import Piece

KNOWN = 2**22
"""Of more numbers no deviation is worked out."""
KEPT = "kept, not learned"
OWN = "running_mean", "running_var"
"""Tensors of a layer that are no parameters."""


class OfFile(Origin):
    """The constants of a graph; `parts` says, once the tree is known, what stands behind each key."""

    __slots__ = ("constants", "held", "parts", "paths", "shares")

    def __init__(self, walk: Walk) -> None:
        self.held = walk.parts
        self.constants = walk.constants
        self.paths = {step.path for _, step in walk.steps if step.path}
        self.parts: dict[str, Part] = {}
        self.shares: dict[str, str] = {}

    def begins(self, value: Value) -> Any:
        return value.constant.init()

    def keeps(self, path: str) -> bool:
        return bool(path)

    def init(self, value: Value) -> dict[str, Any]:
        """What a learned tensor begins with: one number, or a deviation."""
        fixed = self.constants[id(value)]
        if not 0 < fixed.size <= KNOWN:
            return {}
        one = fixed.only()
        if one is not None:
            return {} if one == 0 else {"init": "ones"} if one == 1 else {"init": float(f"{one:.6g}")}
        return {"init": {"normal": float(f"{fixed.read().astype('float64').std():.1g}")}}

    def any_below(self, path: str) -> bool:
        return any(p == path or p.startswith(f"{path}.") for p in self.paths)

    def params(self, tree: Piece) -> tuple[int, list[str]]:
        self.parts = dict(self._keyed(tree, ""))
        learned = (p for key, p in self.parts.items() if key.rpartition(".")[2] not in OWN and p.how != KEPT)
        return sum(prod(part.shape) for part in learned), []

    def told(self, keys: Collection[str]) -> list[str]:
        """Nothing; but the tensors of layers that are tied are put behind both keys: a head and its embedding."""
        for key in keys:
            path, _, name = key.rpartition(".")
            theirs = self.parts.get(f"{self.shares.get(path)}.{name}")
            if key not in self.parts and theirs is not None:
                self.parts[key] = theirs
        return []

    def comments(self, tree: Piece) -> list[str]:
        """The names of the tensors in the file, where they are not the keys of the `state_dict`."""
        others = {key: part.told for key, part in self.parts.items() if part.told != key}
        if not others:
            return ["The keys of the state_dict are the names of the tensors in the file."] if self.parts else []
        rest = "; the others have their names in the file" if len(others) < len(self.parts) else ""
        return [f"Keys of the state_dict, and the tensors of the file that they are{rest}:"] + [
            f"  {key}: {told}" for key, told in others.items()
        ]

    def _keyed(self, piece: Piece, base: str) -> Iterator[tuple[str, Part]]:
        """The tensors of the spec by their keys."""
        for child in piece.children:
            path = f"{base}.{child.name}" if base else child.name
            if child.share:
                self.shares[path] = child.share
                continue
            if child.op in ("Parameter", "Buffer") and child.args.get("persistent", True):
                fixed = self.constants.get(id(child.outputs[0]))
                if fixed is not None:
                    yield path, Part(fixed, KEPT if child.op == "Buffer" else "")
            layer = bool(child.outputs) and not child.group and child.op != "Identity"
            own = self.held.get(id(child.outputs[0]), {}) if layer else {}
            yield from ((f"{path}.{name}", part) for name, part in own.items())
            yield from self._keyed(child, path)
