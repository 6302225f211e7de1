"""Recurrent layers: a state is carried along a sequence, through one layer or several, in one direction or both.

Cells, which take a single step, are in cell.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.dims.sym import names
from shapecalc.ops.arrange import listed
from shapecalc.ops.batchplace import BATCH_PLACE
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG, FRACTION, POSITIVE, Whole, Word
from shapecalc.ops.layout import IN_ORDER
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, ZERO, Arrival, Attribute, Claim, Kept, Operator
from shapecalc.ops.strides import moved, ranked, settled, viewed
from shapecalc.ops.tally import per, times, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Lie, Need, Reads, Shape


class KnownCount(Whole):
    """A number of layers: an integer of at least 1 that is known, because each has weights of its own name."""

    def read(self, value: Any) -> int:
        if type(value) is not int:
            super().read(value if isinstance(value, float) else str(value))
        return int(super().read(value))


LAYERS = KnownCount(1)
NONLINEARITY = Attribute("nonlinearity", Word("tanh", "relu"), "tanh", "what makes the state: tanh or relu")
SIZES = (
    Attribute("input_size", POSITIVE, INFERRED, "features of the input", lead=True),
    Attribute("hidden_size", POSITIVE, doc="features of the state", main=True, lead=True),
)
STACK = (
    Attribute("num_layers", LAYERS, 1, "layers, each reading the states of the one before it"),
    Attribute("bias", FLAG, True, "whether learned numbers are added, two for each gate"),
    Attribute("batch_first", FLAG, False, "whether the batch is axis 0, before the sequence"),
    Attribute("dropout", FRACTION, 0.0, "share of values that training drops between layers"),
    Attribute("bidirectional", FLAG, False, "whether a second pass reads the sequence from its end"),
)


class Recurrent(Operator):
    """A state that is carried along a sequence: each position's state is made of its input and the state before it.

    Sizes: [T, N, input_size], or [N, T, input_size] with `batch_first: true`, or [T, input_size], gives the states
        of the last layer at every position, [T, N, D * H], then the last state of every layer, [layers * D, N, H];
        D is 2 for both directions, H is hidden_size, or proj_size where that is given. An LSTM has a third output,
        the cells. Only the first output has the batch where batch_first says.
    Cost: for each position, layer and direction, gates * hidden_size * (inputs + H) multiply-accumulates, 4 gates in
        an LSTM, 3 in a GRU, 1 in an RNN. Training keeps 7 times the states (LSTM, GRU), of every position; where
        oneDNN runs an LSTM on the CPU, or cuDNN on a GPU, a workspace of another size stands for them.
    Pitfalls: `batch_first` is false unless given, so [N, T, E] would mix the samples of a batch, which is reported;
        each gate has two bias vectors; dropout acts between layers only, so it does nothing in a single one; in one
        direction a position sees only those before it, which the receptive field does not tell apart.
    Torch: torch.nn.RNN, LSTM, GRU.
    """

    step: ClassVar[Mapping[str, int]] = {}
    """Operations for each value of the next state beside products and biases."""
    hooks: ClassVar[int] = 1
    """What ptflops counts for them."""
    inputs: ClassVar[tuple[str, ...]] = ("input", "hx?")
    ranks = (2, 3)
    takes = FLOATS
    same_dtype = frozenset({"hx", "h_0", "c_0"})
    attributes: ClassVar[tuple[Attribute, ...]] = (*SIZES, *STACK)
    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1

    input_size: Dim
    hidden_size: Dim
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: Dim = 0
    projects: bool = False
    out_size: Dim
    time: int
    batch: int | None

    def settle(self, *xs: Shape) -> None:
        if self.input_size is INFERRED:
            self.input_size = xs[0][-1]
        self.projects = not (type(self.proj_size) is int and self.proj_size == 0)
        self.out_size = self.proj_size if self.projects else self.hidden_size
        unbatched = len(xs[0]) == 2
        self.time = int(self.batch_first and not unbatched)
        self.batch = None if unbatched else 1 - self.time

    @property
    def directions(self) -> int:
        return 1 + self.bidirectional

    def samples_of(self, x: Shape) -> Dim:
        return 1 if self.batch is None else x[self.batch]

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x = xs[0]
        lost = [a for a, size in enumerate(x) if a != self.batch and "N" in names(size)]
        if lost:
            return ((BATCH_PLACE, 1, lost[0]),)
        return [
            (FEATURES, x[-1] - self.input_size, len(x) - 1),
            (SOME_FEATURES, self.input_size - 1),
            (SOME_STEPS, x[self.time] - 1, self.time),
            (SMALLER, self.hidden_size - self.proj_size - 1),
            *self.state_needs(xs),
        ]

    def state_needs(self, xs: Sequence[Shape]) -> list[Need]:
        """Initial states must have exactly the shapes of the last ones, and none may be missing beside another."""
        given = [x for x in xs[1:] if x is not None]
        if not given:
            return []
        if len(given) < self.states:
            return [(BOTH_STATES, 1)]
        return [need for x, due in zip(given, self.state_shapes(xs[0]), strict=True) for need in same_state(x, due)]

    def state_shapes(self, x: Shape) -> list[Shape]:
        """Shapes of the last states: the hidden ones, and the cells of an LSTM."""
        batch = () if self.batch is None else (x[self.batch],)
        count = self.num_layers * self.directions
        return [(count, *batch, size) for size in (self.out_size, self.hidden_size)[: self.states]]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0][:-1], self.directions * self.out_size), *self.state_shapes(xs[0]))

    def passes(self) -> Iterator[tuple[str, Dim]]:
        """For each layer and direction the suffix of its weights, and the features that it reads."""
        for layer in range(self.num_layers):
            size = self.directions * self.out_size if layer else self.input_size
            yield from ((f"l{layer}{suffix}", size) for suffix in ("", "_reverse")[: self.directions])

    def weights(self) -> Mapping[str, Shape]:
        named: dict[str, Shape] = {}
        rows = self.gates * self.hidden_size
        for suffix, size in self.passes():
            named |= {f"weight_ih_{suffix}": (rows, size), f"weight_hh_{suffix}": (rows, self.out_size)}
            if self.bias:
                named |= {f"bias_ih_{suffix}": (rows,), f"bias_hh_{suffix}": (rows,)}
            if self.projects:
                named[f"weight_hr_{suffix}"] = (self.proj_size, self.hidden_size)
        return named

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        """Every weight that is a matrix is used once for each position of each sample."""
        each: Dim = sum(prod(shape) for shape in self.weights().values() if len(shape) == 2)
        return prod(xs[0][:-1]) * each

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """The whole sequence, which is what the last position sees; of initial states the sample's own."""
        rank = len(xs[0])
        first = tuple((a, POINT) if a == self.batch else (a, ALL) for a in range(rank - 1))
        state = tuple((1, POINT) if a == self.batch else (None, POINT) for a in range(rank - 1))
        return [(*axes, (None, POINT)) for axes in (first, *[state] * (len(xs) - 1))]

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Inputs of layers (the first copied for each direction where it is no matrix as it lies), initial states,
        and what steps make of them.
        """
        return self.kept_of(Arrival(xs, ys, (None,) * len(xs), (True,) * len(xs)))

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        xs, x = arrival.xs, arrival.xs[0]
        steps, batch = x[self.time], self.samples_of(x)
        between = self.kept_between((steps, batch, self.directions * self.out_size))
        each = (self.num_layers * self.directions * batch * self.kept_by_steps(steps),)
        order = (1, 0, 2) if self.turned else tuple(range(len(x)))
        turned = tuple(x[a] for a in order)
        copied = viewed(turned, moved(x, arrival.lies[0], order, turned), (prod(turned[:-1]), x[-1])) is None
        first = [Kept("new", shape=x)] * self.directions if copied else [Kept("input")]
        return [*first, *between, *self.kept_states(xs), Kept("new", shape=each)]

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """The first output with the sequence first in memory, as torch runs it."""
        y = arrival.ys[0]
        return (settled(y, ranked(y, (1, 0, 2))),) if self.turned else IN_ORDER

    @property
    def turned(self) -> bool:
        """Whether torch swaps batch and sequence before it begins, and back at the end."""
        return self.batch_first and self.batch is not None

    def kept_between(self, x: Shape) -> list[Kept]:
        """Inputs of the layers after the first, and what dropout draws."""
        drawn = [Kept("new", shape=() if self.dropout == 1 else x)] if self.dropout else []
        return [Kept("new", shape=x), *drawn] * (self.num_layers - 1)

    def kept_states(self, xs: Sequence[Shape]) -> list[Kept]:
        """Those given, or the zeros in their place."""
        given = [n for n, x in enumerate(xs) if n and x is not None]
        if given:
            return [Kept("input", n) for n in given]
        return [Kept("new", shape=shape) for shape in self.state_shapes(xs[0])]

    def kept_by_steps(self, steps: Dim) -> Dim:
        """Elements that one layer keeps of one sample beside its input and its initial state."""
        raise NotImplementedError

    @classmethod
    def samples(cls) -> Any:
        states = ((4, 3, 6),) * cls.states
        both = {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.25}
        return [
            ({"hidden_size": 7}, ((5, 3, 11),)),
            ({"hidden_size": 6, **both}, ((3, 5, 4), *states)),
            ({"input_size": 3, "hidden_size": 4, "bias": False, "num_layers": 3}, ((7, 3),)),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore does not know it; ptflops counts biases and the step, but not the projection of the state."""
        rows = prod(xs[0][:-1])
        own: Dim = sum(prod(w) for name, w in self.weights().items() if not name.startswith("weight_hr"))
        steps = self.num_layers * self.directions * self.hidden_size
        return {"fvcore": 0, "ptflops": rows * (own + steps * self.hooks)}

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Sums of both products, two biases, and the step, for each position, layer and direction."""
        values = prod(xs[0][:-1]) * self.num_layers * self.directions * self.hidden_size
        step = {"comparisons": 1} if getattr(self, "nonlinearity", "tanh") == "relu" else self.step
        return together({"adds": values * self.gates * (1 + 2 * self.bias)}, times(step, values))


class RNN(Recurrent):
    """State = tanh(W_ih input + b_ih + W_hh state + b_hh), or relu of it"""

    step = per(exponentials=1)
    hooks = 1
    attributes = (*SIZES, STACK[0], NONLINEARITY, *STACK[1:])

    def kept_by_steps(self, steps: Dim) -> Dim:
        """The states themselves, whose values tell the slope."""
        return steps * self.hidden_size

    @classmethod
    def samples(cls) -> Any:
        return [*super().samples(), ({"hidden_size": 5, "nonlinearity": "relu"}, ((2, 1, 3), (1, 1, 5)))]


class GRU(Recurrent):
    """State that two gates, of reset and update, mix with a new one"""

    step = per(exponentials=3, adds=4, divisions=2, multiplications=3)
    hooks = 7
    gates = 3

    def kept_by_steps(self, steps: Dim) -> Dim:
        """Three gates, the new state, its difference from the old one and a product; states but for the last."""
        return steps * 6 * self.hidden_size + (steps - 1) * self.hidden_size


class LSTM(Recurrent):
    """State and cell behind gates of input, forgetting and output; proj_size makes the state smaller"""

    step = per(exponentials=5, adds=4, divisions=3, multiplications=3)
    hooks = 10
    inputs = ("input", "h_0?", "c_0?")
    attributes = (
        *SIZES,
        *STACK,
        Attribute("proj_size", COUNT, 0, "features that states are projected to; 0: none are"),
    )
    gates = 4
    states = 2

    def kept_by_steps(self, steps: Dim) -> Dim:
        """Four gates and the tanh of the cell, and what is projected; states and cells but for the last."""
        inner = 5 + self.projects
        return steps * inner * self.hidden_size + (steps - 1) * (self.out_size + self.hidden_size)

    def call(self, module: str, args: Sequence[str]) -> str:
        return paired_call(module, args)

    def targets(self, names: Sequence[str]) -> str:
        output, *states = names
        return f"{output}, ({', '.join(states)})"

    @classmethod
    def samples(cls) -> Any:
        both = {"num_layers": 2, "bidirectional": True, "dropout": 1.0}
        return [
            *super().samples(),
            ({"hidden_size": 6, "proj_size": 2, **both}, ((5, 3, 4), (4, 3, 2), (4, 3, 6))),
            ({"hidden_size": 3, "proj_size": 2}, ((4, 5),)),
        ]


def paired_call(module: str, args: Sequence[str]) -> str:
    """A call that takes state and cell as a pair."""
    x, *states = args
    given = [s for s in states if s != "None"]
    return f"{module}({x}, ({', '.join(given)}))" if given else f"{module}({x})"


def same_state(x: Shape, due: Shape) -> list[Need]:
    if len(x) != len(due):
        return [(STATE, 1)]
    return [(STATE, a - b) for a, b in zip(x, due, strict=True)]


def _say_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"input_size is {op.input_size}, but {xs[0][-1]} features arrive"


def _say_some_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "an input without features arrives"


def _say_some_steps(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"a sequence without positions arrives: {listed(xs[0])}"


def _say_smaller(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"proj_size {op.proj_size} is not smaller than hidden_size {op.hidden_size}"


def _say_both(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "an initial state and an initial cell come together, and only one of them arrives"


def _say_state(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = " and ".join(listed(x) for x in xs[1:] if x is not None)
    return f"initial states are {given}, where {' and '.join(map(listed, op.state_shapes(xs[0])))} are due"


FEATURES = Claim("SC203", "input_size", ZERO, _say_features)
SOME_FEATURES = Claim("SC203", "input_size", AT_LEAST_ZERO, _say_some_features)
SOME_STEPS = Claim("SC201", "", AT_LEAST_ZERO, _say_some_steps)
SMALLER = Claim("SC109", "proj_size", AT_LEAST_ZERO, _say_smaller)
BOTH_STATES = Claim("SC122", "", ZERO, _say_both)
STATE = Claim("SC211", "", ZERO, _say_state)
