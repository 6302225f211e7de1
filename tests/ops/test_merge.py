"""Merges and products against torch: operands, broadcasting, matrix products, Einstein sums."""

from __future__ import annotations

import json
from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from shapecalc import check_text
from shapecalc.dims.sym import symbol
from shapecalc.ops.dtypes import WIDTHS, promoted
from shapecalc.ops.product import EquationError, parse, spelled

from .agree import Tally, shapes, symbols_agree, torch_shapes
from .oracle import Built, accepted, broken, made

N, H, W = (symbol(name) for name in "NHW")
SIGNS = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul}


def _related(random: Random, count: int) -> list[tuple[int, ...]]:
    """Shapes that often agree or broadcast, and sometimes do not."""
    x = shapes(random, random.randint(0, 3), 2, 4)
    others = []
    for _ in range(count - 1):
        y = [n if random.random() < 0.8 else random.choice([1, 2, 3]) for n in x]
        others.append(tuple(y[random.randint(0, len(y)) :] if random.random() < 0.2 else y))
    return [x, *others]


def _chain(function: Any, tensors: Any) -> Any:
    result = tensors[0]
    for tensor in tensors[1:]:
        result = function(result, tensor)
    return result


@pytest.mark.parametrize("name", SIGNS)
def test_broadcasting_is_torchs(name: str) -> None:
    random, tally = Random(1), Tally(name)
    arguments = {} if name == "Mul" else {"broadcast": True}
    for _ in range(400):
        xs = _related(random, random.randint(2, 3))
        tally.compare(arguments, xs, lambda *ts: _chain(SIGNS[name], ts))
    tally.done()


@pytest.mark.parametrize("name", ["Add", "Sub"])
def test_sums_refuse_what_torch_would_stretch_in_silence(name: str) -> None:
    random = Random(2)
    for _ in range(300):
        xs = _related(random, random.randint(2, 3))
        due = (xs[0],) if all(x == xs[0] for x in xs) else None
        assert accepted(name, {}, *xs) == due


def test_learned_tensors_broadcast_freely_among_equal_ones() -> None:
    random, tally = Random(3), Tally("Add")
    for _ in range(300):
        (x, free) = _related(random, 2)
        tally.compare({"operands": ["tensor", "free", "tensor"]}, [x, free, x], lambda a, b, c: a + b + c)
    tally.done()


def test_a_refused_sum_names_both_shapes_and_the_axis() -> None:
    xs = ((N, 64, 56, 56), (N, 64, 28, 28))
    assert broken(made("Add", {}, *xs), xs)[0] == ("[N, 64, 56, 56] and [N, 64, 28, 28] differ on axis 2: 56 and 28")
    ranks = ((N, 64), (N, 64, 1))
    assert broken(made("Add", {}, *ranks), ranks)[0] == "[N, 64] and [N, 64, 1] have 2 and 3 dimensions"


def test_broadcast_is_advised_only_where_it_would_help() -> None:
    for other, advice in (((2, 4, 1, 1), True), ((2, 4, 3, 3), False)):
        xs = ((2, 4, 5, 5), other)
        op = made("Add", {}, *xs)
        claim = next(need[0] for need in op.needs(*xs) if need[1])
        assert claim.advise is not None
        assert bool(claim.advise(op, xs, 2)) == advice


def test_numbers_take_their_place_among_the_operands() -> None:
    op = made("Sub", {"operands": [1, "tensor", 0.5, "tensor"]}, (2, 3), (2, 3))
    a, b = torch.rand(2, 3), torch.rand(2, 3)
    assert op.call("", ["a", "b"]) == "(1 - a - 0.5 - b)"
    assert torch.equal(Built(op)(a, b)[0], 1 - a - 0.5 - b)


@pytest.mark.parametrize("numbers", [[], [2], [2.5]])
def test_dtypes_are_promoted_as_torch_promotes(numbers: list[Any]) -> None:
    for one, two in product(WIDTHS, repeat=2):
        a, b = (torch.ones(2, dtype=getattr(torch, dtype)) for dtype in (one, two))
        result = _chain(torch.mul, [a, b, *numbers])
        assert promoted([one, two], numbers) == str(result.dtype).removeprefix("torch."), (one, two)


def test_tensors_without_dimensions_count_by_their_kind() -> None:
    """Each pair of dtypes, of tensors with and without dimensions, added by torch."""
    for dtypes, sizes in product(product(WIDTHS, repeat=2), product(([], [2]), repeat=2)):
        given = list(zip("xy", sizes, dtypes, strict=True))
        inputs = {name: {"shape": shape, "batch": False, "dtype": dtype} for name, shape, dtype in given}
        layers = [{"Add": {"broadcast": True}, "from": ["x", "y"]}]
        report = check_text(json.dumps({"shapecalc": 1, "input": inputs, "layers": layers}))
        x, y = (torch.ones(shape, dtype=getattr(torch, dtype)) for _, shape, dtype in given)
        assert report.graph is not None
        assert f"torch.{report.graph.outputs[0].dtype}" == str((x + y).dtype), given


@pytest.mark.parametrize("name", ["Cat", "Stack"])
def test_joins_accept_what_torch_accepts(name: str) -> None:
    random, tally = Random(4), Tally(name)
    function = torch.cat if name == "Cat" else torch.stack
    for _ in range(400):
        xs = _related(random, random.randint(1, 3))
        arguments = {"dim": random.randint(-4, 4)} if random.random() < 0.9 else {}
        tally.compare(arguments, xs, lambda *ts, a=arguments: function(ts, **a))
    tally.done()


def test_cat_joins_channels_where_there_is_a_batch() -> None:
    xs = ((N, 64, H, W), (N, 32, H, W))
    assert made("Cat", {}, *xs).shape(*xs) == ((N, 96, H, W),)
    assert made("Cat", {}, (4, 5), (3, 5)).shape((4, 5), (3, 5)) == ((7, 5),)


def test_joins_refuse_numbers() -> None:
    for name in ("Cat", "Stack", "MatMul"):
        assert len(broken(made(name, {"operands": ["tensor", 2]}, (2, 3)), [(2, 3)])) == 1


def test_merges_over_symbols_agree_with_numbers() -> None:
    random, agreed = Random(5), 0
    for _ in range(400):
        name = random.choice(["Add", "Sub", "Mul", "Stack"])
        agreed += symbols_agree(name, {}, _related(random, 3))
        xs = _related(random, 2)
        agreed += symbols_agree("Cat", {"dim": random.randint(0, max(len(xs[0]) - 1, 0))}, xs)
    assert agreed > 100


def test_skips_of_a_u_net_meet_for_sizes_that_divide() -> None:
    skip, up = (N, 64, H, W), (N, 64, 16 * (H // 16), 16 * (W // 16))
    gaps = [need[1] for need in made("Cat", {}, skip, up).needs(skip, up)]
    assert gaps == [16 * (H // 16) - H, 16 * (W // 16) - W]


def test_products_keep_for_backward_what_autograd_keeps() -> None:
    cases = [((3,), (3,)), ((4, 3), (3,)), ((2, 4, 3), (3,)), ((2, 4, 3), (1, 3, 5)), ((1, 4, 3), (2, 3, 5))]
    cases += [((2, 6, 4, 3), (6, 3, 5)), ((2, 4, 3), (6, 2, 3, 5)), ((3,), (2, 3, 5)), ((4, 3), (6, 2, 3, 5))]
    for xs in cases:
        op = made("MatMul", {}, *xs)
        kept: dict[int, torch.Tensor] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, kept=kept: kept.setdefault(t.untyped_storage().data_ptr(), t), lambda t: t
        ):
            Built(op)(*(torch.rand(x, requires_grad=True) for x in xs))
        ours = [4 * _count(xs[k.index] if k.what == "input" else k.shape) for k in op.saved(xs, op.shape(*xs))]
        assert sum(ours) == sum(t.untyped_storage().nbytes() for t in kept.values()), xs


def _count(shape: Any) -> int:
    return int(torch.Size(shape).numel())


def _factors(random: Random) -> list[tuple[int, ...]]:
    n, k, m = (random.randint(1, 4) for _ in range(3))
    a, b = [n, k], [k if random.random() < 0.85 else k + 1, m]
    batch = [random.choice([1, 2, 3]) for _ in range(random.randint(0, 2))]
    first = [*(s if random.random() < 0.8 else 1 for s in batch), *a]
    second = [*(s if random.random() < 0.8 else random.choice([1, 2, 3]) for s in batch), *b]
    cut = random.randint(0, 4) if random.random() < 0.3 else 0
    pair = [tuple(first[cut:]), tuple(second)] if random.random() < 0.5 else [tuple(first), tuple(second[cut:])]
    return [x[:1] if len(x) == 2 and random.random() < 0.2 else x for x in pair]


def test_matrix_products_accept_what_torch_accepts() -> None:
    random, tally = Random(6), Tally("MatMul")
    for _ in range(800):
        xs = _factors(random)
        ours = tally.compare({}, xs, torch.matmul)
        if ours is not None and not any(1 in x for x in xs):
            assert symbols_agree("MatMul", {}, xs)
    tally.done()


def test_vectors_cost_as_matrices_of_one_row_or_column() -> None:
    """torch's counter takes a product with a vector for nothing."""
    assert made("MatMul", {}, (3, 5), (5,)).macs(((3, 5), (5,)), ((3,),)) == 15
    assert made("MatMul", {}, (5,), (5,)).macs(((5,), (5,)), ((),)) == 5


LABELS = "ijkB"


def _equation(random: Random) -> tuple[str, list[tuple[int, ...]]]:
    """An equation that is mostly sound, with shapes that mostly fit."""
    sizes = {label: random.randint(1, 4) for label in LABELS}
    terms, xs = [], []
    dots = [random.randint(1, 3) for _ in range(2)]
    for _ in range(random.choice([1, 2, 2, 2, 3])):
        labels = [random.choice(LABELS) for _ in range(random.randint(0, 3))]
        if random.random() < 0.7:
            labels = list(dict.fromkeys(labels))
        x = [sizes[label] if random.random() < 0.93 else random.choice([1, 5]) for label in labels]
        if random.random() < 0.3:
            at, own = random.randint(0, len(labels)), dots[random.randint(0, 2) :]
            labels.insert(at, "...")
            x[at:at] = own
        terms.append("".join(labels))
        xs.append(tuple(x if random.random() < 0.95 else [*x, 2]))
    equation = random.choice([",", " , "]).join(terms)
    if random.random() < 0.7:
        present = [label for label in LABELS if any(label in term for term in terms) and random.random() < 0.6]
        random.shuffle(present)
        equation += "->" + "".join(present) + ("..." if random.random() < 0.3 else "")
    if random.random() < 0.1:
        at = random.randint(0, len(equation))
        equation = equation[:at] + random.choice("z.1->, \t") + equation[at:]
    return equation, xs


def test_einstein_sums_accept_what_torch_accepts() -> None:
    random, tally = Random(7), Tally("Einsum")
    for _ in range(2000):
        equation, xs = _equation(random)
        tally.compare({"equation": equation}, xs, lambda *ts, e=equation: torch.einsum(e, *ts))
    tally.done(200)


def test_einstein_sums_cost_what_torchs_counter_counts() -> None:
    random, counted = Random(8), 0
    for _ in range(600):
        equation, xs = _equation(random)
        shape = accepted("Einsum", {"equation": equation}, *xs)
        if shape is None:
            continue
        with FlopCounterMode(display=False) as counter:
            torch.einsum(equation, *(torch.empty(x, device="meta") for x in xs))
        macs: Any = made("Einsum", {"equation": equation}, *xs).macs(xs, shape)
        assert counter.get_total_flops() == 2 * macs, (equation, xs)
        counted += counter.get_total_flops() > 0
    assert counted > 30


def test_einstein_sums_over_symbols_agree_with_numbers() -> None:
    random, agreed = Random(9), 0
    for _ in range(300):
        equation, xs = _equation(random)
        if accepted("Einsum", {"equation": equation}, *xs) is not None:
            agreed += symbols_agree("Einsum", {"equation": equation}, xs)
    assert agreed > 60


def _read(equation: str) -> None:
    terms, output = parse(equation)
    spelled(terms, output, [len(term) for term in terms])


@pytest.mark.parametrize("equation", ["ij;jk", "i1->i", "ij->ij->", "i.j->ij", "ij- >ji", "...i...->i", "ij\t->i"])
def test_equations_that_torch_cannot_read_are_refused_with_a_reason(equation: str) -> None:
    with pytest.raises(EquationError):
        _read(equation)
    assert torch_shapes(lambda *ts: torch.einsum(equation, *ts), (2, 2), (2, 2)) is None
