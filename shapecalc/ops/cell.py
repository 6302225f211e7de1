"""Recurrent cells: one step of a recurrent layer, for those who write the loop themselves."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG
from shapecalc.ops.layout import IN_ORDER
from shapecalc.ops.op import INFERRED, ZERO, Attribute, Claim, Kept, Operator, known
from shapecalc.ops.recurrent import BOTH_STATES, FEATURES, NONLINEARITY, paired_call
from shapecalc.ops.strides import merged
from shapecalc.ops.tally import per, times, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape


class Cell(Operator):
    """One step of a recurrent layer: the next state, made of an input and the state before it.

    Sizes: [N, input_size] or [input_size] gives [N, hidden_size] or [hidden_size]; an LSTMCell has a second output,
        the cell. States that are not given are zeros.
    Cost: gates * hidden_size * (input_size + hidden_size) multiply-accumulates for each sample, 4 gates in an
        LSTMCell, 3 in a GRUCell, 1 in an RNNCell.
    Pitfalls: a sequence is a loop over cells, or a recurrent layer, which is faster; each gate has two bias vectors.
    Torch: torch.nn.RNNCell, LSTMCell, GRUCell.
    """

    step: ClassVar[Mapping[str, int]] = {}
    """Operations for each value of the next state beside products and biases."""
    hooks: ClassVar[int] = 1
    """What ptflops counts for them."""
    inputs: ClassVar[tuple[str, ...]] = ("input", "hx?")
    ranks = (1, 2)
    takes = FLOATS
    same_dtype = frozenset({"hx", "h_0", "c_0"})
    attributes: ClassVar[tuple[Attribute, ...]] = (
        Attribute("input_size", COUNT, INFERRED, "features of the input", lead=True),
        Attribute("hidden_size", COUNT, doc="features of the state", main=True, lead=True),
        Attribute("bias", FLAG, True, "whether learned numbers are added, two for each gate"),
    )
    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1

    input_size: Dim
    hidden_size: Dim
    bias: bool

    def settle(self, *xs: Shape) -> None:
        if self.input_size is INFERRED:
            self.input_size = xs[0][-1]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, due = xs[0], self.state(xs[0])
        given = [x for x in xs[1:] if x is not None]
        if 0 < len(given) < self.states:
            return ((BOTH_STATES, 1),)
        if any(len(s) != len(due) for s in given):
            return ((STATE, 1),)
        matched = [(STATE, a - b) for s in given for a, b in zip(s, due, strict=True)]
        return [(FEATURES, x[-1] - self.input_size, len(x) - 1), *matched]

    def state(self, x: Shape) -> Shape:
        return (*x[:-1], self.hidden_size)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (self.state(xs[0]),) * self.states

    def weights(self) -> Mapping[str, Shape]:
        rows = self.gates * self.hidden_size
        named: dict[str, Shape] = {"weight_ih": (rows, self.input_size), "weight_hh": (rows, self.hidden_size)}
        return named | {"bias_ih": (rows,), "bias_hh": (rows,)} if self.bias else named

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0]) * self.gates * (self.input_size + self.hidden_size)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        sample = tuple((a, POINT) for a in range(len(xs[0]) - 1))
        return [(*sample, (None, POINT))] * len(xs)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The input, the state or the zeros in its place, and what the gates make of them."""
        given = [Kept("input", n) for n, x in enumerate(xs) if n and x is not None]
        return [Kept("input"), *(given or [Kept("new", shape=ys[0])]), *self.kept_gates(ys[0])]

    def kept_gates(self, y: Shape) -> list[Kept]:
        raise NotImplementedError

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"hidden_size": 7}, ((3, 11),)),
            ({"hidden_size": 6, "bias": False}, ((3, 4), *((3, 6),) * cls.states)),
            ({"input_size": 5, "hidden_size": 4}, ((5,),)),
            ({"hidden_size": 3}, ((5,), *((3,),) * cls.states)),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Sums of both products, two biases, and the step; a state of relu in place of tanh compares."""
        joined = self.gates * (1 + 2 * self.bias)
        step = {"comparisons": 1} if getattr(self, "nonlinearity", "tanh") == "relu" else self.step
        return together({"adds": prod(ys[0]) * joined}, times(step, prod(ys[0])))

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore does not know it; ptflops counts biases and the step."""
        each = 2 * self.gates * self.bias + self.hooks
        return {"fvcore": 0, "ptflops": known(self.macs(xs, ys)) + prod(ys[0]) * each}


class RNNCell(Cell):
    """Next state = tanh(W_ih input + b_ih + W_hh state + b_hh), or relu of it"""

    step = per(exponentials=1)
    hooks = 1
    attributes = (*Cell.attributes, NONLINEARITY)

    def kept_gates(self, y: Shape) -> list[Kept]:
        return [Kept("output")]

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"hidden_size": 5, "nonlinearity": "relu"}, ((2, 3),))]


class GRUCell(Cell):
    """Next state that two gates, of reset and update, mix with the one before"""

    step = per(exponentials=3, adds=4, divisions=2, multiplications=3)
    hooks = 7
    gates = 3

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """As the state before, from which the difference is taken."""
        lie = arrival.lies[1] if len(arrival.lies) > 1 else None
        return IN_ORDER if lie is None else (merged(arrival.xs[1:2], (lie,), arrival.ys[0]),)

    def kept_gates(self, y: Shape) -> list[Kept]:
        """Three gates, the new state, its difference from the old one, and a product."""
        return [Kept("new", shape=y)] * 6


class LSTMCell(Cell):
    """Next state and cell, behind gates of input, forgetting and output"""

    step = per(exponentials=5, adds=4, divisions=3, multiplications=3)
    hooks = 10
    inputs = ("input", "h_0?", "c_0?")
    gates = 4
    states = 2

    def kept_gates(self, y: Shape) -> list[Kept]:
        """Four gates and the tanh of the cell."""
        return [Kept("new", shape=y)] * 5

    def call(self, module: str, args: Sequence[str]) -> str:
        return paired_call(module, args)


def _say_state(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = " and ".join(listed(x) for x in xs[1:] if x is not None)
    return f"the state before is {given}, where {listed(op.state(xs[0]))} is due"


STATE = Claim("SC211", "", ZERO, _say_state)
