"""The structure of a spec is kept: a class for a block, `if` for `when`, comprehensions; and names stay harmless."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import shapecalc
from shapecalc.codegen.flat import flat
from shapecalc.codegen.structured import STUB, support_of
from shapecalc.torchside.run import example_inputs
from shapecalc.torchside.sizes import legal_choices
from tests import plain
from tests.codegen.corpus import SPECS, reports

if TYPE_CHECKING:
    from pathlib import Path

SMALLER = {
    "unet_valid": ("input: [1, 572, 572]", "input: [1, 188, 188]"),
    "vgg": ("depth: 16", "depth: 11"),
    "vgg_from_list": ("ratio: 1", "ratio: 16"),
}
"""What makes a network smaller that would take long."""


def small(name: str) -> Any:
    """A spec of the repository, without what it expects where it is made smaller."""
    if name not in SMALLER:
        return reports()[name]
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8").partition("\nexpect:")[0]
    old, new = SMALLER[name]
    assert old in text
    report = plain.check_text(re.sub(r", expect: \{.*?\}", "", text.replace(old, new)))
    assert report.ok, [d.message for d in report.diagnostics]
    return report


def emitted(name: str, **params: Any) -> str:
    return shapecalc.emit(plain.check(str(SPECS / f"{name}.yaml"), params=params))


def of(text: str) -> str:
    return shapecalc.emit(checked(text))


def checked(text: str) -> Any:
    report = plain.check_text(f"shapecalc: 1\n{text}")
    assert report.ok, [d.message for d in report.diagnostics]
    return report


def classes(source: str) -> list[str]:
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]


# values, against the flat form


def flat_module(report: Any) -> torch.nn.Module:
    brought, stubs = support_of(report.graph, report.name)
    text = flat(report, "of a test", [*brought.values(), *(STUB.format(name=n) for n in stubs.values())], stubs).text
    scope: dict[str, Any] = {"__name__": "flat"}
    exec(text, scope)  # noqa: S102 - the emitted source
    module: torch.nn.Module = scope[report.name]()
    return module


@pytest.mark.parametrize("name", sorted(p.stem for p in SPECS.glob("*.yaml")))
def test_the_structured_module_computes_what_the_flat_one_does(name: str) -> None:
    report = small(name)
    sizes = {**legal_choices(report)[-1], "N": 1}
    ours, theirs = shapecalc.build(report).eval(), flat_module(report).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict()) == list(report.state_dict())
    theirs.load_state_dict(ours.state_dict())
    inputs = example_inputs(report.graph, sizes, "cpu")
    with torch.inference_mode():
        got, wanted = ours(*inputs), theirs(*inputs)
    pairs = zip(got, wanted, strict=True) if isinstance(got, tuple) else [(got, wanted)]
    assert all(torch.equal(a, b) for a, b in pairs)


# structure


def test_a_block_is_one_class_with_its_params_and_its_input_size() -> None:
    source = emitted("resnet_bottleneck")
    assert classes(source) == ["Bottleneck", "ResNet"]
    assert "def __init__(self, in_channels: int, planes: int, stride: int = 1) -> None:" in source
    assert "if stride != 1 or in_channels != out:" in source
    assert "*[Bottleneck(1024, 256) for _ in range(5)]" in source


def test_numbers_that_go_up_evenly_are_a_comprehension() -> None:
    assert '(f"denselayer{i + 1}", DenseLayer(64 + 32 * i, 32))' in emitted("densenet121")


def test_expressions_of_loops_become_those_of_params() -> None:
    assert "BasicConv2d(c3[0], c3[1], kernel_size=3, padding=1)" in emitted("googlenet")


def test_a_condition_inside_a_sequence_lets_a_list_grow() -> None:
    source = emitted("mobilenet_v2")
    assert "if expand != 1:\n            layers.append(ConvBNReLU(in_channels, hidden))" in source
    assert "self.use_add = stride == 1 and in_channels == out" in source


def test_each_line_of_forward_has_its_shape() -> None:
    forward = emitted("alexnet").partition("def forward")[2].partition("return")[0].splitlines()[1:]
    assert all("  # N x " in line for line in forward if line.strip())


def test_uses_with_other_layers_inside_are_classes_of_their_own_and_that_is_said() -> None:
    text = (
        "name: Net\ninput: [3, 8, 8]\nblocks:\n  B:\n    params: {n: ~}\n    layers:\n"
        "      - for _ in range(n):\n          - {Conv2d: {out_channels: 3, kernel_size: 1}}\n"
        "layers:\n  - B: 1\n  - B: 2\n"
    )
    source = of(text)
    assert classes(source) == ["B", "B2", "Net"]
    assert "a class of their own" in source


def test_a_layer_called_again_from_elsewhere_is_written_flat_with_the_reason() -> None:
    text = (
        "name: Net\ninput: [4]\nlayers:\n  a: {Linear: 4}\n  part:\n    b: {Linear: 4, share: a}\n"
        "    c: {Add: [a, b]}\n"
    )
    source = of(text)
    assert "one by one, because" in source
    report = checked(text)
    assert list(shapecalc.build(report).state_dict()) == ["a.weight", "a.bias"]


def test_the_file_runs_by_itself_and_prints_shapes(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(emitted("unet", width=4), encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["input (2, 3, 64, 64)", "output (2, 2, 64, 64)"]


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert emitted("googlenet") == emitted("googlenet")


HYPHENS = """input: [3, 8, 8]
layers:
  a-b: {Conv2d: {out_channels: 4, kernel_size: 3}}
  c-d: {Parameter: {shape: [4, 1, 1], init: {normal: 1}}}
  e-f: {Buffer: {shape: [4, 1, 1], init: 2}}
  mul: {Mul: [a-b, c-d]}
  add: {Add: e-f}
  g-h:
    x-y: {Linear: 6}
    z: {Mul: x-y}
"""


def test_children_whose_names_are_no_identifiers_keep_them() -> None:
    report = checked(f"name: Net\n{HYPHENS}")
    source = shapecalc.emit(report)
    assert classes(source) == ["GH", "Net"]
    ours, theirs = shapecalc.build(report), flat_module(report)
    assert list(ours.state_dict()) == list(report.state_dict())
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize("cut", ["{Chunk: {chunks: 2, dim: 1}}", "{Split: {split_size_or_sections: 3, dim: 1}}"])
def test_a_single_piece_is_taken_out_of_torchs_tuple(cut: str) -> None:
    report = checked(f"name: Net\ninput: [1, 4]\nlayers: [{cut}, {{Unbind: 1}}, {{Mul: 2}}]")
    x = torch.randn(2, 1, 4)
    for module in (shapecalc.build(report), flat_module(report)):
        assert torch.equal(module(x), 2 * x[:, 0])


def test_a_tensor_of_its_own_may_be_left_out_in_some_uses() -> None:
    text = (
        "name: Net\ninput: [4]\nblocks:\n  B:\n    params: {scaled: ~}\n    layers:\n"
        "      scale: {Parameter: [4], when: scaled}\n      mul: {Mul: [input, scale], when: scaled}\n"
        '      mask: {Buffer: {shape: [4], init: "[0, 1, 0, 2]"}, when: not scaled}\n'
        "      add: {Add: mask, when: not scaled}\nlayers:\n  - B: true\n  - B: false\n"
    )
    report = checked(text)
    assert classes(shapecalc.emit(report)) == ["B", "Net"]
    module = shapecalc.build(report)
    assert list(module.state_dict()) == list(report.state_dict()) == ["0.scale", "1.mask"]
    assert torch.equal(module(torch.ones(1, 4)), torch.tensor([[0.0, 1.0, 0.0, 2.0]]))


def test_a_layer_with_such_a_name_may_be_left_out_in_some_uses() -> None:
    text = (
        "name: Net\ninput: [4]\nblocks:\n  B:\n    params: {wide: ~}\n    layers:\n"
        "      a-b: {Linear: 4, when: wide}\n      add: {Add: input}\nlayers:\n  - B: true\n  - B: false\n"
    )
    report = checked(text)
    assert classes(shapecalc.emit(report)) == ["B", "Net"]
    assert list(shapecalc.build(report).state_dict()) == ["0.a-b.weight", "0.a-b.bias"]


# hostile specs

TRAP = "__import__('builtins').print('trapped')"
HOSTILE = [
    f'description: "x\\"\\"\\"\\n{TRAP}\\\\"\ninput: [4]\nlayers: [ReLU]\n',
    "name: Linear\ninput: [4]\nlayers: {x: {Linear: 4}, out: {Linear: 4}, self_: ReLU}\n",
    "name: print\ninput: [4]\nlayers: {model: {Linear: 4}, add: {Add: [model, input]}}\n",
    "name: Tensor\ninput: {x: [4], out: [4]}\nlayers: {add: {Add: [x, out]}, y: {Linear: 4}}\n",
    "name: A\ninput: [4]\nblocks: {A: {params: {range: 4, __class__: 4}, layers: "
    "{l: {Linear: range}, m: {Linear: __class__}}}}\nlayers: [{A: 5}, {A: {range: 6, __class__: 7}}]\n",
    "name: Net\ninput: [4]\nblocks:\n  int: {params: {torch: 4}, layers: {nn: {Linear: torch}, F: ReLU}}\n"
    "layers: [{int: 5}, {int: 6}]\n",
    f'name: Net\ninput: [4]\nblocks:\n  Odd: {{params: {{text: "a"}}, shape: [4]}}\n'
    f"layers:\n  - Odd: {{text: \"'{TRAP}'\"}}\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_strings_are_refused_or_harmless(text: str, tmp_path: Path) -> None:
    report = plain.check_text(f"shapecalc: 1\n{text}")
    if not report.ok:
        assert report.diagnostics
        return
    path = tmp_path / "hostile.py"
    path.write_text(shapecalc.emit(report), encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert "trapped" not in done.stdout
    assert done.returncode == 0 or "NotImplementedError" in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["__class__", "x; import os", "class", "a b", "“x”", "ｘ", "x\ny", "'", "__init__"])
def test_names_that_are_no_identifiers_are_diagnostics(name: str) -> None:
    import json

    for text in (
        f"input: [4]\nlayers: {{{json.dumps(name)}: ReLU}}\n",
        f"name: {json.dumps(name)}\ninput: [4]\nlayers: [ReLU]\n" if name not in ("__class__", "__init__") else "",
    ):
        assert not plain.check_text(f"shapecalc: 1\n{text}").ok
