"""Faults are one line each, nothing is lost by them, and Ctrl-C ends with 130."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from shapecalc.cli.group import cli
from shapecalc.torchside.training.fault import Fault
from shapecalc.torchside.training.resume import checkpoint
from shapecalc.torchside.training.run import Options, fresh_network
from tests.train.small import LINEAR, PLAIN, run, same, task_of

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(PLAIN, encoding="utf-8")
    return tmp_path / "net.yaml"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def test_ctrl_c_leaves_the_last_checkpoint_and_130(spec: Path) -> None:
    command = [sys.executable, "-m", "shapecalc", "train", "net.yaml", "--epochs", "5000", "-o", "run", "--no-cuda"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    deadline = time.monotonic() + 120
    while not Path("run/record.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted: run/last.ckpt holds the end of epoch" in out
    assert err == ""
    task = task_of(PLAIN)
    assert checkpoint(Path("run"), task, fresh_network(task)) == Path("run/last.ckpt")
    assert Path("run/interrupted.safetensors").exists()


def test_a_loss_that_is_no_number_stops_with_step_and_layer(tmp_path: Path) -> None:
    text = PLAIN.replace("  act: ReLU\n", "  act: ReLU\n  bad: {Log: }\n  worse: {Log: }\n")
    with pytest.raises(Fault) as fault:
        run(task_of(text), tmp_path)
    assert fault.value.status == 1
    assert "epoch 1, step 1: bad is the first layer whose output is not finite" in str(fault.value)
    assert (tmp_path / "last.ckpt").exists()


def test_data_that_is_no_number_is_told_apart(tmp_path: Path) -> None:
    x = np.random.rand(100, 1, 8, 8).astype(np.float32)
    x[:, 0, 0, 0] = np.where(np.arange(100) > 0, np.nan, 1)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(100) % 10)
    with pytest.raises(Fault, match="the data of that batch holds values that are no numbers"):
        run(task_of(PLAIN, {"dataset": f"npz:{tmp_path / 'a.npz'}"}), tmp_path)


def test_a_full_disk_stops_and_the_checkpoint_before_stands(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the system refuses to write on, as it does there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(figures: dict, _: dict) -> None:
        if figures["epoch"] == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))

    task = task_of(LINEAR, {"epochs": 5})
    try:
        with pytest.raises(Fault) as fault:
            run(task, tmp_path, told=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written" in str(fault.value)
    assert "epoch 2 stands" in str(fault.value)
    assert not list(tmp_path.glob("*.unfinished"))
    whole = run(task_of(LINEAR, {"epochs": 5}), tmp_path / "whole")
    again = run(task, tmp_path, resume=checkpoint(tmp_path, task, fresh_network(task)))
    assert same(whole.network.state_dict(), again.network.state_dict())


def test_a_folder_that_cannot_be_written_is_said_before_training(spec: Path) -> None:
    Path("file").write_text("", encoding="utf-8")
    result = invoke("train", "net.yaml", "-o", "file/run")
    assert result.return_value == 2
    assert "file/run cannot be written: Not a directory" in result.stderr


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_foreign_and_broken_checkpoints_are_refused(tmp_path: Path) -> None:
    task = task_of(PLAIN, {"epochs": 1})
    network = fresh_network(task)
    run(task, tmp_path)
    whole = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    cases = {
        tmp_path / "none.ckpt": "No such file",
        tmp_path / "cut.ckpt": "a broken one",
        saved(tmp_path / "foreign.ckpt", {"state_dict": {}}): "no checkpoint of shapecalc train",
    }
    for path, said in cases.items():
        with pytest.raises(Fault, match=said):
            checkpoint(path, task, network)
    wider = task_of(PLAIN.replace("Linear: 16", "Linear: 17"), {"epochs": 1})
    with pytest.raises(Fault, match=r"hidden\.bias is \[16\] in it and \[17\] in the network"):
        checkpoint(tmp_path, wider, fresh_network(wider))
    other = task_of(PLAIN, {"epochs": 1, "seed": 4})
    with pytest.raises(Fault, match="was trained with seed 0, not 4"):
        checkpoint(tmp_path, other, network)


def test_checkpoints_run_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (os.mkdir, (str(tmp_path / "evil"),))

    path = saved(tmp_path / "evil.ckpt", {"shapecalc": Evil()})
    task = task_of(PLAIN)
    with pytest.raises(Fault):
        checkpoint(path, task, fresh_network(task))
    assert not (tmp_path / "evil").exists()


WRONG = [
    (["--data", "npz:none.npz"], "shapecalc: none.npz: No such file or directory"),
    (["--data", "digit"], "shapecalc: 'digit' is no data set: did you mean digits?"),
    (["--optimizer", "adm"], "torch has no optimizer by the name 'adm': did you mean Adam?"),
    (["--optimizer", "Adam:nesterov=true"], "the optimizer Adam has no nesterov"),
    (["--momentum", "0.9"], "the optimizer Adam has no momentum"),
    (["--schedule", "stp"], "torch has no schedule by the name"),
    (["--loss", "crossentropi"], "torch has no loss by the name"),
    (["--devices", "3", "--no-cuda", "--strategy", "ddp"], "a batch of 64 cannot be shared evenly by 3 processes"),
    (["--resume", "nowhere"], "nowhere: No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[w[1] for w in WRONG])
def test_wrong_usage_is_one_line(spec: Path, arguments: list[str], said: str) -> None:
    result = invoke("train", "net.yaml", *arguments)
    assert result.exception is None
    assert result.return_value == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_network_that_is_too_large_is_said_before_training(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shapecalc.torchside.training import memory

    monkeypatch.setattr(memory, "device_bytes", lambda _: 30_000)
    result = invoke("train", "net.yaml", "-o", "run")
    assert result.return_value == 1
    assert "a step takes" in result.stderr
    assert "29.30 KiB free" in result.stderr
    assert not Path("run").exists()


def test_missing_packages_are_named(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shapecalc.cli import extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "lightning" else name)
    result = invoke("train", "net.yaml")
    assert "train needs lightning: pip install 'shapecalc-nn[train]'" in str(result.exception)


def test_a_spec_with_errors_is_not_trained(spec: Path) -> None:
    spec.write_text(PLAIN.replace("Linear: 16", "Linear: -1"), encoding="utf-8")
    result = invoke("train", "net.yaml")
    assert result.return_value == 1
    assert "net.yaml:6" in result.stderr


def test_weights_of_another_network_are_refused(spec: Path) -> None:
    torch.save({"a": torch.zeros(3)}, "other.pt")
    result = invoke("eval", "net.yaml", "--weights", "other.pt")
    assert result.return_value == 2
    assert "other.pt does not fit net.yaml: a is (3,) there, missing in the network" in result.stderr


def test_train_eval_and_predict_agree(spec: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    from shapecalc.torchside.training.data.samples import split

    trained = invoke("train", "net.yaml", "--epochs", "6", "--lr", "0.01", "-o", "run", "--no-cuda", "--format", "pt")
    assert trained.return_value == 0, trained.stderr
    record = json.loads(Path("run/record.json").read_text(encoding="utf-8"))
    told = json.loads(invoke("eval", "net.yaml", "--weights", "run/best.pt", "--output-format", "json").stdout)
    assert told["accuracy"] == pytest.approx(record["best"]["held_accuracy"])
    assert told["loss"] == pytest.approx(record["best"]["held_loss"], rel=1e-5)
    truth, paths = load_digits(), []
    for i in split(1797)[1][:20].tolist():
        paths.append(f"{i}.png")
        Image.fromarray((truth.images[i] * 255 / 16).round().astype(np.uint8)).save(paths[-1])
    found = json.loads(
        invoke("predict", "net.yaml", *paths, "--weights", "run/best.pt", "--output-format", "json").stdout
    )
    right = sum(e["classes"][0]["name"] == str(truth.target[int(e["path"][:-4])]) for e in found["images"])
    assert right >= 17


def test_the_command_line_wins_over_the_spec_and_the_spec_over_defaults() -> None:
    text = PLAIN + "train: {epochs: 7, lr: 0.5, optimizer: SGD, batch_size: width}\nparams: {width: 32}\n"
    plan = task_of(text, {"lr": 0.25, "epochs": None}).plan
    assert (plan["lr"], plan["epochs"], plan["optimizer"], plan["batch_size"]) == (0.25, 7, "SGD", 32)


def test_the_largest_power_of_two_that_fits_is_taken() -> None:
    from shapecalc.torchside.training.memory import PART, largest_batch, step_bytes

    task = task_of(PLAIN, {"batch_size": "auto"})
    for free in (40_000, 123_456, 10**6):
        batch = largest_batch(task.report, task.plan, free, 10**9)
        assert batch & (batch - 1) == 0
        needs = [step_bytes(task.report, b, task.plan)[0] for b in (batch, 2 * batch)]
        assert needs[0] <= free * PART < needs[1]
    assert largest_batch(task.report, task.plan, 10**9, 100) == 64


def test_options_stay_on_one_cpu_by_default() -> None:
    assert Options(accelerator="cpu").devices == 1
