"""`shapecalc schema`: what it refuses is wrong, and it accepts whatever the program accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import shapecalc
from shapecalc.lint import registry
from shapecalc.ops.registry import MODULES, find
from shapecalc.render.schema import schema

from .command import run

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted([*ROOT.glob("specs/*.yaml"), *ROOT.glob("tests/d2l/*.yaml")])
VALIDATOR = jsonschema.Draft7Validator(schema())


def complaints(document: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_it_is_a_schema_and_the_command_prints_it(tmp_path: Path) -> None:
    printed = json.loads(run("schema", cwd=tmp_path).out)
    jsonschema.Draft7Validator.check_schema(printed)
    assert printed == schema()


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_spec_is_accepted(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        assert complaints(document) == []


def plain(value: Any) -> Any:
    """A sample's value as YAML gives it."""
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", list(MODULES))
def test_every_sample_of_every_operator_is_accepted(name: str) -> None:
    for arguments, _ in find(name).samples():
        given = {k: plain(v) for k, v in arguments.items()}
        if find(name).merging:
            given = {k: v for k, v in given.items() if k != "operands"}
        layers = [{name: given}] if given else [name]
        assert complaints({"shapecalc": 1, "input": [4], "layers": layers}) == [], given


WRONG = [
    "shapecalc: 1\ninput: [4]\nlayers: [ReLU]\nlayer: [ReLU]",
    "shapecalc: 1\ninput: [4]",
    "shapecalc: one\ninput: [4]\nlayers: [ReLU]",
    "shapecalc: 1\ninput: [4]\nlayers: 7",
    "shapecalc: 1\ninput: [4]\nlayers: [ReLU]\ntrain: {epoch: 3}",
    "shapecalc: 1\ninput: [4]\nlayers: [ReLU]\nlint: {ignored: [SC301]}",
    "shapecalc: 1\ninput: [4]\nlayers: [ReLU]\nexpect: {parms: 3}",
    "shapecalc: 1\ninput: [4]\nlayers: [B]\nblocks: {B: {layer: [ReLU]}}",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel: 3}}]",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {kernel_size: 3}}]",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: true}}]",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: [3, 3, 3]}}]",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, padding: -1}}]",
    "shapecalc: 1\ninput: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, bias: 1}}]",
    "shapecalc: 1\ninput: [4]\nlayers: [{Dropout: 1.5}]",
    "shapecalc: 1\ninput: [4]\nlayers: [{Linear: 2.5}]",
    "shapecalc: 1\ninput: [4]\nlayers: [Linear: ]",
    "shapecalc: 1\ninput: [4]\nlayers: [{ReLU: , form: input}]",
    "shapecalc: 1\ninput: [4]\nlayers: [{ReLU: , Tanh: }]",
    "shapecalc: 1\ninput: [4]\nlayers: [{Linear: 4, B: 4}]\nblocks: {B: {params: {n: 1}, layers: [Linear: n]}}",
    "shapecalc: 1\ninput: [4]\nlayers: [{Sequential: [ReLU], ReLU: }]",
    "shapecalc: 1\ninput: [4]\nlayers: [{Residual: {body: [ReLU]}, conv: ReLU}]",
    "shapecalc: 1\ninput: [4]\nlayers: [{Linear: 3, 'for i in range(2)': [ReLU]}]",
    "shapecalc: 1\ninput: [4]\nlayers: {a: {Linear: 4, when: true, named: b}}",
    "shapecalc: 1\ninput: [4]\nlayers: {part: {a: ReLU, b: {Linear: {features: 4}}}}",
    "shapecalc: 1\ninput: [4]\nlayers: [{B: 4, form: 5}]\nblocks: {B: {params: {n: 1}, layers: [Linear: n]}}",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_it_refuses_the_program_refuses(text: str) -> None:
    assert complaints(yaml.safe_load(text))
    assert any(d.severity == "error" for d in shapecalc.check_text(text).diagnostics)


RIGHT = [
    "params: {act: ReLU}\nlayers: [{act: , as: a}, act, {B: {n: 4}}, {B: 4, from: a, when: true, name: b}]",
    "layers: [{part: {a: ReLU, b: {Linear: 4, expect: {shape: [4]}}}}, {Sequential: [Tanh], name: t}]",
    "layers: {t: Tanh, part: {Sequential: {a: Tanh}, from: t, when: true}, u: {Tanh: , share: part.a, as: v}}",
    "layers: {a: {'x-1': ReLU, 'for i in range(2)': {when: true, 'l{i}': {B: {n: 4}}}}, b: {Add: [a, input]}}",
    "layers: [{'for i in range(2)': [{Linear: 4, repeat: 2}], when: true}, {Residual: {body: [B: 4]}, as: r}]",
    "layers: [{a: {c: B, d: {B: 4}}, b: {e: {B: 4, as: x}, f: [ReLU]}}, {Add: {branches: [[ReLU], Tanh]}}]",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_program_accepts_is_accepted(text: str) -> None:
    text = f"shapecalc: 1\ninput: [4]\n{text}\nblocks: {{B: {{params: {{n: 4}}, layers: [Linear: n]}}}}"
    assert not [d.message for d in shapecalc.check_text(text).diagnostics if d.severity == "error"]
    assert complaints(yaml.safe_load(text)) == []


PAGES = [line.strip() for _, line in (*registry.RULES, *registry.PAGES)]


@pytest.mark.parametrize("code", [code for line in PAGES for code in line.split()])
def test_good_examples_of_the_manual_are_accepted(code: str) -> None:
    good = registry.page(code).sections()["Good"]
    assert complaints(yaml.safe_load(good)) == []


def test_arguments_are_documented_with_defaults() -> None:
    conv = schema()["definitions"]["Conv2d"]["anyOf"][0]["properties"]
    assert conv["stride"]["default"] == 1
    assert all(form.get("description") for form in conv.values())
