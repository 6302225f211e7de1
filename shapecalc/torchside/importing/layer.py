"""An nn.Module that an operator stands for -> the operator's name and arguments. Knows nothing of calls."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from torch import nn

from shapecalc.dims.sym import Sym
from shapecalc.ops.kinds import Either, PerAxis
from shapecalc.ops.op import INFERRED
from shapecalc.ops.registry import MODULES, find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Attribute

SEEN_THROUGH = frozenset({"Transformer", "TransformerEncoder", "TransformerDecoder"})
"""Classes whose insides are imported, as the operator would take a layer for an argument."""

FOREIGN: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "StochasticDepth": ("DropPath", {"drop_prob": "p"}),
    "DropPath": ("DropPath", {"drop_prob": "drop_prob", "scale_by_keep": "scale_by_keep"}),
}
"""Classes of other packages that an operator stands for: its name, and where the arguments are kept."""

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
    kept = next(iter(FOREIGN[name][1].values()))
    return hasattr(module, kept) and getattr(module, "mode", "row") == "row"


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
    if operator == "EmbeddingBag":
        found.pop("bias", None)
    if getattr(module, "stride", None) is not None and module.stride == getattr(module, "kernel_size", None):
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


@cache
def attributes(operator: str) -> dict[str, Attribute]:
    """The operator's attributes by name."""
    return {a.name: a for a in find(operator).attributes}


def is_default(attribute: Attribute, value: Any) -> bool:
    """Whether torch would take this value if nothing were said."""
    default = attribute.default
    if value is None or default is None:
        return value is default
    if type(value) is type(default) and value == default:
        return True
    try:
        return attribute.kind.same(attribute.kind.read(value), default)
    except Exception:  # a kind need not understand what it is asked about
        return False


def plain(attribute: Attribute, value: Any) -> Any:
    """A value as YAML writes it: one number for equal ones along the axes, a list for a tuple, a dtype's own name."""
    if isinstance(value, tuple | list):
        items = [v if isinstance(v, Sym) else plain(attribute, v) for v in value]
        equal = len(items) > 1 and all(_same(v, items[0]) for v in items)
        return items[0] if equal and _by_axis(attribute.kind) else items
    if attribute.name in ("p", "drop_prob") and isinstance(value, float):
        return float(f"{value:.12g}")  # rates that were computed: 0.075 in place of 0.07500000000000001
    if type(value).__name__ == "dtype":
        return str(value).removeprefix("torch.")
    return value


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) is int and a == b


def _by_axis(kind: Kind) -> bool:
    """Whether a single number stands for one along each axis."""
    return isinstance(kind, PerAxis) or (isinstance(kind, Either) and any(map(_by_axis, kind.kinds)))
