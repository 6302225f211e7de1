"""Attention without projections: every position of the output is a mix of all positions of the values."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.arrange import TensorFunction, is_none, is_one, listed
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import AMOUNT, FLAG, FRACTION, or_null
from shapecalc.ops.layout import IN_ORDER, as_first
from shapecalc.ops.merge import broadcast, broadcast_needs, stretched
from shapecalc.ops.op import ZERO, Attribute, Claim, Kept, source
from shapecalc.ops.strides import viewed
from shapecalc.ops.tally import softmaxed, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Lie, Need, Reads, Shape


class ScaledDotProductAttention(TensorFunction):
    """Attention without projections: softmax(query key^T / sqrt(E)) value.

    Sizes: [..., L, E], [..., S, E] and [..., S, Ev] give [..., L, Ev]; leading sizes of 1 stretch; a mask
        broadcasts to [..., L, S].
    Cost: L x S x (E + Ev) multiply-accumulates for each head and sample.
    Pitfalls: heads are an axis that you make yourself: Reshape and Transpose before it; with a mask, is_causal must
        stay false.
    Torch: torch.nn.functional.scaled_dot_product_attention.
    """

    inputs = ("query", "key", "value", "attn_mask?")
    takes = FLOATS
    same_dtype = frozenset({"key", "value"})
    attributes = (
        Attribute("dropout_p", FRACTION, 0.0, "share of the attention weights that training drops"),
        Attribute("is_causal", FLAG, False, "whether a position sees only those before it"),
        Attribute("scale", or_null(AMOUNT), None, "what the scores are multiplied by; null: 1/sqrt(E)"),
        Attribute("enable_gqa", FLAG, False, "whether several query heads share one key and value head"),
    )
    dropout_p: float
    is_causal: bool
    scale: float | None
    enable_gqa: bool

    def needs(self, *xs: Shape) -> Sequence[Need]:
        q, k, v = xs[:3]
        mask = xs[3] if len(xs) > 3 else None
        if min(len(q), len(k), len(v)) < 2 + self.enable_gqa:
            return ((TWO_DIMS, 1),)
        return [
            (SAME_FEATURES, k[-1] - q[-1]),
            (SAME_KEYS, v[-2] - k[-2]),
            *((DIVISIBLE, 1 if is_none(x[-3]) else q[-3] % x[-3]) for x in (k, v) if self.enable_gqa),
            *((HEADS_FIT, *need[1:]) for need in broadcast_needs(self.batches(xs))),
            (CAUSAL_ALONE, int(self.is_causal and mask is not None)),
            *(self.mask_needs(xs, mask) if mask is not None else ()),
        ]

    def batches(self, xs: Sequence[Shape]) -> list[Shape]:
        """What comes before the last two axes; shared heads count as those of the query."""
        q, k, v = xs[:3]
        if not self.enable_gqa:
            return [x[:-2] for x in (q, k, v)]
        return [(*x[:-3], q[-3]) for x in (q, k, v)]

    def mask_needs(self, xs: Sequence[Shape], mask: Shape) -> list[Need]:
        full = (*broadcast(self.batches(xs)), xs[0][-2], xs[1][-2])
        if not 2 <= len(mask) <= len(full):
            return [(MASK, 1)]
        pairs = zip(mask, full[len(full) - len(mask) :], strict=True)
        return [(MASK, due - size) for size, due in pairs if not is_one(size)]

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*broadcast(self.batches(xs)), xs[0][-2], xs[2][-1]),)

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return prod(ys[0][:-1]) * xs[1][-2] * (xs[0][-1] + xs[2][-1])

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """Products for the gradients of weights and value, of query and key; scores computed again are not counted."""
        q, k, v = xs[:3]
        scores, mixed = (prod(ys[0][:-1]) * k[-2] * x[-1] for x in (q, v))
        return mixed * ((wanted[0] or wanted[1]) + wanted[2]) + scores * (wanted[0] + wanted[1]), 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """A query at one point; positions of keys and values are seen whole, as are heads that queries share."""
        batch = ys[0][:-2]
        ends = ((True, False), (False, False), (False, True), (True, False))
        reads: list[Reads] = []
        for n, (x, (row, column)) in enumerate(zip(xs, ends, strict=False)):
            own, entries = len(x) - 2, list(stretched(x[:-2], batch))
            if self.enable_gqa and n in (1, 2):
                entries[-1] = (None, POINT)
            reads.append((*entries, (own if row else None, POINT), (own + 1 if column else None, POINT)))
        return reads

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """Fused: inputs, output and one number a row. Otherwise scaled copies of query and key, and the weights."""
        return self.kept_fused(xs, ys) if self.fused(xs) else self.kept_plainly(xs, ys)

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        xs, ys, lies = arrival.xs, arrival.ys, arrival.lies
        if self.fused(xs) and _rows(arrival):
            return self.kept_fused(xs, ys)
        return self.kept_plainly(xs, ys, lies[2])

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """The fused kernel writes as the query lies: heads side by side, where those were cut out of a projection."""
        return as_first(self, arrival) if self.fused(arrival.xs) and _rows(arrival) else IN_ORDER

    def fused(self, xs: Sequence[Shape]) -> bool:
        """Whether torch has one kernel for it on the CPU, as far as shapes tell."""
        q, k, v = xs[:3]
        return len(q) == len(k) == len(v) == 4 and not self.dropout_p and q[-1] == v[-1] and self.whole(xs)

    def kept_fused(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        inputs = [Kept("input", n) for n in range(len(xs))]
        return [*inputs, Kept("output"), Kept("new", shape=ys[0][:-1], width=4)]

    def kept_plainly(self, xs: Sequence[Shape], ys: Sequence[Shape], lie: Lie = None) -> Sequence[Kept]:
        """`lie` is how the values lie, which are copied where they are no batch of matrices."""
        q, k, v = xs[:3]
        batch = ys[0][:-2]
        scores = Kept("new", shape=(*batch, q[-2], k[-2]))
        copies = [Kept("new", shape=(*batch, x[-2], x[-1]), when=(n,)) for x, n in ((q, 1), (k, 0))]
        same = v[:-2] == batch and viewed(v, lie, (prod(batch), *v[-2:])) is not None
        value = Kept("input", 2, when=(0, 1)) if same else Kept("new", shape=(*batch, *v[-2:]), when=(0, 1))
        return [*copies, value, *[scores] * (3 if self.dropout_p else 1)]

    def whole(self, xs: Sequence[Shape]) -> bool:
        """Whether nothing stretches, as far as can be seen."""
        return all(x == self.batches(xs)[0] for x in self.batches(xs))

    def call(self, module: str, args: Sequence[str]) -> str:
        """Dropout only in training, which the function leaves to its caller."""
        given = [f"attn_mask={args[3]}"] if len(args) > 3 else []
        given += [f"dropout_p={source(self.dropout_p)} if self.training else 0.0"] * bool(self.dropout_p)
        for a in self.attributes[1:]:
            if getattr(self, a.name) != a.default:
                given.append(f"{a.name}={source(getattr(self, a.name))}")
        return f"F.scaled_dot_product_attention({', '.join([*args[:3], *given])})"

    @classmethod
    def samples(cls) -> Any:
        return [
            ({}, ((2, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 8))),
            ({"scale": 0.3}, ((4, 5, 8), (4, 6, 8), (4, 6, 7))),
            ({"enable_gqa": True, "scale": 0.5}, ((2, 4, 5, 8), (2, 2, 6, 8), (2, 2, 6, 8))),
            ({}, ((2, 4, 5, 8), (1, 4, 6, 8), (2, 1, 6, 8))),
        ]

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """Neither tool knows it."""
        return {"fvcore": 0, "ptflops": 0}

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Scaled queries, a sum with the mask, and the softmax of the scores."""
        scores = (*ys[0][:-1], xs[1][-2])
        masked = prod(scores) if len(xs) > 3 and xs[3] is not None else 0
        return together({"multiplications": prod(xs[0]), "adds": masked}, softmaxed(scores, -1))


def _rows(arrival: Arrival) -> bool:
    """Whether the features of each position lie side by side."""
    return all(lie is None or lie[-1] == 1 for lie in arrival.lies[:3])


def _say_two_dims(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = " and ".join(map(listed, xs[:3]))
    return f"query, key and value have at least {2 + op.enable_gqa} dimensions, and {given} arrive"


def _say_same_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"query {listed(xs[0])} and key {listed(xs[1])} have {xs[0][-1]} and {xs[1][-1]} features"


def _say_same_keys(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"key {listed(xs[1])} and value {listed(xs[2])} have {xs[1][-2]} and {xs[2][-2]} positions"


def _say_divisible(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"{xs[0][-3]} query heads do not divide by {xs[1][-3]} key heads and {xs[2][-3]} value heads"


def _say_heads_fit(op: Any, xs: Sequence[Shape], axis: int) -> str:
    given = " and ".join(map(listed, xs[:3]))
    return f"the axes before the last two do not broadcast: {given}"


def _say_causal_alone(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"is_causal is true, and attn_mask {listed(xs[3])} arrives; torch takes one of them"


def _say_attn_mask(op: Any, xs: Sequence[Shape], axis: int) -> str:
    full = (*broadcast(op.batches(xs)), xs[0][-2], xs[1][-2])
    return f"attn_mask {listed(xs[3])} does not broadcast to {listed(full)}"


TWO_DIMS = Claim("SC209", "", ZERO, _say_two_dims)
SAME_FEATURES = Claim("SC211", "", ZERO, _say_same_features)
SAME_KEYS = Claim("SC211", "", ZERO, _say_same_keys)
DIVISIBLE = Claim("SC205", "enable_gqa", ZERO, _say_divisible)
HEADS_FIT = Claim("SC211", "", ZERO, _say_heads_fit)
CAUSAL_ALONE = Claim("SC109", "is_causal", ZERO, _say_causal_alone)
MASK = Claim("SC211", "", ZERO, _say_attn_mask)
