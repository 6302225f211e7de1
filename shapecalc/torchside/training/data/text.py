"""A text file, character by character: the network learns which one comes next."""

from __future__ import annotations

from pathlib import Path

import torch

from shapecalc.torchside.training.data.samples import TOKENS, Data, Samples
from shapecalc.torchside.training.fault import Fault, why

HELD_OUT = 0.1


def text(path: str, length: int, vocabulary: str | None = None) -> Data:
    """Pieces of `length` characters one behind the other; the last tenth of the text is held out.

    A character's number is its place among those of the text, or in the vocabulary that a network learned already.
    """
    try:
        written = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"{path}: {why(error)}") from None
    if len(written) < 4 * (length + 1):
        raise Fault(f"{path} has {len(written):,} characters, pieces of {length} want at least {4 * (length + 1):,}")
    vocabulary = vocabulary or "".join(sorted(set(written)))
    if unknown := sorted(set(written) - set(vocabulary)):
        raise Fault(f"{path} has characters that the network has never seen: {', '.join(map(repr, unknown[:5]))}")
    number = {character: i for i, character in enumerate(vocabulary)}
    codes = torch.tensor([number[c] for c in written])
    edge = len(codes) - max(int(len(codes) * HELD_OUT), length + 1)
    learn, held = _pieces(codes[:edge], length), _pieces(codes[edge:], length)
    return Data(path, TOKENS, learn, held, count=len(vocabulary), vocabulary=vocabulary)


def _pieces(codes: torch.Tensor, length: int) -> Samples:
    return Samples([codes[:-1].unfold(0, length, length)], codes[1:].unfold(0, length, length))
