"""Module and inputs -> the steps of one forward pass, seen while it runs on tensors without data.

`torch.fx` shows a graph of the same calls; it is not used because it cannot follow a branch that depends on a size, nor
see into functions that are wrapped, both of which are no matter where the sizes are known. Nothing is computed: the
pass runs on fake tensors, so that only a branch on values cannot be followed. Two passes, of batches of 2 and 3, tell
which sizes are the batch.
"""

from __future__ import annotations

import linecache
import os
import sys
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from shapecalc.dims.sym import symbol
from shapecalc.torchside.importing.function import KEEPS, Told, bare, read_call
from shapecalc.torchside.importing.index import indexed
from shapecalc.torchside.importing.layer import arguments_of, attributes, operator_of
from shapecalc.torchside.importing.step import Step, Untraceable, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType, TracebackType

    Inputs = Mapping[str, tuple[tuple[int | None, ...], torch.dtype]]

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep

WRITES = frozenset(
    {"zero_", "fill_", "copy_", "__setitem__", "index_put_", "masked_fill_", "index_fill_", "scatter_", "normal_"}
)
"""Methods that write into a tensor, or into the one that it is a view of."""

CONSTANT = frozenset(
    {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"}
    | {"zeros_like", "ones_like", "full_like", "empty_like"}
)
"""Functions that take no more than the size of a tensor: what they make is a constant."""

BATCHES = (2, 3)


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
    _compare(first, second)
    return first


# one pass


class _Recorder(TorchFunctionMode):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.paths = {id(m): path for path, m in module.named_modules()}
        self.weights = {id(p): path for path, p in module.named_parameters()}
        self.values: dict[int, Value] = {}
        self.alive: list[Any] = []
        self.quiet = False
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
                root.outputs = [self.values[id(t)] for t in _tensors(result) if id(t) in self.values]
        except Untraceable:
            raise
        except Exception as error:
            raise Untraceable(_reason(error)) from error
        finally:
            nn.Module.__call__ = call  # type: ignore[method-assign]
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
        """The value that a tensor holds now; None for one that was made of nothing that a spec can name.

        Buffers are among these, as the language has no word for tensors that are kept but not learned.
        """
        if id(tensor) not in self.values and id(tensor) in self.weights:
            self.keep(tensor, weight=self.weights[id(tensor)])
        return self.values.get(id(tensor))

    # modules

    def called(self, call: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        path = self.paths.get(id(module))
        if self.quiet or path is None:
            return call(module, *args, **kwargs)
        operator = operator_of(module)
        step = Step(path, operator, type(module), _line(sys._getframe(2)))
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
        step.outputs = [self.keep(t) for t in _tensors(out)]
        return out

    def inside(self, step: Step, call: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        self.stack.append(step)
        try:
            out = call(module, *args, **kwargs)
        finally:
            self.stack.pop()
        step.outputs = [v for t in _tensors(out) if (v := self.values.get(id(t))) is not None]
        return out

    def take(self, step: Step, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Note the tensors that a module is given, with the names of its forward's arguments."""
        import inspect

        try:
            given = dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments)
        except (TypeError, ValueError):
            given = {f"input{n}": a for n, a in enumerate((*args, *kwargs.values()))}
        for name, argument in given.items():
            found = [v for t in _tensors(argument) if (v := self.value(t)) is not None]
            step.inputs += found
            step.names += [name] if len(found) == 1 else [f"{name}{n}" for n in range(len(found))]

    def tell(self, step: Step, module: nn.Module, kwargs: Mapping[str, Any]) -> None:
        """What the call of an operator says beside its tensors; a query that is key and value too is given once."""
        if step.op == "MultiheadAttention":
            if kwargs.get("need_weights", True) is False:
                step.args["need_weights"] = False
            while len(step.inputs) in (2, 3) and step.inputs[-1] is step.inputs[-2 if len(step.inputs) > 2 else 0]:
                step.inputs.pop()
        if step.op == "LSTM":
            step.names = ["input", "h_0", "c_0"][: len(step.inputs)]
        if step.op in ("RNN", "GRU"):
            step.names = ["input", "h_0"][: len(step.inputs)]

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
        out = func(*args, **kwargs)
        made = _tensors(out)
        if getattr(func, "__name__", "") in CONSTANT:
            return out
        if not made and getattr(func, "__name__", "") != "__setitem__":
            return out
        used = [v for t in _tensors((args, list(kwargs.values()))) if (v := self.value(t)) is not None]
        if used:
            self.record(func, args, kwargs, made, _line(sys._getframe(1)))
        return out

    def record(self, func: Any, args: Any, kwargs: Any, made: list[Tensor], line: str) -> None:
        raw = getattr(func, "__name__", "")
        name = getattr(func.__self__, "__name__", raw) if raw == "__get__" else raw
        first = _tensors((args, list(kwargs.values())))[0]
        if raw in WRITES:
            return self.write(name, args, line)
        if bare(name) in KEEPS or (name in ("to", "type", "float", "type_as") and made[0].dtype == first.dtype):
            value = self.value(first)
            if value is not None:
                self.values[id(made[0])] = value
                self.alive.append(made[0])
            return None
        if raw == "__getitem__":
            parts = indexed(args[0].shape, args[1])
        elif name in ("T", "t") and first.dim() == 2:
            parts = [Told("Transpose", {"dim0": 0, "dim1": 1}, [], [])]
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
            path = self.weights.get(id(tensor), "")
            if not path.endswith(f".{name}"):
                return None
            paths.add(path.removesuffix(f".{name}"))
        return None if len(paths) > 1 else paths.pop() if paths else ""

    def chain(self, name: str, parts: list[Told] | None, args: Any, made: list[Tensor], line: str) -> None:
        """One operator after the other, each taking what the one before gave."""
        if parts is None:
            return self.opaque(name, args, made, line)
        value = self.value(args[0])
        assert value is not None
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
        step.inputs = list(dict.fromkeys(v for t in _tensors(taken) if (v := self.value(t)) is not None))
        self.stack[-1].steps.append(step)
        step.outputs = [self.keep(t) for t in made]

    def write(self, name: str, args: Any, line: str) -> None:
        """A tensor that is written into is another value from then on, and so is the one that it is a view of."""
        target = args[0]
        whole = target if target._base is None else target._base
        if any(self.value(t) is not None for t in _tensors((whole, args))):
            self.opaque(name, (whole, args), [whole], line)


def _let_broadcast(told: Told, values: Sequence[Value], made: Tensor) -> None:
    """Say that shapes of an Add or Sub may differ, where they do and no learned tensor is the reason."""
    if any(v.shape != tuple(made.shape) and not v.weight for v in values):
        told.args["broadcast"] = True


def _tensors(value: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and mappings, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, list | tuple | set):
        return [t for v in value for t in _tensors(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in _tensors(v)]
    return []


def _line(frame: FrameType | None) -> str:
    """`file.py:12` of the user's code that is running."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((OURS, TORCH, "<")):
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def _reason(error: BaseException) -> str:
    """What went wrong at which line of the user's code."""
    place = ""
    for file, line in _places(error.__traceback__):
        if not file.startswith((OURS, TORCH, "<")):
            place = f"{file}:{line}: `{linecache.getline(file, line).strip()}`: "
    first = str(error).strip().split("\n")[0]
    return f"{place}{type(error).__name__}: {first}"


def _places(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


# two passes


def _compare(a: Step, b: Step) -> None:
    """Put expressions of N into the first pass wherever the second has other numbers."""
    if (a.op, a.path, len(a.steps), len(a.outputs)) != (b.op, b.path, len(b.steps), len(b.outputs)):
        raise Untraceable(f"{a.line}: the calls depend on the batch size")
    a.args = {name: _joined(value, b.args.get(name)) for name, value in a.args.items()}
    a.operands = _joined(a.operands, b.operands)
    for x, y in zip(a.inputs + a.outputs, b.inputs + b.outputs, strict=True):
        if any(type(n) is int for n in x.shape):
            x.shape = tuple(_joined(list(x.shape), list(y.shape)))
    for inner, other in zip(a.steps, b.steps, strict=True):
        _compare(inner, other)


def _joined(a: Any, b: Any) -> Any:
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [_joined(x, y) for x, y in zip(a, b, strict=True)]
    if type(a) is not int or type(b) is not int or a == b:
        return a
    slope = b - a
    return symbol("N") * slope + (a - BATCHES[0] * slope)
