"""Files that are no models, that are hostile, or that need to be told more: one clear line, or a harmless spec."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import numpy as np
import onnx
from onnx.helper import make_node

import shapecalc
from shapecalc.onnxside import file as reading
from shapecalc.onnxside.file import Unreadable
from shapecalc.onnxside.spec import import_file
from tests.schema.command import environment, run

from .judge import model_of, saved, twin_of

X = {"x": ("float32", (None, 4))}


def small() -> onnx.ModelProto:
    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    return model_of([make_node("MatMul", ["x", "w"], ["m"]), make_node("Relu", ["m"], ["y"])], X, {"w": weight})


def told(folder: Path, *more: str) -> Any:
    end = run("import", "net.onnx", *more, cwd=folder)
    assert "Traceback" not in end.err
    return end


def test_the_command_writes_a_spec_that_names_the_weights(tmp_path: Path) -> None:
    saved(small(), tmp_path)
    end = told(tmp_path)
    assert (end.status, end.err) == (0, "")
    assert end.out.splitlines() == [
        "# Keys of the state_dict, and the tensors of the file that they are:",
        "#   linear.weight: w, transposed",
        "shapecalc: 1", "name: ByHand", "input: [4]", "layers:", "  linear: {Linear: {out_features: 3, bias: false}}",
        "  relu: ReLU", "expect: {params: 12, output: [3]}",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"no model", b"shapecalc: 1\n", b"\x08\x0a", bytes(range(256)) * 9])
def test_what_is_no_model_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    end = told(tmp_path)
    assert (end.status, end.out, len(end.err.splitlines())) == (2, "", 1)
    assert "no ONNX model" in end.err


def test_a_file_that_is_cut_off_anywhere_is_told(tmp_path: Path) -> None:
    """A cut between two fields leaves a model, of which something else is missing."""
    path = Path(saved(small(), tmp_path))
    content = path.read_bytes()
    for end in range(len(content) - 1):
        path.write_bytes(content[:end])
        message = "fits"
        try:
            import_file(str(path))
        except ValueError as error:
            message = str(error)
        assert len(message.splitlines()) == 1


def test_what_is_not_there_or_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in told(tmp_path).err
    path = saved(small(), tmp_path)
    monkeypatch.setattr(reading, "LIMIT", 100)
    with pytest.raises(Unreadable, match=r"bytes, and an ONNX model at most 100"):
        import_file(path)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MANY", 1)
    with pytest.raises(Unreadable, match="2 nodes"):
        import_file(path)


def test_constants_beyond_measure_are_not_worked_out(tmp_path: Path) -> None:
    nodes = [
        make_node("ConstantOfShape", ["s"], ["c"]),
        make_node("Gather", ["c", "i"], ["p"]),
        make_node("Add", ["x", "p"], ["y"]),
    ]
    model = model_of(nodes, X, {"s": np.array([1 << 40]), "i": np.arange(4)})
    with pytest.raises(ValueError, match="more than"):
        import_file(saved(model, tmp_path))


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "link", "", "a\0b"])
def test_data_outside_of_the_folder_is_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(48))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    model = small()
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    with pytest.raises(Unreadable, match=r"outside of the model's folder"):
        import_file(saved(model, folder)).state()


def test_data_beside_the_file_is_read(tmp_path: Path) -> None:
    model = small()
    onnx.save_model(model, str(tmp_path / "net.onnx"), save_as_external_data=True, location="d.bin", size_threshold=0)
    found = import_file(str(tmp_path / "net.onnx"))
    assert found.state()["linear.weight"].tolist() == np.arange(12).reshape(4, 3).T.tolist()


HOSTILE = [
    "__class__", "x; import os", "import", "a'b\"c", "a\nb", "# no: comment", "{}", "ｃｏｎｖ.weight", "../../x",
    "a.b.__del__", "N", "input", "layers: [ReLU]", "..", "a..b.weight", "forward.weight", "\u202e.weight",
    "Linear.weight", "1.2.3.weight",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_give_a_harmless_spec(tmp_path: Path, name: str) -> None:
    """Names of weights, nodes, inputs, graphs and modules that are no names."""
    shape = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4])
    weight = onnx.numpy_helper.from_array(np.ones((4, 3), np.float32), f"{name}_")
    scale = onnx.numpy_helper.from_array(np.arange(3, dtype=np.float32), f"{name}s")
    nodes = [
        make_node("MatMul", [name, f"{name}_"], ["m"], name=f"/{name}/{name}/MatMul"),
        make_node("Mul", ["m", f"{name}s"], ["s"], name=name),
        make_node("Hardmax", ["s"], [f"{name}y"], name=name),
    ]
    for node in nodes[:2]:
        for key, value in (("name_scopes", ["", name, "f"]), ("class_hierarchy", [name, f"torch.nn.{name}", "f"])):
            entry = node.metadata_props.add()
            entry.key, entry.value = f"pkg.torch.onnx.{key}", repr(value)
    gives = onnx.helper.make_empty_tensor_value_info(f"{name}y")
    graph = onnx.helper.make_graph(nodes, name, [shape], [gives], [weight, scale])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    found = import_file(saved(model, tmp_path))
    report = shapecalc.check_text(found.text)
    assert [d for d in report.diagnostics if d.severity == "error"] == []
    source = shapecalc.emit(report)
    compile(source, "net.py", "exec")
    assert "import os" not in source
    twin_of(found)


def test_an_operator_of_a_hostile_name_is_an_open_block(tmp_path: Path) -> None:
    node = make_node("x; import os\n#", ["x"], ["y"], domain="some.where")
    model = model_of([node], X)
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 7]))
    found = import_file(saved(model, tmp_path))
    assert "shape: [7]" in found.text
    assert "Ximportos" in found.text
    compile(shapecalc.emit(shapecalc.check_text(found.text)), "net.py", "exec")


def test_sizes_that_the_file_leaves_open_are_told(tmp_path: Path) -> None:
    nodes = [make_node("GlobalAveragePool", ["image"], ["y"])]
    saved(model_of(nodes, {"image": ("float32", (None, 3, "H", "W"))}), tmp_path)
    end = told(tmp_path)
    assert end.status == 2
    assert "input 'image' leaves sizes open (3,H,W): tell them with --input" in end.err
    assert "input: [3, 8, 9]" in told(tmp_path, "--input", "3,8,9").out
    assert "input: [3, 8, 9]" in told(tmp_path, "--input", "image=3,8,9").out
    assert told(tmp_path, "--input", "other=3,8,9").status == 2
    assert told(tmp_path, "--input", "a,b").status == 2
    assert told(tmp_path, "--arg", "a=1").status == 2


def test_the_import_needs_no_torch_and_other_commands_no_onnx(tmp_path: Path) -> None:
    saved(small(), tmp_path)
    code = "import sys\nfrom shapecalc.cli.group import run\nrun(['import', 'net.onnx'])\n"
    code += "assert 'onnx' in sys.modules and 'torch' not in sys.modules"
    assert python(code, tmp_path).returncode == 0
    code = "import sys\nfrom shapecalc.cli.group import run\nrun(['import', '--help'])\n"
    code += "assert 'onnx' not in sys.modules and 'numpy' not in sys.modules"
    assert python(code, tmp_path).returncode == 0


def test_without_onnx_the_message_names_the_extra(tmp_path: Path) -> None:
    saved(small(), tmp_path)
    code = "import sys, importlib.util as u\nfind = u.find_spec\n"
    code += "u.find_spec = lambda n, *a: None if n == 'onnx' else find(n, *a)\n"
    code += "from shapecalc.cli.group import run\nsys.exit(run(['import', 'net.onnx']))"
    done = python(code, tmp_path)
    assert done.returncode == 2
    assert "pip install 'shapecalc-nn[onnx]'" in done.stderr


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, encoding="utf-8", timeout=120
    )
