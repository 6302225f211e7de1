"""Training: it learns, it repeats itself to the bit, and a run that was killed ends as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from shapecalc.torchside.training.resume import checkpoint
from shapecalc.torchside.training.run import fresh_network
from shapecalc.torchside.weights import tensors_of
from tests.train.small import LINEAR, PLAIN, run, same, task_of

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
PLAN = {"epochs": 3, "batch_size": 128, "seed": 5, "lr": 0.01, "schedule": "plateau"}

KILLED = """
import os, signal
from pathlib import Path
from shapecalc.torchside.training.engine import ready
ready()
from shapecalc.torchside.training import learner
from tests.train.small import run, task_of
from tests.train.test_training import LINEAR, PLAN
step = learner.Learner.training_step

def deadly(self, batch, index):
    if self.current_epoch == 1 and index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

learner.Learner.training_step = deadly
run(task_of(LINEAR, PLAN), Path("killed"))
"""


def test_a_network_learns_digits(tmp_path: Path) -> None:
    outcome = run(task_of(PLAIN, {"epochs": 4, "lr": 0.01}), tmp_path)
    assert outcome.best["held_accuracy"] > 0.9
    assert outcome.epochs[-1]["train_loss"] < outcome.epochs[0]["train_loss"]


def test_two_runs_of_one_seed_are_equal_to_the_bit(tmp_path: Path) -> None:
    one, other, third = (
        run(task_of(LINEAR, {**PLAN, "seed": seed}), tmp_path / str(i)) for i, seed in enumerate((5, 5, 6))
    )
    assert same(one.network.state_dict(), other.network.state_dict())
    assert not same(one.network.state_dict(), third.network.state_dict())


def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = run(task_of(LINEAR, PLAN), tmp_path / "whole")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, capture_output=True, timeout=300
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    task = task_of(LINEAR, PLAN)
    resumed = run(task, tmp_path / "killed", resume=checkpoint(tmp_path / "killed", task, fresh_network(task)))
    assert same(whole.network.state_dict(), resumed.network.state_dict())
    told = [{k: v for k, v in e.items() if k != "seconds"} for e in whole.epochs]
    assert [{k: v for k, v in e.items() if k != "seconds"} for e in resumed.epochs] == told


@pytest.mark.parametrize("schedule", ["step", "onecycle", "cosine", "plateau"])
def test_a_resumed_run_goes_on_with_its_schedule(tmp_path: Path, schedule: str) -> None:
    plan = {**PLAN, "schedule": schedule, "optimizer": {"SGD": {"nesterov": True}}, "momentum": 0.9}
    whole = run(task_of(LINEAR, plan), tmp_path / "whole")
    task = task_of(LINEAR, plan)

    class Stop(Exception):
        pass

    def stop(figures: dict, _: dict) -> None:
        if figures["epoch"] == 2:
            raise Stop

    with pytest.raises(Stop):
        run(task, tmp_path / "cut", told=stop)
    task = task_of(LINEAR, plan)
    resumed = run(task, tmp_path / "cut", resume=checkpoint(tmp_path / "cut", task, fresh_network(task)))
    assert same(whole.network.state_dict(), resumed.network.state_dict())
    assert [e["lr"] for e in resumed.epochs] == [e["lr"] for e in whole.epochs]


def test_going_on_from_the_first_checkpoint_is_beginning(tmp_path: Path) -> None:
    whole = run(task_of(LINEAR, PLAN), tmp_path / "whole")
    task = task_of(LINEAR, PLAN)

    class Stop(Exception):
        pass

    from shapecalc.torchside.training.learner import Learner

    def stop(*_: object) -> None:
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "training_step", stop)
        with pytest.raises(Stop):
            run(task, tmp_path / "cut")
    resumed = run(task, tmp_path / "cut", resume=checkpoint(tmp_path / "cut", task, fresh_network(task)))
    assert same(whole.network.state_dict(), resumed.network.state_dict())


def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(PLAIN, encoding="utf-8")
    plan = ["--epochs", "2", "--batch-size", "64", "--lr", "0.05", "--optimizer", "SGD", "--seed", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MASTER_ADDR": "127.0.0.1"}
    command = [sys.executable, "-m", "shapecalc", "train", "net.yaml", *plan, "-o", "two", "--no-cuda"]
    done = subprocess.run(
        [*command, "--devices", "2", "--strategy", "ddp"],
        cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone = run(task_of(PLAIN, {"epochs": 2, "lr": 0.05, "optimizer": "SGD", "seed": 3}), tmp_path / "one")
    theirs = tensors_of(str(tmp_path / "two" / "last.safetensors"))[""]
    for key, tensor in alone.network.state_dict().items():
        assert torch.allclose(tensor, theirs[key], atol=1e-5), key
    assert done.stdout.count("best ") == 2  # the table's head and the ending: one process speaks


def test_the_edge_detector_finds_its_kernel_and_plain_descent_agrees(tmp_path: Path) -> None:
    text = (SPECS / "edge_detector.yaml").read_text(encoding="utf-8")
    task = task_of(text, {"dataset": "edges"})
    kernel = fresh_network(task).conv.weight.detach().clone().requires_grad_()
    (x,), y = task.data.learn.__getitems__([0])
    for _ in range(10):
        loss = ((torch.nn.functional.conv2d(x, kernel) - y) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, kernel)
        kernel = (kernel - 3e-2 * gradient).detach().requires_grad_()
    learned = run(task, tmp_path).network.conv.weight
    assert torch.allclose(learned, kernel, atol=1e-5)
    assert torch.allclose(learned, torch.tensor([[[[1.0, -1.0]]]]), atol=0.15)


def test_what_is_left_are_weights_by_the_modules_keys_a_record_and_curves(tmp_path: Path) -> None:
    task = task_of(PLAIN, {"epochs": 2})
    outcome = run(task, tmp_path)
    weights = tensors_of(str(tmp_path / "last.safetensors"))[""]
    assert same(weights, outcome.network.state_dict())
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["params"] == sum(p.numel() for p in outcome.network.parameters())
    assert [e["epoch"] for e in record["epochs"]] == [1, 2]
    assert record["versions"]["torch"] == torch.__version__
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.glob("steps/*/metrics.csv"))
    assert list(tmp_path.glob("tensorboard/events*"))
    assert not list(tmp_path.glob("*unfinished*"))


def test_training_stops_when_nothing_gets_better(tmp_path: Path) -> None:
    outcome = run(task_of(PLAIN, {"epochs": 9, "lr": 0.0}), tmp_path, patience=2)
    assert len(outcome.epochs) == 3


def test_a_gradient_is_clipped(tmp_path: Path) -> None:
    plan = {"epochs": 1, "batch_size": 1500, "optimizer": "SGD", "lr": 1.0}
    task = task_of(PLAIN, plan)
    before = [p.clone() for p in fresh_network(task).parameters()]
    after = run(task, tmp_path, clip=0.01).network.parameters()
    assert sum(((a - b) ** 2).sum() for a, b in zip(after, before, strict=True)).sqrt().item() == pytest.approx(
        0.01, 1e-2
    )


@pytest.mark.parametrize("loss", ["cross_entropy", "MSELoss", "BCEWithLogits", "multi_margin", "SmoothL1"])
def test_losses_go_by_their_names(tmp_path: Path, loss: str) -> None:
    outcome = run(task_of(PLAIN, {"epochs": 2, "loss": loss, "lr": 0.01}, limit=10), tmp_path)
    assert outcome.epochs[1]["train_loss"] < outcome.epochs[0]["train_loss"]


@pytest.mark.battery
@pytest.mark.parametrize("seed", range(10))
def test_mnist_cnn_knows_more_than_97_percent_of_held_out_digits(tmp_path: Path, seed: int) -> None:
    text = (SPECS / "mnist_cnn.yaml").read_text(encoding="utf-8")
    assert run(task_of(text, {"seed": seed}), tmp_path).best["held_accuracy"] > 0.97


@pytest.mark.battery
@pytest.mark.skipif(not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="apt install dataset-fashion-mnist")
def test_mnist_cnn_knows_more_than_88_percent_of_fashion_mnist_after_two_epochs(tmp_path: Path) -> None:
    text = (SPECS / "mnist_cnn.yaml").read_text(encoding="utf-8")
    outcome = run(task_of(text, {"dataset": "fashion-mnist", "epochs": 2}), tmp_path)
    assert outcome.best["held_accuracy"] > 0.88


@pytest.mark.battery
@pytest.mark.parametrize(
    ("spec", "sizes", "plan", "steps"),
    [
        ("nin", {}, {"epochs": 8, "batch_size": 32}, 12),
        ("vgg_from_list", {"ratio": 4}, {"epochs": 5, "batch_size": 8}, 4),
        ("resnet18_course", {}, {"epochs": 5, "batch_size": 8}, 4),
    ],
    ids=["nin", "vgg", "resnet18"],
)
def test_the_networks_of_the_course_start_and_their_loss_falls(
    tmp_path: Path, spec: str, sizes: dict, plan: dict, steps: int
) -> None:
    """On 224 x 224. NiN scores all images alike at first and takes some fifty steps to get away from that."""
    import shapecalc
    from shapecalc.torchside.training.task import make_task

    report = shapecalc.check(str(SPECS / f"{spec}.yaml"), sizes)
    outcome = run(make_task(lambda _: report, plan, {"limit": steps}), tmp_path)
    assert outcome.epochs[-1]["train_loss"] < 0.92 * outcome.epochs[0]["train_loss"]
