"""Rules on normalisation: what stands before it, and of how many values its statistics are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.lint.edit import set_argument
from shapecalc.lint.network import has
from shapecalc.lint.plan import Plan
from shapecalc.lint.rule import Finding, Rule
from shapecalc.source.diagnostic import Fix
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network


class BiasBeforeNorm(Rule):
    """a bias that the norm behind it takes away again

    Why:
        A norm that subtracts a mean per channel takes away whatever a bias adds to that channel; the norm's own bias
        does its work. The bias costs parameters and memory and learns nothing.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3}
          - BatchNorm2d
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3, bias: false}
          - BatchNorm2d
          - ReLU

    Limits:
        Where a mean is of several channels, as that of a group norm with more than one a group, or of a layer norm over
        the features of a linear map, a bias per channel is not lost. A max pool or an adaptive pool between changes
        nothing. The fix is unsafe, as the bias's key leaves the `state_dict`.
    """

    code = "SC301"

    def check(self, network: Network) -> Iterator[Finding]:
        pairs = [(n, _norm_behind(network, n)) for n in network.having("affine") if getattr(n.op, "bias", False)]
        needed = {node.owner.index for node, norm in pairs if norm is None}
        for node, norm in pairs:
            if norm is None or node.owner.index in needed or _tied(network, node):
                continue
            value = _bias_value(node, norm)
            edit = set_argument(network.source, node.child, "bias", value) if node.child and value else None
            yield Finding(
                node,
                f"the bias is taken away again by {norm.op_name} {norm.path}: {_saved(network, node)} do nothing",
                argument="bias",
                help=f"write `bias: {(value or 'false').strip(chr(34))}`",
                fix=Fix(f"set `bias: {value}`", (edit,)) if edit else None,
                related=((norm, "this norm subtracts the mean of each channel"),),
            )


def _norm_behind(network: Network, node: Node) -> Node | None:
    """The norm that subtracts a mean for each number of the bias, where nothing else reads what the layer gives."""
    op: Any = node.op
    shape: Any = node.outputs[0].shape
    axis = len(shape) - (1 if has(node, "linear") else 1 + op.rank)
    norm: Any = network.only_user(node)
    while norm is not None and has(norm, "passes_shift") and not _pools_along(norm, axis):
        norm = network.only_user(norm)
    if norm is None or not has(norm, "norm"):
        return None
    shape = norm.inputs[0].shape
    if norm.op.measured(shape) == 1:  # which leaves nothing of the layer at all
        return None
    return norm if norm.op.centres(shape, axis) else None


def _pools_along(node: Node, axis: int) -> bool:
    """Whether a pool takes several places along an axis as one."""
    op: Any = node.op
    shape: Any = node.outputs[0].shape
    return has(node, "pool", "adaptive") and axis >= len(shape) - op.rank


def _tied(network: Network, node: Node) -> bool:
    return bool(node.ties) or (network.shared(node) and node.owner is not node)


def _saved(network: Network, node: Node) -> str:
    weights = network.layer(node).weights or {}
    (bias,) = weights["bias"]
    return f"{bias} parameter{'s' * (bias != 1)}"


def _bias_value(node: Node, norm: Node) -> str | None:
    """What `bias` has to be so that it is false where the norm is there, which may depend on a condition."""
    when, own = (n.child.wiring.get("when") if n.child else None for n in (norm, node))
    if not isinstance(when, Scalar) or (isinstance(own, Scalar) and own.text == when.text):
        return "false"
    if node.path.rpartition(".")[0] != norm.path.rpartition(".")[0] or '"' in when.text:
        return None
    return f"not {when.text}" if when.text.isidentifier() else f'"not ({when.text})"'


class NormOfOneValue(Rule):
    """a norm over a single value gives nothing but its bias

    Why:
        The mean of a single value is that value, and what is left of it is 0: the layer gives its bias whatever
        arrives, and no gradient comes through. Mostly the norm stands behind a global pool, or looks along the wrong
        axis.

    Bad:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - AdaptiveAvgPool2d: 1
          - GroupNorm: 64
          - Flatten
          - Linear: 10

    Good:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - GroupNorm: 64
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10

    Limits:
        Known sizes only. Where the number depends on the batch, batch-of-one judges it. What torch refuses in
        evaluation too is one-value-per-channel, an error.
    """

    code = "SC307"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("norm"):
            op: Any = node.op
            x = node.inputs[0].shape if node.inputs and node.inputs[0] else None
            if x is None or op.measured(x) != 1:
                continue
            shown = f"[{', '.join(map(str, x))}]"
            yield Finding(
                node,
                f"each mean is taken of a single value of {shown}, so that nothing but the bias comes out",
                help="normalise before the sizes become 1, over another axis, or not at all",
            )


class BatchOfOne(Rule):
    """batch norm with a batch, or a last batch, of one sample

    Why:
        Batch norm learns from the statistics of a batch. Of one sample they are noise, and differ from the tracked
        ones that evaluation takes; of one value for each channel torch refuses to take any.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, bias: false}
          - BatchNorm2d
          - ReLU
        train: {batch_size: 1}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 3, bias: false}
          - BatchNorm2d
          - ReLU
        train: {batch_size: 32}

    Limits:
        A last batch of one is told where the number of training samples is known (MNIST and its kin, CIFAR,
        scikit-learn's digits) and torch would stop there: where a channel has one value a sample. Gradients that
        are gathered over several batches do not help the statistics.
    """

    code = "SC601"

    def check(self, network: Network) -> Iterator[Finding]:
        plan = Plan(network)
        batch, place = plan.number("batch_size"), plan.place("batch_size")
        if batch is None:
            return
        norms = [n for n in network.having("batch_norm") if _values(n, 1) is not None]
        if not norms:
            return
        alone = next((n for n in norms if _values(n, 1) == 1), None)
        if batch == 1:
            yield _single(alone, norms, place)
        elif alone is not None and plan.dataset and batch > 0 and plan.dataset[0] % batch == 1:
            yield Finding(
                alone,
                f"{plan.dataset[0]:,} samples in batches of {batch:,} leave one over, and of one sample "
                f"{alone.op_name} {alone.path} gets a single value for each channel, which torch refuses in training",
                place=place,
                help="take another batch size, or leave the last batch out",
                related=((alone, "gets one value for each channel of a sample"),),
            )


def _single(alone: Node | None, norms: list[Node], place: Scalar | None) -> Finding:
    norm = alone or norms[0]
    more = f" and {len(norms) - 1} more" if len(norms) > 1 else ""
    trouble = (
        f"{norm.op_name} {norm.path} gets a single value for each channel, which torch refuses in training"
        if alone
        else f"{norm.op_name} {norm.path}{more} learn{'' if more else 's'} from statistics of one sample, "
        "and evaluation takes others"
    )
    help = "take larger batches, or GroupNorm, which looks at each sample by itself"
    return Finding(
        norm, f"in batches of one {trouble}", place=place, help=help, related=((norm, "normalises over the batch"),)
    )


def _values(norm: Node, batch: int) -> int | str | None:
    """Values for each channel in a batch of that size; "unknown", or None where they do not depend on the batch."""
    from shapecalc.dims.decide import evaluate
    from shapecalc.dims.sym import Sym, UnknownSize

    op: Any = norm.op
    x = norm.inputs[0].shape if norm.inputs[0] is not None else None
    values = op.measured(x)
    if not isinstance(values, Sym):
        return None
    try:
        return evaluate(values, {"N": batch})
    except UnknownSize:
        return "unknown"


PAGES = {rule.code: rule for rule in (BiasBeforeNorm, NormOfOneValue, BatchOfOne)}
