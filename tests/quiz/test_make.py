"""Sheets: questions stay the same for ever, none stands twice, and ten thousand of them are right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from shapecalc.explain.words import Words
from shapecalc.quiz import make
from shapecalc.quiz.make import Exhausted, made, sheet
from shapecalc.quiz.mistake import Mistake
from shapecalc.quiz.problem import LayerProblem
from shapecalc.quiz.question import CHOICE, NUMBER, OPEN, Question, from_json, to_json
from shapecalc.quiz.registry import PROBLEMS, TOPICS, problem_of
from shapecalc.quiz.topic import LEVELS

GOLDEN = Path(__file__).with_name("golden.json")
GOLDEN_SEED = "golden"


def drawn(question: Question) -> str:
    """What chance made of a question; its words may be mended."""
    asks = [(a.name, a.answer, a.choices, [(w.mistake, w.value) for w in a.wrongs]) for a in question.asks]
    told = json.dumps([question.kind, question.given, asks], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def again(id: str, seed: str) -> Question:
    topic, level, number = id.split(".")
    question = made(TOPICS[topic], int(level), int(number), seed, Words())
    assert question is not None
    return question


def test_seed_and_id_give_the_same_question_for_ever() -> None:
    # A change here gives other questions to everybody who kept a seed: then EDITION in draw.py has to change too.
    kept = json.loads(GOLDEN.read_text())
    assert {id: drawn(again(id, GOLDEN_SEED)) for id in kept} == kept
    assert len(kept) >= 20


def test_a_question_of_a_sheet_is_made_alone_by_its_id() -> None:
    whole = sheet(list(TOPICS), LEVELS, 2 * len(TOPICS), "7")
    for question in whole.questions:
        alone = again(question.id, "7")
        assert (alone.text, drawn(alone)) == (question.text, drawn(question))


def test_a_question_is_the_same_among_those_of_its_kind() -> None:
    for question in sheet(["output-size"], [1, 2], 12, "7", kinds=[CHOICE]).questions:
        assert drawn(again(question.id, "7")) == drawn(question)


def test_another_seed_gives_other_questions() -> None:
    texts = [{q.text for q in sheet(["output-size"], [3], 20, seed).questions} for seed in ("7", "8")]
    assert len(texts[0] & texts[1]) < 3


def test_no_question_stands_twice() -> None:
    texts = [q.text for q in sheet(["ceil-mode", "padding"], [1], 200, "7").questions]
    assert len(set(texts)) == len(texts) == 200


def test_a_topic_that_has_no_more_questions_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = TOPICS["output-size"]
    only = topic.draw(make.Draw("7", "output-size", 1, 0), 1)
    monkeypatch.setattr(type(topic), "draw", lambda self, draw, level: only)
    with pytest.raises(Exhausted, match="output-size, level 1"):
        sheet(["output-size"], [1], 5, "7")
    with pytest.raises(Exhausted, match="output-size, level 2"):
        sheet(["output-size"], [2], 1, "7", kinds=[OPEN])


def test_numbers_without_a_known_mistake_are_passed_over() -> None:
    for question in sheet(["output-size", "pooling", "dilation"], LEVELS, 90, "7").questions:
        assert question.kind in (CHOICE, NUMBER)
        assert all(a.wrongs for a in question.asks)


@pytest.mark.parametrize("topic", TOPICS)
def test_questions_survive_the_master(topic: str) -> None:
    found = sheet([topic], LEVELS, 6, "7")
    data = json.loads(json.dumps(to_json(found)))
    assert to_json(from_json(data)) == to_json(found)
    for question, read in zip(found.questions, from_json(data).questions, strict=True):
        problem = problem_of(read.given)
        assert problem.given() == question.given
        assert {n: s.answer for n, s in problem.solve().items()} == {a.name: a.answer for a in question.asks}


def test_forms_of_problems_are_told_apart_by_their_keys() -> None:
    for n, form in enumerate(PROBLEMS):
        assert not any(set(earlier.keys) <= set(form.keys) for earlier in PROBLEMS[:n])


SPEC = "shapecalc: 1\ninput: [{}]\nlayers:\n  c: {{{}}}\n"


def wrong(mistake: Mistake, sizes: str, layer: str, what: str = "height") -> object:
    return mistake.value(LayerProblem(SPEC.format(sizes, layer), "c", what).solve()[""])


def test_mistakes_that_cannot_be_made_give_nothing() -> None:
    from shapecalc.quiz import mistake as m

    conv = "Conv2d: {out_channels: 4, kernel_size: 3}"
    assert wrong(m.PADDING_FORGOTTEN, "3, 8, 8", conv) is None  # there is none
    assert wrong(m.STRIDE_IS_KERNEL, "3, 8, 8", conv) is None  # a convolution's stride is never its kernel
    assert wrong(m.DILATION_AS_GAP, "3, 4, 4", conv) is None  # 0 is no size
    assert wrong(m.CONV_FOR_TRANSPOSED, "3, 8, 8", conv) is None
    assert wrong(m.CHANNELS_KEPT, "3, 8, 8", conv) is None  # the height alone has no channels
    assert wrong(m.CHANNELS_KEPT, "3, 8, 8", conv, "shape") == (3, 6, 6)
    assert wrong(m.TRANSPOSED_FOR_CONV, "3, 8, 8", conv) == 10


def test_other_arguments_must_fit() -> None:
    from shapecalc.quiz import mistake as m

    pool = "MaxPool2d: {kernel_size: [2, 5]}"
    assert wrong(m.KERNEL_TURNED, "3, 4, 9", pool) is None  # a window of 5 on 4
    assert wrong(m.KERNEL_TURNED, "3, 5, 9", pool) == 1


@pytest.mark.battery
def test_ten_thousand_questions_are_right() -> None:
    pytest.importorskip("torch")
    from tests.quiz import oracle_costs
    from tests.quiz.test_costs import judged as judged_costs
    from tests.quiz.test_sizes import OWN, judged

    assert oracle_costs
    found = sheet(list(TOPICS), LEVELS, 10_000, "battery").questions
    assert len({q.text for q in found}) == len({q.id for q in found}) == 10_000
    for question in found:
        (judged if question.topic in OWN else judged_costs)(question)
