"""Rules on dropout: what it does to a batch norm behind it, and to what the network gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.lint.network import has, maker
from shapecalc.lint.removal import removal
from shapecalc.lint.rule import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network


class DropoutBeforeBatchNorm(Rule):
    """dropout shifts the variance that batch norm behind it measures

    Why:
        Dropout with p scales what it keeps by 1 / (1 - p): the mean stays, and the variance grows by at least that
        factor. Batch norm tracks the variance of training and divides by it in evaluation, where nothing is dropped
        (Li, Chen, Hu and Yang 2019, "Understanding the Disharmony between Dropout and Batch Normalization by Variance
        Shift").

    Bad:
        shapecalc: 1
        input: [64]
        layers:
          - Linear: {out_features: 32, bias: false}
          - Dropout
          - BatchNorm1d
          - ReLU
          - Linear: 10

    Good:
        shapecalc: 1
        input: [64]
        layers:
          - Linear: {out_features: 32, bias: false}
          - BatchNorm1d
          - ReLU
          - Dropout
          - Linear: 10

    Limits:
        Only where batch norm stands right behind: with a learned layer between, the effect is smaller, and networks
        are published so. Alpha dropout keeps the variance. Nothing shifts where no statistics are tracked.
    """

    code = "SC308"

    def check(self, network: Network) -> Iterator[Finding]:
        for norm in network.having("batch_norm"):
            node = network.before(norm, "identity", "reshape")
            op: Any = node.op if node else None
            if node is None or not _drops(node) or has(node, "keeps_variance") or op.p >= 1:
                continue
            if not getattr(norm.op, "track_running_stats", True):
                continue
            factor = f"{1 / (1 - op.p):.3g}"
            yield Finding(
                node,
                f"p = {op.p:g} makes the variance in training at least {factor} times that in evaluation, and "
                f"{norm.op_name} {norm.path} tracks it",
                argument="p",
                help="put the dropout behind the norm and its activation, or behind the last batch norm",
                related=((norm, "this norm tracks the variance of training"),),
            )


class DropoutOnOutput(Rule):
    """dropout on an output of the network

    Why:
        What is dropped here is an answer: in training scores are zeros at random and the others are too large, so
        that the loss is of numbers that the network does not mean. Dropout belongs before the last layer.

    Bad:
        shapecalc: 1
        input: [64]
        layers:
          - Linear: 32
          - ReLU
          - Linear: 10
          - Dropout: 0.5

    Good:
        shapecalc: 1
        input: [64]
        layers:
          - Linear: 32
          - ReLU
          - Dropout: 0.5
          - Linear: 10

    Limits:
        Outputs of the network, and what a loss in it compares; a softmax or sigmoid between changes nothing. A piece
        that another network goes on from is better written as a block.
    """

    code = "SC309"

    def check(self, network: Network) -> Iterator[Finding]:
        wires = [*network.graph.outputs, *(n.inputs[0] for n in network.having("loss") if n.inputs)]
        makers = [maker(w, "identity", "reshape", "softmax", "log_softmax", "sigmoid") for w in wires]
        for node in dict.fromkeys(makers):
            if node is None or not _drops(node):
                continue
            op: Any = node.op
            yield Finding(
                node,
                f"in training {op.p:.3g} of the values of an output are zeros",
                argument="p",
                help="put it before the last layer",
                fix=removal(network, node),
            )


def _drops(node: Node) -> bool:
    return has(node, "dropout") and getattr(node.op, "p", 0) > 0


PAGES = {rule.code: rule for rule in (DropoutBeforeBatchNorm, DropoutOnOutput)}
