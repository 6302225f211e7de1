"""Distances, bags of embeddings and the old local response normalisation against torch."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from shapecalc.ops.kinds import Unfit

from .agree import Tally, shapes, symbols_agree
from .oracle import broken, made
from .test_loss import kept, like, stated


def test_cosine_similarity_accepts_what_torch_accepts() -> None:
    random, tally = Random(1), Tally("CosineSimilarity")
    for _ in range(500):
        x = shapes(random, random.randint(0, 4), 0, 3)
        arguments = {"dim": random.randint(-4, 4)}
        tally.compare(arguments, [x, like(random, x)], lambda a, b, k=arguments: nn.CosineSimilarity(**k)(a, b))
    tally.done()


def test_pairwise_distance_accepts_what_torch_accepts() -> None:
    random, tally = Random(2), Tally("PairwiseDistance")
    for _ in range(800):
        x = shapes(random, random.randint(0, 3), 0, 3)
        p = random.choice([0, 1, 2.0, 3.5, -1.0, float("inf"), float("-inf")])
        arguments: dict[str, Any] = {"p": p, "keepdim": random.random() < 0.5}
        tally.compare(arguments, [x, like(random, x)], lambda a, b, k=arguments: nn.PairwiseDistance(**k)(a, b))
    tally.done()


@pytest.mark.parametrize("name", ["CosineSimilarity", "PairwiseDistance"])
def test_distances_over_symbols_agree_with_numbers(name: str) -> None:
    random = Random(3)
    for _ in range(40):
        x = shapes(random, random.randint(2, 4), 2)
        assert symbols_agree(name, {}, [x, x])


def test_cosine_similarity_names_the_dimension_that_is_missing() -> None:
    op = made("CosineSimilarity", {"dim": 2}, (4, 3), (3,))
    assert broken(op, [(4, 3), (3,)]) == ["dim is 2, but [4, 3] has dimensions 0 to 1"]


def test_bags_accept_what_torch_accepts() -> None:
    random, tally = Random(4), Tally("EmbeddingBag")
    for _ in range(600):
        x = shapes(random, random.randint(1, 2), 0, 3)
        offsets = random.choice([None, (random.randint(0, 3),), (random.randint(1, 3),), (1, 1)])
        weights = random.choice([None, None, x, like(random, x)])
        arguments: dict[str, Any] = {
            "num_embeddings": 5,
            "embedding_dim": 3,
            "mode": random.choice(["mean", "sum", "max"]),
        }
        arguments |= {n: True for n in ("sparse", "include_last_offset", "scale_grad_by_freq") if random.random() < 0.2}
        if random.random() < 0.3:
            arguments["padding_idx"] = random.choice([-6, -5, 0, 4, 5])
        tally.compare(arguments, [x, offsets, weights], lambda a, b, c, k=arguments: bagged(k, a, b, c))
    tally.done()


def bagged(arguments: Any, x: Any, offsets: Any, weights: Any) -> Any:
    """torch's own bag, with indices of 0 and with offsets of 0 where such are given. Raises where it would crash."""
    bags = None if offsets is None else len(offsets) - ("include_last_offset" in arguments)
    if x.dim() == 1 and x.numel() and bags == 0:
        raise RuntimeError("torch 2.13 writes beyond its memory here, and ends in a segmentation fault in some modes")
    return nn.EmbeddingBag(**arguments)(x.long() * 0, None if offsets is None else offsets.long(), weights)


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
@pytest.mark.parametrize("last", [False, True])
def test_bags_with_offsets_keep_what_autograd_keeps(mode: str, last: bool) -> None:
    for padding in (None, 1):
        arguments: dict[str, Any] = {"num_embeddings": 6, "embedding_dim": 3, "mode": mode}
        arguments |= {"include_last_offset": last, "padding_idx": padding}
        xs = [torch.randint(0, 6, (7,)), torch.tensor([0, 3, 7])]
        op = made("EmbeddingBag", arguments, (7,), (3,))
        assert stated(op, xs) == kept(nn.EmbeddingBag(**arguments), xs), padding


def test_map_normalisation_accepts_what_torch_accepts() -> None:
    random, tally = Random(6), Tally("CrossMapLRN2d")
    for _ in range(200):
        x = shapes(random, random.choice([3, 4, 4, 4, 5]), 0, 4)
        arguments = {"size": random.randint(1, 6)}
        tally.compare(arguments, [x], lambda t, k=arguments: nn.CrossMapLRN2d(**k)(t))
    tally.done()


def test_map_normalisation_over_no_channels_at_all_is_refused() -> None:
    """torch divides by the size, which raises ZeroDivisionError."""
    with pytest.raises(Unfit):
        made("CrossMapLRN2d", {"size": 0}, (2, 3, 5, 4))


def test_every_channel_of_map_normalisation_depends_on_channel_0() -> None:
    """Why the window names all channels: the running sum adds channel 0 and does not take it out again."""
    x = torch.rand(1, 9, 1, 1)
    changed = x.clone()
    changed[0, 0] = 1000
    moved = (nn.CrossMapLRN2d(3)(changed) - nn.CrossMapLRN2d(3)(x)).flatten().abs() > 1e-6
    assert moved.all()
