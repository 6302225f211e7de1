"""Rules on what nothing uses: layers, params, blocks, labels; and on references that will not last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapecalc.lint.edit import remove_pair
from shapecalc.lint.rule import Finding, Rule
from shapecalc.lint.words import WORD, hidden, scalars, words_of
from shapecalc.ops.registry import MODULES
from shapecalc.source.diagnostic import SAFE, Fix
from shapecalc.source.located import Pairs, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapecalc.lint.network import Network

NUMBERED = re.compile(r"(?:[^\W\d]\w*\.)*(?:\w+\.)*\d+(?:\.\w+)*")


class UnusedLayer(Rule):
    """a layer whose output nothing uses

    Why:
        Nothing reads what the layer computes, and it is no output of the network: it costs time and parameters, and
        its weights never learn. Mostly a `from` names the wrong layer.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          stem: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          left: {Conv2d: {out_channels: 8, kernel_size: 1}, from: stem}
          right: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}, from: stem}
          add: {Add: [stem, right]}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          stem: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          left: {Conv2d: {out_channels: 8, kernel_size: 1}, from: stem}
          right: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}, from: stem}
          add: {Add: [left, right]}

    Limits:
        Of a chain that leads nowhere the last layer is told. A layer with several outputs counts as used when one is.
    """

    code = "SC318"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.unused:
            params = network.layer(node).params
            cost = f"; its {params:,} parameters never learn" if isinstance(params, int) and params else ""
            yield Finding(node, f"nothing uses the output of {node.path}{cost}", help="use it, or take the layer out")


class UnusedParam(Rule):
    """a param that nothing reads

    Why:
        Whoever sets it with `--set`, or reads the spec, believes that it does something.

    Bad:
        shapecalc: 1
        params: {classes: 10, width: 32}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: width, kernel_size: 3}
          - ReLU
          - Flatten
          - Linear: 10

    Good:
        shapecalc: 1
        params: {classes: 10, width: 32}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: width, kernel_size: 3}
          - ReLU
          - Flatten
          - Linear: classes

    Limits:
        A param counts as read where its name stands anywhere else in the spec, be it in another sense; only what a loop
        binds by that name is told apart, and that only where the spec has no aliases. A block's param is not taken out
        where a use may give it: the first one, and one whose name stands elsewhere.
    """

    code = "SC319"

    def check(self, network: Network) -> Iterator[Finding]:
        spec = network.spec
        yield from _unread(network, spec.root, lambda word: network.survey.count(word), "nothing reads the param")
        blocks = spec.root.get("blocks")
        for name, block in blocks.pairs if isinstance(blocks, Pairs) else ():
            if isinstance(block, Pairs) and isinstance(block.get("params"), Pairs):
                yield from _unread(network, block, words_of(block).count, f"{name.text} never reads its param")


def _unread(network: Network, owner: Pairs, count: Callable[[str], int], says: str) -> Iterator[Finding]:
    """Findings on the params of a spec or a block, of which `count` tells how often a word stands there."""
    params = owner.get("params")
    for number, (key, _) in enumerate(params.pairs if isinstance(params, Pairs) else ()):
        if count(key.text) - _hidden(network, owner, key.text) == 1:
            given = owner is not network.spec.root and (number == 0 or network.survey.count(key.text) > 1)
            edit = None if given else remove_pair(network.source, network.spec.root, key)
            fix = Fix(f"take {key.text} out", (edit,), SAFE) if edit else None
            yield Finding(None, f"{says} {key.text}", place=key, help="use it, or take it out", fix=fix)


def _hidden(network: Network, owner: Pairs, word: str) -> int:
    """How often a word is a loop's own name there; 0 where an alias may read the same text outside of the loop."""
    return hidden(owner, word) if network.survey.binds(word) and not network.aliased else 0


class UnusedBlock(Rule):
    """a block that nothing uses

    Why:
        It is read by people and by nothing else.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        blocks:
          Down:
            params: {out: 8}
            layers:
              - Conv2d: {out_channels: out, kernel_size: 2, stride: 2}
        layers:
          - Conv2d: {out_channels: 8, kernel_size: 2, stride: 2}
          - Flatten

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        blocks:
          Down:
            params: {out: 8}
            layers:
              - Conv2d: {out_channels: out, kernel_size: 2, stride: 2}
        layers:
          - Down: 8
          - Flatten

    Limits:
        A block counts as used where its name stands anywhere else in the spec.
    """

    code = "SC320"

    def check(self, network: Network) -> Iterator[Finding]:
        blocks = network.spec.root.get("blocks")
        for key, value in blocks.pairs if isinstance(blocks, Pairs) else ():
            if network.survey.count(key.text) - words_of(value).count(key.text) == 1:
                edit = remove_pair(network.source, network.spec.root, key)
                fix = Fix(f"take {key.text} out", (edit,), SAFE) if edit else None
                yield Finding(None, f"nothing uses the block {key.text}", place=key, help="take it out", fix=fix)


class UnusedLabel(Rule):
    """a label that nothing names

    Why:
        `as` promises a reference that does not come: somebody took it away, or names another layer by mistake.

    Bad:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          - {ReLU: , as: skip}
          - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}

    Good:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          - {ReLU: , as: skip}
          - {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}, as: body}
          - Add: [body, skip]

    Limits:
        A label whose name stands anywhere else in the spec counts as used; one that is made of expressions where any
        word there is of its form, or another text with expressions may be.
    """

    code = "SC321"

    def check(self, network: Network) -> Iterator[Finding]:
        for label in _scalars_under(network, "as"):
            if not _may_be_named(network, label.text):
                edit = remove_pair(network.source, network.spec.root, label)
                fix = Fix(f"take the label {label.text} out", (edit,), SAFE) if edit else None
                yield Finding(None, f"nothing names the label {label.text}", place=label, fix=fix)


def _may_be_named(network: Network, label: str) -> bool:
    return network.survey.count(label) > 1 if WORD.fullmatch(label) else network.mentions.may_be(label)


class ReferenceByNumber(Rule):
    """a reference by number moves when a layer is added

    Why:
        `features.4` is the fifth layer today. A layer put in before it makes it another one, and nothing complains as
        long as the sizes fit.

    Bad:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          features:
            - ReLU
            - Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}
          add: {Add: [features.0, features.1]}

    Good:
        shapecalc: 1
        input: [8, 32, 32]
        layers:
          features:
            act: ReLU
            conv: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
          add: {Add: [features.act, features.conv]}

    Limits:
        `from`, `share`, `output` and the operands of merges are looked at.
    """

    code = "SC322"

    def check(self, network: Network) -> Iterator[Finding]:
        seen: set[int] = set()
        for scalar in _references(network):
            if isinstance(scalar.value, str) and NUMBERED.fullmatch(scalar.text) and id(scalar) not in seen:
                seen.add(id(scalar))
                message = f"{scalar.text} names a layer by its number, which moves when a layer is added before it"
                yield Finding(None, message, place=scalar, help="give the layers names, or that one a label with `as`")


def _references(network: Network) -> Iterator[Scalar]:
    """The scalars that name layers: of `from`, `share`, `output`, and the operands of merges."""
    for key in ("from", "share", "output"):
        yield from _scalars_under(network, key)
    merges = [node.child for node in network.nodes if node.op is not None and node.op.merging]
    for child in dict.fromkeys(merges):
        if child is not None and child.argument is not None:
            yield from scalars(child.argument)


class SilentBroadcast(Rule):
    """an axis of size 1 is broadcast without being asked

    Why:
        Where each of two operands is stretched along an axis of the other, the result is a table of all pairs. Mostly a
        `[N, 1]` met a `[N]`, and a network that trains badly is all that shows it.

    Bad:
        shapecalc: 1
        input: {scores: [8, 1], weights: [1, 8]}
        layers:
          scaled: {Mul: [scores, weights]}

    Good:
        shapecalc: 1
        input: {scores: [8, 1], weights: [8, 1]}
        layers:
          scaled: {Mul: [scores, weights]}

    Limits:
        One operand that is stretched to the other's shape is what a gate does, and is not told; nor are learned tensors
        and layers with `broadcast: true`. Add and Sub ask for `broadcast: true` themselves.
    """

    code = "SC325"

    def check(self, network: Network) -> Iterator[Finding]:
        for node in network.having("elementwise_merge"):
            if getattr(node.op, "broadcast", False):
                continue
            shape = node.outputs[0].shape
            taken = [w for w in node.inputs if w is not None and not w.free and w.shape != shape]
            if len(taken) > 1 and all(w.shape is not None for w in taken):
                shown = " and ".join(f"[{', '.join(map(str, w.shape or ()))}]" for w in taken)
                result = f"[{', '.join(map(str, shape or ()))}]"
                yield Finding(node, f"{shown} are stretched along each other to {result}", help="is that meant?")


class ShadowedOperator(Rule):
    """a block has the name of an operator, which it hides

    Why:
        The block is meant wherever the name stands. Whoever reads the spec knows torch's class of that name and expects
        that one.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        blocks:
          Unfold:
            params: {out: 8}
            layers:
              - Conv2d: {out_channels: out, kernel_size: 2, stride: 2}
        layers:
          - Unfold: 8

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        blocks:
          Patches:
            params: {out: 8}
            layers:
              - Conv2d: {out_channels: out, kernel_size: 2, stride: 2}
        layers:
          - Patches: 8

    Limits:
        A spec goes on to mean what it meant when a later version of the program gets an operator of that name.
    """

    code = "SC328"

    def check(self, network: Network) -> Iterator[Finding]:
        blocks = network.spec.root.get("blocks")
        for key, _ in blocks.pairs if isinstance(blocks, Pairs) else ():
            if key.text in MODULES:
                yield Finding(
                    None, f"block {key.text} hides the operator {key.text}", place=key, help="rename the block"
                )


def _scalars_under(network: Network, name: str) -> Iterator[Scalar]:
    """The scalars in the values of all keys of that name."""
    for value in network.survey.under(name):
        yield from scalars(value)


PAGES = {
    rule.code: rule
    for rule in (
        UnusedLayer,
        UnusedParam,
        UnusedBlock,
        UnusedLabel,
        ReferenceByNumber,
        SilentBroadcast,
        ShadowedOperator,
    )
}
