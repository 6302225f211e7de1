"""A call of a tensor function -> the operator that it is, with its arguments by name and its tensors in order.

Functions are found by their name alone, which torch spells alike for `torch.f`, `Tensor.f`, `Tensor.f_` and `F.f`. What
an argument means is the operator's matter; here only stands in which order torch takes them.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from torch import Tensor

from shapecalc.ops.op import INFERRED
from shapecalc.ops.registry import MODULES, find
from shapecalc.torchside.importing.argument import attributes, is_default, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KEEPS = frozenset({"contiguous", "clone", "detach", "requires_grad", "alias", "cpu", "cuda", "positive", "pos"})
"""Functions whose result is their input, as far as a spec can tell."""

OTHER_NAMES: Mapping[str, str] = {
    "view": "Reshape",
    "swapaxes": "Transpose",
    "swapdims": "Transpose",
    "moveaxis": "MoveDim",
    "concat": "Cat",
    "concatenate": "Cat",
    "clip": "Clamp",
    "absolute": "Abs",
    "negative": "Neg",
    "true_divide": "Div",
    "truediv": "Div",
    "divide": "Div",
    "multiply": "Mul",
    "subtract": "Sub",
    "rsub": "Sub",
    "iadd": "Add",
    "isub": "Sub",
    "imul": "Mul",
    "itruediv": "Div",
    "radd": "Add",
    "rmul": "Mul",
    "rtruediv": "Div",
    "rdiv": "Div",
    "and": "LogicalAnd",
    "or": "LogicalOr",
    "xor": "LogicalXor",
    "invert": "LogicalNot",
    "clamp_min": "Clamp",
    "clamp_max": "Clamp",
    "rmatmul": "MatMul",
    "special_erf": "Erf",
}

SIGNATURES: Mapping[str, str] = {
    "flatten": "input start_dim=0 end_dim=-1",
    "unflatten": "input dim unflattened_size",
    "reshape": "input *shape",
    "view": "input *shape",
    "permute": "input *dims",
    "transpose": "input dim0 dim1",
    "swapaxes": "input dim0 dim1",
    "swapdims": "input dim0 dim1",
    "squeeze": "input dim=None",
    "unsqueeze": "input dim",
    "expand": "input *size",
    "movedim": "input source destination",
    "moveaxis": "input source destination",
    "select": "input dim index",
    "narrow": "input dim start length",
    "roll": "input shifts dims=None",
    "repeat": "input *repeats",
    "tile": "input *dims",
    "repeat_interleave": "input repeats dim=None",
    "flip": "input *dims",
    "where": "condition input other",
    "gather": "input dim index",
    "index_select": "input dim index",
    "masked_fill": "input mask value",
    "triu": "input diagonal=0",
    "tril": "input diagonal=0",
    "chunk": "input chunks dim=0",
    "split": "input split_size_or_sections dim=0",
    "unbind": "input dim=0",
    "mean": "input dim=None keepdim=False",
    "sum": "input dim=None keepdim=False",
    "prod": "input dim=None keepdim=False",
    "std": "input dim=None correction=1 keepdim=False",
    "var": "input dim=None correction=1 keepdim=False",
    "norm": "input p=fro dim=None keepdim=False",
    "logsumexp": "input dim keepdim=False",
    "cumsum": "input dim",
    "cumprod": "input dim",
    "any": "input dim=None keepdim=False",
    "all": "input dim=None keepdim=False",
    "max": "input dim=None keepdim=False",
    "min": "input dim=None keepdim=False",
    "amax": "input dim=() keepdim=False",
    "amin": "input dim=() keepdim=False",
    "argmax": "input dim=None keepdim=False",
    "argmin": "input dim=None keepdim=False",
    "sort": "input dim=-1 descending=False stable=False",
    "topk": "input k dim=-1 largest=True sorted=True",
    "clamp": "input min=None max=None",
    "clip": "input min=None max=None",
    "clamp_min": "input min",
    "clamp_max": "input max",
    "pow": "input exponent",
    "softmax": "input dim",
    "log_softmax": "input dim",
    "gelu": "input approximate=none",
    "hardtanh": "input min_val=-1.0 max_val=1.0",
    "leaky_relu": "input negative_slope=0.01",
    "softplus": "input beta=1 threshold=20",
    "hardshrink": "input lambd=0.5",
    "softshrink": "input lambd=0.5",
    "cat": "*operands dim=0",
    "concat": "*operands dim=0",
    "concatenate": "*operands dim=0",
    "stack": "*operands dim=0",
    "einsum": "equation *operands",
    "bmm": "input mat2",
    "outer": "input vec2",
    "pixel_shuffle": "input upscale_factor",
    "pixel_unshuffle": "input downscale_factor",
    "channel_shuffle": "input groups",
    "max_pool1d": "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False",
    "max_pool2d": "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False",
    "max_pool3d": "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False",
    "avg_pool1d": "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True",
    "avg_pool2d": "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True "
    "divisor_override=None",
    "avg_pool3d": "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True "
    "divisor_override=None",
    "pad": "input pad mode=constant value=None",
    "dropout": "input p=0.5",
    "normalize": "input p=2.0 dim=1 eps=1e-12",
    "scaled_dot_product_attention": "query key value attn_mask=None dropout_p=0.0 is_causal=False scale=None "
    "enable_gqa=False",
}
"""Torch's arguments in their order, those with a star taking all that follow; Python functions tell theirs."""

LIKE = {"expand_as": ("Expand", "size"), "view_as": ("Reshape", "shape"), "reshape_as": ("Reshape", "shape")}
"""Methods that take another tensor for nothing but its sizes: the operator, and its argument."""

WEIGHTED: Mapping[str, tuple[str, str]] = {
    "linear": ("Linear", "input weight bias=None"),
    "layer_norm": ("LayerNorm", "input normalized_shape weight=None bias=None eps=1e-05"),
    "rms_norm": ("RMSNorm", "input normalized_shape weight=None eps=None"),
    "group_norm": ("GroupNorm", "input num_groups weight=None bias=None eps=1e-05"),
    "conv1d": ("Conv1d", "input weight bias=None stride=1 padding=0 dilation=1 groups=1"),
    "conv2d": ("Conv2d", "input weight bias=None stride=1 padding=0 dilation=1 groups=1"),
    "conv3d": ("Conv3d", "input weight bias=None stride=1 padding=0 dilation=1 groups=1"),
    "embedding": ("Embedding", "input weight padding_idx=None"),
}
"""Functions that take a layer's weights, which that layer stands for."""

BITWISE = frozenset({"and", "or", "xor", "invert"})
"""Signs that are logical functions of truth values alone."""

OF_NO_MATTER = frozenset({"inplace", "training", "memory_format", "_stacklevel"})
"""Arguments that are no part of what a network computes in evaluation."""

WITHOUT_EFFECT: Mapping[str, Any] = {"alpha": 1, "rounding_mode": None, "out": None, "dtype": None}
"""Arguments that no operator has, with the value at which they say nothing."""


class Told:
    """A call as the operator sees it: its name, its arguments, its tensors with their names, and plain operands."""

    __slots__ = ("args", "names", "op", "operands", "shape", "tensors", "weights")

    def __init__(
        self, op: str, args: dict[str, Any], tensors: list[Any], names: list[str], shape: list[int] | None = None
    ) -> None:
        self.op = op
        self.args = args
        self.tensors = tensors
        self.names = names
        self.shape = shape
        """The shape that comes out, where it is not that of the whole call."""
        self.operands: list[Any] | None = None
        self.weights: dict[str, Any] = {}


def bare(name: str) -> str:
    """The name without the marks of a method that works in place or of an operator's sign: `__add__`, `add_`."""
    return name.strip("_")


@cache
def operator_named(name: str) -> str | None:
    """The operator that a function of this name is, or None."""
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    return _by_letters().get(name.replace("_", ""))


@cache
def _by_letters() -> dict[str, str]:
    return {name.lower(): name for name in reversed(MODULES)}


def read_call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Told | None:
    """The operator that a call is, or None where there is none."""
    raw = getattr(function, "__name__", "")
    name = bare(raw)
    if name in WEIGHTED:
        return _weighted(name, args, kwargs)
    op = _meant(name, args)
    told = None if op is None else _telling(op, args, kwargs)
    if op is None or told is None:
        return None
    kwargs = told
    if find(op).merging and (name not in SIGNATURES or op != operator_named(name)):
        operands = [*args, *(kwargs[k] for k in ("other",) if k in kwargs)]
        if kwargs.keys() - {"other"}:
            return None
        return _merge(
            op, operands[::-1] if (name.startswith("r") and raw.startswith("__r")) or name == "rsub" else operands
        )
    bound = _bound(name, function, args, kwargs)
    return None if bound is None else _settled(op, bound)


def _meant(name: str, args: Sequence[Any]) -> str | None:
    """The operator of a function, whose name may stand for several; None where there is none."""
    if name in ("max", "min") and len(args) > 1 and isinstance(args[1], Tensor):
        return f"{name.capitalize()}imum"
    if name in BITWISE and any(str(getattr(a, "dtype", "torch.bool")) != "torch.bool" for a in args):
        return None
    return operator_named(name)


def _telling(op: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The named arguments that say anything; None where one does that no operator has."""
    given = {name: value for name, value in kwargs.items() if name not in OF_NO_MATTER}
    for name in WITHOUT_EFFECT.keys() - attributes(op).keys():
        nothing = WITHOUT_EFFECT[name]
        value = given.pop(name, nothing)
        same = name == "dtype" and value in {a.dtype for a in args if isinstance(a, Tensor)}
        if value is not nothing and value != nothing and not same:
            return None
    return given


def _corrected(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a deviation, its older `unbiased` as the correction that it is."""
    given = [*args[:1], None, *args[1:]] if len(args) == 2 and isinstance(args[1], bool) else list(args)
    named = {("correction" if name == "unbiased" else name): value for name, value in kwargs.items()}
    if len(given) > 2:
        given[2] = int(given[2])
    if named.get("correction") is not None:
        named["correction"] = int(named["correction"])
    return given, named


def _bound(name: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Arguments by torch's names, absent ones by torch's default; None where they do not fit."""
    if name not in SIGNATURES:
        return _python(function, args, kwargs)
    if name in ("std", "var"):
        args, kwargs = _corrected(args, kwargs)
    return _fitted(SIGNATURES[name], args, kwargs)


def _fitted(signature: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    rest = list(args)
    given = {("input" if key in ("self", "x") else key): value for key, value in kwargs.items()}
    found: dict[str, Any] = {}
    for word in signature.split():
        name, _, default = word.lstrip("*").partition("=")
        if word.startswith("*") and rest:
            found[name] = rest[0] if isinstance(rest[0], list | tuple) else rest[:]
            rest = rest[1:] if isinstance(rest[0], list | tuple) else []
        elif rest:
            found[name] = rest.pop(0)
        elif name in given or (name in ALSO and ALSO[name] in given):
            found[name] = given.get(name, given.get(ALSO.get(name, "")))
        elif "=" in word:
            found[name] = _literal(default)
        else:
            return None
    known = {*found, *(ALSO[name] for name in found if name in ALSO)}
    return None if rest or given.keys() - known else found


ALSO = {"operands": "tensors", "dim": "axis", "input": "self"}
"""Further names under which torch takes an argument."""

LITERALS: Mapping[str, Any] = {"None": None, "False": False, "True": True, "()": ()}


def _literal(text: str) -> Any:
    if text in LITERALS:
        return LITERALS[text]
    try:
        return float(text) if "." in text or "e-" in text else int(text)
    except ValueError:
        return text


def _python(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        tensors = [a for a in args if isinstance(a, Tensor)]
        return {"input": tensors[0]} if len(args) == len(tensors) == 1 and not kwargs else None
    bound.apply_defaults()
    return dict(bound.arguments)


def _settled(op: str, bound: Mapping[str, Any]) -> Told | None:
    """Arguments and tensors apart, by the names that the operator gives them."""
    names = [n.rstrip("?*") for n in find(op).inputs]
    known = attributes(op)
    operands = bound.get("operands")
    if operands is not None:
        merged = _merge(op, operands) if find(op).merging else Told(op, {}, list(operands), [])
        if merged is None:
            return None
        told = merged
    else:
        pairs = [(n, bound[n]) for n in names if isinstance(bound.get(n), Tensor)]
        told = Told(op, {}, [t for _, t in pairs], [n for n, _ in pairs])
        if not _complete(op, bound, told.names):
            return None
    for name, value in bound.items():
        attribute = known.get(name)
        if attribute is None or name in ("operands", "inplace") or isinstance(value, Tensor):
            continue
        if attribute.default is INFERRED and name != "dim":
            continue
        if not is_default(attribute, value):
            told.args[name] = plain(attribute, value)
    return told if told.tensors else None


def _complete(op: str, bound: Mapping[str, Any], taken: Sequence[str]) -> bool:
    """Whether the operator takes every tensor of a call, and finds each one that it needs."""
    due = [n for n in find(op).inputs if not n.endswith(("?", "*")) and n not in attributes(op)]
    return all(n in taken for n in due) and all(n in taken for n, value in bound.items() if isinstance(value, Tensor))


def _merge(op: str, operands: Sequence[Any]) -> Told | None:
    tensors = [o for o in operands if isinstance(o, Tensor)]
    if any(not isinstance(o, Tensor | int | float) or isinstance(o, bool) for o in operands) or not tensors:
        return None
    told = Told(op, {}, tensors, [])
    told.operands = [None if isinstance(o, Tensor) else o for o in operands]
    return told


def _weighted(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Told | None:
    """The layer whose weights the call takes."""
    op, signature = WEIGHTED[name]
    bound = _fitted(signature, args, kwargs)
    if bound is None:
        return None
    weight, bias = bound.pop("weight", None), bound.pop("bias", None)
    facts: dict[str, Any] = {"bias": bias is not None}
    if op == "Linear":
        facts["out_features"] = weight.shape[0]
    elif op == "Embedding":
        facts = {"num_embeddings": weight.shape[0], "embedding_dim": weight.shape[1]}
    elif op.startswith("Conv"):
        facts |= {"out_channels": weight.shape[0], "kernel_size": list(weight.shape[2:])}
    elif weight is None:
        facts = {"affine" if "affine" in attributes(op) else "elementwise_affine": False}
    told = _settled(op, bound | facts)
    if told is not None:
        told.weights = {k: v for k, v in (("weight", weight), ("bias", bias)) if v is not None}
    return told
