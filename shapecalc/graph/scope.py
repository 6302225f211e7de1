"""Names of values: what a reference in a spec stands for, searched outwards as far as the enclosing block."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shapecalc.graph.mistake import Mistake, Silent
from shapecalc.graph.values import IN_NAMES, broken
from shapecalc.source.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapecalc.graph.graph import Group, Node, Wire
    from shapecalc.ops.op import Shape
    from shapecalc.source.spec import Body


class Entry:
    """What a name stands for: the outputs of a layer, and the names inside it where it is a sequence.

    `equals` says that the outputs are equals, so that the bare name is none of them. An entry whose `wires` is None
    is a sequence still being read.
    """

    __slots__ = ("equals", "members", "owner", "skipped", "wires")

    def __init__(
        self,
        wires: tuple[Wire, ...] | None,
        *,
        equals: bool = False,
        members: Mapping[str, Entry] | None = None,
        owner: Node | Group | None = None,
        skipped: bool = False,
    ) -> None:
        self.wires = wires
        self.equals = equals
        self.members = members
        self.owner = owner
        self.skipped = skipped


class Scope:
    """The names of one sequence while it is read: earlier siblings and labels, what it was given, and the flow.

    `count` is the number that the next unnamed child of a list takes. `outer` is None where a block begins. `hazy`
    says that a mistake hides some of the names.
    """

    __slots__ = ("body", "count", "flow", "given", "hazy", "names", "outer", "path")

    def __init__(self, path: str, given: Entry | None, outer: Scope | None, body: Body | None) -> None:
        self.path = path
        self.given = given
        self.flow = given
        self.outer = outer
        self.body = body
        self.names: dict[str, Entry] = {}
        self.count = 0
        self.hazy = False

    def inner_path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def outwards(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def find(self, text: str, place: Any, flow: Entry | None) -> Entry:
        """The entry that a reference names, a single output chosen where it ends in `[1]`. Raises Mistake."""
        path, opened, index = text.partition("[")
        words = path.replace(".", "_").replace("-", "_")
        if not (words.isascii() and f"_{words}".isidentifier()) or (opened and not _closed_number(index)):
            raise Mistake("SC114", f"{text!r} is no reference to a layer", place, "write a name, `a.b` or `name[1]`")
        entry = self._descend(path, place, flow)
        return _output(entry, int(index[:-1]), path, place) if opened else entry

    def _descend(self, path: str, place: Any, flow: Entry | None) -> Entry:
        first, *rest = path.split(".")
        entry = self._first(first, place, flow)
        for depth, segment in enumerate(rest, 1):
            reached = ".".join([first, *rest[: depth - 1]])
            if entry.members is None:
                raise Mistake("SC114", f"{reached!r} has no layers that a reference can reach", place, _inside(entry))
            if segment not in entry.members:
                raise _unknown(segment, entry.members, f"nothing in {reached!r} before this is named", place)
            entry = entry.members[segment]
        return entry

    def _first(self, name: str, place: Any, flow: Entry | None) -> Entry:
        for scope in self.outwards():
            if name in scope.names:
                return scope.names[name]
        found = {"input": self.given, "previous": flow}.get(name)
        if found is not None:
            return found
        if name in ("input", "previous"):
            raise Mistake("SC116", f"`{name}` is none here: the network has several inputs", place, "name one of them")
        raise self._not_found(name, place)

    def _not_found(self, name: str, place: Any) -> Exception:
        if any(scope.hazy for scope in self.outwards()):
            return Silent()
        if any(name in _static_names(scope.body) for scope in self.outwards()):
            message = f"{name!r} comes later; a reference can only go back"
            return Mistake("SC115", message, place, "move the layer up, or refer to an earlier one")
        words = {"input": self.given, "previous": self.flow}
        known = {n: e for scope in self.outwards() for n, e in scope.names.items()}
        known |= {word: entry for word, entry in words.items() if entry is not None}
        return _unknown(name, known, "nothing before this is named", place)


def _closed_number(text: str) -> bool:
    return text.endswith("]") and text[:-1].isascii() and text[:-1].isdigit() and len(text) < 8


def _inside(entry: Entry) -> str:
    return "a block is closed: its outputs are `name[0]`, `name[1]`" if entry.owner is not None else ""


def _unknown(name: str, known: Mapping[str, Entry], message: str, place: Any) -> Mistake:
    from shapecalc.source.spelling import respelled

    near = nearest(name, known)
    candidates = [n for n in known if not n.isdigit()]
    listing = f"names that can be used here: {', '.join(candidates[-12:])}" if candidates else ""
    help = f"did you mean `{near}`?" if near else listing
    return Mistake("SC114", f"{message} {name!r}", place, help, respelled(place, name, near))


def _output(entry: Entry, index: int, path: str, place: Any) -> Entry:
    wires = finished(entry, path, place)
    if index >= len(wires):
        if all(w.shape is None for w in wires):
            raise Silent
        count = "only 1 output" if len(wires) == 1 else f"{len(wires)} outputs, numbered from 0"
        raise Mistake("SC114", f"{path!r} has {count}", place)
    return Entry((wires[index],), owner=entry.owner)


def finished(entry: Entry, path: str, place: Any) -> tuple[Wire, ...]:
    """The outputs of an entry that is complete. Raises Mistake for a sequence that is still being read."""
    if entry.wires is None:
        raise Mistake("SC115", f"{path!r} is not finished here: the reference stands inside of it", place)
    return entry.wires


def single(entry: Entry, path: str, place: Any) -> Wire:
    """The one wire that a bare name means. Raises Mistake where several outputs are equals."""
    wires = finished(entry, path, place)
    if entry.equals and len(wires) > 1:
        message = f"{path} has {len(wires)} outputs that are equals; say which is meant"
        raise Mistake(
            "SC116",
            message,
            place,
            f"write e.g. `from: {path}[0]`" if path != "the flow" else "use `from: name[0]`",
        )
    return wires[0]


def input_env(wire: Wire | None) -> dict[str, Any]:
    """The `in_` names that a sequence sees of its first input."""
    if wire is None:
        return {}
    if wire.shape is None:
        return {broken(name): True for name in IN_NAMES}
    return dict(_of_shape(wire.shape))


@lru_cache(maxsize=1000)
def _of_shape(whole: Shape) -> Mapping[str, Any]:
    """The same of a shape; few shapes arrive at many sequences."""
    from shapecalc.dims.sym import names

    shape = list(whole)
    batched = [i for i, size in enumerate(shape) if "N" in names(size)]
    if batched == [0]:
        shape = shape[1:]
    if batched not in ([0], []) or not shape:
        return {"in_shape": shape}
    return {"in_shape": shape, "in_channels": shape[0], "in_features": shape[-1]}


def _static_names(body: Body | None) -> set[str]:
    """Names that a sequence will have, as far as the text shows them."""
    from shapecalc.source.located import Scalar
    from shapecalc.source.spec import Child, Loop

    found: set[str] = set()
    for number, child in enumerate(body.children if body else ()):
        if isinstance(child, Loop):
            found |= _static_names(child.body)
            continue
        if body and not body.named:
            found.add(str(number))
        found |= {child.name.text} if child.name is not None else set()
        if isinstance(child, Child):
            found |= {n.text for key in ("as", "name") if isinstance(n := child.wiring.get(key), Scalar)}
    return found
