"""Questions on costs, fields, comparisons and networks against torch and independent arithmetic."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shapecalc.explain.words import Words
from shapecalc.quiz import costly, fieldslips
from shapecalc.quiz.make import sheet
from shapecalc.quiz.mistake import Mistake
from shapecalc.quiz.question import CHOICE, TABLE, Question, from_json, to_json
from shapecalc.quiz.registry import problem_of
from shapecalc.quiz.topic import LEVELS
from shapecalc.quiz.topics import compare, costs, fields, networks

torch = pytest.importorskip("torch")
from tests.quiz import oracle_costs as oracle  # noqa: E402

TOPICS = [topic.name for theme in (costs, fields, compare, networks) for topic in theme.ALL]
OWN = [m for m in [*vars(costly).values(), *vars(fieldslips).values()] if isinstance(m, Mistake)]
"""Those about costs; the mistakes about sizes have tests of their own."""


def judged(question: Question) -> None:
    """Every key, every wrong answer and every choice of a question."""
    for ask in question.asks:
        place = f"{question.id} {ask.name}: {question.given}"
        assert ask.answer == oracle.answer(question.given, ask.name), place
        for wrong in ask.wrongs:
            assert wrong.value == oracle.mistake(wrong.mistake, question.given, ask.name), f"{wrong.mistake} in {place}"
            assert wrong.value != ask.answer
            assert min(sizes(wrong.value)) > 0
        if question.kind == CHOICE:
            assert ask.answer in ask.choices, place
            assert len(set(ask.choices)) == len(ask.choices) >= 4, place
        assert str(sizes(ask.answer)[-1]) in "".join(line.text for line in ask.lines[-2:]), place


def sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def questions(topic: str, level: int, count: int, seed: str) -> list[Question]:
    return sheet([topic], [level], count, seed).questions


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("topic", TOPICS)
def test_keys_are_torchs_and_distractors_are_their_mistakes(topic: str, level: int) -> None:
    for question in questions(topic, level, 8 if topic == "fill-in" else 25, "costs"):
        judged(question)


@pytest.mark.battery
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("topic", TOPICS)
def test_many_keys_are_torchs_and_distractors_are_their_mistakes(topic: str, level: int) -> None:
    for question in questions(topic, level, 150, "battery"):
        judged(question)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_question_is_solved_again_from_what_its_master_holds(topic: str) -> None:
    made = sheet([topic], LEVELS, 9, "again")
    read = from_json(json.loads(json.dumps(to_json(made))))
    for question in read.questions:
        solved = problem_of(question.given).solve()
        assert {name: one.answer for name, one in solved.items()} == {a.name: a.answer for a in question.asks}


@pytest.mark.parametrize("topic", TOPICS)
def test_chinese_lacks_no_word(topic: str) -> None:
    say = Words("zh")
    theme = next(t for part in (costs, fields, compare, networks) for t in part.ALL if t.name == topic)
    for message in [theme.title, *(m.feedback for m in theme.mistakes if m in OWN)]:
        say(message)
    for level in LEVELS:
        sheet([topic], [level], 5, "zh", lang="zh")
        problem = problem_of(questions(topic, level, 1, "zh")[0].given)
        solved = problem.solve()
        theme.text(problem, solved, say)
        for name, one in solved.items():
            theme.label(name, say)
            one.notes(say)
    assert not say.missing


def test_every_mistake_about_costs_is_met() -> None:
    kept = [t for t in TOPICS if t != "fill-in"]
    met = {w.mistake for t in kept for q in sheet([t], LEVELS, 45, "met").questions for a in q.asks for w in a.wrongs}
    assert {m.name for m in OWN} - met == set()


def test_tables_ask_for_each_cell_that_is_no_zero() -> None:
    for question in questions("fill-in", 3, 3, "cells"):
        assert question.kind == TABLE
        cells = [cell for row in question.rows for cell in row[1:]]
        assert {id(c) for c in cells if not isinstance(c, str)} == {id(a) for a in question.asks}
        assert all(c == "0" for c in cells if isinstance(c, str))


def test_the_like_terms_of_an_encoder_layer_are_told_apart_as_torch_has_them() -> None:
    (question,) = sheet(["attention"], [3], 1, "remark").questions
    (told,) = [note for note in question.asks[0].notes if note.startswith("9*E:")]
    layer = torch.nn.TransformerEncoderLayer(8, 2, dim_feedforward=24)
    sizes = {name: p.numel() // 8 for name, p in layer.named_parameters() if p.dim() == 1 and name != "linear1.bias"}
    groups = [sum(n for name, n in sizes.items() if name.startswith(part)) for part in ("self_attn", "linear2", "norm")]
    assert groups == [4, 1, 4]
    assert [int(n or 1) for n in re.findall(r"(\d*)\*?E (?:biases|of)", told)] == groups


@pytest.mark.parametrize(("topic", "most"), [("bottleneck", 10**6), ("fc-as-conv", 2 * 10**7), ("params", 10**6)])
def test_the_first_level_has_numbers_that_can_be_worked_by_hand(topic: str, most: int) -> None:
    for question in sheet([topic], [1], 60, "by hand").questions:
        assert question.asks[0].answer < most, question.text
