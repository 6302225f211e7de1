"""Layers -> the windows that they slide, one axis at a time, as rules on geometry read them. Judges nothing."""

from __future__ import annotations

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
    def residues(self) -> set[int]:
        """The places modulo the stride that windows read: all others are never read."""
        return {t * self.d % self.s for t in range(self.k)}

    @property
    def unread(self) -> int | None:
        """Lines before the end of the last window that no window reads; None where sizes are not known."""
        if not isinstance(self.arrives, int) or not isinstance(self.leaves, int):
            return None
        if len(self.residues) == self.s or self.leaves < 2:
            return 0
        read = {o * self.s - self.p + t * self.d for o in range(self.leaves) for t in range(self.k)}
        return sum(line not in read for line in range(self.arrives - self.dropped))

    @property
    def dropped(self) -> int:
        """Lines behind the end of the last window, padding not counted; 0 where sizes are not known."""
        if not isinstance(self.arrives, int) or not isinstance(self.leaves, int):
            return 0
        last = (self.leaves - 1) * self.s - self.p + self.d * (self.k - 1)
        return max(0, self.arrives - 1 - last)


@of_operator
def slides(node: Node) -> Sequence[Slide]:
    """The spatial axes of a convolution or a pool."""
    op: Any = node.op
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
