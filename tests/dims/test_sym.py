"""The normal form of sizes against plain integers, sympy and the closed forms of known networks."""

from __future__ import annotations

import copy
import gc
import math
import pickle

import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shapecalc.dims import sym
from shapecalc.dims.decide import evaluate
from shapecalc.dims.sym import Sym, UnknownSize, bind, least, most, names, scaled, symbol

from .oracle import H, Program, W, conv, programs, read


def same(a: object, b: object) -> bool:
    """One object, or one number: only symbols are interned."""
    return a is b or (isinstance(a, int) and a == b)


N, T = symbol("N"), symbol("T")
sizes = st.fixed_dictionaries({"H": st.integers(1, 500), "W": st.integers(1, 500)})


@settings(max_examples=400)
@given(programs("H", "W"), sizes)
def test_symbols_bound_afterwards_agree_with_integers(program: Program, values: dict[str, int]) -> None:
    expected, x = program(values), program({"H": H, "W": W})
    assert bind(x, values) == evaluate(x, values) == expected
    assert bind(bind(x, {"H": values["H"]}), {"W": values["W"]}) == expected


@settings(max_examples=300)
@given(programs("H", "W"), sizes)
def test_printed_sizes_read_as_python_give_the_same_number(program: Program, values: dict[str, int]) -> None:
    assert read(str(program({"H": H, "W": W})), values) == program(values)


@settings(max_examples=60, deadline=None)
@given(programs("H", "W"), sizes)
def test_sympy_reads_printed_sizes_as_the_same_number(program: Program, values: dict[str, int]) -> None:
    x = sympy.sympify(str(program({"H": H, "W": W})))
    assert x.subs({sympy.Symbol(name): n for name, n in values.items()}) == program(values)


@settings(max_examples=300)
@given(programs("H"), programs("H", "W"), sizes)
def test_substituted_symbols_are_the_composed_function(inner: Program, outer: Program, values: dict[str, int]) -> None:
    x = bind(outer({"H": H, "W": W}), {"H": inner({"H": W})})
    assert bind(x, values) == outer({"H": inner({"H": values["W"]}), "W": values["W"]})


@given(st.integers(1, 9), st.integers(0, 9), st.integers(-30, 30), st.integers(1, 9), st.integers(1, 9))
def test_nested_floors_merge_to_one_object(u: int, v: int, c: int, a: int, b: int) -> None:
    x = u * H + v * W + c
    assert (x // a + c) // b is (x + a * c) // (a * b)
    assert ((x // a + u * W) // b - c) // 2 is (x + a * u * W - 2 * a * b * c + a * b * c) // (2 * a * b)


@given(programs("H", "W"), st.integers(1, 12), st.integers(-9, 9))
def test_whole_multiples_leave_a_floor(program: Program, s: int, c: int) -> None:
    x = program({"H": H, "W": W})
    assert same((x + s * c) // s, x // s + c)
    assert same((c * s * H + x) // s, x // s + c * H)


@given(programs("H", "W"), st.integers(1, 12), st.integers(1, 12))
def test_common_factors_cancel(program: Program, s: int, g: int) -> None:
    x = program({"H": H, "W": W})
    assert same((g * x) // (g * s), x // s)


@given(programs("H", "W"), programs("H", "W"), programs("H", "W"))
def test_ring_laws_hold_as_identity(p: Program, q: Program, r: Program) -> None:
    a, b, c = (program({"H": H, "W": W}) for program in (p, q, r))
    for one, two in [(a + b, b + a), (a * b, b * a), (a * (b + c), a * b + a * c), (a - b, -(b - a))]:
        assert same(one, two)


@given(programs("H", "W"), st.integers(1, 6), sizes)
def test_a_product_divided_by_its_factor_is_the_other(program: Program, count: int, values: dict[str, int]) -> None:
    x = program({"H": H, "W": W})
    assert same((count * N * x) // (N * count), x)
    x = x * x + 1
    assert same((x * (H + W // 3)) // (H + W // 3), x)


@given(programs("H", "W"), st.integers(1, 30), st.integers(0, 30), sizes)
def test_quotients_by_sizes_agree_with_integers(program: Program, k: int, c: int, values: dict[str, int]) -> None:
    x = program({"H": H, "W": W})
    for bottom in (k * H, H + c, k * H * W, H * (W + c)):
        expected = evaluate(x, values) // evaluate(bottom, values)
        assert evaluate(x // bottom, values) == bind(x // bottom, values) == expected
        assert read(str(x // bottom), values) == expected
        assert evaluate(x % bottom, values) == evaluate(x, values) % evaluate(bottom, values)
        assert evaluate(k // bottom, values) == k // evaluate(bottom, values)


def test_reshape_quotients_are_exact() -> None:
    h, w = (H + 31) // 32, W // 16
    assert (768 * N * h * w) // (N * 768) is h * w
    assert (6 * N * T) // (4 * N) is (3 * T) // 2
    assert math.prod((N, 256, h - 1, w)) // (N * (h - 1)) is 256 * w


@given(programs("H", "W"), programs("H", "W"), sizes)
def test_least_and_most_agree_with_integers(p: Program, q: Program, values: dict[str, int]) -> None:
    a, b = p({"H": H, "W": W}), q({"H": H, "W": W})
    assert evaluate(least(a, b), values) == min(p(values), q(values))
    assert bind(most(a, b), values) == max(p(values), q(values))
    assert read(str(least(a, b)), values) == min(p(values), q(values))
    assert same(least(a, b), least(b, a))


def test_least_is_decided_where_one_is_always_smaller() -> None:
    assert least(H, H + 2) is H
    assert least(0, H // 2) == 0
    assert most(H + W, W) is H + W
    assert str(least(7, H)) == "min(H, 7)"


def test_least_and_most_work_on_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    a, b = numpy.array([1, 5, -3]), numpy.array([4, 2, -8])
    assert least(a, b).tolist() == [1, 2, -8]
    assert most(a, 3).tolist() == [3, 5, 3]
    assert scaled(numpy.array([90, 91]), 0.7).tolist() == [int(90 * 0.7), int(91 * 0.7)]


@given(st.integers(1, 10_000), st.sampled_from([0.5, 0.7, 1.5, 2, 2.0, 1 / 3, 0.984375, 3.3]))
@example(90, 0.7)
def test_scaled_sizes_are_torchs_truncated_float_product(n: int, factor: float) -> None:
    expected = int(float(n) * factor)
    assert scaled(n, factor) == evaluate(scaled(H, factor), {"H": n}) == expected
    assert bind(scaled(H, factor), {"H": n}) == read(str(scaled(H, factor)), {"H": n}) == expected


def test_scales_by_powers_of_two_are_ordinary_arithmetic() -> None:
    assert scaled(H, 2.0) is 2 * H
    assert scaled(H, 0.5) is H // 2
    assert scaled(scaled(H, 0.5), 0.25) is H // 8


@pytest.mark.parametrize(
    "use", [bool, int, float, range, lambda x: x < 3, lambda x: x >= H, lambda x: x <= W, round, [0].__mul__]
)
def test_a_symbol_refuses_to_be_a_number(use: object) -> None:
    with pytest.raises(UnknownSize, match=r"H \+ 1"):
        use(H + 1)  # type: ignore[operator]


def test_evaluating_without_a_number_says_which() -> None:
    with pytest.raises(UnknownSize, match="W"):
        evaluate(H + W, {"H": 3})


def test_equal_forms_are_one_object_also_after_copying() -> None:
    x = 16 * ((H + 4) // 16) - 188 + least(H, 7) + scaled(W, 0.7) + W // H
    assert pickle.loads(pickle.dumps(x)) is copy.deepcopy(x) is copy.copy(x) is x
    assert {(x, 3): "found"}[x + 0, 3] == "found"


def test_names_are_those_that_matter() -> None:
    assert names(3) == names(H - H) == frozenset()
    assert names((H + W) // 2 - W // 2) == {"H", "W"}
    assert names(least(H, scaled(W, 0.7))) == {"H", "W"}


def test_sums_and_products_mix_numbers_and_symbols() -> None:
    assert sum([1, H, 2, W]) is H + W + 3
    assert math.prod([2, H, W, 3]) is 6 * H * W
    assert str(sum([1, H, -H])) == "1"


def test_names_must_print_as_python() -> None:
    with pytest.raises(ValueError, match="named like a variable"):
        symbol("H W")


def test_unused_sizes_leave_the_table() -> None:
    before = len(sym._TABLE)
    for n in range(20_000):
        (H + n) // (n + 2)
    gc.collect()
    assert len(sym._TABLE) - before < 3 * 4096 + 1024 + 1000


@pytest.mark.parametrize(
    ("size", "text"),
    [
        ((H + 31) // 32, "(H + 31)//32"),
        ((H - 31) // 32, "(H + 1)//32 - 1"),
        (16 * (H // 16), "16*(H//16)"),
        (16 * ((H + 4) // 16) - 188, "16*((H + 4)//16) - 188"),
        (3 + 2 * W * H, "2*H*W + 3"),
        (7 - H, "7 - H"),
        (-(H // 2), "-(H//2)"),
        (H % 16, "H - 16*(H//16)"),
        (H * H, "H**2"),
        (3 * H // 4, "3*H//4"),
        (64 * N * ((H + 1) // 2), "64*N*((H + 1)//2)"),
        (N * (H + W), "N*(H + W)"),
        (scaled(H, 0.7), "int(H*0.7)"),
        (scaled(H + 1, 0.7), "int((H + 1)*0.7)"),
        (
            256 * ((H - 31) // 32) * ((W - 31) // 32) - 9216,
            "256*((H + 1)//32 - 1)*((W + 1)//32 - 1) - 9216",
        ),
    ],
)
def test_a_size_prints_as_a_person_would_write_it(size: Sym, text: str) -> None:
    assert str(size) == f"{size}" == repr(size) == text


def unet(n: object, p: int) -> object:
    """U-Net by Ronneberger et al. 2015 over one axis; p 0 crops, p 1 pads."""
    n = conv(conv(n, 3, p=p), 3, p=p)
    for _ in range(4):
        n = conv(conv(conv(n, 2, 2), 3, p=p), 3, p=p)
    for _ in range(4):
        n = conv(conv((n - 1) * 2 + 2, 3, p=p), 3, p=p)  # type: ignore[operator]
    return n


def chain(*layers: tuple[int, ...]) -> object:
    n: object = H
    for layer in layers:
        n = conv(n, *layer)
    return n


ALEXNET = [(11, 4, 2), (3, 2), (5, 1, 2), (3, 2), *[(3, 1, 1)] * 3, (3, 2)]
RESNET = [(7, 2, 3), (3, 2, 1), (3, 2, 1), (3, 2, 1), (3, 2, 1)]
INCEPTION3 = [(3, 2), (3,), (3, 1, 1), (3, 2), (1,), (3,), (3, 2), (3, 2), (3, 2)]


def test_known_networks_have_their_closed_forms() -> None:
    assert str(chain(*ALEXNET)) == "(H + 1)//32 - 1"
    assert str(chain(*RESNET)) == "(H + 31)//32"
    assert str(chain(*INCEPTION3)) == "(H + 21)//32 - 2"
    assert unet(H, 1) is 16 * (H // 16)
    assert unet(H, 0) is 16 * ((H + 4) // 16) - 188
    assert unet(572, 0) == 388
    squeeze = conv(H, 7, 2)
    for _ in range(3):
        squeeze = (squeeze - 1 + least(0, 2 - 3 + 0)) // 2 + 1
    assert str(squeeze) == "(H + 11)//16 - 1"
