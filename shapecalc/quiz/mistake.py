"""Named mistakes: the same rules with one thing changed -> the value that whoever makes the mistake comes to.

A mistake reads the formula of the right answer, as the operator's own rules gave it, and works it out with other values
of its letters or with a piece of the arithmetic changed. So it needs no formula of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from shapecalc.explain.tree import FLOOR, PRODUCT, SUM, Name, Number, Work, names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.explain.tree import Tree
    from shapecalc.quiz.problem import Solved
    from shapecalc.quiz.question import Value

Rule: TypeAlias = "Callable[[Tree], Tree]"


class Mistake:
    """A mistake with the sentence that tells it; `value(solved)` is None where it cannot be made here."""

    __slots__ = ("feedback", "name", "rule")

    def __init__(self, name: str, feedback: str, rule: Callable[[Solved], Value | None]) -> None:
        self.name = name
        self.feedback = feedback
        self.rule = rule

    def value(self, solved: Solved) -> Value | None:
        """What the mistake leads to. An impossible number counts as one that nobody would give: it is None."""
        try:
            found = self.rule(solved)
        except (ZeroDivisionError, ValueError, TypeError):
            return None
        sizes = found if isinstance(found, tuple) else (found,)
        if found is None or found == solved.answer or any(s is None or s <= 0 for s in sizes):
            return None
        return found


def arithmetic(rule: Rule) -> Callable[[Solved], Value | None]:
    """A mistake in the arithmetic: every formula of the answer is rewritten and worked out again."""
    return lambda solved: solved.together([rule(tree).value for tree in solved.trees])


def letters(**values: int | Callable[[Mapping[str, int]], int]) -> Callable[[Solved], Value | None]:
    """A mistake about quantities: letters get other values, numbers or what a function makes of all letters.

    A letter with an axis (`k_h`) goes by the letter itself (`k`).
    """
    return arithmetic(lambda tree: _valued(tree, values))


def _valued(tree: Tree, values: Mapping[str, Any]) -> Tree:
    known: dict[str, int] = {text: n.value for text, n in names(tree).items()}  # type: ignore[misc]

    def changed(name: Name) -> Tree:
        stem = name.text if name.text in values else name.text.partition("_")[0]
        if stem not in values:
            return name
        new = values[stem]
        return Number(new(known) if callable(new) else new)

    return rewritten(tree, lambda t: changed(t) if isinstance(t, Name) else t)


def rewritten(tree: Tree, by: Rule) -> Tree:
    """The tree with every part of it, the innermost first, replaced by what the rule makes of it."""
    if isinstance(tree, Work):
        tree = Work(tree.kind, [rewritten(p, by) for p in tree.parts], tree.signs)
    return by(tree)


def no_plus_one(tree: Tree) -> Tree:
    """(a)//s + 1 -> (a)//s"""

    def rule(part: Tree) -> Tree:
        if not _is(part, SUM) or not any(_is(p, FLOOR) for p in part.parts):
            return part
        kept = [(p, s) for p, s in zip(part.parts, part.signs, strict=True) if not (_one(p) and s > 0)]
        return kept[0][0] if len(kept) == 1 else Work(SUM, [p for p, _ in kept], [s for _, s in kept])

    return rewritten(tree, rule)


def rounded_up(tree: Tree) -> Tree:
    """a//s -> (a + s - 1)//s"""

    def rule(part: Tree) -> Tree:
        if not _is(part, FLOOR):
            return part
        top, bottom = part.parts
        return Work(FLOOR, [Work(SUM, [top, bottom, Number(1)], [1, 1, -1]), bottom])

    return rewritten(tree, rule)


def padding_once(tree: Tree) -> Tree:
    """2*p -> p"""

    def rule(part: Tree) -> Tree:
        if not _is(part, PRODUCT) or len(part.parts) != 2:
            return part
        two, name = part.parts
        padded = isinstance(name, Name) and name.text.partition("_")[0] == "p"
        return name if padded and isinstance(two, Number) and two.value == 2 else part

    return rewritten(tree, rule)


def whole_kernel(tree: Tree) -> Tree:
    """d*(k - 1) -> d*k: the kernel's size in place of the steps between its ends."""

    def rule(part: Tree) -> Tree:
        if not _is(part, SUM) or len(part.parts) != 2 or not _one(part.parts[1]) or part.signs != (1, -1):
            return part
        first = part.parts[0]
        return first if isinstance(first, Name) and first.text.partition("_")[0] == "k" else part

    return rewritten(tree, rule)


def _is(tree: Tree, kind: str) -> TypeGuard[Work]:
    return isinstance(tree, Work) and tree.kind == kind


def _one(tree: Tree) -> bool:
    return isinstance(tree, Number) and tree.value == 1


NO_PLUS_ONE = Mistake("no-plus-one", "The first window counts too: add 1 after the division.", arithmetic(no_plus_one))
ROUNDED_UP = Mistake("rounded-up", "The division was rounded up; torch rounds it down.", arithmetic(rounded_up))
PADDING_ONCE = Mistake(
    "padding-once", "The padding was counted once; it stands on both sides.", arithmetic(padding_once)
)
PADDING_FORGOTTEN = Mistake("padding-forgotten", "The padding was left out.", letters(p=0))
STRIDE_FORGOTTEN = Mistake("stride-forgotten", "The stride was taken for 1.", letters(s=1))
DILATION_FORGOTTEN = Mistake("dilation-forgotten", "The dilation was taken for 1.", letters(d=1))
GROUPS_FORGOTTEN = Mistake(
    "groups-forgotten", "The groups were left out: a filter sees only the channels of its group.", letters(g=1)
)
