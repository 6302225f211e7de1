"""Questions written by hand, in YAML -> a sheet with keys and workings, and what was claimed of them.

A question is a mapping: the keys of a problem (`spec`, `layer`, `what` ...), and, where wanted, `id`, `text`, `topic`
and `expect`, the claimed answer. A spec is text, a mapping in place, or `path:` of a file, with `set:` for its params.
Mistakes carry their place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shapecalc.quiz import wording
from shapecalc.quiz.grade import Mark, mark
from shapecalc.quiz.problem import Unsolvable
from shapecalc.quiz.question import NUMBER, OPEN, Ask, Question, Sheet, Wrong
from shapecalc.quiz.registry import PROBLEMS, TOPICS, problem_of
from shapecalc.source.located import UNREADABLE, Items, Pairs, Scalar, kind_of
from shapecalc.source.nearest import nearest
from shapecalc.source.reader import read
from shapecalc.source.text import Source, decode, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.problem import Problem, Solved
    from shapecalc.source.located import Node

DOCUMENT = ("title", "questions")
OWN = ("id", "text", "topic", "expect", "path", "set")
"""Keys of a question that are no problem's."""
NOT_IN_FLOW = frozenset(",[]{}:#&*!|>'\"%@`")


class Faulty(ValueError):
    """A mistake in the questions: `FILE:LINE:COLUMN: what is wrong`."""


class Claimed:
    """A question with what was claimed of its values: their marks, by name; none where nothing was."""

    __slots__ = ("marks", "question")

    def __init__(self, question: Question, marks: Sequence[Mark]) -> None:
        self.question = question
        self.marks = {m.ask.name: m for m in marks}


def posed(path: str, data: bytes, say: Words) -> tuple[Sheet, list[Claimed]]:
    """The sheet of a YAML file, and the claims. Raises Faulty."""
    source, diagnostic = decode(data, path)
    if source is None:
        raise Faulty(f"{path}: {diagnostic.message if diagnostic else 'no text'}")
    return _Reader(source, say).document()


class _Reader:
    def __init__(self, source: Source, say: Words) -> None:
        self.source = source
        self.say = say

    def fault(self, node: Node, message: str) -> Faulty:
        line, column = self.source.place(node.start)
        return Faulty(f"{self.source.path}:{line}:{column}: {message}")

    def document(self) -> tuple[Sheet, list[Claimed]]:
        root, diagnostics = read(self.source)
        for d in diagnostics:
            line, column = self.source.place(d.start)
            raise Faulty(f"{self.source.path}:{line}:{column}: {d.code} {d.message}")
        assert root is not None
        top = self.mapping(root, DOCUMENT, "a file of questions")
        questions = top.get("questions")
        if questions is None:
            raise self.fault(root, "`questions` is missing")
        if not isinstance(questions, Items):
            raise self.fault(questions, f"`questions` is a list, not {kind_of(questions)}")
        found = [self.question(node, n) for n, node in enumerate(questions.items, start=1)]
        title = self.text(top["title"]) if "title" in top else self.say("Questions")
        self.no_id_twice(questions.items, found)
        return Sheet(title, self.say.language, "", [c.question for c in found]), found

    def no_id_twice(self, nodes: Sequence[Node], found: Sequence[Claimed]) -> None:
        seen: set[str] = set()
        for node, claimed in zip(nodes, found, strict=True):
            if claimed.question.id in seen:
                raise self.fault(node, f"the id {claimed.question.id!r} is given twice")
            seen.add(claimed.question.id)

    def mapping(self, node: Node, known: Sequence[str], what: str) -> dict[str, Node]:
        """Pairs by name, all of them known ones."""
        if not isinstance(node, Pairs):
            raise self.fault(node, f"{what} is a mapping, not {kind_of(node)}")
        for key, _ in node.pairs:
            if key.text not in known:
                near = nearest(key.text, known)
                hint = f"; did you mean `{near}`?" if near else f"; it has {', '.join(known) or 'none'}"
                raise self.fault(key, f"{what} has no key `{one_line(key.text)}`{hint}")
        return {key.text: value for key, value in node.pairs}

    def text(self, node: Node) -> str:
        if not isinstance(node, Scalar) or node.value is None:
            raise self.fault(node, f"a text is due, not {kind_of(node)}")
        return node.text

    def question(self, node: Node, number: int) -> Claimed:
        keys = dict.fromkeys(key for form in PROBLEMS for key in (*form.keys, *form.optional))
        pairs = self.mapping(node, (*OWN, *keys), "a question")
        topic = self.topic(pairs)
        given = self.given(pairs)
        try:
            problem = problem_of(given)
            solved = problem.solve()
        except Unsolvable as error:
            raise self.fault(pairs.get("spec", node), str(error)) from None
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise self.fault(node, f"no problem: {error}") from None
        asks = [self.ask(name, one, topic) for name, one in solved.items()]
        text = self.text(pairs["text"]).strip() if "text" in pairs else self.asked(given)
        id = self.text(pairs["id"]) if "id" in pairs else str(number)
        question = Question(id, topic, 0, _kind(problem), text, asks, problem.given())
        return Claimed(question, self.claims(question, pairs["expect"]) if "expect" in pairs else [])

    def topic(self, pairs: Mapping[str, Node]) -> str:
        if "topic" not in pairs:
            return ""
        name = self.text(pairs["topic"])
        if name not in TOPICS:
            near = nearest(name, TOPICS)
            raise self.fault(pairs["topic"], f"no topic {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return name

    def asked(self, given: Mapping[str, Any]) -> str:
        """The words of a question that has none: its short keys as they stand."""
        told = {key: value for key, value in given.items() if key != "spec" and "\n" not in str(value)}
        return ", ".join(f"{key}: {wording.flow(value)}" for key, value in told.items())

    def ask(self, name: str, solved: Solved, topic: str) -> Ask:
        label, unit = TOPICS[topic].label(name, self.say) if topic else (name, "")
        return Ask(
            solved.answer,
            name=name,
            label=label,
            unit=unit,
            wrongs=_wrongs(solved, topic, self.say),
            lines=solved.lines(self.say),
            notes=solved.notes(self.say),
        )

    def claims(self, question: Question, node: Node) -> list[Mark]:
        """The marks of `expect`: a value, or values by name."""
        names = [ask.name for ask in question.asks]
        if isinstance(node, Pairs) and names == [""]:
            raise self.fault(node, "a value is due, not a mapping")
        if isinstance(node, Pairs):
            texts = {name: _written(value) for name, value in self.mapping(node, names, "`expect`").items()}
        elif len(names) == 1:
            texts = {names[0]: _written(node)}
        else:
            raise self.fault(node, f"values by name are due: {', '.join(names)}")
        if not all(text.strip() for text in texts.values()):
            raise self.fault(node, "a value is due, not nothing")
        return [m for m in mark(question, texts).marks if m.ask.name in texts]

    # problems

    def given(self, pairs: Mapping[str, Node]) -> dict[str, Any]:
        found = {key: self.plain(node) for key, node in pairs.items() if key not in OWN and key != "spec"}
        if "path" in pairs and "spec" in pairs:
            raise self.fault(pairs["path"], "`spec` and `path` exclude each other")
        if "path" in pairs:
            found["spec"] = self.file(pairs["path"])
        elif "spec" in pairs:
            found["spec"] = spec_text(pairs["spec"])
        if "set" in pairs:
            found["spec"] = self.settled(found.get("spec", ""), pairs["set"])
        return found

    def file(self, node: Node) -> str:
        """The text of a spec beside the questions. Paths are relative, so that a folder can be carried elsewhere."""
        path = self.text(node)
        if os.path.isabs(path):
            raise self.fault(node, f"{one_line(path)}: a path is relative to this file")
        try:
            with open(os.path.join(os.path.dirname(self.source.path), path), "rb") as file:
                source, diagnostic = decode(file.read(), path)
        except (OSError, ValueError) as error:
            raise self.fault(node, f"{one_line(path)}: {getattr(error, 'strerror', None) or error}") from None
        if source is None:
            raise self.fault(node, f"{path}: {diagnostic.message if diagnostic else 'no text'}")
        return source.text

    def settled(self, spec: str, node: Node) -> str:
        """The spec with other defaults of its params."""
        root, _ = read(Source("spec", spec))
        params = root.get("params") if isinstance(root, Pairs) else None
        known = [key.text for key, _ in params.pairs] if isinstance(params, Pairs) else []
        values = self.mapping(node, known, "`set`")
        assert isinstance(params, Pairs)
        places = {key.text: value for key, value in params.pairs}
        for name in sorted(values, key=lambda name: places[name].start, reverse=True):
            spec = f"{spec[: places[name].start]}{_flow(values[name])}{spec[places[name].end :]}"
        return spec

    def plain(self, node: Node) -> Any:
        """The value of a node as JSON would hold it."""
        if isinstance(node, Items):
            return [self.plain(item) for item in node.items]
        if isinstance(node, Pairs):
            return {key.text: self.plain(value) for key, value in node.pairs}
        if node.value is UNREADABLE:
            raise self.fault(node, f"{one_line(node.text)} is no value")
        return node.value


def _kind(problem: Problem) -> str:
    """OPEN for a problem that judges answers for itself, since many are right."""
    from shapecalc.quiz.problem import Problem

    return NUMBER if type(problem).right is Problem.right else OPEN


def _wrongs(solved: Solved, topic: str, say: Words) -> list[Wrong]:
    """The mistakes of the topic, or, where none is named, those of all topics that can be made here."""
    from shapecalc.quiz.make import wrongs_of

    found: dict[Any, Wrong] = {}
    for one in [TOPICS[topic]] if topic else TOPICS.values():
        try:
            wrongs = wrongs_of(solved, one, say)
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, AssertionError):
            continue  # a mistake that is made of another kind of problem
        for wrong in wrongs:
            found.setdefault(wrong.value, wrong)
    return list(found.values())


def _written(node: Node) -> str:
    return ", ".join(map(_written, node.items)) if isinstance(node, Items) else getattr(node, "text", "")


def spec_text(node: Node) -> str:
    """A spec given as text, or as a mapping, which is then written out; `shapecalc: 1` need not be said."""
    if not isinstance(node, Pairs):
        return getattr(node, "text", "")
    lines = "".join(f"{key.text}: {_flow(value)}\n" for key, value in node.pairs)
    return lines if node.get("shapecalc") else f"shapecalc: 1\n{lines}"


def _flow(node: Node) -> str:
    """A node on one line of YAML."""
    if isinstance(node, Items):
        return f"[{', '.join(map(_flow, node.items))}]"
    if isinstance(node, Pairs):
        return f"{{{', '.join(f'{_scalar(key)}: {_flow(value)}' for key, value in node.pairs)}}}"
    return _scalar(node)


def _scalar(node: Scalar) -> str:
    if node.quoted or not NOT_IN_FLOW.isdisjoint(node.text) or "\n" in node.text:
        import json

        return json.dumps(node.text, ensure_ascii=False)
    return node.text or "~"
