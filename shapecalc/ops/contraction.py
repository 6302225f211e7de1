"""How torch runs products of tensors on matrices, and which operands it copies on the way: what autograd keeps of them.

The rules are those of ATen/native/LinearAlgebra.cpp (matmul, should_fold) and Linear.cpp (sumproduct_pair).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from shapecalc.ops.op import Kept
from shapecalc.ops.strides import in_order, moved, stretched, strides_of, viewed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Shape


def kept_by_matmul(arrival: Arrival, batch: Shape) -> Sequence[Kept]:
    """Both operands, or the copies that make one matrix or a batch of matrices of each."""
    (a, b), lies, learns = arrival.xs, arrival.lies, arrival.learns
    if len(a) == len(b) == 3 and a[0] != b[0]:  # a batch of one matrix counts as the matrix
        if a[0] == 1 and learns[0]:
            return kept_by_matmul(_without_batch(arrival, 0), batch)
        if b[0] == 1 and learns[1]:
            return kept_by_matmul(_without_batch(arrival, 1), batch)
    if max(len(a), len(b)) < 3:
        return (Kept("input", 0, when=(1,)), Kept("input", 1, when=(0,)))
    if _folds(arrival):
        larger = 0 if len(a) >= len(b) else 1
        return (_folded(arrival, larger), Kept("input", 1 - larger, when=(larger,)))
    return [_batched(n, x, lie, batch) for n, (x, lie) in enumerate(zip((a, b), lies, strict=True))]


def _without_batch(arrival: Arrival, n: int) -> Arrival:
    """The same with the batch axis of operand n, of size 1, gone."""
    from shapecalc.ops.op import Arrival

    xs, lies = list(arrival.xs), list(arrival.lies)
    lie = lies[n]
    xs[n], lies[n] = xs[n][1:], None if lie is None else lie[1:]
    return Arrival(xs, arrival.ys, lies, arrival.learns)


def _turned(arrival: Arrival, larger: int) -> tuple[Shape, Lie]:
    """The operand with more axes; one on the right is transposed, so that what is summed over comes last."""
    x, lie = arrival.xs[larger], arrival.lies[larger]
    if larger == 0:
        return x, lie
    order = (*range(len(x) - 2), len(x) - 1, len(x) - 2)
    turned = tuple(x[a] for a in order)
    return turned, moved(x, lie, order, turned)


def _folds(arrival: Arrival) -> bool:
    """Whether the larger operand becomes one matrix: where the smaller one learns, or no copy is due for it."""
    a, b = arrival.xs
    larger = 0 if len(a) >= len(b) else 1
    if len(arrival.xs[1 - larger]) > 2:
        return False
    if arrival.learns[1 - larger]:
        return True
    x, lie = _turned(arrival, larger)
    strides = strides_of(x, lie)
    return len(a) != 2 and all(strides[i] == strides[i + 1] * x[i + 1] for i in range(len(x) - 2))


def _folded(arrival: Arrival, larger: int) -> Kept:
    x, lie = _turned(arrival, larger)
    matrix = viewed(x, lie, (prod(x[:-1]), x[-1])) is not None
    when = (1 - larger,)
    return Kept("input", larger, when=when) if matrix else Kept("new", shape=x, when=when)


def _batched(n: int, x: Shape, lie: Lie, batch: Shape) -> Kept:
    """An operand expanded to the batch and made a batch of matrices."""
    full = (*batch, *(x[-2:] if len(x) > 1 else (1, *x) if n == 0 else x))
    strides = stretched(x, lie, full)
    matrices = (prod(batch), *full[len(batch) :])
    if viewed(full, strides, matrices) is not None:
        return Kept("input", n, when=(1 - n,))
    return Kept("new", shape=full, when=(1 - n,))


class Factor:
    """One factor of a sum of products: the stride of each label, and the inputs that it is made of.

    `input` is the number of the input that it is, None for a tensor of its own; `made` whether something was computed
    on the way.
    """

    __slots__ = ("input", "labels", "made", "strides")

    def __init__(
        self, labels: Sequence[str], strides: Sequence[Dim], made: tuple[int, ...], number: int | None
    ) -> None:
        self.labels = tuple(labels)
        self.strides = dict(zip(labels, strides, strict=True))
        self.made = made
        self.input = number

    def kept(self, groups: Sequence[Sequence[str]], sizes: Mapping[str, Dim], when: tuple[int, ...]) -> Kept:
        """The factor with each group of labels made one axis: itself where it lies so, else a copy."""
        labels = [label for group in groups for label in group]
        shape = tuple(sizes[label] for label in labels)
        strides = tuple(self.strides[label] for label in labels)
        matrices = tuple(prod(sizes[label] for label in group) for group in groups)
        if self.input is not None and viewed(shape, strides, matrices) is not None:
            return Kept("input", self.input, when=when)
        return Kept("new", shape=shape, when=when)


def multiplied(
    left: Factor, right: Factor, later: frozenset[str], order: Sequence[str], sizes: Mapping[str, Dim]
) -> tuple[Factor, list[Kept]]:
    """The product of two factors, summed over the shared labels that are not needed later; and what is kept of it."""
    shared = [label for label in order if label in left.labels and label in right.labels]
    summed = [label for label in shared if label not in later]
    batch = [label for label in shared if label in later]
    rows = [label for label in order if label in left.labels and label not in right.labels]
    columns = [label for label in order if label in right.labels and label not in left.labels]
    parts: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]]
    if summed:
        parts = (batch, rows, summed), (batch, summed, columns)
    else:  # a plain product, which broadcasts and copies nothing
        parts = [[label] for label in left.labels], [[label] for label in right.labels]
    keeps = [left.kept(parts[0], sizes, right.made), right.kept(parts[1], sizes, left.made)]
    labels = [*batch, *rows, *columns]
    strides = in_order(tuple(sizes[label] for label in labels))
    return Factor(labels, strides, (*left.made, *right.made), None), keeps
