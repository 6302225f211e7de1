"""Activations -> those of torch.nn. Knows nothing of files."""

from __future__ import annotations

from functools import partial
from math import isclose, prod

from shapecalc.onnxside.call import Call, Open
from shapecalc.onnxside.fixed import Part


def plainly(op: str, call: Call) -> None:
    """An operator without arguments."""
    call.end(op, {}, call.value())


def with_slope(op: str, name: str, usual: float, call: Call) -> None:
    """One whose `alpha` torch calls otherwise."""
    call.end(op, {name: call.get("alpha", usual)}, call.value())


def selu(call: Call) -> None:
    known = isclose(call.get("alpha", 1.67326), 1.67326, rel_tol=1e-5)
    if not known or not isclose(call.get("gamma", 1.0507), 1.0507, rel_tol=1e-5):
        raise Open("its constants are not those of SELU")
    call.end("SELU")


def slopes(call: Call) -> None:
    """A slope for all channels or one for each; others are no PReLU of torch's."""
    slope = call.weight(1)
    count = prod(slope.shape)
    wide = slope.shape[: len(slope.shape) - call.rank + 2] if len(slope.shape) >= call.rank - 1 else ()
    if count != 1 and (count != call.shape[1] or count not in wide or call.rank < 2):
        raise Open("its slopes differ along other axes than the channels")
    call.parts = {"weight": Part(slope, shape=(count,))}
    call.end("PReLU", {"num_parameters": count}, call.value(), path=call.path)


def hard_sigmoid(call: Call) -> None:
    alpha, beta = call.get("alpha", 0.2), call.get("beta", 0.5)
    if isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return call.end("Hardsigmoid")
    steep = call.add("Mul", {}, call.value(), alpha)
    return call.end("Clamp", {"min": 0, "max": 1}, call.add("Add", {}, steep, beta))


def clip(call: Call) -> None:
    low, high = (call.get(name, call.scalar(n)) for n, name in ((1, "min"), (2, "max")))
    if (low, high) == (0, 6):
        return call.end("ReLU6")
    bounds = {name: v for name, v in (("min", low), ("max", high)) if v is not None and abs(v) < 3e38}
    return call.end("Clamp", bounds) if bounds else call.pass_on()


def gelu(call: Call) -> None:
    call.end("GELU", {"approximate": call.get("approximate", "none")}, call.value())


def threshold(call: Call) -> None:
    call.end("Threshold", {"threshold": call.get("alpha", 1.0), "value": 0})


def shrink(call: Call) -> None:
    lambd, bias = call.get("lambd", 0.5), call.get("bias", 0.0)
    if bias not in (0, lambd):
        raise Open("its bias is neither 0 nor its lambda")
    call.end("Softshrink" if bias else "Hardshrink", {"lambd": lambd})


def swish(call: Call) -> None:
    if call.get("alpha", 1.0) != 1:
        raise Open("its alpha is not 1")
    call.end("SiLU")


def share(op: str, call: Call) -> None:
    """Softmax; before version 13 it is that over all axes from `axis` on, as if these were one."""
    old = call.version < 13
    axis = call.axis(call.get("axis", 1 if old else -1))
    if old and any(n != 1 for n in call.shape[axis + 1 :]):
        raise Open("it goes over several axes")
    call.end(op, {"dim": axis})


READERS = {
    **{
        name: partial(plainly, op)
        for name, op in {
            "Relu": "ReLU", "Sigmoid": "Sigmoid", "HardSwish": "Hardswish", "Tanh": "Tanh", "Mish": "Mish",
            "Softplus": "Softplus", "Softsign": "Softsign",
        }.items()
    },
    "LeakyRelu": partial(with_slope, "LeakyReLU", "negative_slope", 0.01),
    "Elu": partial(with_slope, "ELU", "alpha", 1.0),
    "Celu": partial(with_slope, "CELU", "alpha", 1.0),
    "Selu": selu,
    "PRelu": slopes,
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    "Gelu": gelu,
    "ThresholdedRelu": threshold,
    "Shrink": shrink,
    "Swish": swish,
    "Softmax": partial(share, "Softmax"),
    "LogSoftmax": partial(share, "LogSoftmax"),
}  # fmt: skip
