"""Mistakes about costs, fields and memory: the layer counted again by its own rules with something left out or put in.

Rules take the answer of a layer, a total or a difference alike; ValueError says that there is no such layer in it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from shapecalc.explain.tree import FLOOR, PRODUCT, SUM, Name, Number, Work
from shapecalc.quiz.chains import Seen
from shapecalc.quiz.mistake import Mistake, arithmetic, letters, rewritten
from shapecalc.quiz.totals import Part, Total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapecalc.explain.tree import Tree
    from shapecalc.quiz.problem import Solved
    from shapecalc.quiz.question import Value

    Rule: TypeAlias = Callable[[Part], int]

PARAMS, MACS, FLOPS = "params", "macs", "flops"


def parts(solved: Solved) -> list[Part]:
    """The layers of an answer with their signs; a single layer is a total of one."""
    if isinstance(solved, Total):
        return solved.parts
    if solved.work is None or isinstance(solved, Seen):
        raise ValueError("no costs of layers")
    return [Part(1, solved.work, solved.workings[0])]


def summed(rule: Rule, *quantities: str) -> Callable[[Solved], Value | None]:
    """A mistake about figures of these kinds, made in every layer."""

    def value(solved: Solved) -> Value | None:
        if solved.workings[0].quantity not in quantities:
            return None
        return sum(part.sign * rule(part) for part in parts(solved))

    return value


def counted(part: Part, figure: str = "", **changes: Any) -> int:
    """A figure of the part's layer, counted by its own rules under other arguments, those of them that it has."""
    trace, figure = part.work.trace, figure or part.working.quantity
    op, xs = trace.plain_op, trace.plain_xs
    known = {a.name for a in op.attributes}
    new = type(op)(dict(op.given) | {k: v for k, v in changes.items() if k in known}, *xs)
    if figure == PARAMS:
        return sum(prod(shape) for shape in new.weights().values())  # type: ignore[arg-type, misc]
    macs = new.macs(xs, new.shape(*xs))
    return (2 if figure == FLOPS else 1) * macs  # type: ignore[operator, return-value]


def has(part: Part, argument: str) -> bool:
    return any(a.name == argument for a in part.work.trace.plain_op.attributes)


def biased(part: Part) -> bool:
    """Whether the layer has biases beside one matrix or one kernel of weights."""
    entries = has(part, "in_channels") or has(part, "in_features")
    return entries and set(part.work.trace.plain_op.weights()) == {"weight", "bias"}


def unbiased(part: Part) -> int:
    """The figure without biases; the shift of a normalization is none."""
    return part.value if has(part, "num_features") else counted(part, bias=False)


def _entries(part: Part) -> int:
    """Channels or features that arrive."""
    op: Any = part.work.trace.plain_op
    return int(op.in_channels if has(part, "in_channels") else op.in_features)


def _per_weight(part: Part) -> int:
    return (2 if biased(part) else 1) * unbiased(part)


def _of_inputs(part: Part) -> int:
    return unbiased(part) + (_entries(part) if biased(part) else 0)


def _one_bias(part: Part) -> int:
    return unbiased(part) + biased(part)


def _with_bias(part: Part) -> int:
    """An Embedding has none at all: whoever gives it one thinks of its columns."""
    op: Any = part.work.trace.plain_op
    own = counted(part)
    return own + op.embedding_dim if hasattr(op, "embedding_dim") else counted(part, bias=True)


def _flat_filters(tree: Tree) -> Tree:
    """C_in//g -> 1"""

    def rule(t: Tree) -> Tree:
        if isinstance(t, Work) and t.kind == FLOOR and isinstance(t.parts[0], Number) and t.parts[0].value == 1:
            return Number(1)
        return Number(1) if isinstance(t, Name) and t.text == "C_in" else t

    return rewritten(tree, rule)


def _sites(part: Part) -> int:
    """Positions of the output of a layer that has channels."""
    if not (has(part, "in_channels") or has(part, "num_features")):
        raise ValueError("no positions")
    return int(prod(part.work.trace.plain_ys[0][2:]))


def _larger(part: Part) -> int:
    """MACs with the sizes of the input where those of the output belong."""
    trace = part.work.trace
    if not has(part, "stride") or has(part, "output_padding"):
        return part.value
    return part.value // _sites(part) * int(prod(trace.plain_xs[0][2:]))


def _grouped_twice(part: Part) -> int:
    groups: int = getattr(part.work.trace.plain_op, "groups", 1)
    return part.value - counted(part, bias=False) + counted(part, bias=False) // groups


def _buffers(part: Part) -> int:
    return sum(prod(shape) for shape in part.work.trace.plain_op.buffers().values())  # type: ignore[arg-type, misc]


def _running(part: Part) -> int:
    """Values of the buffers that hold one for each channel."""
    return sum(prod(shape) for shape in part.work.trace.plain_op.buffers().values() if shape)  # type: ignore[arg-type, misc]


def _halved(solved: Solved, quantity: str) -> int | None:
    value = solved.answer
    return value // 2 if isinstance(value, int) and solved.workings[0].quantity == quantity and value % 2 == 0 else None


def _doubled(solved: Solved) -> int | None:
    return 2 * int(solved.workings[0].answer) if solved.workings[0].quantity == MACS else None  # type: ignore[arg-type]


def _first(solved: Solved, sign: int) -> int | None:
    """The layers of one of two networks alone."""
    if not isinstance(solved, Total) or all(p.sign > 0 for p in solved.parts):
        return None
    return sum(p.value for p in solved.parts if p.sign == sign)


def _one_of(solved: Solved) -> int | None:
    """Of the other network only the first layer taken off."""
    if not isinstance(solved, Total) or sum(p.sign < 0 for p in solved.parts) < 2:
        return None
    return sum(p.value for p in solved.parts if p.sign > 0) - next(p.value for p in solved.parts if p.sign < 0)


def _one_layer(solved: Solved) -> int | None:
    """The last layer of several alone."""
    if not isinstance(solved, Total) or len(solved.parts) < 2 or any(p.sign < 0 for p in solved.parts):
        return None
    return solved.parts[-1].value


def _heads(part: Part) -> int:
    """How many heads the layer has; raises ValueError where it has none."""
    op: Any = part.work.trace.plain_op
    found = getattr(op, "num_heads", None) or getattr(op, "nhead", None)
    if found is None:
        raise ValueError("no heads")
    return int(found)


def _tensors(part: Part, *words: str) -> int:
    """Values of the tensors whose name begins with one of the words; raises ValueError where there is none."""
    found = [prod(s) for name, s in part.work.trace.plain_op.weights().items() if name.startswith(words)]
    if not found:
        raise ValueError("no such tensor")
    return sum(found)  # type: ignore[arg-type]


def _without(*words: str) -> Rule:
    return lambda part: part.value - _tensors(part, *words)


def _one_head(part: Part) -> int:
    """Projections between E and E/heads in place of E and E."""
    weights = _tensors(
        part, "in_proj_weight", "out_proj.weight", "self_attn.in_proj_weight", "self_attn.out_proj.weight"
    )
    return part.value - weights + weights // _heads(part)


def _one_projection(part: Part) -> int:
    """Queries, keys and values share a projection."""
    return part.value - _tensors(part, "in_proj_weight", "self_attn.in_proj_weight") * 2 // 3


def _of_width(width: Callable[[int], int]) -> Callable[[Solved], Value | None]:
    def rule(solved: Solved) -> Value | None:
        if solved.workings[0].quantity != "bytes":
            return None
        return arithmetic(lambda tree: rewritten(tree, changed))(solved)

    def changed(tree: Tree) -> Tree:
        return Number(width(tree.value)) if isinstance(tree, Name) and tree.text == "b" else tree  # type: ignore[arg-type]

    return rule


def _of_outputs(rule: Callable[[Solved], Value | None]) -> Callable[[Solved], Value | None]:
    """A mistake about the bytes of an output; those of parameters know no batch."""

    def value(solved: Solved) -> Value | None:
        (working,) = solved.workings
        return rule(solved) if working.quantity == "bytes" and "N" in [n.text for n in working.letters] else None

    return value


def _of(quantities: Sequence[str], rule: Callable[[Solved], Value | None]) -> Callable[[Solved], Value | None]:
    return lambda solved: rule(solved) if solved.workings[0].quantity in quantities else None


def _added(tree: Tree) -> Tree:
    """a*b -> a + b"""
    if isinstance(tree, Work) and tree.kind == PRODUCT and len(tree.parts) == 2:
        return Work(SUM, tree.parts, [1, 1])
    raise ValueError("no product of two")


COSTS = (MACS, FLOPS)
AXES = ("depth", "height", "width", "length")

BIAS_FORGOTTEN = Mistake("bias-forgotten", "The biases were left out.", summed(unbiased, PARAMS))
BIAS_PER_WEIGHT = Mistake(
    "bias-per-weight", "A filter or feature has one bias, not one for each weight.", summed(_per_weight, PARAMS)
)
BIAS_OF_INPUTS = Mistake(
    "bias-of-inputs",
    "There is a bias for each output channel or feature, not for each input.",
    summed(_of_inputs, PARAMS),
)
ONE_BIAS = Mistake(
    "one-bias",
    "Every output channel or feature has a bias of its own, not one for the whole layer.",
    summed(_one_bias, PARAMS),
)
BIAS_COUNTED = Mistake("bias-counted", "This layer has no bias.", summed(_with_bias, PARAMS))
FLAT_FILTERS = Mistake(
    "flat-filters",
    "A filter runs through all input channels of its group, not through one.",
    _of((PARAMS, *COSTS), arithmetic(_flat_filters)),
)
KERNEL_ONCE = Mistake(
    "kernel-once",
    "The kernel has height times width weights, not just its height.",
    _of((PARAMS, *COSTS), letters(k_w=1)),
)
POSITIONS_COUNTED = Mistake(
    "positions-counted",
    "The weights are shared by all positions: the size of the output does not matter.",
    summed(lambda p: p.value * _sites(p), PARAMS),
)
POSITIONS_FORGOTTEN = Mistake(
    "positions-forgotten",
    "Every position of the output costs anew: multiply by its height and width.",
    summed(lambda p: p.value // _sites(p), *COSTS),
)
INPUT_SIZE = Mistake("input-size", "The size of the output counts, not that of the input.", summed(_larger, *COSTS))
PARAMS_FOR_MACS = Mistake(
    "params-for-macs", "These are the parameters, not the work.", summed(lambda p: counted(p, PARAMS), *COSTS)
)
BIAS_ADDED = Mistake(
    "bias-added",
    "Multiply-accumulates do not count the biases.",
    summed(lambda p: p.value + (_sites(p) * p.work.trace.plain_ys[0][1] if biased(p) else 0), MACS),
)
FLOPS_FOR_MACS = Mistake("flops-for-macs", "A multiply-accumulate is one, though it is two operations.", _doubled)
MACS_FOR_FLOPS = Mistake(
    "macs-for-flops", "A multiply-accumulate is two operations, a product and a sum.", lambda s: _halved(s, FLOPS)
)
GROUPS_IGNORED = Mistake(
    "groups-ignored",
    "The groups were left out: a filter sees only the channels of its group.",
    summed(lambda p: counted(p, groups=1), PARAMS, *COSTS),
)
GROUPS_TWICE = Mistake(
    "groups-twice",
    "The groups part the input channels of a filter; there are as many filters as before.",
    summed(_grouped_twice, PARAMS, *COSTS),
)
ADDED = Mistake("added", "The sizes are to be multiplied, not added.", _of((PARAMS,), arithmetic(_added)))

STATISTICS_COUNTED = Mistake(
    "statistics-counted",
    "Running mean and variance are buffers: they are not learned.",
    summed(lambda p: p.value + _running(p), PARAMS),
)
SCALE_ONLY = Mistake(
    "scale-only",
    "Batch normalization has a shift beside the scale.",
    summed(lambda p: p.value - (_tensors(p, "bias") if _running(p) else 0), PARAMS),
)
ONE_PAIR = Mistake(
    "one-pair",
    "Every channel has a pair of its own, not one pair for the whole layer.",
    summed(lambda p: 2 if _running(p) else p.value, PARAMS, "buffers"),
)
NORM_FORGOTTEN = Mistake(
    "norm-forgotten",
    "Batch normalization has parameters too.",
    summed(lambda p: 0 if _running(p) else p.value, PARAMS),
)
COUNTER_FORGOTTEN = Mistake(
    "counter-forgotten", "The number of batches seen is a buffer too.", summed(_running, "buffers")
)
PARAMS_COUNTED = Mistake(
    "params-counted",
    "Scale and shift are parameters, not buffers.",
    summed(lambda p: p.value + counted(p, PARAMS), "buffers"),
)
MEAN_ONLY = Mistake(
    "mean-only",
    "There is a running variance beside the mean.",
    summed(lambda p: p.value - _running(p) // 2, "buffers"),
)
POINTS_NORMED = Mistake(
    "points-normed",
    "There is a pair for each channel, not for each position.",
    summed(lambda p: p.value * _sites(p) if _running(p) else p.value, PARAMS),
)

HEADS_COUNTED = Mistake(
    "heads-counted",
    "The heads share E among themselves: they do not multiply the parameters.",
    summed(lambda p: p.value * _heads(p), PARAMS),
)
ONE_HEAD = Mistake("one-head", "The projections of all heads count, not those of one.", summed(_one_head, PARAMS))
OUTPUT_FORGOTTEN = Mistake(
    "output-forgotten",
    "There is an output projection behind the heads.",
    summed(_without("out_proj", "self_attn.out_proj"), PARAMS),
)
SHARED_PROJECTION = Mistake(
    "shared-projection", "Queries, keys and values have a projection each.", summed(_one_projection, PARAMS)
)
FEED_FORWARD_FORGOTTEN = Mistake(
    "feed-forward-forgotten",
    "The two Linear layers behind the attention count too.",
    summed(_without("linear1", "linear2"), PARAMS),
)
NORMS_FORGOTTEN = Mistake(
    "norms-forgotten", "The two layer normalizations count too.", summed(_without("norm1", "norm2"), PARAMS)
)
ATTENTION_FORGOTTEN = Mistake(
    "attention-forgotten",
    "The attention in front of the Linear layers counts too.",
    summed(_without("self_attn"), PARAMS),
)

DIFFERENCE_FORGOTTEN = Mistake(
    "difference-forgotten", "This is the first alone; what the other has is to be taken off.", lambda s: _first(s, 1)
)
OTHER_ALONE = Mistake("other-alone", "This is what the other has, not the difference.", lambda s: _first(s, -1))
ONE_TAKEN = Mistake("one-taken", "Only one layer of the other was taken off.", _one_of)
LAST_ALONE = Mistake("last-alone", "The layers before the last count too.", _one_layer)

KERNEL_STEPS = Mistake(
    "kernel-steps",
    "The windows overlap: a convolution steps by its stride, not by its kernel.",
    _of(AXES, letters(s=lambda known: known.get("k", known.get("k_h", 1)))),
)
SIZE_KEPT = Mistake("size-kept", "Without padding the map becomes smaller.", _of(AXES, letters(k=1)))

BYTE_EACH = Mistake("byte-each", "This counts the values; each takes several bytes.", _of_width(lambda _: 1))
OTHER_WIDTH = Mistake("other-width", "A float32 takes 4 bytes, a float16 two.", _of_width(lambda b: 2 if b == 4 else 4))
BITS = Mistake("bits", "These are bits; a byte has eight.", _of_width(lambda b: 8 * b))
BATCH_FORGOTTEN = Mistake("batch-forgotten", "This is one sample; the batch has more.", _of_outputs(letters(N=1)))
CHANNELS_FORGOTTEN = Mistake(
    "channels-forgotten", "Every channel has a map of its own.", _of_outputs(letters(C_out=1, C=1))
)
BYTES_BIAS_FORGOTTEN = Mistake(
    "bytes-bias-forgotten",
    "The biases take memory too.",
    lambda s: _bytes_without_bias(s) if s.workings[0].quantity == "bytes" else None,
)


def _bytes_without_bias(solved: Solved) -> int | None:
    """Of bytes of parameters only."""
    (part,) = parts(solved)
    params = counted(part, PARAMS)
    width, rest = divmod(part.value, params)
    return None if rest or width not in (2, 4) else counted(part, PARAMS, bias=False) * width
