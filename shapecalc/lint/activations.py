"""Rules on activations: one that does nothing, and one that cuts off what should pass."""

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


class RepeatedActivation(Rule):
    """the same activation twice in a row

    Why:
        A second ReLU finds nothing to cut off; a second Sigmoid or Tanh squashes what is squashed already, and its
        gradient is small everywhere; a second LeakyReLU only makes its slope smaller. Mostly one of the two was left
        over from a change.

    Bad:
        shapecalc: 1
        input: [16]
        layers:
          - Linear: 32
          - ReLU
          - ReLU
          - Linear: 10

    Good:
        shapecalc: 1
        input: [16]
        layers:
          - Linear: 32
          - ReLU
          - Linear: 10

    Limits:
        The same class with the same arguments, with nothing, or nothing but a change of shape, between; of those that
        do nothing twice also with dropout between. The fix is safe for these where no later layer gets another number.
    """

    code = "SC305"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("activation"):
            idle = has(node, "idempotent")
            first = network.before(node, "identity", "reshape", *["dropout"] * idle)
            if first is None or not _same(first, node) or node.outputs[0].shape != _arriving(node):
                continue
            effect = "so this one does nothing" if idle else "and this one applies it again"
            yield Finding(
                node,
                f"{first.op_name} {first.path} has been applied already, {effect}",
                help="leave one of them out",
                fix=removal(network, node, same_outputs=idle),
                related=((first, "the first of the two"),),
            )


def _same(a: Node, b: Node) -> bool:
    """Whether two layers compute the same function: their class and arguments, overwriting left aside."""
    if a.op is None or b.op is None or type(a.op) is not type(b.op) or a.op.weights():
        return False
    names = [x.name for x in a.op.attributes if x.name != "inplace"]
    return all(getattr(a.op, name) == getattr(b.op, name) for name in names)


def _arriving(node: Node) -> Any:
    return node.inputs[0].shape if node.inputs[0] is not None else None


class ActivationAfterLastLayer(Rule):
    """scores of a classifier cut off by an activation

    Why:
        A loss on scores wants them to run over all numbers: behind a ReLU the network cannot say "surely not", and
        where all scores of a sample are cut off, no gradient is left.

    Bad:
        shapecalc: 1
        input: [784]
        layers:
          - for width in [128, 64, 10]:
              - Linear: width
              - ReLU

    Good:
        shapecalc: 1
        input: [784]
        layers:
          - for width in [128, 64]:
              - Linear: width
              - ReLU
          - Linear: 10

    Limits:
        ReLU and ReLU6 on what goes into a cross entropy, in the network or by `train: {loss: ...}`. Without a loss: on
        the only output, [N, C], of a last layer that narrows, behind others; a network that gives features, not
        scores, is taken for a classifier then. An activation before the global pool, as NiN and SqueezeNet have
        it, is none on the scores.
    """

    code = "SC306"

    def check(self, network: Network) -> Iterator[Finding]:
        for wire, certain in _scores(network):
            node = maker(wire, "identity", "reshape")
            if node is None or not has(node, "rectifier"):
                continue
            last = network.before(node, "identity", "reshape", "adaptive", "dropout")
            if last is None or not has(last, "affine") or not (certain or _narrows(network, last, wire)):
                continue
            yield Finding(
                node,
                f"{node.op_name} cuts off the negative ones of the scores of {last.op_name} {last.path}",
                help="leave it out: a loss on scores wants all numbers",
                fix=removal(network, node),
                related=((last, "this layer makes the scores"),),
            )


def _scores(network: Network) -> Iterator[tuple[Wire, bool]]:
    """Values that are scores: into a loss of scores for certain, an only output without a loss perhaps."""
    for loss in network.having("takes_scores"):
        if loss.inputs[0] is not None:
            yield loss.inputs[0], True
    plan = Plan(network)
    certain = plan.loss is not None and "takes_scores" in plan.loss.roles
    other = plan.place("loss") is not None and not certain
    if len(network.graph.outputs) == 1 and not other:
        yield network.graph.outputs[0], certain


def _narrows(network: Network, last: Node, wire: Wire) -> bool:
    """Whether a layer looks like the last one of a classifier: fewer classes than features, behind other layers."""
    y: Any = wire.shape or ()
    x: Any = _arriving(last) or ()
    arriving = x[-1] if has(last, "linear") else x[1] if len(x) > 1 else 0
    if len(y) != 2 or not isinstance(y[1], int) or not isinstance(arriving, int):
        return False
    return 1 < y[1] < arriving and next(network.having("affine")) is not last


class RectifierBeforeAdd(Rule):
    """a rectifier between the last norm of a branch and the add

    Why:
        Behind a ReLU the branch of a residual block can only add, never take away, so that values grow from block to
        block; of the variants that He et al. 2016 ("Identity Mappings in Deep Residual Networks") compare, it has
        nearly twice the excess error. The ReLU belongs behind the sum, or before the convolutions.

    Bad:
        shapecalc: 1
        input: [16, 8, 8]
        layers:
          - Residual:
              body:
                - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
                - BatchNorm2d
                - ReLU
                - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
                - BatchNorm2d
                - ReLU

    Good:
        shapecalc: 1
        input: [16, 8, 8]
        layers:
          - Residual:
              body:
                - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
                - BatchNorm2d
                - ReLU
                - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
                - BatchNorm2d
          - ReLU

    Limits:
        ReLU and ReLU6 in a body without branches, whose shortcut is the body's input or a linear map of it. Sums of a
        decoder with an encoder, whose body leaves the size and comes back, are none of a residual block.
    """

    code = "SC317"

    def check(self, network: Network) -> Iterator[Finding]:
        for add in network.having("sum"):
            wires = [w for w in add.inputs if w is not None]
            for wire in wires:
                node = maker(wire, "identity")
                if node is None or not has(node, "rectifier") or network.behind(node, "identity") is not add:
                    continue
                norm = network.before(node, "identity")
                shortcuts = [_source(w) for w in wires if w is not wire]
                if norm is None or not has(norm, "norm") or not _begins_at(network, node, shortcuts):
                    continue
                yield Finding(
                    node,
                    f"behind {node.op_name} the branch can add to the shortcut of {add.path}, but take nothing away",
                    help="put it behind the sum",
                    fix=removal(network, node),
                    related=((norm, "the last norm of the branch"), (add, "the sum")),
                )


def _source(wire: Wire) -> Wire | None:
    """Where a shortcut begins: behind its linear maps, norms and pools."""
    found: Wire | None = wire
    while found is not None and found.node is not None and has(found.node, "affine", "norm", "pool", "identity"):
        found = found.node.inputs[0] if found.node.inputs else None
    return found


def _begins_at(network: Network, node: Node, shortcuts: list[Wire | None]) -> bool:
    """Whether a plain chain leads from where a shortcut begins to `node`, by no size but those of its two ends."""
    end = node.outputs[0].shape
    sizes: list[Any] = []
    current = node
    while len(current.inputs) == 1 and current.inputs[0] is not None:
        wire = current.inputs[0]
        if any(wire is s for s in shortcuts):
            ends = (_places(wire.shape), _places(end))
            return all(_places(size) in ends for size in sizes)
        if wire.node is None or len(network.users(wire)) != 1:
            return False
        sizes.append(wire.shape)
        current = wire.node
    return False


def _places(shape: Any) -> Any:
    return shape[2:] if shape is not None else None


PAGES = {rule.code: rule for rule in (RepeatedActivation, ActivationAfterLastLayer, RectifierBeforeAdd)}
