"""The use of a block: its params bound, its inputs named, its layers elaborated in a scope of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym, symbol
from shapecalc.graph.again import Mark, Use, again, keep, kind_of_use
from shapecalc.graph.document import shape_of, with_batch
from shapecalc.graph.graph import Group, Wire
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.naming import Here
from shapecalc.graph.operate import operate, shapes_of
from shapecalc.graph.scope import Entry, Scope, input_env
from shapecalc.graph.values import match_arguments, param_value, value_of
from shapecalc.graph.wiring import Given, wire_of
from shapecalc.ops.opaque import Opaque
from shapecalc.ops.registry import MODULES, find
from shapecalc.source.located import Pairs, Scalar
from shapecalc.source.names import WIRING_KEYS
from shapecalc.source.spec import Child

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapecalc.graph.elaborate import Walk
    from shapecalc.source import located
    from shapecalc.source.spec import Block


def use_block(walk: Walk, block: Block, child: Child, name: str, here: Here, given: Given) -> Entry:
    """The outputs of one use of a block. Raises Mistake."""
    wires = _inputs(block, child, given)
    arguments = _arguments(walk, block, child, here, wires)
    env = {"N": symbol("N"), **arguments, **input_env(wires[0])}
    trail = (here.trail, f"block {block.name.text}")
    if block.body is None:
        return _opaque(walk, block, child, name, here, wires, env)
    path = here.scope.inner_path(name)
    group = walk.open_group(Group(name, path, child, here.trail, named=block.body.named, block=block), here)
    group.arguments, group.inputs = arguments, wires
    here.scope.names[name] = Entry(None, owner=group)
    kind = None if walk.sharing else kind_of_use(arguments, wires)
    made = again(walk, block.uses.get(kind), group, trail, wires)
    if made is not None:
        return made
    mark = Mark(walk)
    scope = Scope(path, Entry(wires[:1]), None, block.body)
    scope.names.update({key.text: Entry((wire,)) for key, wire in zip(block.inputs, wires, strict=False)})
    inside = Here(scope, env, trail, group)
    if block.merge is not None:
        entry = Entry(_merged(walk, block, inside, name, here).wires, owner=group)
    else:
        walk.body(block.body, inside)
        entry = Entry(walk.outputs(block.output, inside), owner=group)
    keep(walk, block, kind, mark, Use(walk, mark, group, trail, wires, entry))
    return entry


def _inputs(block: Block, child: Child, given: Given) -> tuple[Wire, ...]:
    """The values for the block's inputs, in the order of its `inputs`."""
    names = [key.text for key in block.inputs] or ["input"]
    title = block.name.text
    if given.by_name is not None:
        listing = f"its inputs are {', '.join(names)}"
        for foreign in [n for n in given.by_name if n not in names]:
            raise Mistake("SC122", f"block {title} has no input {foreign!r}", given.place, listing)
        for missing in [n for n in names if n not in given.by_name]:
            raise Mistake("SC122", f"block {title} needs its input {missing!r}", given.place, listing)
        return tuple(wire_of(given.by_name[n]) for n in names)
    if len(given.entries) != len(names):
        listing = ", ".join(names)
        message = f"block {title} takes {len(names)} inputs ({listing}), and {len(given.entries)} arrive"
        raise Mistake("SC122", message.replace("takes 1 inputs", "takes 1 input"), given.place or child.head)
    return tuple(wire_of(named) for named in given.entries)


def _arguments(walk: Walk, block: Block, child: Child, here: Here, wires: tuple[Wire, ...]) -> dict[str, Any]:
    """The values of the block's params: what is given sees the caller's names, defaults the block's own."""
    title = f"block {block.name.text}"
    known = [key.text for key, _ in block.params]
    written, mistakes = match_arguments(title, known, known[0] if known else None, child.argument)
    env: dict[str, Any] = {"N": symbol("N"), **input_env(wires[0] if wires else None)}
    values: dict[str, Any] = {}
    for key, default in block.params:
        name = key.text
        try:
            value = param_value(written[name], here.env) if name in written else param_value(default, env)
            if value is None and name not in written:
                mistakes.append(Mistake("SC108", f"{title} needs `{name}`", child.head))
        except Mistake as mistake:
            mistakes.append(mistake)
            continue
        values[name] = env[name] = value
    if mistakes:
        for found in mistakes:
            walk.mistake(found, here.trail, here.scope.path)
        raise Silent
    return values


def _merged(walk: Walk, block: Block, inside: Here, name: str, here: Here) -> Entry:
    """Branches that one operator merges; they are the block's own children."""
    merge = block.merge
    head, argument = _merge_head(merge)
    if head.text not in MODULES or not find(head.text).merging:
        raise Mistake("SC106", f"`merge` names a merging operator, not {head.text!r}", head, "Cat, Add, Mul ...")
    assert block.body is not None
    results = walk.branches(block.body, inside)
    use = Child(None, head, argument, {}, {}, head.start, head.end)
    outer = Here(here.scope, inside.env, inside.trail, inside.group)
    return operate(walk, use, find(head.text), name, outer, Given.of(results, head))


def _merge_head(merge: located.Node | None) -> tuple[Scalar, located.Node | None]:
    if isinstance(merge, Scalar):
        return merge, None
    if isinstance(merge, Pairs):
        pairs = [(k, v) for k, v in merge.pairs if k.text not in WIRING_KEYS]
        if len(pairs) == 1:
            return pairs[0]
    raise Mistake("SC105", "`merge` is an operator, as `Cat` or `{Cat: {dim: 2}}`", merge or (0, 0))


def _opaque(
    walk: Walk,
    block: Block,
    child: Child,
    name: str,
    here: Here,
    wires: tuple[Wire, ...],
    env: Mapping[str, Any],
) -> Entry:
    """A block that states its shape instead of layers: one node whose other facts may be unknown."""
    node = walk.new_node(here.scope.inner_path(name), block.name.text, child, here, name)
    node.inputs = wires
    shapes_of(wires)
    shape = shape_of(block.facts["shape"], env)
    first = wires[0].shape
    assert first is not None
    weights = block.facts.get("weights")
    if weights is not None and not isinstance(weights, Pairs):
        raise Mistake("SC105", "`weights` is a mapping from names to shapes", weights)
    macs, window = block.facts.get("macs"), block.facts.get("window")
    values = {
        "name": block.name.text,
        "stated_shape": with_batch(shape) if "N" in map(str, first[:1]) else shape,
        "stated_weights": None if weights is None else {k.text: shape_of(v, env) for k, v in weights.pairs},
        "stated_macs": None if macs is None else _count(macs, env),
        "stated_window": None if window is None else _window(window, env, len(first) - 2),
        "arguments": {key.text: env[key.text] for key, _ in block.params},
    }
    node.op = Opaque(values, first)
    node.outputs = (Wire(node, 0, node.op.shape(first)[0], wires[0].dtype),)
    return Entry(node.outputs, owner=node)


def _count(node: located.Node, env: Mapping[str, Any]) -> Any:
    value = value_of(node, env)
    if isinstance(value, Sym) or (type(value) is int and value >= 0):
        return value
    raise Mistake("SC105", f"`macs` is {value} where an integer of at least 0 is due", node)


def _window(node: located.Node, env: Mapping[str, Any], axes: int) -> list[tuple[int, ...]]:
    """Kernel, stride, padding, dilation of each axis; `[k]`, `[k, s]` ... for all axes, or a list of such lists."""
    value = value_of(node, env)
    per_axis = value if isinstance(value, list) and value and isinstance(value[0], list) else [value] * axes
    for window in per_axis:
        fits = isinstance(window, list) and 1 <= len(window) <= 4 and all(type(n) is int for n in window)
        if not fits or any(n < low for n, low in zip(window, (1, 1, 0, 1), strict=False)):
            raise Mistake("SC105", "`window` is [kernel, stride, padding, dilation], or a list of such lists", node)
    if len(per_axis) != axes:
        raise Mistake("SC105", f"`window` has {len(per_axis)} axes, and the input has {axes} spatial ones", node)
    return [tuple(window + [1, 1, 0, 1][len(window) :]) for window in per_axis]
