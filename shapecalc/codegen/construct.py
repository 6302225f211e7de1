"""A class's rows -> the lines of its constructor, with what the rows differ in as expressions over its arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.codegen.classes import NUMBER, called
from shapecalc.codegen.expression import tidied
from shapecalc.codegen.layout import INDENT, Tree, items_of, quoted, statement, tree
from shapecalc.codegen.own import added, getter, own_tensor
from shapecalc.codegen.plan import Chain, Unit, Unstructured
from shapecalc.codegen.runs import folded
from shapecalc.codegen.shapes import shapes
from shapecalc.codegen.slots import Scope
from shapecalc.graph.graph import Node
from shapecalc.graph.values import match_arguments
from shapecalc.ops.op import INFERRED, source
from shapecalc.source.located import Items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.codegen.classes import Row, Variant

KEYWORD = re.compile(r"([A-Za-z_]\w*)=(?!=)(.*)", re.DOTALL)
Entry = tuple[str, "str | Tree", str, str]  # name, source, comment, condition


class Constructor:
    """Writes the constructor of one class; `places` says how the forward pass reaches each row's module.

    `tests` holds, for optional rows, what the forward pass asks; `calls` the texts of calls with their numbers put in.
    """

    def __init__(self, variant: Variant, stubs: Mapping[str, str]) -> None:
        self.variant = variant
        self.stubs = stubs
        self.scope = Scope(variant)
        self.lines: list[str] = []
        self.places: list[str] = []
        self.tests: list[str] = []
        self.calls: list[str] = []
        self.attributes = {r.first.name for r in variant.rows}
        self.numbers: dict[str, str] = {}
        self.base = self._base()
        if variant.plain:
            self._plain()
        else:
            self._rows()

    def _base(self) -> str:
        if self.variant.plain:
            return "nn.Sequential"
        named = [r.first.name for r in self.variant.rows if self._holds_module(r)]
        tensors = any(own_tensor(_made(r)) for r in self.variant.rows if self._is_layer(r))
        optional = any(r.optional for r in self.variant.rows)
        listed = named and named == [str(i) for i in range(len(named))] and not tensors and not optional
        return "nn.ModuleList" if listed else "nn.Module"

    def _is_layer(self, row: Row) -> bool:
        return isinstance(row.first.part, Node)

    def _holds_module(self, row: Row) -> bool:
        """Whether the row adds a child of its own."""
        return not row.first.owner and (not self._is_layer(row) or bool(_made(row)))

    # the whole constructor

    def _plain(self) -> None:
        self._say(self._sequence("", self.variant.rows, "super().__init__"))

    def _rows(self) -> None:
        if self.base == "nn.ModuleList":
            entries = [(r, self._maker(r)) for r in self.variant.rows if self._holds_module(r)]
            items = [(made, shapes(row.first.outputs)) for row, made in entries if made is not None]
            self._say(Tree("super().__init__(", [(Tree("[", items, "]"), "")], ")"))
        else:
            self.lines.append(f"{INDENT * 2}super().__init__()")
        for row in self.variant.rows:
            self.tests.append("")
            self._row(row)
        for row in self.variant.rows:
            self._tie(row)

    def _row(self, row: Row) -> None:
        step = row.first
        self.places.append(self._place(step))
        self.calls.append(self._call(row) if self._is_layer(row) else "")
        condition = self._condition(row) if row.optional else ""
        made = self._maker(row) if self._holds_module(row) and self.base == "nn.Module" else None
        if made is None:
            if row.optional:
                flag = self._attribute(f"use_{step.name or step.part.op_name.lower()}")  # type: ignore[union-attr]
                self._say(f"self.{flag} = {condition}")
                self.tests[-1] = f"self.{flag}"
            return
        if not step.name.isidentifier() and row.optional:
            flag = self._attribute(f"use_{step.name}")
            self._say(f"self.{flag} = {condition}")
            self._say(f"if self.{flag}:")
            self._say(added(step.name, made), 3)
            self.tests[-1] = f"self.{flag}"
        elif not step.name.isidentifier():
            self._say(added(step.name, made))
        elif row.optional:
            tensor = own_tensor(made)  # a buffer may not take the place of an attribute
            self._say(f"self.{step.name}: {'Tensor | None' if tensor else 'nn.Module | None = None'}")
            self._say(f"if {condition}:")
            self._say(prefixed(f"self.{step.name} = ", made), 3)
            self.lines += [f"{INDENT * 2}else:", f"{INDENT * 3}self.{step.name} = None"] if tensor else []
            self.tests[-1] = f"self.{step.name} is not None"
        else:
            self._say(prefixed(f"self.{step.name} = ", made))

    def _say(self, text: str | Tree, indent: int = 2) -> None:
        self.lines += statement(text, indent)

    def _condition(self, row: Row) -> str:
        child = row.first.child
        when = getattr(child, "wiring", {}).get("when")
        said = None if when is None else self.scope.holds(when.text, row.present, list(row.steps))
        if said is None:
            wanted = [str(u in row.present) for u in row.steps]
            said = self.scope.value(list(row.steps), wanted, f"with_{row.first.name or 'layer'}")
        return said

    def _place(self, step: Any) -> str:
        if step.owner:
            return self._reach(step.owner)
        if not step.name.isidentifier():
            if self.base == "nn.ModuleList":
                return f"self[{step.name}]"
            get = getter(step.part) if isinstance(step.part, Node) else "get_submodule"
            return f'self.{get}("{step.name}")'
        return f"self.{step.name}"

    def _reach(self, path: str) -> str:
        """The expression for a module further away: one inside of this class only."""
        around = self.variant.uses[0].group.path
        if len(self.variant.uses) > 1 or (around and not path.startswith(f"{around}.")):
            raise Unstructured(f"{path} is called from elsewhere")
        inner = path[len(around) + 1 :] if around else path
        return f"self.{inner}" if "." not in inner and inner.isidentifier() else f'self.get_submodule("{inner}")'

    def _tie(self, row: Row) -> None:
        step = row.first
        for inner in row.rows:
            self._tie(inner)
        if not isinstance(step.part, Node) or not step.part.ties:
            return
        for weight, (owner, theirs) in step.part.ties.items():
            self._say(f"{self._reach(step.part.path)}.{weight} = {self._tensor(owner.owner.path, theirs)}")

    def _tensor(self, path: str, name: str) -> str:
        """The expression for a parameter of another layer."""
        module = self._reach(path)
        if module.startswith("self.get_"):
            return module.replace("submodule", "parameter").replace('")', f'.{name}")')
        return f"{module}.{name}"

    # what a row makes

    def _maker(self, row: Row) -> str | Tree | None:
        part = row.first.part
        if isinstance(part, Chain):
            return self._sequence(row.first.name, row.rows, "nn.Sequential")
        if isinstance(part, Unit):
            return self._instance(row, part.variant)
        return self._layer(row)

    def _sequence(self, name: str, rows: Sequence[Row], head: str) -> str | Tree:
        numbered = not name or all(r.first.name.isdigit() for r in rows)
        entries = [self._entry(row) for row in rows]
        if any(condition for *_, condition in entries):
            return self._grown(entries, numbered, head)
        listed = numbered and [e[0] for e in entries] == [str(i) for i in range(len(entries))]
        items = folded([e[:3] for e in entries], not listed, self.scope.taken)
        whole = items[0][0] if len(items) == 1 else None
        if isinstance(whole, str) and whole.startswith("*["):
            return f"{head}({whole})" if listed else f"{head}(OrderedDict({whole[1:]}))"
        if listed:
            return Tree(f"{head}(", items, ")")
        pairs = Tree("[", items, "]")
        return Tree(f"{head}(", [(Tree("OrderedDict(", [(pairs, "")], ")"), "")], ")")

    def _entry(self, row: Row) -> Entry:
        made = self._maker(row)
        assert made is not None
        return row.first.name, made, shapes(row.first.outputs), self._condition(row) if row.optional else ""

    def _grown(self, entries: list[Entry], numbered: bool, head: str) -> str:
        """A sequence some of whose children are left out by a condition: a list, or a mapping, that grows."""
        layers = self.scope.unique("layers")
        kind = "list[nn.Module] = []" if numbered else "OrderedDict[str, nn.Module] = OrderedDict()"
        self._say(f"{layers}: {kind}")
        for name, made, comment, condition in entries:
            text = f"{layers}.append(" if numbered else f'{layers}["{name}"] = '
            whole = tree(text, [made], ")") if isinstance(made, Tree) and numbered else None
            plain = f"{text}{made})" if numbered else prefixed(text, made)
            if condition:
                self._say(f"if {condition}:")
            self.lines += statement(whole or plain, 3 if condition else 2, comment)
        return f"{head}({'*' if numbered else ''}{layers})"

    def _instance(self, row: Row, variant: Variant) -> str:
        """The call of a class of ours, with its arguments for each use."""
        among = row.present
        units: list[Any] = [row.steps[u].part for u in among]
        given = self._block_arguments(row)
        items = []
        for param in variant.params:
            texts = [param.texts[unit.number] for unit in units]
            wires = [unit.inputs[param.size[0]] for unit in units] if param.size else ()
            written = given.get(param.spec_name, param.written)
            said = self.scope.value(among, texts, param.name, written, wires)
            self.scope.learn(among, units[0].outputs, texts, said)
            if said != param.default:
                items.append(said if param.default is None else f"{param.name}={said}")
        return f"{variant.name}({', '.join(items)})"

    def _block_arguments(self, row: Row) -> Mapping[str, Any]:
        part: Any = row.first.part
        block = part.group.block
        if block is None:
            return {}
        known = [key.text for key, _ in block.params]
        written, _ = match_arguments("", known, known[0] if known else None, row.first.child.argument)
        return written

    def _layer(self, row: Row) -> str | None:
        among = row.present
        nodes: list[Any] = [row.steps[u].part for u in among]
        makers = [node.op.constructor() for node in nodes]
        if makers[0] is None:
            return None
        callee = self.stubs.get(nodes[0].op_name, makers[0].partition("(")[0])
        if own_tensor(makers[0]):
            return self._counted(row, makers, nodes[0].written.get("shape"))
        attributes = {a.name: a for a in nodes[0].op.attributes}
        lead = [a.name for a in nodes[0].op.attributes if a.lead]
        calls = [dict(_argument(i, text, lead) for i, text in enumerate(items_of(_inside(m)))) for m in makers]
        order = [*attributes, *dict.fromkeys(k for call in calls for k in call if k not in attributes)]
        items = []
        for name in [n for n in order if any(n in call for call in calls)]:
            attribute = attributes.get(name)
            default = "None" if attribute is None else source(attribute.default)
            texts = [call.get(name, default) for call in calls]
            said = self._said(row, nodes, name, [quoted(t) for t in texts], attribute)
            items.append(said if name in lead or name.isdigit() else f"{name}={said}")
        return f"{callee}({', '.join(items)})"

    def _said(self, row: Row, nodes: list[Any], name: str, texts: list[str], attribute: Any) -> str:
        written = nodes[0].written.get(name)
        if isinstance(written, Items) and self.scope.block is not None:
            listed = self._listed(row, texts, name, written)
            if listed:
                return listed
        inferred = attribute is not None and attribute.default is INFERRED and written is None
        wires = [n.inputs[0] for n in nodes] if inferred and nodes[0].inputs else ()
        hint = f"{row.first.name}_{name}" if row.first.name.isidentifier() else name
        said = self.scope.value(row.present, texts, hint, written, wires)
        if texts[0].isdigit() and attribute is not None and _gives_size(attribute):
            for node in nodes:
                self.scope.learn(row.present, node.outputs[:1], texts, said)
        return said

    def _listed(self, row: Row, texts: list[str], name: str, written: Items) -> str:
        """A tuple or list said element by element; nothing where it is written as something else."""
        columns = [items_of(t[1:-1]) for t in texts]
        if any(t[0] not in "([" or len(c) != len(written.items) for t, c in zip(texts, columns, strict=True)):
            return ""
        parts = [
            self.scope.value(row.present, column, f"{name}_{i}", item)
            for i, (column, item) in enumerate(zip(zip(*columns, strict=True), written.items, strict=True))
        ]
        comma = "," if len(parts) == 1 and texts[0][0] == "(" else ""
        return f"{texts[0][0]}{', '.join(parts)}{comma}{texts[0][-1]}"

    def _counted(self, row: Row, texts: list[str], shape: Any) -> str:
        """A text whose numbers may differ between uses."""
        written = shape.items if isinstance(shape, Items) else [shape]
        numbers = [NUMBER.findall(t) for t in texts]
        parts = iter(
            self.scope.value(row.present, column, f"{row.first.name}_size", written[i] if i < len(written) else None)
            for i, column in enumerate(zip(*numbers, strict=True))
        )
        return tidied(NUMBER.sub(lambda _: next(parts), texts[0]))

    def _call(self, row: Row) -> str:
        """The text of a call; numbers that differ between uses are attributes that the constructor sets."""
        nodes: list[Any] = [row.steps[u].part for u in row.present]
        texts = [called(n) for n in nodes]
        if len(set(texts)) == 1:
            return texts[0]
        columns = iter(list(zip(*(NUMBER.findall(t) for t in texts), strict=True)))
        return NUMBER.sub(lambda _: self._number(row, next(columns)), texts[0])

    def _number(self, row: Row, column: Sequence[str]) -> str:
        if len(set(column)) == 1:
            return column[0]
        said = self.scope.value(row.present, column, f"{row.first.name or 'layer'}_number")
        if said not in self.numbers:
            name = said if said.isidentifier() else f"{row.first.name}_number"
            self.numbers[said] = self._attribute(name)
            self._say(f"self.{self.numbers[said]} = {said}")
        return f"self.{self.numbers[said]}"

    def _attribute(self, name: str) -> str:
        """A name for an attribute that is no child's and none of nn.Module's."""
        from shapecalc.source.names import bad_child_name

        name = re.sub(r"\W", "_", name)
        name = f"n_{name}" if bad_child_name(name) else name
        while name in self.attributes:
            name += "_"
        self.attributes.add(name)
        return name

    def signature(self) -> Iterator[str]:
        """`name: type = default` of each argument."""
        from shapecalc.codegen.slots import kind_of

        for param in self.scope.arguments():
            default = "" if param.default is None else f" = {param.default}"
            yield f"{param.name}: {kind_of([*param.texts, *([param.default] if param.default else [])])}{default}"


def _gives_size(attribute: Any) -> bool:
    """Whether an argument may be the size that comes out; one that is read off the input, or a kernel's, is not."""
    return attribute.default is not INFERRED and (attribute.lead or attribute.main)


def prefixed(prefix: str, made: str | Tree) -> str | Tree:
    """A statement that begins with `prefix`."""
    return f"{prefix}{made}" if isinstance(made, str) else Tree(prefix + made.head, made.items, made.tail)


def _made(row: Row) -> str:
    node: Any = row.first.part
    return "" if row.first.owner else node.op.constructor() or ""


def _inside(text: str) -> str:
    return text[text.index("(") + 1 : -1]


def _argument(place: int, text: str, lead: Sequence[str]) -> tuple[str, str]:
    match = KEYWORD.fullmatch(text)
    if match:
        return match[1], match[2]
    return (lead[place] if place < len(lead) else str(place)), text
