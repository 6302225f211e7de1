"""Data sets: what they hold, that they fit or are said not to, and that their order is a function of seed and epoch."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import shapecalc
from shapecalc.torchside.training.data import archive, folder, idx, made, signals, text
from shapecalc.torchside.training.data.digits import digits
from shapecalc.torchside.training.data.samples import IGNORED, Order, split
from shapecalc.torchside.training.data.sources import Wish
from shapecalc.torchside.training.fault import Fault
from shapecalc.torchside.training.fit import chosen_sizes, fit
from tests.train.small import LINEAR, PLAIN, task_of

SPECS = Path(__file__).resolve().parents[2] / "specs"


def test_digits_are_those_of_scikit_learn_each_in_one_part() -> None:
    from sklearn.datasets import load_digits

    data, truth = digits(), load_digits()
    learn, held = split(1797)
    assert sorted([*learn.tolist(), *held.tolist()]) == list(range(1797))
    assert torch.equal(data.held.inputs[0][:, 0], torch.tensor(truth.images, dtype=torch.float32)[held])
    assert data.learn.targets.tolist() == truth.target[learn.numpy()].tolist()


def test_the_order_is_a_function_of_seed_and_epoch_and_sees_each_sample_once() -> None:
    def batches(seed: int, epoch: int) -> list[list[int]]:
        order = Order(103, 10, seed)
        order.set_epoch(epoch)
        return list(order)

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3)
    assert batches(1, 2) != batches(2, 2)
    assert sorted(i for batch in batches(1, 2) for i in batch) == list(range(103))


@pytest.mark.parametrize("count", [96, 97, 98, 99, 101])
def test_processes_share_each_batch_and_none_gets_nothing(count: int) -> None:
    whole = list(Order(count, 12, 7))
    orders = [Order(count, 12, 7, rank=r, world=3) for r in range(3)]
    shares = [list(order) for order in orders]
    assert len({len(s) for s in shares}) == 1
    for number, parts in enumerate(zip(*shares, strict=True)):
        assert all(parts)
        assert sorted(i for p in parts for i in p) == sorted(whole[number])
        assert orders[0].size(number) == len(whole[number])


def test_the_number_of_batches_is_what_iterating_gives() -> None:
    for count in range(1, 40):
        for world, seed in ((1, 0), (2, 0), (1, None)):
            order = Order(count, 4, seed, world=world)
            assert len(list(order)) == len(order)
            assert all(order)


def test_a_rest_of_one_sample_is_left_out_of_learning_only() -> None:
    assert [len(b) for b in Order(9, 4, 0)] == [4, 4]
    assert [len(b) for b in Order(9, 4, None)] == [4, 4, 1]
    assert [len(b) for b in Order(1, 4, 0)] == [1]


def idx_file(path: Path, values: np.ndarray, packed: bool) -> None:
    data = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()
    path.write_bytes(gzip.compress(data) if packed else data)


def idx_folder(root: Path) -> None:
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 6)):
        packed = part == "train"
        suffix = ".gz" if packed else ""
        idx_file(root / f"{part}-images-idx3-ubyte{suffix}", random.integers(0, 256, (count, 28, 28), np.uint8), packed)
        idx_file(root / f"{part}-labels-idx1-ubyte{suffix}", (np.arange(count) % 10).astype(np.uint8), packed)


def test_idx_files_are_read_plain_and_gzipped(tmp_path: Path) -> None:
    idx_folder(tmp_path)
    data = idx.mnist(str(tmp_path))
    expected = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    assert torch.equal(data.learn.inputs[0][:, 0], torch.tensor(expected))
    assert data.held.targets.tolist() == list(range(6))
    assert data.mean[0] == pytest.approx((expected / 255).mean(), rel=1e-5)


def test_mnist1d_is_made_by_its_recipe() -> None:
    data = signals.mnist1d()
    assert tuple(data.learn.inputs[0].shape) == (4000, 1, 40)
    assert tuple(data.held.inputs[0].shape) == (1000, 1, 40)
    assert torch.bincount(torch.cat([data.learn.targets, data.held.targets])).tolist() == [500] * 10


def test_the_blur_is_that_of_scipy() -> None:
    from scipy.ndimage import gaussian_filter

    x = np.random.default_rng(1).standard_normal(72)
    assert np.allclose(signals.blurred(x), gaussian_filter(x, 2))


def test_npz_files_have_one_part_or_two(tmp_path: Path) -> None:
    x, y = np.random.rand(10, 3, 4).astype(np.float32), np.arange(10) % 3
    np.savez(tmp_path / "one.npz", x=x, y=y)
    np.savez(tmp_path / "two.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    one, two = (archive.archive(str(tmp_path / f"{n}.npz"), ["input"], None) for n in ("one", "two"))
    assert (len(one.learn), len(one.held), one.count) == (8, 2, 3)
    assert (len(two.learn), len(two.held)) == (10, 2)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros(3)}, "but not y"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(4)}, "not as many samples"),
        ({}, "(none)"),
    ],
)
def test_what_an_npz_file_lacks_is_said(tmp_path: Path, arrays: dict, said: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(Fault) as fault:
        archive.archive(str(tmp_path / "a.npz"), ["input"], None)
    assert said in str(fault.value)


def images(root: Path) -> None:
    from PIL import Image

    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for i in range(5):
            Image.new("RGB", (12, 9), (40 * i, 0, 255 if label == "cat" else 0)).save(root / label / f"{i}.png")


def test_a_folder_of_images_gives_a_class_for_each_folder(tmp_path: Path) -> None:
    images(tmp_path)
    data = folder.folder(str(tmp_path), 3, (6, 8))
    assert data.classes == ["cat", "dog"]
    assert (len(data.learn), len(data.held)) == (8, 2)
    (x,), y = data.learn.__getitems__(list(range(8)))
    assert tuple(x.shape) == (8, 3, 6, 8)
    assert (x[:, 2].float().mean((1, 2)) / 255).round().tolist() == [1.0 - label for label in y.tolist()]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    from PIL import Image

    images(tmp_path)
    broken = tmp_path / "cat" / "3.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(broken)
    broken.write_bytes(broken.read_bytes()[:5000])
    (tmp_path / "no.png").write_text("text")
    with pytest.raises(Fault, match=r"3\.png: the image is broken"):
        folder.read_image(broken, 3, (6, 8))
    with pytest.raises(Fault, match=r"no\.png: it is no image"):
        folder.read_image(tmp_path / "no.png", 1, None)


def test_text_is_cut_so_that_targets_are_the_next_characters(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("abcdefghij" * 30, encoding="utf-8")
    data = text.text(str(tmp_path / "t.txt"), 7)
    assert data.vocabulary == "abcdefghij"
    (x,), y = data.learn.__getitems__([0, 1, 5])
    assert torch.equal((x + 1) % 10, y)


def test_what_is_copied_is_what_was_said() -> None:
    data = made.copy(9, 6)
    (x,), y = data.learn.__getitems__([0, 1, 2])
    assert (y[:, :5] == IGNORED).all()
    assert torch.equal(y[:, 5:], x[:, :4])
    assert int(x.max()) == 5


def test_edges_are_the_correlation_with_1_and_minus_1() -> None:
    data = made.edges((1, 6, 8), (1, 6, 7))
    (x,), y = data.learn.__getitems__([0])
    assert torch.equal(y, functional.conv2d(x, torch.tensor([[[[1.0, -1.0]]]])))
    assert x[0, 0, 0].tolist() == [1, 1, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 20), (2, 40), (64,), (1, 8, 8, 8)])
def test_shapes_are_made_for_any_input(shape: tuple[int, ...]) -> None:
    data = made.shapes(shape, 4)
    assert tuple(data.learn.inputs[0].shape[1:]) == shape
    assert set(data.learn.targets.tolist()) == {0, 1, 2, 3}


def test_masks_tell_the_class_of_every_pixel() -> None:
    data = made.masks((3, 32, 32), (4, 20, 20))
    (x,), y = data.learn.__getitems__(list(range(50)))
    assert tuple(y.shape) == (50, 20, 20)
    assert set(y.unique().tolist()) == {0, 1, 2, 3}
    inner = x[:, 0, 6:26, 6:26]
    assert inner[y > 0].mean() > inner[y == 0].mean() + 0.2


SEGMENT = "shapecalc: 1\ninput: [3, H, W]\nlayers: [{Conv2d: {out_channels: 2, kernel_size: 3, padding: 1}}]\n"
MISFITS = [
    (PLAIN, "mnist1d", "mnist1d gives 1 x 40, the network takes 1 x 8 x 8 at input: 40 numbers for 64"),
    (PLAIN.replace("Linear: 10", "Linear: 7"), "digits", "digits has 10 classes, the network gives 7"),
    (SEGMENT, "digits", "digits wants one score a class (10), the network gives 2 x 8 x 8"),
    (PLAIN.replace("[1, 8, 8]", "[100]"), "digits", "64 numbers for 100"),
    (PLAIN, "edges", "the network takes 1 x 8 x 8 and gives 10"),
    (PLAIN, "digit", "did you mean digits?"),
    (PLAIN, "folder", "folder:PATH"),
    (PLAIN, "folder:/nowhere/at/all", "/nowhere/at/all: no such folder"),
    (PLAIN, "npz:/nowhere.npz", "/nowhere.npz: No such file or directory"),
    (PLAIN, "mnist", "--data-dir"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "name", "said"), MISFITS, ids=[m[2] for m in MISFITS])
def test_what_does_not_fit_is_said_with_the_numbers(spec: str, name: str, said: str) -> None:
    with pytest.raises(Fault) as fault:
        task_of(spec, {"dataset": name})
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def test_images_are_resized_by_bilinear_interpolation_and_normalised() -> None:
    task = task_of(LINEAR.replace("[1, 8, 8]", "[3, 14, 10]"))
    (x,), _ = task.data.learn.__getitems__([0, 1])
    ready = task.fit.inputs([x], [torch.float32])[0]
    grey = (x / 16 - task.data.mean[0]) / task.data.std[0]
    expected = functional.interpolate(grey, size=(14, 10), mode="bilinear", align_corners=False)
    assert torch.allclose(ready, expected.expand(-1, 3, -1, -1), atol=1e-5)


@pytest.mark.parametrize(("spec", "resize"), [("unet", None), ("unet", 40), ("char_gpt", 500)])
def test_symbols_take_the_nearest_legal_sizes(spec: str, resize: int | None) -> None:
    report = shapecalc.check(str(SPECS / f"{spec}.yaml"))
    sizes = chosen_sizes(report, None, resize)
    assert report.legal.holds(sizes)
    assert sizes == {"unet": dict.fromkeys("HW", 48 if resize else 64), "char_gpt": {"T": 256}}[spec]


def test_two_classes_may_be_one_score() -> None:
    data = made.shapes((1, 8, 8), 2)
    fitted = fit(shapecalc.check_text(PLAIN.replace("Linear: 10", "Linear: 1")), data)
    assert tuple(fitted.targets(data.learn.targets[:5]).shape) == (5, 1)


def test_fashion_mnist_without_files_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "DEBIAN", "/nowhere")
    with pytest.raises(Fault, match="apt install dataset-fashion-mnist"):
        idx.fashion_mnist(None)


@pytest.mark.parametrize("name", ["digits", "Fashion_MNIST", "fashionmnist", "npz:a.npz", "text:b"])
def test_names_of_data_sets_may_be_spelled_in_several_ways(name: str) -> None:
    Wish(name)
