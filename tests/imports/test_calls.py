"""Calls of functions as an engineer writes them: what the spec says of them is what torch does, or they stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

import shapecalc  # noqa: E402
from shapecalc.torchside.importing.spec import described, import_module  # noqa: E402
from shapecalc.torchside.importing.step import Untraceable  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


class Of(nn.Module):
    """A layer, a weight of the module's own, and a function of what the layer gives."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.weight = nn.Parameter(torch.rand(6) + 0.5)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(self, self.fc(x)) + self.weight[:1]


def imported(net: nn.Module, inputs: Any) -> Any:
    return import_module(net, described(net, inputs))


def outputs(net: nn.Module, text: str, xs: list[Any], state: Any = None) -> tuple[Any, Any]:
    """What the net gives, and what the spec's module gives with the net's weights."""
    twin = shapecalc.build(shapecalc.check_text(text)).eval()
    twin.load_state_dict(net.state_dict() if state is None else state, strict=True)
    with torch.inference_mode():
        return net.eval()(*xs), twin(*xs)


WRITTEN: dict[str, Callable[[Any, Any], Any]] = {
    "std by unbiased": lambda m, x: x.std(-1, unbiased=False, keepdim=True) + x,
    "var by place": lambda m, x: x.var(-1, False, True) + x,
    "var of all": lambda m, x: torch.var(x, False) + x,
    "one over": lambda m, x: 1 / (x.abs() + 1),
    "mT": lambda m, x: x[:, :, None].mT,
    "expand_as": lambda m, x: x.mean(1, keepdim=True).expand_as(x) * x,
    "view_as": lambda m, x: x.view(-1, 2, 3).view_as(x),
    "both": lambda m, x: ((x > 0) & (x < 1) | ~(x > -1)).to(x.dtype),
    "larger": lambda m, x: torch.max(x, x * 2),
    "clamp_min": lambda m, x: x.clamp_min(0.1),
    "softplus": lambda m, x: F.softplus(x, 2.0, 5.0),
    "elu": lambda m, x: F.elu(x, 0.3),
    "log_softmax": lambda m, x: F.log_softmax(x, dim=1),
    "rms_norm": lambda m, x: F.rms_norm(x, (6,)),
    "alpha of one": lambda m, x: torch.add(x, x, alpha=1),
    "dtype of its own": lambda m, x: F.softmax(x, -1, dtype=torch.float32),
    "a constant's values": lambda m, x: x * 2 if torch.arange(3).sum() > 2 else x,
    "an identity": lambda m, x: x + torch.eye(16, device=x.device)[3, 3] * x @ torch.eye(6),
    "a large identity": lambda m, x: F.pad(x, (0, 10)) @ torch.eye(16),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_call_says_what_torch_does(name: str) -> None:
    net, x = Of(WRITTEN[name]), torch.randn(3, 6)
    made = imported(net, [6])
    assert made.notes == []
    a, b = outputs(net, made.text, [x])
    assert torch.equal(a, b), made.text


OPEN: dict[str, Callable[[Any, Any], Any]] = {
    "alpha": lambda m, x: torch.add(x, x.sin(), alpha=2),
    "alpha of a difference": lambda m, x: torch.sub(x, x.sin(), alpha=3),
    "rounding": lambda m, x: torch.div(x, 2, rounding_mode="floor"),
    "a dtype": lambda m, x: x.sum(1, keepdim=True, dtype=torch.float64),
    "a tensor for a bound": lambda m, x: torch.clamp(x, m.weight),
    "a tensor for an exponent": lambda m, x: x.abs() ** m.weight,
    "a number where it holds": lambda m, x: torch.where(x > 0, 1.0, x),
}


@pytest.mark.parametrize("name", OPEN)
def test_a_call_with_more_than_its_operator_takes_is_left_open(name: str) -> None:
    made = imported(Of(OPEN[name]), [6])
    assert any("is open: no operator stands for" in note for note in made.notes), made.text


@pytest.mark.parametrize("function", [lambda x: x.max(1)[0], lambda x: x.topk(2).values, lambda x: x.sort(1)[0]])
def test_the_first_of_two_results_is_the_output(function: Any) -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x: Any) -> Any:
            return function(self.fc(x))

    net = Last()
    a, b = outputs(net, imported(net, [6]).text, [torch.randn(3, 6)])
    assert torch.equal(a, b)


class Skipping(nn.Module):
    """What a WaveNet's layer gives: what goes on, and what goes around."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3, padding=dilation, dilation=dilation)
        self.skip = nn.Conv1d(4, 8, 1)

    def forward(self, x: Any) -> Any:
        y = torch.tanh(self.conv(x))
        return x + y, self.skip(y)


class Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Skipping(2**n) for n in range(3)])

    def forward(self, x: Any) -> Any:
        total = 1
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        return total


class Named(nn.Module):
    """An input that is called as a layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.meta = nn.Linear(5, 4)

    def forward(self, image: Any, meta: Any) -> Any:
        return image + self.meta(meta)


class Tables(nn.Module):
    """A rotary embedding's kind of buffer: no state_dict holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cos", torch.arange(200.0).view(20, 10).cos(), persistent=False)

    def forward(self, x: Any) -> Any:
        return x * self.cos[: x.shape[1]]


class Ending(nn.Module):
    """A sequence whose last layer gives two values, the second of which is used."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.GRU(4, 5, batch_first=True))
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        _, h = self.body(x)
        return self.fc(h[-1])


def test_the_last_of_a_row_that_gives_more_than_is_taken_is_of_the_same_block() -> None:
    net = Skips()
    made = imported(net, [4, 9])
    assert made.text.count("Conv1d") == 2
    a, b = outputs(net, made.text, [torch.randn(2, 4, 9)])
    assert torch.equal(a, b)


def test_an_input_of_a_layers_name_gets_another() -> None:
    net = Named()
    made = imported(net, [[4], [5]])
    a, b = outputs(net, made.text, [torch.randn(3, 4), torch.randn(3, 5)])
    assert torch.equal(a, b)


def test_a_second_value_of_a_sequence_is_reached() -> None:
    net = Ending()
    a, b = outputs(net, imported(net, [6, 3]).text, [torch.randn(2, 6, 3)])
    assert torch.equal(a, b)


def test_a_buffer_that_no_state_dict_holds_is_a_key_and_told() -> None:
    net, x = Tables(), torch.randn(2, 7, 10)
    made = imported(net, [7, 10])
    assert any("cos, keys here" in note or "cos, key" in note for note in made.notes)
    with pytest.raises(RuntimeError, match="cos"):
        outputs(net, made.text, [x])
    a, b = outputs(net, made.text, [x], {**net.state_dict(), **dict(net.named_buffers())})
    assert torch.equal(a, b)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_weights_that_a_hook_makes_are_told(norm: Any) -> None:
    net = nn.Sequential(norm(nn.Conv1d(4, 8, 3)), nn.ReLU())
    assert "the module's state_dict has no 0.weight" in imported(net, [4, 9]).notes


def test_a_transformer_with_a_causal_mask_is_imported() -> None:
    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Transformer(8, 2, 1, 2, 16, batch_first=True)

        def forward(self, a: Any, b: Any) -> Any:
            return self.net(a, b, tgt_mask=nn.Transformer.generate_square_subsequent_mask(b.size(1)))

    net = Decoder().eval()
    a, b = outputs(net, imported(net, [[5, 8], [4, 8]]).text, [torch.randn(2, 5, 8), torch.randn(2, 4, 8)])
    torch.testing.assert_close(a, b)


def test_a_branch_on_values_is_told_in_words() -> None:
    with pytest.raises(Untraceable, match="depends on the values of a tensor"):
        imported(Of(lambda m, x: x if x.sum() > 0 else -x), [6])
