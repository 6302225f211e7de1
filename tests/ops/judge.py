"""Draw -> two verdicts: what shapecalc says of a one-layer spec, and what torch's own class or function does with it.

A verdict is the shapes and dtypes of the outputs, or a refusal with its reason.
"""

from __future__ import annotations

import inspect
import re
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name
from torch.nn.attention import SDPBackend, sdpa_kernel

from shapecalc.ops.factors import Numbers
from shapecalc.ops.kinds import Part, Unfit
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED
from shapecalc.ops.registry import find
from tests import plain

from .oracle import Built, flat, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapecalc.ops.op import Operator

    from .draw import Draw


class Verdict:
    """Shapes and dtypes of the outputs, or None with the reason; `op` is ours where it was accepted."""

    __slots__ = ("op", "outputs", "reason")

    def __init__(self, outputs: list[Any] | None, reason: str = "", op: Operator | None = None) -> None:
        self.outputs = outputs
        self.reason = reason
        self.op = op

    def __repr__(self) -> str:
        return f"refused ({self.reason})" if self.outputs is None else f"accepted {self.outputs}"


def ours(draw: Draw) -> Verdict:
    """What shapecalc says of the spec."""
    report = plain.check_text(draw.spec())
    assert report.graph is not None, draw.spec()
    errors = [d for d in report.diagnostics if d.severity == "error" and "bare name" not in d.message]
    node = report.graph.nodes[0] if report.graph.nodes else None
    if errors or node is None or node.op is None:
        return Verdict(None, "; ".join(f"{d.code} {d.message}" for d in errors))
    assert report.totals is not None  # whatever is accepted has figures, or says why not
    return Verdict([(tuple(w.shape or ()), w.dtype) for w in node.outputs], op=node.op)


def torchs(draw: Draw) -> Verdict:
    """What torch's own class or function does on the CPU, in evaluation mode."""
    torch.manual_seed(0)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            if draw.name == "ScaledDotProductAttention":
                if draw.arguments.get("enable_gqa") and any(x and 0 in x[0] for x in draw.inputs):
                    raise ZeroDivisionError("torch dies of no heads")
                with sdpa_kernel(SDPBackend.MATH):  # the fused kernel reads memory that is not its own
                    return _outcome(_called(draw))
            return _outcome(_called(draw))
        except Exception as error:
            return Verdict(None, f"{type(error).__name__}: {str(error)[:150]}")


def emitted(draw: Draw, op: Operator) -> Verdict:
    """What the emitted source does with the tensors."""
    torch.manual_seed(0)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            built = Built(op, [i for i, x in enumerate(draw.inputs) if x is None]).train(False)
            built.scope["self"] = SimpleNamespace(training=False)
            if isinstance(built.module, nn.Module):
                built.module.to(_float(draw))
            return _outcome(built(*values(draw)))
        except Exception as error:
            return Verdict(None, f"{type(error).__name__}: {str(error)[:150]}")


def _outcome(result: Any) -> Verdict:
    found = [t for t in flat(result) if t is not None]
    return Verdict([(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in found])


def values(draw: Draw) -> list[Any]:
    """Tensors for the inputs: floats from 0 to 1, integers and truth values of 0, which every index may be."""
    xs = [
        None
        if x is None
        else torch.rand(x[0], dtype=getattr(torch, x[1]))
        if x[1].startswith("float")
        else torch.zeros(x[0], dtype=getattr(torch, x[1]))
        for x in draw.inputs
    ]
    if draw.name == "CTCLoss" and len(xs) == 4 and all(x is not None for x in xs):
        _set_lengths(*xs)
    return xs


def _set_lengths(scores: Any, targets: Any, inputs: Any, lengths: Any) -> None:
    """Lengths as CTCLoss must have them: the whole of the input, and labels that are as many as the targets."""
    if not scores.dim() or not targets.dim():
        return
    inputs.fill_(scores.shape[0])
    rows = targets.shape[-1] if targets.dim() == 2 else targets.shape[0] // max(lengths.numel(), 1)
    lengths.fill_(rows)
    if targets.dim() == 1 and lengths.numel():
        lengths.view(-1)[0] += targets.shape[0] - rows * lengths.numel()


def _float(draw: Draw) -> Any:
    """The dtype of the weights: that of the first input where it is a float."""
    first = draw.inputs[0] if draw.inputs else None
    return getattr(torch, first[1]) if first and first[1].startswith("float") else torch.float32


def _called(draw: Draw) -> Any:
    operator = find(draw.name)
    kinds = {a.name: a.kind for a in operator.attributes}
    arguments = {
        k: torch.tensor(v, dtype=_float(draw)) if v is not None and isinstance(kinds[k], Numbers) else _plain(v, draw)
        for k, v in _filled(draw).items()
    }
    xs = values(draw)
    if not operator.module:
        return function_of(draw.name)(*xs, **arguments)
    maker = _maker(operator)
    taken = set(arguments) - _of_call(maker)
    module = maker(**{k: v for k, v in arguments.items() if k in taken}).eval().to(_float(draw))
    rest = {k: v for k, v in arguments.items() if k not in taken}
    if draw.name in ADAPTED:
        return ADAPTED[draw.name](module, *xs, **rest)
    slots = [slot.rstrip("?*") for slot in operator.inputs]
    by_name = {slots[i]: x for i, x in enumerate(xs) if i < len(slots) and operator.inputs[i].endswith("?")}
    return module(*[x for i, x in enumerate(xs) if i >= len(slots) or slots[i] not in by_name], **by_name, **rest)


def _of_call(maker: Any) -> set[str]:
    """Arguments of the module's call; a constructor that takes any (RNN) takes the rest."""
    return set(inspect.signature(maker.forward).parameters) - set(inspect.signature(maker.__init__).parameters)


def _maker(operator: type[Operator]) -> Any:
    support = getattr(operator, "support", None)
    if not support:
        return getattr(nn, operator.__name__)
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
    exec(support, scope)  # noqa: S102 - the class that emitted code brings along
    return scope[operator.__name__]


def _filled(draw: Draw) -> dict[str, Any]:
    """The arguments with what is inferred written out, as torch wants it, and without what is left at its default."""
    operator = find(draw.name)
    defaults = {a.name: a.default for a in operator.attributes}
    arguments = {
        k: v
        for k, v in draw.arguments.items()
        if k != "broadcast" and not (type(v) is type(defaults[k]) and v == defaults[k])
    }
    if draw.name in WANT_DIM and "keepdim" in arguments:
        arguments.setdefault("dim", None)
    absent = [a.name for a in operator.attributes if a.default is INFERRED and a.name not in arguments]
    if absent:
        op = _settled(draw)
        arguments |= {name: getattr(op, name) for name in absent}
    return arguments


def _settled(draw: Draw) -> Operator:
    """The operator with its needs ignored, or where it cannot be settled, the one of its first sample."""
    try:
        return made(draw.name, draw.arguments, *[x and x[0] for x in draw.inputs])
    except (Unfit, IndexError, ValueError, TypeError, AttributeError, ZeroDivisionError):
        arguments, xs = find(draw.name).samples()[0]
        return made(draw.name, arguments, *xs)


def _plain(value: Any, draw: Draw) -> Any:
    """An argument as torch takes it: lists as tuples, layers as modules."""
    if isinstance(value, Part):
        values = {k: _plain(v, draw) for k, v in value.values.items()}
        for attribute in value.operator.attributes:
            if attribute.default is INFERRED and attribute.name not in values and draw.inputs[0]:
                values[attribute.name] = draw.inputs[0][0][-1]
        return getattr(nn, value.operator.__name__)(**values)
    if isinstance(value, list | tuple) and len(value) == 1 and draw.name == "LPPool1d":
        return value[0]  # one number for one axis, which torch takes bare only
    return tuple(_plain(v, draw) for v in value) if isinstance(value, list | tuple) else value


def _states(module: Any, x: Any, h: Any = None, c: Any = None, *more: Any) -> Any:
    return module(x, *([] if h is None and c is None else [(h, c)]), *more)


def _attend(module: Any, query: Any, key: Any = None, value: Any = None, *masks: Any, **rest: Any) -> Any:
    key = query if key is None else key
    value = key if value is None else value
    if len(masks) > 2:
        raise TypeError("two masks at most")
    return module(query, key, value, **dict(zip(("key_padding_mask", "attn_mask"), masks, strict=False)), **rest)


WANT_DIM = frozenset({"Mean", "Sum", "Norm"})
"""Functions that torch gives `keepdim` only beside `dim`, be it None."""

ADAPTED: dict[str, Callable[..., Any]] = {"LSTM": _states, "LSTMCell": _states, "MultiheadAttention": _attend}


# tensor functions


def function_of(name: str) -> Callable[..., Any]:
    """torch's own function for an operator without a module, under the operator's argument names."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    for place in (torch, F, torch.Tensor):
        for spelling in (snake, name.lower()):
            if hasattr(place, spelling):
                return getattr(place, spelling)  # type: ignore[no-any-return]
    raise LookupError(f"no function of torch is known for {name}")


def _folded(function: Callable[..., Any]) -> Callable[..., Any]:
    def fold(first: Any, *rest: Any) -> Any:
        for x in rest:
            first = function(first, x)
        return first

    return fold


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _picked(x: Any, index: Any, dim: int) -> Any:
    places = [slice(None)] * (x.dim() - 1)
    places.insert(range(x.dim())[dim], index)
    return x[tuple(places)]


def _slice(x: Any, *, dim: int, start: Any = 0, end: Any = None, step: int = 1) -> Any:
    places = [slice(None)] * x.dim()
    places[range(x.dim())[dim]] = slice(start, end, step)
    return x[tuple(places)]


def _parameter(*, shape: Any, init: Any = "zeros") -> Any:
    if isinstance(init, str) and init not in ("zeros", "ones"):
        raise ValueError(init)
    return torch.zeros(shape)


def _buffer(*, shape: Any, init: Any = "zeros", dtype: str = "float32", persistent: bool = True) -> Any:
    if isinstance(init, str) and init not in ("zeros", "ones"):
        raise ValueError(init)
    if isinstance(init, list | tuple):
        return torch.tensor(init, dtype=getattr(torch, dtype)).reshape(shape)
    return torch.zeros(shape, dtype=getattr(torch, dtype))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Add": _folded(torch.add),
    "Sub": _folded(torch.sub),
    "Mul": _folded(torch.mul),
    "Div": _folded(torch.div),
    "MatMul": torch.matmul,
    "Cat": lambda *xs, dim=0: torch.cat(xs, dim),
    "Stack": lambda *xs, dim=0: torch.stack(xs, dim),
    "Einsum": lambda *xs, equation: torch.einsum(equation, *xs),
    "Slice": _slice,
    "Expand": lambda x, *, size: x.expand(size),
    "Repeat": lambda x, *, repeats: x.repeat(repeats),
    "Reshape": lambda x, *, shape: torch.reshape(x, shape if isinstance(shape, tuple) else (shape,)),
    "Permute": lambda x, *, dims: torch.permute(x, dims if isinstance(dims, tuple) else (dims,)),
    "Tile": lambda x, *, dims: x.tile(dims),
    "Flip": lambda x, *, dims: x.flip(dims),
    "Index": lambda x, index, *, dim=0: _picked(x, index, dim),
    "MoveDim": lambda x, *, source, destination: torch.movedim(x, _tuple(source), _tuple(destination)),
    "Gather": lambda x, index, *, dim: torch.gather(x, dim, index),
    "IndexSelect": lambda x, index, *, dim: torch.index_select(x, dim, index),
    "Cast": lambda x, *, dtype: x.to(getattr(torch, dtype)),
    "Interpolate": F.interpolate,
    "Pad": F.pad,
    "Normalize": F.normalize,
    "Norm": torch.norm,
    "Parameter": _parameter,
    "Buffer": _buffer,
}
"""Where the name does not say it, or torch takes its arguments in another way."""


def trains(draw: Draw, op: Operator) -> tuple[bool, Verdict]:
    """Whether the needs of training hold, and what torch does in training mode."""
    xs = [x and x[0] for x in draw.inputs]
    gaps = [(claim, gap) for claim, gap, *_ in op.needs(*xs) if claim.training]  # type: ignore[arg-type]
    holds = all(gap >= 0 if claim.relation is AT_LEAST_ZERO else gap == 0 for claim, gap in gaps)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            built = Built(op, [i for i, x in enumerate(draw.inputs) if x is None]).train(True)
            built.scope["self"] = SimpleNamespace(training=True)
            if isinstance(built.module, nn.Module):
                built.module.to(_float(draw))
            return holds, _outcome(built(*values(draw)))
        except Exception as error:
            return holds, Verdict(None, f"{type(error).__name__}: {str(error)[:150]}")
