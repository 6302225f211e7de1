"""Numbers that remember how they came about: a rule that runs on them leaves its arithmetic as a tree.

A traced integer is an integer, so that whatever needs one (a range, an index, a length) gets it. What it cannot follow,
a comparison or a float, it notes in its journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Noting, Sym
from shapecalc.explain.tree import FLOOR, LEAST, MOST, PRODUCT, REST, SCALED, SUM, Name, Number, product, total, work
from shapecalc.explain.writing import text

if TYPE_CHECKING:
    from shapecalc.dims.sym import Dim
    from shapecalc.explain.tree import Tree


class Journal:
    """What a rule did besides arithmetic: the cases that it told apart, and where a number left the trace."""

    __slots__ = ("cases", "losses")

    def __init__(self) -> None:
        self.cases: dict[str, None] = {}
        self.losses: dict[str, None] = {}


class Traced(Noting):
    """What traced integers and traced closed forms share: arithmetic that makes trees."""

    __slots__ = ()
    tree: Tree
    journal: Journal

    def _with(self, kind: str, left: Any, right: Any) -> Any:
        if not isinstance(left, int | Sym | Traced) or not isinstance(right, int | Sym | Traced):
            return self._float(kind, left, right)
        a, b = tree_of(left), tree_of(right)
        if kind == PRODUCT:
            return traced(product(a, b), self.journal)
        if kind in (SUM, "-"):
            return traced(total(a, b, 1 if kind == SUM else -1), self.journal)
        return traced(work(kind, a, b), self.journal)

    def _float(self, kind: str, left: Any, right: Any) -> Any:
        """Work with floats leaves the trace; other values are their own class's matter."""
        if not isinstance(left, int | float | Traced) or not isinstance(right, int | float | Traced):
            return NotImplemented
        self.journal.losses[f"{_shown(left)} {kind} {_shown(right)}"] = None
        a, b = plain(left), plain(right)
        return {SUM: a.__add__, "-": a.__sub__, PRODUCT: a.__mul__, FLOOR: a.__floordiv__, REST: a.__mod__}[kind](b)

    def __add__(self, other: Any) -> Any:
        return self._with(SUM, self, other)

    def __radd__(self, other: Any) -> Any:
        return self._with(SUM, other, self)

    def __sub__(self, other: Any) -> Any:
        return self._with("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._with(PRODUCT, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._with(PRODUCT, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(FLOOR, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._with(FLOOR, other, self)

    def __mod__(self, other: Any) -> Any:
        return self._with(REST, self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._with(REST, other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __neg__(self) -> Any:
        return self._with("-", 0, self)

    def __pos__(self) -> Any:
        return self

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        power: Any = 1
        for _ in range(other):
            power = self * power
        return power

    def least(self, a: Any, b: Any) -> Any:
        return self._with(LEAST, a, b)

    def most(self, a: Any, b: Any) -> Any:
        return self._with(MOST, a, b)

    def scaled(self, factor: float) -> Any:
        if isinstance(factor, int):
            return self * factor
        return traced(work(SCALED, self.tree, Number(factor)), self.journal)

    def compared(self, sign: str, other: Any, holds: bool) -> bool:
        """Note the sign of a quantity, and which of two is larger; how sizes otherwise compare chooses no formula."""
        telling = plain(other) == 0 if not isinstance(other, Traced) else isinstance(other.tree, Name)
        if telling and isinstance(self.tree, Name) and sign not in ("==", "!="):
            self.journal.cases[f"{_shown(self)} {sign if holds else OPPOSITE[sign]} {_shown(other)}"] = None
        return holds


OPPOSITE = {"<": ">=", ">=": "<", "<=": ">", ">": "<=", "==": "!=", "!=": "=="}


class TracedInt(Traced, int):
    """A known number with its tree."""

    def __lt__(self, other: Any) -> bool:
        return self.compared("<", other, int(self.tree.value) < plain(other))

    def __le__(self, other: Any) -> bool:
        return self.compared("<=", other, int(self.tree.value) <= plain(other))

    def __gt__(self, other: Any) -> bool:
        return self.compared(">", other, int(self.tree.value) > plain(other))

    def __ge__(self, other: Any) -> bool:
        return self.compared(">=", other, int(self.tree.value) >= plain(other))

    def __eq__(self, other: Any) -> bool:
        same: bool = self.tree.value == plain(other)
        return self.compared("==", other, same) if isinstance(other, int) else same

    def __ne__(self, other: Any) -> bool:
        return not self == other

    __hash__ = int.__hash__

    def __truediv__(self, other: Any) -> Any:
        self.journal.losses[f"{_shown(self)} / {_shown(other)}"] = None
        return int(self.tree.value) / plain(other)

    def __rtruediv__(self, other: Any) -> Any:
        self.journal.losses[f"{_shown(other)} / {_shown(self)}"] = None
        return plain(other) / int(self.tree.value)


class TracedSize(Traced):
    """A closed form with its tree; it cannot be compared, as closed forms cannot."""

    __slots__ = ("journal", "tree")

    def _refuse(self, *_: Any) -> Any:
        return int(self.tree.value)  # raises what closed forms raise

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __int__ = __float__ = __index__ = _refuse

    def __eq__(self, other: object) -> bool:
        return bool(self.tree.value == plain(other))

    def __hash__(self) -> int:
        return hash(self.tree.value)

    @property
    def names(self) -> frozenset[str]:
        assert isinstance(self.tree.value, Sym)
        return self.tree.value.names

    def __str__(self) -> str:
        return str(self.tree.value)


def traced(tree: Tree, journal: Journal) -> Any:
    """The number of a tree. What holds no name is a plain number."""
    if isinstance(tree, Number) and not isinstance(tree.value, Sym):
        return tree.value
    found: Any = TracedSize() if isinstance(tree.value, Sym) else TracedInt(tree.value)
    found.tree = tree
    found.journal = journal
    return found


def named(word: str, value: Dim, journal: Journal, meaning: str = "") -> Any:
    """A quantity with a name, from which a trace begins."""
    return traced(Name(word, value, meaning), journal)


def plain(value: Any) -> Any:
    """The number behind a traced one; anything else as it is."""
    return value.tree.value if isinstance(value, Traced) else value


def tree_of(value: Any) -> Tree:
    """The tree of a traced number, or a plain number as a tree."""
    return value.tree if isinstance(value, Traced) else Number(int(value) if isinstance(value, bool) else value)


def _shown(value: Any) -> str:
    return text(value.tree) if isinstance(value, Traced) else str(value)
