"""Formulas come from the operators' rules: read again by other means, they give the rules' numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shapecalc.explain.steps import Working
from shapecalc.explain.trace import Trace
from shapecalc.ops.kinds import Unfit
from shapecalc.ops.registry import MODULES, find
from tests.ops.oracle import broken, made

from .arithmetic import from_latex, value

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTOLD = {("AdaptiveLogSoftmaxWithLoss", "macs")}
"""What has no formula in any sample: its multiply-accumulates depend on the targets."""


def samples(name: str) -> Iterator[Trace]:
    for arguments, xs in find(name).samples():
        yield Trace(made(name, arguments, *xs), xs)


def workings(trace: Trace) -> Iterator[tuple[Any, Working]]:
    """Every working of an operator, with the number that its rule gives."""
    op, xs = trace.plain_op, trace.plain_xs
    ys = op.shape(*xs)
    for n, y in enumerate(ys):
        yield from zip(y, trace.sizes(n), strict=True)
    for working, shape in trace.tensors().values():
        yield product(shape), working
    yield sum(map(product, op.weights().values())), trace.params()
    yield op.macs(xs, ys), trace.macs()


def product(sizes: Any) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


def letters(working: Working) -> dict[str, Any]:
    return {name.text: name.value for name in working.letters}


@pytest.mark.parametrize("name", MODULES)
def test_a_formula_comes_to_the_number_of_the_rule(name: str) -> None:
    for trace in samples(name):
        for number, working in workings(trace):
            assert working.answer == number
            if working.formula:
                assert value(working.formula, letters(working)) == number, working.formula
                assert value(working.substitution) == number, working.substitution


@pytest.mark.parametrize("name", MODULES)
def test_every_step_comes_to_the_answer_and_the_last_is_it(name: str) -> None:
    for trace in samples(name):
        for number, working in workings(trace):
            texts = [working.substitution, *(s.text for s in working.steps)]
            if working.formula:
                assert [value(text) for text in texts] == [number] * len(texts)
                assert texts[-1] == str(number)
                assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", MODULES)
def test_roundings_are_the_divisions_that_leave_a_rest(name: str) -> None:
    for trace in samples(name):
        for _, working in workings(trace):
            assert all(top % bottom for top, bottom in working.roundings)


@pytest.mark.parametrize("name", MODULES)
def test_latex_says_what_the_text_says(name: str) -> None:
    for trace in samples(name):
        for number, working in workings(trace):
            if working.formula:
                assert value(from_latex(working.formula_latex), letters(working)) == number, working.formula_latex
                assert value(from_latex(working.substitution_latex)) == number


def test_operators_without_a_formula_for_a_figure_are_few_and_known() -> None:
    """Sizes, parameters and MACs of all others have one in every sample."""
    without = {
        (name, working.quantity)
        for name in MODULES
        for trace in samples(name)
        for _, working in workings(trace)
        if not working.formula
    }
    assert without == UNTOLD


FULL = {
    "Conv2d": ("(i + 2*p - d*(k - 1) - 1)//s + 1", "N*C_out*o_h*o_w*k_h*k_w*(C_in//g)"),
    "ConvTranspose2d": ("(i - 1)*s - 2*p + d*(k - 1) + p_out + 1", "N*C_in*i_h*i_w*k_h*k_w*(C_out//g)"),
    "PixelShuffle": ("i*r", "0"),
    "Linear": ("F_out", "N*F_out*F_in"),
}


@pytest.mark.parametrize("name", FULL)
def test_formulas_read_as_text_books_have_them(name: str) -> None:
    sizes = {w.formula for trace in samples(name) for w in trace.sizes()}
    macs = {trace.macs().formula for trace in samples(name)}
    assert FULL[name][0] in sizes
    assert FULL[name][1] in macs


# the same formula for other numbers


def other(trace: Trace, axis: int, size: int) -> tuple[Any, Any] | None:
    """The operator on an input of another size on one axis, where it takes that."""
    op, (x, *rest) = trace.plain_op, trace.plain_xs
    xs = ((*x[:axis], size, *x[axis + 1 :]), *rest)
    try:
        found = made(type(op).__name__, {}, *xs) if not op.given else type(op)(op.given, *xs)
    except (Unfit, ValueError, ZeroDivisionError):
        return None
    return None if broken(found, xs) else (found, xs)


SLIDING = [name for name in MODULES if name.startswith(("Conv", "MaxPool", "AvgPool", "LPPool", "Upsample", "Pixel"))]


@pytest.mark.parametrize("name", [*SLIDING, "Linear", "Flatten", "Unfold", "Embedding", "LSTM", "GLU"])
def test_a_formula_holds_for_other_input_sizes_too(name: str) -> None:
    """A number that slipped into a formula as it was, and should have been a letter, would stay where it is."""
    compared = 0
    for trace in samples(name):
        x = trace.plain_xs[0]
        for axis in range(1, len(x)):
            for size in (x[axis] + 1, 2 * x[axis], x[axis] + 7):
                found = other(trace, axis, size)
                if found is not None:
                    compared += _compare(trace, axis, size, *found)
    assert compared


def _compare(trace: Trace, axis: int, size: int, op: Any, xs: Any) -> int:
    meaning = f"input {axis}"
    count = 0
    for y, working in zip(op.shape(*xs)[0], trace.sizes(), strict=True):
        moved = {n.text: size if n.meaning == meaning else n.value for n in working.letters}
        # an input size that goes by an argument's letter changes with it
        if all(n.meaning != meaning or n.value == trace.plain_xs[0][axis] for n in working.letters):
            named = {n.meaning for n in working.letters}
            if meaning in named:
                assert value(working.formula, moved) == y, (working.formula, moved)
                count += 1
    return count
