"""One operator in the network: its arguments read, its inputs checked, its needs judged, its outputs made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import names
from shapecalc.graph.arguments import arguments_of, read_arguments
from shapecalc.graph.graph import Assumption, Node, Wire
from shapecalc.graph.history import arrival, last_change
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.scope import Entry
from shapecalc.graph.wiring import resolve, wire_of
from shapecalc.ops.dtypes import Dimensionless
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.made import symbolic_arguments
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, Claim, UnknownFact, source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.dims.sym import Dim
    from shapecalc.graph.arguments import Arguments
    from shapecalc.graph.elaborate import Walk
    from shapecalc.graph.naming import Here
    from shapecalc.graph.wiring import Given
    from shapecalc.ops.op import Attribute, Need, Operator, Shape
    from shapecalc.source.spec import Child

    Assumed = tuple[Claim, Dim, int]

_SETTLED: dict[Any, tuple[Operator, tuple[Shape, ...], tuple[str, ...], Sequence[Assumed]]] = {}
"""Operators of the files checked so far, with output shapes, dtypes and what is assumed, by arguments, input shapes and
dtypes: most layers of a repository are like others.
"""
MOST_SETTLED = 20_000
"""So many are kept, then none: a process that checks files for days must not grow."""

FILLED = Claim(
    "SC211",
    "",
    AT_LEAST_ZERO,
    lambda op, xs, axis: f"axis {axis} of {shown_shape(xs[0])} is empty, which {type(op).__name__} does not take",
)
INDEX_RANGE = Claim(
    "SC217",
    "",
    AT_LEAST_ZERO,
    lambda op, xs, axis: f"{op.bound} is {getattr(op, op.bound)}, but values below {axis} may arrive",
)


def operate(walk: Walk, child: Child, operator: type[Operator], name: str, here: Here, given: Given) -> Entry:
    """Add a node for one layer and give its outputs. Mistakes leave the node without an operator."""
    node = walk.new_node(here.scope.inner_path(name), child.head.text, child, here, name)
    node.op_name = operator.__name__
    try:
        arguments = read_arguments(walk, node, operator, here, given)
        node.inputs = _wires(operator, child, given)
        shapes, dtypes = _settle(walk, operator, arguments, node)
        return _outputs(walk, operator, node, shapes, dtypes, here)
    except Mistake as mistake:
        walk.mistake(mistake, here.trail, node.path)
    except Silent:
        pass
    node.outputs = (Wire(node, 0, None, "float32", free=not operator.inputs),)
    return Entry(node.outputs, owner=node)


def _wires(operator: type[Operator], child: Child, given: Given) -> tuple[Wire | None, ...]:
    """The values that the operator takes, in torch's order; None where an optional one is absent."""
    slots = operator.inputs
    if given.by_name is not None:
        return _once(operator, _by_name(operator, child, given))
    wires = tuple(wire_of(named) for named in given.entries)
    repeated = bool(slots) and slots[-1].endswith("*")
    least = sum(not s.endswith(("?", "*")) for s in slots) + repeated
    if least <= len(wires) and (repeated or len(wires) <= len(slots)):
        return _once(operator, wires) if operator.stands_for else wires
    due = f"at least {least}" if repeated else f"{least} to {len(slots)}" if least < len(slots) else f"{least}"
    title = operator.__name__
    message = f"{title} takes {due} input{'s' * (due != '1')}, and {len(wires)} arrive{'s' * (len(wires) == 1)}"
    listing = ", ".join(s.rstrip("?*") for s in slots)
    raise Mistake("SC122", message, given.place or child.head, f"its inputs are {listing}" if len(slots) > 1 else "")


def _by_name(operator: type[Operator], child: Child, given: Given) -> tuple[Wire | None, ...]:
    slots = [s.rstrip("?*") for s in operator.inputs]
    assert given.by_name is not None
    for name in given.by_name:
        if name not in slots:
            raise Mistake(
                "SC107",
                f"{operator.__name__} has no input {name!r}",
                given.place,
                f"it takes {', '.join(slots)}",
            )
    for slot, name in zip(operator.inputs, slots, strict=True):
        if name not in given.by_name and not slot.endswith("?"):
            raise Mistake("SC122", f"{operator.__name__} needs its input {name!r}", given.place)
    wires = [wire_of(given.by_name[n]) if n in given.by_name else None for n in slots]
    while wires and wires[-1] is None:
        wires.pop()
    return tuple(wires)


def _once(operator: type[Operator], wires: tuple[Wire | None, ...]) -> tuple[Wire | None, ...]:
    """The values without those that an absent one would be anyway: attention of `[x, x, x]` is that of x."""
    whole, needed = list(wires), list(wires)
    for later, earlier in operator.stands_for.items():
        if later < len(wires):
            whole[later] = whole[later] or whole[earlier]
            if whole[later] is whole[earlier]:
                needed[later] = None
    while needed and needed[-1] is None:
        needed.pop()
    return tuple(needed)


def shapes_of(wires: tuple[Wire | None, ...]) -> tuple[Shape, ...]:
    """The shapes of inputs. Raises Silent where one is unknown."""
    shapes = []
    for wire in wires:
        if wire is not None and wire.shape is None:
            raise Silent
        shapes.append(None if wire is None else wire.shape)
    return tuple(shapes)  # type: ignore[arg-type]


def _settle(
    walk: Walk, operator: type[Operator], arguments: Arguments, node: Node
) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """Give the node its operator and tell the shapes and dtypes of its outputs.

    A settled operator never changes, so layers with the same arguments and input shapes share one, judged once.
    """
    xs = shapes_of(node.inputs)
    if operator.merging:
        arguments = _merged(arguments, node.inputs)
    given = tuple([w.dtype for w in node.inputs if w is not None])
    key = arguments, xs, given
    found = _SETTLED.get(key)
    if found is not None:
        node.op, shapes, dtypes, assumed = found
        if assumed:
            walk.assumptions += [Assumption(node, *each) for each in assumed]
        return shapes, dtypes
    if xs:
        _check_first(operator, node, xs[0])
    op = node.op = operator(arguments.values, *xs)
    if xs and 0 in xs[0]:
        _check_empty(op, node, xs[0], arguments.values)
    unfit = op.unfit_dtypes(*given)
    if unfit:
        raise Mistake("SC212", f"{operator.__name__} {unfit}", node.place)
    assumed = _judge(walk, op, node, xs, arguments)
    _check_weights(op, node)
    shapes = op.shape(*xs)
    dtypes = _dtypes(op, given, xs, shapes)
    if not op.bound:  # what may arrive there is no matter of shapes
        if len(_SETTLED) >= MOST_SETTLED:
            _SETTLED.clear()
        _SETTLED[key] = op, shapes, dtypes, assumed
    walk.assumptions += [Assumption(node, *each) for each in assumed]
    return shapes, dtypes


def _dtypes(op: Operator, given: tuple[str, ...], xs: Sequence[Shape], ys: Sequence[Shape]) -> tuple[str, ...]:
    """The dtypes of outputs: those that the operator says, else that of the first input."""
    if () not in xs:
        return op.dtypes(*given) or given[:1] * len(ys)
    present = [x for x in xs if x is not None]
    counting = [dtype if x else Dimensionless(dtype) for dtype, x in zip(given, present, strict=True)]
    return tuple(map(str, op.dtypes(*counting) or counting[:1] * len(ys)))


def _check_weights(op: Operator, node: Node) -> None:
    """No tensor or argument of a module may have the batch's size: it is made once, before any batch is known."""
    try:
        tensors = {**op.weights(), **op.buffers()}
    except UnknownFact:
        return
    batch = [f"{name} {shown_shape(shape)}" for name, shape in tensors.items() if any("N" in names(n) for n in shape)]
    batch += [f"{name} {source(getattr(op, name))}" for name, sizes in symbolic_arguments(op) if "N" in sizes]
    if batch:
        text = f"{node.op_name}'s {batch[0].lstrip()} would have the size of the batch N"
        wire = node.inputs[0] if node.inputs else None
        raise Mistake("SC215", text, node.place, arrival(wire) if wire is not None else "")


def _check_first(operator: type[Operator], node: Node, x: Shape) -> None:
    """Rank and dtype of the first input, and the dtypes of the others."""
    wire = node.inputs[0]
    assert wire is not None
    ranks, takes = operator.ranks, operator.takes
    if ranks is not None and len(x) not in ranks:
        due = " or ".join(map(str, ranks))
        message = f"{operator.__name__} takes {due} dimensions, and {len(x)} arrive: {shown_shape(x)}"
        raise Mistake("SC209", message, node.place, arrival(wire))
    _check_dtype(operator, node, wire, takes, "")
    if operator.further or operator.same_dtype:
        _check_further(operator, node, wire.dtype)


def _check_further(operator: type[Operator], node: Node, first: str) -> None:
    """The dtypes of the inputs behind the first, whose dtype some must have."""
    last = len(operator.inputs) - 1
    for i, other in enumerate(node.inputs):
        name = operator.inputs[min(i, last)].rstrip("?*")
        takes = operator.further.get(name)
        if name in operator.same_dtype:
            takes = (takes or frozenset()) | {first}
        if other is not None:
            _check_dtype(operator, node, other, takes, f" as its {name}")


def _check_dtype(operator: type[Operator], node: Node, wire: Wire, takes: frozenset[str] | None, role: str) -> None:
    if takes is not None and wire.dtype not in takes:
        due = ", ".join(sorted(takes))
        message = f"{operator.__name__} takes {due}{role}, and {wire.dtype} arrives"
        raise Mistake("SC212", message, node.place, arrival(wire))


def _check_empty(op: Operator, node: Node, x: Shape, values: Mapping[str, Any]) -> None:
    """What is read off axes that are empty."""
    for attribute in op.attributes:
        if attribute.default is INFERRED and attribute.name not in values:
            try:
                attribute.kind.read(getattr(op, attribute.name))
            except Unfit:
                message = f"{attribute.name} is read off {shown_shape(x)}, which has none"
                raise Mistake("SC211", message, node.place) from None


def _merged(arguments: Arguments, wires: tuple[Wire | None, ...]) -> Arguments:
    """The arguments with operands as the operator wants them: "tensor", "free" for a learned one, or a number."""
    operands = arguments.values.get("operands") or (None,) * len(wires)
    kinds = iter(["free" if w is not None and w.free else "tensor" for w in wires])
    settled = tuple([next(kinds) if operand is None else operand for operand in operands])
    return arguments_of(arguments.operator, {**arguments.values, "operands": settled})


def shown_shape(x: Shape) -> str:
    return f"[{', '.join(map(str, x))}]"


def _judge(walk: Walk, op: Operator, node: Node, xs: tuple[Shape, ...], arguments: Arguments) -> Sequence[Assumed]:
    """Judge every need: false is a mistake, unknown is assumed of the input sizes."""
    assumed: list[Assumed] = []
    further = _bounded(arguments) + (_filled(op, xs[0]) if xs else [])
    for need in (*further, *op.needs(*xs)):
        claim, gap = need[0], need[1]
        if claim.training:
            continue
        if type(gap) is int:
            holds: bool | None = gap >= 0 if claim.relation is AT_LEAST_ZERO else gap == 0
        else:
            from shapecalc.dims.decide import at_least_zero, equal

            holds = at_least_zero(gap) if claim.relation is AT_LEAST_ZERO else equal(gap, 0)
        if holds is None:
            assumed.append((claim, gap, need[2] if len(need) > 2 else -1))
        elif not holds:
            raise _broken_need(walk, op, node, need, xs)
    first = node.inputs[0] if node.inputs else None
    if op.bound and first is not None and first.below is not None:
        _judge_bound(op, node, first.below)
    return assumed


def _bounded(arguments: Arguments) -> list[Need]:
    """That arguments which are sizes not known yet are as large as their kinds want them."""
    given = [(attribute, arguments.values[attribute.name]) for attribute in arguments.symbolic]
    return [(_large_enough(a, value), gap) for a, value in given for gap in a.kind.gaps(value)]


def _large_enough(attribute: Attribute, value: Any) -> Claim:
    def say(op: Any, xs: Sequence[Shape], axis: int) -> str:
        return f"{attribute.name} is {source(value)} where {attribute.kind.wants} is due"

    return Claim("SC109", attribute.name, AT_LEAST_ZERO, say)


def _filled(op: Operator, x: Shape) -> list[Need]:
    """What the axes need that may not be empty: mostly an earlier need says as much, but a slice may leave nothing."""
    first = max(len(x) - op.never_empty(x), 0)
    return [(FILLED, n - 1, a) for a, n in enumerate(x[first:], first) if type(n) is not int or n == 0]


def _judge_bound(op: Operator, node: Node, below: Any) -> None:
    from shapecalc.dims.decide import at_least_zero

    assert op.bound is not None
    if at_least_zero(getattr(op, op.bound) - below) is False:
        place = node.written.get(op.bound, node.child.head if node.child else (0, 0))
        raise Mistake("SC217", INDEX_RANGE.say(op, (), below), place)


def _broken_need(walk: Walk, op: Operator, node: Node, need: Need, xs: tuple[Shape, ...]) -> Mistake:
    from shapecalc.graph.remedy import remedy

    claim = need[0]
    axis = need[2] if len(need) > 2 else -1
    place: Any = node.written.get(claim.attribute, node.place)
    advice = claim.advise(op, xs, axis) if claim.advise else ""
    wires = [w for w in dict.fromkeys(node.inputs) if w is not None]
    change = last_change(wires[0], axis) if axis >= 0 and claim.relation is AT_LEAST_ZERO else ""
    histories = [] if len(wires) == 1 and wires[0].node is None else map(arrival, wires)
    help = "; ".join(filter(None, [advice, change, *histories]))
    fix = remedy(walk, op, node, need, xs)
    return Mistake(claim.code, claim.say(op, xs, axis), place, help, fix)


def _outputs(
    walk: Walk,
    operator: type[Operator],
    node: Node,
    shapes: tuple[Shape, ...],
    dtypes: tuple[str, ...],
    here: Here,
) -> Entry:
    free = not operator.inputs
    node.outputs = tuple([Wire(node, i, shape, dtypes[i], free=free) for i, shape in enumerate(shapes)])
    if walk.sharing or (node.child is not None and "share" in node.child.wiring):
        assert node.op is not None
        share(walk, node.op, node, here)
    return Entry(node.outputs, equals=operator.equals, owner=node)


def share(walk: Walk, op: Operator, node: Node, here: Here) -> None:
    """Call another layer's module again, or tie its weights, where `share` says so here or on a sequence around."""
    for path, owner_path in walk.sharing:
        if node.path.startswith(path):
            other = walk.by_path.get(owner_path + node.path[len(path) :])
            if isinstance(other, Node) and other.op is not None:
                _call_again(node, op, other)
    written = node.child.wiring.get("share") if node.child else None
    if written is None or (node.child and node.child.bodies):
        return
    other = resolve(written, here.scope, here.env, here.scope.flow).owner
    if not isinstance(other, Node) or other.op is None:
        raise Mistake("SC120", "`share` names the path of an earlier layer", written)
    _call_again(node, op, other)
    theirs = other.op.weights()
    if node.owner is node and not node.ties:
        mine = ", ".join(f"{n} {shown_shape(s)}" for n, s in op.weights().items()) or "no weights"
        yours = ", ".join(f"{n} {shown_shape(s)}" for n, s in theirs.items()) or "no weights"
        message = f"no tensor can be shared: {node.path} has {mine}; {other.path} has {yours}"
        raise Mistake("SC120", message, written, "tensors of equal name and shape are tied")


def _call_again(node: Node, op: Operator, other: Node) -> None:
    """Call the other layer's module where it is the same one; else tie the tensors of equal name and shape."""
    assert other.op is not None
    theirs = other.op.weights()
    if type(other.op) is type(op) and other.op.given == op.given and theirs == op.weights():
        node.owner = other.owner
    else:
        node.ties = {n: (other, n) for n, shape in op.weights().items() if theirs.get(n) == shape}
