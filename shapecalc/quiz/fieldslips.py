"""Mistakes about receptive fields: the steps from layer to layer with something left out or put in.

A field of a single layer is taken from what the layer before it sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.explain.tree import Name, Number, evaluated, names
from shapecalc.quiz.chains import FIELD, JUMP, Link, Seen, stepped
from shapecalc.quiz.mistake import Mistake, rewritten, whole_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.explain.tree import Tree
    from shapecalc.quiz.problem import Solved
    from shapecalc.quiz.question import Value


def _seen(step: Callable[[Tree, Tree, int, int], tuple[int, int]]) -> Callable[[Solved], Value | None]:
    """A mistake in the step from layer to layer; of a single layer in its own step alone."""

    def value(solved: Solved) -> Value | None:
        if isinstance(solved, Seen):
            return solved.again(step)
        quantity = solved.workings[0].quantity
        if quantity not in (FIELD, JUMP) or solved.work is None:
            return None
        axis = solved.work.fields()[0]
        if axis.jump is None:
            return None
        trees = Link("", axis.size, axis.jump).trees
        known: Any = {text: name.value for tree in trees for text, name in names(tree).items()}
        return step(*trees, known.get("R", 1), known.get("J", 1))[quantity == JUMP]

    return value


def _own_stride(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    _, after = stepped(size, jump, field, before)
    return stepped(size, jump, field, after)[0], after


def _no_product(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    return stepped(size, jump, field, before)[0], stepped(size, jump, field, 1)[1]


def _no_stride(size: Tree, jump: Tree, field: int, _: int) -> tuple[int, int]:
    return stepped(size, jump, field, 1)[0], 1


def _kernels(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    return stepped(whole_kernel(size), jump, field, before)


def _undilated(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    plain = rewritten(size, lambda t: Number(1) if isinstance(t, Name) and t.text == "d" else t)
    return stepped(plain, jump, field, before)


def _strides_added(size: Tree, jump: Tree, field: int, before: int) -> tuple[int, int]:
    """Jumps added up: 1 + (s - 1) + ..., which is right for one stride only."""
    return stepped(size, jump, field, before)[0], before + evaluated(jump, {"J": 1}) - 1  # type: ignore[return-value]


OWN_STRIDE = Mistake(
    "own-stride", "A layer's own stride widens the steps of the layers behind it, not its own.", _seen(_own_stride)
)
PRODUCT_FORGOTTEN = Mistake(
    "product-forgotten", "The jump is the product of all strides before, not the last stride alone.", _seen(_no_product)
)
STRIDES_IGNORED = Mistake(
    "strides-ignored", "Behind a stride every step is wider: multiply by the jump.", _seen(_no_stride)
)
STRIDES_ADDED = Mistake("strides-added", "Strides multiply; they do not add.", _seen(_strides_added))
WHOLE_KERNEL = Mistake("whole-kernel", "A kernel of k adds k - 1 steps, not k.", _seen(_kernels))
DILATION_IGNORED = Mistake(
    "dilation-ignored", "Dilation spreads the kernel: k - 1 steps of d positions.", _seen(_undilated)
)
