"""Torchvision's classification models as the judge of imported specs: metadata, `state_dict` and outputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import shapecalc
from shapecalc.torchside.importing.spec import Imported, import_module
from tests.test_specs import torchvision_models

EXTRA: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}
AUXILIARY = {"inception_v3": "AuxLogits."}
"""Heads that only training uses: no part of the graph of evaluation, so not of the spec."""


def model(name: str) -> Any:
    """The network in evaluation, with random weights and statistics that keep its values finite."""
    extra = {"image_size": meta_of(name)[0]} if name.startswith("vit_") else EXTRA.get(name, {})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return torchvision_models().get_model(name, weights=None, **extra).eval()


def meta_of(name: str) -> tuple[int, dict[str, Any]]:
    """The crop size and the metadata of the first weights of a model."""
    weights = next(iter(torchvision_models().get_model_weights(name)))
    return weights.transforms().crop_size[0], weights.meta


def imported(net: Any, size: int) -> Imported:
    return import_module(net, {"input": ((None, 3, size, size), torch.float32)})


def judged(name: str) -> Imported:
    """The imported spec of a model, when all that torchvision says of it has been compared."""
    net, (size, meta) = model(name), meta_of(name)
    found = imported(net, size)
    report = shapecalc.check_text(found.text, f"{name}.yaml")
    assert [d.message for d in report.diagnostics if d.severity == "error"] == []
    prefix = AUXILIARY.get(name)
    state = {k: v for k, v in net.state_dict().items() if not (prefix and k.startswith(prefix))}
    left = sum(p.numel() for k, p in net.named_parameters() if k not in state)
    assert report.totals.params == meta["num_params"] - left
    assert bool(left) == any("takes no part" in note for note in found.notes)
    assert float(f"{report.totals.macs / 1e9:.3f}") == pytest.approx(meta["_ops"], abs=0.0006)
    twin = loaded(report, state)
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        assert torch.equal(twin(x), net(x))
    return found


def loaded(report: Any, state: Any) -> Any:
    """The spec's module with these weights; made without data first, as a `state_dict` mostly has all that it keeps."""
    with torch.device("meta"):
        twin = shapecalc.build(report).eval()
    twin.load_state_dict(state, strict=True, assign=True)
    if any(buffer.is_meta for buffer in twin.buffers()):
        twin = shapecalc.build(report).eval()
        twin.load_state_dict(state, strict=True)
    return twin
