"""Numbers in a class -> expressions over the arguments of its constructor, such that every use gets its own numbers.

Every expression is checked by its value in each use before it is taken: what the spec says there, a size that an
earlier layer gave, an argument that is at hand, and at last an argument of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.codegen.expression import in_python, literal
from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.scope import input_env
from shapecalc.graph.values import param_value
from shapecalc.source.expression import ExpressionError, evaluate, names_in
from shapecalc.source.located import Items, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.codegen.classes import Variant
    from shapecalc.graph.graph import Wire
    from shapecalc.source.located import Node

    Texts = Sequence[str]

RESERVED = frozenset({"self", "torch", "nn", "F", "math", "OrderedDict", "Tensor", "Any", "super", "setattr"})
FUNCTIONS = frozenset({"range", "min", "max", "abs", "int", "len", "sum", "round", "make_divisible", "str", "dict"})
SIZES = {1: "channels", -1: "features"}


class Param:
    """An argument of a class's constructor: its value in each use as text, and its default where it has one.

    `size` says that it is a size of what the class is given: (number of the value, axis). `written` is where the spec
    says it, for whoever makes the class.
    """

    __slots__ = ("default", "name", "rank", "size", "spec_name", "texts", "written")

    def __init__(self, name: str, texts: Texts, rank: int) -> None:
        self.name = name
        self.texts = list(texts)
        self.rank = rank
        self.default: str | None = None
        self.size: tuple[int, int] | None = None
        self.spec_name = ""
        self.written: Node | None = None


class Scope:
    """What the constructor of a class can say: its arguments as far as they are needed, and values made of them."""

    def __init__(self, variant: Variant) -> None:
        self.uses = variant.uses
        self.all = range(len(self.uses))
        self.block = self.uses[0].group.block
        self.whole = self.uses[0].group.path == ""
        self.params: list[Param] = []
        self.made: list[str] = []
        self.names: dict[str, str] = {}
        self.taken: set[str] = {*RESERVED, *FUNCTIONS}
        self.known: dict[int, list[tuple[Mapping[int, str], str]]] = {}
        self.envs = [self._env(u) for u in self.all] if self.block is not None else []

    def _env(self, u: int) -> dict[str, Any]:
        """The values that the block's expressions may use in one use: params, and known sizes of its input."""
        group = self.uses[u].group
        sizes = input_env(group.inputs[0]) if group.inputs else {}
        return {**group.arguments, **{k: v for k, v in sizes.items() if type(v) is int}}

    # a value

    def value(
        self,
        among: Sequence[int],
        texts: Texts,
        hint: str,
        written: Node | None = None,
        wires: Sequence[Wire | None] = (),
    ) -> str:
        """The expression whose value is `texts[i]` in use `among[i]`; `wires` are what the size was read off."""
        constant = len(set(texts)) == 1
        if written is None and constant and (self.whole or not wires):
            return texts[0]
        told = isinstance(written, Scalar) and type(written.value) is str and self.block is not None
        found = self.expression(written.text, among, texts) if told and isinstance(written, Scalar) else None
        if found is None and wires and written is None and not self.whole:
            found = self._size(among, wires, texts, 0)
        if found is None and wires and self.block is not None:
            found = self._at_hand(among, texts)
        if found is None and constant:
            return texts[0]
        return found or self._at_hand(among, texts) or self._own(among, texts, hint, written)

    def expression(self, text: str, among: Sequence[int], texts: Texts) -> str | None:
        """The spec's own expression, if its names can be said here and it comes to these values."""
        names = names_in(text)
        if names - self._sayable(among):
            return None
        try:
            values = [evaluate(text, self.envs[u]) for u in among]
        except ExpressionError:
            return None
        if any(isinstance(v, list | tuple) for v in values) or [literal(v) for v in values] != list(texts):
            return None
        return self._in_python(text)

    def _sayable(self, among: Sequence[int]) -> set[str]:
        return set.intersection(*(set(self.envs[u]) for u in among)) - {"in_shape"}

    def holds(self, text: str, present: Sequence[int], among: Sequence[int]) -> str | None:
        """A condition in Python, if it is true in just these uses of those that come to it."""
        if self.block is None or names_in(text) - self._sayable(among):
            return None
        try:
            true = [u for u in among if evaluate(text, self.envs[u])]
        except ExpressionError:
            return None
        if true != list(present):
            return None
        return self._in_python(text)

    def _in_python(self, text: str) -> str | None:
        """The expression with our names; None where one is a size that is not known in every use."""
        try:
            return in_python(text, {n: self._name(n) for n in names_in(text)})
        except KeyError:
            return None

    # sizes that the input or an earlier layer gave

    def learn(self, among: Sequence[int], wires: Sequence[Wire], texts: Texts, said: str) -> None:
        """Remember that a layer before `wires` was given a number, and how that was said."""
        entry = (dict(zip(among, texts, strict=True)), said)
        for wire in wires:
            self.known.setdefault(id(wire), []).append(entry)

    def _size(self, among: Sequence[int], wires: Sequence[Wire | None], texts: Texts, depth: int) -> str | None:
        """A size that values have in common, as it was said where it came from."""
        while depth < 40 and all(
            w is not None and w.shape is not None and _has(w, t) for w, t in zip(wires, texts, strict=True)
        ):
            given = self._given(among, wires, texts)
            if given is not None:
                return given
            first = wires[0]
            assert first is not None
            for values, said in self.known.get(id(first), ()):
                if [values.get(u) for u in among] == list(texts):
                    return said
            nodes = [w.node for w in wires if w is not None]
            if any(n is None or not n.inputs or n.op is None for n in nodes):
                return None
            if "cat" in nodes[0].op.roles and len(nodes[0].inputs) > 1:  # type: ignore[union-attr]
                return self._joined(among, nodes, texts, depth)
            wires = [n.inputs[0] for n in nodes if n is not None]
            depth += 1
        return None

    def _joined(self, among: Sequence[int], nodes: Sequence[Any], texts: Texts, depth: int) -> str | None:
        """The sum of the sizes that were joined."""
        parts = []
        axis = nodes[0].op.axis
        for wires in zip(*(n.inputs for n in nodes), strict=False):
            sizes = [str(w.shape[axis]) for w in wires]
            parts.append(self._size(among, wires, sizes, depth + 1) or (sizes[0] if len(set(sizes)) == 1 else None))
        total = [str(sum(w.shape[axis] for w in n.inputs if type(w.shape[axis]) is int)) for n in nodes]
        if None in parts or total != list(texts) or any(len(n.inputs) != len(parts) for n in nodes):
            return None
        return None if all(str(p).isdigit() for p in parts) else " + ".join(map(str, parts))

    def _given(self, among: Sequence[int], wires: Sequence[Wire | None], texts: Texts) -> str | None:
        """An axis of what the class is given, as an argument `in_channels` or `in_features`."""
        inputs = self.uses[among[0]].inputs
        for number, wire in enumerate(inputs):
            if wire is wires[0] and all(self.uses[u].inputs[number] is w for u, w in zip(among, wires, strict=True)):
                for axis, word in SIZES.items():
                    if all(_axis(w, axis) == t for w, t in zip(wires, texts, strict=True)):
                        return self.size(number, axis, word)
        return None

    def size(self, number: int, axis: int, word: str) -> str | None:
        """The argument that stands for an axis of a value that the class is given."""
        texts = [_axis(unit.inputs[number], axis) for unit in self.uses]
        if not all(t.isdigit() for t in texts):
            return None
        for param in self.params:
            if param.size == (number, axis):
                return param.name
        key = self.uses[0].group.block.inputs if self.block is not None and number else []  # type: ignore[union-attr]
        param = self._add(f"{key[number].text if number < len(key) else 'in'}_{word}", texts, -1)
        param.size = (number, axis)
        return param.name

    # names

    def _name(self, name: str) -> str:
        """The argument or local variable that stands for a name of the spec."""
        if name in self.names:
            return self.names[name]
        if name in ("in_channels", "in_features"):
            axis = 1 if name == "in_channels" else -1
            found = self.size(0, axis, SIZES[axis])
            if found is not None:
                self.names[name] = found
                return found
            raise KeyError(name)
        self.names[name] = self._param(name)
        return self.names[name]

    def _param(self, name: str) -> str:
        assert self.block is not None
        number, (key, default) = next((i, p) for i, p in enumerate(self.block.params) if p[0].text == name)
        texts = [literal(unit.group.arguments[name]) for unit in self.uses]
        others = {k.text for k, _ in self.block.params} | {"in_channels", "in_features", "in_shape", "N"}
        constant = None if isinstance(default, Scalar) and default.text in others else _constant(default)
        if constant is None and isinstance(default, Scalar) and type(default.value) is str:
            said = self.expression(default.text, self.all, texts)
            if said is not None:
                local = self.unique(name)
                self.made.append(f"{local} = {said}")
                return local
        param = self._add(name, texts, number)
        param.default, param.spec_name = constant, key.text
        return param.name

    def _at_hand(self, among: Sequence[int], texts: Texts) -> str | None:
        """An argument, or an element of one, that has these values."""
        for param in self.params:
            if [param.texts[u] for u in among] == list(texts):
                return param.name
        if self.block is None:
            return None
        for key, _ in self.block.params:
            values = [self.envs[u][key.text] for u in among]
            if [literal(v) for v in values] == list(texts):
                return self._name(key.text)
            for place in range(len(values[0])) if all(isinstance(v, list) for v in values) else ():
                if [literal(v[place]) if place < len(v) else "" for v in values] == list(texts):
                    return f"{self._name(key.text)}[{place}]"
        return None

    def _own(self, among: Sequence[int], texts: Texts, hint: str, written: Node | None) -> str:
        """An argument of its own; where a use has no such layer, any value will do."""
        given = dict(zip(among, texts, strict=True))
        bare = isinstance(written, Scalar) and written.text.isidentifier() and written.text.isascii()
        name = written.text if bare and isinstance(written, Scalar) else hint
        param = self._add(name, [given.get(u, texts[0]) for u in self.all], 1000 + len(self.params))
        param.written = written
        return param.name

    def _add(self, name: str, texts: Texts, rank: int) -> Param:
        param = Param(self.unique(name), texts, rank)
        self.params.append(param)
        return param

    def unique(self, name: str) -> str:
        """A name for an argument or variable that nothing else has."""
        import re
        from keyword import iskeyword

        name = re.sub(r"\W", "_", name)
        name = name.lstrip("_") if name.startswith("__") else name
        name = name if name.isidentifier() and not iskeyword(name) else f"p_{name}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def arguments(self) -> list[Param]:
        """The constructor's arguments in their order: those without a default first."""
        return sorted(self.params, key=lambda p: (p.default is not None, p.rank))


def _has(wire: Wire | None, text: str) -> bool:
    return wire is not None and any(str(size) == text for size in wire.shape or ())


def _axis(wire: Any, axis: int) -> str:
    shape = wire.shape or ()
    return str(shape[axis]) if len(shape) > 1 and (axis < 0 or len(shape) > axis) else ""


def _constant(default: Node) -> str | None:
    """A default that needs no other value, as text; None for none, or for an expression over other params."""
    try:
        value = param_value(default, {})
    except (Mistake, Silent):
        return None
    if isinstance(default, Scalar) and type(default.value) is str and isinstance(value, str) is False:
        return None if value is None else literal(value)
    return None if value is None or isinstance(default, Items) else literal(value)


def kind_of(texts: Texts) -> str:
    """The type of an argument by its values."""
    import ast

    kinds: set[str] = set()
    for text in dict.fromkeys(texts):
        try:
            kinds.add(_kind(ast.literal_eval(text)))
        except (ValueError, SyntaxError):
            kinds.add("float" if text.startswith("float(") else "Any")
    if "float" in kinds:
        kinds.discard("int")
    return "Any" if "Any" in kinds else " | ".join(sorted(kinds, key=lambda k: (k == "None", k)))


def _kind(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return "None" if value is None else type(value).__name__
    inner = kind_of([repr(v) for v in value]) or "Any"
    return f"list[{inner}]" if isinstance(value, list) else f"tuple[{inner}, ...]"
