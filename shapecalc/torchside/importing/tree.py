"""Steps of a pass -> pieces in the order of a spec: named children, nested as the modules are.

Children keep the names that the module tree gives them, so that the `state_dict` does; tensor functions get names of
their own. What cannot keep its name is told in `notes`. Knows nothing of references, blocks and text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapecalc.ops.registry import MODULES, find
from shapecalc.source.names import bad_child_name
from shapecalc.torchside.importing.origin import anonymous, in_order
from shapecalc.torchside.importing.step import among

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.torchside.importing.origin import Origin
    from shapecalc.torchside.importing.step import Step, Value

    Entry = tuple[tuple[str, ...], "Piece"]


class Piece:
    """One child: an operator (`op`), the use of a block (`op`, once blocks are made), or a group of children.

    `name` is empty until it is given; `number` says that the name is a number of a list. `facts` is what an opaque
    step is made of. `args` of a use holds all params of its block.
    """

    __slots__ = (
        "args", "children", "cls", "inputs", "line", "listed", "name", "names", "note", "op", "operands", "outputs",
        "path", "share", "use",
    )  # fmt: skip

    def __init__(self, step: Step | None, op: str | None = None) -> None:
        self.name = ""
        self.op = op
        self.use = False
        self.cls = step.cls if step else None
        self.path = step.path if step else ""
        self.line = step.line if step else ""
        self.share = step.share if step else ""
        self.args: dict[str, Any] = dict(step.args) if step else {}
        self.operands = step.operands if step else None
        self.inputs: list[Value] = list(step.inputs) if step else []
        self.names: list[str] = list(step.names) if step else []
        self.outputs: list[Value] = list(step.outputs) if step else []
        self.children: list[Piece] = []
        self.listed = False
        self.note = ""

    @property
    def group(self) -> bool:
        return self.op is None

    def walk(self) -> Iterator[Piece]:
        yield self
        for child in self.children:
            yield from child.walk()


def build_tree(root: Step, origin: Origin) -> tuple[Piece, list[str]]:
    """The piece of the whole network, and notes on what could not be kept."""
    tree = _Tree(origin)
    piece = Piece(root)
    piece.children = tree.nest(list(tree.entries(root, "")), "")
    tree.finish(piece)
    tree.name(piece)
    if tree.untold:
        what = among(tree.untold, "buffers")
        tree.notes.append(f"zeros stand for {what} until a state_dict is loaded that holds the values")
    if tree.tables:
        what = among(tree.tables, "buffers")
        tree.notes.append(
            f"zeros stand for {what}, keys here that no state_dict of the module holds: "
            "load {**module.state_dict(), **dict(module.named_buffers())}"
        )
    return piece, root.notes + tree.notes


class _Tree:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.notes: list[str] = []
        self.untold: list[str] = []
        self.tables: list[str] = []
        self.called: set[str] = set()
        self.made: set[int] = set()
        self.sharing = 0

    def entries(self, step: Step, base: str) -> Iterator[Entry]:
        """The children of a step with their names below `base`; none for a tensor function."""
        for inner in step.steps:
            yield from self.parameters(inner, base)
            yield from self.entry(inner, base)

    def parameters(self, step: Step, base: str) -> Iterator[Entry]:
        """Tensors of the module's own that a step uses for the first time."""
        for value in step.inputs:
            if value.own and id(value) not in self.made:
                self.made.add(id(value))
                kept = value.constant is not None
                piece = Piece(None, "Buffer" if kept else "Parameter")
                piece.args = {
                    "shape": list(value.shape),
                    **(self.holds(value) if kept else self.origin.init(value)),
                }
                piece.outputs = [value]
                piece.path = value.weight
                yield self.placed(value.weight, base) if value.weight else (), piece

    def holds(self, value: Value) -> dict[str, Any]:
        """What a buffer holds. Where a checkpoint is to tell, it begins with zeros, which is noted."""
        found, init = {}, self.origin.begins(value)
        if init is None and not self.origin.keeps(value.weight):
            self.tables.append(value.weight)
            return {} if value.dtype == "float32" else {"dtype": value.dtype}
        if init is None:
            self.untold.append(value.weight)
        elif init != "zeros":
            found["init"] = init
        if value.dtype != "float32":
            found["dtype"] = value.dtype
        return found if self.origin.keeps(value.weight) else found | {"persistent": False}

    def placed(self, path: str, base: str) -> tuple[str, ...]:
        """The names below `base`; the last one alone for what stands elsewhere."""
        if not base or path.startswith(f"{base}."):
            return tuple(path.removeprefix(base).removeprefix(".").split("."))
        self.notes.append(f"{path} is used where it does not stand, so its key changes")
        return (path.rpartition(".")[2],)

    def entry(self, step: Step, base: str) -> Iterator[Entry]:
        if step.op is not None and not step.path:
            yield (), Piece(step, step.op)
        elif step.path in self.called and not self.sharing:
            yield from self.again(step, base)
        elif step.op is None:
            if not _lends(step):
                self.called.add(step.path)
            yield from self.module_entries(step, base)
        else:
            self.called.add(step.path)
            yield self.placed(step.path, base), Piece(step, step.op)

    def again(self, step: Step, base: str) -> Iterator[Entry]:
        """A module that is called once more: shared where it holds anything, else as a layer of its own."""
        self.sharing += 1
        made = list(self.module_entries(step, base)) if step.op is None else [((), Piece(step, step.op))]
        self.sharing -= 1
        kept = self.origin.any_below(step.path)
        for _, piece in made:
            if kept:
                piece.share = piece.path
            piece.note = "again"
            yield (), piece

    def module_entries(self, step: Step, base: str) -> Iterator[Entry]:
        if _lends(step):
            yield from self.entries(step, base)
            return
        place = self.placed(step.path, base)
        only = step.steps[0] if len(step.steps) == 1 else None
        if not step.steps:
            if step.outputs == step.inputs[:1]:
                identity = Piece(step, "Identity")
                identity.args = {}
                yield place, identity
            return
        if only is not None and _is_all(step, only):
            yield place, Piece(only, only.op)
            return
        piece = Piece(step)
        piece.children = self.nest(list(self.entries(step, step.path)), step.path)
        yield place, piece

    def nest(self, entries: list[Entry], base: str) -> list[Piece]:
        """Entries with the same first name as one group, with whatever is called between them."""
        found: list[Piece] = []
        while entries:
            (head, *rest), piece = entries[0] if entries[0][0] else (("",), entries[0][1])
            if not rest:
                piece.name = head
                found.append(piece)
                entries = entries[1:]
                continue
            end = 1 + max(n for n, (names, _) in enumerate(entries) if names[:1] == (head,) and len(names) > 1)
            inside, entries = entries[:end], entries[end:]
            foreign = [names for names, _ in inside if names and (names[0] != head or len(names) == 1)]
            if foreign:
                self.notes.append(f"{base or 'the network'} calls {head} and {foreign[0][0]} in turn, so keys change")
                entries = [(("_".join(n),) if n else (), p) for n, p in inside] + entries
                continue
            group = Piece(None)
            group.name = head
            group.path = f"{base}.{head}" if base else head
            group.children = self.nest([(names[1:], p) for names, p in inside], group.path)
            found.append(group)
        return found

    def finish(self, piece: Piece) -> None:
        """Fill in what implicit groups take and give, and the numbers that lists would lack."""
        for child in piece.children:
            self.finish(child)
        if piece.group and not piece.outputs and piece.children:
            piece.outputs = next((c.outputs for c in reversed(piece.children) if not stands_by(c.op)), [])
        if piece.group and (piece.cls is None or anonymous(piece.cls)):
            piece.outputs = piece.outputs[:1]  # a sequence gives one value; what its last layer gives beside has a name
        if not piece.group or not piece.children:
            return
        own = {id(v) for child in piece.walk() if child is not piece for v in child.outputs}
        if piece.cls is None or not piece.inputs:
            taken = (v for child in piece.walk() if not child.group for v in child.inputs)
            piece.inputs = [v for v in taken if id(v) not in own][:1]
        numbers = [int(c.name) for c in piece.children if c.name.isdigit()]
        piece.listed = bool(numbers) and numbers == sorted(numbers)
        if piece.listed and numbers != list(range(len(numbers))):
            self.fill(piece)

    def fill(self, piece: Piece) -> None:
        """Put an Identity for each number that is not called, so that the others keep theirs."""
        count = 0
        children: list[Piece] = []
        flow = (piece.inputs or piece.children[0].outputs)[0]
        for child in piece.children:
            while child.name.isdigit() and count < int(child.name):
                filler = Piece(None, "Identity")
                filler.name, filler.inputs, filler.outputs = str(count), [flow], [flow]
                children.append(filler)
                count += 1
            count += child.name.isdigit()
            children.append(child)
            flow = child.outputs[0]
        piece.children = children

    def name(self, piece: Piece) -> None:
        """Give a name to what has none, and another to what has one that the language does not take."""
        taken = {child.name for child in piece.children}
        for child in piece.children:
            self.name(child)
            if not child.name:
                stem = (
                    child.path.rpartition(".")[2]
                    if child.note == "again" and child.path
                    else snake(child.op or "group")
                )
                child.name = free_name(f"{stem}_" if stem.isdigit() else stem, taken)
            elif not (child.name.isdigit() and piece.listed) and (bad_child_name(child.name) or child.name in MODULES):
                stem = f"n{child.name}" if child.name[0].isdigit() else f"{child.name}_"
                changed = free_name(re.sub(r"\W", "_", stem), taken)
                self.notes.append(f"{child.path or child.name} is no name for a layer; it is written {changed}")
                child.name = changed
            taken.add(child.name)


def stands_by(op: Any) -> bool:
    """Whether it takes nothing and leaves the flow as it was: a parameter or a buffer."""
    return isinstance(op, str) and op in MODULES and not find(op).inputs


def _lends(step: Step) -> bool:
    """Whether a function inside uses the module's own weights, so that it is the layer and no module is left."""
    return any(inner.path == step.path for inner in step.steps)


def _is_all(step: Step, only: Step) -> bool:
    """Whether a module is nothing but one tensor function, which may stand for it."""
    plain = bool(only.op) and not only.path and not any(v.own for v in only.inputs)
    return plain and step.outputs == only.outputs and not in_order(step.cls)


def snake(name: str) -> str:
    """`AdaptiveAvgPool2d` as `adaptive_avg_pool2d`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def free_name(stem: str, taken: set[str] | Sequence[str]) -> str:
    """The stem, or the stem with a number that none has yet."""
    stem = stem if not bad_child_name(stem) else f"{stem}_"
    count = 1
    name = stem
    while name in taken:
        count += 1
        name = f"{stem.rstrip('_')}{'_' * stem[-1:].isdigit()}{count}"
    return name
