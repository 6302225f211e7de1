"""Every kind of data end to end: trained on, judged and, where there is something to ask, asked; by the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

import shapecalc
from shapecalc.cli.group import cli
from shapecalc.torchside.training.data import made
from tests.train.small import PLAIN
from tests.train.test_data import idx_folder, images

if TYPE_CHECKING:
    from click.testing import Result

SPECS = Path(__file__).resolve().parents[2] / "specs"
CONV = """\
shapecalc: 1
name: Conv
params: {classes: 2}
input: [3, H, W]
layers:
  conv: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1, stride: 2}}
  act: ReLU
  pool: {AdaptiveAvgPool2d: 1}
  flatten: Flatten
  out: {Linear: classes}
"""
MASKS = """\
shapecalc: 1
name: Masks
params: {kinds: 3}
input: [3, H, W]
layers:
  conv: {Conv2d: {out_channels: 8, kernel_size: 3, padding: 1}}
  act: ReLU
  out: {Conv2d: {out_channels: kinds, kernel_size: 3, padding: 1}}
"""
LINE = PLAIN.replace("[1, 8, 8]", "[1, 40]")
LARGE = PLAIN.replace("[1, 8, 8]", "[1, 28, 28]")
TOKENS = "vocab=12 block_size=16 T=8 depth=1 heads=2 dim=16 dropout=0"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(made, "SAMPLES", 150)
    return tmp_path


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments), standalone_mode=False)
    assert result.exception is None, result.output
    return result


def trained(spec: str, data: str, *more: str) -> dict:
    """The record of a short run of a spec's text, which lies as net.yaml beside its folder `run`."""
    Path("net.yaml").write_text(spec, encoding="utf-8")
    short = ["--epochs", "2", "--limit-batches", "6", "--no-cuda", "-o", "run"]
    result = invoke("train", "net.yaml", "--data", data, *short, *more)
    assert result.return_value == 0, result.stderr
    return json.loads(Path("run/record.json").read_text(encoding="utf-8"))


def judged(*more: str) -> dict:
    result = invoke("eval", "net.yaml", "--weights", "run/last.safetensors", "--output-format", "json", *more)
    assert result.return_value == 0, result.stderr
    return json.loads(result.stdout)


def asked(*inputs: str) -> dict:
    result = invoke("predict", "net.yaml", *inputs, "--weights", "run/last.safetensors", "--output-format", "json")
    assert result.return_value == 0, result.stderr
    return json.loads(result.stdout)


def assert_judged_as_trained(record: dict, told: dict) -> None:
    last = record["epochs"][-1]
    assert told["samples"] == record["data"]["held"]
    assert told["loss"] == pytest.approx(last["held_loss"], rel=1e-4)
    assert ("accuracy" in told) == ("held_accuracy" in last)
    if "accuracy" in told:
        assert told["accuracy"] == pytest.approx(last["held_accuracy"], rel=1e-6)


def settings(text: str) -> list[str]:
    return [part for setting in text.split() for part in ("--set", setting)]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files(here: Path, name: str) -> None:
    (here / "idx").mkdir()
    idx_folder(here / "idx")
    where = ("--data-dir", "idx")
    record = trained(LARGE, name, *where)
    assert_judged_as_trained(record, judged(*where))
    assert record["data"]["classes"][0] == {"mnist": "0", "fashion-mnist": "T-shirt/top"}[name]


def test_signals(here: Path) -> None:
    record = trained(LINE, "mnist1d", "--batch-size", "1000")
    assert_judged_as_trained(record, judged())
    assert record["data"]["learn"] == 4000


def test_a_folder_of_images_and_their_names(here: Path) -> None:
    images(here / "pets")
    record = trained(CONV, "folder:pets", "--resize", "12", "--lr", "0.1")
    assert record["spec"]["sizes"] == {"H": 12, "W": 12}
    assert_judged_as_trained(record, judged())
    found = asked("pets/cat/2.png", "pets/dog/2.png")["images"]
    assert [{c["name"] for c in image["classes"]} for image in found] == [{"cat", "dog"}] * 2
    assert all(sum(c["probability"] for c in i["classes"]) == pytest.approx(1, abs=1e-5) for i in found)


def test_other_classes_than_those_learned_are_refused(here: Path) -> None:
    images(here / "pets")
    trained(CONV, "folder:pets", "--resize", "12")
    (here / "pets" / "cat").rename(here / "pets" / "eel")
    (here / "pets" / "dog").rename(here / "pets" / "cow")
    result = invoke("eval", "net.yaml", "--weights", "run/last.safetensors")
    assert result.return_value == 2
    assert "class 0 is cow in pets, cat in what the network learned from" in result.stderr.replace("folder:", "")


def test_two_classes_with_one_score(here: Path) -> None:
    images(here / "pets")
    record = trained(CONV, "folder:pets", "--resize", "12", "--set", "classes=1")
    assert record["plan"]["loss"] == "BCEWithLogitsLoss"
    assert_judged_as_trained(record, judged())
    (found,) = asked("pets/cat/2.png")["images"]
    assert sum(c["probability"] for c in found["classes"]) == pytest.approx(1, abs=1e-5)


def test_arrays_of_numbers(here: Path) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 1, 8, 8)).astype(np.float32)
    np.savez("a.npz", x=x, y=x.reshape(60, -1)[:, :10] * 2)
    record = trained(PLAIN, "npz:a.npz", "--lr", "0.01")
    assert record["data"]["kind"] == "values"
    told = judged()
    assert "accuracy" not in told
    assert_judged_as_trained(record, told)
    from PIL import Image

    Image.fromarray(np.zeros((8, 8), np.uint8)).save("black.png")
    assert len(asked("black.png")["images"][0]["values"]) == 10


@pytest.mark.parametrize("kinds", [3, 1])
def test_masks_are_learned_and_painted(here: Path, kinds: int) -> None:
    from PIL import Image

    size = ("--resize", "16", "--set", f"kinds={kinds}", "--batch-size", "16")
    record = trained(MASKS, "masks", *size)
    assert_judged_as_trained(record, judged())
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(noise).save("noise.png")
    (found,) = asked("noise.png")["images"]
    with Image.open(found["mask"]) as mask:
        assert (mask.mode, mask.size) == ("P", (30, 20))
        classes = np.array(mask)
    assert found["mask"] == "noise.mask.png"
    assert set(np.unique(classes)) == set(map(int, found["shares"]))
    assert classes.max() < max(2, kinds)
    assert sum(found["shares"].values()) == pytest.approx(1)


def test_a_mask_is_what_the_network_says_of_each_pixel(here: Path) -> None:
    """A threshold written into the weights by hand: pixels lighter than one half are of class 1."""
    import torch
    from PIL import Image

    Path("net.yaml").write_text(
        "shapecalc: 1\ninput: [1, H, W]\nlayers: {out: {Conv2d: {out_channels: 2, kernel_size: 1}}}\n", "utf-8"
    )
    weights = {"out.weight": torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1), "out.bias": torch.tensor([0.5, -0.5])}
    torch.save(weights, "w.pt")
    grey = np.arange(0, 250, 10, np.uint8).reshape(5, 5)
    Image.fromarray(grey).save("grey.png")
    result = invoke("predict", "net.yaml", "grey.png", "--weights", "w.pt", "--set", "H=5", "--set", "W=5", "-o", "out")
    assert result.return_value == 0, result.stderr
    with Image.open("out/grey.mask.png") as mask:
        assert (np.array(mask) == (grey > 127.5)).all()


def test_two_masks_of_one_name_are_refused(here: Path) -> None:
    from shapecalc.torchside.training.fault import Fault
    from shapecalc.torchside.training.mask import _places

    with pytest.raises(Fault, match=r"two of the images would have their masks in out/a\.mask\.png"):
        _places(["x/a.png", "y/a.png"], Path("out"))


def test_the_edge_detector_in_one_command(here: Path) -> None:
    spec = (SPECS / "edge_detector.yaml").read_text(encoding="utf-8")
    Path("net.yaml").write_text(spec, encoding="utf-8")
    result = invoke("train", "net.yaml", "--no-cuda", "-o", "run")
    assert result.return_value == 0
    kernel = next(line for line in result.stdout.splitlines() if line.startswith("learned  conv.weight"))
    left, right = map(float, kernel.partition("[[[[")[2].rstrip("]").split(","))
    assert (left, right) == (pytest.approx(1, abs=0.15), pytest.approx(-1, abs=0.15))
    assert judged()["loss"] < 1


def test_a_text_is_learned_and_gone_on_with(here: Path) -> None:
    """The text comes again after five characters and windows begin every eight, so that the place tells nothing."""
    Path("a.txt").write_text("abcde" * 300, encoding="utf-8")
    spec = (SPECS / "char_gpt.yaml").read_text(encoding="utf-8")
    record = trained(spec, "text:a.txt", *settings(TOKENS), "--lr", "0.01", "--epochs", "8", "--batch-size", "16")
    assert record["data"]["vocabulary"] == "abcde"
    assert_judged_as_trained(record, judged())
    arguments = ["predict", "net.yaml", "deab", "--weights", "run/best.safetensors", "--length", "13"]
    assert invoke(*arguments, "--temperature", "0").stdout == "deab" + "cdeabcdeabcde" + "\n"
    assert invoke(*arguments, "--topk", "1").stdout == "deabcdeabcdeabcde\n"
    assert invoke(*arguments, "--seed", "3").stdout == invoke(*arguments, "--seed", "3").stdout
    refused = invoke("predict", "net.yaml", "xa", "--weights", "run/best.safetensors")
    assert refused.return_value == 2
    assert "the network has never seen 'x'" in refused.stderr
    Path("b.txt").write_text("abcf" * 300, encoding="utf-8")
    other = invoke("eval", "net.yaml", "--weights", "run/best.safetensors", "--data", "text:b.txt")
    assert "b.txt has characters that the network has never seen: 'f'" in other.stderr
    Path("c.txt").write_text("bce" * 300, encoding="utf-8")
    assert judged("--data", "text:c.txt")["accuracy"] < 0.8


def test_what_is_to_be_copied(here: Path) -> None:
    spec = (SPECS / "char_gpt.yaml").read_text(encoding="utf-8")
    record = trained(spec, "copy", *settings(TOKENS.replace("T=8", "T=9")))
    told = judged()
    assert_judged_as_trained(record, told)
    (found,) = asked("1 2 3 11")["texts"]
    assert all(int(token) < 12 for token in found["goes_on"].split())
    refused = invoke("predict", "net.yaml", "1 12", "--weights", "run/last.safetensors")
    assert "tokens are numbers below 12, not '1 12'" in refused.stderr


def test_more_classes_are_told_when_asked(here: Path) -> None:
    from PIL import Image

    trained(PLAIN, "digits")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("black.png")
    result = invoke("predict", "net.yaml", "black.png", "--weights", "run/last.safetensors", "--topk", "5")
    assert result.stdout.count("%") == 5
    assert invoke("predict", "net.yaml", "black.png", "--weights", "run/last.safetensors").stdout.count("%") == 3


def test_a_network_of_another_kind_is_not_asked() -> None:
    from shapecalc.torchside.training.fault import Fault
    from shapecalc.torchside.training.predict import asked

    with pytest.raises(Fault, match="this one takes 1 x 40 and gives 10"):
        asked(shapecalc.check_text(LINE), {})
