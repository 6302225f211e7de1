"""Tables of vectors that indices are looked up in."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import POINT
from shapecalc.dims.sym import least
from shapecalc.ops.arrange import listed
from shapecalc.ops.dtypes import INDICES
from shapecalc.ops.kinds import COUNT, FLAG, INT, NUMBER, or_null
from shapecalc.ops.loss import Choice
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, NO_NEEDS, ZERO, Attribute, Claim, Kept, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Arrival, Need, Reads, Shape


class Embedding(Operator):
    """Replaces every index by its row of a learned table.

    Sizes: a last axis of embedding_dim is added.
    Cost: num_embeddings x embedding_dim parameters; no multiply-accumulates, as rows are only looked up.
    Pitfalls: indices must be integers below num_embeddings (state `below` at the input to have it checked); only
        the rows that a batch uses get a gradient.
    Torch: torch.nn.Embedding.
    """

    still = True
    takes = INDICES
    bound = "num_embeddings"
    attributes: ClassVar[tuple[Attribute, ...]] = (
        Attribute("num_embeddings", COUNT, doc="rows of the table: indices are below it", main=True, lead=True),
        Attribute("embedding_dim", COUNT, doc="size of one row", lead=True),
        Attribute("padding_idx", or_null(INT), None, "row that stays as it is in training"),
        Attribute("max_norm", or_null(NUMBER), None, "norm that rows are cut to when they are used"),
        Attribute("norm_type", NUMBER, 2.0, "the p of the norm"),
        Attribute("scale_grad_by_freq", FLAG, False, "whether gradients are divided by how often a row occurs"),
        Attribute("sparse", FLAG, False, "whether gradients are sparse tensors"),
    )
    num_embeddings: Dim
    embedding_dim: Dim
    padding_idx: Dim | None
    max_norm: float | None

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """torch takes -n to n - 1; as a row counts from one end or the other, one of two gaps speaks."""
        p = self.padding_idx
        if p is None:
            return NO_NEEDS
        if isinstance(p, int) and p < 0:
            return ((PADDING_ROW, self.num_embeddings + p),)
        return ((PADDING_ROW, self.num_embeddings - 1 - p),)

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((*xs[0], self.embedding_dim),)

    def dtypes(self, *dtypes: str) -> tuple[str, ...] | None:
        return ("float32",)

    def weights(self) -> Mapping[str, Shape]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    def macs(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Dim | None:
        return 0

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        return ((*((a, POINT) for a in range(len(xs[0]))), (None, POINT)),)

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The indices; the gradient of the table needs no rows."""
        return KEEPS_INPUT

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        """With a largest norm torch works on a copy of indices that do not lie in order."""
        return KEEPS_INPUT if self.max_norm is None else _ordered(self.saved(arrival.xs, arrival.ys), arrival)

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"num_embeddings": 11, "embedding_dim": 5}, ((2, 7),)),
            ({"num_embeddings": 4, "embedding_dim": 3, "padding_idx": -1}, ((6,),)),
            ({"num_embeddings": 9, "embedding_dim": 2, "max_norm": 1.0}, ((2, 3, 2),)),
        ]


class EmbeddingBag(Embedding):
    """The mean, sum or maximum of the rows that a bag of indices looks up.

    Sizes: [N, L] becomes [N, embedding_dim]. Indices [L] in one row want `offsets`, where each bag begins:
        [bags, embedding_dim]; with include_last_offset the last offset begins none.
    Cost: num_embeddings x embedding_dim parameters; no multiply-accumulates, as rows are only looked up.
    Pitfalls: the mode is mean unless given; weights for each index go with mode sum alone; offsets must begin at 0
        and not fall, which is not checked.
    Torch: torch.nn.EmbeddingBag.
    """

    still = False
    inputs = ("input", "offsets?", "per_sample_weights?")
    ranks = (1, 2)
    attributes = (
        Attribute("num_embeddings", COUNT, doc="rows of the table: indices are below it", main=True, lead=True),
        Attribute("embedding_dim", COUNT, doc="size of one row", lead=True),
        Attribute("max_norm", or_null(NUMBER), None, "norm that rows are cut to when they are used"),
        Attribute("norm_type", NUMBER, 2.0, "the p of the norm"),
        Attribute("scale_grad_by_freq", FLAG, False, "whether gradients are divided by how often a row occurs"),
        Attribute("mode", Choice("mean", "sum", "max"), "mean", "what becomes of the rows of a bag"),
        Attribute("sparse", FLAG, False, "whether gradients are sparse tensors"),
        Attribute("include_last_offset", FLAG, False, "whether the last offset is the end of the last bag"),
        Attribute("padding_idx", or_null(INT), None, "row that does not count"),
    )
    mode: str
    scale_grad_by_freq: bool
    sparse: bool
    include_last_offset: bool

    def needs(self, *xs: Shape) -> Sequence[Need]:
        x, offsets, weights = three(xs)
        if (len(x) == 1) != (offsets is not None) or (offsets is not None and len(offsets) != 1):
            return ((OFFSETS, 1),)
        needs = [*super().needs(x), (GRADIENTS, int(self.mode == "max" and (self.scale_grad_by_freq or self.sparse)))]
        if self.mode != "max":  # torch's kernel raises for a mean or a sum of rows without columns
            needs.append((COLUMNS, self.embedding_dim - 1))
        if len(x) == 2:
            needs.append((EMPTY_BAGS, x[1] - 1, 1))
        elif self.include_last_offset:
            needs.append((LAST_OFFSET, offsets[0] - 1))
        if len(x) == 1:
            needs.append((NO_BAGS, self.bags(xs) - least(1, x[0])))
        return [*needs, *self.weight_needs(x, weights)]

    def weight_needs(self, x: Shape, weights: Shape | None) -> list[Need]:
        if weights is None:
            return []
        if len(weights) != len(x) or self.mode != "sum":
            return [(SAMPLE_WEIGHTS, 1)]
        return [(SAMPLE_WEIGHTS, w - n) for w, n in zip(weights, x, strict=True)]

    def bags(self, xs: Sequence[Shape]) -> Dim:
        x, offsets, _ = three(xs)
        size: Dim = x[0] if len(x) == 2 else offsets[0] - int(self.include_last_offset)
        return size

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        return ((self.bags(xs), self.embedding_dim),)

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """A bag of a matrix is its row; where bags begin in a list of indices is not known."""
        if len(xs[0]) == 1:
            return ((),) * len(xs)
        row: Reads = ((0, POINT), (None, POINT))
        return tuple([None if x is None else row for x in xs])

    def saved(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Kept]:
        """The indices, where bags begin, whose each index is, and of each bag its size and what became of it."""
        x, offsets, weights = three(xs)
        begins: Shape = (x[0],) if offsets is None else (offsets[0],)
        owners: list[Shape] = [] if self.mode == "sum" and self.padding_idx is None else [(prod(x) + 1,)]
        chosen: Shape = ys[0] if self.mode == "max" else (self.bags(xs),)
        kept = [Kept("input"), *[Kept("new", shape=s, width=8) for s in (*owners, begins, chosen)]]
        kept.append(Kept("new", shape=begins, width=8) if offsets is None else Kept("input", 1))
        return kept if weights is None else [*kept, Kept("input", 2)]

    def kept_of(self, arrival: Arrival) -> Sequence[Kept]:
        return _ordered(self.saved(arrival.xs, arrival.ys), arrival)

    @classmethod
    def samples(cls) -> Any:
        made = {"num_embeddings": 6, "embedding_dim": 3}
        return [
            (made, ((4, 5),)),
            ({**made, "mode": "sum", "max_norm": 1.0}, ((4, 5),)),
            ({**made, "mode": "max", "padding_idx": -1}, ((2, 7),)),
            ({**made, "mode": "sum", "padding_idx": 1}, ((3, 2),)),
        ]


def _ordered(kept: Sequence[Kept], arrival: Arrival) -> Sequence[Kept]:
    """With a copy, of 64-bit integers, in place of indices that do not lie in order."""
    copy = Kept("new", shape=arrival.xs[0], width=8)
    moved = arrival.lies[0] is not None
    return [copy if moved and each.what == "input" and each.index == 0 else each for each in kept]


def three(xs: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Indices, offsets and weights, None for those that are absent."""
    x, offsets, weights = [*xs, None, None][:3]
    return x, offsets, weights


def _say_padding_row(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"padding_idx {op.padding_idx} is no row of a table of {op.num_embeddings}"


def _say_offsets(op: Any, xs: Sequence[Shape], axis: int) -> str:
    x, offsets, _ = three(xs)
    if offsets is None:
        return f"indices {listed(x)} have one dimension, so `offsets` must say where bags begin"
    if len(x) == 2:
        return f"the rows of {listed(x)} are bags already, and `offsets` arrive"
    return f"offsets {listed(offsets)} must have one dimension"


def _say_gradients(op: Any, xs: Sequence[Shape], axis: int) -> str:
    name = "scale_grad_by_freq" if op.scale_grad_by_freq else "sparse"
    return f"mode max does not go with {name}"


def _say_empty_bags(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"the bags of {listed(xs[0])} are empty"


def _say_last_offset(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return "include_last_offset is true, and no offset arrives"


def _say_no_bags(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"no bag holds the indices {listed(xs[0])}, of which torch may crash"


def _say_columns(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"embedding_dim is {op.embedding_dim}, and a {op.mode} needs at least 1"


def _say_sample_weights(op: Any, xs: Sequence[Shape], axis: int) -> str:
    if op.mode != "sum":
        return f"mode is {op.mode}, and per_sample_weights go with mode sum alone"
    return f"per_sample_weights {listed(xs[2])} must have the shape of the indices, {listed(xs[0])}"


PADDING_ROW = Claim("SC217", "padding_idx", AT_LEAST_ZERO, _say_padding_row)
OFFSETS = Claim("SC209", "", ZERO, _say_offsets)
GRADIENTS = Claim("SC109", "mode", ZERO, _say_gradients)
EMPTY_BAGS = Claim("SC211", "", AT_LEAST_ZERO, _say_empty_bags)
LAST_OFFSET = Claim("SC211", "include_last_offset", AT_LEAST_ZERO, _say_last_offset)
COLUMNS = Claim("SC109", "embedding_dim", AT_LEAST_ZERO, _say_columns)
NO_BAGS = Claim("SC211", "", AT_LEAST_ZERO, _say_no_bags)
SAMPLE_WEIGHTS = Claim("SC211", "", ZERO, _say_sample_weights)
