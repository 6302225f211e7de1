"""YAML text into located values, by PyYAML's event stream. Knows YAML and its limits, nothing of specs.

Built on events, not on `yaml.load`: loading loses the positions, reads YAML 1.1 (`no` is false, `1e-5` text),
can be bombed with a kilobyte of merge keys, and its C composer dies on deep nesting. Nothing here recurses.
"""

from __future__ import annotations

import gc

from shapecalc.source import text as texts
from shapecalc.source.diagnostic import Diagnostic
from shapecalc.source.located import UNREADABLE, Items, Node, Pairs, Scalar, Unreadable
from shapecalc.source.scalar import Problem, is_tagged_as, resolve
from shapecalc.source.sections import read_sections

TYPE_CHECKING = False  # known to type checkers; importing typing for it would cost 5 ms
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 100
MAX_EXPANSION = 1_000_000

_RESOLVED_BY_VALUE = "0123456789+-.~tTfFnN"  # a plain scalar that begins otherwise is text
_NOT_PLAIN = "&!'\"|>"  # what a scalar's place begins with where it is quoted, tagged or anchored


def read(source: texts.Source) -> tuple[Node | None, list[Diagnostic]]:
    """The document in `source` and what is wrong with it, in the order of the text.

    The node is None where the text is no YAML, is empty or exceeds a limit. After a duplicate or bad key, a
    merge key, a tag or an ambiguous number the reading goes on: a bad pair is left out, a bad scalar is text.
    """
    if len(source.text) > texts.MAX_BYTES:
        return None, [texts.too_large(len(source.text))]
    if source.text.startswith(texts.BOM):  # the parser would skip it, and every place be off by one
        return None, [Diagnostic("SC002", "a second byte order mark", 0, 1, help="take it out")]
    with PausedCollector():
        node, problems = read_sections(source.text, _read)
    return node, sorted(problems, key=lambda problem: problem.start)


class PausedCollector:
    """Keeps the cyclic garbage collector off inside of a `with`, and restores what was before.

    A large file makes a million small objects and no garbage; with the collector on, each of its rounds walks
    all of them. Whoever goes on working with a large tree does well to hold one around the whole work.
    """

    __slots__ = ("collecting",)

    def __enter__(self) -> None:
        self.collecting = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self.collecting:
            gc.enable()


def _read(text: str) -> tuple[Node | None, list[Diagnostic]]:
    import yaml  # here, because it costs more than all of this package

    builder = _Builder(text)
    try:
        builder.run(_parser(text))
    except _Stop as stop:
        return None, [*builder.problems, stop.problem]
    except (yaml.YAMLError, ValueError) as error:  # ValueError: lone surrogates, escapes beyond Unicode
        from shapecalc.source.complaint import syntax_diagnostic

        fault = syntax_diagnostic(text, error)
        line = max(text.rfind(sign, 0, fault.start) for sign in "\n\r")
        # `*a + 1` is an unknown alias first and then a syntax error: one mistake, one message.
        return None, [*(problem for problem in builder.problems if problem.start <= line), fault]
    return builder.document(), builder.problems


def _parser(text: str) -> Any:
    try:
        from yaml._yaml import CParser
    except ImportError:
        import yaml

        return yaml.Loader(text)  # only its events are taken; it constructs nothing
    return CParser(text)


class _Stop(Exception):
    def __init__(self, code: str, message: str, start: int, end: int, help: str) -> None:
        self.problem = Diagnostic(code, message, start, end, help=help)


class _Builder:
    """The walk over the events. `children` are the nodes of the innermost open collection, keys and values of
    a mapping in turn; `opened` holds its start event and what the enclosing collections had.
    """

    __slots__ = ("anchors", "children", "extra", "last", "opened", "problems", "resolved", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Diagnostic] = []
        self.children: list[Node] = []
        self.extra = 0  # nodes below the children
        self.opened: list[tuple[Any, list[Node], int]] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.last = 0  # where the last node ended: block collections end there, not at their end event
        self.resolved: dict[str, Any] = {}

    def run(self, parser: Any) -> None:
        """Takes the events of the first document; raises what the parser raises, and `_Stop`."""
        from yaml import events

        parser.get_event()
        if parser.get_event().__class__ is events.StreamEndEvent:
            return
        self.take_document(parser.get_event, events)
        event = parser.get_event()
        if event.__class__ is events.DocumentStartEvent:
            start, end = _marks(event)
            advice = "put every spec into a file of its own and take out the `---`"
            problem = Diagnostic("SC007", "a second YAML document begins here", start, end, help=advice)
            self.problems.append(problem)

    def take_document(self, next_event: Any, events: Any) -> None:
        handlers = {
            events.MappingStartEvent: self.start,
            events.SequenceStartEvent: self.start,
            events.MappingEndEvent: self.end,
            events.SequenceEndEvent: self.end,
            events.AliasEvent: self.alias,
        }
        scalar_event, document_end = events.ScalarEvent, events.DocumentEndEvent
        text, known = self.text, self.resolved
        # The usual scalar's branch is written out here: there are half a million of them in a large file.
        while True:
            event = next_event()
            kind = event.__class__
            if kind is not scalar_event:
                if kind is document_end:
                    return
                handlers[kind](event)
                continue
            value = event.value
            start = event.start_mark.index
            if not value or text[start] in _NOT_PLAIN:
                self.marked_scalar(event)
                continue
            self.last = end = event.end_mark.index
            content = value
            if value[0] in _RESOLVED_BY_VALUE:
                content = known[value] if value in known else self.value(value, start, end)
            self.children.append(Scalar(content, value, start, end))

    def document(self) -> Node | None:
        """The document that was read, None (and SC009) where there is nothing in it."""
        root = self.children[0] if self.children else None
        if root is None or (isinstance(root, Scalar) and not root.text and root.value is None):
            message = "the file is empty" if not self.text.strip() else "the file holds nothing but comments"
            self.problems.append(Diagnostic("SC009", message, 0, 0, help="a spec begins with `shapecalc: 1`"))
            return None
        return root

    def value(self, text: str, start: int, end: int) -> int | float | bool | str | Unreadable | None:
        value = self.resolved[text] = resolve(text)
        if isinstance(value, Problem):
            del self.resolved[text]  # so that each such scalar is reported at its own place
            if not self.at_key():  # a key is a name: `010` is as good as any
                self.problems.append(Diagnostic(value.code, value.message, start, end, help=value.help))
                return UNREADABLE
            return text
        return value

    def at_key(self) -> bool:
        if not self.opened or len(self.children) % 2:
            return False
        return _is_mapping(self.opened[-1][0])

    def marked_scalar(self, event: Any) -> None:
        """A scalar that is empty, quoted, tagged or anchored."""
        text, (start, end) = event.value, _marks(event)
        start = _after_properties(self.text, start, end)
        if event.style in ("|", ">"):
            end = start + len(self.text[start:end].rstrip())
        if not text and not event.style:
            start = end = min(start, end)
        self.last = end
        node = Scalar(text, text, start, end, bool(event.style))
        if not event.style:
            node.value = self.value(text, start, end)
        self.honour_scalar_tag(event, node)
        self.children.append(node)
        self.remember(event, node, 1)

    def honour_scalar_tag(self, event: Any, node: Scalar) -> None:
        if event.tag is None or event.tag == "!":
            return
        agrees, value = is_tagged_as(event.tag, node.text)
        if agrees:
            node.value, node.quoted = value, node.quoted or isinstance(value, str)
            return
        self.unknown_tag(event, node.start)
        node.value = UNREADABLE

    def unknown_tag(self, event: Any, end: int) -> None:
        start = event.start_mark.index
        written = self.text[start:end].strip() or event.tag
        advice = "take the tag out; an expression that begins with `!` must be quoted"
        end = start + len(written)
        self.problems.append(
            Diagnostic("SC006", f"the tag `{texts.one_line(written)}` is not supported here", start, end, help=advice)
        )

    def remember(self, event: Any, node: Node, size: int) -> None:
        if event.anchor is not None:
            self.anchors[event.anchor] = node, size

    def start(self, event: Any) -> None:
        if len(self.opened) >= MAX_DEPTH:
            start, end = _marks(event)
            message = f"values are nested more than {MAX_DEPTH} deep"
            raise _Stop("SC008", message, start, end, "name the inner parts as `blocks`")
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)  # inside, the name is this one's, which is not there yet
        self.opened.append((event, self.children, self.extra))
        self.children = []
        self.extra = 0

    def end(self, event: Any) -> None:
        opened, siblings, extra = self.opened.pop()
        children = self.children
        start, end = opened.start_mark.index, event.end_mark.index
        if self.text[start] in "&!":
            start = _after_properties(self.text, start, end)
        if event.start_mark.index == end:  # a block has no closing bracket
            end = self.last
        self.last = end
        size = 1 + len(children) + self.extra
        is_mapping = _is_mapping(opened)
        if opened.tag is not None and opened.tag != f"tag:yaml.org,2002:{'map' if is_mapping else 'seq'}":
            self.unknown_tag(opened, start)
        node: Node = Items(children, start, end)
        if is_mapping:
            pairs = self.pairs(children)
            node = Pairs(pairs, start, end, 2 * len(pairs) < len(children))
        siblings.append(node)
        self.children, self.extra = siblings, extra + size - 1
        if self.anchors or opened.anchor is not None:
            self.remember(opened, node, size)
            self.bound_expansion(opened)

    def pairs(self, children: list[Any]) -> list[tuple[Scalar, Node]]:
        if len(children) == 2 and children[0].__class__ is Scalar and children[0].text != "<<":
            return [(children[0], children[1])]  # the usual `Operator: arguments`
        pairs = list(zip(children[::2], children[1::2], strict=True))
        try:
            names = {key.text for key, _ in pairs}
        except AttributeError:  # a key that is no scalar
            return self.good_pairs(pairs)
        if len(names) < len(pairs) or "<<" in names:
            return self.good_pairs(pairs)
        return pairs

    def good_pairs(self, pairs: list[tuple[Any, Node]]) -> list[tuple[Scalar, Node]]:
        """The pairs that can stay, with a diagnostic for each of the others."""
        good: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        for key, value in pairs:
            problem = _key_problem(key, seen)
            if problem is None:
                good.append((key, value))
            else:
                self.problems.append(problem)
        return good

    def alias(self, event: Any) -> None:
        start, end = _marks(event)
        self.last = end
        if event.anchor not in self.anchors:
            self.problems.append(self.unknown_anchor(event.anchor, start, end))
            self.children.append(Scalar(UNREADABLE, self.text[start:end], start, end))
            return
        node, size = self.anchors[event.anchor]
        self.children.append(node)
        self.extra += size - 1
        self.bound_expansion(event)

    def unknown_anchor(self, name: str, start: int, end: int) -> Diagnostic:
        if any(opened.anchor == name for opened, _, _ in self.opened):
            message = f"the alias `*{name}` stands inside of what `&{name}` names"
            return Diagnostic("SC010", message, start, end, help="a value cannot contain itself")
        advice = f'define `&{name}` before; an expression that begins with `*` must be quoted: "*{name}"'
        return Diagnostic("SC010", f"no anchor `&{name}` before this alias", start, end, help=advice)

    def bound_expansion(self, event: Any) -> None:
        # What is written out is bounded by the size of the file; only what aliases add needs a limit.
        if len(self.children) + self.extra > MAX_EXPANSION + len(self.text):
            start, end = _marks(event)
            message = f"the aliases here expand to more than {MAX_EXPANSION:,} values"
            raise _Stop("SC008", message, start, end, "state repetition with `repeat`, loops or blocks")


def _marks(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def _is_mapping(event: Any) -> bool:
    name: str = event.__class__.__name__
    return name == "MappingStartEvent"


def _key_problem(key: Node, seen: dict[str, Scalar]) -> Diagnostic | None:
    if not isinstance(key, Scalar):
        advice = "a key is a name; quote it if it is meant as text, for example an expression in braces"
        return Diagnostic(
            "SC011", "a list or a mapping cannot be a key", key.start, max(key.end, key.start), help=advice
        )
    if key.text == "<<" and not key.quoted:
        advice = "share layers by a block with params (`blocks:`); share a value by a param"
        return Diagnostic("SC005", "the merge key `<<` is not supported", key.start, key.end, help=advice)
    first = seen.setdefault(key.text, key)
    if first is key or _is_loop_header(key.text):
        return None
    message = f"the key `{texts.one_line(key.text)}` is given twice in this mapping"
    related = ((first.start, first.end, "first given here"),)
    return Diagnostic(
        "SC003", message, key.start, key.end, help="rename one of the two, or take it out", related=related
    )


def _is_loop_header(text: str) -> bool:
    words = text.split()
    return len(words) > 3 and words[0] == "for" and "in" in words[2:-1]


def _after_properties(text: str, start: int, end: int) -> int:
    """Where the value begins whose anchor or tag may stand at `start`."""
    while start < end:
        if text[start].isspace():
            start += 1
        elif text[start] in "&!":
            start = _skip(text, start, end, "\t\n\r ")
        elif text[start] == "#":
            start = _skip(text, start, end, "\n\r")
        else:
            break
    return start


def _skip(text: str, start: int, end: int, stops: str) -> int:
    while start < end and text[start] not in stops:
        start += 1
    return start
