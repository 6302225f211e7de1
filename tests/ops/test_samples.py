"""The battery that every operator of the registry goes through, on its own samples: torch is the second opinion."""

from __future__ import annotations

import inspect
from math import prod
from typing import TYPE_CHECKING, Any, get_overloads

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from shapecalc.dims.field import IDENTITY, POINT, Field
from shapecalc.dims.sym import symbol
from shapecalc.ops.dtypes import FLOATS, WIDTHS
from shapecalc.ops.op import AT_LEAST_ZERO, INFERRED, REQUIRED, UnknownFact
from shapecalc.ops.registry import FAMILIES, MODULES, find

from .oracle import Built, bound, broken, dtype_of, made, tensors

if TYPE_CHECKING:
    from shapecalc.ops.op import Kept, Operator

NAMES = list(MODULES)
SAMPLES = [
    pytest.param(name, arguments, xs, id=f"{name}-{i}")
    for name in NAMES
    for i, (arguments, xs) in enumerate(find(name).samples())
]
every_sample = pytest.mark.parametrize(("name", "arguments", "xs"), SAMPLES)
every_operator = pytest.mark.parametrize("name", NAMES)

HEADINGS = ("Sizes:", "Cost:", "Pitfalls:", "Torch:")
HALVES = {"float16", "bfloat16"}
DEPRECATED = {("Hardtanh", "min_value"), ("Hardtanh", "max_value")}
"""Arguments that torch warns of."""
NOT_OURS = {"device", "dtype", "self", "args", "kwargs"}


def _matrix_vector(a: Any, v: Any, *_: Any, **__: Any) -> int:
    """torch's counter passes over products with a vector."""
    return int(2 * prod(a))


def _trilinear(a: Any, w: Any, b: Any, *_: Any, **__: Any) -> int:
    """torch's counter passes over Bilinear: a product with a matrix, and one with a vector, for each output value."""
    return int(2 * a[0] * prod(w))


VECTORS = {
    torch.ops.aten.mv: _matrix_vector,
    torch.ops.aten.dot: _matrix_vector,
    torch.ops.aten._trilinear: _trilinear,
}
NOT_ON_META = {
    "GaussianNLLLoss": "torch looks whether a variance is negative",
    "AdaptiveLogSoftmaxWithLoss": "torch sorts the samples by the values of the targets",
    "CTCLoss": "torch has no such kernel",
}
"""What has no FLOPs that could be counted on the meta device, with the reason."""
UNKNOWN_KEPT = {
    "AdaptiveLogSoftmaxWithLoss": "it depends on the values of the targets",
    "CTCLoss": "it depends on the values of the lengths",
}
"""What does not state what autograd keeps, with the reason."""
CHANGED = {"BCELoss": 1.0, "Asin": 1.0, "Acos": 1.0, "Sign": -1.0, "Minimum": -1000.0}
"""What a value of the input is changed to where 1000 is out of range or would change nothing."""
MAY_HIDE = {"Any", "All", "Eq", "Ne", "Gt", "Ge", "Lt", "Le", "LogicalAnd", "LogicalOr", "LogicalXor", "LogicalNot"}
MAY_HIDE |= {"MaskedFill"}
"""Where a changed input may leave the output as it is: it then says nothing of the window."""
WITHOUT_GRADIENT = {"SoftMarginLoss": {1}}
"""Inputs that torch refuses to give a gradient."""


@every_sample
def test_samples_break_no_need(name: str, arguments: Any, xs: Any) -> None:
    assert broken(made(name, arguments, *xs), xs) == []


@every_sample
def test_output_shapes_and_dtypes_are_torchs(name: str, arguments: Any, xs: Any) -> None:
    op = made(name, arguments, *xs)
    given = tensors(op, xs)
    outputs = built(op, xs).train(True)(*given)
    shapes = op.shape(*xs)
    assert list(shapes) == [tuple(y.shape) for y in outputs]
    taken = [str(x.dtype).removeprefix("torch.") for x in given if x is not None]
    dtypes = op.dtypes(*taken) or (taken[0],) * len(shapes)
    assert list(dtypes) == [str(y.dtype).removeprefix("torch.") for y in outputs]


@every_operator
def test_dtypes_are_taken_and_given_as_by_torch(name: str) -> None:
    """For operators of one input. Halves are taken wherever floats are: some have kernels on a GPU only."""
    arguments, xs = find(name).samples()[0]
    if len(xs) != 1 or hasattr(find(name), "support"):
        return  # torch has no word on a module that emitted code brings along
    for dtype in WIDTHS:
        op = made(name, arguments, *xs)
        theirs = _given_dtypes(op, xs, dtype)
        takes = (op.takes is None or dtype in op.takes) and not op.unfit_dtypes(dtype)
        assert takes == (theirs is not None) or (theirs is None and dtype in HALVES), dtype
        if theirs is not None:
            assert list(op.dtypes(dtype) or (dtype,) * len(theirs)) == theirs, dtype


@every_sample
def test_weights_and_buffers_are_torchs_by_name(name: str, arguments: Any, xs: Any) -> None:
    op = made(name, arguments, *xs)
    torchs = built(op, xs)
    assert dict(op.weights()) == torchs.named("parameters")
    assert dict(op.buffers()) == torchs.named("buffers")


@every_sample
def test_symbols_bound_afterwards_give_the_same_facts(name: str, arguments: Any, xs: Any) -> None:
    op = made(name, arguments, *xs)
    sizes: dict[str, int] = {}
    symbolic = tuple(None if x is None else _symbols(op, sizes, i, x) for i, x in enumerate(xs))
    free = made(name, arguments, *symbolic)
    ys, free_ys = op.shape(*xs), free.shape(*symbolic)
    assert bound(free_ys, sizes) == ys
    assert bound(dict(free.weights()), sizes) == dict(op.weights())
    assert bound(dict(free.buffers()), sizes) == dict(op.buffers())
    assert bound(free.macs(symbolic, free_ys), sizes) == op.macs(xs, ys)
    gaps = [(bound(gap, sizes), claim) for claim, gap, *_ in free.needs(*symbolic)]
    assert all(gap >= 0 if claim.relation is AT_LEAST_ZERO else gap == 0 for gap, claim in gaps)
    free.window(symbolic, free_ys)


@every_sample
def test_flops_are_those_of_torchs_counter(name: str, arguments: Any, xs: Any) -> None:
    """On the meta device, where nothing is fused away."""
    op = made(name, arguments, *xs)
    if name in NOT_ON_META:
        assert op.macs(xs, op.shape(*xs)) == (None if name in UNKNOWN_KEPT and op.weights() else 0)
        with pytest.raises((RuntimeError, NotImplementedError)):
            built(op, xs).to("meta")(*tensors(op, xs, "meta"))
        return
    module = built(op, xs).train(False).to("meta")
    counter = FlopCounterMode(display=False, custom_mapping=VECTORS)
    with counter:
        module(*tensors(op, xs, "meta"))
    assert counter.get_total_flops() == 2 * op.macs(xs, op.shape(*xs))


@every_sample
def test_saved_tensors_are_those_that_autograd_keeps(name: str, arguments: Any, xs: Any) -> None:
    op = made(name, arguments, *xs)
    ys = op.shape(*xs)
    if name in UNKNOWN_KEPT:
        with pytest.raises(UnknownFact, match="depends on"):
            op.saved(xs, ys)
        return
    given = tensors(op, xs)
    if dtype_of(op) in ("float32", "bool"):
        fixed = WITHOUT_GRADIENT.get(name, set())
        given = [x if i in fixed else _learning(x) for i, x in enumerate(given)]
    taken = [str(x.dtype).removeprefix("torch.") for x in given if x is not None]
    dtypes = op.dtypes(*taken) or (taken[0],) * len(ys) if taken else ("float32",)
    expected = {_storage(op, kept, n): _bytes(kept, xs, ys, taken, dtypes) for n, kept in enumerate(op.saved(xs, ys))}
    assert _kept_by_autograd(built(op, xs).train(True), given) == sum(expected.values())


@every_sample
def test_views_share_the_storage_of_the_first_input(name: str, arguments: Any, xs: Any) -> None:
    op = made(name, arguments, *xs)
    given = tensors(op, xs)
    outputs = built(op, xs).train(True)(*given)
    places = {x.untyped_storage().data_ptr() for x in given[:1]}
    assert all((y.untyped_storage().data_ptr() in places) == op.view for y in outputs)


@every_sample
def test_windows_cover_what_each_output_depends_on(name: str, arguments: Any, xs: Any) -> None:
    """Where a slice of the input changes, the outputs that change must be those whose window holds it."""
    op = made(name, arguments, *xs)
    ys = op.shape(*xs)
    reads = op.window(xs, ys)
    if dtype_of(op) != "float32":
        return
    module = built(op, xs).train(False)
    given = tensors(op, xs)
    for i, x in enumerate(xs):
        if x is not None and given[i].is_floating_point():
            _check_window(module, given, i, ys[0], _reads_of(None if reads is None else reads[i], x, ys[0]))


@every_operator
def test_manual_pages_have_their_headings(name: str) -> None:
    pages = [c.__doc__ for c in find(name).__mro__[:-1] if c.__module__ != "shapecalc.ops.op" and c.__doc__]
    assert any(all(heading in page for heading in HEADINGS) for page in pages)


@every_operator
def test_attributes_are_documented(name: str) -> None:
    attributes = find(name).attributes
    assert all(a.doc and a.doc[-1] != "." for a in attributes)
    assert sum(a.main for a in attributes) <= 1
    assert not any(a.main and a.default is INFERRED for a in attributes)


@every_operator
def test_attributes_are_the_arguments_of_torchs_class(name: str) -> None:
    """Names and defaults; what torch's constructor does not have must be an argument of its forward."""
    operator, torchs = find(name), getattr(nn, name, None)
    if torchs is None or not operator.module:
        return
    theirs = _arguments(torchs.__init__, name)
    ours = {a.name: REQUIRED if a.default is INFERRED else a.default for a in operator.attributes}
    extra = {k: v for k, v in ours.items() if k not in theirs}
    assert {k: v for k, v in ours.items() if k in theirs} == theirs
    assert extra == {k: v for k, v in _arguments(torchs.forward, name).items() if k in extra}


def test_the_registry_names_each_operator_once() -> None:
    names = [name for _, line in FAMILIES for name in line.split()]
    assert len(names) == len(set(names))
    assert all(find(name).__name__ == name for name in names)
    assert all(find(name).samples() for name in names)


def _given_dtypes(op: Operator, xs: Any, dtype: str) -> list[str] | None:
    """The dtypes of torch's outputs, or None where it takes no such input."""
    module = built(op, xs).train(False)
    if module.module is not None and dtype in FLOATS:
        module.module = module.module.to(getattr(torch, dtype))
    try:
        outputs = module(torch.ones(xs[0], dtype=getattr(torch, dtype)))
    except (RuntimeError, NotImplementedError, ValueError, TypeError):
        return None
    return [str(y.dtype).removeprefix("torch.") for y in outputs]


def built(op: Operator, xs: Any) -> Built:
    return Built(op, [i for i, x in enumerate(xs) if x is None])


def _symbols(op: Any, sizes: dict[str, int], i: int, x: Any) -> tuple[Any, ...]:
    """Symbols for the sizes of input i, but numbers for sizes of 1, because broadcasting and Squeeze ask for them, and
    on the axis that says how many outputs there are.
    """
    known = [a for a, size in enumerate(x) if size == 1 or (op.equals and a == op.axis)]
    sizes.update({f"s{i}_{a}": size for a, size in enumerate(x) if a not in known})
    return tuple(size if a in known else symbol(f"s{i}_{a}") for a, size in enumerate(x))


def _arguments(function: Any, name: str) -> dict[str, Any]:
    return {
        k: REQUIRED if p.default is p.empty else getattr(p.default, "__name__", p.default)
        for k, p in inspect.signature((get_overloads(function) or [function])[0]).parameters.items()
        if k not in NOT_OURS and not k.startswith("_") and (name, k) not in DEPRECATED
    }


def _learning(x: Any) -> Any:
    """The tensor as a layer before would give it: with a gradient where it may have one."""
    return x if x is None or not x.is_floating_point() else x.requires_grad_().mul(1)


def _storage(op: Operator, kept: Kept, number: int) -> Any:
    """What tells storages apart: an output that is a view shares that of the first input."""
    if kept.what == "new":
        return number
    return ("input", 0) if op.view and kept.what == "output" else (kept.what, kept.index)


def _bytes(kept: Kept, xs: Any, ys: Any, taken: Any, dtypes: Any) -> int:
    if kept.what == "new":
        return prod(kept.shape) * (kept.width or 4)
    if kept.what == "input":
        return prod(xs[kept.index]) * WIDTHS[taken[min(kept.index, len(taken) - 1)]]
    return prod(ys[kept.index]) * WIDTHS[dtypes[kept.index]]


def _kept_by_autograd(module: Built, given: list[Any]) -> int:
    """Bytes of the storages that backward would read, parameters and buffers apart."""
    own: list[Any] = []
    if isinstance(module.module, torch.Tensor):
        own = [module.module]
    elif module.module is not None:
        own = [*module.module.parameters(), *module.module.buffers()]
    seen = {t.untyped_storage().data_ptr() for t in own}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in seen:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    plainly = torch.backends.mkldnn.flags(enabled=False)  # oneDNN runs an LSTM in a workspace of its own
    with plainly, torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        module(*given)
    return sum(t.untyped_storage().nbytes() for t in kept.values())


def _reads_of(reads: Any, x: Any, y: Any) -> Any:
    """None stands for the same axes, aligned from the right."""
    if reads is not None:
        return reads
    shift = len(y) - len(x)
    return tuple((a - shift if a >= shift else None, POINT) for a in range(len(y)))


def _check_window(module: Built, given: list[Any], i: int, y: Any, reads: Any) -> None:
    """Every axis that is followed, at the outputs whose window lies within the input: borders are left out."""
    if reads == () or any(isinstance(source, tuple) for source, _ in reads):
        return  # it says that it cannot tell, or regroups axes
    assert len(reads) == len(y)
    for axis, (source, window) in enumerate(reads):
        field = None if source is None else window.pull(IDENTITY)
        if isinstance(field, Field) and not _joined(window, given[i].shape[source], y[axis]):
            seen = _dependence(module, given, i, source, axis)
            for o in range(y[axis]):
                due = _due(field, o)
                if due[0] >= 0 and due[1] < given[i].shape[source]:
                    hidden = seen[o] == UNSEEN and type(module.op).__name__ in MAY_HIDE
                    assert seen[o] == due or hidden, (axis, o)


def _joined(window: Any, before: int, after: int) -> bool:
    """Whether a point is meant but for the place on the axis: Cat, and sizes of 1 that stretch."""
    return window is POINT and before != after


UNSEEN = (0, -1)
"""The first and last position where there is none."""


def _due(field: Field, o: int) -> tuple[int, int]:
    q, r = divmod(o, field.period)
    return field.lo[r] + q * field.advance, field.hi[r] + q * field.advance


def _dependence(module: Built, given: list[Any], i: int, source: int, axis: int) -> list[tuple[int, int]]:
    """For each position on an output axis, the first and last position on an input axis that it depends on."""
    with torch.no_grad():
        plain = module(*(x if x is None else x.clone() for x in given))[0].clone().double()
        seen: list[list[int]] = [[] for _ in range(plain.shape[axis])]
        for place in range(given[i].shape[source]):
            changed = [t if t is None else t.clone() for t in given]
            changed[i].select(source, place).fill_(CHANGED.get(type(module.op).__name__, 1000.0))  # NaN would pass a 0
            differs = (module(*changed)[0].double() - plain).abs() > 1e-3  # a weight that rounding makes is none
            for o in differs.movedim(axis, 0).reshape(plain.shape[axis], -1).any(1).nonzero().flatten().tolist():
                seen[o].append(place)
    return [(min(s), max(s)) if s else UNSEEN for s in seen]
