"""Buffers against torch: values, bytes, keys of the `state_dict`, and that no gradient flows to them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import shapecalc
from shapecalc.ops.kinds import Unfit
from shapecalc.torchside.run import kept_bytes

from .oracle import Built, broken, made

NETWORK = """shapecalc: 1
name: Net
input: [4, 6]
layers:
  table: {Buffer: {shape: [6, 3], init: 0.5}}
  places: {Buffer: {shape: [4], init: "range(4)", dtype: int64, persistent: false}}
  scale: {Parameter: [6]}
  mul: {Mul: scale}
  mat_mul: {MatMul: [mul, table]}
  embed: {Embedding: {num_embeddings: 4, embedding_dim: 3}, from: places}
  add: {Add: {broadcast: true}, from: [mat_mul, embed]}
"""


def checked(text: str) -> Any:
    report = shapecalc.check_text(text)
    assert [d.message for d in report.diagnostics if d.severity == "error"] == []
    return report


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float64"])
@pytest.mark.parametrize(
    "init",
    [[0, 1, 1, 0, 0, 1], list(range(6)), list(range(12, 0, -1)), [0] * 9 + [1] * 15, [7] * 4, [3],
     list(range(5, 65, 5)), [0.25, -1.5], [0] * 9 + [0.1] * 3],
)  # fmt: skip
def test_a_buffer_holds_the_numbers_that_init_lists(init: list[Any], dtype: str) -> None:
    arguments = {"shape": [len(init)], "init": init, "dtype": dtype}
    theirs = torch.tensor(init, dtype=getattr(torch, dtype))
    if theirs.double().tolist() != torch.tensor(init, dtype=torch.float64).tolist() and dtype != "float32":
        assert any("cannot hold" in message for message in broken(made("Buffer", arguments), ()))
        return
    assert broken(made("Buffer", arguments), ()) == []
    ours = Built(made("Buffer", arguments))()[0]
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("shape", [[], [1], [2, 3], [6, 1]])
def test_a_buffer_of_several_axes_takes_its_numbers_in_order(shape: list[int]) -> None:
    numbers = list(range(torch.Size(shape).numel()))
    ours = Built(made("Buffer", {"shape": shape, "init": numbers}))()[0]
    assert torch.equal(ours, torch.tensor(numbers, dtype=torch.float32).reshape(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"shape": [2, 3], "init": [1, 2]}, "holds 6"), ({"shape": [2], "init": 300, "dtype": "uint8"}, "cannot hold 300"),
     ({"shape": [1], "init": 0.5, "dtype": "int64"}, "cannot hold 0.5")],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_told(arguments: dict[str, Any], message: str) -> None:
    assert any(message in told for told in broken(made("Buffer", arguments), ()))


@pytest.mark.parametrize("init", ["twos", ["normal", 1], True, None, [[1]]])
def test_a_buffer_refuses_another_init(init: Any) -> None:
    with pytest.raises(Unfit):
        made("Buffer", {"shape": [1], "init": init})


def test_keys_counts_and_bytes_are_those_of_torchs_module() -> None:
    report = checked(NETWORK)
    module = shapecalc.build(report)
    assert list(report.state_dict()) == list(module.state_dict()) == ["scale", "table", "embed.weight"]
    assert report.totals.params == sum(p.numel() for p in module.parameters())
    own = sum(t.nbytes for t in (*module.parameters(), *module.buffers()))
    assert own == 4 * (6 + 12) + 4 * 18 + 8 * 4


@pytest.mark.parametrize(("dtype", "width"), [("float32", 4), ("int64", 8), ("bool", 1), ("int16", 2)])
def test_a_buffer_takes_the_bytes_of_its_dtype(dtype: str, width: int) -> None:
    more = NETWORK.replace("layers:\n", f"layers:\n  more: {{Buffer: {{shape: [5, 2], dtype: {dtype}}}}}\n")
    assert checked(more).totals.phases.end - checked(NETWORK).totals.phases.end == 10 * width


def test_no_gradient_flows_to_a_buffer() -> None:
    text = NETWORK.replace("Mul: scale", "Mul: 2").replace("  scale: {Parameter: [6]}\n", "")
    text = text.partition("  embed:")[0]
    report = checked(text)
    x = torch.randn(1, 4, 6)
    module = shapecalc.build(report)
    assert not module(x).requires_grad
    assert report.totals.saved_bytes == 0
    learned = checked(NETWORK)
    assert learned.totals.saved_bytes == kept_bytes(shapecalc.build(learned), learned.graph, [x])[0]
    assert learned.totals.macs == 4 * 6 * 3


@pytest.mark.parametrize("op", ["Parameter", "Buffer"])
def test_a_tensor_of_the_batchs_size_is_refused(op: str) -> None:
    text = f"shapecalc: 1\nname: Net\ninput: [3]\nlayers:\n  a: {{{op}: [N, 3]}}\n  b: {{Add: a}}\n"
    report = shapecalc.check_text(text)
    assert [d.code for d in report.diagnostics if d.severity == "error"] == ["SC215"]
