"""Questions about real networks against torch's modules, layer by layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shapecalc.explain.words import Words
from shapecalc.pipeline import check, check_text
from shapecalc.quiz.make import Exhausted
from shapecalc.quiz.network import questions_from
from shapecalc.quiz.problem import Unsolvable
from shapecalc.quiz.question import CHOICE, NUMBER, TABLE, Sheet, from_json, to_json
from shapecalc.quiz.registry import problem_of

SPECS = Path(__file__).parents[2] / "specs"
ALEXNET = SPECS / "alexnet.yaml"


def about(path: Path, count: int, *, kinds: tuple[str, ...] = (), lang: str = "en", seed: str = "7") -> Sheet:
    return questions_from(check(str(path)), count, seed, Words(lang), kinds)


def alexnet() -> dict[str, Any]:
    """Output, parameters and MACs of the layers of AlexNet, by a torch module that is written down here."""
    torch = pytest.importorskip("torch")
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    convs = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
    a, b, c, d, e = (nn.Conv2d(i, o, k, s, p, device="meta") for i, o, k, s, p in convs)
    pool, relu, drop = nn.MaxPool2d(3, 2), nn.ReLU(), nn.Dropout()
    first, second, third = (nn.Linear(i, o, device="meta") for i, o in ((9216, 4096), (4096, 4096), (4096, 1000)))
    features = [a, relu, pool, b, relu, pool, c, relu, d, relu, e, relu, pool]
    classifier = [drop, first, relu, drop, second, relu, third]
    layers = [
        *((f"features.{n}", m) for n, m in enumerate(features)),
        ("avgpool", nn.AdaptiveAvgPool2d(6)),
        ("flatten", nn.Flatten()),
    ]
    layers += [(f"classifier.{n}", m) for n, m in enumerate(classifier)]
    found: dict[str, Any] = {}
    x = torch.empty(1, 3, 224, 224, device="meta")
    for path, module in layers:
        with FlopCounterMode(display=False) as counter:
            x = module(x)
        params = sum(p.numel() for p in module.parameters())
        macs = counter.get_total_flops() // 2
        found |= {f"{path}.shape": tuple(x.shape[1:]), f"{path}.params": params, f"{path}.macs": macs}
        found |= {f"{path}.height": x.shape[-2], f"{path}.width": x.shape[-1], f"{path}.flops": 2 * macs}
        found |= {f"{path}.bytes": 4 * x.numel()}
    return found


def test_the_tables_of_alexnet_hold_torchs_numbers() -> None:
    true = alexnet()
    for question in about(ALEXNET, 2, kinds=(TABLE,)).questions:
        assert len(question.rows) > 5
        for ask in question.asks:
            assert ask.answer == true[ask.name]


def test_questions_on_layers_of_alexnet_have_torchs_numbers() -> None:
    true, met = alexnet(), set()
    for question in about(ALEXNET, 40, kinds=(CHOICE, NUMBER)).questions:
        what = question.given["what"]
        met.add(what)
        if what not in ("field", "jump"):
            assert question.asks[0].answer == true[f"{question.given['layer']}.{what}"]
    assert met >= {"height", "params", "macs", "flops", "bytes", "field"}


def test_fields_in_alexnet_are_the_published_ones() -> None:
    """Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks (Distill 2019): AlexNet 195."""
    asked = {q.given["layer"]: q.asks[0].answer for q in about(ALEXNET, 40, kinds=(CHOICE, NUMBER)).questions
             if q.given["what"] == "field"}  # fmt: skip
    published = {"features.0": 11, "features.2": 19, "features.3": 51, "features.5": 67, "features.6": 99,
                 "features.8": 131, "features.10": 163, "features.12": 195}  # fmt: skip
    assert asked
    assert asked.items() <= published.items()


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_network_of_the_course_gives_questions_that_their_masters_solve(path: Path) -> None:
    for question in from_json(json.loads(json.dumps(to_json(about(path, 4))))).questions:
        solved = problem_of(question.given).solve()
        assert {name: one.answer for name, one in solved.items()} == {a.name: a.answer for a in question.asks}
        for ask in question.asks:
            assert len({w.value for w in ask.wrongs} | {ask.answer}) == len(ask.wrongs) + 1


def test_the_first_question_is_the_table_and_none_comes_twice() -> None:
    questions = about(ALEXNET, 20).questions
    assert [q.kind == TABLE for q in questions] == [True] + [False] * 19
    assert len({json.dumps(q.given) for q in questions}) == 20


def test_a_seed_gives_the_same_questions_again() -> None:
    assert to_json(about(ALEXNET, 8)) == to_json(about(ALEXNET, 8))
    assert to_json(about(ALEXNET, 8)) != to_json(about(ALEXNET, 8, seed="8"))


def test_a_small_network_says_that_it_has_no_more() -> None:
    with pytest.raises(Exhausted, match="no more"):
        about(SPECS / "edge_detector.yaml", 500)


def test_a_network_of_which_every_layer_is_left_out_has_nothing_to_ask() -> None:
    report = check_text("shapecalc: 1\nparams: {deep: true}\ninput: [4]\nlayers: [{Linear: 4, when: not deep}]\n")
    with pytest.raises(Exhausted, match="no layer"):
        questions_from(report, 1, "7", Words("en"))


def test_symbols_are_asked_of_nobody() -> None:
    layer = "{Conv2d: {out_channels: 8, kernel_size: 3, stride: H // 16}}"
    report = check_text(f"shapecalc: 1\ninput: [3, H, 64]\nlayers: [{layer}, Flatten]\n")
    sheet = questions_from(report, 6, "7", Words("en"), fewer=True)
    values = [ask.answer for question in sheet.questions for ask in question.asks]
    assert values
    assert all(isinstance(n, int | float) for v in values for n in (v if isinstance(v, tuple) else (v,)))


def test_a_network_with_a_mistake_is_refused() -> None:
    report = check_text("shapecalc: 1\ninput: [3, 8, 8]\nlayers:\n  - Conv2d: {out_channels: 4, kernel_size: 9}\n")
    with pytest.raises(Unsolvable, match="SC201"):
        questions_from(report, 1, "7", Words("en"))


def test_chinese_lacks_no_word_of_the_questions_on_networks() -> None:
    say = Words("zh")
    questions_from(check(str(SPECS / "resnet18_course.yaml")), 25, "7", say)
    from tests.quiz.test_costs import OWN

    own = {m.feedback for m in OWN}
    assert not {text for text in say.missing if text in own or text.startswith(("In front", "How many", "What is"))}
