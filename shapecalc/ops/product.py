"""Products that sum over axes: matrix products and Einstein sums."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import TensorFunction, is_one, listed
from shapecalc.ops.contraction import Factor, kept_by_matmul, multiplied
from shapecalc.ops.dtypes import FLOATS, promoted
from shapecalc.ops.kinds import Text
from shapecalc.ops.merge import OPERANDS, Merge, broadcast, columns, stretched
from shapecalc.ops.op import ZERO, Arrival, Attribute, Claim, Kept, once_each
from shapecalc.ops.strides import in_order, settled, strides_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Lie, Need, Reads, Shape

    Labels = tuple[str, ...]


class MatMul(Merge):
    """The matrix product of two operands: rows of the first with columns of the second.

    Sizes: [..., n, k] and [..., k, m] give [..., n, m]; leading sizes of 1 stretch; a vector is a row on the left
        and a column on the right, and its axis goes.
    Cost: n x k x m multiply-accumulates for each matrix of the batch.
    Pitfalls: autograd keeps both operands; attention scores need the second one transposed.
    Torch: torch.matmul.
    """

    still = True
    takes = FLOATS
    same_dtype = frozenset({"operands"})
    attributes = (OPERANDS,)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if len(xs) != 2 or self.numbers():
            return ((TWO_TENSORS, 1),)
        a, b = xs
        if not a or not b:
            return ((SCALAR, 1),)
        return ((INNER, a[-1] - b[-2:][0]), *_batch_needs(a, b))

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        a, b = xs
        return ((*broadcast((a[:-2], b[:-2])), *a[-2:-1], *(b[-1:] if len(b) > 1 else ())),)

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0]) * xs[0][-1]

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        return once_each(self, xs, ys, wanted)[0], 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """Rows of the first and columns of the second at one point; the axes that are summed over are seen whole."""
        (a, b), rank = xs, len(ys[0])
        rows, cols = int(len(a) > 1), int(len(b) > 1)
        batch = ys[0][: rank - rows - cols]
        return (
            (*stretched(a[:-2], batch), *[(len(a) - 2, POINT)] * rows, *[(None, POINT)] * cols),
            (*stretched(b[:-2], batch), *[(None, POINT)] * rows, *[(len(b) - 1, POINT)] * cols),
        )

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return self.kept_of(Arrival(xs, ys, (None, None), (True, True)))

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """Both operands; one that stretches is copied, and a batch on the right of one matrix is transposed first."""
        a, b = arrival.xs
        return kept_by_matmul(arrival, broadcast((a[:-2], b[:-2])))

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"({args[0]} @ {args[1]})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 3, 5), (2, 5, 4))),
            ({}, ((2, 1, 3, 5), (4, 5, 6))),
            ({}, ((2, 3, 5), (5, 4))),
            ({}, ((5,), (2, 5, 4))),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops sees modules only."""
        return {"ptflops": 0}


def _batch_needs(a: Shape, b: Shape) -> list[Need]:
    pairs = columns((a[:-2], b[:-2]))
    return [(BATCH, p - q, axis) for axis, (p, q) in enumerate(pairs) if not (is_one(p) or is_one(q) or p is q)]


class Einsum(TensorFunction):
    """A sum of products in Einstein's notation: `bhid,bhjd->bhij`.

    Sizes: one axis for each letter after the arrow; a letter that is missing there is summed over; `...` stands for
        further axes, which broadcast.
    Cost: the product of the sizes of all letters, for two operands that share a letter that is summed over; several
        operands are multiplied from left to right. No multiply-accumulates where nothing is summed that way.
    Pitfalls: without an arrow the letters that occur once come out in alphabetical order, capitals first; with the
        package opt_einsum torch takes the cheapest order, which may cost less.
    Torch: torch.einsum.
    """

    takes = FLOATS
    same_dtype = frozenset({"operands"})
    inputs = ("operands*",)
    attributes = (Attribute("equation", Text(), doc="letters of each operand's axes, and of the output's", main=True),)
    equation: str
    fault: str
    terms: tuple[Labels, ...]
    output: Labels

    def settle(self, *xs: Shape) -> None:
        """Parse the equation; what is wrong with it is kept as `fault`."""
        self.fault, self.terms, self.output = "", (), ()
        try:
            terms, output = parse(self.equation)
            self.terms, self.output = spelled(terms, output, [len(x) for x in xs])
        except EquationError as error:
            self.fault = str(error)

    def needs(self, *xs: Shape) -> Sequence[Need]:
        if self.fault:
            return ((EQUATION, 1),)
        needs: list[Need] = []
        for label, sizes in self.occurrences(xs).items():
            first, *others = [s for s in sizes if not is_one(s)] or [1]
            needs += [(LABEL, s - first, self.first_axis(label)) for s in others if s is not first]
        return needs + [
            (DIAGONAL, x[a] - x[labels.index(label)], a)
            for labels, x in zip(self.terms, xs, strict=True)
            for a, label in enumerate(labels)
            if labels.index(label) != a
        ]

    def occurrences(self, xs: Sequence[Shape]) -> dict[str, list[Dim]]:
        """Every size that arrives for a label, in order."""
        sizes: dict[str, list[Dim]] = {}
        for labels, x in zip(self.terms, xs, strict=True):
            for label, size in zip(labels, x, strict=True):
                sizes.setdefault(label, []).append(size)
        return sizes

    def first_axis(self, label: str) -> int:
        return next(labels.index(label) for labels in self.terms if label in labels)

    def sizes(self, xs: Sequence[Shape]) -> dict[str, Dim]:
        """The size of each label: sizes of 1 stretch to the others."""
        return {n: next((s for s in all_ if not is_one(s)), 1) for n, all_ in self.occurrences(xs).items()}

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        sizes = self.sizes(xs)
        return (tuple(sizes[label] for label in self.output),)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return (promoted(dtypes),)

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        sizes = self.sizes(xs)
        total: Dim = 0
        for left, right, later in self.steps(xs):
            if any(label not in later for label in left if label in right):
                total = total + prod(sizes[label] for label in dict.fromkeys((*left, *right)))
        return total

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """Each product once for each of its factors that a gradient is wanted of."""
        sizes = self.sizes(xs)
        total: Dim = 0
        for n, (left, right, later) in enumerate(self.steps(xs), 1):
            if any(label not in later for label in left if label in right):
                each = prod(sizes[label] for label in dict.fromkeys((*left, *right)))
                total = total + each * (any(wanted[:n]) + wanted[n])
        return total, 0

    def steps(self, xs: Sequence[Shape]) -> Iterator[tuple[Labels, Labels, frozenset[str]]]:
        """Products of two, from left to right: the labels of both factors, and those that are needed later.

        A label that only one factor has, or has with more than size 1, is summed over before the product.
        """
        solid = [_solid(labels, x) for labels, x in zip(self.terms, xs, strict=True)]
        left = solid[0]
        for n, right in enumerate(solid[1:], 1):
            later = frozenset(self.output).union(*self.terms[n + 1 :])
            first = tuple(label for label in left if label in right or label in later)
            second = tuple(label for label in right if label in left or label in later)
            yield first, second, later
            left = tuple(label for label in dict.fromkeys(first + second) if label in later)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """Labels of the output at one point; labels that are summed over are seen whole; diagonals are not followed."""
        return tuple(
            tuple((labels.index(o) if o in labels else None, POINT) for o in self.output)
            if len(set(labels)) == len(labels)
            else ()
            for labels in self.terms
        )

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        return self.kept_of(Arrival(xs, ys, (None,) * len(xs), (True,) * len(xs)))

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """Both factors of every product: inputs, the products before, and what is left after summing one alone."""
        return self.contracted(arrival)[1]

    def shares(self, arrival: Arrival) -> bool:
        """One operand of which nothing is summed is only permuted."""
        return len(self.terms) == 1 and set(self.terms[0]) == set(self.output)

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        y, (result, _) = arrival.ys[0], self.contracted(arrival)
        ends = [(result.strides.get(label, 1), size) for label, size in zip(self.output, y, strict=True)]
        return (settled(y, tuple(stride for stride, _ in ends)),)

    def contracted(self, arrival: Arrival) -> tuple[Factor, list[Kept]]:
        """The result, multiplied together from left to right, and what is kept on the way."""
        sizes, xs, kept = self.sizes(arrival.xs), arrival.xs, list[Kept]()
        order = (*self.output, *sorted({label for labels in self.terms for label in labels} - {*self.output}))
        left = self.factor(0, arrival, None, sizes)
        for n, (first, second, later) in enumerate(self.steps(xs), 1):
            left = self.factor(0, arrival, first, sizes) if n == 1 else left
            right = self.factor(n, arrival, second, sizes)
            left, keeps = multiplied(left, right, later, order, sizes)
            kept += keeps
        return left, kept

    def factor(self, n: int, arrival: Arrival, needed: Labels | None, sizes: dict[str, Dim]) -> Factor:
        """Input n, a diagonal where labels come twice; where labels are summed over first, a tensor of its own."""
        labels, x = self.terms[n], arrival.xs[n]
        strides: dict[str, Dim] = {}
        for label, stride, size in zip(labels, strides_of(x, arrival.lies[n]), x, strict=True):
            if not is_one(size):
                strides[label] = strides.get(label, 0) + stride
        needed = needed if needed is not None else tuple(label for label in self.output if label in strides)
        left = [label for label in strides if label in needed]
        if len(left) == len(strides):
            return Factor(left, list(strides.values()), (n,), n)
        return Factor(left, in_order(tuple(sizes[label] for label in left)), (n,), None)

    def call(self, module: str, args: Sequence[str]) -> str:
        return f"torch.einsum({', '.join([repr(self.equation), *args])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"equation": "bhid,bhjd->bhij"}, ((2, 3, 4, 5), (2, 3, 6, 5))),
            ({"equation": "...ij, jk"}, ((2, 3, 5), (5, 4))),
            ({"equation": "bij,bjk,bkl->bil"}, ((2, 3, 4), (2, 4, 5), (2, 5, 6))),
            ({"equation": "iij->j"}, ((3, 3, 4),)),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """ptflops sees modules only."""
        return {"ptflops": 0}

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Nothing beside multiply-accumulates where every product is summed over a letter that both factors have."""
        alone = [s for s in self.steps(xs) if not any(label not in s[2] for label in s[0] if label in s[1])]
        return None if alone or len(self.terms) == 1 else {}


def _solid(labels: Labels, x: Shape) -> Labels:
    """The labels whose axis is not known to be 1: torch sums the others over first."""
    return tuple(dict.fromkeys(label for label, size in zip(labels, x, strict=True) if not is_one(size)))


class EquationError(ValueError):
    """An equation that torch refuses; the text says why."""


DOTS = "..."


def parse(equation: str) -> tuple[list[Labels], Labels | None]:
    """The labels of each operand, and of the output where there is an arrow; `...` is one label.

    >>> parse("...ij, jk->...ik")
    ([('...', 'i', 'j'), ('j', 'k')], ('...', 'i', 'k'))
    """
    left, arrow, right = equation.partition("->")
    return [_labels(term) for term in left.split(",")], _labels(right) if arrow else None


def _labels(term: str) -> Labels:
    parts = term.replace(DOTS, "\0").replace(" ", "")
    labels = [DOTS if part == "\0" else _letter(part) for part in parts]
    if labels.count(DOTS) > 1:
        raise EquationError(f"{term.strip()!r} has more than one `...`")
    return tuple(labels)


def _letter(part: str) -> str:
    if part.isascii() and part.isalpha():
        return part
    raise EquationError(f"{part!r} is no letter, and no part of `...`, `,` or `->`")


def spelled(terms: list[Labels], output: Labels | None, ranks: Sequence[int]) -> tuple[tuple[Labels, ...], Labels]:
    """`...` spelled out as labels of their own, aligned from the right; the output made up where it is absent.

    >>> spelled([("...", "i"), ("i", "j")], None, [3, 2])
    ((('.1', '.0', 'i'), ('i', 'j')), ('.1', '.0', 'j'))
    """
    if len(terms) != len(ranks):
        raise EquationError(f"the equation has {len(terms)} operands, and {len(ranks)} arrive")
    full = tuple(_spelled(term, rank - len(term) + 1) for term, rank in zip(terms, ranks, strict=True))
    for term, labels, rank in zip(terms, full, ranks, strict=True):
        if len(labels) != rank:
            raise EquationError(f"{''.join(term)!r} is for {len(term)} dimensions, and {rank} arrive")
    dots = max((sum("." in label for label in labels) for labels in full), default=0)
    if output is None:
        return full, _implicit(full, dots)
    _check_output(output, terms)
    return full, _spelled(output, dots)


def _spelled(term: Labels, dots: int) -> Labels:
    parts = ([f".{n}" for n in reversed(range(dots))] if label == DOTS else [label] for label in term)
    return tuple(label for part in parts for label in part)


def _implicit(terms: Sequence[Labels], dots: int) -> Labels:
    """The dots first, then the letters that occur once, in alphabetical order with the capitals first."""
    letters = [label for labels in terms for label in labels if "." not in label]
    return (*_spelled((DOTS,), dots), *sorted(label for label in letters if letters.count(label) == 1))


def _check_output(output: Labels, terms: Sequence[Labels]) -> None:
    for label in output:
        if label != DOTS and not any(label in term for term in terms):
            raise EquationError(f"{label!r} of the output is in no operand")
        if output.count(label) > 1:
            raise EquationError(f"{label!r} comes twice in the output")


def _say_two(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = f"{len(xs)} tensors" if not op.numbers() else f"the number {op.numbers()[0]}"
    return f"MatMul multiplies two tensors, and {given} arrive{'s' * bool(op.numbers())}"


def _say_scalar(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "MatMul takes at least 1 dimension, and a scalar arrives"


def _say_inner(op: Any, xs: Sequence[Shape], axis: int) -> str:
    a, b = xs
    return f"{listed(a)} ends in {a[-1]} columns, but {listed(b)} has {b[-2:][0]} rows"


def _say_batch(op: Any, xs: Sequence[Shape], axis: int) -> str:
    p, q = columns((xs[0][:-2], xs[1][:-2]))[axis]
    return f"batch axes of {listed(xs[0])} and {listed(xs[1])} do not broadcast: {p} and {q}"


def _say_equation(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"equation {op.equation!r}: {op.fault}"


def _say_label(op: Any, xs: Sequence[Shape], axis: int) -> str:
    for label, sizes in op.occurrences(xs).items():
        different = [s for s in dict.fromkeys(sizes) if not is_one(s)]
        if len(different) > 1 and op.first_axis(label) == axis:
            return f"{_shown(label)} of {op.equation!r} is {different[0]} and {different[1]}"
    return f"{op.equation!r} gives a letter several sizes"


def _say_diagonal(op: Any, xs: Sequence[Shape], axis: int) -> str:
    for labels, x in zip(op.terms, xs, strict=True):
        if len(labels) > axis and labels.index(labels[axis]) != axis:
            sizes = f"{x[labels.index(labels[axis])]} and {x[axis]}"
            return f"{_shown(labels[axis])} comes twice for {listed(x)}, with sizes {sizes}"
    return f"{op.equation!r} gives a letter several sizes"


def _shown(label: str) -> str:
    return f"`{DOTS}`" if "." in label else f"`{label}`"


TWO_TENSORS = Claim("SC122", "operands", ZERO, _say_two)
SCALAR = Claim("SC209", "operands", ZERO, _say_scalar)
INNER = Claim("SC211", "operands", ZERO, _say_inner, lambda op, xs, axis: "transpose one of them, if that is meant")
BATCH = Claim("SC211", "operands", ZERO, _say_batch)
EQUATION = Claim("SC109", "equation", ZERO, _say_equation)
LABEL = Claim("SC211", "equation", ZERO, _say_label)
DIAGONAL = Claim("SC211", "equation", ZERO, _say_diagonal)
