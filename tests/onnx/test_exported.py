"""Files that torch's exporters write: what the emitted module gives with their weights is what the original gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from shapecalc.onnxside.spec import import_file
from tests.imports.judge import model

from .judge import EXPORTERS, exported, outputs, same_as

if TYPE_CHECKING:
    from pathlib import Path


class Encoder(nn.Module):
    """A small transformer for images: a class token, positions, layers, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 7, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Any) -> Any:
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.layers(x))[:, 0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 6, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(12, 5, batch_first=True, bidirectional=True)
        self.rnn = nn.RNN(10, 4, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        y, _ = self.lstm(self.table(x))
        y, _ = self.gru(y)
        y, h = self.rnn(y)
        return self.fc(h[-1]), y


class Maps(nn.Module):
    """Convolutions of maps: groups, transposed ones, several norms, resizing, branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
        self.left = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.GroupNorm(2, 8), nn.Hardswish())
        self.right = nn.Sequential(nn.Conv2d(8, 8, 1), nn.InstanceNorm2d(8, affine=True), nn.PReLU(8))
        self.up = nn.ConvTranspose2d(16, 6, 4, 2, 1, groups=2)
        self.scale = nn.Parameter(torch.randn(6, 1, 1))

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        y = torch.cat([self.left(x), F.max_pool2d(self.right(x), 3, 1, 1)], 1)
        y = self.up(F.interpolate(y, scale_factor=2)) * self.scale
        a, b = F.interpolate(y, size=(24, 20), mode="bilinear").chunk(2, 1)
        return F.adaptive_avg_pool2d(a * torch.sigmoid(b), 1).flatten(1), y[:, :, 1:5, ::2]


class Lines(nn.Sequential):
    def __init__(self) -> None:
        conv = nn.Conv1d(4, 8, 3, padding=1)
        super().__init__(
            conv, nn.BatchNorm1d(8), nn.ELU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(40, 6), nn.Softmax(1)
        )


class Volumes(nn.Sequential):
    def __init__(self) -> None:
        conv = nn.Conv3d(2, 4, (3, 1, 3))
        super().__init__(
            conv, nn.BatchNorm3d(4), nn.LeakyReLU(0.2), nn.MaxPool3d(2), nn.AdaptiveAvgPool3d(1), nn.Flatten()
        )


NETS: dict[str, tuple[Any, Any]] = {
    "encoder": (Encoder, lambda n: torch.randn(n, 6, 16)),
    "recurrent": (Recurrent, lambda n: torch.randint(0, 20, (n, 9))),
    "maps": (Maps, lambda n: torch.randn(n, 3, 16, 12)),
    "lines": (Lines, lambda n: torch.randn(n, 4, 10)),
    "volumes": (Volumes, lambda n: torch.randn(n, 2, 8, 7, 6)),
}


def shaken(net: Any) -> Any:
    """The net in evaluation, with other weights in each layer: exporters keep equal ones once."""
    with torch.no_grad():
        for tensor in net.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.1)
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
    return net.eval()


@pytest.fixture(autouse=True)
def _no_fast_path() -> Any:
    """The old exporter knows no operator for the fused layer that torch takes in evaluation."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(before)


@pytest.mark.parametrize("free", [True, False], ids=["free", "fixed"])
@pytest.mark.parametrize("exporter", ["new", "old"])
@pytest.mark.parametrize("name", NETS)
def test_an_exported_net_computes_the_same(tmp_path: Path, name: str, exporter: str, *, free: bool) -> None:
    if name == "recurrent" and not free:
        pytest.skip("the first states of a fixed batch are constants of that batch")
    make, inputs = NETS[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net, xs, others = shaken(make()), (inputs(2),), (inputs(5),)
    found = import_file(exported(net, xs, tmp_path / "net.onnx", exporter, free=free))
    assert found.notes == [], found.text
    for x in (xs, others):
        same_as(found, outputs(net, x), x)


def test_keys_are_the_modules_own_where_nothing_is_folded(tmp_path: Path) -> None:
    net = Maps()
    net.left[1] = nn.BatchNorm2d(8)  # the old exporter takes a GroupNorm apart
    net = shaken(net)
    found = import_file(exported(net, (torch.randn(2, 3, 16, 12),), tmp_path / "net.onnx", "old, as it is"))
    wanted = {k: tuple(v.shape) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert {k: tuple(p.shape) for k, p in found.parts.items()} == wanted, found.text
    assert "# The keys of the state_dict are the names of the tensors in the file." in found.text


LINES = {"new": 45, "new, as it is": 50, "old": 90, "old, as it is": 110}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_resnet18_comes_back_from_a_file(tmp_path: Path, exporter: str) -> None:
    net = shaken(model("resnet18"))
    x = torch.randn(1, 3, 224, 224)
    found = import_file(exported(net, (x,), tmp_path / "net.onnx", exporter))
    same_as(found, outputs(net, (x,)), (x,))
    spec = [line for line in found.text.splitlines() if not line.startswith("#")]
    assert len(spec) <= LINES[exporter], found.text
    if exporter.endswith("as it is"):
        assert "params: 11689512" in found.text  # of torchvision's metadata
        keys = {k for k in net.state_dict() if not k.endswith("num_batches_tracked")}
        assert found.parts.keys() == keys
        assert "# The keys of the state_dict are the names of the tensors in the file." in found.text


@pytest.mark.battery
@pytest.mark.parametrize("exporter", ["new", "old"])
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "densenet121", "vit_b_16", "mobilenet_v3_small"])
def test_torchvision_s_models_come_back_from_files(tmp_path: Path, name: str, exporter: str) -> None:
    net = shaken(model(name))
    x = torch.randn(1, 3, 224, 224)
    same_as(import_file(exported(net, (x,), tmp_path / "net.onnx", exporter)), outputs(net, (x,)), (x,), near=1e-4)


class Tied(nn.Module):
    """A head whose weight is the embedding's."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.fc = nn.Linear(6, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.fc(self.table(x))))


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_tied_weights_stand_behind_both_keys(tmp_path: Path, exporter: str) -> None:
    net, x = Tied().eval(), torch.randint(0, 11, (2, 5))
    found = import_file(exported(net, (x,), tmp_path / "net.onnx", exporter))
    same_as(found, outputs(net, (x,)), (x,))
