"""Names of quantities: an attribute's letter, and the sizes of what arrives and what comes out; knows no operator.

A letter stands for one number within one explanation: where two quantities would share one, the second gets another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym
from shapecalc.explain.traced import Journal, Traced, named, plain
from shapecalc.explain.tree import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.ops.op import Shape

LETTERS = {
    "kernel_size": "k",
    "stride": "s",
    "padding": "p",
    "dilation": "d",
    "output_padding": "p_out",
    "in_channels": "C_in",
    "out_channels": "C_out",
    "groups": "g",
    "in_features": "F_in",
    "out_features": "F_out",
    "num_features": "C",
    "num_channels": "C",
    "num_groups": "g",
    "upscale_factor": "r",
    "downscale_factor": "r",
    "embed_dim": "E",
    "num_heads": "h",
    "normalized_shape": "D",
    "input_size": "I",
    "hidden_size": "H",
    "proj_size": "P",
    "num_embeddings": "V",
    "embedding_dim": "E",
    "d_model": "E",
    "dim_feedforward": "F",
    "scale_factor": "r",
    "output_size": "o",
}
"""The field's letters for torch's arguments; all others go by their own name."""

SPATIAL = {1: ("",), 2: ("_h", "_w"), 3: ("_d", "_h", "_w")}
PLACES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What axes are called, by the number of spatial ones."""


class Letters:
    """Gives out names, each to one value. `rank` is the number of spatial axes, 0 where an operator has none.

    `careful` leaves out what a rule may look at as a sign: attributes of 0 and less, and sizes of 1, which stretch.
    """

    __slots__ = ("careful", "channel", "journal", "rank", "taken")

    def __init__(self, rank: int, channel: str, careful: bool = False) -> None:
        self.rank = rank
        self.channel = channel
        self.careful = careful
        self.taken: dict[str, tuple[Any, str]] = {}
        self.journal = Journal()

    def named(self, words: Sequence[str], value: Any, meaning: str) -> Any:
        """The value under the first of the words that is free or means the same number already."""
        for word in [*words, *(f"{words[-1]}_{n}" for n in range(2, 99))]:
            first, told = self.taken.setdefault(word, (value, meaning))
            if first == value:  # a size that arrives as the argument says goes by the argument
                return named(word, value, self.journal, told)
        return value

    def attribute(self, name: str, value: Any) -> Any:
        """An attribute's value with its numbers named: the letter, and the axis where there is one for each."""
        letter = LETTERS.get(name, name)
        if not isinstance(value, tuple | list):
            return self.named([letter, name], value, name) if self._counts(value) else value
        tails = SPATIAL.get(len(value), ()) if self.rank == len(value) else ()
        ends = tails or ([""] if len(value) == 1 else [f"_{n}" for n in range(1, len(value) + 1)])
        items = [
            self.named([f"{letter}{end}"], item, name) if self._counts(item) else item
            for item, end in zip(value, ends, strict=True)
        ]
        return type(value)(items)

    def _counts(self, value: Any) -> bool:
        """Whether a value is a quantity: a whole number or a closed form."""
        if isinstance(value, Sym):
            return True
        return type(value) is int and (value > 0 or not self.careful)

    def input(self, x: Shape | None, slot: str, batch: int | None) -> Any:
        """The sizes of an input, named by their axes; of several inputs by the input too (`slot`)."""
        if x is None:
            return None
        words = axis_words(len(x), self.rank, batch, slot or "i", "" if slot else self.channel)
        meaning = slot or "input"
        return tuple(
            size if self.careful and _is_one(size) else self.named(w, size, f"{meaning} {a}")
            for a, (w, size) in enumerate(zip(words, x, strict=True))
        )

    def output(self, y: Shape, number: int, batch: int | None) -> Any:
        """The sizes of an output: those that are named quantities keep the name, others get one."""
        words = axis_words(len(y), self.rank, batch, f"o{number}" if number else "o", "C")
        return tuple(
            size if _is_name(size) else self.named(w, plain(size), f"output {a}")
            for a, (w, size) in enumerate(zip(words, y, strict=True))
        )


def _is_one(size: Any) -> bool:
    return type(size) is int and size == 1


def _is_name(size: Any) -> bool:
    return isinstance(size, Traced) and isinstance(size.tree, Name)


def axis_words(axes: int, rank: int, batch: int | None, letter: str, channel: str) -> list[list[str]]:
    """Names that each axis of a tensor may have, the best first: batch, channels, then the spatial ones."""
    rank = rank if axes >= rank else 0
    lead = axes - rank
    tails = [f"{letter}{tail}" for tail in SPATIAL[rank]] if rank else []
    words = [[f"{letter}_{a}"] for a in range(lead)]
    if rank and lead and channel:
        words[lead - 1] = list(dict.fromkeys([channel, "C", f"{letter}_{lead - 1}"]))
    if batch is not None and batch < len(words):
        words[batch] = ["N", *words[batch]]
    return words + [[t] for t in tails]


def axis_title(axis: int, axes: int, rank: int, batch: int | None) -> str:
    """What an axis is called: batch, channels, height, or "axis 2"."""
    rank = rank if axes >= rank else 0
    lead = axes - rank
    if rank and axis >= lead:
        return PLACES[rank][axis - lead]
    if axis == batch:
        return "batch"
    return "channels" if rank and axis == lead - 1 else f"axis {axis}"
