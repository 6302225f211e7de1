"""What an operator is: the eight facts that it states in one place.

A rule runs on plain integers, symbolic sizes, arrays and traced numbers alike, so it uses `+ - * // %`, `math.prod`,
`sum`, unpacking and `least`; it never compares a size or branches on one. What must hold is stated as a need instead.
This module knows no operator in particular, no file and no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.ops.layout import IN_ORDER, elementwise
from shapecalc.ops.strides import viewed
from shapecalc.ops.tally import times

if TYPE_CHECKING:
    from shapecalc.dims.sym import Dim
    from shapecalc.ops.kinds import Kind

    Shape = tuple[Dim, ...]
    Lie = tuple[Dim, ...] | None
    Need = tuple["Claim", Dim] | tuple["Claim", Dim, int]
    Reads = tuple[tuple[int | tuple[int, ...] | None, Any], ...]

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "required"})()
INFERRED: Any = type("Inferred", (), {"__repr__": lambda self: "inferred"})()

AT_LEAST_ZERO, ZERO = ">=0", "==0"


class Attribute:
    """One argument of torch's constructor: its name, reader, default and a line of documentation.

    `default` is REQUIRED, INFERRED (read off the input where absent, asserted where present) or torch's default, as
    torch spells it. `main` marks the argument that a bare value stands for; `lead` one that code gives by position.
    """

    __slots__ = ("default", "doc", "kind", "lead", "main", "name")

    def __init__(
        self,
        name: str,
        kind: Kind,
        default: Any = REQUIRED,
        doc: str = "",
        *,
        main: bool = False,
        lead: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.doc = doc
        self.main = main
        self.lead = lead


class Claim:
    """What a need says in words: its code, the attribute that it blames, how its gap is judged, and the message.

    `say(op, xs, axis)` writes the message with the user's numbers; `advise` what to do about it. A claim that only
    training makes is marked: it is judged when a network is trained.
    """

    __slots__ = ("advise", "attribute", "code", "relation", "say", "training")

    def __init__(
        self,
        code: str,
        attribute: str,
        relation: str,
        say: Callable[[Any, Sequence[Shape], int], str],
        advise: Callable[[Any, Sequence[Shape], int], str] | None = None,
        *,
        training: bool = False,
    ) -> None:
        self.code = code
        self.attribute = attribute
        self.relation = relation
        self.say = say
        self.advise = advise
        self.training = training


class Operator:
    """A layer with all its arguments settled. Subclasses are abstract families or final operators.

    Class facts: `attributes`; `inputs`, torch's names of the tensors it takes in order, those ending in `?` optional,
    one ending in `*` repeated; `ranks`, the numbers of dimensions that the first input may have (None: any);
    `takes`, the dtypes it accepts; `view`, whether the output shares the input's storage.
    """

    attributes: ClassVar[tuple[Attribute, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    ranks: ClassVar[Sequence[int] | None] = None
    takes: ClassVar[frozenset[str] | None] = None
    further: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Dtypes that inputs behind the first must have, by the input's name."""
    same_dtype: ClassVar[frozenset[str]] = frozenset()
    """Names of inputs behind the first that must have its dtype, or one of `further`."""
    stands_for: ClassVar[Mapping[int, int]] = {}
    """Of inputs that may be left out, the earlier one that they then are, by index."""
    view: ClassVar[bool] = False
    equals: ClassVar[bool] = False
    """Whether several outputs are equals (Chunk), so that the bare name means none of them."""
    module: ClassVar[bool] = True
    """Whether torch has an nn.Module for it; tensor functions have none."""
    stated: ClassVar[bool] = False
    """Whether its facts are what the spec says of it, so that no rule gives them."""
    merging: ClassVar[bool] = False
    """Whether its main argument is a list of operands, or `branches` in their place."""
    given: Mapping[str, Any]
    """The arguments as read, before what is absent was filled in."""
    roles: ClassVar[frozenset[str]] = frozenset()
    """What it does in a network, in the words that lint rules ask for; `shapecalc.ops.roles` lists them."""
    still: ClassVar[bool] = False
    """Whether it only moves values, so that there is no operation to count."""
    counters: ClassVar[frozenset[str]] = frozenset()
    """Names of the buffers that hold a 64-bit integer, not floating-point numbers."""
    bound: ClassVar[str | None] = None
    """The attribute that the values of the first input must stay below (indices into a table)."""

    notes: dict[Any, Any]
    """What other rooms have worked out from it alone, by the function or name that they keep it under. A settled
    operator never changes and serves all layers like it, of one file or of several, so that each is worked out once.
    """

    def __init__(self, values: Mapping[str, Any], *xs: Shape) -> None:
        """Settle the arguments: `values` as read, the rest by default or read off the shapes that arrive.

        The number of inputs and the rank of the first have been checked.
        """
        self.given = values
        self.notes = {}
        for attribute in self.attributes:
            name = attribute.name
            setattr(self, name, values.get(name, attribute.default))
        self.settle(*xs)

    def settle(self, *xs: Shape) -> None:
        """Read inferred attributes off the input and bring the others into the form that the rules use."""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """What must hold: claims with the gap that is judged, and the axis of the input where one is meant."""
        raise NotImplementedError

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        """The shapes of the outputs; may assume the needs."""
        raise NotImplementedError

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        """The dtypes of the outputs, or None where all outputs have that of the first input."""
        return None

    def never_empty(self, x: Shape) -> int:
        """How many of the last axes of the first input may not be empty; the batch mostly may."""
        return 0

    def unfit_dtypes(self, *dtypes: str) -> str:
        """Why torch refuses inputs of these dtypes with these arguments, or nothing where it takes them."""
        return ""

    def weights(self) -> Mapping[str, Shape]:
        """Shapes of the parameters by their name in the `state_dict`."""
        raise NotImplementedError

    def buffers(self) -> Mapping[str, Shape]:
        """Shapes of the buffers by their name in the `state_dict`, those that are `passing` too."""
        return {}

    def buffer_dtype(self, name: str) -> str:
        """The dtype of a buffer."""
        return "int64" if name in self.counters else "float32"

    def passing(self, name: str) -> bool:
        """Whether a buffer is no part of the `state_dict`."""
        return False

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        """Multiply-accumulates of convolutions, linear maps and matrix products; None where unknown."""
        raise NotImplementedError

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """What one position of the first output sees of each input: for each output axis (input axis, window).

        An input axis that no output axis names is seen whole. None for an input: its axes are the output's, aligned
        from the right, and seen at one point; None for all says so of every input.
        """
        raise NotImplementedError

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Which tensors autograd keeps for backward in training mode, on the CPU, of inputs that lie in order."""
        raise NotImplementedError

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """Which tensors autograd keeps of what arrives, which may lie otherwise or need no gradient."""
        return self.saved(arrival.xs, arrival.ys)

    def shares(self, arrival: Arrival) -> bool:
        """Whether the outputs share the storage of the first input."""
        return self.view

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """How the outputs lie in memory, as strides, those missing at the end in order; a view of equal sizes as its
        input.
        """
        return arrival.lies[:1] if self.view else IN_ORDER

    def mirrors(self) -> bool:
        """Whether values of the input lie beyond its edges too, so that windows there see lines out of their place."""
        return False

    def blanks(self) -> bool:
        """Whether constants may stand in place of what some outputs would see."""
        return False

    def hands_on(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[bool]:
        """Of each input, whether its gradient is the output's gradient or a view of it, rather than a new tensor."""
        return (False,) * len(xs)

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """Multiply-accumulates of the gradients of wanted inputs, and of those of weights; None where unknown."""
        return (0, 0) if type(macs := self.macs(xs, ys)) is int and macs == 0 else None

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Work of a forward pass in inference beside the multiply-accumulates, by class; None where not stated.

        Classes are `adds`, `multiplications`, `divisions`, `comparisons` and `exponentials` (all further functions).
        """
        return {} if self.still else None

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """What fvcore and ptflops count for it, by tool, where that is not its multiply-accumulates."""
        return {}

    def constructor(self) -> str | None:
        """Source text that makes the module, or None for a tensor function."""
        return construct(self, f"nn.{type(self).__name__}")

    def call(self, module: str, args: Sequence[str]) -> str:
        """Source text of the expression that applies it: `module` is how the module is reached."""
        return f"{module}({', '.join(args)})"

    def targets(self, names: Sequence[str]) -> str:
        """Source text of the left side that takes the results apart, where torch nests them."""
        return ", ".join(names)

    @classmethod
    def samples(cls) -> Sequence[tuple[dict[str, Any], tuple[tuple[int, ...], ...]]]:
        """Arguments and input shapes that feed every generic test; at least one."""
        raise NotImplementedError


class UnknownFact(Exception):
    """A fact that nobody stated; the text says which, and becomes the reason of a null."""


class Kept:
    """A tensor that autograd keeps: an input, an output, or a new one of `shape` with `width` bytes an element.

    `width` is None for the dtype of the input. `when` names the inputs whose gradient needs it, None for any gradient.
    """

    __slots__ = ("index", "shape", "what", "when", "width")

    def __init__(
        self,
        what: str,
        index: int = 0,
        shape: Shape = (),
        width: int | None = None,
        when: tuple[int, ...] | None = None,
    ) -> None:
        self.what = what
        self.index = index
        self.shape = shape
        self.width = width
        self.when = when


class Arrival:
    """What arrives at an operator: shapes, how each input lies in memory, and whether a gradient flows back to it."""

    __slots__ = ("learns", "lies", "xs", "ys")

    def __init__(self, xs: Sequence[Shape], ys: Sequence[Shape], lies: Sequence[Lie], learns: Sequence[bool]) -> None:
        self.xs = xs
        self.ys = ys
        self.lies = lies
        self.learns = learns


def copying(op: Operator, arrival: Arrival) -> Sequence[Kept]:
    """What an operator keeps that works on copies of what does not lie in order."""
    return [copied(kept, arrival) if kept.what == "input" else kept for kept in op.saved(arrival.xs, arrival.ys)]


def copied(kept: Kept, arrival: Arrival) -> Kept:
    """The input that is kept, or a copy of it where it does not lie in order."""
    n = kept.index
    return kept if arrival.lies[n] is None else Kept("new", shape=arrival.xs[n], when=kept.when)


def flattened(n: int, arrival: Arrival) -> Kept:
    """Input n, or the copy that makes a matrix of it: of all axes but the last one."""
    x, lie = arrival.xs[n], arrival.lies[n]
    matrix = lie is None or len(x) < 3 or viewed(x, lie, (prod(x[:-1]), x[-1])) is not None
    return Kept("input", n) if matrix else Kept("new", shape=x)


KEEPS_NOTHING: tuple[Kept, ...] = ()
KEEPS_INPUT = (Kept("input"),)
KEEPS_OUTPUT = (Kept("output"),)
NO_NEEDS: tuple[Need, ...] = ()
NO_WEIGHTS: Mapping[str, Shape] = {}


def once_each(op: Operator, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim]:
    """Gradients that take an operator's multiply-accumulates once for each wanted input, and once for weights."""
    macs = known(op.macs(xs, ys))
    return macs * sum(wanted), macs


def known(macs: Dim | None) -> Dim:
    """Multiply-accumulates of an operator that always states them."""
    assert macs is not None
    return macs


def construct(op: Operator, callee: str) -> str:
    """`callee(3, 64, kernel_size=11, stride=4)`: leading arguments by position, others where not torch's default."""
    args = [source(getattr(op, a.name)) for a in op.attributes if a.lead]
    args += [
        f"{a.name}={source(getattr(op, a.name))}"
        for a in op.attributes
        if not a.lead and not a.kind.same(getattr(op, a.name), a.default)
    ]
    return f"{callee}({', '.join(args)})"


def source(value: Any) -> str:
    """Python source of an attribute's value; a tuple of equal numbers is written as the one number that it means."""
    if isinstance(value, Uniform) and len(set(value)) == 1:
        return source(value[0])
    if isinstance(value, tuple):
        return f"({', '.join(map(source, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    if isinstance(value, float) and value - value != 0:  # infinities and nan have no literal
        return f"float({str(value)!r})"
    return repr(value) if isinstance(value, str | float | bool | int | None) else str(value)


class Uniform(tuple[Any, ...]):
    """One value per spatial axis, which torch also takes as a single number where all are equal."""

    __slots__ = ()


class Pointwise(Operator):
    """The elementwise family: same shape and dtype, no weights, no multiply-accumulates, one point seen."""

    kept: ClassVar[tuple[Kept, ...]] = KEEPS_INPUT
    each: ClassVar[Mapping[str, int] | None] = None
    """Operations for each value of the output, by class; None where not stated."""

    def needs(self, *xs: Shape) -> Sequence[Need]:
        return NO_NEEDS

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return (xs[0],)

    def weights(self) -> Mapping[str, Shape]:
        return NO_WEIGHTS

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return None

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return self.kept

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        return arrival.lies if self.view else elementwise(self, arrival)

    @classmethod
    def samples(cls) -> Sequence[tuple[dict[str, Any], tuple[tuple[int, ...], ...]]]:
        return [({}, ((2, 3, 5, 4),)), ({}, ((2, 7),))]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        return super().operations(xs, ys) if self.each is None else times(self.each, prod(ys[0]))
