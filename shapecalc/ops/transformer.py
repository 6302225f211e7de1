"""Transformers: layers of attention and two linear maps, and stacks of such layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from shapecalc.dims.field import ALL, POINT
from shapecalc.ops import activation
from shapecalc.ops.attention import MultiheadAttention, masks
from shapecalc.ops.composite import Composite, made_of
from shapecalc.ops.dropout import Dropout
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import COUNT, FLAG, FRACTION, NUMBER, POSITIVE, Layer, Part, Word, or_null
from shapecalc.ops.linear import Linear
from shapecalc.ops.merge import Add
from shapecalc.ops.norm import LayerNorm
from shapecalc.ops.op import INFERRED, Attribute, Operator
from shapecalc.ops.recurrent import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.composite import Tape
    from shapecalc.ops.op import Reads, Shape

ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU"}
FEED = (
    Attribute("dim_feedforward", COUNT, 2048, "features between the two linear maps"),
    Attribute("dropout", FRACTION, 0.1, "share of values, and of attention weights, that training drops"),
    Attribute("activation", Word(*ACTIVATIONS), "relu", "function between the two linear maps: relu or gelu"),
)
STYLE = (
    Attribute("layer_norm_eps", NUMBER, 1e-05, "added to the variance in layer norms"),
    Attribute("batch_first", FLAG, False, "whether the batch is axis 0, before the sequence"),
    Attribute("norm_first", FLAG, False, "whether layer norms stand before the blocks, not behind the sums"),
    Attribute("bias", FLAG, True, "whether linear maps, projections and norms add a learned number"),
)
LAYER = (
    Attribute("d_model", POSITIVE, INFERRED, "features of the input, and of the output", lead=True),
    Attribute(
        "nhead", POSITIVE, doc="attentions side by side; each sees its part of the features", main=True, lead=True
    ),
    *FEED,
    *STYLE,
)
FIRST: dict[str, Any] = {"batch_first": True, "norm_first": True, "bias": False}
"""Arguments of samples. Without a bias torch takes no shortcut that reads masks in another way."""
DEPTH = Attribute("num_layers", LAYERS, doc="how often the layer stands, each time with weights of its own", lead=True)
NORM = Attribute("norm", Layer("LayerNorm", "RMSNorm"), None, "a norm behind the last layer, such as LayerNorm")
TARGET_HINT = "a hint that tgt_mask is causal"
MEMORY_HINT = Attribute("memory_is_causal", FLAG, False, "a hint that memory_mask is causal")


class Transforming(Composite):
    """What transformers share: sequences of features, and what a position sees."""

    ranks = (2, 3)
    takes = FLOATS
    theirs: ClassVar[Mapping[str, str]] = {"embed_dim": "d_model", "num_heads": "nhead"}
    follows: ClassVar[int] = 0
    """The input whose positions are those of the output."""

    def never_empty(self, x: Shape) -> int:
        return 1

    def batch_axis(self) -> int:
        """The number of the batch axis of batched sequences."""
        raise NotImplementedError

    def window(self, xs: Sequence[Shape], ys: Sequence[Shape]) -> Sequence[Reads | None] | None:
        """Every position sees the whole sequences of its sample, and masks whole."""
        rank = len(ys[0])
        batch = self.batch_axis() if rank == 3 else None
        return [self.reads(name, rank, batch, n == self.follows) for n, name in enumerate(self.inputs[: len(xs)])]

    def reads(self, name: str, rank: int, batch: int | None, follows: bool) -> Any:
        entries: list[Any] = [(a, ALL) if follows else (None, POINT) for a in range(rank - 1)]
        if batch is not None:
            entries[batch] = (None if name.endswith("mask?") else batch, POINT)
        return (*entries, (None, POINT))


class TransformerLayer(Transforming):
    """Attention and a pair of linear maps, each with a shortcut around it and a layer norm.

    Sizes: [T, N, d_model], or [N, T, d_model] with `batch_first: true`, or [T, d_model], unchanged; a decoder layer
        reads a second sequence, `memory`, of any length.
    Cost: 4 * d_model**2 for each position of an attention, 2 * T * S * d_model for its products, and
        2 * d_model * dim_feedforward for each position. The larger part of what training keeps is of dim_feedforward.
    Pitfalls: `batch_first` is false unless given, so [N, T, E] would mix the samples of a batch, which is reported;
        dropout is 0.1 unless given; without a mask every position sees every other, the later ones too.
    Torch: torch.nn.TransformerEncoderLayer, TransformerDecoderLayer.
    """

    attributes: ClassVar[tuple[Attribute, ...]] = LAYER
    attentions: ClassVar[Mapping[str, str]]
    """Names of the attentions, and which hint of causality each is given."""

    d_model: Dim
    nhead: Dim
    dim_feedforward: Dim
    dropout: float
    activation: str
    layer_norm_eps: float
    batch_first: bool
    norm_first: bool
    bias: bool
    children: dict[str, Operator]
    drop: Operator
    act: Operator

    def settle(self, *xs: Shape) -> None:
        x = xs[0]
        if self.d_model is INFERRED:
            self.d_model = x[-1]
        norm = {"normalized_shape": (self.d_model,), "eps": self.layer_norm_eps, "bias": self.bias}
        wide = {"in_features": self.d_model, "out_features": self.dim_feedforward, "bias": self.bias}
        back = {"in_features": self.dim_feedforward, "out_features": self.d_model, "bias": self.bias}
        self.children = {name: self.attention(hint, x) for name, hint in self.attentions.items()}
        self.children |= {"linear1": Linear(wide, x), "linear2": Linear(back, x)}
        self.children |= {f"norm{n + 1}": LayerNorm(norm, x) for n in range(len(self.attentions) + 1)}
        self.drop = Dropout({"p": self.dropout}, x)
        self.act = getattr(activation, ACTIVATIONS[self.activation])({}, x)

    def attention(self, hint: str, x: Shape) -> Operator:
        values = {name: getattr(self, name) for name in ("dropout", "bias", "batch_first")}
        values |= {"embed_dim": self.d_model, "num_heads": self.nhead}
        return MultiheadAttention({**values, "need_weights": False, "is_causal": getattr(self, hint) is True}, x)

    def parts(self) -> Mapping[str, Operator]:
        return self.children

    def judged(self, op: Operator) -> bool:
        return isinstance(op, MultiheadAttention)

    def batch_axis(self) -> int:
        return 0 if self.batch_first else 1

    def play(self, tape: Tape) -> None:
        x = 0
        for n, (name, others) in enumerate(self.blocks().items(), 1):
            norm = self.children[f"norm{n}"]
            inner = tape.apply(norm, x) if self.norm_first else x
            inner = self.block(tape, name, inner, others)
            x = tape.apply(Add({}, tape.shapes[x], tape.shapes[inner]), x, tape.apply(self.drop, inner))
            x = x if self.norm_first else tape.apply(norm, x)

    def block(self, tape: Tape, name: str, x: int, others: tuple[int | None, ...]) -> int:
        if name:
            return tape.apply(self.children[name], x, *others)
        wide = tape.apply(self.act, tape.apply(self.children["linear1"], x))
        return tape.apply(self.children["linear2"], tape.apply(self.drop, wide))

    def blocks(self) -> Mapping[str, tuple[int | None, ...]]:
        """Each attention with its key, value and masks by number; the empty name stands for the linear maps."""
        raise NotImplementedError


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention, then two linear maps"""

    inputs = ("src", "src_mask?", "src_key_padding_mask?")
    further = masks(*inputs)
    same_dtype = frozenset({"memory", "tgt", *further})
    attributes = (*LAYER, Attribute("is_causal", FLAG, False, "a hint that src_mask is causal"))
    forward = ("is_causal",)
    attentions: ClassVar[Mapping[str, str]] = {"self_attn": "is_causal"}

    def blocks(self) -> Mapping[str, tuple[int | None, ...]]:
        return {"self_attn": (None, None, 2, 1), "": ()}

    @classmethod
    def samples(cls) -> Any:
        return [
            ({"nhead": 2, "dim_feedforward": 11}, ((5, 3, 8),)),
            ({"nhead": 4, "dim_feedforward": 6, "activation": "gelu", **FIRST}, ((3, 5, 8), (5, 5), (3, 5))),
            ({"nhead": 1, "dropout": 0.0}, ((5, 6),)),
        ]


class TransformerDecoderLayer(TransformerLayer):
    """Self-attention, attention to a second sequence, then two linear maps"""

    inputs = (
        "tgt",
        "memory",
        "tgt_mask?",
        "memory_mask?",
        "tgt_key_padding_mask?",
        "memory_key_padding_mask?",
    )
    further = masks(*inputs)
    same_dtype = frozenset({"memory", "tgt", *further})
    attributes = (*LAYER, Attribute("tgt_is_causal", FLAG, False, TARGET_HINT), MEMORY_HINT)
    forward = ("tgt_is_causal", "memory_is_causal")
    attentions: ClassVar[Mapping[str, str]] = {"self_attn": "tgt_is_causal", "multihead_attn": "memory_is_causal"}

    def blocks(self) -> Mapping[str, tuple[int | None, ...]]:
        return {"self_attn": (None, None, 4, 2), "multihead_attn": (1, None, 5, 3), "": ()}

    @classmethod
    def samples(cls) -> Any:
        masks = ((5, 5), (5, 7), (3, 5), (3, 7))
        return [
            ({"nhead": 2, "dim_feedforward": 11}, ((5, 3, 8), (7, 3, 8))),
            ({"nhead": 4, "dim_feedforward": 6, "activation": "gelu", **FIRST}, ((3, 5, 8), (3, 7, 8), *masks)),
            ({"nhead": 1, "dropout": 0.0}, ((5, 6), (7, 6))),
        ]


class TransformerStack(Transforming):
    """A layer several times over, each time with weights of its own, and a norm behind the last where one is given.

    Sizes: those of the layer, which leaves them as they are.
    Cost: num_layers times the layer's.
    Pitfalls: the layer is a pattern: the stack makes copies of it, and it is no part of the network itself; a norm
        behind the last layer is due where the layer has `norm_first: true`.
    Torch: torch.nn.TransformerEncoder, TransformerDecoder.
    """

    pattern: ClassVar[str]
    num_layers: int
    norm: Part | None
    layer: Any
    last: Operator | None

    def settle(self, *xs: Shape) -> None:
        self.layer = made_of(getattr(self, self.pattern), self.hints(), *xs)
        self.last = None if self.norm is None else made_of(self.norm, {}, xs[0])

    def hints(self) -> Mapping[str, Any]:
        """What the layer's forward is given beside tensors; what torch would find out by a mask's values is false."""
        return {name: getattr(self, name) is True for name in self.forward}

    def parts(self) -> Mapping[str, Operator]:
        layers = {f"layers.{n}": self.layer for n in range(self.num_layers)}
        return layers if self.last is None else {**layers, "norm": self.last}

    def judged(self, op: Operator) -> bool:
        return True

    def batch_axis(self) -> int:
        return int(self.layer.batch_axis())

    def play(self, tape: Tape) -> None:
        x = 0
        for _ in range(self.num_layers):
            x = tape.apply(self.layer, x, *range(1, len(self.inputs)))
        if self.last is not None:
            tape.apply(self.last, x)

    def text(self, name: str) -> str:
        made = {self.pattern: self.layer, "norm": self.last}.get(name)
        return super().text(name) if made is None else made.constructor()


class TransformerEncoder(TransformerStack):
    """Encoder layers, one after another"""

    inputs = ("src", "mask?", "src_key_padding_mask?")
    further = masks(*inputs)
    same_dtype = frozenset({"memory", "tgt", *further})
    attributes = (
        Attribute("encoder_layer", Layer("TransformerEncoderLayer"), doc="the layer that is repeated", lead=True),
        DEPTH,
        NORM,
        Attribute("enable_nested_tensor", FLAG, True, "whether evaluation may skip what is padding"),
        Attribute("mask_check", FLAG, True, "whether it looks first if the padding allows that"),
        Attribute("is_causal", or_null(FLAG), None, "a hint that mask is causal; null: torch looks at its values"),
    )
    forward = ("is_causal",)
    pattern = "encoder_layer"

    @classmethod
    def samples(cls) -> Any:
        layer = Part(TransformerEncoderLayer, {"nhead": 2, "dim_feedforward": 11})
        first = Part(TransformerEncoderLayer, {"nhead": 2, "dim_feedforward": 5, **FIRST})
        return [
            ({"encoder_layer": layer, "num_layers": 2}, ((5, 3, 8),)),
            (
                {"encoder_layer": first, "num_layers": 3, "norm": Part(LayerNorm, {}), "is_causal": False},
                ((3, 5, 8), (5, 5), (3, 5)),
            ),
        ]


class TransformerDecoder(TransformerStack):
    """Decoder layers, one after another, all attending to the same memory"""

    inputs = TransformerDecoderLayer.inputs
    further = TransformerDecoderLayer.further
    same_dtype = TransformerDecoderLayer.same_dtype
    attributes = (
        Attribute("decoder_layer", Layer("TransformerDecoderLayer"), doc="the layer that is repeated", lead=True),
        DEPTH,
        NORM,
        Attribute("tgt_is_causal", or_null(FLAG), None, f"{TARGET_HINT}; null: torch looks at its values"),
        MEMORY_HINT,
    )
    forward = ("tgt_is_causal", "memory_is_causal")
    pattern = "decoder_layer"

    @classmethod
    def samples(cls) -> Any:
        layer = Part(TransformerDecoderLayer, {"nhead": 2, "dim_feedforward": 11})
        first = Part(TransformerDecoderLayer, {"nhead": 2, "dim_feedforward": 5, **FIRST})
        masks = ((5, 5), (5, 7), (3, 5), (3, 7))
        return [
            ({"decoder_layer": layer, "num_layers": 2, "norm": Part(LayerNorm, {})}, ((5, 3, 8), (7, 3, 8))),
            ({"decoder_layer": first, "num_layers": 3, "tgt_is_causal": False}, ((3, 5, 8), (3, 7, 8), *masks)),
        ]
