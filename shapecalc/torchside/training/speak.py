"""A network that scores the next token, and the beginning of a text -> the text that it goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shapecalc.torchside.training.fault import Fault
from shapecalc.torchside.training.fit import sample_shapes
from shapecalc.torchside.training.task import last_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from shapecalc.analysis.report import Report


class Wording:
    """How many tokens more, and how they are drawn: 0 as temperature takes the likeliest, `topk` draws among those."""

    __slots__ = ("length", "seed", "temperature", "topk")

    def __init__(self, length: int, temperature: float = 1.0, topk: int | None = None, seed: int = 0) -> None:
        self.length = length
        self.temperature = temperature
        self.topk = topk
        self.seed = seed


def spoken(
    report: Report, network: nn.Module, beginning: str, record: Mapping[str, Any], wording: Wording
) -> tuple[str, str]:
    """The beginning, and what the network goes on with. Without a vocabulary tokens are numbers between blanks."""
    vocabulary = (record.get("data") or {}).get("vocabulary") or ""
    (shape,), output = sample_shapes(report)
    tokens = _characters(beginning, vocabulary) if vocabulary else _numbers(beginning, _below(report, output[-1]))
    if not tokens:
        raise Fault("a beginning of at least one token is due")
    count = len(vocabulary) or output[-1]
    added = _continued(_scorer(report, network, shape[0], count), tokens, wording)
    return beginning, "".join(vocabulary[t] for t in added) if vocabulary else " ".join(map(str, added))


def _characters(text: str, vocabulary: str) -> list[int]:
    unknown = sorted(set(text) - set(vocabulary))
    if unknown:
        raise Fault(f"the network has never seen {', '.join(map(repr, unknown))}: it knows {vocabulary!r}")
    return [vocabulary.index(character) for character in text]


def _numbers(text: str, below: int) -> list[int]:
    parts = text.replace(",", " ").split()
    if not all(p.isdecimal() and int(p) < below for p in parts):
        raise Fault(f"no vocabulary is recorded: tokens are numbers below {below}, not {text!r}")
    return list(map(int, parts))


def _below(report: Report, count: int) -> int:
    assert report.graph is not None
    below = report.graph.inputs[0].below
    return below if isinstance(below, int) else count


def _scorer(report: Report, network: nn.Module, room: int, count: int) -> Callable[[Sequence[int]], torch.Tensor]:
    """Log-likelihoods of the next token. What stands behind it is no matter to a network that looks back only."""
    logarithms = "softmax" in last_roles(report)
    dtype = next(getattr(torch, wire.dtype) for wire in report.graph.inputs) if report.graph else torch.int64

    def scores(tokens: Sequence[int]) -> torch.Tensor:
        seen = tokens[-room:]
        x = torch.zeros(1, room, dtype=dtype)
        x[0, : len(seen)] = torch.tensor(seen)
        with torch.no_grad():
            result = network(x)
        found: torch.Tensor = (result[0] if isinstance(result, tuple) else result)[0, len(seen) - 1, :count]
        return found.log() if logarithms else found

    return scores


def _continued(scores: Callable[[Sequence[int]], torch.Tensor], tokens: list[int], wording: Wording) -> list[int]:
    random = torch.Generator().manual_seed(wording.seed)
    whole = list(tokens)
    for _ in range(wording.length):
        whole.append(_drawn(scores(whole), wording, random))
    return whole[len(tokens) :]


def _drawn(scores: torch.Tensor, wording: Wording, random: torch.Generator) -> int:
    if wording.temperature == 0:
        return int(scores.argmax())
    best = scores.topk(min(wording.topk or len(scores), len(scores)))
    likely = (best.values / wording.temperature).softmax(0)
    return int(best.indices[torch.multinomial(likely, 1, generator=random)])
