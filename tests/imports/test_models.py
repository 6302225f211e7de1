"""Imports of torchvision's models: each checks, emits, loads the original's weights, and gives equal outputs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tests.test_specs import torchvision_models  # noqa: E402

from .judge import AUXILIARY, imported, judged, meta_of, model  # noqa: E402

SMALL = [
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "regnet_y_400mf",
    "swin_t",
]


@pytest.mark.parametrize("name", SMALL)
def test_an_imported_model_is_the_original(name: str) -> None:
    judged(name)


@pytest.mark.parametrize(("name", "lines"), [
    ("resnet50", 60), ("mobilenet_v2", 60), ("vit_b_16", 60), ("densenet121", 60), ("efficientnet_b0", 65),
    ("googlenet", 60),
])  # fmt: skip
def test_an_imported_spec_is_short(name: str, lines: int) -> None:
    text = imported(model(name), meta_of(name)[0]).text
    assert len(text.splitlines()) <= lines
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.battery
def test_every_classification_model_is_imported() -> None:
    """All of them; prints how many, and what is left."""
    models = torchvision_models()
    names = models.list_models(module=models)
    failed = {}
    for name in names:
        try:
            judged(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
    print(f"{len(names) - len(failed)} of {len(names)} models; without their auxiliary heads: {', '.join(AUXILIARY)}")
    assert failed == {}
