"""`check --output-format json` against its schema and against figures by hand."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .command import CLEAN, ROOT, WRONG, run

SCHEMA = json.loads((Path(__file__).parent / "check.schema.json").read_text(encoding="utf-8"))

SIZED = """shapecalc: 1
name: Sized
blocks: {Mine: {params: {c: 4}, shape: [c, "in_shape[1]", "in_shape[2]"]}}
input: {image: [3, H, W], code: [8]}
layers:
  a: {Conv2d: {out_channels: 6, kernel_size: 3, stride: 2}, from: image}
  b: {BatchNorm2d: {}}
  c: {Mine: 6}
  d: {AdaptiveAvgPool2d: 1}
  e: {Flatten: {}}
  f: {Cat: [e, code]}
  g: {Chunk: {chunks: 2, dim: 1}}
output: ["g[0]", "g[1]"]
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "clean.yaml").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    return tmp_path


def document(here: Path, *args: str) -> Any:
    found = json.loads(run("check", "--output-format", "json", *args, cwd=here).out)
    jsonschema.Draft7Validator(SCHEMA).validate(found)
    return found


def test_json_follows_the_schema(here: Path) -> None:
    (here / "sized.yaml").write_text(SIZED, encoding="utf-8")
    (here / "empty.yaml").write_text("", encoding="utf-8")
    found = document(here, "clean.yaml", "wrong.yaml", "sized.yaml", "empty.yaml")
    assert [f["name"] for f in found["files"]][:3] == ["Clean", "Wrong", "Sized"]
    severities = [d["severity"] for f in found["files"] for d in f["diagnostics"]]
    assert severities.count("error") == 2
    assert found["summary"] == {"files": 4, "errors": 2, "warnings": severities.count("warning")}


def test_json_of_every_spec_in_the_repository_follows_the_schema() -> None:
    specs = sorted((ROOT / "specs").glob("*.yaml"))
    if not specs:
        pytest.skip("no specs")
    assert len(document(ROOT, *map(str, specs))["files"]) == len(specs)


def test_the_schema_refuses_what_the_interface_does_not_promise(here: Path) -> None:
    found = document(here, "clean.yaml")
    del found["files"][0]["layers"][0]["macs"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(found)


def test_json_states_layers_and_totals(here: Path) -> None:
    (file,) = document(here, "clean.yaml")["files"]
    linear, relu = file["layers"]
    assert (linear["path"], linear["op"], linear["from"], linear["line"], linear["column"]) == (
        "0",
        "Linear",
        ["input"],
        5,
        11,
    )
    assert linear["input_shapes"] == [["N", 4]]
    assert linear["output_shapes"] == [["N", 3]]
    assert linear["weights"] == {"weight": [3, 4], "bias": [3]}
    assert (linear["params"], linear["macs"], linear["flops"]) == (15, 12, 24)
    assert relu["from"] == ["0"]
    assert file["inputs"] == {"input": ["N", 4]}
    assert file["outputs"] == [["N", 3]]
    assert file["totals"]["params"] == file["totals"]["trainable_params"] == 15
    assert (file["totals"]["macs"], file["totals"]["flops"]) == (12, 24)


def test_json_states_what_is_unknown_with_its_reason(here: Path) -> None:
    (here / "sized.yaml").write_text(SIZED, encoding="utf-8")
    (file,) = document(here, "sized.yaml")["files"]
    mine = next(layer for layer in file["layers"] if layer["path"] == "c")
    for key in ("params", "macs"):
        assert mine[key] is None
        assert mine["reasons"][key]
        assert key in file["lower_bounds"]
    for layer in file["layers"]:
        keys = ("params", "macs", "flops", "activation_bytes", "saved_bytes", "macs_backward_input", "operations")
        unknown = {key for key in keys if layer[key] is None}
        assert unknown <= set(layer["reasons"])
    assert all(
        file["totals"][key] is not None or file["reasons"][key] for key in file["totals"] if key != "receptive_field"
    )
    assert {c["symbol"]: c["min"] for c in file["constraints"] if "symbol" in c} == {"H": 3, "W": 3}


def test_json_closed_forms_are_readable_by_python(here: Path) -> None:
    (here / "sized.yaml").write_text(SIZED, encoding="utf-8")
    (file,) = document(here, "sized.yaml")["files"]
    for layer in file["layers"]:
        for shape in layer["output_shapes"]:
            for size in shape:
                assert isinstance(ast.parse(str(size), mode="eval"), ast.Expression)


def test_json_states_diagnostics_with_their_places(here: Path) -> None:
    (file,) = document(here, "wrong.yaml")["files"]
    (problem,) = file["diagnostics"]
    place = [problem[k] for k in ("line", "column", "end_line", "end_column")]
    assert place == [5, 5, 5, 11]
    assert (problem["code"], problem["name"], problem["severity"]) == ("SC106", "unknown-operator", "error")
    assert problem["path"] == "wrong.yaml"
    assert "Linear" in problem["help"]
