"""One node while it is read: what goes in, its attributes, and the steps that are written for it.

Readers of operators (conv, pool, arrange ...) see nothing of a file but this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.registry import find
from shapecalc.torchside.importing.argument import attributes, is_default, plain
from shapecalc.torchside.importing.batches import joined
from shapecalc.torchside.importing.step import Step, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.onnxside.fixed import Fixed, Part


class Open(Exception):
    """A node that no operator stands for; the text says what is in the way."""


class Tensor:
    """One tensor of the graph: its sizes in both passes, and its numbers in both where it is a constant."""

    __slots__ = ("dtype", "fixed", "name", "shape", "shapes", "value")

    def __init__(
        self,
        name: str,
        dtype: str,
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        fixed: tuple[Fixed, Fixed] | None = None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shapes = shapes
        self.shape: tuple[Any, ...] = tuple(joined(list(shapes[0]), list(shapes[1])))
        self.fixed = fixed
        self.value: Value | None = None

    @property
    def rank(self) -> int:
        return len(self.shapes[0])

    @property
    def one(self) -> Fixed | None:
        """The constant that it is, whatever the batch."""
        return self.fixed[0] if self.fixed is not None and self.fixed[0] is self.fixed[1] else None


class Call:
    """A node: readers take inputs by number and add steps, the last of which gives what the node gives."""

    __slots__ = (
        "attributes",
        "gives",
        "held",
        "inputs",
        "line",
        "op",
        "own",
        "parts",
        "path",
        "source",
        "steps",
        "version",
    )

    def __init__(
        self, op: str, version: int, attributes: Mapping[str, Any], inputs: Sequence[Tensor | None], line: str
    ) -> None:
        self.op = op
        self.version = version
        self.attributes = attributes
        self.inputs = list(inputs)
        self.line = line
        self.gives: list[Tensor | None] = []
        self.steps: list[Step] = []
        self.parts: dict[str, Part] = {}
        """The tensors of the layer that the node is, by their names in it."""
        self.held: Value | None = None
        """What the layer with these tensors gives, where that is not its last step."""
        self.path = ""
        self.own: Callable[[Tensor], Value]
        self.source: Callable[[Value], Step | None]

    # what goes in

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def has(self, n: int) -> bool:
        return n < len(self.inputs) and self.inputs[n] is not None

    def tensor(self, n: int = 0) -> Tensor:
        found = self.inputs[n] if n < len(self.inputs) else None
        if found is None:
            raise Open(f"it lacks input {n}")
        return found

    def value(self, n: int = 0) -> Value:
        return self.own(self.tensor(n))

    def weight(self, n: int) -> Fixed:
        """An input that must be a constant."""
        found = self.tensor(n).one
        if found is None:
            raise Open("a weight is worked out from the input")
        return found

    def numbers(self, n: int) -> list[Any] | None:
        """The integers or numbers of a constant input, as expressions of N where they follow from the batch."""
        if not self.has(n):
            return None
        fixed = self.tensor(n).fixed
        if fixed is None:
            raise Open("an argument is worked out from the input")
        a, b = (f.numbers() for f in fixed)
        return list(joined(a, b))

    def listed(self, name: str, n: int) -> list[Any] | None:
        """An argument that is an attribute in old versions and an input in new ones."""
        found = self.get(name)
        return self.numbers(n) if found is None else list(found)

    def scalar(self, n: int, default: Any = None) -> Any:
        found = self.numbers(n)
        return found[0] if found else default

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes of the first input."""
        return self.tensor().shape

    @property
    def rank(self) -> int:
        return self.tensor().rank

    def axis(self, number: int, rank: int | None = None) -> int:
        rank = self.rank if rank is None else rank
        return number + rank if number < 0 else number

    def out(self, n: int = 0) -> Tensor:
        found = self.gives[n] if n < len(self.gives) else None
        if found is None:
            raise Open("it gives nothing")
        return found

    def only_output(self) -> None:
        """Raise Open where anything takes another output than the first."""
        if any(t is not None for t in self.gives[1:]):
            raise Open("more than its first output is used")

    # what comes out

    def add(
        self, op: str, args: Mapping[str, Any], *taken: Any, shape: Sequence[Any] | None = None, dtype: str = ""
    ) -> Value:
        """A step between: its output, of the shape of its first input unless told otherwise."""
        first = next(v for v in taken if isinstance(v, Value))
        value = Value(first.shape if shape is None else shape, dtype or first.dtype)
        self._step(op, args, taken, [value], value.shape)
        return value

    def end(self, op: str, args: Mapping[str, Any] | None = None, *taken: Any, path: str = "") -> None:
        """The last step, which gives what the node does; it takes the first input where nothing is said."""
        taken = taken or (self.value(),)
        outputs = [t.value for t in self.gives if t is not None and t.value is not None]
        self._step(op, args or {}, taken, outputs, self.out().shape).path = path

    def pass_on(self, value: Value | None = None) -> None:
        """The node does nothing: what it gives is its input, or that value."""
        self.out().value = self.value() if value is None else value

    def _step(
        self, op: str, args: Mapping[str, Any], taken: Sequence[Any], outputs: list[Value], shape: tuple[Any, ...]
    ) -> Step:
        step = Step("", op, None, self.line)
        known = attributes(op)
        step.args = {n: plain(known[n], v) for n, v in args.items() if not is_default(known[n], v)}
        step.inputs = [t for t in taken if isinstance(t, Value)]
        if find(op).merging:
            step.operands = [None if isinstance(t, Value) else t for t in taken]
        if "broadcast" in known and any(v.shape != shape and not v.own for v in step.inputs):
            step.args["broadcast"] = True
        step.outputs = outputs
        self.steps.append(step)
        return step
