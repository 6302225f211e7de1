"""What a forward pass is made of, as it was seen: values, the calls that made them, and the modules around these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Expression(str):
    """Text that is an expression of the language, rather than a text."""

    __slots__ = ()


class Untraceable(ValueError):
    """A module that cannot be followed; the text names the line of the user's code and the reason."""


class Value:
    """One tensor of the pass. `shape` holds integers, and symbolic sizes where the batch is in them.

    `weight` is the path of the parameter or buffer that it is, if it is one; `name` the input's name. `constant` holds
    the values of a buffer, or of a tensor that forward makes of nothing that it is given.
    """

    __slots__ = ("constant", "dtype", "name", "shape", "weight")

    def __init__(
        self, shape: Sequence[Any], dtype: str, *, name: str = "", weight: str = "", constant: Any = None
    ) -> None:
        self.constant = constant
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.weight = weight

    @property
    def own(self) -> bool:
        """Whether the module keeps it, as a parameter or a buffer."""
        return bool(self.weight) or self.constant is not None


class Step:
    """A call: of an operator (`op`), or of a module whose own calls are its `steps`.

    `path` is the module's place in the tree, empty for a tensor function. `inputs` and `outputs` are values; numbers
    among operands stand in `operands`, None for each tensor. `owner` is the path of the module whose weights it uses.
    `notes` say, at the root, what was seen and is not told by the steps.
    """

    __slots__ = (
        "args", "cls", "inputs", "line", "names", "notes", "op", "operands", "outputs", "path", "share", "steps",
    )  # fmt: skip

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
        self.notes: list[str] = []


def among(paths: Sequence[str], kind: str) -> str:
    """The first path, and how many others of its kind there are."""
    return f"{paths[0]} and {len(paths) - 1} other {kind}" if paths[1:] else paths[0]
