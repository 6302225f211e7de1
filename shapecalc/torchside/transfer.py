"""The tensors of a network and a rewriting of it -> the tensors of the rewritten network, by their new keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from shapecalc.rewrite.draft import Fold
    from shapecalc.rewrite.rewrite import Rewriting


def transferred(tensors: Mapping[str, Tensor], rewriting: Rewriting) -> dict[str, Tensor]:
    """A state_dict of the rewritten network: batch norms folded, weights brought into the shape that is due.

    Raises KeyError for a tensor that is missing.
    """
    left = dict(tensors)
    for fold in rewriting.folds:
        _fold(left, fold)
    shapes: dict[str, Any] = rewriting.report.state_dict()
    # Counters that an old file lacks are left to torch, which leaves them as they are.
    return {key: left[key].reshape(shape) for key, shape in shapes.items() if key in left or shape}


def _fold(tensors: dict[str, Tensor], fold: Fold) -> None:
    """Weight and bias of a layer with the normalisation behind it worked in; reckoned in double precision."""
    weight = tensors[f"{fold.into}.weight"]
    mean, variance = (tensors[f"{fold.norm}.running_{name}"].double() for name in ("mean", "var"))
    scale = _of(tensors, f"{fold.norm}.weight", torch.ones_like(mean)) / torch.sqrt(variance + fold.eps)
    shift = _of(tensors, f"{fold.norm}.bias", torch.zeros_like(mean))
    bias = _of(tensors, f"{fold.into}.bias", torch.zeros_like(mean))
    tensors[f"{fold.into}.weight"] = _scaled(weight.double(), scale, fold.groups).to(weight.dtype)
    tensors[f"{fold.into}.bias"] = ((bias - mean) * scale + shift).to(weight.dtype)


def _of(tensors: Mapping[str, Tensor], key: str, default: Tensor) -> Tensor:
    return tensors[key].double() if key in tensors else default


def _scaled(weight: Tensor, scale: Tensor, groups: int) -> Tensor:
    """Each output channel times its factor. Transposed convolutions count theirs on axis 1, anew in each group."""
    if not groups:
        return weight * scale.reshape(-1, *[1] * (weight.dim() - 1))
    parts = weight.reshape(groups, -1, *weight.shape[1:])
    return (parts * scale.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))).reshape(weight.shape)
