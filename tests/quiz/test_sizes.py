"""Questions on sizes, unknown arguments, trunks and small matrices against torch and plain arithmetic."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from shapecalc.explain.words import Words
from shapecalc.quiz.hand import HandProblem
from shapecalc.quiz.make import made, sheet
from shapecalc.quiz.problem import Unsolvable
from shapecalc.quiz.question import CHOICE, NUMBER, OPEN, TABLE, Question
from shapecalc.quiz.registry import TOPICS, problem_of
from shapecalc.quiz.topics import byhand, sizes, trunks, unknowns
from shapecalc.quiz.unknown import ReverseProblem, UnknownProblem

torch = pytest.importorskip("torch")
from tests.quiz import oracle  # noqa: E402

OWN = [topic.name for theme in (sizes, unknowns, trunks, byhand) for topic in theme.ALL]
LEVELS = (1, 2, 3)


def judged(question: Question, judge: Any = oracle) -> None:
    """Every key, every wrong answer and every choice of a question."""
    if question.kind == OPEN:
        assert oracle.reaches(question.given, {a.name: a.answer for a in question.asks}), question.given
        return
    for ask in question.asks:
        place = f"{question.id} {ask.name}: {question.given}"
        assert ask.answer == judge.answer(question.given, ask.name), place
        values = [w.value for w in ask.wrongs]
        assert ask.answer not in values, place
        assert len(set(values)) == len(values), place
        for wrong in ask.wrongs:
            assert wrong.value == judge.mistake(wrong.mistake, question.given, ask.name), f"{wrong.mistake} in {place}"
            assert "by_hand" in question.given or possible(wrong.value, question), place
        if question.kind == CHOICE:
            assert ask.answer in ask.choices, place
            assert len(set(ask.choices)) == len(ask.choices) == 4, place
            assert set(ask.choices) <= {ask.answer, *values}, place


def possible(value: Any, question: Question) -> bool:
    """Sizes are at least 1, paddings at least 0."""
    least = 0 if "unknown" in question.given else 1
    return min(value if isinstance(value, tuple) else (value,)) >= least


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("topic", OWN)
def test_keys_are_torchs_and_distractors_what_their_mistakes_give(topic: str, level: int) -> None:
    for question in sheet([topic], [level], 40, "sizes").questions:
        judged(question)


@pytest.mark.parametrize("topic", OWN)
def test_every_mistake_of_a_topic_is_met(topic: str) -> None:
    unmet = {m.name for m in TOPICS[topic].mistakes}
    for number, level in product(range(200), LEVELS):
        question = made(TOPICS[topic], level, number, "met", Words()) if unmet else None
        unmet -= {w.mistake for a in (question.asks if question else ()) for w in a.wrongs}
    assert not unmet


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("topic", OWN)
def test_every_kind_of_a_topic_is_made_at_every_level(topic: str, level: int) -> None:
    for kind in TOPICS[topic].kinds:
        assert {q.kind for q in sheet([topic], [level], 5, "kinds", kinds=[kind]).questions} == {kind}


@pytest.mark.parametrize("topic", OWN)
def test_workings_end_in_the_answer(topic: str) -> None:
    for question in sheet([topic], LEVELS, 30, "lines").questions:
        for ask in question.asks:
            last = ask.lines[-1].text.rpartition("= ")[2]
            first_of_many = question.kind == OPEN and ask is question.asks[0]
            due = question.given["wanted"] if first_of_many else ask.answer
            assert last == (" × ".join(map(str, due)) if isinstance(due, tuple) else str(due)), question.given


@pytest.mark.parametrize("topic", OWN)
def test_everything_is_said_in_chinese(topic: str) -> None:
    for level in LEVELS:
        said = sheet([topic], [level], 8, "zh", lang="zh").questions
        plain = sheet([topic], [level], 8, "zh").questions
        assert [q.given for q in said] == [q.given for q in plain]
        assert [[a.choices for a in q.asks] for q in said] == [[a.choices for a in q.asks] for q in plain]
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in q.text) for q in said)


@pytest.mark.parametrize("topic", OWN)
def test_no_message_is_missing_in_chinese(topic: str) -> None:
    say = Words("zh")
    say(TOPICS[topic].title)
    for mistake in TOPICS[topic].mistakes:
        say(mistake.feedback)
    for number, level in product(range(15), LEVELS):
        made(TOPICS[topic], level, number, "zh", say)
    assert not say.missing


# reverse questions

CONV = "shapecalc: 1\ninput: [3, 32, 32]\nlayers:\n  c: {{Conv2d: {{out_channels: 4, {}}}}}\n"


@pytest.mark.parametrize("level", LEVELS)
def test_any_values_are_judged_as_torch_does(level: int) -> None:
    chance = random.Random(level)
    rights = 0
    for question in sheet(["reverse"], [level], 12, "reverse").questions:
        problem = problem_of(question.given)
        for _ in range(40):
            values = {a.name: chance.randint(0, 6) for a in question.asks}
            right = problem.right(values)  # type: ignore[arg-type]
            assert right == oracle.reaches(question.given, values), (question.given, values)
            rights += right
    assert rights > 2


def test_values_that_are_no_whole_numbers_are_not_right() -> None:
    spec = CONV.format('kernel_size: "?kernel_size", padding: "?padding"')
    problem = ReverseProblem(spec, "c", ["kernel_size", "padding"], "height", 32)
    assert problem.right({"kernel_size": 5, "padding": 2})
    assert problem.right({"kernel_size": (5, 3), "padding": (2, 1)})
    assert not problem.right({"kernel_size": 5})
    assert not problem.right({"kernel_size": 5.0, "padding": 2})
    assert not problem.right({"kernel_size": -1, "padding": 2})
    assert not problem.right({"kernel_size": 4, "padding": 2})


# unknown arguments


def test_a_padding_that_is_not_the_only_one_is_no_answer() -> None:
    spec = CONV.format('kernel_size: 4, stride: 4, padding: "?padding"')
    with pytest.raises(Unsolvable, match="2 values of padding give 8"):
        UnknownProblem(spec, "c", "padding", "height", 8).solve()
    with pytest.raises(Unsolvable, match="no values of padding give 100"):
        UnknownProblem(spec, "c", "padding", "height", 100).solve()


def test_a_spec_with_a_mistake_says_so() -> None:
    with pytest.raises(Unsolvable, match="Conv9d"):
        UnknownProblem(
            "shapecalc: 1\ninput: [3, 32, 32]\nlayers:\n  c: {Conv9d: 4}\n", "c", "padding", "height", 8
        ).solve()


# small matrices: the course's own

RANGE = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
MORE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def outputs(*args: Any, **named: Any) -> list[Any]:
    return [solved.answer for solved in HandProblem(*args, **named).solve().values()]


def test_the_correlations_of_the_course() -> None:
    assert outputs("Conv2d", RANGE, [[0, 1], [2, 3]]) == [19, 25, 37, 43]
    assert outputs("Conv2d", [RANGE, MORE], [[[0, 1], [2, 3]], [[1, 2], [3, 4]]]) == [56, 72, 104, 120]


def test_the_pools_of_the_course() -> None:
    counted = [[5 * r + c for c in range(5)] for r in range(4)]
    assert outputs("MaxPool2d", counted, args={"kernel_size": 2}) == [6, 8, 16, 18]
    assert outputs("MaxPool1d", list(range(16)), args={"kernel_size": 2}) == list(range(1, 16, 2))


def test_tenths_are_exact() -> None:
    image, kernel = [[10, 20, 30, 40], [1, 2, 3, 4]], [[0.1, 0.2, 0.3], [1, 1, 1]]
    assert outputs("Conv1d", image, kernel) == [20, 29]
    assert outputs("AvgPool1d", [0.1, 0.2, 0.4, 0.8], args={"kernel_size": 2}) == [0.15, 0.6]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"by_hand": "Conv3d", "image": RANGE}, "Conv3d is not worked out by hand"),
        ({"by_hand": "Conv2d", "image": RANGE}, "a convolution has a `kernel`"),
        ({"by_hand": "MaxPool2d", "image": RANGE}, "no kernel_size"),
        ({"by_hand": "MaxPool2d", "image": RANGE, "args": {"kernel_size": 4}}, "4"),
        ({"by_hand": "MaxPool2d", "image": RANGE, "args": {"kernel_size": "a"}}, "a"),
        ({"by_hand": "MaxPool2d", "image": RANGE, "args": {"kernelsize": 2}}, "no argument 'kernelsize'"),
        ({"by_hand": "MaxPool2d", "image": [[1, 2], [3]], "args": {"kernel_size": 1}}, "different lengths"),
        ({"by_hand": "MaxPool2d", "image": [["x"]], "args": {"kernel_size": 1}}, "'x' is no number"),
        ({"by_hand": "MaxPool2d", "image": [], "args": {"kernel_size": 1}}, "0 axes"),
        ({"by_hand": "Conv2d", "image": RANGE, "kernel": [[[1]], [[1]]]}, "2 channels of kernels for 1"),
        ({"by_hand": "Conv2d", "image": RANGE, "kernel": [[1]], "cell": [4, 1]}, "3 x 3, counted from 1"),
    ],
)
def test_what_cannot_be_worked_out_by_hand_is_said(given: dict[str, Any], told: str) -> None:
    with pytest.raises(Unsolvable) as caught:
        problem_of(given).solve()
    assert told in str(caught.value)


def test_kinds_stand_where_they_belong() -> None:
    for question in sheet(["by-hand"], LEVELS, 60, "tables").questions:
        assert (question.kind == TABLE) == (len(question.asks) > 1 or question.asks[0].name != "")
        asked = [cell for row in question.rows for cell in row if not isinstance(cell, str)]
        assert asked == (question.asks if question.kind == TABLE else [])
        assert question.kind in (CHOICE, NUMBER, TABLE)
