"""A settled operator and the shapes around it -> the same operator on named quantities, and what its rules say of them.

No formula stands here: all come from running `shape`, `weights`, `macs`, `needs` and `window` of the operator itself.
A rule that does not run on traced numbers, or gives another number than on plain ones, gives no formula but a reason.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import names
from shapecalc.explain.letters import Letters, axis_title
from shapecalc.explain.steps import Working
from shapecalc.explain.traced import plain
from shapecalc.ops.kinds import Part
from shapecalc.ops.op import INFERRED, UnknownFact
from shapecalc.ops.ranks import Dimension

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Operator, Shape

UNTRACED = "no formula: the rule needs plain numbers"
STATED = "no formula: the block states it"
FLOATS = "no formula: it is rounded as a float"


GUESS = -1


class Trace:
    """An operator on named quantities: `op`, `xs` and `ys` are traced, or None where it does not run on them.

    `plain_op`, `plain_xs` and `plain_ys` are what was given; `batch` is the axis of the batch, guessed where not told.
    """

    def __init__(self, op: Operator, xs: Sequence[Shape | None], batch: int | None = GUESS) -> None:
        self.plain_op = op
        self.plain_xs: Any = tuple(xs)
        self.rank = _spatial(op, xs)
        self.batch = _guessed(xs, self.rank) if batch == GUESS else batch
        self.plain_ys: Any = attempt(lambda: op.shape(*xs))  # type: ignore[arg-type]
        self._run(careful=False)
        if not self._agrees():
            self._run(careful=True)

    def _run(self, *, careful: bool) -> None:
        channel = "C_in" if any(a.name == "in_channels" for a in self.plain_op.attributes) else "C"
        self.letters = Letters(self.rank, channel, careful)
        self.op: Any = None
        self.xs: Any = ()
        self.ys: Any = None
        found = attempt(self._settled)
        if found is None:
            return
        self.op, self.xs = found
        ys = attempt(lambda: self.op.shape(*self.xs))
        if ys is not None and self.plain_ys is not None and same(ys, self.plain_ys):
            self.ys = tuple(self.letters.output(y, n, self.batch) for n, y in enumerate(ys))

    def _agrees(self) -> bool:
        """Whether the rules give the same on names as on numbers."""
        if self.ys is None:
            return False
        try:
            weights = self.plain_op.weights()
        except UnknownFact:
            return True
        found = attempt(self.op.weights)
        return found is not None and all(same(found.get(n), shape) for n, shape in weights.items())

    def _settled(self) -> tuple[Operator, tuple[Any, ...]]:
        """The operator again, settled on names: attributes first, as theirs are the letters that people know."""
        given = self.plain_op.given
        values = {
            a.name: self._value(a.name, a.kind, given.get(a.name, a.default))
            for a in self.plain_op.attributes
            if (given.get(a.name, a.default)) is not INFERRED
        }
        for a in self.plain_op.attributes:
            if a.name not in values:
                values[a.name] = self._value(a.name, a.kind, getattr(self.plain_op, a.name))
        slots = _slots(self.plain_op, len(self.plain_xs))
        xs = tuple(self.letters.input(x, s, self.batch) for x, s in zip(self.plain_xs, slots, strict=True))
        return type(self.plain_op)({**given, **values}, *xs), xs

    def _value(self, name: str, kind: Kind, value: Any) -> Any:
        if isinstance(value, Part):
            kinds = {a.name: a.kind for a in value.operator.attributes}
            return Part(value.operator, {n: self._value(n, kinds[n], v) for n, v in value.values.items() if n in kinds})
        if value is INFERRED or name == "operands" or _numbers_axes(name, kind):
            return value
        return self.letters.attribute(name, value)

    @property
    def unformulated(self) -> str:
        """Why a number that is known has no formula."""
        return STATED if self.plain_op.stated else UNTRACED

    def working(self, quantity: str, rule: Callable[[], Any], actual: Any) -> Working:
        """The working of one number that a rule gives; `actual` is what it is."""
        journal = self.letters.journal
        journal.cases.clear()
        journal.losses.clear()
        if self.op is None or self.plain_op.stated:
            return Working(quantity, actual, self.unformulated)
        found = attempt(rule)
        if found is None or not same(found, actual):
            return Working(quantity, actual, UNTRACED if not journal.losses else FLOATS)
        if type(found) is int and journal.losses:
            return Working(quantity, actual, FLOATS)
        return Working(quantity, found, cases=tuple(journal.cases))

    def sizes(self, number: int = 0) -> list[Working]:
        """The sizes of an output, axis by axis."""
        if self.plain_ys is None or number >= len(self.plain_ys):
            return []
        y = self.plain_ys[number]
        own = bool(self.plain_xs) and self.plain_xs[0] is not None and len(self.plain_xs[0]) == len(y)
        rank = self.rank if own else 0
        batch = self.batch if number == 0 else None
        return [
            self.working(axis_title(a, len(y), rank, batch), self._size(number, a), size) for a, size in enumerate(y)
        ]

    def _size(self, number: int, axis: int) -> Callable[[], Any]:
        return lambda: self.op.shape(*self.xs)[number][axis]

    def tensors(self) -> dict[str, tuple[Working, Shape]]:
        """The number of values of each parameter, by name, with its shape. Raises UnknownFact."""
        return {
            name: (self.working(name, self._values(name), prod(shape)), shape)
            for name, shape in self.plain_op.weights().items()
        }

    def _values(self, name: str) -> Callable[[], Any]:
        return lambda: prod(self.op.weights()[name])

    def params(self) -> Working:
        """The number of all parameters. Raises UnknownFact."""
        actual = sum(prod(shape) for shape in self.plain_op.weights().values())
        return self.working("params", lambda: sum(prod(shape) for shape in self.op.weights().values()), actual)

    def macs(self) -> Working:
        """The multiply-accumulates; the answer is None where the operator does not state them."""
        actual = self.plain_op.macs(self.plain_xs, self.plain_ys)
        if actual is None or self.ys is None:
            return Working("macs", actual, self.unformulated)
        return self.working("macs", lambda: self.op.macs(self.xs, self.ys), actual)

    def gaps(self) -> list[tuple[Any, Any]]:
        """Every need of the plain operator, with the traced gap, or None where there is no trace of it."""
        needs = list(self.plain_op.needs(*self.plain_xs))
        found = attempt(lambda: list(self.op.needs(*self.xs))) if self.op is not None else None
        if found is None or len(found) != len(needs):
            return [(need, None) for need in needs]
        pairs = zip(needs, found, strict=True)
        return [(need, t[1] if t[0] is need[0] and same(t[1], need[1]) else None) for need, t in pairs]


def attempt(rule: Callable[[], Any]) -> Any:
    """What a rule gives on traced numbers, None where it cannot run on them."""
    try:
        return rule()
    except UnknownFact:
        raise
    except Exception:  # whatever it trips over, the plain number is known, and the page says that it has no formula
        return None


def same(found: Any, actual: Any) -> bool:
    """Whether a number, or sizes, or shapes, are those of the plain rule."""
    if isinstance(actual, tuple | list):
        pairs = isinstance(found, tuple | list) and len(found) == len(actual)
        return pairs and all(map(same, found, actual))
    return bool(plain(found) == plain(actual))


def _numbers_axes(name: str, kind: Kind) -> bool:
    """Whether an attribute holds numbers of dimensions, which are places and no quantities."""
    return isinstance(kind, Dimension) or name in ("dim", "dims", "start_dim", "end_dim", "axis")


def _slots(op: Operator, count: int) -> list[str]:
    """Names of the inputs in formulas: none for a single one, a to z for inputs of one kind."""
    if count < 2:
        return [""] * count
    if any(slot.endswith("*") for slot in op.inputs):
        return [chr(ord("a") + n % 26) for n in range(count)]
    slots = [slot.rstrip("?*") for slot in op.inputs]
    return ["" if slot == "input" else slot for slot in slots[:count]]


def _spatial(op: Operator, xs: Sequence[Shape | None]) -> int:
    """The number of spatial axes: what the operator says, or what is left behind batch and channels of a map."""
    rank = getattr(op, "rank", None)
    if isinstance(rank, int) and 1 <= rank <= 3:
        return rank
    first = xs[0] if xs else None
    return len(first) - 2 if first is not None and len(first) in (4, 5) else 0


def _guessed(xs: Sequence[Shape | None], rank: int) -> int | None:
    """The axis of the batch where none is called so: the one that is left beside channels and spatial axes."""
    first = xs[0] if xs else None
    if not first:
        return None
    known = batch_axis(first)
    if known is None and (len(first) == rank + 2 if rank else len(first) > 1):
        return 0
    return known


def batch_axis(x: Shape | None) -> int | None:
    """The axis whose size is the batch's, N; None where there is none."""
    return next((a for a, size in enumerate(x or ()) if "N" in names(size)), None)
