"""Names: which words the language reserves, and which names a child, param or block may have."""

from __future__ import annotations

from functools import lru_cache
from keyword import iskeyword

DOCUMENT_KEYS = (
    "shapecalc", "name", "description", "params", "input", "blocks", "layers", "output", "expect", "train", "lint",
)  # fmt: skip
BLOCK_KEYS = ("params", "inputs", "layers", "branches", "merge", "output", "description")
FACT_KEYS = ("shape", "weights", "macs", "window")
WIRING_KEYS = frozenset({"from", "as", "name", "when", "repeat", "share", "expect"})
EXPECT_KEYS = (
    "output", "params", "trainable_params", "macs", "flops", "receptive_field", "peak_activation_bytes",
    "saved_bytes", "train_bytes", "sizes", "set",
)  # fmt: skip
LAYER_EXPECT_KEYS = ("shape", "params", "macs", "flops", "receptive_field")
TRAIN_KEYS = (
    "dataset", "loss", "optimizer", "lr", "weight_decay", "momentum", "schedule", "epochs", "batch_size", "seed",
    "resize", "classes", "precision", "init",
)  # fmt: skip
TORCH_WORDS = frozenset(
    {"area", "bicubic", "bilinear", "circular", "constant", "linear", "nearest", "none", "ones", "reflect", "replicate"}
    | {"gelu", "relu", "same", "tanh", "trilinear", "valid", "zeros"}
)
"""The closed lists of words that arguments take, all operators together; a test compares it with the registry."""
NO_HYPHENS = "a name here is made of ASCII letters, digits and underscores"
STRUCTURAL = frozenset({"Sequential", "Residual"})
"""Heads that are sequences of the language rather than operators."""

# Attributes of nn.Module that a child of that name would hide; read off dir(nn.Module()) in torch 2.13.
_MODULE_ATTRIBUTES = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
state_dict to to_empty train training type xpu zero_grad
"""
MODULE_ATTRIBUTES = frozenset(_MODULE_ATTRIBUTES.split())


def is_name(text: str) -> bool:
    """Whether a text is made of ASCII letters, digits and underscores and begins with no digit."""
    return text.isascii() and text.isidentifier()


def is_symbol(text: str) -> bool:
    """Whether the text can name a size: it begins with a capital."""
    return is_name(text) and text[0].isupper()


@lru_cache(maxsize=4096)
def bad_child_name(text: str) -> str:
    """Why a child cannot have this name, or nothing; nn.Module takes hyphens too, as in `block1-0`."""
    if not is_name(text.replace("-", "_")) or text.startswith("-"):
        return "a name is made of ASCII letters, digits and underscores and begins with a letter"
    if iskeyword(text):
        return "it is a keyword of Python"
    if text in MODULE_ATTRIBUTES or text.startswith("__"):
        return "it would hide an attribute of nn.Module"
    if text in WIRING_KEYS or text in STRUCTURAL:
        return "it is a word of the spec language"
    return ""


def bad_input_name(text: str) -> str:
    """Why an input cannot have this name, or nothing: it is an argument of `forward`, so hyphens are none of it."""
    return bad_child_name(text) or (NO_HYPHENS if "-" in text else "")


def bad_label(text: str) -> str:
    """Why a label cannot have this name, or nothing."""
    if text[:1].isupper():
        return "it begins with a capital, as sizes do"
    return bad_input_name(text)


def bad_param_name(text: str) -> str:
    """Why a param or a loop variable cannot have this name, or nothing."""
    if not is_name(text) or text[0].isupper():
        return "a name here begins with a lower-case letter and is made of ASCII letters, digits and underscores"
    if text in TORCH_WORDS:
        return "it is a word of torch's, which would win where both could stand"
    if iskeyword(text) or text in ("true", "false", "null"):
        return "it is a reserved word"
    if text.startswith("in_") or text == "input":
        return "names that begin with `in_` speak of the input"
    return ""


def bad_block_name(text: str) -> str:
    """Why a block cannot have this name, or nothing."""
    if not is_name(text):
        return "a name is made of ASCII letters, digits and underscores and begins with a letter"
    if iskeyword(text) or text in ("F", "N", "nn", "torch"):
        return "it is a reserved word"
    if text in STRUCTURAL:
        return "it is a word of the spec language"
    return ""
