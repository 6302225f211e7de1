"""A torch module's constructor arguments and forward inputs -> the text of a spec of that one layer.

It reads torch's signatures and our lists of inputs, and knows no class in particular.
"""

from __future__ import annotations

import inspect
import json
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_overloads
from unittest.mock import patch

import torch
from torch import nn

from shapecalc.ops.dtypes import INDICES
from shapecalc.ops.op import INFERRED
from shapecalc.ops.registry import find

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from shapecalc.ops.op import Operator

PLACEMENT = frozenset({"device", "dtype"})
"""Arguments of every constructor that say where its tensors lie: the weights of a spec's layers are float32."""


class Untold(Exception):
    """An argument or input that no text is known for; says which."""


class Layer:
    """A spec's layer: the operator, its arguments as a spec writes them, and its tensors by the names of its inputs."""

    __slots__ = ("arguments", "operator", "tensors")

    def __init__(self, cls: type[nn.Module], made: Any, given: Any) -> None:
        """`cls(*made.args, **made.kwargs)` applied to `(*given.args, **given.kwargs)`. Raises Untold.

        A lazy class is written as the one that it becomes, whose sizes a spec may leave out just as well.
        """
        name = getattr(cls, "cls_to_become", cls).__name__
        try:
            self.operator: type[Operator] = find(name)
        except KeyError:
            raise Untold(f"no operator is named {name}") from None
        self.tensors, others = sorted_out(slots_of(self.operator), bound(cls.forward, given))
        self.arguments = written({**bound(cls.__init__, made), **others})

    @property
    def sizes(self) -> set[str]:
        """The arguments that a spec may leave out, because the input says them."""
        readable = {a.name for a in self.operator.attributes if a.default is INFERRED}
        return {k for k, v in self.arguments.items() if k in readable and type(v) is int and v > 0}

    def text(self, *, without: Collection[str] = (), unknown: bool = False) -> str:
        """The whole spec, tensors being the inputs `x0`, `x1` and so on; `unknown` leaves their sizes open."""
        arguments = {name: value for name, value in self.arguments.items() if name not in without}
        inputs = {f"x{n}": described(tensor) for n, tensor in enumerate(self.tensors.values())}
        for name, said in inputs.items() if unknown else ():
            said["shape"] = [f"{name.upper()}_{axis}" for axis, _ in enumerate(said["shape"])]
        layer = {self.operator.__name__: arguments, "from": self.origin(list(inputs))}
        document = {"shapecalc": 1, "input": inputs, "layers": {"layer": layer}}
        return "".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items())

    def origin(self, inputs: Sequence[str]) -> Any:
        """What `from` says: a name, a list in torch's order, or a mapping where an optional input is passed over."""
        if list(self.tensors) != slots_of(self.operator)[: len(inputs)]:
            return dict(zip(self.tensors, inputs, strict=True))
        return inputs[0] if len(inputs) == 1 else list(inputs)


def slots_of(operator: type[Operator]) -> list[str]:
    return [slot.rstrip("?*") for slot in operator.inputs]


def bound(function: Any, call: Any) -> dict[str, Any]:
    """The public arguments of a call by torch's names; where there are overloads, of the first that takes them."""
    for candidate in get_overloads(function) or [function]:
        try:
            found = inspect.signature(candidate).bind(None, *call.args, **call.kwargs).arguments
        except TypeError:
            continue
        loose = found.pop("kwargs", {})
        return {name: value for name, value in [*[*found.items()][1:], *loose.items()] if is_public(name)}
    raise Untold(f"no signature of {function.__qualname__} takes {call.args} and {call.kwargs}")


def is_public(name: str) -> bool:
    """Whether an argument says what is computed: `_random_samples` and the like are for torch's own tests."""
    return name not in PLACEMENT and not name.startswith("_")


def sorted_out(slots: Sequence[str], given: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors of a forward by the names of our inputs, and its other arguments.

    A tuple of tensors (the states of an LSTM) stands for as many inputs from its place on; one of numbers (lengths)
    for a tensor.
    """
    tensors: dict[str, torch.Tensor] = {}
    others: dict[str, Any] = {}
    for place, (name, value) in enumerate(given.items()):
        if isinstance(value, torch.Tensor):
            tensors[name if name in slots else slots[place]] = value
        elif isinstance(value, tuple) and all(isinstance(v, torch.Tensor) for v in value):
            tensors.update(zip(slots[place:], value, strict=False))
        elif name in slots and value is not None:
            tensors[name] = torch.tensor(value)
        elif value is not None:
            others[name] = value
    return tensors, others


def described(tensor: torch.Tensor) -> dict[str, Any]:
    """An input of a spec: shape, dtype, and the bound of indices."""
    said = {"shape": list(tensor.shape), "dtype": dtype_name(tensor), "batch": False}
    indices = dtype_name(tensor) in INDICES and tensor.numel() > 0
    return {**said, "below": int(tensor.max()) + 1} if indices else said


def dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def written(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in arguments.items()}


def plain(value: Any) -> Any:
    """A value as a spec writes it: tensors as lists, functions by name, modules as layers. Raises Untold."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, nn.Module):
        return {type(value).__name__: written(bound(type(value).__init__, value.made_with))}
    if inspect.isroutine(value):
        return value.__name__
    if is_dataclass(value) and not isinstance(value, type):
        told = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != f.default}
        return written(told)
    raise Untold(f"a {type(value).__name__} as an argument")


class Call:
    """The arguments of a call, as `torch.testing` has them."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs


@contextmanager
def remembering() -> Iterator[None]:
    """Modules made inside keep what they were made with, for those that are arguments of others."""
    with ExitStack() as stack:
        for cls in {getattr(nn, name) for name in nn.modules.__all__}:
            if issubclass(cls, nn.Module) and "__init__" in vars(cls):
                stack.enter_context(patch.object(cls, "__init__", _remembering(cls.__init__)))
        yield


def _remembering(init: Any) -> Any:
    @wraps(init)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.__dict__["made_with"] = Call(args, kwargs)

    return initialise
