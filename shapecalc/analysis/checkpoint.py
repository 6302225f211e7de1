"""Report and the shapes of a checkpoint's tensors -> what would keep the one from loading the other.

Knows no file: a checkpoint is its mappings from keys to shapes, by the entry that holds them ("" for the file itself).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shapecalc.dims.sym import Sym
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shapecalc.analysis.report import Report
    from shapecalc.ops.op import Shape

    Sizes = tuple[int, ...]

WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Steps of a key that DataParallel, torch.compile, FSDP and activation checkpointing put in."""
MOST_COMPARED = 200
"""Missing keys up to which the nearest ones are looked for, each among as many that are left over."""


class Missing:
    """A key that the network has and the checkpoint lacks; `near` is what was probably meant, of those left over."""

    __slots__ = ("key", "near", "shape")

    def __init__(self, key: str, shape: Shape, near: str | None) -> None:
        self.key = key
        self.shape = shape
        self.near = near


class Checkpoint:
    """A checkpoint held against a network.

    `entry` is the part of the file that was taken, `prefix` what stands before every key there, `wrapped` whether steps
    of WRAPPERS were left out. `names` maps keys of the network to those of the file. `untold` holds keys whose shapes
    depend on sizes that are not known, `filled` counters that torch sets itself where an old file has none of them.
    """

    def __init__(self, report: Report, path: str, entries: Mapping[str, Mapping[str, Sizes]]) -> None:
        self.report = report
        self.path = path
        ours = report.state_dict()
        self.entry, self.prefix, self.wrapped, found = _best(ours, entries)
        shapes = {key: entries[self.entry][name] for key, name in found.items()} if entries else {}
        self.names = {key: name for key, name in found.items() if key in ours}
        self.untold = [key for key in self.names if any(isinstance(size, Sym) for size in ours[key])]
        self.reshaped = {
            key: (ours[key], shapes[key])
            for key in self.names
            if key not in self.untold and tuple(ours[key]) != tuple(shapes[key])
        }
        lacking = [key for key in ours if key not in shapes]
        self.filled = _counters(report, lacking, shapes)
        lacking = [key for key in lacking if key not in self.filled]
        self.extra, self.open = _left_over(report, {k: s for k, s in shapes.items() if k not in ours})
        self.missing = _with_nearest({key: ours[key] for key in lacking}, self.extra)

    @property
    def fits(self) -> bool:
        """Whether the network would load the checkpoint, once the prefix is off."""
        return not (self.missing or self.extra or self.reshaped or self.untold)


def _best(
    ours: Mapping[str, Shape], entries: Mapping[str, Mapping[str, Sizes]]
) -> tuple[str, str, bool, dict[str, str]]:
    """Of all entries the first with most keys of the network, with its prefix, and names by the key without it."""
    best: tuple[str, str, bool, dict[str, str]] = (next(iter(entries), ""), "", False, {})
    most = -1
    for entry, tensors in entries.items():
        for wrapped in (False, True):
            plain = {_unwrapped(key, ours) if wrapped else key: key for key in tensors}
            prefix = _prefix(ours, plain)
            names = {key.removeprefix(prefix): name for key, name in plain.items()}
            count = sum(key in ours for key in names)
            if count > most:
                most, best = count, (entry, prefix, wrapped, names)
    return best


def _unwrapped(key: str, ours: Mapping[str, Shape]) -> str:
    return key if key in ours else ".".join(step for step in key.split(".") if step not in WRAPPERS)


def _prefix(ours: Mapping[str, Shape], keys: Iterable[str]) -> str:
    """What stands before the most keys of the network; nothing where that is the most common."""
    votes: Counter[str] = Counter({"": 0})
    for key in keys:
        rest, steps = key, 0
        while rest not in ours and "." in rest and steps < 20:
            rest, steps = rest.partition(".")[2], steps + 1
        if rest in ours:
            votes[key[: len(key) - len(rest)]] += 1
    return max(votes, key=votes.__getitem__)


def _counters(report: Report, lacking: Sequence[str], shapes: Mapping[str, Sizes]) -> list[str]:
    """Counters of batches that an old file has none of: torch then leaves them as they are."""
    names = {
        name
        for layer in report.layers
        for name in getattr(layer.node.op, "counters", ())  # a layer that a mistake spoilt has no operator
    }
    if any(key.rpartition(".")[2] in names for key in shapes):
        return []
    return [key for key in lacking if key.rpartition(".")[2] in names]


def _left_over(report: Report, extra: dict[str, Sizes]) -> tuple[dict[str, Sizes], dict[str, Sizes]]:
    """Keys of the file that the network has not, and those of them in blocks whose weights are not stated."""
    unstated = tuple(f"{layer.path}." for layer in report.layers if layer.weights is None)
    open_ = {key: shape for key, shape in extra.items() if unstated and key.startswith(unstated)}
    return {key: shape for key, shape in extra.items() if key not in open_}, open_


def _with_nearest(missing: Mapping[str, Shape], extra: Mapping[str, Sizes]) -> list[Missing]:
    """Missing keys, each with the key left over that is most like it, which is given once."""
    left = dict(extra)
    found = []
    for turn, (key, shape) in enumerate(missing.items()):
        near = _nearest(key, tuple(shape), left) if turn < MOST_COMPARED else None
        if near is not None:
            del left[near]
        found.append(Missing(key, shape, near))
    return found


def _nearest(key: str, shape: Sequence[object], left: Mapping[str, Sizes]) -> str | None:
    """The first key left over of the same shape and last step that is at least half alike, else one misspelt."""
    from difflib import SequenceMatcher

    end = key.rpartition(".")[2]
    alike = [k for k, s in left.items() if tuple(s) == shape and k.rpartition(".")[2] == end][:MOST_COMPARED]
    ratios = {k: SequenceMatcher(None, key, k).ratio() for k in alike}
    best = max(ratios, key=ratios.__getitem__, default=None)
    if best is not None and ratios[best] >= 0.5:
        return best
    return nearest(key, list(left)[:MOST_COMPARED])
