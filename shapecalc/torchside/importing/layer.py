"""An nn.Module that an operator stands for -> the operator's name and arguments. Knows nothing of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily

from shapecalc.ops.op import INFERRED
from shapecalc.ops.registry import MODULES, find
from shapecalc.torchside.importing.argument import attributes, is_default, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

SEEN_THROUGH = frozenset({"Transformer", "TransformerEncoder", "TransformerDecoder"})
"""Classes whose insides are imported, as the operator would take a layer for an argument."""

FOREIGN: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "StochasticDepth": ("DropPath", {"drop_prob": "p"}),
    "DropPath": ("DropPath", {"drop_prob": "drop_prob", "scale_by_keep": "scale_by_keep"}),
    "MixedPool2d": ("MixedPool2d", {"kernel_size": "window", "alpha": "alpha"}),
    "StochasticPool2d": ("StochasticPool2d", {"kernel_size": "kernel_size", "ceil_mode": "ceil_mode"}),
}
"""Classes of other packages, or that emitted code brings along, that an operator stands for: its name, and where the
arguments are kept.
"""

OF_NO_MATTER = frozenset({"inplace", "need_weights", "average_attn_weights", "is_causal", "recompute_scale_factor"})
"""Arguments that are no part of what a network is, or that the call tells and not the module."""


def operator_of(module: nn.Module) -> str | None:
    """The name of the operator that this module is, or None where it is a class of the user's own."""
    name = type(module).__name__
    if name in FOREIGN and _fits(module, name):
        return FOREIGN[name][0]
    if name in SEEN_THROUGH or name not in MODULES or getattr(nn, name, None) is not type(module):
        return None
    return name


def _fits(module: nn.Module, name: str) -> bool:
    return all(hasattr(module, kept) for kept in FOREIGN[name][1].values()) and getattr(module, "mode", "row") == "row"


def arguments_of(module: nn.Module, operator: str) -> dict[str, Any]:
    """The arguments that differ from torch's defaults and that the input does not tell."""
    if operator in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        return _told(operator, _transformer(module))
    places = FOREIGN.get(type(module).__name__, ("", {}))[1]
    found: dict[str, Any] = {}
    for attribute in find(operator).attributes:
        place = places.get(attribute.name, attribute.name)
        if attribute.name not in OF_NO_MATTER and hasattr(module, place):
            found[attribute.name] = getattr(module, place)
    return _told(operator, found | _kept_otherwise(module, operator))


def _kept_otherwise(module: Any, operator: str) -> dict[str, Any]:
    """Arguments that the module keeps in another form than it took them."""
    found: dict[str, Any] = {}
    weights = dict(module.named_parameters(recurse=False))
    if operator == "MultiheadAttention":
        found |= {"bias": module.in_proj_bias is not None, "add_bias_kv": module.bias_k is not None}
        found |= {name: None for name in ("kdim", "vdim") if getattr(module, name) == module.embed_dim}
    elif hasattr(module, "bias") and not isinstance(module.bias, bool):
        found["bias"] = module.bias is not None or not weights
    if operator == "MixedPool2d":
        found |= dict(zip(("kernel_size", "stride", "padding"), module.window, strict=True))
        with unset_fake_temporarily():
            found |= {"alpha": float(module.alpha), "learned": "alpha" in weights}
    if operator == "EmbeddingBag":
        found.pop("bias", None)
    kernel = found.get("kernel_size", getattr(module, "kernel_size", None))
    if found.get("stride", getattr(module, "stride", None)) == kernel and kernel is not None:
        found |= {"stride": None} if "Pool" in operator else {}
    return found


def _transformer(module: Any) -> dict[str, Any]:
    return {
        "nhead": module.self_attn.num_heads,
        "dim_feedforward": module.linear1.out_features,
        "dropout": module.dropout.p,
        "activation": getattr(module.activation, "__name__", "relu"),
        "layer_norm_eps": module.norm1.eps,
        "batch_first": module.self_attn.batch_first,
        "norm_first": module.norm_first,
        "bias": module.linear1.bias is not None,
    }


def _told(operator: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in the spec's form, without those that go without saying."""
    by_name = attributes(operator)
    return {
        name: plain(by_name[name], value)
        for name, value in found.items()
        if name in by_name and by_name[name].default is not INFERRED and not is_default(by_name[name], value)
    }
