"""Module and inputs -> the steps of one forward pass, seen while it runs on tensors without data.

`torch.fx` shows a graph of the same calls; it is not used because it cannot follow a branch that depends on a size, nor
see into functions that are wrapped, both no matter where sizes are known. Nothing is computed: the pass runs on fake
tensors, so that only a branch on values cannot be followed. Two passes, of batches of 2 and 3, tell which sizes are N.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from shapecalc.ops.registry import find
from shapecalc.torchside.importing.argument import attributes
from shapecalc.torchside.importing.batches import BATCHES, compare
from shapecalc.torchside.importing.constant import (
    OF_SIZES,
    TELLS,
    WRITES,
    Constants,
    begins,
    core_of,
    holds,
    ones_like,
    summands,
    tensors_in,
    told,
    unit,
)
from shapecalc.torchside.importing.function import KEEPS, LIKE, Told, bare, read_call
from shapecalc.torchside.importing.grow import grow
from shapecalc.torchside.importing.index import indexed
from shapecalc.torchside.importing.layer import arguments_of, operator_of
from shapecalc.torchside.importing.place import line_of, reason
from shapecalc.torchside.importing.prune import prune
from shapecalc.torchside.importing.step import Step, Untraceable, Value, among

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Inputs = Mapping[str, tuple[tuple[int | None, ...], torch.dtype]]

MANY = 16
"""So many numbers are written one by one only where nothing else gives them."""

STATEFUL = frozenset({"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"})


def trace(module: nn.Module, inputs: Inputs) -> Step:
    """The pass of the whole module, sizes that depend on the batch as expressions of N.

    In `inputs` a size of None is the batch. Raises Untraceable.
    """
    was = {m: m.training for m in module.modules()}
    module.eval()
    try:
        first, second = (_Recorder(module).run(inputs, batch) for batch in BATCHES)
    finally:
        for m, training in was.items():
            m.training = training
    compare(first, second)
    prune(first)
    grow(first)
    return first


# one pass


class _Recorder(TorchFunctionMode):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.paths = {id(m): path for path, m in module.named_modules()}
        self.weights = {id(p): path for path, p in module.named_parameters()}
        self.buffers = {id(b): path for path, b in module.named_buffers()}
        self.values: dict[int, Value] = {}
        self.constants = Constants()
        self.persistent = self.buffers and module.state_dict().keys()
        self.alive: list[Any] = []
        self.quiet = False
        self.unchanged: dict[str, list[str]] = {}
        self.stack = [Step("", None, type(module), "")]

    def run(self, inputs: Inputs, batch: int) -> Step:
        call = nn.Module.__call__
        root = self.stack[0]

        def watched(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return self.called(call, module, args, kwargs)

        try:
            nn.Module.__call__ = watched  # type: ignore[method-assign]
            with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
                tensors = [self.start(name, shape, dtype, batch) for name, (shape, dtype) in inputs.items()]
                root.inputs = [self.values[id(t)] for t in tensors]
                root.names = list(inputs)
                with self:
                    result = self.module.forward(*tensors)
                root.outputs = [self.values[id(t)] for t in tensors_in(result) if id(t) in self.values]
        except Untraceable:
            raise
        except Exception as error:
            raise Untraceable(reason(error)) from error
        finally:
            nn.Module.__call__ = call  # type: ignore[method-assign]
        root.notes = [f"a part of {among(paths, 'tensors')} {what}" for what, paths in self.unchanged.items()]
        if not root.outputs:
            raise Untraceable(f"{type(self.module).__name__} returns no tensor that comes from its input")
        return root

    def start(self, name: str, shape: Sequence[int | None], dtype: torch.dtype, batch: int) -> Tensor:
        device = next((p.device for p in self.module.parameters()), torch.device("cpu"))
        tensor = torch.zeros([batch if n is None else n for n in shape], dtype=dtype, device=device)
        self.keep(tensor, name=name)
        return tensor

    def keep(self, tensor: Tensor, **facts: Any) -> Value:
        """A new value for a tensor: a tensor that is written into has one after the other."""
        value = Value(tensor.shape, str(tensor.dtype).removeprefix("torch."), **facts)
        self.values[id(tensor)] = value
        self.alive.append(tensor)
        return value

    def value(self, tensor: Tensor) -> Value | None:
        """The value that a tensor holds now; None for one that was made of nothing that a spec can name."""
        return self.known(tensor) or self.constant(tensor) or self.table(tensor)

    def known(self, tensor: Tensor) -> Value | None:
        """The value of a tensor that depends on the input, a parameter or a buffer."""
        key = id(tensor)
        if key not in self.values and key in self.weights:
            self.keep(tensor, weight=self.weights[key])
        elif key not in self.values and key in self.buffers and self.writable(tensor, self.buffers[key]):
            self.keep(tensor, weight=self.buffers[key], constant=tensor)
        return self.values.get(key)

    def table(self, tensor: Tensor) -> Value | None:
        """A buffer whose values nothing tells: neither a `state_dict` of the module nor a short text."""
        path = self.buffers.get(id(tensor))
        return None if path is None else self.keep(tensor, weight=path, constant=tensor)

    def writable(self, values: Tensor, path: str = "") -> bool:
        """Whether a Buffer can hold the values: a `state_dict` has them, or a short text gives them."""
        return path in self.persistent or begins(values) is not None

    def constant(self, tensor: Tensor) -> Value | None:
        """The value of a tensor that is made of sizes and numbers: a Buffer, or operators on some; None if unknown."""
        values = self.constants.of(tensor)
        if values is None:
            return None
        origin = self.constants.origins.get(id(tensor))
        core = core_of(values)
        init = begins(core)
        if init is None or (isinstance(init, list) and len(init) > MANY):
            self.again(tensor, values, origin)
        if init is not None and id(tensor) not in self.values:
            if core.shape == values.shape:
                self.keep(tensor, constant=values)
            else:
                self.made_of(tensor, "Expand", {"size": list(values.shape)}, [core])
        return self.values.get(id(tensor))

    def again(self, tensor: Tensor, values: Tensor, origin: Any) -> None:
        """A constant that has no short text, as what is made of some that have: vectors, or what it was made of."""
        parts = summands(values)
        if parts is not None:
            self.made_of(tensor, "Add", {}, parts)
        elif unit(values):
            above = self.made_of(tensor, "Triu", {}, [ones_like(values)])
            step = Step("", "Tril", None, "")
            step.inputs = [above]
            self.stack[-1].steps.append(step)
            step.outputs = [self.keep(tensor)]
        elif origin is not None:
            function, args, kwargs, line = origin
            self.record(function, args, kwargs, [tensor], line)

    def made_of(self, tensor: Tensor, op: str, args: dict[str, Any], parts: list[Tensor]) -> Value:
        """A constant as what one operator makes of buffers."""
        step = Step("", op, None, "")
        dtype = str(tensor.dtype).removeprefix("torch.")
        step.inputs, step.args = [Value(p.shape, dtype, constant=p) for p in parts], args
        step.operands = [None] * len(parts) if op == "Add" else None
        self.stack[-1].steps.append(step)
        step.outputs = [self.keep(tensor)]
        return step.outputs[0]

    # modules

    def called(self, call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        path = self.paths.get(id(module))
        if self.quiet or path is None:
            return call(module, *args, **kwargs)
        operator = operator_of(module)
        step = Step(path, operator, type(module), line_of(sys._getframe(2)))
        self.take(step, module, args, kwargs)
        self.stack[-1].steps.append(step)
        if operator is None or not step.inputs:
            step.op = None
            return self.inside(step, call, module, args, kwargs)
        self.quiet = True
        try:
            out = call(module, *args, **kwargs)
        finally:
            self.quiet = False
        step.args = arguments_of(module, operator)
        self.tell(step, module, kwargs)
        step.share = self.shared(module, path)
        step.outputs = step.inputs[:1] if operator == "Identity" else [self.keep(t) for t in tensors_in(out)]
        return out

    def inside(self, step: Step, call: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        self.stack.append(step)
        try:
            out = call(module, *args, **kwargs)
        finally:
            self.stack.pop()
        step.outputs = [v for t in tensors_in(out) if (v := self.values.get(id(t))) is not None]
        return out

    def take(self, step: Step, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Note the tensors that a module is given, with the names of its forward's arguments."""
        import inspect

        try:
            given = dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments)
        except (TypeError, ValueError):
            given = {f"input{n}": a for n, a in enumerate((*args, *kwargs.values()))}
        for name, argument in given.items():
            if step.op in STATEFUL and name in ("hx", "h_0") and self.constants.zeros(tensors_in(argument)):
                continue  # what it begins with if it is given nothing
            found = [v for t in tensors_in(argument) if (v := self.value(t)) is not None]
            step.inputs += found
            step.names += [name] if len(found) == 1 else [f"{name}{n}" for n in range(len(found))]

    def tell(self, step: Step, module: nn.Module, kwargs: Mapping[str, Any]) -> None:
        """What the call of an operator says beside its tensors; a query that is key and value too is given once."""
        if step.op == "MultiheadAttention":
            if kwargs.get("need_weights", True) is False:
                step.args["need_weights"] = False
            while len(step.inputs) in (2, 3) and step.inputs[-1] is step.inputs[-2 if len(step.inputs) > 2 else 0]:
                step.inputs.pop()
        if step.op in ("RNN", "LSTM", "GRU"):
            step.names = [name.rstrip("?") for name in find(step.op).inputs[: len(step.inputs)]]

    def shared(self, module: nn.Module, path: str) -> str:
        """The path of another module that the first weight of this one belongs to."""
        for name, weight in module.named_parameters(recurse=False):
            owner = self.weights[id(weight)]
            return owner.removesuffix(f".{name}") if owner != f"{path}.{name}" else ""
        return ""

    # functions

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.quiet or getattr(func, "__name__", "") in ("__set__", "__delete__"):
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in TELLS and (values := self.constants.of(args[0])) is not None:
            return told(func, values)
        out = func(*args, **kwargs)
        made = tensors_in(out)
        if not made and name != "__setitem__":
            return out
        line = line_of(sys._getframe(1))
        taken = tensors_in((args, list(kwargs.values())))
        recorded = name not in OF_SIZES and any(self.known(t) for t in taken)
        if recorded:
            self.record(func, args, kwargs, made, line)
        if not recorded or all(id(t) in self.constants.values for t in taken):
            self.constants.follow(func, args, kwargs, made, line)
        return out

    def record(self, func: Any, args: Any, kwargs: Any, made: list[Tensor], line: str) -> None:
        raw = getattr(func, "__name__", "")
        name = getattr(func.__self__, "__name__", raw) if raw == "__get__" else raw
        first = next(iter(tensors_in((args, list(kwargs.values())))), None)
        if first is None:  # made of numbers alone, which no short text gives
            return None
        if raw in WRITES:
            return self.write(name, args, line)
        if (
            bare(name) in KEEPS
            or _pads_nothing(name, args)
            or (name in ("to", "type", "float", "type_as") and made[0].dtype == first.dtype)
        ):
            value = self.value(first)
            if value is not None:
                self.values[id(made[0])] = value
                self.alive.append(made[0])
            return None
        if raw == "__getitem__":
            parts = indexed(args[0].shape, args[1])
        elif name == "mT" or (name in ("T", "t") and first.dim() == 2):
            parts = [Told("Transpose", {"dim0": -2, "dim1": -1} if name == "mT" else {"dim0": 0, "dim1": 1}, [], [])]
        elif name in LIKE:
            parts = [Told(LIKE[name][0], {LIKE[name][1]: list(made[0].shape)}, [], [])]
        elif name in ("to", "type", "float", "double", "half", "long", "int", "bool", "bfloat16", "type_as"):
            parts = [Told("Cast", {"dtype": str(made[0].dtype).removeprefix("torch.")}, [], [])]
        else:
            return self.single(name, read_call(func, args, kwargs), args, kwargs, made, line)
        return self.chain(name, parts, args, made, line)

    def single(self, name: str, told: Told | None, args: Any, kwargs: Any, made: list[Tensor], line: str) -> None:
        values = None if told is None else [self.value(t) for t in told.tensors]
        owner = None if told is None else self.owner(told)
        if told is None or values is None or None in values or owner is None:
            return self.opaque(name, (args, list(kwargs.values())), made, line)
        if "broadcast" in attributes(told.op):
            _let_broadcast(told, [v for v in values if v is not None], made[0])
        step = Step(owner, told.op, None, line)
        step.args, step.names, step.operands = told.args, told.names, told.operands
        step.inputs = [v for v in values if v is not None]
        self.stack[-1].steps.append(step)
        step.outputs = [self.keep(t) for t in made]
        return None

    def owner(self, told: Told) -> str | None:
        """The path of the module whose weights a call takes: empty for a call without, None where they are no one's."""
        paths = set()
        for name, tensor in told.weights.items():
            value = self.value(tensor)
            path = value.weight if value is not None and value.constant is None else ""
            if not path.endswith(f".{name}"):
                return None
            paths.add(path.removesuffix(f".{name}"))
        return None if len(paths) > 1 else paths.pop() if paths else ""

    def chain(self, name: str, parts: list[Told] | None, args: Any, made: list[Tensor], line: str) -> None:
        """One operator after the other, each taking what the one before gave."""
        if parts is None:
            return self.opaque(name, args, made, line)
        value = self.value(args[0])
        if value is None:
            return self.opaque(name, args, made, line)
        for part in parts:
            step = Step("", part.op, None, line)
            extra = [self.value(t) for t in part.tensors]
            if None in extra:
                return self.opaque(name, args, made, line)
            step.args, step.inputs = part.args, [value, *(e for e in extra if e is not None)]
            self.stack[-1].steps.append(step)
            value = Value(part.shape or made[0].shape, str(made[0].dtype).removeprefix("torch."))
            step.outputs = [value]
        self.values[id(made[0])] = value
        self.alive.append(made[0])
        return None

    def opaque(self, name: str, taken: Any, made: list[Tensor], line: str) -> None:
        """A call that no operator stands for: its shape is stated, and nothing else is known."""
        step = Step("", "", None, line)
        step.args = {"name": bare(name)}
        step.inputs = list(dict.fromkeys(v for t in tensors_in(taken) if (v := self.value(t)) is not None))
        if not step.inputs:
            return
        self.stack[-1].steps.append(step)
        step.outputs = [self.keep(t) for t in made]

    def write(self, name: str, args: Any, line: str) -> None:
        """A tensor that is written into is another value from then on, and so is the one that it is a view of."""
        target = args[0]
        whole = target if target._base is None else target._base
        if self.changes_nothing(name, target, whole, args, line):
            return
        if any(self.value(t) is not None for t in tensors_in((whole, args))):
            self.opaque(name, (whole, args), [whole], line)

    def changes_nothing(self, name: str, target: Tensor, whole: Tensor, args: Any, line: str) -> bool:
        """Whether a number is written into a learned tensor where its values are that number: SwinV2's bias of keys."""
        value = self.known(whole)
        number = 0 if bare(name) == "zero" else args[-1]
        if value is None or value.constant is not None or not value.weight or not isinstance(number, int | float):
            return False
        weight = self.module.get_parameter(value.weight)
        if bare(name) == "setitem":
            target = target[args[1]]
        if weight.is_meta or whole.shape != weight.shape or not whole.is_contiguous() or not weight.is_contiguous():
            return False
        if not holds(weight, target, number):
            return False
        what = f"is set to {number} in {line}, which it is: the spec takes it as it is"
        self.unchanged.setdefault(what, []).append(value.weight)
        return True


def _pads_nothing(name: str, args: Any) -> bool:
    return name == "pad" and len(args) > 1 and not any(args[1])


def _let_broadcast(told: Told, values: Sequence[Value], made: Tensor) -> None:
    """Say that shapes of an Add or Sub may differ, where they do and no learned tensor is the reason."""
    if any(v.shape != tuple(made.shape) and not v.own for v in values):
        told.args["broadcast"] = True
