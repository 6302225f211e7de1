"""The head of a document: values of params and symbols, and the network's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.dims.sym import Sym, symbol
from shapecalc.dims.sym import names as names_of
from shapecalc.graph.graph import Wire
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.values import broken, param_value, value_of
from shapecalc.ops.dtypes import WIDTHS
from shapecalc.source.located import Items, Pairs, Scalar, kind_of
from shapecalc.source.names import is_name, is_symbol
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from shapecalc.dims.sym import Dim
    from shapecalc.ops.op import Shape
    from shapecalc.source.located import Node
    from shapecalc.source.spec import Spec

    Report = Callable[[Mistake], None]

FREE_NAMES = ("H", "W", "D", "E", "F", "G")
SHAPE_KEYS = ("shape", "dtype", "below", "batch")


def environment(spec: Spec, settings: Mapping[str, Any], report: Report) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Values by name of all params, of the input's symbols and of N; and which params `settings` really changes."""
    env: dict[str, Any] = {"N": symbol("N")}
    changed: list[str] = []
    for key, node in spec.params:
        name = key.text
        try:
            default = param_value(node, env)
            if default is None and name not in settings:
                raise Mistake("SC118", f"param {name!r} has no value", key, f"set it: --set {name}=...")
        except (Mistake, Silent) as problem:
            if isinstance(problem, Mistake):
                report(problem)
            env[broken(name)] = True
            continue
        env[name] = settings.get(name, default)
        if env[name] != default:
            changed.append(name)
    symbols = [s for s in dict.fromkeys(_symbols(spec)) if s not in env]
    for name in symbols:
        env[name] = _fixed(name, settings, spec, report)
    for name in settings:
        if (name not in env and broken(name) not in env) or name == "N":
            report(_unknown_setting(name, [*(k.text for k, _ in spec.params), *symbols], spec))
    return env, tuple(changed)


def _fixed(name: str, settings: Mapping[str, Any], spec: Spec, report: Report) -> Dim:
    value = settings.get(name)
    if value is None:
        return symbol(name)
    if type(value) is int and value >= 1:
        return value
    report(Mistake("SC105", f"size {name} is set to {value}, where an integer of at least 1 is due", _place(spec)))
    return symbol(name)


def _unknown_setting(name: str, known: list[str], spec: Spec) -> Mistake:
    near = nearest(name, known)
    help = f"did you mean `{near}`?" if near else f"it has {', '.join(known) or 'none'}"
    return Mistake("SC119", f"the spec has no param or size named {name!r}", _place(spec), help)


def _place(spec: Spec) -> tuple[int, int]:
    key = next((k for k, _ in spec.root.pairs if k.text == "params"), spec.root.pairs[0][0])
    return key.start, key.end


def _symbols(spec: Spec) -> Iterator[str]:
    """The capitalised names in the shapes of the inputs, in their order."""
    for _, node in spec.inputs:
        shape = node.get("shape") if isinstance(node, Pairs) else node
        for item in shape.items if isinstance(shape, Items) else [shape]:
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield from sorted(n for n in _names(item.text) if is_symbol(n) and n != "N")


def _names(expression: str) -> Iterable[str]:
    """The names in an expression; a name alone needs no parser."""
    if is_name(expression):
        return (expression,)
    from shapecalc.source.expression import names_in

    return names_in(expression)


def input_wires(spec: Spec, env: Mapping[str, Any], report: Report, *, loose: bool = False) -> tuple[Wire, ...]:
    """The network's inputs as values; a mistake leaves the shape unknown.

    With `loose`, known sizes from the third axis on are taken as symbols: which sizes would work?
    """
    wires = tuple(_wire(name, node, env, report) for name, node in spec.inputs)
    if loose:
        for wire in wires:
            wire.shape = None if wire.shape is None else loosened(wire.shape)
    return wires


def loosened(shape: Shape) -> Shape:
    """The shape with a symbol in place of every known size from the third axis on."""
    free = iter(FREE_NAMES)
    return tuple(symbol(next(free)) if axis > 1 and type(size) is int else size for axis, size in enumerate(shape))


def _wire(name: str, node: Node, env: Mapping[str, Any], report: Report) -> Wire:
    try:
        return _input(name, node, env)
    except Mistake as mistake:
        report(mistake)
    except Silent:
        pass
    return Wire(None, 0, None, "float32", name=name)


def _input(name: str, node: Node, env: Mapping[str, Any]) -> Wire:
    if not isinstance(node, Pairs):
        return Wire(None, 0, with_batch(shape_of(node, env)), "float32", name=name)
    for key, _ in node.pairs:
        if key.text not in SHAPE_KEYS:
            from shapecalc.source.spelling import respelled

            near = nearest(key.text, SHAPE_KEYS)
            help = f"did you mean `{near}`?" if near else f"the keys are {', '.join(SHAPE_KEYS)}"
            fix = respelled(key, key.text, near, taken=[k.text for k, _ in node.pairs])
            raise Mistake("SC103", f"an input has no key {key.text!r}", key, help, fix)
    written = node.get("shape")
    if written is None:
        raise Mistake("SC104", f"input {name!r} has no `shape`", node)
    shape = shape_of(written, env)
    batch = node.get("batch")
    below = node.get("below")
    return Wire(
        None,
        0,
        shape if batch is not None and value_of(batch, env) is False else with_batch(shape),
        _dtype(node.get("dtype")),
        name=name,
        below=None if below is None else value_of(below, env),
    )


def _dtype(node: Node | None) -> str:
    if node is None:
        return "float32"
    text = node.text if isinstance(node, Scalar) else ""
    if text in WIDTHS:
        return text
    from shapecalc.source.spelling import respelled

    near = nearest(text, WIDTHS)
    help = f"did you mean {near}?" if near else f"one of {', '.join(WIDTHS)}"
    raise Mistake("SC105", f"{text!r} is no dtype", node, help, respelled(node, text, near))


def shape_of(node: Node, env: Mapping[str, Any]) -> Shape:
    """The sizes of a located shape, as they stand. Raises Mistake."""
    if isinstance(node, Scalar) and node.value is not None:
        node = Items([node], node.start, node.end)
    if not isinstance(node, Items):
        raise Mistake("SC105", f"a shape is a list of sizes, not {kind_of(node)}", node, "write e.g. `[3, 224, 224]`")
    return tuple(_size(item, env) for item in node.items)


def _size(node: Node, env: Mapping[str, Any]) -> Dim:
    value = value_of(node, env)
    if type(value) is int and value < 0:
        raise Mistake("SC105", f"a size cannot be {value}", node)
    if type(value) is int or isinstance(value, Sym):
        return value
    raise Mistake(
        "SC105",
        f"a size is an integer, not {value!r}",
        node,
        "`//` divides integers" * isinstance(value, float),
    )


def with_batch(shape: Shape) -> Shape:
    """The shape with N in front, unless it mentions N already."""
    return shape if any("N" in names_of(size) for size in shape) else (symbol("N"), *shape)
