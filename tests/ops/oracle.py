"""Second opinions on operators: makes an operator as a spec does, and what torch says of the same arguments."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from shapecalc.dims.sym import bind
from shapecalc.ops.dtypes import FLOATS
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.op import AT_LEAST_ZERO
from shapecalc.ops.registry import find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapecalc.ops.op import Operator, Shape


def made(name: str, arguments: Mapping[str, Any], *xs: Any) -> Operator:
    """The operator with its arguments read by their kinds; raises Unfit where one is refused."""
    operator = find(name)
    kinds = {a.name: a.kind for a in operator.attributes}
    return operator({k: kinds[k].read(list(v) if isinstance(v, tuple) else v) for k, v in arguments.items()}, *xs)


def broken(op: Operator, xs: Sequence[Any], *, training: bool = True) -> list[str]:
    """Messages of the needs that do not hold, all sizes being known."""
    found = []
    for claim, gap, *axis in op.needs(*xs):
        holds = gap >= 0 if claim.relation is AT_LEAST_ZERO else gap == 0
        if not holds and (training or not claim.training):
            found.append(claim.say(op, xs, axis[0] if axis else -1))
    return found


def accepted(name: str, arguments: Mapping[str, Any], *xs: Shape, training: bool = True) -> tuple[Shape, ...] | None:
    """Output shapes, or None where the operator refuses: by a kind, by the rank of the input, or by a need."""
    ranks = find(name).ranks
    if ranks is not None and len(xs[0]) not in ranks:
        return None
    try:
        op = made(name, arguments, *xs)
    except Unfit:
        return None
    return None if broken(op, xs, training=training) else op.shape(*xs)


def torch_accepted(
    name: str, arguments: Mapping[str, Any], *xs: Shape, training: bool = True
) -> tuple[Shape, ...] | None:
    """Output shapes of torch's own class on the CPU, or None where its constructor or forward raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = getattr(nn, name)(**arguments).train(training)(*(torch.rand(x) for x in xs))
    except Exception:
        return None
    return tuple(tuple(t.shape) for t in (y if isinstance(y, tuple) else (y,)))


class Built:
    """What emitted code makes of an operator: the module (None for a function), and a call of it."""

    def __init__(self, op: Operator, absent: Sequence[int] = ()) -> None:
        self.scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
        self.module: Any = None
        support = getattr(op, "support", None)
        if support:
            exec(support, self.scope)  # noqa: S102 - the source text is what is tested
        text = op.constructor()
        if text is not None:
            self.module = eval(text, self.scope)  # noqa: S307
        self.op, self.absent = op, absent

    def __call__(self, *xs: Any) -> tuple[Any, ...]:
        names = [f"x{i}" for i in range(len(xs))]
        scope = {**self.scope, **dict(zip(names, xs, strict=True)), "module": self.module}
        args = ["None" if i in self.absent else n for i, n in enumerate(names)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = eval(self.op.call("module", args), scope)  # noqa: S307
        return tuple(flat(y))

    def train(self, mode: bool) -> Built:
        if isinstance(self.module, nn.Module):
            self.module.train(mode)
        return self

    def to(self, device: str) -> Built:
        if self.module is not None:
            self.module = self.module.to(device)
        return self

    def named(self, what: str) -> dict[str, tuple[int, ...]]:
        """Shapes of `parameters` or `buffers` by name."""
        if isinstance(self.module, torch.Tensor):
            kind = "parameters" if isinstance(self.module, nn.Parameter) else "buffers"
            return {"": tuple(self.module.shape)} if what == kind else {}
        listed = getattr(self.module, f"named_{what}")() if self.module is not None else ()
        return {name: tuple(tensor.shape) for name, tensor in listed}


def flat(y: Any) -> list[Any]:
    """The tensors of a result, which recurrent layers nest."""
    return [tensor for part in y for tensor in flat(part)] if isinstance(y, tuple | list) else [y]


def dtype_of(op: type[Operator] | Operator) -> str:
    """The dtype of a test input: float32 wherever the operator takes it."""
    if op.takes is None or op.takes & FLOATS:
        return "float32"
    return "int64" if "int64" in op.takes else min(op.takes)


def tensors(op: Operator, xs: Sequence[Any], device: str = "cpu") -> list[Any]:
    """Inputs of those shapes: numbers from 0 to 1, indices of 0 and 1, or truth values."""
    torch.manual_seed(3)
    slots = [slot.rstrip("?*") for slot in op.inputs]
    usual = "float32" if dtype_of(op) == "bool" else dtype_of(op)
    taken = [dtype_of(op)] + [_first_of(op.further.get(slot), usual) for slot in slots[1:]]
    taken += [usual] * len(xs)
    given = [None if x is None else _tensor(x, dtype, device) for x, dtype in zip(xs, taken, strict=False)]
    for t, slot in zip(given, _slots(op, xs), strict=True):
        if slot in LENGTHS and t is not None:
            t.fill_(LENGTHS[slot](xs))
    return given


LENGTHS: Mapping[str, Callable[[Any], int]] = {
    "input_lengths": lambda xs: xs[0][0],
    "target_lengths": lambda xs: xs[1][-1],
}
"""Inputs that must fit the shapes of others: the lengths of CTCLoss, all as long as can be."""


def _slots(op: Operator, xs: Sequence[Any]) -> list[str]:
    return [op.inputs[min(i, len(op.inputs) - 1)].rstrip("?*") for i in range(len(xs))]


def _first_of(dtypes: frozenset[str] | None, otherwise: str) -> str:
    return otherwise if dtypes is None or otherwise in dtypes else "int64" if "int64" in dtypes else min(dtypes)


def _tensor(shape: Any, dtype: str, device: str) -> Any:
    if dtype == "float32":
        return torch.rand(shape, device=device)
    return torch.randint(0, 2, shape, device=device).to(getattr(torch, dtype))


def bound(value: Any, sizes: Mapping[str, int]) -> Any:
    """Shapes, mappings of shapes and sizes with numbers put in for their symbols."""
    if isinstance(value, dict):
        return {k: bound(v, sizes) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return tuple(bound(v, sizes) for v in value)
    return value if value is None else bind(value, sizes)
