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


class Kept(nn.Module):
    """A frozen norm, positions and a mask that forward makes, and a table that only a checkpoint knows."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([1.0, 2.0, 0.5, 4.0]))
        self.register_buffer("table", torch.randperm(100))
        self.embed = nn.Embedding(5, 4)
        self.far = nn.Embedding(100, 4)

    def forward(self, x: Any) -> Any:
        mask = x.new_zeros(5, 5)
        mask[:3, :3] = 1
        mask[3:, 3:] = 1
        x = x - self.shift + self.embed(torch.arange(x.shape[1])) + self.far(self.table)[5:10]
        scores = x @ x.transpose(1, 2)
        return torch.softmax(scores.masked_fill(mask == 0, float("-inf")), -1) @ x


class Recurrent(nn.Module):
    """States that begin with zeros, a causal mask, positions for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 6, batch_first=True)

    def forward(self, x: Any) -> Any:
        n, t, _ = x.shape
        y, _ = self.rnn(x, (torch.zeros(1, n, 6), torch.zeros(1, n, 6)))
        mask = torch.triu(torch.ones(t, t), diagonal=1).bool()
        y = torch.softmax((y @ y.transpose(1, 2)).masked_fill(mask, float("-inf")), -1) @ y
        return y.sum(2) + torch.arange(t).unsqueeze(0).expand(n, -1)


class Dense(nn.Module):
    """Layers that each take all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.grow = nn.ModuleList([Gather(4 + 3 * i) for i in range(5)])
        self.last = nn.Conv2d(19, 2, 1)

    def forward(self, x: Any) -> Any:
        found = [x]
        for layer in self.grow:
            found.append(layer(*found))
        return self.last(torch.cat(found, 1))


class Rated(nn.Module):
    def __init__(self, rate: float, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(8, width)
        self.drop = nn.Dropout(rate)
        self.back = nn.Linear(width, 8)

    def forward(self, x: Any) -> Any:
        return x + self.back(self.drop(self.fc(x).relu()))


class Gather(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, *xs: Any) -> Any:
        return self.conv(torch.cat(xs, 1)).relu()


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


def test_buffers_and_constants_become_buffers() -> None:
    net = Kept()
    text = text_of(net, (5, 4))
    assert "shift: {Buffer: {shape: [4], init: [1, 2, 0.5, 4]}}" in text
    assert "init: range(5), dtype: int64, persistent: false" in text
    assert "# zeros stand for table until a state_dict is loaded" in text
    same_outputs(net, text, torch.randn(2, 5, 4))


def test_what_forward_makes_of_sizes_alone_is_followed() -> None:
    net = Recurrent()
    text = text_of(net, (9, 4))
    assert "rnn: {LSTM: {hidden_size: 6, batch_first: true}}" in text
    assert "triu: {Triu: 1}" in text
    assert "expand2: {Expand: [N, 9]" in text
    same_outputs(net, text, torch.randn(3, 9, 4))


def test_a_list_that_grows_becomes_one_tensor_that_does() -> None:
    net = Dense()
    text = text_of(net, (4, 5, 5))
    assert "- {GatherBlock: , repeat: 5}" in text
    same_outputs(net, text, torch.randn(2, 4, 5, 5))


def test_numbers_that_rise_evenly_become_those_of_a_loop() -> None:
    rates = [0.1 * n / 6 for n in range(7)]
    net = nn.Sequential(*(Rated(rate, 5 + 2 * n) for n, rate in enumerate(rates)))
    text = text_of(net, (8,))
    assert "for i in range(7):" in text
    report = shapecalc.check_text(text)
    found = [node.op.p for node in report.graph.nodes if node.op_name == "Dropout"]  # type: ignore[union-attr]
    assert found == pytest.approx(rates, abs=1e-9)
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
