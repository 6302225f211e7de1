"""Readers of arguments: what values an attribute takes, in torch's terms, and how each is brought into one form.

A kind gets a plain value (number, boolean, text, list, symbolic size) that an expression or YAML gave, and returns the
form that the rules use, or raises `Unfit` with what it wants. It knows no file and no operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.ops.op import Uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Operator


class Unfit(Exception):
    """A value that a kind does not take; the text says what is, and what it wants."""


def shown(value: Any) -> str:
    """A value as the user would write it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(v).removeprefix("the text ") for v in value) + "]"
    return str(value)


class Kind:
    """A reader. `words` are texts taken literally; with `text` every text is, and no expression is read."""

    words: frozenset[str] = frozenset()
    text = False
    wants = "a value"
    layer = False
    """Whether it takes a layer, written as one."""
    settings: Mapping[str, Kind] | None = None
    """The kinds of the values, by name, where it takes a mapping."""
    types: tuple[type, ...] = ()
    """Types of values that it takes at all: one of another type is of the wrong type, not refused."""

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    def gaps(self, value: Any) -> Iterator[Dim]:
        """What must be at least 0 of sizes in `value`, as read, that are not known yet; numbers were judged then."""
        return iter(())

    def same(self, value: Any, default: Any) -> bool:
        """Whether `value`, as read, is what torch would take by default."""
        return bool(type(value) is type(default) and value == default)

    def unfit(self, value: Any) -> Unfit:
        return Unfit(f"it is {shown(value)} where {self.wants} is due")

    def schema(self) -> dict[str, Any]:
        """What it takes as JSON Schema; a text may be an expression, so it is refused nowhere."""
        if not self.types:
            return {}
        return {"type": sorted({JSON_TYPES[t] for t in self.types} | {"string"})}


JSON_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", list: "array", dict: "object"}


class Whole(Kind):
    """An integer, or a size not known yet, of at least `least`."""

    types = (int,)

    def __init__(self, least: int | None = None) -> None:
        self.least = least
        self.wants = "an integer" if least is None else f"an integer of at least {least}"

    def schema(self) -> dict[str, Any]:
        return super().schema() | ({} if self.least is None else {"minimum": self.least})

    def read(self, value: Any) -> Dim:
        if type(value) is int:
            if self.least is not None and value < self.least:
                raise self.unfit(value)
            return value
        if isinstance(value, Sym):
            return value
        if isinstance(value, float):
            raise Unfit(
                f"it is the float {value:g} where {self.wants} is due; `//` divides integers, int() or round() converts"
            )
        raise self.unfit(value)

    def gaps(self, value: Any) -> Iterator[Dim]:
        if isinstance(value, Sym) and self.least is not None:
            yield value - self.least


class Size(Whole):
    """A size that an axis is given, or -1 where torch works it out, for which no size not known yet may be taken."""

    def gaps(self, value: Any) -> Iterator[Dim]:
        if isinstance(value, Sym):
            yield value - 1


class Number(Kind):
    """An integer or a float within bounds, which are inclusive; a size not known yet where `sizes` says so."""

    types = (int, float)

    def __init__(self, low: float | None = None, high: float | None = None, *, sizes: bool = False) -> None:
        self.low, self.high, self.sizes = low, high, sizes
        bounds = [f"at {side} {bound:g}" for side, bound in (("least", low), ("most", high)) if bound is not None]
        self.wants = " ".join(["a number", *([f"({', '.join(bounds)})"] if bounds else [])])

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.low, "maximum": self.high}
        return super().schema() | {name: bound for name, bound in bounds.items() if bound is not None}

    def read(self, value: Any) -> Any:
        if isinstance(value, Sym):
            if self.sizes:
                return value
            raise Unfit(f"it is {value} where {self.wants} is due; a size is fixed by --set")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.unfit(value)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise self.unfit(value)
        return value

    def same(self, value: Any, default: Any) -> bool:
        return bool(value == default) and not isinstance(default, bool)


class Flag(Kind):
    wants = "true or false"
    types = (bool,)

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.unfit(value)
        return value


class Word(Kind):
    """One of a closed list of words."""

    types = (str,)

    def __init__(self, *words: str) -> None:
        self.words = frozenset(words)
        self.order = words
        self.wants = "one of " + ", ".join(words)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.order)}, {"type": "string"}]}

    def read(self, value: Any) -> str:
        if isinstance(value, str) and value in self.words:
            return value
        raise self.unfit(value)


class Text(Kind):
    """Free text, never an expression."""

    text = True
    wants = "text"
    types = (str,)

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.unfit(value)
        return value


class PerAxis(Kind):
    """One whole number for each of `rank` spatial axes, or a single one for all."""

    types = (int, list)

    def __init__(self, rank: int, least: int = 0) -> None:
        self.rank = rank
        self.item = Whole(least)
        self.wants = f"{self.item.wants}, or a list of {rank}" if rank > 1 else self.item.wants

    def schema(self) -> dict[str, Any]:
        each = self.item.schema()
        return {"anyOf": [each, {"type": "array", "items": each, "minItems": self.rank, "maxItems": self.rank}]}

    def read(self, value: Any) -> Uniform:
        if not isinstance(value, list | tuple):
            return Uniform((self._item(value),) * self.rank)
        if len(value) != self.rank:
            raise Unfit(f"it has {len(value)} numbers where one for each of {self.rank} axes is due")
        return Uniform(self._item(v) for v in value)

    def _item(self, value: Any) -> Any:
        try:
            return self.item.read(value)
        except Unfit:
            if isinstance(value, float):
                raise
            raise self.unfit(value) from None

    def gaps(self, value: Any) -> Iterator[Dim]:
        return chain.from_iterable(map(self.item.gaps, dict.fromkeys(value)))

    def same(self, value: Any, default: Any) -> bool:
        return bool(tuple(value) == (default,) * self.rank)


class PerAxisOrNone(PerAxis):
    """As PerAxis, but single numbers may be null: the axis keeps its size (adaptive pools)."""

    def schema(self) -> dict[str, Any]:
        each = {"anyOf": [self.item.schema(), {"type": "null"}]}
        return {"anyOf": [each, {"type": "array", "items": each, "minItems": self.rank, "maxItems": self.rank}]}

    def _item(self, value: Any) -> Any:
        return None if value is None else super()._item(value)

    def same(self, value: Any, default: Any) -> bool:
        return False


class Listed(Kind):
    """A list of what `item` takes; one value stands for a list of one unless `strict`."""

    types = (list,)

    def __init__(self, item: Kind, *, strict: bool = False, length: Sequence[int] | None = None) -> None:
        self.item = item
        self.strict = strict
        self.length = length
        counts = f" {' or '.join(map(str, length))}" if length else ""
        self.wants = f"a list of{counts} values, each {item.wants}"

    def schema(self) -> dict[str, Any]:
        each = self.item.schema()
        return {"anyOf": [{"type": "array", "items": each}, {"type": "string"} if self.strict else each]}

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            if self.strict:
                raise self.unfit(value)
            value = [value]
        if self.length and len(value) not in self.length:
            raise self.unfit(value)
        return tuple(self.item.read(v) for v in value)

    def gaps(self, value: Any) -> Iterator[Dim]:
        return chain.from_iterable(map(self.item.gaps, dict.fromkeys(value)))

    def same(self, value: Any, default: Any) -> bool:
        return bool(value == default)


class Either(Kind):
    """What the first of several kinds takes that takes it."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds
        self.words = frozenset().union(*(k.words for k in kinds))
        self.text = any(k.text for k in kinds)
        self.types = tuple(t for k in kinds for t in k.types)
        self.wants = " or ".join(k.wants for k in kinds)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def read(self, value: Any) -> Any:
        for kind in self.kinds:
            try:
                return kind.read(value)
            except Unfit:
                continue
        raise self.unfit(value)

    def gaps(self, value: Any) -> Iterator[Dim]:
        return next(kind for kind in self.kinds if _fits(kind, value)).gaps(value)

    def same(self, value: Any, default: Any) -> bool:
        return any(k.same(value, default) for k in self.kinds if _fits(k, value))


def _fits(kind: Kind, value: Any) -> bool:
    try:
        kind.read(list(value) if isinstance(value, tuple) else value)
    except Unfit:
        return False
    return True


class Null(Kind):
    """Only null."""

    wants = "null"

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}

    def read(self, value: Any) -> None:
        if value is not None:
            raise self.unfit(value)

    def same(self, value: Any, default: Any) -> bool:
        return value is None and default is None


class Part:
    """A layer given as an argument: the operator's class and the values of its arguments as read."""

    __slots__ = ("operator", "values")

    def __init__(self, operator: type[Operator], values: Mapping[str, Any]) -> None:
        self.operator = operator
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and (self.operator, self.values) == (other.operator, other.values)

    def __hash__(self) -> int:
        return hash((self.operator, tuple(self.values.items())))

    def __repr__(self) -> str:
        return f"{self.operator.__name__}({', '.join(f'{name}={value}' for name, value in self.values.items())})"


class Layer(Kind):
    """A layer of one of the operators named, where torch wants a module."""

    layer = True

    def __init__(self, *operators: str) -> None:
        self.operators = operators
        self.wants = f"a layer ({', '.join(operators)})"

    def read(self, value: Any) -> Part:
        if not isinstance(value, Part) or value.operator.__name__ not in self.operators:
            raise self.unfit(value)
        of_call = [name for name in value.values if name in getattr(value.operator, "forward", ())]
        if of_call:
            raise Unfit(f"it states {of_call[0]}, which is told to the call of the layer and not here")
        return value

    def gaps(self, value: Any) -> Iterator[Dim]:
        kinds = {a.name: a.kind for a in value.operator.attributes} if value is not None else {}
        return chain.from_iterable(
            kind.gaps(value.values[name]) for name, kind in kinds.items() if name in value.values
        )


INT = Whole()
POSITIVE = Whole(1)
COUNT = Whole(0)
NUMBER = Number()
AMOUNT = Number(sizes=True)
FRACTION = Number(0, 1)
FLAG = Flag()
NULL = Null()
SHAPE = Listed(Size())
DIMS = Listed(INT)


def or_null(kind: Kind) -> Either:
    """The kind, or null where torch takes None."""
    return Either(NULL, kind)
