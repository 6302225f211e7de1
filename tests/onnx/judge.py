"""Imported ONNX files held against onnx's reference implementation, and against the module that a file came of."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator

import shapecalc
from shapecalc.onnxside.spec import ImportedFile, import_file

if TYPE_CHECKING:
    from pathlib import Path

EXPORTERS: dict[str, dict[str, Any]] = {
    "new": {"dynamo": True, "verbose": False},
    "new, as it is": {"dynamo": True, "verbose": False, "optimize": False},
    "old": {"dynamo": False},
    "old, as it is": {
        "dynamo": False,
        "training": torch.onnx.TrainingMode.PRESERVE,
        "do_constant_folding": False,
    },
}
"""Torch's two exporters, each as it is used by default, which folds batch norms, and such that it folds nothing."""


def exported(net: Any, xs: Any, path: Path, exporter: str, *, free: bool = True) -> str:
    """The file that an exporter writes; the first size of each input free, or fixed."""
    more: dict[str, Any] = dict(EXPORTERS[exporter])
    if free and more["dynamo"]:
        batch = torch.export.Dim("batch", min=1, max=64)
        more["dynamic_shapes"] = tuple({0: batch} for _ in xs)
    elif not more["dynamo"]:
        names = [f"x{n}" for n in range(len(xs))]
        more["input_names"] = names
        more["dynamic_axes"] = {name: {0: "batch"} for name in names} if free else None
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, xs, str(path), **more)
    return str(path)


def twin_of(found: ImportedFile) -> Any:
    """The emitted module with the file's weights. All keys are there but the counters, which ONNX does not have."""
    report = shapecalc.check_text(found.text)
    assert [d.message for d in report.diagnostics if d.severity == "error"] == [], found.text
    twin = shapecalc.build(report).eval()
    state = {key: torch.from_numpy(np.array(array)) for key, array in found.state().items()}
    told = twin.load_state_dict(state, strict=False)
    assert [k for k in told.missing_keys if not k.endswith("num_batches_tracked")] == []
    assert told.unexpected_keys == []
    return twin


def outputs(module: Any, xs: Any) -> list[Any]:
    with torch.inference_mode():
        y = module(*xs)
    return list(y) if isinstance(y, tuple | list) else [y]


def same_as(found: ImportedFile, wanted: list[Any], xs: Any, *, near: float = 1e-5) -> None:
    """The twin gives what is wanted, to a share of the largest number."""
    got = outputs(twin_of(found), xs)
    assert len(got) == len(wanted)
    for y, want in zip(got, wanted, strict=True):
        want = want if isinstance(want, torch.Tensor) else torch.from_numpy(np.array(want))
        assert y.shape == want.shape, found.text
        assert y.dtype == want.dtype, found.text
        scale = max(float(want.double().abs().max()), 1e-3) if want.numel() else 1.0
        assert float((y.double() - want.double()).abs().max()) <= near * scale if want.numel() else True, found.text


def model_of(nodes: Any, inputs: Any, tensors: Any = (), outputs: Any = ("y",), version: int = 21) -> onnx.ModelProto:
    """A model made by hand. Inputs are names with dtypes and sizes, None for the batch; tensors are arrays by name."""
    types = {"float32": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64, "bool": onnx.TensorProto.BOOL}
    takes = [
        onnx.helper.make_tensor_value_info(n, types[d], ["N" if s is None else s for s in shape])
        for n, (d, shape) in dict(inputs).items()
    ]
    gives = [onnx.helper.make_empty_tensor_value_info(n) for n in outputs]
    kept = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in dict(tensors).items()]
    graph = onnx.helper.make_graph(list(nodes), "by_hand", takes, gives, kept)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", version)], ir_version=10)


def saved(model: onnx.ModelProto, folder: Path) -> str:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return str(path)


def judged(model: onnx.ModelProto, folder: Path, *, near: float = 1e-5) -> ImportedFile:
    """The import of a model by hand, after its twin gave what the reference gives, for batches of 2 and 5."""
    path = saved(model, folder)
    found = import_file(path)
    rng = np.random.default_rng(1)
    for batch in (2, 5):
        feeds = {i.name: _random(i, batch, rng) for i in model.graph.input}
        wanted = ReferenceEvaluator(onnx.load(io.BytesIO(model.SerializeToString()))).run(None, feeds)
        same_as(found, wanted, [torch.from_numpy(f) for f in feeds.values()], near=near)
    return found


def _random(info: Any, batch: int, rng: Any) -> Any:
    shape = [d.dim_value or batch for d in info.type.tensor_type.shape.dim]
    if info.type.tensor_type.elem_type == onnx.TensorProto.INT64:
        return rng.integers(0, 3, shape)
    if info.type.tensor_type.elem_type == onnx.TensorProto.BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    return rng.standard_normal(shape).astype(np.float32)
