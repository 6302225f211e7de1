"""The names that children and labels take in their sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.graph import trail_text
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.values import template
from shapecalc.source.located import Scalar
from shapecalc.source.names import bad_child_name, bad_label
from shapecalc.source.spec import Child, Spoilt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.graph.graph import Group, Node, Trail
    from shapecalc.graph.scope import Entry, Scope
    from shapecalc.source.spec import Nest


class Here:
    """Where the walk is: the sequence's names, the values that expressions see, the way here, and the open group.

    `branching` is a list in a set of branches: each child begins at what the merge was given, and its result is
    appended.
    """

    __slots__ = ("branching", "env", "group", "scope", "trail")

    def __init__(
        self,
        scope: Scope,
        env: Mapping[str, Any],
        trail: Trail,
        group: Group,
        branching: list[tuple[str, Entry]] | None = None,
    ) -> None:
        self.scope = scope
        self.env = env
        self.trail = trail
        self.group = group
        self.branching = branching


def own_name(child: Child | Nest, here: Here, by_path: Mapping[str, Node | Group]) -> str:
    """The child's own name: its key, its `name`, or the next number of the list. Raises Mistake."""
    own = child.wiring.get("name") if isinstance(child, Child) else None
    if child.name is not None and own is not None:
        raise Mistake("SC103", f"`name` is for a list; here the key {child.name.text!r} is the name", own)
    key = child.name or own
    if key is None:
        return next_number(here.scope)
    if not isinstance(key, Scalar):
        raise Mistake("SC105", "a name is text", key)
    name = template(key, here.env)
    if reason := bad_child_name(name):
        raise Mistake("SC110", f"{name!r} cannot be the name of a layer: {reason}", key)
    _refuse_twin(name, key, here, by_path)
    return name


def next_number(scope: Scope) -> str:
    """The number that the next unnamed child of a list takes."""
    scope.count += 1
    return str(scope.count - 1)


def _refuse_twin(name: str, key: Scalar, here: Here, by_path: Mapping[str, Node | Group]) -> None:
    before = by_path.get(here.scope.inner_path(name))
    if before is None and name not in here.scope.names:
        return
    message = f"the name {name!r} comes out twice"
    turns = [" in ".join(reversed(trail_text(t))) for t in (getattr(before, "trail", None), here.trail) if t]
    if turns:
        message += f": {' and '.join(dict.fromkeys(turns))}"
    raise Mistake("SC111", message, key, "a loop's names need its variable, as in `layer{i}`" if turns else "")


def label(child: Child | Nest, entry: Entry | None, here: Here) -> None:
    """Make `as` known in the sequence. Raises Mistake."""
    if not isinstance(child, Child) or "as" not in child.wiring or entry is None:
        return
    node = child.wiring["as"]
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise Mistake("SC105", "`as` is a name", node)
    name = template(node, here.env)
    if reason := bad_label(name):
        raise Mistake("SC110", f"{name!r} cannot be a label: {reason}", node)
    if name in here.scope.names:
        raise Mistake("SC111", f"the name {name!r} comes out twice in this sequence", node)
    here.scope.names[name] = entry


def spoilt_name(child: Child | Nest | Spoilt, here: Here) -> str:
    """The name of a child that a mistake spoils, as far as it can be told."""
    if child.name is not None:
        try:
            return template(child.name, here.env)
        except (Mistake, Silent):
            return child.name.text
    name = child.wiring.get("name") if isinstance(child, Child | Spoilt) else None
    return name.text if isinstance(name, Scalar) else next_number(here.scope)
