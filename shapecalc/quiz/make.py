"""Topics, levels, a seed -> a sheet of questions, none twice, each with three distractors where it offers choices.

A question is made from its topic, level, number and the seed alone, so that `ID` and seed give it again for ever;
numbers whose draw has no answer, or too few distractors, or was asked already, are passed over.
"""

from __future__ import annotations

from itertools import count as count_up
from itertools import cycle, islice
from typing import TYPE_CHECKING

from shapecalc.explain.words import Words
from shapecalc.quiz.draw import Draw
from shapecalc.quiz.problem import Unsolvable
from shapecalc.quiz.question import CHOICE, NUMBER, Ask, Question, Sheet, Wrong
from shapecalc.quiz.registry import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapecalc.quiz.problem import Solved
    from shapecalc.quiz.question import Value
    from shapecalc.quiz.topic import Topic

DISTRACTORS = 3
TRIES = 200
"""Numbers in a row without a new question after which a topic has no more of them."""


class Exhausted(ValueError):
    """A topic has not as many different questions as were asked for."""


def sheet(
    topics: Sequence[str],
    levels: Sequence[int],
    count: int,
    seed: str,
    *,
    kinds: Sequence[str] = (),
    lang: str = "en",
    title: str = "",
    order: str | None = None,
) -> Sheet:
    """That many questions, topic by topic in turn. Raises Exhausted, naming the topic that has no more.

    Topics come in the order given, level after level; with `order`, in one that this text decides by chance, with
    levels that alternate, so that a short sheet too has a bit of all.
    """
    say = Words(lang)
    pairs = [(t, level) for level in levels for t in topics] if order is None else _mixed(topics, levels, order)
    sources = [(f"{topic}, level {level}", _numbered(TOPICS[topic], level, seed, kinds, say)) for topic, level in pairs]
    found: dict[str, Question] = {}
    for name, source in cycle(sources):
        if len(found) >= count:
            break
        tries = islice(source, TRIES)
        question = next((q for q in tries if q is not None and q.text not in found), None)
        if question is None:
            raise Exhausted(f"{name}: no more questions of the kinds wanted")
        found[question.text] = question
    return Sheet(title or say("Sizes, costs and receptive fields"), lang, seed, list(found.values()))


def _mixed(topics: Sequence[str], levels: Sequence[int], order: str) -> list[tuple[str, int]]:
    """Every topic with every level, each topic once before one comes again."""
    drawn = Draw(order, "topics").shuffled(topics)
    turns = range(len(levels))
    return [(topic, levels[(n + turn) % len(levels)]) for turn in turns for n, topic in enumerate(drawn)]


def _numbered(topic: Topic, level: int, seed: str, kinds: Sequence[str], say: Words) -> Iterator[Question | None]:
    """The questions of a topic and level, number by number."""
    return (made(topic, level, number, seed, say, kinds) for number in count_up())


def made(topic: Topic, level: int, number: int, seed: str, say: Words, kinds: Sequence[str] = ()) -> Question | None:
    """One question; None where this number's draw gives none, or one of another kind than those wanted."""
    draw = Draw(seed, topic.name, level, number)
    try:
        problem = topic.draw(draw, level)
        kind = draw.among(topic.offers(problem))
        if kinds and kind not in kinds:
            return None
        solved = problem.solve()
    except Unsolvable:
        return None
    if not topic.sensible(problem, solved):
        return None
    asks = {name: asked(name, one, topic, draw, kind, say) for name, one in solved.items()}
    if kind == CHOICE and any(len(ask.choices) <= DISTRACTORS for ask in asks.values()):
        return None
    if kind == NUMBER and topic.mistakes and not any(ask.wrongs for ask in asks.values()):
        return None
    head, rows = topic.table(problem, asks, say)
    text = topic.text(problem, solved, say)
    place = f"{topic.name}.{level}.{number}"
    return Question(place, topic.name, level, kind, text, list(asks.values()), problem.given(), head, rows)


def asked(name: str, solved: Solved, topic: Topic, draw: Draw, kind: str, say: Words) -> Ask:
    """One value with the mistakes that can be made, and what there is to choose from."""
    wrongs = wrongs_of(solved, topic, say)
    label, unit = topic.label(name, say)
    choices: list[Value] = []
    if kind == CHOICE:
        choices = draw.shuffled([solved.answer, *draw.some([w.value for w in wrongs], DISTRACTORS)])
    return Ask(
        solved.answer,
        name=name,
        label=label,
        unit=unit,
        choices=choices,
        wrongs=wrongs,
        lines=solved.lines(say),
        notes=[*solved.notes(say), *(say(remark) for remark in topic.remarked(solved))],
    )


def wrongs_of(solved: Solved, topic: Topic, say: Words) -> list[Wrong]:
    """The values of the topic's mistakes: possible ones, none the answer, none twice."""
    found: dict[Value, Wrong] = {}
    for mistake in topic.mistakes:
        value = mistake.value(solved)
        if value is not None:
            found.setdefault(value, Wrong(value, mistake.name, say(mistake.feedback)))
    return list(found.values())
