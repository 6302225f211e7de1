"""Checkpoints against specs: files of torch and of the safetensors library, and files that mean harm."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import shapecalc
from shapecalc.analysis.checkpoint import Checkpoint
from shapecalc.render.checkpoint import checkpoint_object, render_markdown, render_text
from shapecalc.torchside.weights import Unreadable, shapes_of, tensors_of, write

from .schema.command import environment, run

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
shapecalc: 1
name: Net
input: [3, 8, 8]
layers:
  features:
    - Conv2d: {out_channels: 4, kernel_size: 3}
    - BatchNorm2d
    - ReLU
  flatten: Flatten
  fc: {Linear: 10}
"""


def weights() -> dict[str, torch.Tensor]:
    return dict(shapecalc.build(shapecalc.check_text(SPEC)).state_dict())


def held(entries: dict[str, dict[str, Any]], spec: str = SPEC) -> Checkpoint:
    shapes = {name: {k: tuple(t.shape) for k, t in tensors.items()} for name, tensors in entries.items()}
    return Checkpoint(shapecalc.check_text(spec, "net.yaml"), "net.pt", shapes)


# what fits


def test_a_network_fits_its_own_state_dict() -> None:
    found = held({"": weights()})
    assert found.fits
    assert (found.entry, found.prefix, found.wrapped) == ("", "", False)
    assert len(found.names) == len(weights())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "state_dict.", "module._orig_mod.net."])
def test_a_prefix_is_found_and_named(prefix: str) -> None:
    found = held({"": {prefix + k: v for k, v in weights().items()}})
    assert found.fits
    assert found.prefix == prefix
    assert prefix in render_text(found)


def test_wrappers_within_keys_are_passed_over() -> None:
    inner = {k.replace("features.", "features.module."): v for k, v in weights().items()}
    found = held({"": inner})
    assert found.fits
    assert found.wrapped


def test_of_several_entries_the_one_that_fits_is_taken() -> None:
    other = {"a": torch.zeros(1), "b": torch.zeros(2)}
    found = held({"optimizer": other, "ema.shadow": weights()})
    assert (found.fits, found.entry) == (True, "ema.shadow")


def test_an_old_file_may_lack_counters_as_torch_allows() -> None:
    old = {k: v for k, v in weights().items() if "num_batches" not in k}
    shapecalc.build(shapecalc.check_text(SPEC)).load_state_dict(old)  # torch agrees
    found = held({"": old})
    assert found.fits
    assert found.filled == ["features.1.num_batches_tracked"]


# what does not


def _torch_says(tensors: dict[str, torch.Tensor]) -> tuple[set[str], set[str]]:
    keys = shapecalc.build(shapecalc.check_text(SPEC)).load_state_dict(tensors, strict=False)
    return set(keys.missing_keys), set(keys.unexpected_keys)


def test_missing_and_extra_keys_are_those_that_torch_tells() -> None:
    changed = weights()
    changed["head.weight"] = changed.pop("fc.weight")
    changed["features.7.bias"] = torch.zeros(3)
    found = held({"": changed})
    assert ({m.key for m in found.missing}, set(found.extra)) == _torch_says(changed)
    assert [m.near for m in found.missing] == ["head.weight"]
    assert not found.fits


def test_tensors_of_another_shape_are_told_with_both_shapes() -> None:
    changed = weights() | {"fc.weight": torch.zeros(7, 144)}
    with pytest.raises(RuntimeError, match="size mismatch"):
        _torch_says(changed)
    found = held({"": changed})
    assert found.reshaped == {"fc.weight": ((10, 144), (7, 144))}
    assert "fc.weight is [7, 144], and [10, 144] is due" in render_text(found)
    assert "`net.pt` does not fit `net.yaml`" in render_markdown(found)
    assert checkpoint_object(found)["reshaped"]["fc.weight"] == {"spec": [10, 144], "checkpoint": [7, 144]}


def test_a_misspelt_key_is_named() -> None:
    changed = weights()
    changed["fc.wieght"] = changed.pop("fc.weight")
    assert [m.near for m in held({"": changed}).missing] == ["fc.wieght"]


def test_a_shape_that_depends_on_an_unknown_size_is_no_match() -> None:
    found = held({"": weights()}, SPEC.replace("[3, 8, 8]", "[3, H, 8]"))
    assert found.untold == ["fc.weight"]
    assert not found.fits


def test_nothing_in_common_is_told_and_no_entries_hurt_nobody() -> None:
    found = held({"": {"x": torch.zeros(1)}})
    assert (len(found.missing), set(found.extra)) == (len(weights()) - 1, {"x"})
    assert not held({}).fits


# files


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.safetensors"])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    ours = weights() | {"half": torch.randn(3, 2).bfloat16(), "none": torch.zeros(0, 4), "mask": torch.ones(3).bool()}
    write(path, ours)
    assert shapes_of(path)[""] == {k: tuple(v.shape) for k, v in ours.items()}
    back = tensors_of(path)[""]
    assert all(torch.equal(back[k], v) and back[k].dtype == v.dtype for k, v in ours.items())


def test_the_safetensors_library_agrees_both_ways(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    ours = weights() | {"half": torch.randn(3, 5).half()}
    write(str(tmp_path / "a.safetensors"), ours)
    theirs = library.load_file(tmp_path / "a.safetensors")
    assert all(torch.equal(theirs[k], v) for k, v in ours.items())
    library.save_file(ours, tmp_path / "b.safetensors", metadata={"format": "pt"})
    back = tensors_of(str(tmp_path / "b.safetensors"))[""]
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[k], v) for k, v in ours.items())


def test_nesting_is_found_in_files(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    torch.save({"epoch": 3, "state_dict": {f"model.{k}": v for k, v in weights().items()}, "opt": {"lr": 0.1}}, path)
    found = Checkpoint(shapecalc.check_text(SPEC), str(path), shapes_of(str(path)))
    assert (found.fits, found.entry, found.prefix) == (True, "state_dict", "model.")


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return open, (self.target, "w")


def test_a_pickle_that_would_execute_is_refused_in_one_line(tmp_path: Path) -> None:
    target = tmp_path / "executed"
    torch.save({"a": torch.zeros(1), "b": Bomb(str(target))}, tmp_path / "new.pt")
    (tmp_path / "old.pt").write_bytes(pickle.dumps(Bomb(str(target))))
    (tmp_path / "net.yaml").write_text(SPEC)
    for name in ("new.pt", "old.pt"):
        end = run("diff", "net.yaml", name, cwd=tmp_path)
        assert (end.status, end.out, end.err.count("\n")) == (2, "", 1)
    assert not target.exists()
    with open(tmp_path / "old.pt", "rb") as file:  # the bomb is one: this test can fail
        pickle.load(file).close()
    assert target.exists()


def _header(length: int, text: bytes) -> bytes:
    return struct.pack("<Q", length) + text


def _entry(**changes: Any) -> bytes:
    text = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}).encode()
    return _header(len(text), text) + b"\0" * 8


HOSTILE = {
    "empty": b"",
    "cut": b"\x10\0\0",
    "huge": _header(2**63, b"{}"),
    "longer": _header(1000, b"{}"),
    "no json": _header(4, b"abcd"),
    "deep": _header(200_000, b"[" * 200_000),
    "list": _header(2, b"[]"),
    "entry": _header(8, b'{"a": 1}'),
    "digits": _header(6000, b"{" + b'"a":' + b"9" * 5994 + b"}"),
    "offsets": _entry(data_offsets=[0, 800]),
    "negative": _entry(shape=[-2]),
    "overflow": _entry(shape=[2**40, 2**40], data_offsets=[0, 8]),
    "mismatch": _entry(shape=[3]),
    "dtype": _entry(dtype=["F32"]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_header_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(HOSTILE[case])
    for read in (shapes_of, tensors_of):
        with pytest.raises(Unreadable) as end:
            read(str(path))
        assert "\n" not in str(end.value)


@pytest.mark.parametrize("cut", [0, 1, 10, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, cut: float) -> None:
    write(str(tmp_path / "whole.pt"), weights())
    data = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])
    with pytest.raises(Unreadable):
        shapes_of(str(tmp_path / "cut.pt"))


def test_a_pickle_that_holds_itself_ends(tmp_path: Path) -> None:
    loop: dict[str, Any] = {"w": torch.zeros(1)}
    loop.update({str(n): loop for n in range(300)})
    torch.save(loop, tmp_path / "loop.pt")
    assert shapes_of(str(tmp_path / "loop.pt")) == {"": {"w": (1,)}}


def test_a_file_without_tensors_is_told(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "x.pt")
    with pytest.raises(Unreadable, match="no tensors by name"):
        shapes_of(str(tmp_path / "x.pt"))


# the command


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(SPEC)
    (tmp_path / "wrong.yaml").write_text("shapecalc: 1\ninput: [4]\nlayers: [Linaer]\n")
    write(str(tmp_path / "net.safetensors"), weights())
    write(str(tmp_path / "other.safetensors"), {f"module.{k}": v for k, v in weights().items() if "fc" not in k})
    return tmp_path


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_exit_status_tells_whether_it_fits(here: Path, form: str) -> None:
    assert run("diff", "net.yaml", "net.safetensors", "--output-format", form, cwd=here).status == 0
    end = run("diff", "net.yaml", "other.safetensors", "--output-format", form, cwd=here)
    assert (end.status, "fc.weight" in end.out, end.err) == (1, True, "")
    if form == "json":
        assert json.loads(end.out)["prefix"] == "module."


@pytest.mark.parametrize(
    ("args", "status"),
    [
        (["net.yaml", "absent.pt"], 2),
        (["net.yaml", "absent.safetensors"], 2),
        (["wrong.yaml", "net.safetensors"], 1),
        (["net.yaml", "net.safetensors", "--max-params-growth", "5%"], 2),
    ],
)
def test_what_cannot_be_held_against_it_is_said_on_stderr(here: Path, args: list[str], status: int) -> None:
    end = run("diff", *args, cwd=here)
    assert (end.status, end.out) == (status, "")
    assert end.err


def test_shapes_of_safetensors_need_no_torch(here: Path) -> None:
    code = (
        "import sys\nfrom shapecalc.cli.group import run\n"
        "assert run(['diff', 'net.yaml', 'net.safetensors']) == 0\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
