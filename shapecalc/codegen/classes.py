"""Units -> classes: which uses of a block, or of the same lines of a spec, can be one class, and what they share.

Uses are one class where the same lines of the spec stand in the same order, take the same values and make the same
kinds of modules. Lines that a `when` leaves out in some uses become optional. Numbers may differ: the writer's affair.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.plan import Chain, Unit, Unstructured
from shapecalc.graph.graph import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.codegen.plan import Key, Plan, Step
    from shapecalc.graph.graph import Wire

    Ref = tuple[int, int]  # (position of the step, or -1 for what the unit is given; number of the value)

NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")
GIVEN = -1


class Unlike(Exception):
    """Uses that cannot be one class."""


class Row:
    """The same step in the uses of a class that come to it: `steps[u]` in use u, left out there where its part is None.

    `inputs` says where its values come from; `stand` what it stands for where it is left out; `rows` are the steps
    inside of a chain; `nodes` its layers where it is one.
    """

    __slots__ = ("inputs", "rows", "stand", "steps")

    def __init__(self, steps: Mapping[int, Step]) -> None:
        self.steps = steps
        self.inputs: tuple[Ref | None, ...] = ()
        self.stand: Ref | None = None
        self.rows: list[Row] = []

    @property
    def present(self) -> list[int]:
        """The uses that have it."""
        return [u for u, s in self.steps.items() if s.part is not None]

    @property
    def optional(self) -> bool:
        return 0 < len(self.present) < len(self.steps)

    @property
    def first(self) -> Step:
        """The step in the first use that has it."""
        return next(s for s in self.steps.values() if s.part is not None)


class Variant:
    """A class: its uses, their rows, and where the values that it gives come from. `name` is given when it is written.

    `params` are the arguments of its constructor, with their values by use.
    """

    __slots__ = ("name", "others", "outputs", "params", "plain", "rows", "uses")

    def __init__(self, uses: list[Unit]) -> None:
        self.uses = uses
        self.name = ""
        self.others = 0
        self.params: list[Any] = []
        if len({len(u.inputs) for u in uses}) > 1:
            raise Unlike
        self.rows = aligned({u: unit.steps for u, unit in enumerate(uses)})
        self.plain = uses[0].plain
        _check_names(self)
        resolve = _Resolver(self)
        for row in self.rows:
            _wire(row, resolve)
        if len({len(u.outputs) for u in uses}) > 1:
            raise Unlike
        everywhere = range(len(uses))
        gives = list(zip(*[u.outputs for u in uses], strict=True))
        self.outputs: list[Ref] = [resolve.common(wires[0], 0, everywhere, wires) for wires in gives]


def classes_of(plan: Plan) -> list[Variant]:
    """All classes of a plan, those that others are made of first."""
    found: list[Variant] = []
    done: set[Key] = set()

    def settle(key: Key) -> None:
        if key in done:
            return
        done.add(key)
        for inner in dict.fromkeys(k for unit in plan.units[key] for k in _inside(unit.steps)):
            settle(inner)
        variants = _partition(plan.units[key])
        for variant in variants:
            variant.others = len(variants) - 1
            for number, unit in enumerate(variant.uses):
                unit.variant, unit.number = variant, number
        found.extend(variants)

    settle(("root",))
    return found


def _inside(steps: Sequence[Step]) -> list[Key]:
    found: list[Key] = []
    for step in steps:
        if isinstance(step.part, Unit):
            found.append(step.part.key)
        elif isinstance(step.part, Chain):
            found += _inside(step.part.steps)
    return found


def _partition(units: list[Unit]) -> list[Variant]:
    """The fewest classes that an orderly search finds: equal uses at once, then what can be joined."""
    equal: dict[Any, list[Unit]] = {}
    for unit in units:
        equal.setdefault(signature(unit), []).append(unit)
    variants: list[Variant] = []
    for alike in equal.values():
        for place, variant in enumerate(variants):
            try:
                variants[place] = Variant([*variant.uses, *alike])
                break
            except Unlike:
                continue
        else:
            variants += _alone(alike)
    return variants


def _alone(alike: list[Unit]) -> list[Variant]:
    """One class for uses that look alike; one for each where the same value arrives at two places in some of them."""
    try:
        return [Variant(alike)]
    except Unlike:
        return [Variant([unit]) for unit in alike]


# what one use looks like


def signature(unit: Unit) -> Any:
    """What tells a use from others of another structure: equal for those that differ in numbers alone."""
    refs: dict[int, Ref] = {}
    for number, wire in enumerate(unit.inputs):
        refs.setdefault(id(wire), (GIVEN, number))
    parts = []
    for place, step in enumerate(unit.steps):
        parts.append((_look(step), *(None if w is None else refs.get(id(w)) for w in step.inputs)))
        for number, wire in enumerate(step.outputs):
            refs.setdefault(id(wire), (place, number))
    return tuple(parts), tuple(refs.get(id(w)) for w in unit.outputs)


def _look(step: Step) -> Any:
    part = step.part
    if part is None:
        return (step.key, None)
    if isinstance(part, Chain):
        return (step.key, step.name, part.numbered, tuple(_look(s) for s in part.steps))
    return (step.key, step.name if _is_module(step) else "", look(step))


def look(step: Step) -> Any:
    """What must be equal of a layer, or of a unit that is called, in all uses of a class."""
    part = step.part
    if isinstance(part, Unit):
        return (id(part.variant), len(part.outputs), bool(step.owner))
    assert isinstance(part, Node)
    assert part.op is not None
    if step.owner:
        return (part.op_name, step.owner)
    maker = part.op.constructor()
    return (maker and maker.partition("(")[0], NUMBER.sub("#", called(part)), len(part.outputs), *part.ties)


def called(node: Node) -> str:
    """A layer's call with placeholders for its values and its module."""
    assert node.op is not None
    return node.op.call("m_", [f"x{i}_" if w is not None else "None" for i, w in enumerate(node.inputs)])


# what all uses have in common


def aligned(sequences: Mapping[int, Sequence[Step]]) -> list[Row]:
    """The same steps of all uses side by side. Raises Unlike."""
    if len({tuple(s.key for s in steps) for steps in sequences.values()}) > 1:
        raise Unlike
    rows = [Row(dict(zip(sequences, steps, strict=True))) for steps in zip(*sequences.values(), strict=True)]
    rows = [row for row in rows if row.present]
    for row in rows:
        _check(row)
    return rows


def _check(row: Row) -> None:
    present = {u: row.steps[u] for u in row.present}
    steps = list(present.values())
    if len({type(s.part) for s in steps}) > 1:
        raise Unlike
    chains = {u: s.part for u, s in present.items() if isinstance(s.part, Chain)}
    if chains:
        numbered = {c.numbered for c in chains.values()}
        row.rows = aligned({u: c.steps for u, c in chains.items()})
        names = [len({r.steps[u].name for u in r.present}) for r in row.rows]
        if len(numbered) > 1 or (numbered == {False} and max(names) > 1):
            raise Unlike
    elif len({look(s) for s in steps}) > 1 or len({len(s.inputs) for s in steps}) > 1:
        raise Unlike


def _check_names(variant: Variant) -> None:
    """The children of a class have one name each, but for a chain's numbers, which follow from the order."""
    if any(u.plain is not variant.plain for u in variant.uses):
        raise Unlike
    for row in () if variant.plain else variant.rows:
        if _is_module(row.first) and len({row.steps[u].name for u in row.present}) > 1:
            raise Unlike


def _is_module(step: Step) -> bool:
    """Whether a step adds a child to the module tree, so that its name counts."""
    part = step.part
    return not isinstance(part, Node) or (part.op is not None and part.op.constructor() is not None)


class _Resolver:
    """Finds for a value of one use where it comes from in all of them."""

    def __init__(self, variant: Variant) -> None:
        self.rows = variant.rows
        self.uses = variant.uses
        self.known: list[dict[int, list[Ref]]] = []
        for u, unit in enumerate(self.uses):
            refs: dict[int, list[Ref]] = {}
            for number, wire in enumerate(unit.inputs):
                refs.setdefault(id(wire), []).append((GIVEN, number))
            for place, row in enumerate(self.rows):
                for number, wire in enumerate(row.steps[u].outputs if row.steps[u].part is not None else ()):
                    refs.setdefault(id(wire), []).append((place, number))
            self.known.append(refs)

    def wire(self, ref: Ref, u: int) -> Wire | None:
        """The value in use u that a reference means."""
        place, number = ref
        if place == GIVEN:
            return self.uses[u].inputs[number]
        row = self.rows[place]
        if row.steps[u].part is not None:
            outputs = row.steps[u].outputs
            return outputs[number] if number < len(outputs) else None
        return self.wire(row.stand, u) if row.stand is not None and number == 0 else None

    def common(self, wire: Wire, u: int, among: Sequence[int], wires: Sequence[Wire | None] = ()) -> Ref:
        """Where a value of use u comes from; with `wires`, the reference that means each of them in its own use."""
        refs = [r for v, w in zip(among, wires, strict=False) for r in self.known[v].get(id(w), ())]
        ref: Ref
        for ref in dict.fromkeys([*self.known[u].get(id(wire), ()), *refs]):
            if not wires or all(self.wire(ref, v) is w for v, w in zip(among, wires, strict=True)):
                return ref
        if len(self.uses) == 1:
            raise Unstructured(f"{wire.origin} cannot be reached")
        raise Unlike


def _wire(row: Row, resolve: _Resolver) -> None:
    """Find where the row's values come from, and what it stands for where it is left out."""
    absent = [u for u, s in row.steps.items() if s.part is None]
    if absent:
        stands = [row.steps[u].inputs[0] for u in absent]
        assert stands[0] is not None
        row.stand = resolve.common(stands[0], absent[0], absent, stands)
    present = row.present
    inputs: list[Ref | None] = []
    for slot in range(len(row.first.inputs)):
        wires = [row.steps[u].inputs[slot] for u in present]
        if wires[0] is None or any(w is None for w in wires):
            if any(w is not None for w in wires):
                raise Unlike
            inputs.append(None)
            continue
        inputs.append(resolve.common(wires[0], present[0], present, wires))
    row.inputs = tuple(inputs)
