"""Layers -> the windows that they slide, one axis at a time, as rules on geometry read them. Judges nothing."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import of_operator
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network

WORDS = {1: ("position",), 2: ("row", "column"), 3: ("plane", "row", "column")}
"""What is counted along each spatial axis, by the number of axes."""
MOST_CELLS = 10_000
"""What a wider window leaves unread is not counted: specs come from strangers."""


class Slide:
    """One spatial axis of a convolution or pool: kernel, stride, padding before, dilation, and the sizes around it."""

    __slots__ = ("arrives", "d", "k", "leaves", "p", "s", "word")

    k: int
    s: int
    p: int
    d: int

    def __init__(self, word: str, window: Any, arrives: Dim, leaves: Dim) -> None:
        self.word = word
        self.k, self.s, self.p, self.d = window.k, window.s, window.p, window.d
        self.arrives = arrives
        self.leaves = leaves

    @property
    def extent(self) -> int:
        """Cells from the first that the window touches to the last."""
        return self.d * (self.k - 1) + 1

    @property
    def turn(self) -> int:
        """Cells of a window until one reads places of the same residue modulo the stride again."""
        return self.s // gcd(self.s, self.d)

    @property
    def residues(self) -> int:
        """How many of the places modulo the stride windows read: those at all others are never read."""
        return min(self.k, self.turn)

    @property
    def unread(self) -> int | None:
        """Lines before the end of the last window that no window reads; None where sizes are not known."""
        if not isinstance(self.arrives, int) or not isinstance(self.leaves, int) or self.k > MOST_CELLS:
            return None
        if self.residues == self.s or self.leaves < 2:
            return 0
        within = self.arrives - self.dropped
        return within - sum(self._new_to(cell, within, self.leaves) for cell in range(self.k))

    def _new_to(self, cell: int, within: int, windows: int) -> int:
        """How many lines of the map this cell reads in one of the windows that no cell before it reads in another.

        A turn before it a cell has read the same in later windows, all but what is new in the last ones.
        """
        first = max(0, windows - self.turn * self.d // self.s) if cell >= self.turn else 0
        line = cell * self.d - self.p
        low, high = -(line // self.s), (within - 1 - line) // self.s
        return max(0, min(windows - 1, high) - max(first, low) + 1)

    @property
    def dropped(self) -> int:
        """Lines behind the end of the last window, padding not counted; 0 where sizes are not known."""
        if not isinstance(self.arrives, int) or not isinstance(self.leaves, int):
            return 0
        last = (self.leaves - 1) * self.s - self.p + self.d * (self.k - 1)
        return max(0, self.arrives - 1 - last)


def known(*sizes: object) -> bool:
    """Whether all of these are numbers: an argument may be a symbol of the input's, too."""
    return all(type(size) is int for size in sizes)


@of_operator
def slides(node: Node) -> Sequence[Slide]:
    """The spatial axes of a convolution or a pool; none where its windows have sizes that are not known."""
    op: Any = node.op
    if not all(known(w.k, w.s, w.p, w.d) for w in op.windows):
        return ()
    x, y = node.inputs[0], node.outputs[0]
    assert x is not None
    assert x.shape is not None
    assert y.shape is not None
    sizes = zip(WORDS[op.rank], op.windows, x.shape[-op.rank :], y.shape[-op.rank :], strict=True)
    return [Slide(*each) for each in sizes]


@of_operator
def pointwise(node: Node) -> bool:
    """Whether a layer has one input and sees one position of it for each of its outputs."""
    if node.op is None or len(node.inputs) != 1 or node.inputs[0] is None:
        return False
    xs, ys = [node.inputs[0].shape], [wire.shape for wire in node.outputs]
    return node.op.window(xs, ys) is None  # type: ignore[arg-type]


def behind(network: Network, node: Node) -> Node | None:
    """The layer that takes what a layer gives, through layers that look at single positions."""
    found = network.only_user(node)
    while found is not None and pointwise(found):
        found = network.only_user(found)
    return found


def read_elsewhere(network: Network, node: Node, loses: Callable[[Node], bool]) -> bool:
    """Whether another layer, or the user of the network, gets what a layer leaves unread of its input.

    That is why a 1x1 shortcut with a stride is no mistake: the branch beside it reads all pixels.
    """
    wire = node.inputs[0]
    while wire is not None:
        others = [user for user in network.users(wire) if user is not node]
        if network.is_output(wire) or not all(_loses(network, user, loses) for user in others):
            return True
        if wire.node is None or not pointwise(wire.node):
            return False
        node = wire.node
        wire = node.inputs[0]
    return False


def _loses(network: Network, node: Node, loses: Callable[[Node], bool]) -> bool:
    """Whether a layer loses something, or hands all on to layers of which each does."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if loses(node):
            continue
        wire = node.outputs[0]
        if not pointwise(node) or network.is_output(wire) or not network.users(wire):
            return False
        waiting += network.users(wire)
    return True


def sliding(network: Network) -> Iterator[Node]:
    """The convolutions of a network, then its pools."""
    return network.having("conv", "pool")


def counted(number: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def number_or_list(numbers: Sequence[int]) -> str:
    """One number where all are equal, as torch takes both: `1`, `[1, 2]`."""
    return str(numbers[0]) if len(set(numbers)) == 1 else str(list(numbers))


def by_size(sizes: Sequence[object]) -> str:
    """`3 x 3`."""
    return " x ".join(map(str, sizes))


def plain(node: Node, *names: str) -> bool:
    """Whether arguments are written as numbers, so that they are the same in every layer that this text makes."""
    written = [node.written[name] for name in names if name in node.written]
    return all(isinstance(value, Scalar) and type(value.value) is int for value in written)
