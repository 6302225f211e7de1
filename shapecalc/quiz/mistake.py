"""Named mistakes: the same rules with one thing changed -> the value that whoever makes the mistake comes to.

A mistake reads the formula of the right answer, as the operator's own rules gave it, and works it out with other values
of its letters or with a piece of the arithmetic changed; or it settles the operator, or another one, with other
arguments. So it needs no formula of its own.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from shapecalc.explain.steps import AXES
from shapecalc.explain.trace import Trace
from shapecalc.explain.tree import FLOOR, PRODUCT, SUM, Name, Number, Work, names
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.op import AT_LEAST_ZERO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapecalc.explain.steps import Working
    from shapecalc.explain.tree import Tree
    from shapecalc.ops.op import Operator
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
        """What the mistake leads to. An impossible number is one that nobody would give, as is a symbol: it is None."""
        try:
            found = self.rule(solved)
        except (ArithmeticError, ValueError, TypeError, LookupError):
            return None
        if found is None or found == solved.answer:
            return None
        least = -inf if solved.least is None else solved.least
        parts = found if isinstance(found, tuple) else (found,)
        return found if all(isinstance(s, int | float) and s >= least for s in parts) else None


def arithmetic(rule: Rule) -> Callable[[Solved], Value | None]:
    """A mistake in the arithmetic: every formula of the answer is rewritten and worked out again."""
    return lambda solved: solved.worked(rule)


def letters(**values: int | Callable[[Mapping[str, int]], int]) -> Callable[[Solved], Value | None]:
    """A mistake about quantities: letters get other values, numbers or what a function makes of all letters.

    A letter with an axis (`k_h`) goes by the letter itself (`k`).
    """
    return arithmetic(lambda tree: _valued(tree, values))


def _valued(tree: Tree, values: Mapping[str, Any]) -> Tree:
    known: dict[str, int] = {text: n.value for text, n in names(tree).items()}  # type: ignore[misc]

    def changed(name: Name) -> Tree:
        stem = name.text if name.text in values else stem_of(name)
        if stem not in values:
            return name
        new = values[stem]
        return Number(new(known) if callable(new) else new)

    return rewritten(tree, lambda t: changed(t) if isinstance(t, Name) else t)


def stem_of(name: Name) -> str:
    """The letter without its axis: k of k_h; p_out keeps its word."""
    return name.text[:-2] if name.text[-2:] in AXES else name.text


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
        padded = isinstance(name, Name) and stem_of(name) == "p"
        return name if padded and isinstance(two, Number) and two.value == 2 else part

    return rewritten(tree, rule)


def whole_kernel(tree: Tree) -> Tree:
    """d*(k - 1) -> d*k: the kernel's size in place of the steps between its ends."""

    def rule(part: Tree) -> Tree:
        if not _is(part, SUM) or len(part.parts) != 2 or not _one(part.parts[1]) or part.signs != (1, -1):
            return part
        first = part.parts[0]
        return first if isinstance(first, Name) and stem_of(first) == "k" else part

    return rewritten(tree, rule)


def _is(tree: Tree, kind: str) -> TypeGuard[Work]:
    return isinstance(tree, Work) and tree.kind == kind


def _one(tree: Tree) -> bool:
    return isinstance(tree, Number) and tree.value == 1


def added(tree: Tree) -> Tree:
    """a - 2*p -> a + 2*p"""

    def rule(part: Tree) -> Tree:
        if not _is(part, SUM):
            return part
        signs = [1 if s < 0 and _padding(p) else s for p, s in zip(part.parts, part.signs, strict=True)]
        return Work(SUM, part.parts, signs)

    return rewritten(tree, rule)


def _padding(tree: Tree) -> bool:
    return any(stem_of(name) == "p" for name in names(tree).values())


def last_one_left_out(tree: Tree) -> Tree:
    """(i - 1)*s + k + 1 -> (i - 1)*s + k, in the outermost sum only."""
    if not _is(tree, SUM):
        return tree
    kept = [(p, s) for p, s in zip(tree.parts, tree.signs, strict=True) if not (_one(p) and s > 0)]
    return Work(SUM, [p for p, _ in kept], [s for _, s in kept])


def arguments(**values: Any) -> Callable[[Solved], Value | None]:
    """A mistake about arguments: the same operator with others, a value or what a function makes of the operator."""

    def rule(solved: Solved) -> Value | None:
        op = _operator(solved)
        changed = {name: value(op) if callable(value) else value for name, value in values.items()}
        return _figures(solved, type(op), changed)

    return rule


def operator(by: Callable[[str], str]) -> Callable[[Solved], Value | None]:
    """A mistake about the operator: another one, whose name is made of the right one's, with the same arguments."""

    def rule(solved: Solved) -> Value | None:
        from shapecalc.ops.registry import find

        own = type(_operator(solved))
        other = find(by(own.__name__))
        return None if other is own else _figures(solved, other, {})

    return rule


def _operator(solved: Solved) -> Operator:
    if solved.work is None:
        raise ValueError("no single layer")
    return solved.work.trace.plain_op


def _figures(solved: Solved, form: type[Operator], changed: Mapping[str, Any]) -> Value | None:
    again = settled(solved, form, changed)
    if again is None:
        return None
    found = [_figure(again, w.quantity) for w in solved.workings]
    return None if None in found else solved.together([w.answer for w in found if w is not None])


def settled(solved: Solved, form: type[Operator], changed: Mapping[str, Any]) -> Trace | None:
    """The operator of that class on the same input, with what it knows of the arguments; None where it cannot be."""
    assert solved.work is not None
    trace = solved.work.trace
    kinds = {a.name: a.kind for a in form.attributes}
    kept = {name: value for name, value in trace.plain_op.given.items() if name in kinds and name not in changed}
    try:
        read = {name: kinds[name].read(value) for name, value in changed.items() if name in kinds}
    except Unfit:  # a convolution cannot be without a stride
        return None
    op = form({**kept, **read}, *trace.plain_xs)
    needs = op.needs(*trace.plain_xs)
    fits = all(need[1] >= 0 if need[0].relation == AT_LEAST_ZERO else need[1] == 0 for need in needs)
    return Trace(op, trace.plain_xs, trace.batch) if fits else None


def _figure(trace: Trace, quantity: str) -> Working | None:
    """The figure of that name: an axis, "params", "macs" or a tensor's values."""
    axes = {w.quantity: w for w in trace.sizes()}
    if quantity in axes:
        return axes[quantity]
    if quantity in ("params", "macs"):
        return trace.params() if quantity == "params" else trace.macs()
    found = trace.tensors().get(quantity)
    return None if found is None else found[0]


def stride_of_nothing(solved: Solved) -> Value | None:
    """A stride of 1 where none is given."""
    return None if _operator(solved).given.get("stride") is not None else arguments(stride=1)(solved)


def channels_kept(solved: Solved) -> Value | None:
    """The shape with the channels that arrive."""
    if not isinstance(solved.answer, tuple) or solved.work is None:
        return None
    trace = solved.work.trace
    return (trace.plain_xs[0][-1 - trace.rank], *solved.answer[1:])


def plainly_rounded_up(solved: Solved) -> Value | None:
    """The formula without `ceil_mode`, rounded up."""
    trace = settled(solved, type(_operator(solved)), {"ceil_mode": False})
    found = [] if trace is None else [_figure(trace, w.quantity) for w in solved.workings]
    trees = [w.tree for w in found if w is not None and w.tree is not None]
    return solved.together([rounded_up(tree).value for tree in trees]) if len(trees) == len(solved.workings) else None


NO_PLUS_ONE = Mistake("no-plus-one", "The first window counts too: add 1 after the division.", arithmetic(no_plus_one))
ROUNDED_UP = Mistake("rounded-up", "The division was rounded up; torch rounds it down.", arithmetic(rounded_up))
PADDING_ONCE = Mistake(
    "padding-once", "The padding was counted once; it stands on both sides.", arithmetic(padding_once)
)
PADDING_FORGOTTEN = Mistake("padding-forgotten", "The padding was left out.", letters(p=0))
STRIDE_FORGOTTEN = Mistake("stride-forgotten", "The stride was taken for 1.", letters(s=1))
DILATION_FORGOTTEN = Mistake("dilation-forgotten", "The dilation was taken for 1.", letters(d=1))
KERNEL_WHOLE = Mistake(
    "kernel-whole", "The kernel's whole size was taken where its steps, k - 1, belong.", arithmetic(whole_kernel)
)
DILATION_TIMES_KERNEL = Mistake(
    "dilation-times-kernel",
    "A dilated kernel spans d*(k - 1) + 1 cells, not d*k.",
    letters(k=lambda known: known["k"] * known["d"], d=1),
)
DILATION_AS_GAP = Mistake(
    "dilation-as-gap",
    "Dilation d is the distance of two cells of the kernel: d - 1 cells lie between them, not d.",
    letters(d=lambda known: known["d"] + 1),
)
CHANNELS_KEPT = Mistake(
    "channels-kept",
    "A convolution gives out_channels, however many arrive.",
    channels_kept,
)
KERNEL_TURNED = Mistake(
    "kernel-turned",
    "Height and width of the kernel were exchanged.",
    arguments(kernel_size=lambda op: list(op.kernel_size[::-1])),
)
TRANSPOSED_FOR_CONV = Mistake(
    "transposed-for-conv",
    "That is the size after a transposed convolution.",
    operator(lambda name: name.replace("Conv", "ConvTranspose") if "Transpose" not in name else name),
)
CONV_FOR_TRANSPOSED = Mistake(
    "conv-for-transposed",
    "That is the size after a convolution; a transposed one goes the other way.",
    operator(lambda name: name.replace("Transpose", "")),
)
OUTPUT_PADDING_FORGOTTEN = Mistake("output-padding-forgotten", "The output_padding was left out.", letters(p_out=0))
PADDING_ADDED = Mistake(
    "padding-added", "The padding of a transposed convolution is cut off, not added.", arithmetic(added)
)
NO_MINUS_ONE = Mistake(
    "no-minus-one",
    "The last kernel begins at (i - 1)*s: there are i kernels, but only i - 1 steps between them.",
    letters(i=lambda known: known["i"] + 1),
)
PLUS_ONE_FORGOTTEN = Mistake("plus-one-forgotten", "The 1 at the end was left out.", arithmetic(last_one_left_out))
STRIDE_TAKEN_FOR_ONE = Mistake(
    "stride-default-one", "A pool whose stride is not given moves by its kernel_size.", stride_of_nothing
)
STRIDE_IS_KERNEL = Mistake(
    "stride-is-kernel", "The stride is given; only where it is not, it is the kernel_size.", arguments(stride=None)
)
FLOOR_FOR_CEIL = Mistake(
    "floor-for-ceil", "With `ceil_mode=True` the division is rounded up.", arguments(ceil_mode=False)
)
CEIL_WITHOUT_RULE = Mistake(
    "ceil-without-rule",
    "A last window that would begin in the right padding is dropped, also with `ceil_mode=True`.",
    plainly_rounded_up,
)
