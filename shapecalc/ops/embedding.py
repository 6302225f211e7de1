"""Tables of vectors that indices are looked up in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.field import POINT
from shapecalc.ops.dtypes import INDICES
from shapecalc.ops.kinds import COUNT, FLAG, INT, NUMBER, or_null
from shapecalc.ops.op import AT_LEAST_ZERO, KEEPS_INPUT, NO_NEEDS, Attribute, Claim, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Kept, Need, Reads, Shape


class Embedding(Operator):
    """Replaces every index by its row of a learned table.

    Sizes: a last axis of embedding_dim is added.
    Cost: num_embeddings x embedding_dim parameters; no multiply-accumulates, as rows are only looked up.
    Pitfalls: indices must be integers below num_embeddings (state `below` at the input to have it checked); only
        the rows that a batch uses get a gradient.
    Torch: torch.nn.Embedding.
    """

    takes = INDICES
    bound = "num_embeddings"
    attributes = (
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

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"num_embeddings": 11, "embedding_dim": 5}, ((2, 7),)),
            ({"num_embeddings": 4, "embedding_dim": 3, "padding_idx": -1}, ((6,),)),
            ({"num_embeddings": 9, "embedding_dim": 2, "max_norm": 1.0}, ((2, 3, 2),)),
        ]


def _say_padding_row(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"padding_idx {op.padding_idx} is no row of a table of {op.num_embeddings}"


PADDING_ROW = Claim("SC217", "padding_idx", AT_LEAST_ZERO, _say_padding_row)
