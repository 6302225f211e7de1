"""Located nodes -> plain values: expressions evaluated in scope, words and free text taken as they stand.

Raises `Mistake` with the place in the text; knows readers of arguments but no operator in particular.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.ops.kinds import Part, Unfit
from shapecalc.ops.op import REQUIRED
from shapecalc.ops.registry import MODULES, find
from shapecalc.source.located import UNREADABLE, Items, Pairs, Scalar, kind_of
from shapecalc.source.names import is_name
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shapecalc.ops.kinds import Kind
    from shapecalc.ops.op import Attribute, Operator
    from shapecalc.source.located import Node

    Env = Mapping[str, Any]

CODES = {"condition": "SC113"}
_BOOLEANS = {
    **dict.fromkeys(("yes", "on"), "YAML 1.2 has no `yes` and `on`: write `true`"),
    **dict.fromkeys(("no", "off"), "YAML 1.2 has no `no` and `off`: write `false`"),
}
NO_WORDS: frozenset[str] = frozenset()
IN_NAMES = ("in_shape", "in_channels", "in_features")


def broken(name: str) -> str:
    """The key that marks a name in a scope as left unknown by a mistake; no name has a blank."""
    return f"{name} is broken"


def value_of(node: Node, env: Env, words: frozenset[str] = NO_WORDS, *, text: bool = False) -> Any:
    """The value of a node: text is an expression unless it is one of `words`, or any text is literal (`text`)."""
    if isinstance(node, Scalar):
        value = node.value
        if value is UNREADABLE:
            raise Silent
        if type(value) is not str or text or value in words:
            return value
        return expression(node, env, words)
    if isinstance(node, Items):
        return [value_of(item, env, words, text=text) for item in node.items]
    if len(node.pairs) == 1:
        key, inner = node.pairs[0]
        return (key.text, value_of(inner, env, words, text=text))
    raise Mistake("SC105", "a value is due here, not a mapping", node)


def expression(node: Scalar, env: Env, words: frozenset[str] = NO_WORDS) -> Any:
    """The value of an expression in scope; a name alone needs no evaluator."""
    if node.text in env:
        return env[node.text]
    from shapecalc.source.expression import ExpressionError, evaluate

    try:
        return evaluate(node.text, env)
    except ExpressionError as error:
        raise _located(error, node, env, words) from None


def _located(error: Any, node: Scalar, env: Env, words: frozenset[str] = NO_WORDS) -> Exception:
    name = getattr(error, "name", None)
    if name and broken(name) in env:
        return Silent()
    help, fix = error.help, None
    if name:
        from shapecalc.source.spelling import respelled

        near = nearest(name, [*words, *(k for k in env if " " not in k)])
        fix = respelled(node, name, near, error.start)
        help = f"did you mean `{near}`?" if near else _BOOLEANS.get(name.lower(), help)
    return Mistake(CODES.get(error.kind, "SC112"), error.message, node.span(error.start, error.end), help, fix)


def param_value(node: Node, env: Env) -> Any:
    """The value of a param or block argument: one identifier that names nothing in scope is text."""
    if isinstance(node, Scalar):
        if type(node.value) is str and is_name(node.text) and not iskeyword(node.text) and node.text not in env:
            if broken(node.text) in env:
                raise Silent
            return _word(node)
        return value_of(node, env)
    if isinstance(node, Items):
        return [param_value(item, env) for item in node.items]
    raise Mistake("SC105", f"a param is a number, boolean, text or list, not {kind_of(node)}", node)


def _word(node: Scalar) -> Any:
    return {"true": True, "false": False, "null": None}.get(node.text, node.text)


def template(node: Scalar, env: Env) -> str:
    """A name with every `{expr}` replaced."""
    if "{" not in node.text:
        return node.text
    from shapecalc.source.operation import ExpressionError
    from shapecalc.source.template import substitute

    try:
        return substitute(node.text, env)
    except ExpressionError as error:
        raise _located(error, node, env) from None


def condition(node: Node, env: Env) -> bool:
    """The truth of a `when`."""
    from shapecalc.source.operation import ExpressionError, truth

    value = value_of(node, env)
    try:
        return truth(value)
    except ExpressionError as error:
        raise Mistake("SC113", error.message, node, "fix the size with --set") from None


_ATTRIBUTES: dict[type[Operator], tuple[dict[str, Attribute], str | None, tuple[str, ...]]] = {}


def attributes_of(operator: type[Operator]) -> tuple[dict[str, Attribute], str | None, tuple[str, ...]]:
    """The attributes that a spec can give by name, the name of the main one, and those that must be given."""
    found = _ATTRIBUTES.get(operator)
    if found is None:
        by_name = {a.name: a for a in operator.attributes if not (operator.merging and a.name == "operands")}
        main = next((a.name for a in operator.attributes if a.main), None)
        required = tuple(a.name for a in by_name.values() if a.default is REQUIRED)
        found = _ATTRIBUTES[operator] = by_name, main, required
    return found


def read_argument(attribute: Attribute, node: Node, env: Env) -> Any:
    """The value of an operator's argument in the form that its kind gives it."""
    kind: Kind = attribute.kind
    if kind.layer and attribute.default is None and isinstance(node, Scalar) and node.value is None:
        return None
    value = plain_value(kind, node, env)
    try:
        return kind.read(value)
    except Unfit as unfit:
        shown = f"{attribute.name} {unfit}".replace(f"{attribute.name} it ", f"{attribute.name} ", 1)
        near = nearest(value, kind.words) if isinstance(value, str) else None
        code = "SC109" if type(value) in kind.types else "SC105"
        raise Mistake(code, shown, node, f"did you mean {near}?" if near else "") from None


def plain_value(kind: Kind, node: Node, env: Env) -> Any:
    """The value of a node as a kind is given it: a layer, a mapping of settings, or what stands there."""
    if kind.layer:
        return layer_of(node, env)
    if kind.settings is None or not isinstance(node, Pairs):
        return value_of(node, env, kind.words, text=kind.text)
    known = [(key.text, kind.settings.get(key.text, kind), value) for key, value in node.pairs]
    return {name: value_of(value, env, inner.words, text=inner.text) for name, inner, value in known}


def layer_of(node: Node, env: Env) -> Part:
    """A layer written as an argument: an operator's name, or a mapping of it to its arguments. Raises Mistake."""
    if isinstance(node, Pairs) and len(node.pairs) == 1:
        head, argument = node.pairs[0][0], node.pairs[0][1]
    elif isinstance(node, Scalar):
        head, argument = node, None
    else:
        raise Mistake("SC105", f"a layer is due here, not {kind_of(node)}", node)
    if head.text not in MODULES:
        from shapecalc.source.spelling import respelled

        near = nearest(head.text, MODULES)
        help = f"did you mean {near}?" if near else ""
        message = f"no operator is named {head.text!r}"
        raise Mistake("SC106", message, head, help, respelled(head, head.text, near))
    operator = find(head.text)
    by_name, main, required = attributes_of(operator)
    nothing = isinstance(argument, Scalar) and argument.value is None
    written, mistakes = match_arguments(head.text, by_name, main, None if nothing else argument)
    for mistake in mistakes:
        raise mistake
    values = {key: read_argument(by_name[key], value, env) for key, value in written.items()}
    missing = [by_name[name] for name in required if name not in values]
    if missing:
        raise missing_arguments(head.text, missing, head)
    return Part(operator, values)


def match_arguments(
    title: str,
    known: Collection[str],
    main: str | None,
    argument: Node | None,
    reserved: frozenset[str] = NO_WORDS,
) -> tuple[dict[str, Node], list[Mistake]]:
    """Which located value each argument was given: a mapping by name, anything else the main argument."""
    if argument is None:
        return {}, []
    if not isinstance(argument, Pairs):
        if main is None:
            message = f"{title} has no main argument, so {kind_of(argument)} alone does not say which is meant"
            return {}, [Mistake("SC107", message, argument, f"its arguments are {', '.join(known) or 'none'}")]
        return {main: argument}, []
    given = {key.text: value for key, value in argument.pairs if key.text not in reserved}
    if all(name in known for name in given):
        return given, []
    from shapecalc.source.cut import cut_expression

    for key, _ in argument.pairs:
        if key.text not in known and (cut := cut_expression(argument, key)) is not None:
            return {}, [Mistake("SC112", cut[0], key, cut[1], cut[2])]
    listed = tuple(known)
    return given, [
        _unknown_argument(title, k, listed, given)
        for k, _ in argument.pairs
        if k.text in given and k.text not in listed
    ]


def _unknown_argument(title: str, key: Scalar, known: tuple[str, ...], given: Collection[str]) -> Mistake:
    from shapecalc.source.spelling import respelled

    near = nearest(key.text, known)
    listing = f"its arguments are {', '.join(known)}" if known else "it takes none"
    help = f"did you mean `{near}`?" if near else listing
    fix = respelled(key, key.text, near, taken=given)
    return Mistake("SC107", f"{title} has no argument {key.text!r}", key, help, fix)


def missing_arguments(title: str, missing: list[Attribute], head: Node) -> Mistake:
    """The mistake that names every argument without a default that is not given."""
    listed = " and ".join(f"`{a.name}`" for a in missing)
    help = "; ".join(f"{a.name}: {a.doc}" for a in missing)
    return Mistake("SC108", f"{title} needs {listed}", head, help)
