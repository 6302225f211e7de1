"""A layer -> the fix that takes it out of its sequence, where the text says for certain what is left. Knows no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.lint.edit import remove_layer
from shapecalc.source.diagnostic import SAFE, UNSAFE, Fix
from shapecalc.source.spec import Child, Loop, Nest

if TYPE_CHECKING:
    from shapecalc.graph.graph import Node
    from shapecalc.lint.network import Network
    from shapecalc.source.spec import Body, Spec


def removal(network: Network, node: Node, *, same_outputs: bool = False) -> Fix | None:
    """The fix that takes a layer out; None where it is wired, named, the only one of its sequence, or a branch.

    It is safe where the outputs stay the same without the layer and no later layer gets another number.
    """
    child = node.child
    if child is None or child.wiring or child.bodies:
        return None
    home = _home(network.spec, child)
    if home is None or len(home[0].children) < 2:
        return None
    edit = remove_layer(network.source, network.spec.root, child)
    body, looping = home
    numbered = not body.named and (looping or body.children[-1] is not child)
    safety = SAFE if same_outputs and not numbered else UNSAFE
    return Fix(f"remove {node.op_name}", (edit,), safety) if edit else None


def _home(spec: Spec, child: Child) -> tuple[Body, bool] | None:
    """The sequence that holds a child, and whether it is a loop's; None where the child is a branch of a merge."""
    waiting = [(spec.body, False, False)]
    waiting += [(b.body, b.merge is not None, False) for b in spec.blocks.values() if b.body is not None]
    while waiting:
        body, branching, looping = waiting.pop()
        for each in body.children:
            if each is child:
                return None if branching else (body, looping)
            if isinstance(each, Child):
                waiting += [(inner, key == "branches", False) for key, inner in each.bodies.items()]
            elif isinstance(each, Nest):
                waiting.append((each.body, False, False))
            elif isinstance(each, Loop):
                waiting.append((each.body, branching, True))
    return None
