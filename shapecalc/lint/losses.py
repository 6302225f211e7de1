"""Rules on the end of a network and its loss: probabilities taken twice, and outputs that a loss does not take.

A loss is a layer of the network, or named in the `train` section, where it takes the network's only output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has, maker
from shapecalc.lint.plan import Plan
from shapecalc.lint.removal import removal
from shapecalc.lint.rule import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Node, Wire
    from shapecalc.lint.network import Network
    from shapecalc.ops.op import Operator
    from shapecalc.source.diagnostic import Fix
    from shapecalc.source.located import Scalar

SHARES = ("softmax", "log_softmax", "sigmoid")


class Compared:
    """A value and the loss that it goes into: a layer of the network, or the operator that `place` names."""

    __slots__ = ("name", "node", "place", "plan", "roles", "wire")

    def __init__(self, loss: type[Operator], wire: Wire, node: Node | None, plan: Plan) -> None:
        self.name = loss.__name__
        self.roles = loss.roles
        self.wire = wire
        self.node = node
        self.plan = plan
        self.place: Scalar | None = None if node else plan.place("loss")

    def finding(self, at: Node | None, message: str, help: str) -> Finding:
        """A finding at the loss, wherever it is named."""
        related = ((at, "this layer makes what the loss takes"),) if at else ()
        return Finding(self.node or at, message, place=self.place, help=help, related=related)


def compared(network: Network) -> Iterator[Compared]:
    """What losses take: in the network, and by its `train` section."""
    plan = Plan(network)
    for node in network.having("loss"):
        if node.inputs[0] is not None and node.op is not None:
            yield Compared(type(node.op), node.inputs[0], node, plan)
    outputs, loss = network.graph.outputs, plan.loss
    if loss is not None and len(outputs) == 1 and not (outputs[0].node and has(outputs[0].node, "loss")):
        yield Compared(loss, outputs[0], None, plan)


class SoftmaxBeforeLoss(Rule):
    """softmax or sigmoid before a loss that applies it itself

    Why:
        Cross entropy takes scores and applies softmax (or sigmoid) itself. Of probabilities it sees scores between 0
        and 1, so that it can never come near 0: of 10 classes it stays above 1.46, and gradients stay small.

    Bad:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 10
          - Softmax: 1
        train: {loss: cross_entropy}

    Good:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 10
        train: {loss: cross_entropy}

    Limits:
        A loss in the network, or the one in `train` where the network has one output. A softmax over another axis than
        that of the classes is none of the loss's. LogSoftmax before CrossEntropyLoss changes nothing but the time.
    """

    code = "SC302"

    def check(self, network: Network) -> Iterator[Finding]:
        for case in compared(network):
            node = maker(case.wire, "identity", "reshape")
            if "takes_scores" not in case.roles or node is None or not has(node, *SHARES):
                continue
            if "by_class" in case.roles and not _over_classes(node, case.wire):
                continue
            twice = f"{case.name} applies its own, and takes scores"
            yield Finding(
                node,
                twice + (_floor(case.wire) if has(node, "softmax") and "by_class" in case.roles else ""),
                help="leave it out in training; apply it to the scores where probabilities are wanted",
                fix=removal(network, node) if _unused_elsewhere(network, node, case) else None,
                related=((case.node, "the loss"),) if case.node else (),
            )


def _over_classes(node: Node, wire: Wire) -> bool:
    """Whether a softmax runs over the axis of classes; through a reshape that is told by its size."""
    axis = getattr(node.op, "axis", None)
    if axis is None:
        return True
    made: Any = node.outputs[0].shape
    shape: Any = wire.shape
    classes = min(1, len(shape) - 1)
    return bool(made[axis] == shape[classes] and (axis == classes or made != shape))


def _floor(wire: Wire) -> str:
    """The least loss that cross entropy can have of probabilities: all on the right class."""
    from math import e, log

    shape: Any = wire.shape
    classes = shape[min(1, len(shape) - 1)]
    if not isinstance(classes, int) or classes < 2:
        return ""
    return f": of probabilities of {classes} classes the loss never falls below {log(e + classes - 1) - 1:.2f}"


def _unused_elsewhere(network: Network, node: Node, case: Compared) -> bool:
    """Whether nothing but the loss takes a layer's output, so that it may go."""
    wire = node.outputs[0]
    return case.node is None or (len(network.users(wire)) == 1 and not network.is_output(wire))


class RepeatedSoftmax(Rule):
    """softmax of what is a softmax already

    Why:
        Probabilities lie between 0 and 1, so a second softmax makes them nearly equal: of 10 classes the surest answer
        comes out at 0.23. LogSoftmax of probabilities are no log-probabilities; of log-probabilities it changes
        nothing.

    Bad:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 10
          - Softmax: 1
          - LogSoftmax: 1

    Good:
        shapecalc: 1
        input: [784]
        layers:
          - Linear: 10
          - LogSoftmax: 1

    Limits:
        Over the same axis, with nothing between; of shares over one axis those over another are meant.
    """

    code = "SC303"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in sorted(network.having("softmax", "log_softmax"), key=lambda n: n.index):
            first: Any = network.before(node, "identity")
            if first is None or not has(first, "softmax", "log_softmax") or not _same_axis(first, node):
                continue
            effect = (
                "so that one of them does nothing"
                if has(first, "log_softmax")
                else "and this makes its probabilities nearly equal"
            )
            alike = has(first, "log_softmax") == has(node, "log_softmax")
            keep = first if alike else node
            yield Finding(
                node,
                f"{first.op_name} {first.path} has been applied already, {effect}",
                help=f"keep the {keep.op_name} alone",
                fix=removal(network, node) if alike else _removal_before(network, first),
                related=((first, "the first of the two"),),
            )


def _same_axis(first: Node, second: Node) -> bool:
    return bool(getattr(first.op, "axis", None) == getattr(second.op, "axis", None))


def _removal_before(network: Network, first: Node) -> Fix | None:
    """The fix that takes out the first of two, where its text makes no other layer and nothing else reads it."""
    alone = sum(n.child is first.child for n in network.nodes) == 1
    return removal(network, first) if alone and network.only_user(first) else None


class LossDoesNotFit(Rule):
    """loss and output of the network do not fit

    Why:
        A loss takes outputs of a certain shape and range: classes on axis 1, log-probabilities, values between 0 and
        1. Others are refused when training begins, or, worse, trained on.

    Bad:
        shapecalc: 1
        input: [16]
        layers:
          - Linear: 32
          - ReLU
          - Linear: 1
        train: {loss: cross_entropy}

    Good:
        shapecalc: 1
        input: [16]
        layers:
          - Linear: 32
          - ReLU
          - Linear: 1
        train: {loss: bce_with_logits}

    Limits:
        Losses by torch's names, of the class or the function; what the last layer gives is told where it is a learned
        map, a norm, a ReLU, softmax or sigmoid. Numbers of classes of known data sets only.
    """

    code = "SC602"

    def check(self, network: Network) -> Iterator[Finding]:
        for case in compared(network):
            last = maker(case.wire, "identity", "reshape")
            problem = _of_shape(case) or _of_range(case, last) or _of_data(case)
            if problem:
                yield case.finding(last, *problem)


def _of_shape(case: Compared) -> tuple[str, str] | None:
    shape: Any = case.wire.shape
    if "by_class" not in case.roles or shape is None:
        return None
    if len(shape) < 2 and case.node is None:
        shown = f"[{', '.join(map(str, shape))}]"
        return f"{case.name} takes [N, classes, ...], and the output is {shown}", "give a score for each class"
    if shape and shape[min(1, len(shape) - 1)] == 1:
        help = "use BCEWithLogitsLoss for yes or no, or as many outputs as classes"
        return f"{case.name} of a single class is 0 whatever the network says", help
    return None


def _of_range(case: Compared, last: Node | None) -> tuple[str, str] | None:
    """A range that the loss does not take, where the last layer tells the range."""
    if last is None:
        return None
    any_number = has(last, "affine", "norm")
    if "takes_log_probabilities" in case.roles and (any_number or has(last, "softmax", "sigmoid", "rectifier")):
        what = "scores" if any_number else "no logarithms"
        help = "put LogSoftmax behind the scores, or take CrossEntropyLoss of the scores"
        return f"{case.name} takes log-probabilities, and {last.op_name} {last.path} gives {what}", help
    if "takes_probabilities" in case.roles and (any_number or has(last, "rectifier", "log_softmax")):
        help = "put Sigmoid behind it, or take BCEWithLogitsLoss"
        return f"{case.name} takes values from 0 to 1, and {last.op_name} {last.path} gives others", help
    return None


def _of_data(case: Compared) -> tuple[str, str] | None:
    """More classes in the data than the output has; or a loss of values where the targets are numbers of classes."""
    due, shape = case.plan.classes, case.wire.shape
    if case.node is not None or due is None or shape is None or len(shape) < 2:
        return None
    outputs = shape[1]
    if "by_class" in case.roles:
        if not isinstance(outputs, int) or outputs >= due:
            return None
        return f"the data has {due} classes, and the output {outputs}", f"give {due} scores"
    if case.plan.dataset and "by_value" in case.roles and len(shape) == 2 and outputs == due:
        help = "use CrossEntropyLoss"
        return f"{case.name} compares values, and the targets of this data set are numbers of classes", help
    return None


PAGES = {rule.code: rule for rule in (SoftmaxBeforeLoss, RepeatedSoftmax, LossDoesNotFit)}
