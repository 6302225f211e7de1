"""Disagreements with torch that are meant: few, narrow, each with the operators that it is about and the reason.

Most say that shapecalc refuses on purpose what torch lets pass; some that torch's refusal hangs on values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.ops.op import INFERRED
from shapecalc.ops.registry import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw
    from .judge import Verdict

    Applies = Callable[[Draw, Verdict, Verdict], bool]


class Excuse:
    """Names of operators as a pattern, when it applies, and why."""

    __slots__ = ("applies", "names", "reason")

    def __init__(self, names: str, reason: str, applies: Applies) -> None:
        self.names = names
        self.reason = reason
        self.applies = applies


def excuse(draw: Draw, ours: Verdict, theirs: Verdict) -> str:
    """The reason why the two may differ here, or nothing."""
    found = (e.reason for e in EXCUSES if re.fullmatch(e.names, draw.name) and e.applies(draw, ours, theirs))
    return next(found, "")


def refused(pattern: str) -> Applies:
    """We refuse with a message like this, and torch accepts."""
    return lambda draw, ours, theirs: bool(theirs.outputs is not None and re.search(pattern, ours.reason))


def denied(pattern: str) -> Applies:
    """torch refuses with a message like this, and we accept."""
    return lambda draw, ours, theirs: bool(ours.outputs is not None and re.search(pattern, theirs.reason))


def both(first: Applies, second: Applies) -> Applies:
    return lambda draw, ours, theirs: first(draw, ours, theirs) and second(draw, ours, theirs)


def empty(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    """An input or an output of torch's holds nothing."""
    shapes = [x[0] for x in draw.inputs if x] + [shape for shape, _ in theirs.outputs or ()]
    return any(0 in shape for shape in shapes)


def stated(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    """A size that would be read off the input is written out."""
    return any(a.default is INFERRED and a.name in draw.arguments for a in find(draw.name).attributes)


def first_is_whole(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    first = draw.inputs[0]
    return first is not None and not first[1].startswith("float")


def ones(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    return theirs.outputs is not None and set(theirs.outputs[0][0][-2:]) == {1}


def no_values(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    """Both accept, and the batch of the values has an axis of nothing."""
    given = draw.inputs[2]
    return None not in (ours.outputs, theirs.outputs) and given is not None and 0 in given[0][:-2]


def shapes(verdict: Verdict) -> list[Any] | None:
    return None if verdict.outputs is None else [shape for shape, _ in verdict.outputs]


def cut_away(draw: Draw, ours: Verdict, theirs: Verdict) -> bool:
    pads = draw.arguments.get("padding", draw.arguments.get("pad"))
    return any(p is not None and p < 0 for p in (pads if isinstance(pads, list | tuple) else [pads]))


WINDOW = r"SC109 (kernel_size|stride|padding|size|output_size) "
EXCUSES: list[Excuse] = [
    Excuse(
        ".*",
        "torch looks at no dtype where nothing is to be done",
        both(empty, refused("SC212")),
    ),
    Excuse(
        r"(Conv|ConvTranspose|BatchNorm|InstanceNorm)\dd|SyncBatchNorm|GroupNorm|LayerNorm|RMSNorm",
        "a layer of no channels is a mistake, whether they are written or read off the input",
        both(empty, refused("which has none")),
    ),
    Excuse(
        r"(BatchNorm|InstanceNorm)\dd|SyncBatchNorm|GroupNorm",
        "a variance of no values is refused as that of one is",
        both(empty, refused("SC218|SC211 axis . of .* is empty, which InstanceNorm")),
    ),
    Excuse(
        r"(BatchNorm|InstanceNorm)\dd|SyncBatchNorm|GroupNorm",
        "a stated size is an assertion, also where torch has no weights to hold it to",
        both(stated, refused("SC202|SC109 num_")),
    ),
    Excuse(
        r"(Zero|Constant|Reflection|Replication|Circular)Pad\dd",
        "padding that leaves nothing is refused, though torch makes an empty output of it",
        both(empty, refused("SC216")),
    ),
    Excuse(
        r"FractionalMaxPool\dd",
        "a ratio that leaves nothing is refused, though torch makes an empty output of it",
        refused("SC201 .* leaves nothing"),
    ),
    Excuse(
        r"CircularPad\dd|Pad",
        "torch wraps around what it has cut away, and fills the rest with whatever is there",
        both(cut_away, refused("SC216")),
    ),
    Excuse(
        r"ConvTranspose\dd",
        "torch looks at no padding where nothing is to be done",
        both(empty, refused("SC206")),
    ),
    Excuse(
        r"ConvTranspose\dd",
        "torch gives nothing at all where padding leaves nothing, in one dimension and with a stride of 1",
        both(empty, refused("SC216 padding")),
    ),
    Excuse(
        r"Conv(Transpose)?\dd",
        "torch makes something of no positions where there are no samples either",
        both(empty, refused("SC211 axis")),
    ),
    Excuse(
        r"MultiheadAttention|Transformer\w*",
        "a dropout of more than everything passes in evaluation only",
        refused("SC109 dropout"),
    ),
    Excuse(
        r"MultiheadAttention|Transformer\w*",
        "a hint without a mask passes where evaluation takes its shortcut",
        refused("SC122 is_causal"),
    ),
    Excuse(r"(MaxUnpool|FractionalMaxPool)\dd", "torch computes with windows that no pool has", refused(WINDOW)),
    Excuse("CrossMapLRN2d", "torch slides no window of a negative size", refused(WINDOW)),
    Excuse(
        r"AdaptiveAvgPool\dd",
        "to a size of 1 torch takes the mean of the last axes, however many there are",
        both(ones, refused("SC209")),
    ),
    Excuse(
        "MaxPool1d",
        "torch pools integers only where it returns indices",
        both(lambda draw, *_: bool(draw.arguments.get("return_indices")), refused("SC212")),
    ),
    Excuse(
        r"\w*Loss|CosineSimilarity|PairwiseDistance",
        "a prediction of whole numbers has no gradient",
        both(first_is_whole, refused("SC212")),
    ),
    Excuse("DropPath|MixedPool2d|StochasticPool2d", "torch has no such class to say it", refused("SC")),
    Excuse("Transformer", "torch counts no layers that a custom stack replaces", refused("SC109 num_")),
    Excuse(
        "ScaledDotProductAttention",
        "torch's fused kernel compares the numbers of keys and values as little as it looks at dropout",
        refused("SC109 dropout_p|have .* positions"),
    ),
    Excuse(
        "LSTM|LSTMCell",
        "torch multiplies the cell by gates and lets its dtype go; the state, which is made alike, may have no other",
        refused("as its c_0"),
    ),
    Excuse(
        "Index",
        "a number of any width picks one position, but no width below int32 picks several",
        both(lambda draw, *_: draw.inputs[1] is not None and draw.inputs[1][0] == (), refused("SC212")),
    ),
    Excuse("CTCLoss", "torch turns numbers of all kinds into labels; int32 and int64 are meant", refused("SC212")),
    Excuse(
        "AdaptiveLogSoftmaxWithLoss",
        "indices of int32 pass where none is behind the shortlist, which is a matter of values",
        refused("SC212 .*int32"),
    ),
    Excuse(
        "Tile|Repeat",
        "torch repeats nothing however often, less than never too",
        both(empty, refused("SC109")),
    ),
    Excuse("Gather", "torch compares no sizes where nothing is gathered", both(empty, refused("SC211"))),
    Excuse(
        "Buffer", "torch.reshape works a size of -1 out; a buffer's sizes are written", refused("SC109 shape is -1")
    ),
    Excuse("Buffer|Parameter", "torch.full cuts a fraction off without a word", refused("SC109 .*cannot hold")),
    Excuse(
        "OneHot",
        "torch counts the classes that it finds, which no shape tells",
        refused("SC109 num_classes is -1"),
    ),
    Excuse(
        "ScaledDotProductAttention",
        "torch, which divides by the heads that there are not, is not asked about shared heads of nothing",
        denied("torch dies of no heads"),
    ),
    Excuse(
        "ScaledDotProductAttention",
        "torch gives what nobody wrote where a batch of values is empty and stretched",
        no_values,
    ),
    Excuse("AdaptiveLogSoftmaxWithLoss", "no memory holds such weights", denied("can't allocate memory")),
    Excuse("Where", "torch calls a condition of uint8 deprecated", refused("SC212 Where takes bool, and uint8")),
    Excuse(
        "Einsum",
        "a sum over one position is a plain product to torch, which takes mixed dtypes",
        refused("SC212"),
    ),
    Excuse(
        r"Transformer\w*|MultiheadAttention|ScaledDotProductAttention",
        "torch compares no sizes of sequences that are empty",
        both(empty, refused("SC205|SC211")),
    ),
    Excuse(
        r"Transformer\w*",
        "torch's shortcut of evaluation lets a mask of one value stretch",
        refused(r"attn_mask is \[1\]"),
    ),
    Excuse(
        "PixelUnshuffle",
        "torch gives back an empty image as it came",
        lambda draw, ours, theirs: empty(draw, ours, theirs) and None not in (ours.outputs, theirs.outputs),
    ),
    Excuse(
        r"\w*Embedding\w*|Gather|Index|IndexSelect|\w*Loss(2d)?",
        "an index into nothing is a matter of values",
        denied("out of (bounds|range)|not in the valid range|axis dim should be positive"),
    ),
    Excuse(
        r"Transformer\w*",
        "torch reshapes the masks of an empty batch, whose heads it then cannot tell",
        denied("cannot reshape tensor of 0 elements"),
    ),
]
