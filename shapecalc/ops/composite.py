"""Operators made of other operators: their facts are sums over the inner ones, so that no formula is written twice.

An inner operator is applied on a tape, which knows what each application takes and gives. Knows no operator itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.kinds import Part
from shapecalc.ops.op import Arrival, Claim, Kept, Operator, known, source
from shapecalc.ops.tally import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Lie, Need, Shape


class Tape:
    """Values, numbered: the inputs first (None where absent), then the result of each application."""

    __slots__ = ("entries", "inputs", "lies", "shapes", "storages")

    def __init__(self, xs: Sequence[Shape | None], lies: Sequence[Lie] = ()) -> None:
        self.inputs = len(xs)
        self.lies: list[Lie] = [*lies, *(None,) * (len(xs) - len(lies))]
        self.shapes: list[Any] = list(xs)
        self.storages = list(range(len(xs)))
        self.entries: list[tuple[Operator, tuple[int | None, ...], tuple[Any, ...], int]] = []

    def apply(self, op: Operator, first: int, *others: int | None) -> int:
        """The number of the result of `op` on these values."""
        values, number = (first, *others), len(self.shapes)
        xs: tuple[Any, ...] = tuple(None if v is None else self.shapes[v] for v in values)
        self.entries.append((op, values, xs, number))
        self.shapes.append(op.shape(*xs)[0])
        arrival = self.arrival(values, xs, number)
        self.lies.append(next(iter(op.lies(arrival)), None))
        self.storages.append(self.storages[first] if op.shares(arrival) else number)
        return number

    def arrival(self, values: Sequence[int | None], xs: tuple[Any, ...], y: int) -> Arrival:
        """What arrives at an application; weights before it let a gradient flow to every value."""
        lies = [None if v is None else self.lies[v] for v in values]
        return Arrival(xs, (self.shapes[y],), lies, (True,) * len(xs))

    def macs(self) -> Dim | None:
        total: Dim = 0
        for op, _, xs, y in self.entries:
            macs = op.macs(xs, (self.shapes[y],))
            if macs is None:
                return None
            total = total + macs
        return total

    def backward(self, wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """MACs of the gradients: of the inputs that are wanted and all between, and of weights."""
        learns = [*wanted, *(False,) * (self.inputs - len(wanted))]
        inputs: Dim = 0
        weights: Dim = 0
        for op, values, xs, y in self.entries:
            wants = [v is not None and learns[v] for v in values]
            learns.append(any(wants) or bool(op.weights()))
            found = op.backward(xs, (self.shapes[y],), wants)
            if found is None:
                return None
            inputs, weights = inputs + found[0], weights + found[1]
        return inputs, weights

    def operations(self) -> Mapping[str, Dim] | None:
        """Those of all applications; None where one does not state its own."""
        parts = [op.operations(xs, (self.shapes[y],)) for op, _, xs, y in self.entries]
        return None if None in parts else together(*[part for part in parts if part is not None])

    def elsewhere(self, modules: Sequence[Operator]) -> Mapping[str, Dim]:
        """What tools count of the modules: of functions between them they count nothing."""
        found: dict[str, Dim] = {"fvcore": 0, "ptflops": 0}
        for op, _, xs, y in self.entries:
            if not any(op is module for module in modules):
                continue
            counts, macs = op.elsewhere(xs, (self.shapes[y],)), op.macs(xs, (self.shapes[y],))
            found = {tool: found[tool] + counts.get(tool, known(macs)) for tool in found}
        return found

    def saved(self) -> Iterator[Kept]:
        """What the applications keep, each storage once."""
        seen: set[int] = set()
        for op, values, xs, y in self.entries:
            for kept in op.kept_of(self.arrival(values, xs, y)):
                if kept.what == "new":
                    yield kept
                    continue
                value = y if kept.what == "output" else values[kept.index]
                assert value is not None
                storage = self.storages[value]
                if storage not in seen:
                    seen.add(storage)
                    yield self.kept(storage)

    def kept(self, storage: int) -> Kept:
        if storage < self.inputs:
            return Kept("input", storage)
        if storage == self.storages[-1]:
            return Kept("output")
        return Kept("new", shape=self.shapes[storage])


class Composite(Operator):
    """What operators made of others share: all facts but the window."""

    forward: ClassVar[tuple[str, ...]] = ()
    """Attributes that are arguments of torch's forward, not of its constructor."""
    theirs: ClassVar[Mapping[str, str]] = {}
    """How attributes of inner operators are called here."""

    def parts(self) -> Mapping[str, Operator]:
        """Inner operators that are children of the module, by name."""
        raise NotImplementedError

    def play(self, tape: Tape) -> None:
        """Applies the inner operators to the inputs; the last result is the output."""
        raise NotImplementedError

    def judged(self, op: Operator) -> bool:
        """Whether the needs of an inner operator are asked, rather than met by how it was made."""
        raise NotImplementedError

    def taped(self, xs: Sequence[Shape], lies: Sequence[Lie] = ()) -> Tape:
        tape = Tape((*xs, *(None,) * (len(self.inputs) - len(xs))), lies)
        self.play(tape)
        return tape

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """Those of the inner operators, each operator asked once."""
        asked: dict[int, list[Need]] = {}
        for op, _, inner, _ in self.taped(xs).entries:
            if self.judged(op) and id(op) not in asked:
                asked[id(op)] = [(self.outer(op, inner, need[0]), *need[1:]) for need in op.needs(*inner)]
        return [need for needs in asked.values() for need in needs]

    def outer(self, op: Operator, inner: tuple[Any, ...], claim: Claim) -> Claim:
        """The claim of an inner operator, in the names of this one."""

        def say(_: Any, __: Sequence[Shape], axis: int) -> str:
            return self.renamed(claim.say(op, inner, axis))

        def advise(_: Any, __: Sequence[Shape], axis: int) -> str:
            return self.renamed(claim.advise(op, inner, axis)) if claim.advise else ""

        name = self.theirs.get(claim.attribute, claim.attribute)
        attribute = name if any(a.name == name for a in self.attributes) else ""
        return Claim(claim.code, attribute, claim.relation, say, advise, training=claim.training)

    def renamed(self, text: str) -> str:
        for theirs, ours in self.theirs.items():
            text = text.replace(theirs, ours)
        return text

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (self.taped(xs).shapes[-1],)

    def weights(self) -> Mapping[str, Shape]:
        return {f"{name}.{key}": w for name, op in self.parts().items() for key, w in op.weights().items()}

    def buffers(self) -> Mapping[str, Shape]:
        return {f"{name}.{key}": w for name, op in self.parts().items() for key, w in op.buffers().items()}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return self.taped(xs).macs()

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return self.taped(xs).backward(wanted)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return list(self.taped(xs).saved())

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        return list(self.taped(arrival.xs, arrival.lies).saved())

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return self.taped(arrival.xs, arrival.lies).lies[-1:]

    def text(self, name: str) -> str:
        """Source text of an attribute's value."""
        return source(getattr(self, name))

    def constructor(self) -> str | None:
        args = [self.text(a.name) for a in self.attributes if a.lead]
        args += [
            f"{a.name}={self.text(a.name)}"
            for a in self.attributes
            if not a.lead and a.name not in self.forward and not a.kind.same(getattr(self, a.name), a.default)
        ]
        return f"nn.{type(self).__name__}({', '.join(args)})"

    def call(self, module: str, args: Sequence[str]) -> str:
        given = {a.name: getattr(self, a.name) for a in self.attributes if a.name in self.forward}
        defaults = {a.name: a.default for a in self.attributes}
        named = [f"{name}={value!r}" for name, value in given.items() if value is not defaults[name]]
        return f"{module}({', '.join([*args, *named])})"

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return self.taped(xs).operations()

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        return self.taped(xs).elsewhere(list(self.parts().values()))


def made_of(part: Part, more: Mapping[str, Any], *xs: Shape) -> Operator:
    """The operator that a layer given as an argument stands for, with further arguments."""
    return part.operator({**part.values, **more}, *xs)
