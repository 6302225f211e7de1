"""What a question is once it is made: text, what is asked, key, named mistakes, working. JSON and back.

This is what exports write, grading reads and people take. It knows no operator, no spec and no language; whoever needs
to compute again (a reverse question has many right answers) finds the problem in `given`.

`text` is Markdown of the plainest kind: paragraphs, `code` between single backticks, and fenced blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from shapecalc.render.number import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Value: TypeAlias = "int | float | tuple[int, ...]"
"""An answer: a number, or the sizes of a tensor without its batch."""

CHOICE, NUMBER, TABLE, OPEN = "choice", "number", "table", "open"
KINDS = (CHOICE, NUMBER, TABLE, OPEN)
"""One of several values; a value to be worked out; several values in a table; values of which many would be right."""

SCHEMA_VERSION = 1


class Line:
    """A line of a working: arithmetic as Python reads it, and as LaTeX without dollar signs."""

    __slots__ = ("latex", "text")

    def __init__(self, text: str, latex: str) -> None:
        self.text = text
        self.latex = latex


class Wrong:
    """A value that a named mistake leads to, and what to tell whoever made it."""

    __slots__ = ("feedback", "mistake", "value")

    def __init__(self, value: Value, mistake: str, feedback: str) -> None:
        self.value = value
        self.mistake = mistake
        self.feedback = feedback


class Ask:
    """One value that is asked for.

    `name` tells it from the others of its question ("" for a single one), `label` is what people read beside it.
    `choices` are the values to choose from, in the order in which they stand; empty where it is to be worked out.
    `lines` run from the formula to the answer; `notes` say what was rounded and what the letters stand for.
    """

    __slots__ = ("answer", "choices", "label", "lines", "name", "notes", "unit", "wrongs")

    def __init__(
        self,
        answer: Value,
        *,
        name: str = "",
        label: str = "",
        unit: str = "",
        choices: Sequence[Value] = (),
        wrongs: Sequence[Wrong] = (),
        lines: Sequence[Line] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.answer = answer
        self.name = name
        self.label = label
        self.unit = unit
        self.choices = list(choices)
        self.wrongs = list(wrongs)
        self.lines = list(lines)
        self.notes = list(notes)

    def feedback(self, value: Value) -> str:
        """What to say of a value: the mistake that leads to it, nothing where none is known."""
        return next((w.feedback for w in self.wrongs if w.value == value), "")


class Question:
    """A question with its key. `id` and the sheet's seed make it again; `given` is the problem that `answer` reads.

    `head` and `rows` are the table of a question of that kind: a cell is a text, or the ask whose value belongs there.
    """

    __slots__ = ("asks", "given", "head", "id", "kind", "level", "rows", "text", "topic")

    def __init__(
        self,
        id: str,
        topic: str,
        level: int,
        kind: str,
        text: str,
        asks: Sequence[Ask],
        given: Mapping[str, Any],
        head: Sequence[str] = (),
        rows: Sequence[Sequence[str | Ask]] = (),
    ) -> None:
        self.id = id
        self.topic = topic
        self.level = level
        self.kind = kind
        self.text = text
        self.asks = list(asks)
        self.given = dict(given)
        self.head = list(head)
        self.rows = [list(row) for row in rows]


class Sheet:
    """Questions for one reader: what they were made from, and the language that they are in."""

    __slots__ = ("lang", "questions", "seed", "title")

    def __init__(self, title: str, lang: str, seed: str, questions: Sequence[Question]) -> None:
        self.title = title
        self.lang = lang
        self.seed = seed
        self.questions = list(questions)


def shown(value: Value) -> str:
    """A value as people read it.

    >>> shown(61100840), shown((64, 55, 55)), shown(27.8)
    ('61,100,840', '64 × 55 × 55', '27.8')
    """
    return " × ".join(map(str, value)) if isinstance(value, tuple) else count(value)


def to_json(sheet: Sheet) -> dict[str, Any]:
    """The sheet as the JSON master holds it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": sheet.title,
        "lang": sheet.lang,
        "seed": sheet.seed,
        "questions": [_question(q) for q in sheet.questions],
    }


def _question(question: Question) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": question.id,
        "topic": question.topic,
        "level": question.level,
        "kind": question.kind,
        "text": question.text,
        "asks": [_ask(a) for a in question.asks],
        "given": question.given,
    }
    if question.rows:
        cells = [[c if isinstance(c, str) else {"ask": c.name} for c in row] for row in question.rows]
        found["table"] = {"head": question.head, "rows": cells}
    return found


def _ask(ask: Ask) -> dict[str, Any]:
    return {
        "name": ask.name,
        "label": ask.label,
        "unit": ask.unit,
        "answer": _plain(ask.answer),
        "choices": [_plain(c) for c in ask.choices],
        "wrongs": [{"value": _plain(w.value), "mistake": w.mistake, "feedback": w.feedback} for w in ask.wrongs],
        "working": [{"text": line.text, "latex": line.latex} for line in ask.lines],
        "notes": ask.notes,
    }


def _plain(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def from_json(data: Any) -> Sheet:
    """The sheet of a JSON master. Raises ValueError, naming the place, for what is none."""
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"no quiz of version {SCHEMA_VERSION}: `schema_version` and `questions` are wanted")
    try:
        questions = list(_questions(data["questions"]))
        return Sheet(str(data["title"]), str(data["lang"]), str(data["seed"]), questions)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__} {error} in a quiz") from None


def _questions(data: Any) -> Iterator[Question]:
    for number, q in enumerate(data, start=1):
        try:
            yield _made(q)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"question {number} lacks {error}") from None


def _made(q: Mapping[str, Any]) -> Question:
    asks = [_asked(a) for a in q["asks"]]
    table = q.get("table", {"head": (), "rows": ()})
    by_name = {a.name: a for a in asks}
    rows = [[c if isinstance(c, str) else by_name[c["ask"]] for c in row] for row in table["rows"]]
    return Question(q["id"], q["topic"], q["level"], q["kind"], q["text"], asks, q["given"], table["head"], rows)


def _asked(a: Mapping[str, Any]) -> Ask:
    return Ask(
        _value(a["answer"]),
        name=a["name"],
        label=a["label"],
        unit=a["unit"],
        choices=[_value(c) for c in a["choices"]],
        wrongs=[Wrong(_value(w["value"]), w["mistake"], w["feedback"]) for w in a["wrongs"]],
        lines=[Line(line["text"], line["latex"]) for line in a["working"]],
        notes=a["notes"],
    )


def _value(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(int(v) for v in value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number in place of {value!r}")
    return value
