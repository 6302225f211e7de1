"""A class's rows -> the statements of its `forward`, and which local variable holds which value.

What flows on at once stays in one variable, `x` or `out`; what is needed later is named after its layer.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.classes import GIVEN
from shapecalc.codegen.expression import tidied
from shapecalc.codegen.layout import INDENT, statement
from shapecalc.codegen.plan import Unit, Unstructured, size_names
from shapecalc.codegen.shapes import shapes
from shapecalc.graph.graph import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.codegen.classes import Ref, Row, Variant
    from shapecalc.codegen.construct import Constructor
    from shapecalc.graph.graph import Graph

FLOW = ("x", "out", "y")


class Statement:
    """Lines of a forward pass that run a row and leave its values in variables; no row for other lines."""

    __slots__ = ("lines", "names", "place")

    def __init__(self, lines: list[str], place: int = -1, names: tuple[str, ...] = ()) -> None:
        self.lines = lines
        self.place = place
        self.names = names


class Forward:
    """Writes the forward pass of one class."""

    def __init__(self, variant: Variant, made: Constructor, graph: Graph) -> None:
        self.variant = variant
        self.made = made
        self.graph = graph
        self.taken: set[str] = {"self", "torch", "nn", "F", "Tensor", "math", "tuple", *map(str, graph.env)}
        self.names: dict[Ref, str] = {}
        self.last = self._last_reads()
        self.flowing: dict[str, int] = {}
        self.inputs = [self._input(i) for i in range(len(variant.uses[0].inputs))]
        self.statements = [*self._sizes(), *(s for p, r in enumerate(variant.rows) for s in self._row(p, r))]

    def lines(self) -> list[Statement]:
        """The whole method."""
        arguments = ", ".join(f"{name}: Tensor" for name in self.inputs)
        outputs = self.variant.outputs
        result = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
        head = statement(f"def forward(self{', ' * bool(arguments)}{arguments}) -> {result}:", 1)
        returned = statement(f"return {', '.join(self.names[r] for r in outputs)}", 2)
        return [Statement(head), *self.statements, Statement(returned)]

    # variables

    def _last_reads(self) -> dict[Ref, int]:
        """The place of the last row that reads each value; one past the last where it is given back."""
        last: dict[Ref, int] = {}
        for place, row in enumerate(self.variant.rows):
            for ref in (*row.inputs, row.stand):
                if ref is not None:
                    last[ref] = place
        return last | dict.fromkeys(self.variant.outputs, len(self.variant.rows))

    def _input(self, number: int) -> str:
        unit = self.variant.uses[0]
        block = unit.group.block
        named = block is not None and number < len(block.inputs)
        name = block.inputs[number].text if block is not None and named else unit.inputs[number].name
        single = len(unit.inputs) == 1
        if name == "input" or not name:
            name = "x" if single else f"x{number + 1}"
        name = self._unique(name)
        self.names[GIVEN, number] = name
        if name in FLOW:
            self.flowing[name] = self.last.get((GIVEN, number), -1)
        return name

    def _unique(self, name: str) -> str:
        name = name if name.isidentifier() and not iskeyword(name) else f"x{name}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _targets(self, place: int, row: Row) -> list[str]:
        names = [self._target(place, row, number) for number in range(len(row.first.outputs))]
        for number, name in enumerate(names):
            self.names[place, number] = name
        return names

    def _target(self, place: int, row: Row, number: int) -> str:
        ref = (place, number)
        until = self.last.get(ref, -1)
        stem = row.first.name if row.first.name.isidentifier() else re.sub(r"\W", "_", f"x{row.first.name}")
        stem = f"{stem}_{number}" if number else stem
        if until < 0:
            return self._unique(f"_{stem.lstrip('_')}")
        lasting = not row.first.inputs  # a learned tensor is no variable for others
        if len(row.first.outputs) == 1 and not lasting and until == place + 1 and (name := self._flow(place, row)):
            self.flowing[name] = until
            return name
        return self._unique(stem)

    def _flow(self, place: int, row: Row) -> str | None:
        """A variable for a value that the next row reads and nothing after it."""
        dying = [self.names[r] for r in row.inputs if r is not None and self.last[r] <= place]
        if row.optional:
            assert row.stand is not None
            stand = self.names[row.stand]
            dying = [stand] if self.last[row.stand] <= place else []
        mine = [n for n in dying if n in FLOW]
        free = [n for n in FLOW if self.flowing.get(n, -1) < place and (n in self.flowing or n not in self.taken)]
        name = next(iter([*mine, *free]), None)
        if name is not None:
            self.taken.add(name)
        return name

    # statements

    def _sizes(self) -> Iterator[Statement]:
        """A line for each named size that a call mentions: an axis of what the class is given."""
        wanted = {
            name
            for unit in self.variant.uses
            for step in unit.steps
            if isinstance(step.part, Node)
            for name in size_names(step.part, self.graph)
        }
        for name in sorted(wanted):
            found = [
                (number, axis)
                for number, wire in enumerate(self.variant.uses[0].inputs)
                for axis, size in enumerate(wire.shape or ())
                if str(size) == name and self._everywhere(number, axis, name)
            ]
            if not found:
                raise Unstructured(f"the size {name} is no axis of what a part of the network is given")
            number, axis = found[0]
            yield Statement(statement(f"{name} = {self.inputs[number]}.shape[{axis}]", 2))

    def _everywhere(self, number: int, axis: int, name: str) -> bool:
        shapes = [unit.inputs[number].shape or () for unit in self.variant.uses]
        return all(len(s) > axis and str(s[axis]) == name for s in shapes)

    def _row(self, place: int, row: Row) -> Iterator[Statement]:
        args = ["None" if r is None else self.names[r] for r in row.inputs]
        before = self.names[row.stand] if row.stand is not None else ""
        targets = self._targets(place, row)
        comment = shapes(row.first.outputs)
        value = self._value(place, row, args)
        part = row.first.part
        left = part.op.targets(targets) if isinstance(part, Node) and part.op is not None else ", ".join(targets)
        if not row.optional:
            yield Statement(statement(f"{left} = {value}", 2, comment), place, tuple(targets))
            return
        if targets[0] != before:
            yield Statement(statement(f"{targets[0]} = {before}", 2))
        yield Statement([f"{INDENT * 2}if {self.made.tests[place]}:"])
        yield Statement(statement(f"{left} = {value}", 3, comment), place, tuple(targets))

    def _value(self, place: int, row: Row, args: list[str]) -> str:
        module = self.made.places[place]
        part: Any = row.first.part
        if not isinstance(part, Node):
            inputs = [self.names[r] for r in row.inputs if r is not None]
            return f"{module}({', '.join(inputs if isinstance(part, Unit) else inputs[:1])})"
        text = self.made.calls[place]
        if "F" in self.graph.env:  # a size of that name hides the usual name of torch.nn.functional
            text = re.sub(r"\bF\.(?=\w)", "nn.functional.", text)
        if text == "m_(x0_)":
            return f"{module}({args[0]})"
        names = {f"x{i}_": arg for i, arg in enumerate(args)} | {"m_": module}
        return tidied(re.sub(r"\b(?:x\d+|m)_(?!\w)", lambda m: names.get(m[0], m[0]), text))
