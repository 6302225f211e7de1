"""Options of a run: precision, compiling, strategies, processes, workers, going on, and the page that is left."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import html5lib
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from shapecalc.cli.group import cli
from shapecalc.render.curve import curve
from shapecalc.torchside.training.fault import Fault
from shapecalc.torchside.training.names import initialise
from shapecalc.torchside.training.plan import Plan
from shapecalc.torchside.training.run import Options, fresh_network
from shapecalc.torchside.weights import tensors_of
from tests.train.small import PLAIN, run, same, task_of
from tests.train.test_data import images

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"epochs": 1, "lr": 0.01}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("64", torch.float64), ("bf16-true", torch.bfloat16), ("bf16-mixed", torch.float32)]
)
def test_a_precision_is_that_of_weights_and_products(tmp_path: Path, precision: str, dtype: torch.dtype) -> None:
    task = task_of(PLAIN, {**SHORT, "precision": precision}, limit=4)
    network, seen = fresh_network(task), []
    network.hidden.register_forward_hook(lambda _, xs, y: seen.append((xs[0].dtype, y.dtype)))
    from shapecalc.torchside.training.run import train

    train(task, network, tmp_path, Options(accelerator="cpu"), lambda *_: None)
    assert network.hidden.weight.dtype == dtype
    product = torch.bfloat16 if precision == "bf16-mixed" else dtype
    assert {y for _, y in seen} == {product}
    assert tensors_of(str(tmp_path / "last.safetensors"))[""]["hidden.weight"].dtype == dtype


@pytest.mark.battery
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile wants a C++ compiler on the CPU")
def test_a_compiled_network_ends_as_one_that_is_not(tmp_path: Path) -> None:
    plain = run(task_of(PLAIN, SHORT, limit=5), tmp_path / "plain").network
    compiled = run(task_of(PLAIN, SHORT, limit=5), tmp_path / "compiled", compile=True).network
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    for one, other in zip(plain.parameters(), compiled.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_fsdp_on_the_cpu_is_said_to_want_gpus(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="--strategy fsdp shares the weights out among GPUs, here is the CPU: there is ddp"):
        run(task_of(PLAIN, SHORT), tmp_path / "run", strategy="fsdp")
    assert not (tmp_path / "run").exists()


@pytest.mark.battery
@pytest.mark.skipif(torch.cuda.device_count() < 1, reason="fsdp wants a GPU")
def test_fsdp_leaves_whole_weights(tmp_path: Path) -> None:
    from shapecalc.torchside.training.run import train

    task = task_of(PLAIN, SHORT, limit=5)
    train(task, fresh_network(task), tmp_path, Options(accelerator="gpu", devices=1, strategy="fsdp"), lambda *_: None)
    left = tensors_of(str(tmp_path / "last.safetensors"))[""]
    assert {k: t.shape for k, t in left.items()} == {k: t.shape for k, t in fresh_network(task).state_dict().items()}


@pytest.mark.battery
def test_processes_of_torchrun_give_the_weights_of_one(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(PLAIN, encoding="utf-8")
    plan = ["--epochs", "2", "--lr", "0.05", "--optimizer", "SGD", "--seed", "3", "--no-cuda", "--devices", "2"]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "shapecalc"]
    done = subprocess.run(
        [*start, "train", "net.yaml", *plan, "--strategy", "ddp", "-o", "two"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone = run(task_of(PLAIN, {"epochs": 2, "lr": 0.05, "optimizer": "SGD", "seed": 3}), tmp_path / "one")
    theirs = tensors_of(str(tmp_path / "two" / "last.safetensors"))[""]
    assert all(torch.allclose(t, theirs[k], atol=1e-5) for k, t in alone.network.state_dict().items())


def test_workers_change_nothing(tmp_path: Path) -> None:
    images(tmp_path / "pets")
    text = PLAIN.replace("[1, 8, 8]", "[3, 8, 8]")
    plan = {**SHORT, "dataset": f"folder:{tmp_path / 'pets'}", "batch_size": 4}
    alone, helped = (run(task_of(text, plan, workers=n), tmp_path / str(n)).network for n in (0, 2))
    assert same(alone.state_dict(), helped.state_dict())


def test_a_broken_image_met_by_a_worker_is_one_line(tmp_path: Path) -> None:
    images(tmp_path / "pets")
    task = task_of(
        PLAIN.replace("[1, 8, 8]", "[3, 8, 8]"), {**SHORT, "dataset": f"folder:{tmp_path / 'pets'}"}, workers=1
    )
    for path in (tmp_path / "pets").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(Fault) as fault:
        run(task, tmp_path / "run")
    assert ".png: it is no image" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_the_command_goes_on_from_the_newest_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(PLAIN, encoding="utf-8")
    short = ["train", "net.yaml", "--no-cuda", "--limit-batches", "3", "--batch-size", "auto"]

    def told(*more: str) -> str:
        result = CliRunner().invoke(cli, [*short, *more], standalone_mode=False)
        assert result.return_value == 0, result.output
        return result.stdout

    told("--epochs", "1")
    told("--epochs", "1")
    assert "batch 1024" in told("--epochs", "3", "--resume")
    record = json.loads(Path("runs/net-2/record.json").read_text(encoding="utf-8"))
    assert [e["epoch"] for e in record["epochs"]] == [1, 2, 3]
    assert len(json.loads(Path("runs/net/record.json").read_text(encoding="utf-8"))["epochs"]) == 1


def test_the_rate_told_of_an_epoch_is_the_one_it_learned_with(tmp_path: Path) -> None:
    outcome = run(task_of(PLAIN, {"epochs": 4, "lr": 0.1, "schedule": "cosine", "optimizer": "SGD"}, limit=2), tmp_path)
    expected = [0.05 * (1 + math.cos(math.pi * e / 4)) for e in range(4)]
    assert [e["lr"] for e in outcome.epochs] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("kaiming", torch.nn.init.kaiming_normal_), ("glorot", torch.nn.init.xavier_uniform_), ("ones", None)],
)
def test_weights_begin_as_asked_and_biases_as_ever(name: str, rule: object) -> None:
    task = task_of(PLAIN, {"seed": 2})
    network = fresh_network(task)
    before = network.out.bias.clone()
    torch.manual_seed(9)
    initialise(Plan({"init": name}), network)
    torch.manual_seed(9)
    for layer in (network.hidden, network.out):
        expected = torch.empty_like(layer.weight)
        assert torch.equal(layer.weight, torch.ones_like(expected) if rule is None else rule(expected))
    assert torch.equal(network.out.bias, before)


@pytest.mark.parametrize(
    ("given", "said"),
    [("kaimin", "did you mean"), ({"kaiming": {"gain": 2}}, "the initialisation kaiming_normal_ has no gain")],
)
def test_an_unknown_beginning_is_said(given: object, said: str) -> None:
    with pytest.raises(Fault) as fault:
        initialise(Plan({"init": given}), torch.nn.Linear(2, 2))
    assert said in str(fault.value)


def test_the_page_of_a_run_stands_alone_and_holds_its_figures(tmp_path: Path) -> None:
    text = PLAIN.replace("name: Small\n", "name: Small\ndescription: 'small & <b>'\n")
    outcome = run(task_of(text, {"epochs": 3}, limit=3), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    everything = "".join(parsed.itertext())
    assert "Small on digits" in everything
    assert "description: 'small & <b>'" in everything
    assert not {"script", "link", "img", "iframe", "object"} & {e.tag for e in parsed.iter() if isinstance(e.tag, str)}
    assert "http" not in page.replace("http://www.w3.org", "")
    table = parsed.findall(".//table")[0]
    rows = [[cell.text for cell in row] for row in table.iter("tr")][1:]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [float(row[3]) for row in rows] == pytest.approx([e["held_loss"] for e in outcome.epochs], rel=1e-4)
    assert len(parsed.findall(".//{http://www.w3.org/2000/svg}svg")) == 2
    assert all(part in everything for part in ("hidden", "1,040", "1,210", "seed", "Adam", torch.__version__))


def test_curves_pass_through_their_points() -> None:
    """By the ticks that are written at the axis: a straight line through two of them gives each point's value."""
    import xml.etree.ElementTree as Tree

    values = [2.5, 1.0, float("nan"), 0.25]
    picture = Tree.fromstring(curve("loss", [1, 2, 3, 4], [("held out", values)]))
    ticks = [
        (float(t.get("y")) - 4, float(t.text))
        for t in picture.iter("text")
        if t.get("text-anchor") == "end" and _number(t.text)
    ]
    slope, offset = np.polyfit([at for at, _ in ticks], [value for _, value in ticks], 1)
    found = [float(c.get("cy")) * slope + offset for c in picture.iter("circle")]
    assert found == pytest.approx([2.5, 1.0, 0.25], abs=0.01)


def _number(text: str | None) -> bool:
    return (text or "").replace(".", "").isdecimal()


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [3.0, None], [1e-9, 1e9], [-1.0, -2.0]])
def test_any_figures_can_be_drawn(values: list[float | None]) -> None:
    assert "<polyline" in curve("loss", list(range(1, len(values) + 1)), [("a", values)])


@pytest.mark.parametrize("values", [[], [None], [float("nan"), float("inf")]])
def test_nothing_is_drawn_of_nothing(values: list[float | None]) -> None:
    assert curve("loss", list(range(len(values))), [("a", values)]) == ""
