"""What an imported spec says: structure, wiring, functions, and what no operator stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

import shapecalc  # noqa: E402
from shapecalc.torchside.importing.step import Untraceable  # noqa: E402
from tests.schema.command import run  # noqa: E402

SPECS = Path(__file__).parent.parent.parent / "specs"
ROUND = [
    "alexnet", "bottleneck", "char_gpt", "classic_pattern", "densenet121", "edge_detector", "fc_head", "googlenet",
    "lenet5", "mnist_cnn", "mobilenet_v2", "nin", "resnet18_course", "resnet_basic", "resnet_bottleneck", "squeezenet",
    "vgg", "vit_b_16",
]  # fmt: skip


def text_of(net: nn.Module, *shapes: Any) -> str:
    return shapecalc.from_module(net, list(shapes) if len(shapes) > 1 else shapes[0])


def same_outputs(net: nn.Module, text: str, *xs: Any) -> None:
    """The spec's module takes the net's weights as they are, and computes the same."""
    report = shapecalc.check_text(text)
    twin = shapecalc.build(report).eval()
    twin.load_state_dict(net.state_dict(), strict=True)
    with torch.inference_mode():
        assert torch.equal(twin(*xs), net.eval()(*xs)), text


class Unit(nn.Module):
    """A residual block whose shortcut is there only where shapes change."""

    def __init__(self, planes: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(planes, out, 3, stride, 1)
        self.down = nn.Conv2d(planes, out, 1, stride) if stride != 1 or planes != out else None
        self.relu = nn.ReLU()

    def forward(self, x: Any) -> Any:
        y = self.relu(self.conv(x))
        return self.relu(y + (x if self.down is None else self.down(x)))


class Functions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((8, 1, 1), 0.5))
        self.fc = nn.Linear(24, 6)

    def forward(self, x: Any, y: Any) -> Any:
        n, c, h, w = x.shape
        z = torch.cat([x * self.scale, F.max_pool2d(y, 2)], dim=1)
        z = z.view(n, 2, c, h * w).transpose(1, 2).mean(dim=3)[:, :, 0]
        a, b = z.chunk(2, dim=-1)
        z = torch.cat([a - b, 2 * a, F.softmax(b, dim=1)], 1).repeat(1, 2)
        return self.fc(F.gelu(z)).reshape(n, -1)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        return self.fc(self.fc(x).relu())


class Masked(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.linalg.inv(x) + 1


class Branching(nn.Module):
    def forward(self, x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x


def test_uses_of_a_class_become_a_block_with_params_and_a_condition() -> None:
    net = nn.Sequential(Unit(4, 4, 1), Unit(4, 4, 1), Unit(4, 8, 2), Unit(8, 8, 1))
    text = text_of(net, (4, 8, 8))
    assert "when: stride != 1 or in_channels != out" in text
    assert "- {Unit: 4, repeat: 2}" in text
    same_outputs(net, text, torch.randn(2, 4, 8, 8))


def test_functions_become_operators_of_the_same_values() -> None:
    net = Functions()
    text = text_of(net, (8, 4, 4), (8, 8, 8))
    assert "scale: {Parameter: {shape: [8, 1, 1], init: 0.5}}" in text
    same_outputs(net, text, torch.randn(2, 8, 4, 4), torch.randn(2, 8, 8, 8))


def test_a_module_that_is_called_twice_is_shared() -> None:
    net = Twice()
    text = text_of(net, (8,))
    assert "share: fc" in text
    same_outputs(net, text, torch.randn(2, 8))


def test_what_has_no_operator_becomes_an_open_block_that_is_told() -> None:
    text = text_of(Masked(), (4, 4))
    assert "# Inv is open: no operator stands for" in text.replace("LinalgInv", "Inv")
    assert "shape: [4, 4]" in text


def test_a_branch_on_values_is_refused_with_its_line() -> None:
    with pytest.raises(Untraceable, match=r"test_import\.py:\d+: `if x\.sum\(\) > 0:`"):
        text_of(Branching(), (4,))


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout()).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    text_of(net, (4,))
    assert net[1].training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("name", ROUND)
def test_spec_to_module_and_back_is_the_same_network(name: str) -> None:
    first = shapecalc.check(str(SPECS / f"{name}.yaml"), params={"T": 24} if name == "char_gpt" else {})
    with torch.random.fork_rng():
        module = shapecalc.build(first)
    wires = first.graph.inputs
    inputs = {
        w.name: torch.zeros([2 if str(s) == "N" else int(s) for s in w.shape], dtype=getattr(torch, w.dtype))
        for w in wires
    }
    second = shapecalc.check_text(shapecalc.from_module(module, inputs if len(wires) > 1 else list(inputs.values())))
    assert second.state_dict() == first.state_dict()
    assert facts(second) == facts(first)


def facts(report: Any) -> list[Any]:
    """The layers that hold weights, and the network's figures."""
    held = [(x.path, x.op, x.output_shapes) for x in report.layers if x.weights and x.op != "Parameter"]
    return [held, report.totals.params, report.totals.macs, [w.shape for w in report.graph.outputs]]


def test_the_command_writes_a_spec_of_a_file_and_says_that_it_runs_code(tmp_path: Path) -> None:
    source = "from torch import nn\ndef net(width=4):\n    return nn.Sequential(nn.Linear(3, width), nn.ReLU())\n"
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    end = run("import", "mine.py:net", "--input", "3", "--arg", "width=5", "-o", "net.yaml", cwd=tmp_path)
    assert (end.status, end.out, end.err) == (0, "", "")
    text = (tmp_path / "net.yaml").read_text(encoding="utf-8")
    assert text.splitlines() == [
        "shapecalc: 1", "name: Net", "input: [3]", "layers:", "  - Linear: 5", "  - ReLU",
        "expect: {params: 20, output: [5]}",
    ]  # fmt: skip
    assert "RUNS" in run("import", "--help", cwd=tmp_path).out


@pytest.mark.parametrize(
    "args",
    ["nothing_of_this_name:net --input 3", "mine --input 3", "math:pi --input 3", "torch.nn:Identity --input a,b",
     "torch.nn:Identity --input 3:float3", "torch.nn:Identity --input 3 --arg 3"],
)  # fmt: skip
def test_a_wrong_target_or_input_is_told_in_one_message(tmp_path: Path, args: str) -> None:
    end = run("import", *args.split(), cwd=tmp_path)
    assert end.status == 2
    assert end.err
    assert "Traceback" not in end.err
