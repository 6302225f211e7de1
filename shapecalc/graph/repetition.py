"""Repetition: loops, whose children are spliced into the sequence around them, and `repeat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.graph.graph import Group
from shapecalc.graph.mistake import Mistake
from shapecalc.graph.naming import Here, label, own_name
from shapecalc.graph.scope import Entry, Scope
from shapecalc.graph.values import condition, expression, value_of
from shapecalc.graph.wiring import Given, given_inputs
from shapecalc.source.located import Scalar

if TYPE_CHECKING:
    from shapecalc.graph.elaborate import Walk
    from shapecalc.source.spec import Child, Loop


def unroll(walk: Walk, loop: Loop, here: Here) -> None:
    """Elaborate the children of a loop once for each turn, in the sequence around it."""
    if loop.when is not None and not condition(loop.when, here.env):
        return
    from shapecalc.source.template import bind_targets

    for turn in _turns(loop, here):
        walk.step(loop.header, here)
        bound = bind_targets(loop.names, turn)
        step = "for " + ", ".join(f"{k} = {brief(v)}" for k, v in bound.items() if k != "_")
        trail = (here.trail, step if bound.keys() - {"_"} else "for")
        walk.body(loop.body, Here(here.scope, {**here.env, **bound}, trail, here.group, here.branching))


def _turns(loop: Loop, here: Here) -> list[Any]:
    from shapecalc.source.operation import ExpressionError
    from shapecalc.source.template import bind_targets

    start = loop.header.text.rfind(loop.expression)
    place = loop.header.span(start, start + len(loop.expression))
    values = expression(Scalar(loop.expression, loop.expression, *place), here.env)
    if not isinstance(values, list | tuple | range):
        raise Mistake("SC112", f"a `for` runs over a list, not over {brief(values)}", place, "write `range(n)`")
    try:
        for value in values:
            bind_targets(loop.names, value)
    except ExpressionError as error:
        raise Mistake("SC112", error.message, loop.header, error.help) from None
    return list(values)


def repeat(walk: Walk, child: Child, here: Here) -> None:
    """The child so many times in a row: numbers of its own in a list, one child that holds them in a mapping."""
    count = _repeat_count(child, here)
    given = given_inputs(child, here.scope, here.env)
    own = child.name or child.wiring.get("name")
    if own is None:
        for _ in range(count):
            name = own_name(child, here, walk.by_path)
            given = _turn(walk, child, name, here, given)
        if count == 0:
            here.scope.flow = given.stand_in(child)
        label(child, here.scope.flow, here)
        return
    name = own_name(child, here, walk.by_path)
    group = walk.open_group(Group(name, here.scope.inner_path(name), child, here.trail, named=False), here)
    scope = Scope(group.path, given.stand_in(child) if count == 0 else here.scope.flow, here.scope, None)
    here.scope.names[name] = Entry(None, members=scope.names)
    inner = Here(scope, here.env, here.trail, group)
    for number in range(count):
        given = _turn(walk, child, str(number), inner, given)
    flow = scope.flow
    assert flow is not None
    walk.settle(child, name, Entry(flow.wires, equals=flow.equals, members=scope.names, owner=group), here)


def _turn(walk: Walk, child: Child, name: str, here: Here, given: Given) -> Given:
    first = len(walk.nodes)
    entry = walk.layer(child, name, here, given)
    here.scope.names[name] = entry
    here.scope.flow = entry
    if "expect" in child.wiring:
        walk.expect(child, entry, first, here.scope.inner_path(name), here)
    return given.next(entry)


def _repeat_count(child: Child, here: Here) -> int:
    node = child.wiring["repeat"]
    count = value_of(node, here.env)
    if type(count) is not int or count < 0:
        raise Mistake("SC105", f"`repeat` is {brief(count)} where an integer of at least 0 is due", node)
    return count


def brief(value: Any) -> str:
    """A value as it fits into a message."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
