"""The transformer of encoder and decoder, made of the stacks in transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.ops.arrange import listed
from shapecalc.ops.attention import masks
from shapecalc.ops.composite import made_of
from shapecalc.ops.kinds import FLAG, POSITIVE, Layer, Part, or_null
from shapecalc.ops.norm import LayerNorm
from shapecalc.ops.op import ZERO, Attribute, Claim, Operator
from shapecalc.ops.recurrent import LAYERS
from shapecalc.ops.transformer import (
    FEED,
    FIRST,
    LAYER,
    MEMORY_HINT,
    STYLE,
    TARGET_HINT,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    Transforming,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.composite import Tape
    from shapecalc.ops.op import Need, Shape


class Transformer(Transforming):
    """An encoder that reads one sequence, and a decoder that writes another, attending to what the encoder made.

    Sizes: src [S, N, d_model] and tgt [T, N, d_model] give [T, N, d_model]; with `batch_first: true` the batch is
        axis 0, and both may come without it.
    Cost: that of its encoder and decoder, of 6 layers each unless given.
    Pitfalls: `batch_first` is false unless given, so [N, T, E] would mix the samples of a batch, which is reported;
        embeddings, positions and the last linear map are not part of it; without tgt_mask the decoder sees what it
        is to predict.
    Torch: torch.nn.Transformer.
    """

    inputs = (
        "src",
        "tgt",
        "src_mask?",
        "tgt_mask?",
        "memory_mask?",
        "src_key_padding_mask?",
        "tgt_key_padding_mask?",
        "memory_key_padding_mask?",
    )
    further = masks(*inputs)
    same_dtype = frozenset({"memory", "tgt", *further})
    attributes = (
        Attribute("d_model", POSITIVE, 512, "features of both inputs, and of the output", lead=True),
        Attribute("nhead", POSITIVE, 8, "attentions side by side; each sees its part of the features", lead=True),
        Attribute("num_encoder_layers", LAYERS, 6, "layers of the encoder"),
        Attribute("num_decoder_layers", LAYERS, 6, "layers of the decoder"),
        *FEED,
        Attribute("custom_encoder", Layer("TransformerEncoder"), None, "the encoder, in place of one of such layers"),
        Attribute("custom_decoder", Layer("TransformerDecoder"), None, "the decoder, in place of one of such layers"),
        *STYLE,
        Attribute("src_is_causal", or_null(FLAG), None, "a hint that src_mask is causal; null: torch looks at it"),
        Attribute("tgt_is_causal", or_null(FLAG), None, f"{TARGET_HINT}; null: torch looks at it"),
        MEMORY_HINT,
    )
    forward = ("src_is_causal", "tgt_is_causal", "memory_is_causal")
    follows = 1

    d_model: Dim
    batch_first: bool
    custom_encoder: Part | None
    custom_decoder: Part | None
    children: dict[str, Operator]

    def settle(self, *xs: Shape) -> None:
        src, tgt = xs[:2]
        encoder = self.custom_encoder or self.stack(TransformerEncoder, "encoder", TransformerEncoderLayer)
        decoder = self.custom_decoder or self.stack(TransformerDecoder, "decoder", TransformerDecoderLayer)
        hints = {"tgt_is_causal": self.hint("tgt"), "memory_is_causal": self.hint("memory")}
        self.children = {"encoder": made_of(encoder, {"is_causal": self.hint("src")}, src)}
        self.children["decoder"] = made_of(decoder, hints, tgt, src)

    def hint(self, name: str) -> bool:
        return getattr(self, f"{name}_is_causal") is True

    def stack(self, stack: type[Operator], name: str, layer: type[Operator]) -> Part:
        """What torch makes of the arguments: layers of these sizes, and a norm behind the last."""
        values = {a.name: getattr(self, a.name) for a in LAYER}
        norm = {"normalized_shape": (self.d_model,), "eps": values["layer_norm_eps"], "bias": values["bias"]}
        depth = getattr(self, f"num_{name}_layers")
        return Part(stack, {f"{name}_layer": Part(layer, values), "num_layers": depth, "norm": Part(LayerNorm, norm)})

    def parts(self) -> Mapping[str, Operator]:
        return self.children

    def judged(self, op: Operator) -> bool:
        return True

    def batch_axis(self) -> int:
        return 0 if self.batch_first else 1

    def needs(self, *xs: Shape) -> Sequence[Need]:
        """torch compares batch and features first, by its own arguments, even where encoder and decoder are given."""
        src, tgt = xs[:2]
        if len(src) != len(tgt):
            return ((SAME_RANK, 1),)
        batch = [(SAME_BATCH, tgt[a] - src[a], a) for a in (self.batch_axis(),) if len(src) == 3]
        return [*batch, *((FEATURES, x[-1] - self.d_model) for x in (src, tgt)), *super().needs(*xs)]

    def play(self, tape: Tape) -> None:
        memory = tape.apply(self.children["encoder"], 0, 2, 5)
        tape.apply(self.children["decoder"], 1, memory, 3, 4, 6, 7)

    def text(self, name: str) -> str:
        made = self.children.get(name.removeprefix("custom_"))
        return super().text(name) if made is None else str(made.constructor())

    @classmethod
    def samples(cls) -> Any:
        small = {"d_model": 8, "nhead": 2, "dim_feedforward": 11, "num_encoder_layers": 1, "num_decoder_layers": 2}
        hints = {"src_is_causal": False, "tgt_is_causal": False}
        hidden = ((7, 7), (5, 5), (5, 7), (3, 7), (3, 5), (3, 7))
        layer = Part(TransformerEncoderLayer, {"nhead": 4, "dim_feedforward": 5, "dropout": 0.0})
        encoder = Part(TransformerEncoder, {"encoder_layer": layer, "num_layers": 2})
        return [
            (small, ((7, 3, 8), (5, 3, 8))),
            ({**small, **FIRST, **hints, "activation": "gelu"}, ((3, 7, 8), (3, 5, 8), *hidden)),
            ({**small, "custom_encoder": encoder, "dropout": 0.0}, ((7, 8), (5, 8))),
        ]


def _say_same_rank(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"src {listed(xs[0])} and tgt {listed(xs[1])} differ in their number of dimensions"


def _say_same_batch(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"axis {axis}, the batch, differs: src {listed(xs[0])}, tgt {listed(xs[1])}"


def _say_features(op: Any, xs: Sequence[Shape], axis: int) -> str:
    return f"d_model is {op.d_model}, but src is {listed(xs[0])} and tgt {listed(xs[1])}"


SAME_RANK = Claim("SC209", "", ZERO, _say_same_rank)
SAME_BATCH = Claim("SC211", "", ZERO, _say_same_batch)
FEATURES = Claim("SC203", "d_model", ZERO, _say_features)
