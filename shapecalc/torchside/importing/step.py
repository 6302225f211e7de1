"""What a forward pass is made of, as it was seen: values, the calls that made them, and the modules around these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Untraceable(ValueError):
    """A module that cannot be followed; the text names the line of the user's code and the reason."""


class Value:
    """One tensor of the pass. `shape` holds integers, and symbolic sizes where the batch is in them.

    `weight` is the path of the parameter that it is, if it is one; `name` the input's name.
    """

    __slots__ = ("dtype", "name", "shape", "weight")

    def __init__(self, shape: Sequence[Any], dtype: str, *, name: str = "", weight: str = "") -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.weight = weight


class Step:
    """A call: of an operator (`op`), or of a module whose own calls are its `steps`.

    `path` is the module's place in the tree, empty for a tensor function. `inputs` and `outputs` are values; numbers
    among operands stand in `operands`, None for each tensor. `owner` is the path of the module whose weights it uses.
    """

    __slots__ = ("args", "cls", "inputs", "line", "names", "op", "operands", "outputs", "path", "share", "steps")

    def __init__(self, path: str, op: str | None, cls: type | None, line: str) -> None:
        self.path = path
        self.op = op
        self.cls = cls
        self.line = line
        self.args: dict[str, Any] = {}
        self.inputs: list[Value] = []
        self.names: list[str] = []
        self.operands: list[Any] | None = None
        self.outputs: list[Value] = []
        self.steps: list[Step] = []
        self.share = ""
