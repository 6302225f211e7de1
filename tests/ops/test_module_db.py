"""torch's own database of modules judges the operators: every sample becomes a spec of one layer.

`torch.testing._internal.common_modules` holds, for each class, constructor arguments and inputs that torch tests
itself with, and others that it refuses.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch

import shapecalc
from shapecalc.ops.registry import find
from shapecalc.torchside.build import build
from tests import plain

from .layer_text import Call, Layer, Untold, dtype_name, is_public, remembering
from .oracle import broken, flat, made, tensors

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

INFOS = {info.module_cls.__name__: info for info in module_db}
ERRORS = [name for name, info in INFOS.items() if info.module_error_inputs_func]
DRAWN = re.compile(r"-?\d+\.\d{5,}(e-?\d+)?")
every_class = pytest.mark.parametrize("name", INFOS)

LEFT_OUT: dict[str, str] = {}
"""Classes whose samples are no layer of a spec, with the reason."""
FOLLOW = "the weights of a spec's layer have the dtype of its input, so theirs cannot differ"
READ = "a spec reads text where a number or a truth value is due: 'True' is true and '10' is ten"
TOLERATED = {("NLLLoss", 0): FOLLOW} | {
    (name, n): reason
    for name in ("RNN", "GRU", "LSTM")
    for n, reason in ((2, FOLLOW), (5, READ), (8, READ), (10, READ))
}
"""Samples that torch refuses and we do not, by class and number, with the reason."""


class Sample:
    """One sample of a class: how the module is made, what it is given, and whether it trains."""

    __slots__ = ("cls", "given", "made", "title", "training")

    def __init__(self, cls: type[nn.Module], sample: Any, training: bool, title: str) -> None:
        self.cls = cls
        self.made = sample.constructor_input
        self.given = sample.forward_input
        self.training = training
        self.title = title

    def layer(self) -> Layer:
        return Layer(self.cls, self.made, self.given)

    def module(self) -> nn.Module:
        """torch's module, its weights drawn from a fixed seed; lazy ones still want to see an input."""
        torch.default_generator.manual_seed(1)
        kwargs = {name: value for name, value in self.made.kwargs.items() if is_public(name)}
        return self.cls(*self.made.args, **kwargs).train(self.training)

    def apply(self, module: nn.Module) -> list[torch.Tensor]:
        torch.default_generator.manual_seed(2)
        with torch.no_grad():
            outputs = module(*copy.deepcopy(self.given.args), **self.given.kwargs)
        return [y for y in flat(outputs) if y is not None]


def samples_of(name: str) -> list[Sample]:
    """All samples of a class: float32 on the CPU, of both modes where torch says that they differ."""
    info = INFOS[name]
    modes = (True, False) if info.train_and_eval_differ else (True,)
    return [
        Sample(info.module_cls, sample, training, f"{name} {n}{'' if training else ' in evaluation'} {sample.desc}")
        for training in modes
        for n, sample in enumerate(drawn(info.module_inputs_func, info, training))
    ]


def drawn(function: Callable[..., Any], info: Any, training: bool) -> Any:
    torch.default_generator.manual_seed(0)
    with remembering():
        return function(info, device="cpu", dtype=torch.float32, requires_grad=False, training=training)


@cache
def told(name: str) -> tuple[list[tuple[Sample, Layer]], list[str]]:
    """The samples of a class that can be written as a spec, and for each of the others the reason."""
    found, reasons = [], []
    for sample in samples_of(name):
        try:
            found.append((sample, sample.layer()))
        except Untold as reason:
            reasons.append(str(reason))
    return found, reasons


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@every_class
def test_shapes_and_weights_are_torchs(name: str) -> None:
    for sample, layer in told(name)[0]:
        module = sample.module()
        due = facts_of(sample.apply(module), module)
        assert reported(layer.text()) == due, sample.title
        if layer.sizes:
            assert reported(layer.text(without=layer.sizes)) == due, f"{sample.title} without {layer.sizes}"


def reported(text: str) -> Any:
    """What a report says of the one layer, or its complaints."""
    report = plain.check_text(text)
    if errors(report):
        return errors(report), text
    (layer,) = report.layers
    return (
        [(wire.shape, wire.dtype) for wire in layer.node.outputs],
        {name: tuple(shape) for name, shape in (layer.weights or {}).items()},
        {name: tuple(shape) for name, shape in (layer.buffers or {}).items()},
    )


def errors(report: shapecalc.Report) -> list[str]:
    """The complaints that make a layer refused; a warning is advice."""
    return [d.message for d in report.diagnostics if d.severity == "error"]


def facts_of(outputs: list[torch.Tensor], module: nn.Module) -> Any:
    return (
        [(tuple(y.shape), dtype_name(y)) for y in outputs],
        {name: tuple(tensor.shape) for name, tensor in module.named_parameters()},
        {name: tuple(tensor.shape) for name, tensor in module.named_buffers()},
    )


@every_class
def test_emitted_source_computes_what_torchs_module_computes(name: str) -> None:
    """In evaluation, with the same weights: so every argument has come through.

    Samples whose texts differ in drawn numbers alone (class weights) are one case.
    """
    cases = {DRAWN.sub("_", layer.text()): (sample, layer) for sample, layer in told(name)[0]}
    for sample, layer in cases.values():
        module = sample.module().eval()
        theirs = sample.apply(module)
        ours = build(plain.check_text(layer.text(), path="net.yaml")).eval()
        ours.load_state_dict({f"layer.{key}": tensor for key, tensor in module.state_dict().items()})
        torch.default_generator.manual_seed(2)
        with torch.no_grad():
            found = flat(ours(*copy.deepcopy(list(layer.tensors.values()))))
        for y, due in zip(found, theirs, strict=True):
            torch.testing.assert_close(y, due, equal_nan=True, msg=lambda text, s=sample: f"{s.title}: {text}")


@pytest.mark.parametrize("name", ERRORS)
def test_what_torch_refuses_is_refused(name: str) -> None:
    info = INFOS[name]
    for n, error in enumerate(drawn(info.module_error_inputs_func, info, True)):
        sample = Sample(info.module_cls, error.module_error_input, True, f"{name} {n}: {error.error_regex}")
        forward = error.error_on is ModuleErrorEnum.FORWARD_ERROR
        with pytest.raises(error.error_type, match=error.error_regex):
            sample.apply(sample.module())
        assert refused(sample, forward) == ((name, n) not in TOLERATED), sample.title


def refused(sample: Sample, forward: bool) -> bool:
    """Whether a spec of the sample is refused, or would be when it is trained.

    Where the constructor is at fault, the input has sizes that are not known, so that they cannot be. What no text can
    say (a complex number) is refused by that.
    """
    try:
        layer = sample.layer() if forward else Layer(sample.cls, sample.made, usual(sample.cls))
    except Untold:
        return True
    report = plain.check_text(layer.text(unknown=not forward))
    trained = report.layers if forward and not errors(report) else []
    return bool(errors(report)) or any(broken(one.node.op, one.input_shapes, training=True) for one in trained)


def usual(cls: type[nn.Module]) -> Call:
    """Input of as many dimensions as the operator takes."""
    operator = find(cls.__name__)
    arguments, xs = operator.samples()[0]
    return Call(tuple(tensors(made(cls.__name__, arguments, *xs), xs)), {})


def test_no_sample_of_torchs_database_is_left_out(record_property: Any) -> None:
    """The one claim that all of it was compared: it counts what the tests above go through."""
    compared = sum(len(told(name)[0]) for name in INFOS)
    reasons = Counter(f"{name}: {reason}" for name in INFOS for reason in told(name)[1])
    left = [f"{count} of {reason}" for reason, count in reasons.items()]
    text = f"torch's module database: {compared} samples compared, left out: {'; '.join(left) or 'none'}"
    print(text)
    record_property("told", text)
    assert {reason.partition(":")[0] for reason in reasons} == set(LEFT_OUT), text
    assert compared > 2000
