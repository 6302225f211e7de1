"""The course's own hand calculations, in specs/quiz: every key is torch's, every working ends with its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.nn import functional

import shapecalc
from shapecalc.explain.words import Words
from shapecalc.quiz.posed import posed
from shapecalc.quiz.question import shown

ROOM = Path(__file__).resolve().parents[2] / "specs/quiz"


def questions(name: str) -> list[tuple[dict[str, Any], Any]]:
    path = ROOM / f"{name}.yaml"
    asked = yaml.safe_load(path.read_text(encoding="utf-8"))["questions"]
    sheet, _ = posed(str(path), path.read_bytes(), Words())
    return [pytest.param(a, q, id=q.id) for a, q in zip(asked, sheet.questions, strict=True)]


def module_of(asked: dict[str, Any]) -> tuple[Any, Any]:
    """The network of a question as torch runs it."""
    if "path" in asked:
        report = shapecalc.check(str(ROOM / asked["path"]), asked.get("set"))
    else:
        report = shapecalc.check_text(yaml.safe_dump({"shapecalc": 1, **asked["spec"]}, sort_keys=False))
    return shapecalc.build(report), report


@pytest.mark.parametrize(("asked", "question"), questions("by_hand"))
def test_small_matrices_are_torchs(asked: dict[str, Any], question: Any) -> None:
    rank = int(asked["by_hand"][-2])
    image = torch.tensor(asked["image"], dtype=torch.float64).reshape(
        1, -1, *torch.tensor(asked["image"]).shape[-rank:]
    )
    if "kernel" in asked:
        kernel = torch.tensor(asked["kernel"], dtype=torch.float64).reshape(
            1, image.shape[1], *_sizes(asked["kernel"], rank)
        )
        found = getattr(functional, f"conv{rank}d")(image, kernel)
    else:
        found = getattr(functional, f"max_pool{rank}d")(image, **asked["args"])
    values = found.flatten().tolist()
    wanted = values if "cell" not in asked else [found[0, 0][tuple(n - 1 for n in asked["cell"])].item()]
    assert [a.answer for a in question.asks] == pytest.approx(wanted)
    claimed = asked["expect"]
    assert list(claimed.values() if isinstance(claimed, dict) else [claimed]) == pytest.approx(wanted)


def _sizes(nested: Any, rank: int) -> torch.Size:
    return torch.tensor(nested).shape[-rank:]


@pytest.mark.parametrize(("asked", "question"), questions("sizes"))
def test_sizes_are_torchs(asked: dict[str, Any], question: Any) -> None:
    answer = question.asks[0].answer
    if asked.get("what") == "field":
        assert answer == 224 // 7
        return
    network, report = module_of(asked)
    if "in_features_of" in asked:
        assert network.get_submodule(asked["in_features_of"]).in_features == answer
        return
    seen: list[Any] = []
    network.get_submodule(asked["layer"]).register_forward_hook(lambda m, i, o: seen.append(tuple(o.shape)))
    network.eval()(torch.zeros(1, *(int(s) for s in report.to_dict()["inputs"]["input"][1:])))
    assert answer == (seen[0][1:] if asked["what"] == "shape" else seen[0][-1])


@pytest.mark.parametrize(("asked", "question"), questions("costs"))
def test_costs_are_torchs(asked: dict[str, Any], question: Any) -> None:
    answer = question.asks[0].answer
    if "path" in asked or asked.get("total") == "params" or asked.get("what") in ("params", "weight"):
        network, _ = module_of(asked)
        assert answer == sum(p.numel() for p in network.parameters())
    elif asked.get("what") == "macs":
        from torch.utils.flop_counter import FlopCounterMode

        network, _ = module_of(asked)
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, *asked["spec"]["input"]))
        assert counter.get_total_flops() == 2 * answer
    else:
        assert answer == _seen(asked)


def _seen(asked: dict[str, Any]) -> int:
    """Rows of the input that one value in the middle of the output depends on, by its gradient."""
    network, _ = module_of(asked)
    image = torch.rand(1, *asked["spec"]["input"], requires_grad=True)
    for weight in network.parameters():
        weight.data.fill_(1.0)
    found = network(image)
    found[0, 0, found.shape[2] // 2, found.shape[3] // 2].backward()
    assert image.grad is not None
    return int((image.grad[0, 0].abs().sum(1) != 0).sum())


@pytest.mark.parametrize("name", ["by_hand", "sizes", "costs"])
def test_every_claim_is_right_and_every_working_ends_with_its_answer(name: str) -> None:
    path = ROOM / f"{name}.yaml"
    sheet, claimed = posed(str(path), path.read_bytes(), Words())
    for question, claims in zip(sheet.questions, claimed, strict=True):
        assert claims.marks
        assert all(mark.state == "right" for mark in claims.marks.values()), question.id
        for ask in question.asks:
            last = ask.lines[-1].text.replace(",", "")
            parts = ask.answer if isinstance(ask.answer, tuple) else (ask.answer,)
            texts = " ".join(line.text for line in ask.lines)
            assert all(shown(part).replace(",", "") in (texts if len(parts) > 1 else last) for part in parts), (
                question.id
            )
