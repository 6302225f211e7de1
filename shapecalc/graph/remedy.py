"""A broken need -> the change of the text that would keep it: the size that arrives, or a switch turned round.

Asks the operator alone what it would read off its input, and whether the other position of a switch fits; it knows no
operator in particular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.decide import at_least_zero, equal
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED
from shapecalc.source.diagnostic import UNSAFE, Fix
from shapecalc.source.edit import set_argument
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shapecalc.graph.elaborate import Walk
    from shapecalc.graph.graph import Node
    from shapecalc.ops.op import Attribute, Need, Operator, Shape
    from shapecalc.source.text import Source


def remedy(walk: Walk, op: Operator, node: Node, need: Need, xs: tuple[Shape, ...]) -> Fix | None:
    """The unsafe fix of the argument that a broken need blames; None where no other value is certain to be right."""
    blamed = next((a for a in op.attributes if a.name == need[0].attribute), None)
    if blamed is None or node.child is None or need[0].relation is AT_LEAST_ZERO:
        return None
    if blamed.default is INFERRED:
        return _as_it_arrives(op, node, blamed, xs) if _alone(node, walk.nodes) else None
    return _turned_round(walk.spec.source, op, node, blamed, xs) if isinstance(blamed.default, bool) else None


def _as_it_arrives(op: Operator, node: Node, blamed: Attribute, xs: tuple[Shape, ...]) -> Fix | None:
    """The number that the layer would read off its input, in the place of a plain number that stands in its text."""
    written, child = node.written.get(blamed.name), node.child
    if not isinstance(written, Scalar) or type(written.value) is not int or written.quoted:
        return None
    if child is None or not child.start <= written.start < child.end:  # an alias
        return None
    size = _single(getattr(_other(op, blamed.name, xs), blamed.name))
    if type(size) is not int or size == written.value:
        return None
    return Fix(f"write {size}, which arrives", ((written.start, written.end, str(size)),), UNSAFE)


def _alone(node: Node, nodes: Iterable[Node]) -> bool:
    """Whether the text of a layer makes no other, by a loop, a block, `repeat` or an alias.

    What is right for one would be wrong for another.
    """
    if node.child is None or node.trail is not None or "repeat" in node.child.wiring:
        return False
    return not any(n is not node and n.child is not None and n.child.start == node.child.start for n in nodes)


def _turned_round(source: Source, op: Operator, node: Node, blamed: Attribute, xs: tuple[Shape, ...]) -> Fix | None:
    """The other position of a switch, where nothing speaks against it."""
    if node.child is None or (blamed.name in node.written and node.trail is not None):
        return None
    turned = not getattr(op, blamed.name)
    if any(_fails(need) for need in _other(op, blamed.name, xs, **{blamed.name: turned}).needs(*xs)):
        return None
    value = str(turned).lower()
    main = next((a.name for a in op.attributes if a.main), "")
    edit = set_argument(source, node.child, blamed.name, value, main)
    return Fix(f"set {blamed.name}: {value}", (edit,), UNSAFE) if edit else None


def _other(op: Operator, without: str, xs: tuple[Shape, ...], **values: Any) -> Operator:
    """The operator with one argument left out, and others in its place."""
    return type(op)({**{k: v for k, v in op.given.items() if k != without}, **values}, *xs)


def _single(size: Any) -> Any:
    return size[0] if isinstance(size, tuple | list) and len(size) == 1 else size


def _fails(need: Need) -> bool:
    claim, gap = need[0], need[1]
    holds = at_least_zero(gap) if claim.relation is AT_LEAST_ZERO else equal(gap, 0)
    return holds is False and not claim.training
