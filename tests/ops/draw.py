"""Random -> single layers: samples of an operator with an attribute, a size, a rank, a dtype or an input changed.

A draw is mild (each step keeps to what the kinds of the attributes take, and changes equal sizes together) or wild (a
step goes beyond). It asks nobody what is right: `judge` does that.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from shapecalc.ops import grid, loss
from shapecalc.ops.elementwise import DType
from shapecalc.ops.factors import Numbers
from shapecalc.ops.fractional import Ratios
from shapecalc.ops.kinds import (
    Either,
    Flag,
    Layer,
    Listed,
    Null,
    Number,
    Part,
    PerAxis,
    PerAxisOrNone,
    Text,
    Whole,
    Word,
)
from shapecalc.ops.op import INFERRED, REQUIRED
from shapecalc.ops.pad import Sides
from shapecalc.ops.ranks import Dimension
from shapecalc.ops.registry import find
from shapecalc.ops.resize import Factor

from .oracle import made, tensors

if TYPE_CHECKING:
    from random import Random

    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Operator

    Input = tuple[tuple[int, ...], str]

DTYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
"""Halves are left out: they are taken wherever floats are, and some have kernels on a GPU only."""
LARGEST = 400_000
"""Values in an input, so that no draw takes long."""


class Draw:
    """A layer: an operator's name, its arguments as a spec gives them, and (shape, dtype) of each input or None."""

    __slots__ = ("arguments", "inputs", "name")

    def __init__(self, name: str, arguments: dict[str, Any], inputs: list[Input | None]) -> None:
        self.name = name
        self.arguments = arguments
        self.inputs = inputs

    def spec(self) -> str:
        """The text of a spec that holds this layer alone."""
        given = {
            f"x{i}": {"shape": list(x[0]), "batch": False, "dtype": x[1]} for i, x in enumerate(self.inputs) if x
        } or {"x0": {"shape": [1], "batch": False}}
        layer: dict[str, Any] = {self.name: _written(self.arguments), "from": self._from()}
        if not find(self.name).inputs:
            del layer["from"]
        text = json.dumps(layer).replace("Infinity", ".inf")
        return f"shapecalc: 1\ninput: {json.dumps(given)}\nlayers:\n  layer: {text}\n"

    def _from(self) -> Any:
        if None not in self.inputs:
            return [f"x{i}" for i in range(len(self.inputs))]
        slots = [slot.rstrip("?*") for slot in find(self.name).inputs]
        return {slot: f"x{i}" for i, (slot, x) in enumerate(zip(slots, self.inputs, strict=False)) if x}

    def __repr__(self) -> str:
        return f"{self.name} {_written(self.arguments)} of {self.inputs}"


def _written(value: Any) -> Any:
    """A value as JSON has it, which YAML reads too."""
    if isinstance(value, Part):
        return {value.operator.__name__: _written(dict(value.values))}
    if isinstance(value, dict):
        return {key: _written(v) for key, v in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "normal":
        return {value[0]: value[1]}
    return [_written(v) for v in value] if isinstance(value, list | tuple) else value


def draw(name: str, random: Random, *, wild: bool) -> Draw:
    """A random layer of an operator; a wild one has at least one step that goes beyond what is taken."""
    drawn = _sample(name, random)
    for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
        _step(drawn, random, wild=False)
    for _ in range(random.choice((1, 1, 1, 2)) if wild else 0):
        _step(drawn, random, wild=True)
    return drawn


def _sample(name: str, random: Random) -> Draw:
    """One of the operator's own samples; what it infers is written out now and then."""
    operator = find(name)
    samples = [(a, xs) for a, xs in operator.samples() if "operands" not in a]
    arguments, xs = random.choice(samples)
    arguments = dict(arguments)
    op = made(name, arguments, *xs)
    given = tensors(op, xs)
    inputs = [None if t is None else (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in given]
    for attribute in operator.attributes:
        if attribute.default is INFERRED and attribute.name not in arguments and random.random() < 0.5:
            arguments[attribute.name] = getattr(op, attribute.name)
    if any(a.name == "broadcast" for a in operator.attributes):
        arguments["broadcast"] = True
    return Draw(name, arguments, inputs)


def _step(drawn: Draw, random: Random, *, wild: bool) -> None:
    attributes = any(a.name not in HELD for a in find(drawn.name).attributes)
    steps: list[Any] = [_change_attribute] * 5 * attributes
    if drawn.inputs:
        steps += [_change_size] * 4 + [_change_rank] * (2 if wild else 1)
        steps += [_change_dtype] * (2 if wild else 1)
        steps += [_change_count] * (1 if attributes else 8) * wild
    random.choice(steps)(drawn, random, wild)


# inputs


def _present(drawn: Draw, random: Random) -> int | None:
    places = [i for i, x in enumerate(drawn.inputs) if x is not None]
    return random.choice(places) if places else None


def _change_size(drawn: Draw, random: Random, wild: bool) -> None:
    """One size of one input, or (mild) every size that equals it."""
    i = _present(drawn, random)
    x = drawn.inputs[i] if i is not None else None
    if x is None or not x[0]:
        return
    axis = random.randrange(len(x[0]))
    old = x[0][axis]
    new = random.choice((0, 1, old + 1, old - 1, old * 2, old // 2, random.randint(1, 12)))
    new = max(new, 0 if random.random() < 0.15 else 1)
    for j, other in enumerate(drawn.inputs):
        if other is None or (wild and j != i):
            continue
        sizes = [new if s == old and (not wild or a == axis) else s for a, s in enumerate(other[0])]
        drawn.inputs[j] = _small(tuple(sizes), other)


def _small(shape: tuple[int, ...], otherwise: Input) -> Input:
    count = 1
    for size in shape:
        count *= max(size, 1)
    return (shape, otherwise[1]) if count <= LARGEST else otherwise


def _change_rank(drawn: Draw, random: Random, wild: bool) -> None:
    """An axis dropped or added, of one input or (mild) of all at the same place."""
    i = _present(drawn, random)
    x = drawn.inputs[i] if i is not None else None
    if x is None:
        return
    add, size = random.random() < 0.5, random.choice((1, 2, 3))
    place = random.randint(0, len(x[0])) if wild else 0
    for j, other in enumerate(drawn.inputs):
        if other is not None and (j == i or not wild) and len(other[0]) + add > 0 and len(other[0]) < 7:
            p = min(place, len(other[0]) - (not add))
            shape = (*other[0][:p], size, *other[0][p:]) if add else (*other[0][:p], *other[0][p + 1 :])
            drawn.inputs[j] = _small(shape, other)


def _change_dtype(drawn: Draw, random: Random, wild: bool) -> None:
    """The dtype of one input or (mild) of all that share it, to another float."""
    i = _present(drawn, random)
    x = drawn.inputs[i] if i is not None else None
    if x is None:
        return
    new = random.choice(DTYPES) if wild or not x[1].startswith("float") else random.choice(DTYPES[:2])
    for j, other in enumerate(drawn.inputs):
        if other is not None and (j == i or (other[1] == x[1] and not wild)):
            drawn.inputs[j] = (other[0], new)


OVERLOADED = frozenset({"Max", "Min", "Clamp", "Where"})
"""Functions that torch takes with another number of tensors for something else (the larger of two tensors)."""


def _change_count(drawn: Draw, random: Random, wild: bool) -> None:
    """One input less, or the last one twice."""
    if drawn.name in OVERLOADED:
        return
    if len(drawn.inputs) > 1 and random.random() < 0.5:
        drawn.inputs.pop()
    elif drawn.inputs[-1] is not None and None not in drawn.inputs:
        shape, dtype = drawn.inputs[-1]
        drawn.inputs.append((shape or (2,), dtype))  # a tensor without dimensions passes for a number


# attributes


def _change_attribute(drawn: Draw, random: Random, wild: bool) -> None:
    operator = find(drawn.name)
    free = [a for a in operator.attributes if a.name not in HELD]
    if not free:
        return
    attribute = random.choice(free)
    now = drawn.arguments.get(attribute.name, attribute.default)
    if now is REQUIRED or now is INFERRED:
        now = None
    first = drawn.inputs[0] if drawn.inputs else None
    new = Drawing(random, len(first[0]) if first else 1, wild).value(attribute.kind, now)
    if new is None and attribute.default is INFERRED:
        drawn.arguments.pop(attribute.name, None)
    else:
        drawn.arguments[attribute.name] = new


HELD = frozenset({"operands", "broadcast"})
"""Not drawn: operands are names, and sums that stretch sizes of 1 say so (elsewhere that is refused on purpose)."""


class Drawing:
    """Draws a value for an attribute by its kind; `rank` is the rank of the first input."""

    def __init__(self, random: Random, rank: int, wild: bool) -> None:
        self.random = random
        self.rank = rank
        self.wild = wild

    def value(self, kind: Kind, now: Any) -> Any:
        for kinds, method in WAYS:
            if isinstance(kind, kinds):
                return method(self, kind, now)
        return now

    def either(self, kind: Either, now: Any) -> Any:
        return self.value(self.random.choice(kind.kinds), now)

    def nothing(self, kind: Null, now: Any) -> None:
        return None

    def flag(self, kind: Flag, now: Any) -> bool:
        return self.random.random() < 0.5

    def word(self, kind: Any, now: Any) -> str:
        if self.wild and self.random.random() < 0.7:
            return "wobble"
        return str(self.random.choice(getattr(kind, "order", None) or kind.choices))

    def dtype(self, kind: Any, now: Any) -> str:
        return "wobble" if self.wild else self.random.choice(DTYPES)

    def whole(self, kind: Whole, now: Any) -> int:
        now = now if type(now) is int else 2
        least = kind.least if kind.least is not None else -3
        choices = [now + 1, now - 1, now * 2, now // 2, 1, 2, 3, 4]
        if not self.wild:
            return int(max(self.random.choice(choices), least))
        return int(self.random.choice([*choices, 0, -1, -2, now + 5]))

    def dimension(self, kind: Dimension, now: Any) -> int:
        beyond = (self.rank, -self.rank - 1, self.rank + 2) if self.wild else ()
        return int(self.random.choice([*beyond, *range(-self.rank, self.rank)] or [0]))

    def number(self, kind: Number, now: Any) -> Any:
        now = now if isinstance(now, int | float) else 1
        choices = [now, now / 2, now * 2, 0.5, 1, 2, 1e-3, 0.25, 3]
        if self.wild:
            return self.random.choice([*choices, -1, 0, 1.5, -0.5, 0.0])
        fit = [c for c in choices if (kind.low is None or c >= kind.low) and (kind.high is None or c <= kind.high)]
        return self.random.choice(fit)

    def per_axis(self, kind: PerAxis, now: Any) -> Any:
        item: Kind = kind.item
        if self.random.random() < 0.5:
            return self.item(kind, item, now[0] if isinstance(now, list | tuple) and now else now)
        length = kind.rank
        if self.wild and self.random.random() < 0.3:
            length = kind.rank + 1 if isinstance(kind, Sides) else self.random.choice((kind.rank + 1, kind.rank + 2))
        values = list(now) if isinstance(now, list | tuple) and now else [now] * length
        return [self.item(kind, item, values[i % len(values)]) for i in range(length)]

    def item(self, kind: PerAxis, item: Kind, now: Any) -> Any:
        if isinstance(kind, PerAxisOrNone) and self.random.random() < 0.2:
            return None
        if isinstance(kind, Sides):
            return self.random.choice((-2, -1, 0, 0, 1, 1, 2, 3) if self.wild else (-1, 0, 1, 1, 2))
        return self.value(item, now) if self.random.random() < 0.7 or now is None else now

    def listed(self, kind: Listed, now: Any) -> Any:
        if isinstance(kind.item, Dimension):
            return self.dimensions(now)
        values = list(now) if isinstance(now, list | tuple) else [1 if now is None else now]
        change = self.random.choice(("item", "item", "shuffle", "drop", "add"))
        if change == "item" and values:
            i = self.random.randrange(len(values))
            values[i] = self.value(kind.item, values[i])
        elif change == "shuffle":
            self.random.shuffle(values)
        elif change == "drop" and values and self.wild:
            values.pop(self.random.randrange(len(values)))
        elif self.wild:
            values.insert(self.random.randint(0, len(values)), self.value(kind.item, 1))
        return values

    def dimensions(self, now: Any) -> Any:
        count = len(now) if isinstance(now, list | tuple) else 1
        dims = [d - self.random.choice((0, self.rank)) for d in self.random.sample(range(self.rank), self.rank)]
        if not self.wild:
            return dims[:count]
        wrong = [[*dims[:count], self.rank], [-self.rank - 1], dims[:count] * 2, dims, dims[: count - 1]]
        return self.random.choice(wrong)

    def equation(self, kind: Text, now: Any) -> Any:
        """An equation with a letter dropped, doubled, or put in another's place."""
        places = [m.start() for m in re.finditer(r"\w", now)] if isinstance(now, str) else []
        if not places or not self.wild:
            return now
        i = self.random.choice(places)
        return now[:i] + self.random.choice(("", now[i] * 2, "z", self.random.choice("bijk"))) + now[i + 1 :]

    def factor(self, kind: Factor, now: Any) -> float:
        choices = (0.5, 1, 2, 1.5, 3, 0.25, 2.0, 0.7)
        return self.random.choice((*choices, 0, -1, -0.5, 0.1) if self.wild else choices)

    def ratios(self, kind: Ratios, now: Any) -> Any:
        choices = (0.5, 0.75, 0.3, 0.9, 0.05) + ((1.5, -0.5, 1.0, 0.0) if self.wild else ())
        one = self.random.choice(choices)
        return self.random.choice((one, [self.random.choice(choices) for _ in range(kind.rank)]))

    def numbers(self, kind: Numbers, now: Any) -> Any:
        """Factors: others in their place, or (wild) one more or less."""
        if not isinstance(now, list | tuple) or self.random.random() < 0.2:
            return None if self.random.random() < 0.5 else [1.0] * self.random.randint(1, 4)
        factors = [*now]
        if self.wild:
            factors = factors[1:] if self.random.random() < 0.5 else [*factors, factors[0]]
        return factors

    def layer(self, kind: Layer, now: Any) -> Any:
        """The layer with an argument of it changed."""
        operator: type[Operator] = now.operator if isinstance(now, Part) else find(kind.operators[0])
        if not isinstance(now, Part):
            return now
        attribute = self.random.choice(operator.attributes)
        old = now.values.get(attribute.name, attribute.default)
        old = None if old is REQUIRED or old is INFERRED else old
        new = Drawing(self.random, self.rank, self.wild).value(attribute.kind, old)
        values = {**now.values, attribute.name: new}
        return Part(operator, {k: v for k, v in values.items() if not (v is None and attribute.default is INFERRED)})


WAYS: tuple[tuple[Any, Any], ...] = (
    (Null, Drawing.nothing),
    (Numbers, Drawing.numbers),
    (Either, Drawing.either),
    (Flag, Drawing.flag),
    ((Word, loss.Choice, grid.Choice), Drawing.word),
    (DType, Drawing.dtype),
    (Dimension, Drawing.dimension),
    (Whole, Drawing.whole),
    (Number, Drawing.number),
    (PerAxis, Drawing.per_axis),
    (Listed, Drawing.listed),
    (Factor, Drawing.factor),
    (Ratios, Drawing.ratios),
    (Layer, Drawing.layer),
    (Text, Drawing.equation),
)
"""What draws for which kind; the first that fits."""
