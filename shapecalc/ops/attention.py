"""Attention with learned projections."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.dims.sym import names
from shapecalc.ops.arrange import listed
from shapecalc.ops.batchplace import BATCH_PLACE
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import FLAG, FRACTION, POSITIVE, or_null
from shapecalc.ops.layout import IN_ORDER
from shapecalc.ops.merge import same
from shapecalc.ops.op import INFERRED, ZERO, Arrival, Attribute, Claim, Kept, Operator, known, source
from shapecalc.ops.strides import moved, ranked, settled, viewed
from shapecalc.ops.tally import softmaxed, summed, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Lie, Need, Reads, Shape

MADE = (
    Attribute("embed_dim", POSITIVE, INFERRED, "features of the query, and of the output", lead=True),
    Attribute(
        "num_heads", POSITIVE, doc="attentions side by side; each sees its part of the features", main=True, lead=True
    ),
    Attribute("dropout", FRACTION, 0.0, "share of the attention weights that training drops"),
    Attribute("bias", FLAG, True, "whether projections add a learned number"),
    Attribute("add_bias_kv", FLAG, False, "whether a learned key and value are added to each sequence"),
    Attribute("add_zero_attn", FLAG, False, "whether a key and value of zeros are added"),
    Attribute("kdim", or_null(POSITIVE), None, "features of the key; null: embed_dim"),
    Attribute("vdim", or_null(POSITIVE), None, "features of the value; null: embed_dim"),
    Attribute("batch_first", FLAG, False, "whether the batch is axis 0, before the sequence"),
)
"""What torch's constructor takes; the others are arguments of its forward."""


def masks(*inputs: str) -> Mapping[str, frozenset[str]]:
    """What torch takes as a mask beside floats that are added to the scores, which have the dtype of those."""
    return {name: frozenset({"bool"}) for slot in inputs if (name := slot.rstrip("?")).endswith("mask")}


class MultiheadAttention(Operator):
    """Attention with learned projections: of the input to itself, or of a query to keys and values.

    Sizes: [L, N, E], or [N, L, E] with `batch_first: true`, or [L, E]; the output has the size of the query. With
        need_weights (torch's default) a second output holds the attention weights, [N, L, S].
    Cost: the projections of query, key, value and output, and the two products of L x S positions.
    Pitfalls: `batch_first` is false unless given, so [N, T, E] would mix the samples of a batch, which is reported;
        embed_dim must divide by num_heads; need_weights makes torch take the slow way and keep the weights.
    Torch: torch.nn.MultiheadAttention.
    """

    inputs = ("query", "key?", "value?", "key_padding_mask?", "attn_mask?")
    stands_for: ClassVar[Mapping[int, int]] = {1: 0, 2: 1}
    further = masks(*inputs)
    same_dtype = frozenset({"key", "value", *further})
    ranks = (2, 3)
    takes = FLOATS
    attributes = (
        *MADE,
        Attribute("need_weights", FLAG, True, "whether the attention weights are an output too"),
        Attribute("average_attn_weights", FLAG, True, "whether those are averaged over the heads"),
        Attribute("is_causal", FLAG, False, "a hint that attn_mask is causal"),
    )
    embed_dim: Dim
    num_heads: Dim
    dropout: float
    bias: bool
    add_bias_kv: bool
    add_zero_attn: bool
    kdim: Dim | None
    vdim: Dim | None
    batch_first: bool
    need_weights: bool
    average_attn_weights: bool
    is_causal: bool
    key_features: Dim
    value_features: Dim
    time: int
    batch: int | None

    def settle(self, *xs: Shape) -> None:
        if self.embed_dim is INFERRED:
            self.embed_dim = xs[0][-1]
        self.key_features = self.embed_dim if self.kdim is None else self.kdim
        self.value_features = self.embed_dim if self.vdim is None else self.vdim
        unbatched = len(xs[0]) == 2
        self.time = int(self.batch_first and not unbatched)
        self.batch = None if unbatched else 1 - self.time

    def needs(self, *xs: Shape) -> Sequence[Need]:
        q, k, v, padding, mask = five(xs)
        if len(k) != len(q) or len(v) != len(q):
            return ((SAME_RANK, 1),)
        lost = [a for a, size in enumerate(q) if a != self.batch and "N" in names(size)]
        if lost:
            return ((BATCH_PLACE, 1, lost[0]),)
        return [
            (HEADS, self.embed_dim % self.num_heads),
            (EMBED, q[-1] - self.embed_dim, len(q) - 1),
            (KEY_FEATURES, k[-1] - self.key_features),
            (VALUE_FEATURES, v[-1] - self.value_features),
            (PAIRED, v[self.time] - k[self.time]),
            *([] if self.batch is None else [(SAME_BATCH, x[self.batch] - q[self.batch]) for x in (k, v)]),
            (CAUSAL, int(self.is_causal and mask is None)),
            *self.mask_needs(q, k, padding, mask),
        ]

    def mask_needs(self, q: Shape, k: Shape, padding: Shape | None, mask: Shape | None) -> list[Need]:
        """The masks must have exactly the sizes of queries and keys: here torch does not broadcast."""
        needs: list[Need] = []
        if padding is not None:
            needs += _same(PADDING_MASK, padding, self.padding_shape(k))
        if mask is not None and not self.ignores(padding, mask):
            full = self.mask_shape(q, k)
            needs += _same(ATTENTION_MASK, mask, full if len(mask) == 3 else full[1:])
        return needs

    def ignores(self, padding: Shape | None, mask: Shape) -> bool:
        """Whether torch goes by is_causal alone and never looks at the mask's sizes."""
        hinted = self.is_causal and padding is None and not self.need_weights
        return hinted and (len(mask) == 2 or (len(mask) == 3 and self.batch is not None))

    def padding_shape(self, k: Shape) -> Shape:
        return (k[self.time],) if self.batch is None else (k[self.batch], k[self.time])

    def mask_shape(self, q: Shape, k: Shape) -> Shape:
        return (self.samples_of(q) * self.num_heads, q[self.time], k[self.time])

    def samples_of(self, q: Shape) -> Dim:
        return 1 if self.batch is None else q[self.batch]

    def keys(self, k: Shape) -> Dim:
        """Positions that are attended to: those of the key, and the added ones."""
        return k[self.time] + int(self.add_bias_kv) + int(self.add_zero_attn)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        q, k, *_ = five(xs)
        y = (*q[:-1], self.embed_dim)
        if not self.need_weights:
            return (y,)
        heads = () if self.average_attn_weights else (self.num_heads,)
        batch = () if self.batch is None else (q[self.batch],)
        return (y, (*batch, *heads, q[self.time], self.keys(k)))

    def weights(self) -> Mapping[str, Shape]:
        e = self.embed_dim
        named: dict[str, Shape] = {"in_proj_weight": (3 * e, e)}
        if not same((self.key_features, self.value_features), (e, e)):
            parts = (("q", e), ("k", self.key_features), ("v", self.value_features))
            named = {f"{part}_proj_weight": (e, size) for part, size in parts}
        if self.bias:
            named["in_proj_bias"] = (3 * e,)
        if self.add_bias_kv:
            named |= {"bias_k": (1, 1, e), "bias_v": (1, 1, e)}
        named["out_proj.weight"] = (e, e)
        return named | {"out_proj.bias": (e,)} if self.bias else named

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        q, k, v, *_ = five(xs)
        e = self.embed_dim
        projections: Dim = e * (2 * prod(q) + prod(k) + prod(v))
        products: Dim = 2 * prod(q[:-1]) * self.keys(k) * e
        return projections + products

    def backward(self, xs: Sequence[Shape], ys: Sequence[Shape], wanted: Sequence[bool]) -> tuple[Dim, Dim] | None:
        """Every product once for each factor; what fused kernels compute again is not counted."""
        q, k, v, *_ = five(xs)
        e = self.embed_dim
        asked = five([want if x is not None else None for x, want in zip(xs, wanted, strict=True)])[:3]
        scores = prod(q[:-1]) * self.keys(k) * e
        inputs = sum(e * prod(x) for x, want in zip((q, k, v), asked, strict=True) if want)
        return e * prod(q) + inputs + 4 * scores, e * (2 * prod(q) + prod(k) + prod(v))

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """A query is read at one point, keys and values are seen whole; both at once in self-attention."""
        itself = ALL if len(xs) == 1 or all(x is None for x in xs[1:3]) else POINT
        reads = [self.reads(len(xs[0]), self.batch, self.time, itself)]
        for name, x in zip(self.inputs[1:], xs[1:], strict=False):
            if x is None or name in ("key?", "value?"):
                reads.append(self.reads(len(xs[0]), self.batch, None, POINT))
            elif name == "key_padding_mask?":
                reads.append(self.reads(len(xs[0]), None if self.batch is None else 0, None, POINT))
            else:
                reads.append(self.reads(len(xs[0]), None, len(x) - 2, POINT))
        return reads

    def reads(self, rank: int, batch: int | None, time: int | None, window: Any) -> Any:
        """Entries for an input whose batch and time axes have these numbers."""
        entries: list[Any] = [(None, POINT)] * rank
        if self.batch is not None:
            entries[self.batch] = (batch, POINT)
        entries[self.time] = (time, window)
        return tuple(entries)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The inputs (copied where the batch comes first), their projections, the attention, and its output."""
        return self.kept_of(Arrival(xs, ys, (None,) * len(xs), (True,) * len(xs)))

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        xs, ys = arrival.xs, arrival.ys
        q, k, _, padding, mask = five(xs)
        scores = (self.samples_of(q), self.num_heads, q[self.time], self.keys(k))
        kept = [*self.kept_inputs(arrival), *self.kept_projections(xs), Kept("new", shape=ys[0])]
        if self.need_weights:
            last = Kept("new", shape=scores) if self.average_attn_weights else Kept("output", 1)
            return [*kept, last, *[Kept("new", shape=scores)] * (2 * bool(self.dropout))]
        if self.dropout:
            return [*kept, *[Kept("new", shape=scores)] * 3]
        return [*kept, *self.kept_masks(scores, padding, mask), Kept("new", shape=scores[:3], width=4)]

    def lies(self, arrival: Arrival) -> Sequence[Lie]:
        """With the sequence first in memory, as torch runs it."""
        y = arrival.ys[0]
        return (settled(y, ranked(y, (1, 0, 2))),) if self.turned else IN_ORDER

    @property
    def turned(self) -> bool:
        """Whether torch swaps batch and sequence before it begins, and back at the end."""
        return self.batch_first and self.batch is not None

    def kept_inputs(self, arrival: Arrival) -> list[Kept]:
        """The inputs, the sequence first; one that is no matrix as it lies is copied."""
        given = [n for n, x in enumerate(arrival.xs[:3]) if x is not None]
        return [self.kept_input(n, arrival.xs[n], arrival.lies[n]) for n in given]

    def kept_input(self, n: int, x: Shape, lie: Lie) -> Kept:
        order = (1, 0, 2) if self.turned else tuple(range(len(x)))
        turned = tuple(x[a] for a in order)
        strides = moved(x, lie, order, turned)
        matrix = (prod(turned[:-1]), x[-1])
        return Kept("input", n) if viewed(turned, strides, matrix) is not None else Kept("new", shape=x)

    def kept_projections(self, xs: Sequence[Shape]) -> list[Kept]:
        """Scaled copies of the query and, where dropout keeps torch from the fused kernel, of the key; then what the
        products are made of: one tensor of all three in self-attention, one of key and value where those are one."""
        q, k, *_ = five(xs)
        query = Kept("new", shape=(*q[:-1], self.embed_dim))
        key = Kept("new", shape=(self.samples_of(q), self.keys(k), self.embed_dim))
        copies = [query, key][: 1 if self.need_weights else 2 * bool(self.dropout)]
        longer = self.add_bias_kv or self.add_zero_attn
        one_of_three = all(x is None for x in xs[1:3])
        first = [] if copies else [query] * (3 if one_of_three else 1)
        if one_of_three and not longer:
            return [*copies, *[query] * 3]
        apart = longer or (len(xs) > 2 and xs[2] is not None)
        return [*copies, *first, *[key] * (1 if apart and len(copies) == 2 else 2)]

    def kept_masks(self, scores: Shape, padding: Shape | None, mask: Shape | None) -> list[Kept]:
        """The mask that the fused kernel is given: the two in one where both are there, padded for added keys."""
        if padding is not None:
            rows = (scores[2],) if mask is not None else (1,)
            return [Kept("new", shape=(*scores[:2], *rows, scores[3]), width=4)]
        if mask is None or self.ignores(padding, mask):
            return []
        longer = self.add_bias_kv or self.add_zero_attn
        return [Kept("new", shape=(*mask[:-1], scores[3]), width=4)] if longer else [Kept("input", 4)]

    def constructor(self) -> str | None:
        given = [a for a in MADE if not a.lead and not a.kind.same(getattr(self, a.name), a.default)]
        named = [f"{a.name}={source(getattr(self, a.name))}" for a in given]
        return f"nn.MultiheadAttention({', '.join([source(self.embed_dim), source(self.num_heads), *named])})"

    def call(self, module: str, args: Sequence[str]) -> str:
        """A pair if need_weights, the output alone otherwise, for which torch gives a pair with None."""
        q, k, v, padding, mask = [*args, None, None, None, None][:5]
        k = k if k not in (None, "None") else q
        v = v if v not in (None, "None") else k
        named = {"key_padding_mask": padding, "attn_mask": mask}
        given = [f"{name}={arg}" for name, arg in named.items() if arg not in (None, "None")]
        forward = [a for a in self.attributes[len(MADE) :] if getattr(self, a.name) != a.default]
        given += [f"{a.name}={source(getattr(self, a.name))}" for a in forward]
        return f"{module}({', '.join([str(q), str(k), str(v), *given])})" + "[0]" * (not self.need_weights)

    @classmethod
    def samples(cls) -> Any:
        first = {"num_heads": 2, "batch_first": True}
        return [
            ({"num_heads": 2}, ((5, 3, 8),)),
            ({**first, "need_weights": False}, ((3, 5, 8),)),
            ({**first, "kdim": 6, "vdim": 4, "bias": False}, ((3, 5, 8), (3, 7, 6), (3, 7, 4))),
            ({"num_heads": 4, "add_bias_kv": True, "average_attn_weights": False}, ((5, 8), (7, 8))),
            ({"num_heads": 2, "add_zero_attn": True}, ((5, 3, 8), (7, 3, 8), (7, 3, 8), (3, 7), (5, 7))),
        ]

    def operations(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim] | None:
        """Biases, scaled queries, sums with masks, the softmax of the scores, and the mean over heads if asked for."""
        q, k, v, padding, mask = five(xs)
        scores = (self.num_heads, *q[:-1], self.keys(k))
        n, rows = prod(scores), prod(q[:-1]) + prod(k[:-1]) + prod(v[:-1]) + prod(q[:-1])
        adds = self.embed_dim * rows * self.bias + n * ((padding is not None) + (mask is not None))
        mean = self.need_weights and self.average_attn_weights
        heads = {"adds": summed(scores, scores[1:]), "divisions": prod(scores[1:])} if mean else {}
        return together({"adds": adds, "multiplications": prod(q)}, softmaxed(scores, -1), heads)

    def elsewhere(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Mapping[str, Dim]:
        """fvcore does not see fused products; ptflops has a formula of its own, for keys and values as they arrive."""
        q, k, v, *_ = five(xs)
        e, scores = self.embed_dim, self.num_heads * prod(q[:-1]) * k[self.time]
        shape = [prod(x[:-1]) for x in (q, k, v)]
        projections = sum(n * x[-1] * x[-1] for n, x in zip(shape, (q, k, v), strict=True))
        products = prod(q[:-1]) * k[self.time] * (q[-1] // self.num_heads + v[-1] // self.num_heads) * self.num_heads
        biases = e * sum(shape) * self.bias
        out = shape[0] * v[-1] * (v[-1] + 1)
        seen = known(self.macs(xs, ys)) - (0 if self.need_weights else 2 * shape[0] * self.keys(k) * e)
        return {"fvcore": seen, "ptflops": shape[0] * e + projections + biases + products + scores + out}


def five(xs: Sequence[Any]) -> tuple[Any, Any, Any, Any, Any]:
    """Query, key, value and the masks: without a key the query is meant, without a value the key."""
    q, k, v, padding, mask = [*xs, None, None, None, None][:5]
    k = q if k is None else k
    return q, k, k if v is None else v, padding, mask


def _same(claim: Claim, x: Shape, due: Shape) -> list[Need]:
    if len(x) != len(due):
        return [(claim, 1)]
    return [(claim, a - b) for a, b in zip(x, due, strict=True)]


def _say_same_rank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    q, k, v, *_ = five(xs)
    return f"query {listed(q)}, key {listed(k)} and value {listed(v)} differ in their number of dimensions"


def _say_heads(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"embed_dim {op.embed_dim} does not divide by {op.num_heads} heads"


def _say_embed(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"embed_dim is {op.embed_dim}, but {xs[0][-1]} features arrive"


def _say_key_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    name = "embed_dim" if op.kdim is None else "kdim"
    return f"{name} is {op.key_features}, but the key has {five(xs)[1][-1]} features"


def _say_value_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    name = "embed_dim" if op.vdim is None else "vdim"
    return f"{name} is {op.value_features}, but the value has {five(xs)[2][-1]} features"


def _say_paired(op: Any, xs: Sequence[Shape], axis: int) -> str:
    _, k, v, *_ = five(xs)
    return f"key {listed(k)} and value {listed(v)} have {k[op.time]} and {v[op.time]} positions"


def _say_same_batch(op: Any, xs: Sequence[Shape], axis: int) -> str:
    q, k, v, *_ = five(xs)
    return f"axis {op.batch}, the batch, differs: query {listed(q)}, key {listed(k)}, value {listed(v)}"


def _say_causal(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "is_causal is a hint about attn_mask, and no attn_mask arrives"


def _say_padding(op: Any, xs: Sequence[Shape], axis: int) -> str:
    _, k, _, padding, _ = five(xs)
    return f"key_padding_mask is {listed(padding)}, but the keys are {listed(op.padding_shape(k))}"


def _say_mask(op: Any, xs: Sequence[Shape], axis: int) -> str:
    q, k, _, _, mask = five(xs)
    full = op.mask_shape(q, k)
    return f"attn_mask is {listed(mask)}, and neither {listed(full[1:])} nor {listed(full)}"


SAME_RANK = Claim("SC209", "", ZERO, _say_same_rank)
HEADS = Claim("SC205", "num_heads", ZERO, _say_heads)
EMBED = Claim("SC203", "embed_dim", ZERO, _say_embed)
KEY_FEATURES = Claim("SC203", "kdim", ZERO, _say_key_features)
VALUE_FEATURES = Claim("SC203", "vdim", ZERO, _say_value_features)
PAIRED = Claim("SC211", "", ZERO, _say_paired)
SAME_BATCH = Claim("SC211", "", ZERO, _say_same_batch)
CAUSAL = Claim("SC122", "is_causal", ZERO, _say_causal)
PADDING_MASK = Claim("SC211", "", ZERO, _say_padding)
ATTENTION_MASK = Claim("SC211", "", ZERO, _say_mask)
